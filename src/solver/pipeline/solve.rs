//! The solver of everything beyond the classical problem: from a problem to a proposal, or to why there is none.

use super::assemble::{band_prices, cluster_decision, upload_alone};
use super::block::Upload;
use super::cheapest::MOST_FREE;
use super::deadline::{Timed, agree_timed, search_timed};
use super::joint::Shared;
use super::network::{Agreed, Cluster, Outcome, Question};
use super::program::planned;
use super::radio::Target;
use super::reasons::reasons;
use super::search::{Asked, Pools, Root};
use crate::ground::units::{Hertz, Watts};
use crate::problem::{Decision, Link, Order, ShadowPrices, SlotProblem, Work};
use crate::solver::meter::Meter;
use crate::solver::refusal::Reason;
use crate::solver::settings::Settings;
use crate::solver::{Proposal, SolveError};

/// A proposal, or the reasons why there is no decision.
pub(crate) type Solved = Result<Proposal, Vec<Reason>>;

/// Numbers that the tables of one search may hold.
const MOST_ENTRIES: usize = 40_000_000;

/// Refuses what would not fit into memory.
fn check(problem: &SlotProblem) -> Result<(), SolveError> {
    let blocks = problem.encoder.blocks() as usize;
    for (cluster, data) in problem.clusters.iter().enumerate() {
        let devices = data.devices.len();
        let too_large =
            |value, most| Err(SolveError::TooLarge { cluster, field: "the number of devices", value, most });
        if problem.order == Order::Free && devices > MOST_FREE {
            return too_large(devices, MOST_FREE);
        }
        let shapes = if problem.participation == crate::problem::Participation::All { 1 } else { devices.min(blocks) };
        let entries = |devices: usize| shapes.saturating_mul(devices.saturating_mul(devices.saturating_mul(blocks)));
        if entries(devices) > MOST_ENTRIES || blocks >= usize::from(u16::MAX) {
            let most = (1..devices).rev().find(|&fewer| entries(fewer) <= MOST_ENTRIES).unwrap_or(0);
            return too_large(devices, most);
        }
    }
    Ok(())
}

/// What the search's tolerance is, relative to the objective: finer than the gap, as far as the radio's accuracy allows.
fn tolerance(gap: f64) -> f64 {
    if gap > 1e-4 { 0.9 * gap } else { (0.01 * gap).max(4e-10) }
}

/// Minimizes a problem.
pub(crate) fn solve(
    problem: &SlotProblem,
    settings: &Settings,
    meter: &mut Meter,
    spent: &mut Work,
) -> Result<Solved, SolveError> {
    check(problem)?;
    let none = |meter: &Meter| match meter.cause() {
        Some(cause) => SolveError::NoDecision { by: cause.name() },
        None => SolveError::Numerical,
    };
    let first = reasons(problem);
    if !first.is_empty() {
        return Ok(Err(first));
    }
    if problem.clusters.len() > 1 {
        return network(problem, settings, meter, spent).and_then(|found| match found {
            Some(solved) => Ok(solved),
            None => Err(none(meter)),
        });
    }
    let Some(cluster) = problem.clusters.first() else { return Err(SolveError::Numerical) };
    match one(problem, cluster, f64::INFINITY, settings, meter, spent)? {
        One { best: Some(best), .. } => Ok(Ok(best)),
        One { least_latency: Some(least), .. } => Ok(Err(vec![too_late(problem, least)])),
        One { .. } => Err(none(meter)),
    }
}

/// What is known of a problem of one cluster.
struct One {
    best: Option<Proposal>,
    lower_bound: f64,
    /// Above the deadline.
    least_latency: Option<f64>,
}

/// Something that costs less than a decision known elsewhere, and a bound of all: never above what that costs.
pub(crate) fn improve(
    problem: &SlotProblem,
    below: f64,
    settings: &Settings,
    meter: &mut Meter,
    spent: &mut Work,
) -> Result<(Option<Proposal>, f64), SolveError> {
    check(problem)?;
    let Some(cluster) = problem.clusters.first() else { return Err(SolveError::Numerical) };
    let One { best, lower_bound, .. } = one(problem, cluster, below, settings, meter, spent)?;
    Ok((best, lower_bound))
}

fn one(
    problem: &SlotProblem,
    cluster: &crate::problem::Cluster,
    below: f64,
    settings: &Settings,
    meter: &mut Meter,
    spent: &mut Work,
) -> Result<One, SolveError> {
    let plans = planned(problem, cluster, true);
    let deadline = problem.deadline_s.map(|deadline| deadline.0);
    let target = Target { weight: problem.latency_weight, deadline, upload: Upload::Alone };
    let asked = Asked { target, tolerance: tolerance(settings.gap), enough: f64::NEG_INFINITY, below };
    let mut pools = Pools::default();
    let searched = match search_timed(&plans, asked, &Root::all(&plans), &mut pools, meter) {
        Timed::Searched(searched) => searched,
        Timed::TooLate { least } => {
            return Ok(One { best: None, lower_bound: below, least_latency: Some(least) });
        }
    };
    spent.nodes += searched.nodes;
    spent.iterations += searched.iterations;
    let lower_bound = searched.lower_bound;
    let Some(best) = searched.best else { return Ok(One { best: None, lower_bound, least_latency: None }) };
    let instance = &plans[best.plan].instance;
    let (upload, uplink_per_hz) = upload_alone(instance, &best);
    let decision = cluster_decision(instance, &best, upload).ok_or(SolveError::Numerical)?;
    let (forward, backward) = band_prices(instance, &best);
    let proposal = Proposal {
        decision: Decision { plan: best.plan, clusters: vec![decision] },
        lower_bound,
        shadow_prices: ShadowPrices {
            forward_band_per_hz: vec![forward],
            backward_band_per_hz: vec![backward],
            uplink_per_hz,
            latency_share: vec![1.0],
            deadline_per_s: deadline.filter(|_| !best.quickest).map(|_| (best.prices.price - target.weight).max(0.0)),
        },
    };
    Ok(One { best: Some(proposal), lower_bound, least_latency: None })
}

fn too_late(problem: &SlotProblem, least_s: f64) -> Reason {
    Reason::Deadline { deadline_s: problem.deadline_s.map_or(f64::INFINITY, |deadline| deadline.0), least_s }
}

/// Clusters gone through after whole plans, where there is no limit of work.
const MOST_CLUSTERS: u64 = 4_000;

fn network(
    problem: &SlotProblem,
    settings: &Settings,
    meter: &mut Meter,
    spent: &mut Work,
) -> Result<Option<Solved>, SolveError> {
    let mut clusters: Vec<Cluster> =
        problem.clusters.iter().map(|cluster| Cluster::new(planned(problem, cluster, false))).collect();
    let penalties: Vec<f64> = problem.plans.iter().map(|plan| problem.plan_cost(plan)).collect();
    let question = Question {
        shared: Shared {
            weight: problem.latency_weight,
            deadline: problem.deadline_s.map(|deadline| deadline.0),
            uplink: problem.uplink.bandwidth_hz.0,
        },
        gap: settings.gap.max(2e-9),
        most: if meter.is_unlimited() { MOST_CLUSTERS } else { u64::MAX },
        enough: f64::NEG_INFINITY,
    };
    let outcome = agree_timed(&mut clusters, &penalties, question, meter);
    for cluster in &clusters {
        spent.nodes += cluster.nodes;
        spent.iterations += cluster.iterations;
    }
    let Outcome { best: Some(best), lower_bound, .. } = (match outcome {
        Ok(outcome) => outcome,
        Err(least) => return Ok(Some(Err(vec![too_late(problem, least)]))),
    }) else {
        return Ok(None);
    };
    Ok(Some(Ok(propose(&clusters, &best, lower_bound, question.shared)?)))
}

fn propose(clusters: &[Cluster], best: &Agreed, lower_bound: f64, shared: Shared) -> Result<Proposal, SolveError> {
    let Shared { weight, deadline, .. } = shared;
    let quickest = best.choices.iter().any(|found| found.quickest);
    let late: f64 = best.joint.prices.iter().zip(&best.joint.shares).map(|(price, share)| price - share).sum();
    let mut decisions = Vec::with_capacity(clusters.len());
    let (mut forward, mut backward) = (Vec::new(), Vec::new());
    for ((cluster, found), upload) in clusters.iter().zip(&best.choices).zip(&best.uploads) {
        let instance = &cluster.plans[best.plan].instance;
        let upload = upload.map(|(band, power)| Link { bandwidth_hz: Hertz(band), power_w: Watts(power) });
        decisions.push(cluster_decision(instance, found, upload).ok_or(SolveError::Numerical)?);
        let (one, other) = band_prices(instance, found);
        forward.push(one);
        backward.push(other);
    }
    Ok(Proposal {
        decision: Decision { plan: best.plan, clusters: decisions },
        lower_bound,
        shadow_prices: ShadowPrices {
            forward_band_per_hz: forward,
            backward_band_per_hz: backward,
            uplink_per_hz: best.joint.ln_band.map_or(0.0, f64::exp),
            latency_share: best.joint.shares.iter().map(|share| share / weight).collect(),
            deadline_per_s: deadline.filter(|_| !quickest).map(|_| late.max(0.0)),
        },
    })
}
