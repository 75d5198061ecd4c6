//! One phase of one cluster by itself.

use crate::problem::{FieldError, Link, Phase, SlotProblem};
use crate::solver::backend::RadioFor;
use crate::solver::cluster::{PlannedCluster, PricedCluster};
use crate::solver::hop::Sending;
use crate::solver::hop::phase::{PhaseRadio, Scratch};
use crate::solver::refusal::Infeasibility;
use crate::solver::{SolveError, check};
use crate::units::{Hertz, Seconds, Watts};

/// The hops of one phase of a local iteration, which share a cluster's band and a pace.
///
/// ```text
/// minimize  Σ_j (a_j + z_j p_j) t_j + A u   over bandwidths w, powers p, times on air t and the pace u
/// subject to  Σ_j w_j ≤ W,  p_j ≤ P_j,  u ≥ ℓ + t_j,  u ≥ every compute stage of the phase
/// ```
///
/// with the slot's prices: a_j of latency and circuit power, z_j of radiated energy, A of the pace (all local
/// iterations and micro-batches included), the round latency priced as if it were the cluster's own. The smallest
/// convex problem within the slot problem: what [`solve`](crate::solver::solve) solves a few times per slot, and what is worth
/// timing by itself. Constant latencies ℓ of the hops, compute stages and transfers are not part of the cost.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// use collapipe::problem::Phase;
/// use collapipe::solver::backend::RadioFor;
/// use collapipe::solver::{PhaseProblem, Settings, solve};
/// let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(3)?;
/// let solution = solve(&problem, &Settings::default())?;
/// let given = RadioFor::decision(&solution.certified().ok_or("infeasible")?.decision);
/// let forward = PhaseProblem::new(&problem, &given, 0, Phase::Forward)?.solve();
/// assert_eq!(forward.links.len(), 4);
/// assert!(forward.lower_bound <= forward.cost && forward.cost - forward.lower_bound <= 1e-9 * forward.cost);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PhaseProblem {
    radio: PhaseRadio,
    /// The slowest compute stage [s].
    floor: f64,
}

/// The best bandwidths and powers of a [`PhaseProblem`], with a proof.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PhaseSolution {
    /// Bandwidth and power per hop, in the order of the decision's lists: from the control unit to the edge server.
    pub links: Vec<Link>,
    /// t: time on air per hop, in the same order.
    pub times_s: Vec<Seconds>,
    /// u.
    pub pace_s: Seconds,
    /// Objective units: the minimized sum at these links.
    pub cost: f64,
    /// No bandwidths and powers cost less: the value of the Lagrangian dual at the prices found.
    pub lower_bound: f64,
    /// What one more hertz of the band would save [objective units/Hz].
    pub band_per_hz: f64,
}

impl PhaseProblem {
    /// The phase of a cluster (index from 0) for given plan, active devices and sizes.
    ///
    /// # Errors
    /// [`SolveError::Question`] where the integers do not fit the problem, a needed link has gain zero, or there is no
    /// such cluster; [`SolveError::Unsupported`] as for [`solve`](crate::solver::solve).
    pub fn new(problem: &SlotProblem, given: &RadioFor, cluster: usize, phase: Phase) -> Result<Self, SolveError> {
        check(problem)?;
        given.check(problem)?;
        let (Some(data), Some(segments)) = (problem.clusters.get(cluster), given.clusters.get(cluster)) else {
            let allowed = format!("below {}, the number of clusters", problem.clusters.len());
            return Err(FieldError::new("cluster", cluster, allowed).into());
        };
        let reasons = given.reasons(problem);
        if !reasons.is_empty() {
            let allowed = "segments that fit into memory, on a path of working links";
            return Err(FieldError::new("clusters", Infeasibility::new(problem, reasons), allowed).into());
        }
        let domain = segments.domain(data.devices.len());
        let priced = PricedCluster::new(problem, data, problem.latency_weight);
        let planned = PlannedCluster::new(&priced, &problem.plans[given.plan], &domain);
        let mut radio = PhaseRadio::default();
        planned.set_radio(&mut radio, phase, &segments.active);
        let stages = segments.each().map(|(k, size)| planned.stages[k.0].time(phase, size));
        Ok(Self { floor: stages.fold(planned.bases[phase], f64::max), radio })
    }

    /// Minimizes the phase. Deterministic.
    #[must_use]
    pub fn solve(&self) -> PhaseSolution {
        let scratch = &mut Scratch::default();
        let solved = self.radio.solve(self.floor, None, scratch);
        let sent = self.radio.sendings(&solved, scratch);
        let (pace, cost) = self.radio.spent(self.floor, &sent);
        let link = |s: &Sending| Link { bandwidth_hz: Hertz(s.band), power_w: Watts(s.power) };
        PhaseSolution {
            links: sent.iter().map(link).collect(),
            times_s: sent.iter().map(|s| Seconds(s.time)).collect(),
            pace_s: Seconds(pace),
            cost,
            // The two agree to the last digits, and either may be rounded beyond the other.
            lower_bound: solved.value.min(cost),
            band_per_hz: solved.prices.band,
        }
    }
}
