//! Segments for a given radio: one linear program in integers per plan.

use super::model::Linear;
use super::pipeline::{PHASES, Pipeline, Scale, possible_links};
use super::{ACCURACY, Milp, NAME, magnitude};
use crate::problem::costs::{Transmitter, boundary_bits, hop_uses, micro_batch, transfer_time};
use crate::problem::{Cluster, Link, Phase, Plan, SlotProblem, Work, evaluate, shannon_rate};
use crate::solver::backend::exhaustive::given_radio_prices;
use crate::solver::backend::{GivenRadio, SegmentsFor};
use crate::solver::cluster::Domain;
use crate::solver::refusal::Reason;
use crate::solver::{Proposal, Solution, SolveError, domains};
use crate::units::Bits;

/// A transmission's time on air [s] and what its energy costs.
struct Sent {
    time: f64,
    cost: f64,
}

/// One of `uses` equal transmissions.
fn sent(cluster: &Cluster, (from, to): (usize, usize), link: Link, bits: Bits, uses: f64) -> Sent {
    let rate = shannon_rate(link.bandwidth_hz, link.power_w, cluster.gain_to_noise_hz_per_w.get(from, to));
    let (time, node) = (transfer_time(bits, rate).0, Transmitter::of(cluster, from));
    let price = uses * node.energy_price * node.drawn(link.power_w).0;
    Sent { time, cost: if price > 0.0 { price * time } else { 0.0 } }
}

/// A cluster's transmissions under one plan.
struct Transmissions {
    links: Vec<(usize, usize)>,
    /// Per phase and link.
    hops: [Vec<Sent>; 2],
    /// Per device and block.
    transfers: Vec<Sent>,
    upload: Sent,
}

impl Transmissions {
    fn new(problem: &SlotProblem, cluster: &Cluster, given: &GivenRadio, plan: &Plan) -> Self {
        let server = cluster.devices.len() + 1;
        let bits = boundary_bits(&problem.encoder, micro_batch(cluster, plan));
        let hop = |phase: Phase, (from, to): (usize, usize)| {
            let ends = [from, to];
            let ends = (ends[phase.sender(0)], ends[phase.receiver(0)]);
            sent(cluster, ends, given.hop(phase, from, to), bits, hop_uses(plan))
        };
        let mut links = possible_links(problem, cluster);
        links.retain(|&link| PHASES.iter().all(|&phase| hop(phase, link).time.is_finite()));
        let block = problem.encoder.parameter_bits_per_block;
        let transfer = |k: usize| {
            let link = |power_w| Link { bandwidth_hz: cluster.bandwidth_hz, power_w };
            let up = sent(cluster, (k + 1, 0), link(given.collection_power_w[k]), block, 1.0);
            let down = sent(cluster, (0, k + 1), link(given.distribution_power_w[k]), block, 1.0);
            Sent { time: up.time + down.time, cost: up.cost + down.cost }
        };
        Self {
            hops: PHASES.map(|phase| links.iter().map(|&link| hop(phase, link)).collect()),
            links,
            transfers: (0..cluster.devices.len()).map(transfer).collect(),
            upload: sent(cluster, (0, server), given.upload, cluster.upload_bits, 1.0),
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
    plan: &'a Plan,
    scale: Scale,
) -> Option<Pipeline<'a>> {
    let each: Vec<Transmissions> = (problem.clusters.iter().zip(&question.clusters))
        .map(|(cluster, given)| Transmissions::new(problem, cluster, given, plan))
        .collect();
    let domains: Vec<Domain> = each.iter().zip(domains).map(|(sent, domain)| sent.within(domain)).collect();
    let reached = |(sent, domain): (&Transmissions, &Domain)| {
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
        let mut times = [Vec::new(), Vec::new()];
        for (at, phase) in PHASES.into_iter().enumerate() {
            // Rounding of the sum is not the choice's fault.
            let mut band = Linear { constant: 1.0 + 1e-9, ..Linear::default() };
            for (link, hop) in path.links.iter().zip(&sent.hops[at]) {
                times[at].push(Linear::default().with(hop.time, link.used));
                pipeline.model.objective.add(hop.cost, link.used);
                let share = question.clusters[n].hop(phase, link.from, link.to).bandwidth_hz / cluster.bandwidth_hz;
                band.add(-share, link.used);
            }
            pipeline.model.at_least_zero(band);
        }
        pipeline.add_cluster(n, [&times[0], &times[1]], &transfers);
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
    question.check(problem)?;
    let domains = match domains(problem) {
        Ok(domains) => domains,
        Err(reasons) => return Ok(Solution::infeasible(reasons)),
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
        return Ok(Solution::infeasible(blocked(milp, problem, question, &domains)?));
    };
    let shadow_prices = given_radio_prices(problem, &decision)?;
    Solution::certified_by(problem, Proposal { decision, lower_bound, shadow_prices }, milp.gap, Work::default())
}
