//! Segments for a given radio: one linear program in integers per plan.

use super::model::Linear;
use super::pipeline::{Pipeline, Scale, possible_links};
use super::{ACCURACY, Milp, NAME, magnitude};
use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::{DeviceId, NodeId};
use crate::problem::program::{ClusterProgram, PlanProgram, Transmission};
use crate::problem::{CandidatePlan, Link, SlotProblem, Work, evaluate};
use crate::solver::backend::exhaustive::given_radio_prices;
use crate::solver::backend::{GivenRadio, SegmentsFor};
use crate::solver::cluster::Domain;
use crate::solver::refusal::Reason;
use crate::solver::{Proposal, Solution, SolveError, domains};

/// A transmission's time on air [s] and what its energy costs.
struct Sent {
    time: f64,
    cost: f64,
}

/// A transmission on a link.
fn on(sent: &Transmission, link: Link) -> Sent {
    let (time, price) = (sent.time(link).0, sent.drawn_price(link.power_w));
    Sent { time, cost: if price > 0.0 { price * time } else { 0.0 } }
}

/// A cluster's transmissions under one plan.
struct GivenTransmissions {
    links: Vec<(NodeId, NodeId)>,
    /// Per link.
    hops: PerPhase<Vec<Sent>>,
    /// Per device and block.
    transfers: Vec<Sent>,
    upload: Sent,
}

impl GivenTransmissions {
    fn new(program: &PlanProgram, given: &GivenRadio) -> Self {
        let at = program.at;
        let hop = |phase: Phase, (near, far): (NodeId, NodeId)| {
            on(&program.hop(phase, near, far), given.hop(phase, near, far))
        };
        let mut links = possible_links(at.spec, at.cluster);
        links.retain(|&link| Phase::BOTH.iter().all(|&phase| hop(phase, link).time.is_finite()));
        let transfer = |k: DeviceId| {
            let link = |power_w| Link { bandwidth_hz: at.cluster.bandwidth_hz, power_w };
            let up = on(&at.collection(k, 1), link(given.collection_power_w[k.0]));
            let down = on(&at.distribution(k, 1), link(given.distribution_power_w[k.0]));
            Sent { time: up.time + down.time, cost: up.cost + down.cost }
        };
        Self {
            hops: PerPhase::from_fn(|phase| links.iter().map(|&link| hop(phase, link)).collect()),
            links,
            transfers: DeviceId::all(at.cluster.devices.len()).map(transfer).collect(),
            upload: on(&at.upload(), given.upload),
        }
    }

    /// The domain without devices whose segments cannot be sent.
    fn within(&self, domain: &Domain) -> Domain {
        let mut domain = domain.clone();
        for (high, transfer) in domain.high.iter_mut().zip(&self.transfers) {
            *high = if transfer.time.is_finite() { *high } else { 0 };
        }
        domain
    }
}

/// One plan's program; `None` where a cluster's devices or upload cannot be reached at all.
fn program<'a>(
    problem: &'a SlotProblem,
    question: &SegmentsFor,
    domains: &[Domain],
    plan: &'a CandidatePlan,
    scale: Scale,
) -> Option<Pipeline<'a>> {
    let each: Vec<GivenTransmissions> = (problem.clusters.iter().zip(&question.clusters))
        .map(|(cluster, given)| GivenTransmissions::new(&ClusterProgram::new(problem, cluster).under(plan), given))
        .collect();
    let domains: Vec<Domain> = each.iter().zip(domains).map(|(sent, domain)| sent.within(domain)).collect();
    let reached = |(sent, domain): (&GivenTransmissions, &Domain)| {
        sent.upload.time.is_finite() && domain.low.iter().zip(&domain.high).all(|(low, high)| low <= high)
    };
    if !each.iter().zip(&domains).all(reached) {
        return None;
    }
    let links: Vec<_> = each.iter().map(|sent| sent.links.clone()).collect();
    let mut pipeline = Pipeline::new(problem, plan, &domains, &links, scale);
    for (n, sent) in each.iter().enumerate() {
        let (cluster, path) = (&problem.clusters[n], pipeline.paths[n].clone());
        let mut transfers = Linear { constant: sent.upload.time, ..Linear::default() };
        for (transfer, &size) in sent.transfers.iter().zip(&path.sizes) {
            if transfer.time.is_finite() {
                transfers.add(transfer.time, size);
                pipeline.model.objective.add(transfer.cost, size);
            }
        }
        pipeline.model.objective.constant += sent.upload.cost;
        let mut times = PerPhase::<Vec<Linear>>::default();
        for phase in Phase::BOTH {
            // Rounding of the sum is not the choice's fault.
            let mut band = Linear { constant: 1.0 + 1e-9, ..Linear::default() };
            for (link, hop) in path.links.iter().zip(&sent.hops[phase]) {
                times[phase].push(Linear::default().with(hop.time, link.used));
                pipeline.model.objective.add(hop.cost, link.used);
                let share = question.clusters[n].hop(phase, link.near, link.far).bandwidth_hz / cluster.bandwidth_hz;
                band.add(-share, link.used);
            }
            pipeline.model.at_least_zero(band);
        }
        pipeline.add_cluster(n, times.as_ref().map(Vec::as_slice), &transfers);
    }
    Some(pipeline)
}

/// The clusters that have no feasible choice under the given radio.
fn blocked(
    milp: &Milp,
    problem: &SlotProblem,
    question: &SegmentsFor,
    domains: &[Domain],
) -> Result<Vec<Reason>, SolveError> {
    let mut reasons = Vec::new();
    for cluster in 0..problem.clusters.len() {
        // What is feasible does not depend on the plan or on the other clusters.
        let mut spec = problem.clone().into_spec();
        spec.clusters = vec![problem.clusters[cluster].clone()];
        let alone = SlotProblem::new(spec).map_err(|_| SolveError::Numerical)?;
        let given = SegmentsFor { plan: Some(0), clusters: vec![question.clusters[cluster].clone()] };
        let plan = &alone.plans[0];
        let works = match program(&alone, &given, &domains[cluster..=cluster], plan, Scale::of(&alone, plan)) {
            Some(mut pipeline) => {
                pipeline.model.objective = Linear::default();
                pipeline.model.minimize(milp.solver, milp.seconds, 1.0, false)?.is_some()
            }
            None => false,
        };
        if !works {
            reasons.push(Reason::GivenRadio { cluster });
        }
    }
    if reasons.is_empty() {
        let what = "calls the problem infeasible, but finds a choice for every cluster by itself".into();
        return Err(SolveError::Backend { backend: NAME, what });
    }
    Ok(reasons)
}

pub(super) fn solve(milp: &Milp, problem: &SlotProblem, question: &SegmentsFor) -> Result<Solution, SolveError> {
    milp.validate()?;
    crate::solver::check_classical(problem)?;
    question.check(problem)?;
    let domains = match domains(problem) {
        Ok(domains) => domains,
        Err(reasons) => return Ok(Solution::infeasible(problem, reasons)),
    };
    let (mut best, mut lower_bound) = (None, f64::INFINITY);
    for at in question.plans(problem) {
        let plan = &problem.plans[at];
        let scale = Scale::of(problem, plan);
        let Some(pipeline) = program(problem, question, &domains, plan, scale) else { continue };
        let Some(found) = pipeline.model.minimize(milp.solver, milp.seconds, scale.objective, false)? else { continue };
        let decision = question.choose(problem, at, &pipeline.segments(&found));
        let evaluation = evaluate(problem, &decision).map_err(|_| SolveError::Numerical)?;
        let (costs, size) = (evaluation.objective, magnitude(&evaluation.terms));
        if !evaluation.feasibility.is_feasible(1e-8) {
            let what = format!("the segments it found are not feasible: {}", evaluation.feasibility);
            return Err(SolveError::Backend { backend: NAME, what });
        }
        let agrees = (costs - found.objective).abs() <= ACCURACY * size;
        if !agrees {
            let what = format!("claims an objective of {:e} for segments that cost {costs:e}", found.objective);
            return Err(SolveError::Backend { backend: NAME, what });
        }
        lower_bound = lower_bound.min(costs.min(found.objective) - ACCURACY * size);
        if best.as_ref().is_none_or(|(least, _)| costs < *least) {
            best = Some((costs, decision));
        }
    }
    let Some((_, decision)) = best else {
        return Ok(Solution::infeasible(problem, blocked(milp, problem, question, &domains)?));
    };
    let shadow_prices = given_radio_prices(problem, &decision)?;
    Solution::certified_by(problem, Proposal { decision, lower_bound, shadow_prices }, milp.gap, Work::default())
}
