//! Every discrete choice in turn.

use serde::{Deserialize, Serialize};

use super::{Backend, Exact, RadioFor, Segments, SegmentsFor, WholeSlot};
use crate::ground::route::DeviceId;
use crate::problem::{Decision, ShadowPrices, SlotProblem, Status, Work, evaluate};
use crate::solver::cluster::Domain;
use crate::solver::refusal::Reason;
use crate::solver::solution::proved_gap;
use crate::solver::{Certified, Proposal, SettingsError, Solution, SolveError, domains};

/// Tries every plan with every choice of devices and sizes of all clusters together: the reference for tiny problems.
///
/// The radio of each choice is another backend's problem (`radio`), so that the enumeration is as independent as what
/// is put inside. Its lower bound is the least of the inner ones, and what it shares with the exact search is nothing
/// but the formulas of the costs.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// use collapipe::solver::backend::{Backend, Exact, Exhaustive, WholeSlot};
/// let problem = InstanceSize { devices: 3, blocks: 5, plans: 2, ..InstanceSize::default() }.sample(4)?;
/// let tried = Exhaustive::<Exact>::default().solve(&problem, &WholeSlot)?;
/// let best = Exact::default().solve(&problem, &WholeSlot)?;
/// let (tried_best, best) = (tried.certified().ok_or("infeasible")?, best.certified().ok_or("infeasible")?);
/// assert!((tried_best.objective() - best.objective()).abs() <= 1e-6 * best.objective().abs());
/// assert_eq!(tried.enumerated, Some(12)); // 2 plans, 6 ways to cut 5 blocks into 3 segments
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, bound(deserialize = "B: Deserialize<'de> + Default"))]
pub struct Exhaustive<B = Exact> {
    /// Solves the radio problem of each choice.
    pub radio: B,
    /// Most choices to visit, over plans and all clusters; at least 1, default 20,000.
    pub choices: u64,
}

impl<B: Default> Default for Exhaustive<B> {
    fn default() -> Self {
        Self { radio: B::default(), choices: 20_000 }
    }
}

const NAME: &str = "exhaustive";

impl<B> Exhaustive<B> {
    /// Checks the ranges; those of the inner solver are its own.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        SettingsError::unless_positive("choices", self.choices)
    }

    /// How many choices a problem has, or a typed error where they are more than allowed.
    fn count(&self, domains: &[Domain], plans: usize, blocks: u32) -> Result<u64, SolveError> {
        let each = domains.iter().map(|domain| count(domain, blocks));
        let found = each.fold(plans as u64, u64::saturating_mul);
        if found > self.choices {
            return Err(SolveError::OverLimit {
                backend: NAME,
                what: "choices of plan, devices and sizes",
                found,
                field: "choices",
                limit: self.choices,
                instead: "allow more, or ask a backend that does not try them all",
            });
        }
        Ok(found)
    }
}

impl<B: Backend<RadioFor>> Backend<WholeSlot> for Exhaustive<B> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn solve(&self, problem: &SlotProblem, _: &WholeSlot) -> Result<Solution, SolveError> {
        self.validate()?;
        crate::solver::check_classical(problem)?;
        let domains = match domains(problem) {
            Ok(domains) => domains,
            Err(reasons) => return Ok(Solution::infeasible(problem, reasons)),
        };
        let visited = self.count(&domains, problem.plans.len(), problem.encoder.blocks())?;
        let mut best: Option<(f64, Certified, Status)> = None;
        let (mut lower_bound, mut spent) = (f64::INFINITY, Work::default());
        for plan in 0..problem.plans.len() {
            for clusters in Choices::new(&domains, problem.encoder.blocks()) {
                let solution = self.radio.solve(problem, &RadioFor { plan, clusters })?;
                spent.nodes += solution.work.nodes;
                spent.iterations += solution.work.iterations;
                // A choice over a link that does not work is infeasible; others may be feasible.
                let Ok(found) = solution.outcome else { continue };
                lower_bound = lower_bound.min(found.lower_bound);
                let costs = found.objective();
                if best.as_ref().is_none_or(|(least, ..)| costs < *least) {
                    best = Some((costs, found, solution.status));
                }
            }
        }
        // Some choice is feasible, or there would have been reasons.
        let (objective, mut found, status) = best.ok_or(SolveError::Numerical)?;
        found.lower_bound = lower_bound;
        found.gap = proved_gap(objective, lower_bound, found.evaluation.terms.plan_penalty);
        Ok(Solution { status, outcome: Ok(found), work: spent, enumerated: Some(visited) })
    }
}

impl<B> Backend<SegmentsFor> for Exhaustive<B> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn solve(&self, problem: &SlotProblem, question: &SegmentsFor) -> Result<Solution, SolveError> {
        self.validate()?;
        crate::solver::check_classical(problem)?;
        question.check(problem)?;
        let domains = match domains(problem) {
            Ok(domains) => domains,
            Err(reasons) => return Ok(Solution::infeasible(problem, reasons)),
        };
        let plans = question.plans(problem);
        let visited = self.count(&domains, plans.len(), problem.encoder.blocks())?;
        let mut best: Option<(f64, Decision)> = None;
        for plan in plans {
            for clusters in Choices::new(&domains, problem.encoder.blocks()) {
                let decision = question.choose(problem, plan, &clusters);
                let evaluation = evaluate(problem, &decision).map_err(|_| SolveError::Numerical)?;
                let costs = evaluation.objective;
                let feasible = costs.is_finite() && evaluation.feasibility.is_feasible(1e-9);
                if feasible && best.as_ref().is_none_or(|(least, _)| costs < *least) {
                    best = Some((costs, decision));
                }
            }
        }
        let Some((lower_bound, decision)) = best else {
            return Ok(Solution::infeasible(problem, blocked(problem, question, &domains)));
        };
        let shadow_prices = given_radio_prices(problem, &decision)?;
        let proposal = Proposal { decision, lower_bound, shadow_prices };
        let solution = Solution::certified_by(problem, proposal, 0.0, Work::default())?;
        Ok(Solution { status: Status::Optimal, enumerated: Some(visited), ..solution })
    }
}

/// The clusters of which no choice can do with the given radio.
fn blocked(problem: &SlotProblem, question: &SegmentsFor, domains: &[Domain]) -> Vec<Reason> {
    let works = |n: usize| {
        let cluster = &problem.clusters[n];
        // The same cluster alone: what is feasible does not depend on the plan or the other clusters.
        let mut spec = problem.clone().into_spec();
        spec.clusters = vec![cluster.clone()];
        let Ok(alone) = SlotProblem::new(spec) else { return false };
        let question = SegmentsFor { plan: None, clusters: vec![question.clusters[n].clone()] };
        Choices::new(&domains[n..=n], problem.encoder.blocks()).any(|segments| {
            let evaluation = evaluate(&alone, &question.choose(&alone, 0, &segments));
            evaluation.is_ok_and(|found| found.objective.is_finite() && found.feasibility.is_feasible(1e-9))
        })
    };
    (0..problem.clusters.len()).filter(|&n| !works(n)).map(|cluster| Reason::GivenRadio { cluster }).collect()
}

/// Where the radio is given, more band changes nothing; the slowest cluster alone decides the round latency.
pub(super) fn given_radio_prices(problem: &SlotProblem, decision: &Decision) -> Result<ShadowPrices, SolveError> {
    let evaluation = evaluate(problem, decision).map_err(|_| SolveError::Numerical)?;
    let clusters = problem.clusters.len();
    let slowest = (evaluation.clusters.iter()).position(|cluster| cluster.latency >= evaluation.round_latency);
    Ok(ShadowPrices {
        forward_band_per_hz: vec![0.0; clusters],
        backward_band_per_hz: vec![0.0; clusters],
        uplink_per_hz: 0.0,
        latency_share: (0..clusters).map(|n| f64::from(u8::from(Some(n) == slowest))).collect(),
        ..ShadowPrices::default()
    })
}

/// In how many ways the blocks can be spread over the devices, at most the largest u64.
fn count(domain: &Domain, blocks: u32) -> u64 {
    let width = blocks as usize + 1;
    let mut ways = vec![0_u128; width];
    ways[0] = 1;
    // Sums of the first entries; each entry is cut off at the largest u64, so that the sums are exact.
    let mut sums = vec![0_u128; width + 1];
    for (&low, &high) in domain.low.iter().zip(&domain.high) {
        for (n, &ways) in ways.iter().enumerate() {
            sums[n + 1] = sums[n] + ways;
        }
        let (low, high) = (low as usize, high as usize);
        for (placed, ways) in ways.iter_mut().enumerate() {
            let window =
                if placed < low || high < low { 0 } else { sums[placed - low + 1] - sums[placed.saturating_sub(high)] };
            *ways = window.min(u128::from(u64::MAX));
        }
    }
    u64::try_from(ways[width - 1]).unwrap_or(u64::MAX)
}

/// All choices of one cluster's devices and sizes.
fn choices(domain: &Domain, blocks: u32) -> Vec<Segments> {
    let devices = domain.low.len();
    // Fewest and most blocks of the devices from k on.
    let mut rest = vec![(0_u64, 0_u64); devices + 1];
    for k in (0..devices).rev() {
        rest[k] = (rest[k + 1].0 + u64::from(domain.low[k]), rest[k + 1].1 + u64::from(domain.high[k]));
    }
    let whole = u64::from(blocks);
    // Sizes of the first devices, and the blocks that they leave. Each can be completed.
    let mut begun = if (rest[0].0..=rest[0].1).contains(&whole) { vec![(Vec::new(), whole)] } else { Vec::new() };
    for k in 0..devices {
        let (fewest, most) = rest[k + 1];
        let extended = begun.iter().flat_map(|(sizes, left): &(Vec<u32>, u64)| {
            let all = domain.low[k]..=domain.high[k];
            let fits = move |&size: &u32| {
                left.checked_sub(u64::from(size)).is_some_and(|left| (fewest..=most).contains(&left))
            };
            all.filter(fits).map(move |size| ([sizes.as_slice(), &[size]].concat(), left - u64::from(size)))
        });
        begun = extended.collect();
    }
    let segments = |(sizes, _): (Vec<u32>, u64)| {
        let active: Vec<DeviceId> = DeviceId::all(devices).filter(|k| sizes[k.0] > 0).collect();
        let sizes = active.iter().map(|k| sizes[k.0]).collect();
        Segments { active, sizes }
    };
    begun.into_iter().map(segments).collect()
}

/// The choices of all clusters, combined.
struct Choices {
    each: Vec<Vec<Segments>>,
    /// Which choice of every cluster comes next; empty after the last.
    at: Option<Vec<usize>>,
}

impl Choices {
    fn new(domains: &[Domain], blocks: u32) -> Self {
        let each: Vec<_> = domains.iter().map(|domain| choices(domain, blocks)).collect();
        let at = each.iter().all(|choices| !choices.is_empty()).then(|| vec![0; each.len()]);
        Self { each, at }
    }
}

impl Iterator for Choices {
    type Item = Vec<Segments>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at.as_mut()?;
        let chosen = self.each.iter().zip(at.iter()).map(|(choices, &i)| choices[i].clone()).collect();
        let more = self.each.iter().zip(at.iter_mut()).any(|(choices, i)| {
            *i = (*i + 1) % choices.len();
            *i > 0
        });
        if !more {
            self.at = None;
        }
        Some(chosen)
    }
}
