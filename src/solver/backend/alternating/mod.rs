//! Block-coordinate descent: one kind of variable at a time.

mod bands;
mod powers;

use serde::{Deserialize, Serialize};

use super::{Backend, GivenRadio, Segments, SegmentsFor, WholeSlot};
use crate::ground::route::DeviceId;
use crate::problem::program::{ClusterProgram, PlanProgram};
use crate::problem::{
    Cluster, ClusterDecision, Decision, Evaluation, ShadowPrices, SlotProblem, SlotSpec, Work, evaluate,
};
use crate::solver::cluster::Domain;
use crate::solver::hop::phase::{falling_root, falling_root_between};
use crate::solver::{Proposal, Settings, SettingsError, Solution, SolveError, check, domains, solve};

/// Segments, plan, bandwidths and powers in turn, each solved to its own optimum while the others stand still.
///
/// This is how algorithms of this literature are built, and our reading of what CollaPipe (arXiv 2509.19855) calls
/// DSSDA in its abstract and DSSRA in its body; it is a reading of the names and of the structure that is public, not
/// the authors' algorithm. It is here for comparison: what deciding everything together is worth.
///
/// * **Start**: equal sizes on all devices (as memory allows; where not all can take part, the segments block's choice), equal
///   shares of the band for all hops, full power, and the plan that is then best.
/// * **Blocks**: (a) sizes and active devices for the radio as it is, a linear problem in integers that `segments` solves; links
///   that have never been used keep the start's radio; (b) the plan; (c) bandwidths for the powers as they are, convex;
///   (d) powers for the bandwidths as they are, convex. In a network both are solved for all clusters together.
/// * **End**: an iteration over all blocks improves by less than `tolerance`, or `iterations` is reached.
///
/// A step is taken only if it lowers the objective, so that every iterate is feasible and no worse than the one before.
/// It gets stuck where no block alone can improve: a power below its limit makes more bandwidth useless to the pace and
/// the other way round, and sizes are balanced against hops that were tuned to the old sizes.
///
/// The lower bound is not its own but that of [`solve`], which runs first: the gap is what is lost.
///
/// ```
/// # #[cfg(feature = "milp")] {
/// use collapipe::instances::InstanceSize;
/// use collapipe::solver::backend::{Alternating, Backend, Milp, WholeSlot};
/// let problem = InstanceSize { devices: 4, blocks: 12, ..InstanceSize::default() }.sample(1)?;
/// let found = Alternating::<Milp>::default().solve(&problem, &WholeSlot)?;
/// let found = found.certified().ok_or("infeasible")?;
/// assert!(found.gap >= 0.0);
/// println!("{:.2} % above the bound", 100.0 * found.gap);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, bound(deserialize = "S: Deserialize<'de> + Default"))]
pub struct Alternating<S> {
    /// Solves block (a).
    pub segments: S,
    /// Relative improvement of an iteration below which it stops; in [0, 1], default 1e-6.
    pub tolerance: f64,
    /// Most iterations; at least 1, default 200.
    pub iterations: u32,
    /// For the exact solver's bound.
    pub bound: Settings,
}

impl<S: Default> Default for Alternating<S> {
    fn default() -> Self {
        Self { segments: S::default(), tolerance: 1e-6, iterations: 200, bound: Settings::default() }
    }
}

impl<S> Alternating<S> {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.bound.validate()?;
        SettingsError::unless_within("tolerance", self.tolerance, 0.0..=1.0, "in [0, 1]")?;
        SettingsError::unless_positive("iterations", self.iterations)
    }
}

impl<S: Backend<SegmentsFor>> Backend<WholeSlot> for Alternating<S> {
    fn name(&self) -> &'static str {
        "alternating"
    }

    fn solve(&self, problem: &SlotProblem, _: &WholeSlot) -> Result<Solution, SolveError> {
        self.validate()?;
        // The steps know the classical problem alone; what is infeasible is the exact solver's to say.
        check(problem)?;
        let exact = solve(problem, &self.bound)?;
        let Ok(certified) = &exact.outcome else { return Ok(exact) };
        let mut iterate = Iterate::start(problem, &self.segments)?;
        let mut work = Work::default();
        for _ in 0..self.iterations {
            work.rounds += 1;
            let before = iterate.costs();
            iterate.choose_segments(&self.segments)?;
            iterate.choose_plan();
            iterate.share_bands();
            iterate.set_powers();
            if before - iterate.costs() <= self.tolerance * before.abs() {
                break;
            }
        }
        let Iterate { decision, prices, .. } = iterate;
        let proposal = Proposal { decision, lower_bound: certified.lower_bound, shadow_prices: prices };
        Solution::certified_by(problem, proposal, self.bound.gap, work)
    }
}

/// Least price of a cluster's latency, relative to that of the round: 0 has no logarithm.
const LEAST_SHARE: f64 = 1e-9;

/// Relative accuracy of deadlines and prices.
const CLOSE: f64 = 1e-8;

/// A share of what there is; 1 where it is that as closely as is asked for.
fn within(share: f64) -> f64 {
    if (1.0 - CLOSE..=1.0).contains(&share) { 1.0 } else { share }
}

/// A price and the latency at it.
type Known = (f64, f64);

/// The highest known price at which a deadline is missed by more than rounding, if there is one, and the lowest above it at which it is met;
/// the first of those known meets it.
fn bracket(known: &[Known], deadline: f64) -> (Option<Known>, Known) {
    let missed = known.iter().copied().filter(|(_, latency)| within(latency / deadline) > 1.0);
    let missed = missed.reduce(|one, other| if other.0 > one.0 { other } else { one });
    let above = |price: f64| missed.is_none_or(|(low, _)| price > low);
    let met = known.iter().copied().filter(|&(price, latency)| latency <= deadline && above(price));
    (missed, met.reduce(|one, other| if other.0 < one.0 { other } else { one }).unwrap_or(known[0]))
}

/// A feasible decision and what it costs.
struct Iterate<'a> {
    problem: &'a SlotProblem,
    /// Every cluster as a problem of its own.
    alone: Vec<SlotProblem>,
    decision: Decision,
    evaluation: Evaluation,
    /// Radio of every link, those that the decision does not use as they were last.
    radio: Vec<GivenRadio>,
    /// What more band would be worth with the powers as they are, from block (c).
    prices: ShadowPrices,
}

impl<'a> Iterate<'a> {
    fn start(problem: &'a SlotProblem, segments: &impl Backend<SegmentsFor>) -> Result<Self, SolveError> {
        let question = SegmentsFor::equal_shares(problem);
        let domains = domains(problem).map_err(|_| SolveError::Numerical)?;
        let equal: Option<Vec<Segments>> =
            (domains.iter()).map(|domain| equal(domain, problem.encoder.blocks())).collect();
        let equal = equal.map(|equal| question.choose(problem, 0, &equal));
        let works = |decision: &Decision| {
            evaluate(problem, decision)
                .is_ok_and(|found| found.objective.is_finite() && found.feasibility.is_feasible(1e-9))
        };
        let decision = match equal.filter(works) {
            Some(decision) => decision,
            None => segments.solve(problem, &question)?.outcome.map_err(|_| SolveError::Numerical)?.decision,
        };
        let evaluation = evaluate(problem, &decision).map_err(|_| SolveError::Numerical)?;
        let clusters = problem.clusters.len();
        let prices = ShadowPrices {
            forward_band_per_hz: vec![0.0; clusters],
            backward_band_per_hz: vec![0.0; clusters],
            uplink_per_hz: 0.0,
            latency_share: vec![0.0; clusters],
            ..ShadowPrices::default()
        };
        let alone = |cluster: &Cluster| {
            SlotProblem::new(SlotSpec { clusters: vec![cluster.clone()], ..problem.clone().into_spec() })
        };
        let alone: Result<_, _> = problem.clusters.iter().map(alone).collect();
        let alone = alone.map_err(|_| SolveError::Numerical)?;
        let mut start = Self { problem, alone, decision, evaluation, radio: question.clusters, prices };
        start.choose_plan();
        Ok(start)
    }

    /// A cluster under the decision's plan.
    fn program(&self, n: usize) -> PlanProgram<'a> {
        let problem = self.problem;
        ClusterProgram::new(problem, &problem.clusters[n]).under(&problem.plans[self.decision.plan])
    }

    fn costs(&self) -> f64 {
        self.evaluation.objective
    }

    /// Takes a decision that is feasible and costs less.
    fn offer(&mut self, decision: Decision) {
        let Ok(evaluation) = evaluate(self.problem, &decision) else { return };
        if evaluation.objective < self.costs() && evaluation.feasibility.is_feasible(1e-9) {
            for (radio, (cluster, chosen)) in
                self.radio.iter_mut().zip(self.problem.clusters.iter().zip(&decision.clusters))
            {
                radio.take_over(cluster, chosen);
            }
            (self.decision, self.evaluation) = (decision, evaluation);
        }
    }

    /// Block (a).
    fn choose_segments(&mut self, segments: &impl Backend<SegmentsFor>) -> Result<(), SolveError> {
        let question = SegmentsFor { plan: Some(self.decision.plan), clusters: self.radio.clone() };
        if let Ok(found) = segments.solve(self.problem, &question)?.outcome {
            self.offer(found.decision);
        }
        Ok(())
    }

    /// Block (b).
    fn choose_plan(&mut self) {
        for plan in 0..self.problem.plans.len() {
            self.offer(Decision { plan, ..self.decision.clone() });
        }
    }

    /// Block (c).
    fn share_bands(&mut self) {
        let (decision, prices) = bands::share(self);
        self.prices = prices;
        self.offer(decision);
    }

    /// Block (d).
    fn set_powers(&mut self) {
        let balanced = self.balance(|iterate, n, price| powers::set(iterate, n, price));
        self.offer(self.with_clusters(balanced.choices));
    }

    /// A cluster's latency if it did something else [s].
    fn latency(&self, n: usize, choice: &ClusterDecision) -> f64 {
        let decision = Decision { plan: self.decision.plan, clusters: vec![choice.clone()] };
        evaluate(&self.alone[n], &decision).map_or(f64::INFINITY, |evaluation| evaluation.round_latency.0)
    }

    /// Minimizes V·max T_n + Σ (the clusters' energy costs) over one block, given by what each cluster does at a price
    /// of its latency: convex, so that prices with sum V exist at which all clusters with a price above the least
    /// finish together.
    fn balance(&self, block: impl Fn(&Self, usize, f64) -> ClusterDecision) -> BalancedBlocks {
        let (whole, clusters) = (self.problem.latency_weight, self.problem.clusters.len());
        let fastest: Vec<ClusterDecision> = (0..clusters).map(|n| block(self, n, whole)).collect();
        if clusters == 1 {
            return BalancedBlocks { weights: vec![whole], choices: fastest };
        }
        let latencies: Vec<f64> = fastest.iter().enumerate().map(|(n, choice)| self.latency(n, choice)).collect();
        // A cluster's latency falls with its price. What is known of it from one deadline says where to look for the next.
        let mut known: Vec<Vec<Known>> = latencies.iter().map(|&latency| vec![(whole, latency)]).collect();
        // The least price at which a cluster meets the deadline.
        let mut least = |n: usize, deadline: f64| {
            if latencies[n] >= deadline {
                return whole;
            }
            let known = &mut known[n];
            let (missed, (mut high, latency)) = bracket(known, deadline);
            let mut at_high = within(latency / deadline);
            let mut late = |price: f64| {
                let latency = self.latency(n, &block(self, n, price));
                known.push((price, latency));
                within(latency / deadline)
            };
            if let Some((low, latency)) = missed {
                return falling_root_between((low, latency / deadline), (high, at_high), late);
            }
            while high > LEAST_SHARE * whole {
                let low = 0.1 * high;
                let at_low = late(low);
                if at_low > 1.0 {
                    return falling_root_between((low, at_low), (high, at_high), late);
                }
                (high, at_high) = (low, at_low);
            }
            high
        };
        // What is found at one of the deadlines is what the search for it has seen there.
        let mut tried: Vec<(f64, Vec<f64>)> = Vec::new();
        let mut spent = |deadline: f64| {
            let weights: Vec<f64> = (0..clusters).map(|n| least(n, deadline)).collect();
            let spent = weights.iter().sum::<f64>() / whole;
            tried.push((deadline, weights));
            within(spent)
        };
        let low = latencies.iter().fold(0.0, |slowest: f64, &latency| slowest.max(latency));
        let mut high = self.evaluation.round_latency.0.max(low * (1.0 + CLOSE));
        let mut at_high = spent(high);
        while at_high > 1.0 && high < 1e6 * low {
            high *= 1.5;
            at_high = spent(high);
        }
        let deadline = falling_root(low, (high, at_high), spent);
        let seen = tried.into_iter().find(|(tried, _)| *tried == deadline).map(|(_, weights)| weights);
        let weights = seen.unwrap_or_else(|| (0..clusters).map(|n| least(n, deadline)).collect());
        let choices = weights.iter().enumerate().map(|(n, &weight)| block(self, n, weight)).collect();
        BalancedBlocks { weights, choices }
    }

    fn with_clusters(&self, clusters: Vec<ClusterDecision>) -> Decision {
        Decision { plan: self.decision.plan, clusters }
    }
}

/// Prices of the clusters' latencies, and what the clusters do at them.
struct BalancedBlocks {
    weights: Vec<f64>,
    choices: Vec<ClusterDecision>,
}

/// Equal sizes on all devices, what does not fit on one moved to the first that has room; `None` where not all can take
/// part.
fn equal(domain: &Domain, blocks: u32) -> Option<Segments> {
    let devices = u32::try_from(domain.high.len()).ok().filter(|&devices| devices <= blocks)?;
    if domain.high.contains(&0) {
        return None;
    }
    let share = |k: u32| blocks / devices + u32::from(k < blocks % devices);
    let mut sizes: Vec<u32> = (0..devices).zip(&domain.high).map(|(k, &high)| share(k).min(high)).collect();
    let mut left = blocks - sizes.iter().sum::<u32>();
    for (size, &high) in sizes.iter_mut().zip(&domain.high) {
        let more = left.min(high - *size);
        *size += more;
        left -= more;
    }
    (left == 0).then(|| Segments { active: DeviceId::all(domain.high.len()).collect(), sizes })
}
