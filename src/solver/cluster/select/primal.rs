//! Good choices before anything is bounded, and the search around the best one.
//!
//! At given paces and prices of the bands the cheapest path is exact but for the bands: one table, whatever the number
//! of devices. Paces that so many devices just keep lead to choices from fast to slow; the prices and paces at which the
//! best of them was solved lead to the next. From there on a device is taken in, left out, or put in another's place.

use super::Subsets;
use super::relaxation::Region;
use super::tables::Count;
use crate::ground::phase::PerPhase;
use crate::ground::route::DeviceId;
use crate::solver::cluster::active::{Found, Workspace};
use crate::solver::meter::Clock;

/// Paces that are tried exceed the least that so many devices keep by this.
const ABOVE_LEAST: f64 = 1.05;

/// Times that the prices and paces of the best choice lead to the next one, at the most.
const MOST_STEPS: usize = 6;

impl Subsets<'_> {
    /// Takes good choices where they beat the threshold.
    pub(super) fn start(&mut self, work: &mut Workspace) {
        let unpaced = (self.cluster.bases, PerPhase::both(f64::INFINITY));
        self.take_cheapest(work, unpaced, self.whole.prices);
        if self.cluster.radio().pace_price > 0.0 {
            let (fewest, most) = self.counts();
            let mut devices = fewest;
            loop {
                let paces = PerPhase::from_fn(|phase| ABOVE_LEAST * self.least_pace(devices, phase));
                self.take_cheapest(work, (paces, paces), self.whole.prices);
                if devices >= most {
                    break;
                }
                devices = (2 * devices).min(most);
            }
        }
        for _ in 0..MOST_STEPS {
            let Some(prices) = self.best.as_ref().map(|best| best.phases.map(|solved| solved.prices)) else { break };
            let paces = prices.map(|prices| prices.pace);
            let paces = if paces.sum().is_finite() { (paces, paces) } else { unpaced };
            if !self.take_cheapest(work, paces, prices.map(|prices| prices.band)) {
                break;
            }
        }
        self.descend(work);
    }

    /// Solves the cheapest path with any number of devices at given paces and prices; true if it is the new best.
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
        let choice = self.relaxation.cheapest(&Region { count, low, high, prices, ..self.whole.clone() });
        self.charge(work);
        choice.is_some_and(|choice| self.try_set(work, &choice.active))
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
