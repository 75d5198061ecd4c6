//! The exact slot solver.

mod active;
mod assemble;
mod balance;
mod cluster;
mod curve;
mod envelope;
mod hop;
mod infeasible;
mod links;
mod network;
mod phase;
mod relaxation;
mod segments;
mod settings;
mod single;
mod solution;
#[cfg(test)]
mod tests;
mod upload;

pub use infeasible::{Infeasibility, Reason};
pub use settings::{Settings, SettingsError};
pub use solution::{Certified, Solution, SolveError};

use active::Workspace;
use cluster::{Domain, PlannedCluster, PricedCluster};
use upload::Upload;

use crate::problem::{Decision, Overlap, Participation, ShadowPrices, SlotProblem, Status, Work, evaluate};

/// A decision with its proof, before it is evaluated.
struct Proposal {
    decision: Decision,
    lower_bound: f64,
    shadow_prices: ShadowPrices,
}

/// Minimizes a slot problem: plan, active devices, segment sizes, bandwidths and powers together.
///
/// # Errors
/// [`SolveError`] for settings out of range and for `overlap: none`. An infeasible problem is not an error: it comes
/// back with status [`Status::Infeasible`] and the reasons.
pub fn solve(problem: &SlotProblem, settings: &Settings) -> Result<Solution, SolveError> {
    settings.validate()?;
    if problem.overlap != Overlap::Full {
        return Err(SolveError::Unsupported { field: "overlap", value: "none", instead: "\"full\"" });
    }
    let caps: Vec<Vec<u32>> = problem.clusters.iter().map(|cluster| infeasible::block_caps(problem, cluster)).collect();
    let reasons: Vec<Reason> =
        caps.iter().enumerate().flat_map(|(index, caps)| infeasible::reasons(problem, index, caps)).collect();
    let mut work = Workspace::default();
    if !reasons.is_empty() {
        let outcome = Err(Infeasibility { reasons });
        return Ok(Solution { status: Status::Infeasible, outcome, work: Work::default() });
    }
    let low = u32::from(problem.participation == Participation::All);
    let domains: Vec<Domain> = caps.into_iter().map(|high| Domain { low: vec![low; high.len()], high }).collect();
    let proposal = match domains.as_slice() {
        [domain] => single_cluster(problem, domain, settings, &mut work),
        _ => network::solve(problem, domains, settings, &mut work),
    };
    let spent = Work { nodes: work.buffers.nodes, iterations: work.buffers.scratch.evaluations };
    let Some(Proposal { decision, lower_bound, shadow_prices }) = proposal else {
        return Err(SolveError::Numerical);
    };
    let evaluation = evaluate(problem, &decision).map_err(|_| SolveError::Numerical)?;
    let objective = evaluation.objective;
    if !objective.is_finite() {
        return Err(SolveError::Numerical);
    }
    let lower_bound = lower_bound.min(objective);
    let gap = if objective == lower_bound { 0.0 } else { (objective - lower_bound) / objective.abs() };
    let status = if gap <= settings.gap { Status::Optimal } else { Status::Feasible };
    let certified = Certified { decision, evaluation, lower_bound, gap, shadow_prices };
    Ok(Solution { status, outcome: Ok(certified), work: spent })
}

/// How much of the gap asked for the searches may use up, and the finest that double precision resolves.
fn search_tolerance(settings: &Settings) -> f64 {
    (0.01 * settings.gap).max(1e-11)
}

fn single_cluster(
    problem: &SlotProblem,
    domain: &Domain,
    settings: &Settings,
    work: &mut Workspace,
) -> Option<Proposal> {
    let (cluster, price) = (problem.clusters.first()?, problem.latency_weight);
    let upload = Upload::new(cluster);
    let (sent, uplink_price) = upload.send_alone(price, problem.uplink.bandwidth_hz.0);
    let best = single::best_plan(problem, cluster, domain, (price, sent.cost, search_tolerance(settings)), work)?;
    let priced = PricedCluster::new(problem, cluster, price);
    let planned = PlannedCluster::new(&priced, problem.plans.get(best.plan)?, domain);
    let link = upload.link(price, &sent, problem.uplink.bandwidth_hz.0);
    let decision = assemble::cluster_decision(&planned, &best.found, link, work);
    Some(Proposal {
        decision: Decision { plan: best.plan, clusters: vec![decision] },
        lower_bound: best.lower_bound,
        shadow_prices: ShadowPrices {
            forward_band_per_hz: vec![best.found.forward.prices.band],
            backward_band_per_hz: vec![best.found.backward.prices.band],
            uplink_per_hz: uplink_price,
            latency_share: vec![1.0],
        },
    })
}
