//! A lower bound of one cluster's problem from prices, without the search that found the answer.
//!
//! At any prices of band and pace the hops of a phase separate, and what they cost then is an affine minorant of the
//! phase's cost Φ over the pace of its slowest stage, by Lagrangian duality. For every plan and every choice of devices
//! what is left is Σ c d + Φ_F(v_F) + Φ_B(v_B) over the sizes: the paces are among the stage times there are, and between
//! two of them the sizes are filled by their cost. So a table of paces bounds the choice. Where the bound is not enough the
//! prices of its cheapest entry are computed, and the table is made once more. Neither branch and bound nor any result of
//! it is used.

use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::DeviceId;
use crate::problem::program::ClusterProgram;
use crate::problem::{Overlap, ShadowPrices, SlotProblem};
use crate::solver::cluster::prepared::Prepared;
use crate::solver::cluster::segments::Stage;
use crate::solver::cluster::{Domain, PlannedCluster, PricedCluster};
use crate::solver::hop::phase::Scratch;
use crate::solver::network::upload::Upload;
use crate::solver::refusal::Infeasibility;
use crate::solver::{check, domains};

/// Why a bound is not verified.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unverified {
    /// Several clusters, whose prices alone leave a gap.
    #[error("there are {0} clusters, and prices alone bound one cluster only")]
    Clusters(usize),
    /// A problem beyond the classical one.
    #[error("the problem is beyond equal blocks in fill-drain order whose sending overlaps")]
    Beyond,
    /// More choices of devices, or of paces, than are gone through.
    #[error("{what} are too many to go through: at most {most}")]
    TooMany {
        /// What there are too many of.
        what: String,
        /// How many are gone through.
        most: u64,
    },
    /// Nothing to bound.
    #[error("the problem has no decision: {0}")]
    Infeasible(Infeasibility),
}

/// Most choices of devices, over all plans.
const MOST_CHOICES: u64 = 20_000;

/// Most entries of the tables of paces times devices, over all plans, choices and prices.
const MOST_WORK: u64 = 500_000_000;

/// Most prices that are computed for a choice of devices.
const MOST_PRICES: usize = 60;

/// How far below what is to be reached a bound may stay, relative: the rounding of either.
const ROUNDING: f64 = 1e-9;

/// No decision of a problem with one cluster costs less than this, as far as prices prove it: at least `claimed` where that
/// is true, if it can be proved.
///
/// `prices` are those of an answer; wrong ones make the way longer and no bound wrong. Every plan and every choice of
/// devices is gone through, so that this is for the classical problem with participation `all`, and with `select` for
/// about a dozen devices. Deterministic.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// use collapipe::solver::{Settings, bound_from_prices, solve};
/// let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(3)?;
/// let solution = solve(&problem, &Settings::default())?;
/// let best = solution.certified().ok_or("infeasible")?;
/// let bound = bound_from_prices(&problem, &best.shadow_prices, best.lower_bound)?;
/// assert!(bound >= best.lower_bound * (1.0 - 1e-6) && bound <= best.objective() * (1.0 + 1e-9));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Unverified`] says what is in the way.
pub fn bound_from_prices(problem: &SlotProblem, prices: &ShadowPrices, claimed: f64) -> Result<f64, Unverified> {
    let [cluster] = problem.clusters.as_slice() else { return Err(Unverified::Clusters(problem.clusters.len())) };
    if !problem.is_classical() || problem.overlap != Overlap::Full {
        return Err(Unverified::Beyond);
    }
    check(problem).map_err(|_| Unverified::Beyond)?;
    let domain = match domains(problem) {
        Ok(mut domains) => domains.swap_remove(0),
        Err(reasons) => return Err(Unverified::Infeasible(Infeasibility::new(problem, reasons))),
    };
    let choices = choices(&domain, problem.plans.len())?;
    let bands = PerPhase {
        forward: prices.forward_band_per_hz.first().copied(),
        backward: prices.backward_band_per_hz.first().copied(),
    };
    let price = problem.latency_weight;
    let program = ClusterProgram::new(problem, cluster);
    let upload = Upload::new(&program).send_alone(price, problem.uplink.bandwidth_hz.0).0.cost;
    let priced = PricedCluster::new(problem, cluster, price);
    let (mut bound, mut work) = (f64::INFINITY, 0);
    for plan in &problem.plans {
        let planned = PlannedCluster::new(&priced, plan, &domain);
        let wanted = claimed - upload - planned.penalty();
        for active in &choices {
            let joined =
                program.route(active).hops().all(|(near, far)| program.joined(near, far) && program.joined(far, near));
            if joined {
                let of_choice =
                    Choice::new(&planned, active, bands).bound(wanted + ROUNDING * claimed.abs(), &mut work)?;
                bound = bound.min(of_choice + planned.penalty() + upload);
            }
        }
    }
    Ok(bound)
}

/// Every set of devices that may take part.
fn choices(domain: &Domain, plans: usize) -> Result<Vec<Vec<DeviceId>>, Unverified> {
    if let Some(all) = domain.only_active() {
        return Ok(vec![all]);
    }
    let usable: Vec<DeviceId> = domain.usable().collect();
    let sets = 1_u64.checked_shl(u32::try_from(usable.len()).unwrap_or(u32::MAX)).filter(|sets| *sets > 0);
    match sets.and_then(|sets| sets.checked_mul(plans as u64)) {
        Some(all) if all <= MOST_CHOICES => {}
        _ => {
            let what = format!("the choices among {} devices under {plans} plans", usable.len());
            return Err(Unverified::TooMany { what, most: MOST_CHOICES });
        }
    }
    let chosen =
        |set: u64| usable.iter().enumerate().filter(move |(i, _)| set >> i & 1 == 1).map(|(_, k)| *k).collect();
    Ok((1..sets.unwrap_or(1)).map(chosen).collect())
}

/// One choice of devices under one plan.
struct Choice<'a> {
    planned: &'a PlannedCluster<'a>,
    prepared: Prepared,
    /// The devices' places by the cost of a block.
    order: Vec<usize>,
    scratch: Scratch,
}

impl<'a> Choice<'a> {
    fn new(planned: &'a PlannedCluster<'a>, active: &[DeviceId], bands: PerPhase<Option<f64>>) -> Self {
        let mut prepared = Prepared::default();
        prepared.set(planned, active);
        let mut scratch = Scratch::default();
        for phase in Phase::BOTH {
            let known = &mut prepared.phases[phase];
            known.curve.add(known.radio.trivial_minorant());
            if let Some(band) = bands[phase].filter(|band| band.is_finite() && *band > 0.0) {
                let minorant = known.radio.minorant_at(band, planned.bases[phase], &mut scratch);
                if minorant.intercept.is_finite() && minorant.slope >= 0.0 {
                    known.curve.add(minorant);
                }
            }
        }
        let mut order: Vec<usize> = (0..prepared.stages.len()).collect();
        order.sort_by(|&i, &j| prepared.stages[i].cost.total_cmp(&prepared.stages[j].cost));
        Self { planned, prepared, order, scratch }
    }

    /// What every choice of sizes costs at least, penalty and upload left out: as much as is wanted, or what prices prove.
    fn bound(mut self, wanted: f64, work: &mut u64) -> Result<f64, Unverified> {
        let blocks = self.planned.at.blocks();
        let Some(cheapest) = self.cost_within(blocks, PerPhase::both(f64::INFINITY)) else { return Ok(f64::INFINITY) };
        let constant = self.planned.constant(&self.prepared.active);
        let bases = self.planned.bases;
        let at_bases = PerPhase::from_fn(|phase| self.prepared.phases[phase].curve.low(bases[phase])).sum();
        let without_paces = constant + cheapest + at_bases;
        if without_paces >= wanted {
            return Ok(without_paces);
        }
        let paces = PerPhase::from_fn(|phase| self.paces(phase));
        let entries = (paces.forward.len() * paces.backward.len() * self.order.len()) as u64;
        // Costs of the sizes do not depend on the prices.
        let mut costs = Vec::new();
        *work = work.saturating_add(entries);
        if *work > MOST_WORK {
            return Err(Unverified::TooMany { what: "the paces of the stages".into(), most: MOST_WORK });
        }
        for &forward in &paces.forward {
            for &backward in &paces.backward {
                costs.push(self.cost_within(blocks, PerPhase { forward, backward }).unwrap_or(f64::INFINITY));
            }
        }
        let mut bound = without_paces;
        for _ in 0..MOST_PRICES {
            let low = PerPhase::from_fn(|phase| {
                let curve = &self.prepared.phases[phase].curve;
                paces[phase].iter().map(|&pace| curve.low(pace)).collect::<Vec<f64>>()
            });
            let rows = costs.chunks(paces.backward.len()).zip(paces.forward.iter().zip(&low.forward));
            let entries = rows.flat_map(|(row, (&forward, low_forward))| {
                let row = row.iter().zip(paces.backward.iter().zip(&low.backward));
                row.map(move |(cost, (&backward, low))| (cost + low_forward + low, PerPhase { forward, backward }))
            });
            let Some((least, at)) = entries.min_by(|(a, _), (b, _)| a.total_cmp(b)) else { return Ok(f64::INFINITY) };
            let reached = bound.max(constant + least);
            let settled = Phase::BOTH.iter().all(|&phase| self.prepared.phases[phase].curve.known(at[phase]).is_some());
            bound = reached;
            if bound >= wanted || settled {
                break;
            }
            for phase in Phase::BOTH {
                let known = &mut self.prepared.phases[phase];
                known.curve.exact(&known.radio, at[phase], &mut self.scratch);
            }
        }
        Ok(bound)
    }

    /// The paces that a phase may have: those of the end stages and of every segment.
    fn paces(&self, phase: Phase) -> Vec<f64> {
        let base = self.planned.bases[phase];
        let times =
            |stage: &Stage| (stage.low..=stage.high).map(move |size| stage.time(phase, size)).collect::<Vec<_>>();
        let mut paces: Vec<f64> = self.prepared.stages.iter().flat_map(times).collect();
        paces.retain(|pace| *pace > base);
        paces.push(base);
        paces.sort_by(f64::total_cmp);
        paces.dedup();
        paces
    }

    /// What the blocks cost at least where no stage takes longer than its pace; `None` where they do not fit.
    fn cost_within(&self, blocks: u32, paces: PerPhase<f64>) -> Option<f64> {
        let within =
            |stage: &Stage, size: u32| Phase::BOTH.iter().all(|&phase| stage.time(phase, size) <= paces[phase]);
        let least: u32 = self.prepared.stages.iter().map(|stage| stage.low).sum();
        let mut left = blocks.checked_sub(least)?;
        let mut cost = 0.0;
        for &i in &self.order {
            let stage = &self.prepared.stages[i];
            if stage.high < stage.low || !within(stage, stage.low) {
                return None;
            }
            // Stage times grow with the size.
            let (mut fits, mut exceeds) = (stage.low, stage.high.min(stage.low.saturating_add(left)).saturating_add(1));
            while exceeds - fits > 1 {
                let middle = fits + (exceeds - fits) / 2;
                *(if within(stage, middle) { &mut fits } else { &mut exceeds }) = middle;
            }
            left -= fits - stage.low;
            cost += f64::from(fits) * stage.cost;
        }
        (left == 0).then_some(cost)
    }
}
