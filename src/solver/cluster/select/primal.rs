//! Good choices before anything is bounded, and the search around the best one.
//!
//! At given paces and prices of the bands the cheapest path is exact but for the bands: one table, whatever the number
//! of devices. Paces that so many devices just keep lead to choices from fast to slow; the prices and paces at which the
//! best of them was solved lead to the next. From there on a device is taken in, left out, or put in another's place.

use super::relaxation::Region;
use super::tables::Count;
use super::{Limits, MOST_ROUNDS, SCAN_SHARE, Subsets};
use crate::ground::phase::PerPhase;
use crate::ground::route::DeviceId;
use crate::solver::cluster::active::{Found, Workspace};
use crate::solver::cluster::segments::Threshold;
use crate::solver::meter::Clock;

/// Paces that are tried exceed the least that so many devices keep by this.
const ABOVE_LEAST: f64 = 1.05;

/// Times that the prices and paces of the best choice lead to better ones, at the most.
const MOST_STEPS: usize = 6;

/// Paces that are tried around those of the best choice, forward and backward, in units of them.
const PACES_AROUND: [(f64, f64); 9] =
    [(1.0, 1.0), (0.85, 1.0), (1.0, 0.85), (0.85, 0.85), (1.2, 1.0), (1.0, 1.2), (1.2, 1.2), (0.7, 0.7), (1.5, 1.5)];

impl Subsets<'_> {
    /// A good choice that beats the threshold, before a search; `others` are devices that are good under another plan.
    /// Only the clock ends it, so that there are good choices of all plans at any limit of work.
    pub fn begin(&mut self, threshold: Threshold, others: Option<&[DeviceId]>, work: &mut Workspace) -> Option<Found> {
        // The way to the plan's best choice leads over ones that another plan's beats.
        self.threshold = Threshold { cutoff: f64::INFINITY, ..threshold };
        let untiring = work.buffers.meter.untiring();
        let mut limited = std::mem::replace(&mut work.buffers.meter, untiring);
        if self.roots.is_empty() {
            // No scan has been paid for: tables of any number of devices lead to prices as well.
            let any = Count { devices: 0, or_more: true };
            self.roots = vec![Region { count: any, ..self.whole.clone() }];
            self.approach(work);
            self.roots.clear();
        }
        if let Some(others) = others {
            self.try_set(work, others);
        }
        self.start(work);
        limited.absorb(&work.buffers.meter);
        work.buffers.meter = limited;
        self.started = true;
        self.best.take().filter(|found| found.value < threshold.cutoff)
    }

    /// Takes good choices where they beat the threshold.
    pub(super) fn start(&mut self, work: &mut Workspace) {
        let affordable = self.relaxation.work + self.limits.work.min(Limits::default().work) / SCAN_SHARE;
        let unpaced = (self.cluster.bases, PerPhase::both(f64::INFINITY));
        self.take_cheapest(work, unpaced, self.whole.prices);
        let is_paced = self.cluster.radio().pace_price > 0.0;
        let (mut devices, most) = self.counts();
        while is_paced && self.relaxation.work < affordable {
            let paces = PerPhase::from_fn(|phase| ABOVE_LEAST * self.least_pace(devices, phase));
            self.take_cheapest(work, (paces, paces), self.whole.prices);
            if devices >= most {
                break;
            }
            devices = (devices + devices / 4 + 1).min(most);
        }
        for _ in 0..MOST_STEPS {
            self.descend(work);
            let Some(prices) = self.best.as_ref().map(|best| best.phases.map(|solved| solved.prices)) else { break };
            let (paces, bands) = (prices.map(|prices| prices.pace), prices.map(|prices| prices.band));
            if !paces.sum().is_finite() {
                self.take_cheapest(work, unpaced, bands);
                break;
            }
            let mut improved = false;
            for (forward, backward) in PACES_AROUND {
                if self.relaxation.work < affordable {
                    let paces = PerPhase { forward: forward * paces.forward, backward: backward * paces.backward };
                    improved |= self.take_cheapest(work, (paces, paces), bands);
                }
            }
            if !improved {
                break;
            }
        }
    }

    /// Solves the cheapest path with any number of devices at given paces, at prices near the given ones that suit it;
    /// true if it is the new best.
    fn take_cheapest(
        &mut self,
        work: &mut Workspace,
        (low, high): (PerPhase<f64>, PerPhase<f64>),
        prices: PerPhase<f64>,
    ) -> bool {
        if work.buffers.meter.ended() {
            return false;
        }
        let count = Count { devices: 0, or_more: true };
        let mut region = Region { count, low, high, prices, bound: f64::NEG_INFINITY, ..self.whole.clone() };
        let path = self.relaxation.raise(&mut region, self.threshold.bar(), MOST_ROUNDS);
        self.charge(work);
        path.is_some_and(|path| self.try_set(work, &path.active))
    }

    /// A choice on the cheapest path of any number of devices, however long that takes.
    pub(super) fn any(&mut self, work: &mut Workspace) -> Option<Found> {
        self.relaxation.clock = Clock::default();
        let whole = Region { count: Count { devices: 0, or_more: true }, ..self.whole.clone() };
        let choice = self.relaxation.cheapest(&whole)?;
        let found = work.fixed(self.cluster, &choice, None);
        let even = work.even(self.cluster, &choice.active);
        let finite = [Some(found), even].into_iter().flatten().filter(|found| found.value.is_finite());
        finite.min_by(|a, b| a.value.total_cmp(&b.value))
    }

    /// Solves a path and, where it is the new best, looks around it.
    pub(super) fn consider(&mut self, work: &mut Workspace, active: &[DeviceId]) {
        if self.try_set(work, active) {
            self.descend(work);
        }
    }

    /// Local search from the best: a device in, out, or in another's place.
    fn descend(&mut self, work: &mut Workspace) {
        let usable: Vec<DeviceId> = self.domain.usable().collect();
        while let Some(set) = self.best.as_ref().map(|best| best.choice.active.clone()) {
            let mut improved = false;
            for &k in usable.iter().filter(|k| self.domain.low[k.0] == 0) {
                let mut next = set.clone();
                match next.binary_search(&k) {
                    Ok(at) => drop(next.remove(at)),
                    Err(at) => next.insert(at, k),
                }
                improved |= self.try_set(work, &next);
                if set.contains(&k) {
                    for &other in usable.iter().filter(|other| !set.contains(other)) {
                        let mut swapped = next.clone();
                        swapped.insert(swapped.binary_search(&other).unwrap_or_else(|at| at), other);
                        improved |= self.try_set(work, &swapped);
                    }
                }
            }
            if !improved {
                break;
            }
        }
    }

    fn try_set(&mut self, work: &mut Workspace, active: &[DeviceId]) -> bool {
        !work.buffers.meter.ended()
            && !active.is_empty()
            && self.solved.insert(active.to_vec())
            && self.solve(work, active)
    }
}
