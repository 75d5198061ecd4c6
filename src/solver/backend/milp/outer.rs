//! The whole slot by outer approximation (Duran and Grossmann, Mathematical Programming 36, 1986; Kelley, J. SIAM 8,
//! 1960).

use super::cuts::{LinearTransmission, Purpose};
use super::model::{Linear, LinearSolution};
use super::pipeline::{Pipeline, Scale, possible_links};
use super::{ACCURACY, Milp, NAME, magnitude};
use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::{DeviceId, NodeId, Route};
use crate::problem::program::{ClusterProgram, Transmission};
use crate::problem::{Decision, SlotProblem, Work};
use crate::solver::backend::{RadioFor, Segments, SegmentsFor};
use crate::solver::cluster::Domain;
use crate::solver::{Certified, Proposal, Settings, Solution, SolveError, check, domains, solve_radio};

/// Rounds of cuts at the solutions of the program without integrality, before it is solved with it.
const RELAXED_ROUNDS: usize = 20;

/// A cluster's transmissions in the program.
struct ClusterTransmissions {
    links: Vec<(NodeId, NodeId)>,
    /// Per link.
    hops: PerPhase<Vec<LinearTransmission>>,
    /// Per device; `None` where there is nothing to send.
    collection: Vec<Option<LinearTransmission>>,
    distribution: Vec<Option<LinearTransmission>>,
    upload: Option<LinearTransmission>,
}

impl ClusterTransmissions {
    fn all(&self) -> impl Iterator<Item = &LinearTransmission> {
        let hops = self.hops.as_ref().into_array().into_iter().flatten();
        hops.chain(self.collection.iter().flatten()).chain(self.distribution.iter().flatten()).chain(&self.upload)
    }
}

/// A plan with its program and what has been proved of it.
struct Master<'a> {
    pipeline: Pipeline<'a>,
    radios: Vec<ClusterTransmissions>,
    /// No decision under this plan costs less.
    bound: f64,
    /// Whether the relaxation has been worked off.
    relaxed: bool,
    /// Segments whose radio has been solved, and whose tangents are in the program.
    seen: Vec<Vec<Segments>>,
}

impl<'a> Master<'a> {
    fn new(
        problem: &'a SlotProblem,
        at: usize,
        domains: &[Domain],
        links: &[Vec<(NodeId, NodeId)>],
        best: &Certified,
    ) -> Self {
        let plan = &problem.plans[at];
        let scale = Scale { seconds: best.evaluation.round_latency.0, objective: magnitude(&best.evaluation.terms) };
        let mut pipeline = Pipeline::new(problem, plan, domains, links, scale);
        let (prices, price) = (&best.shadow_prices, problem.latency_weight);
        let mut radios = Vec::with_capacity(links.len());
        let mut uploads = Linear { constant: problem.uplink.bandwidth_hz.0, ..Linear::default() };
        for (n, cluster) in problem.clusters.iter().enumerate() {
            let (path, model) = (pipeline.paths[n].clone(), &mut pipeline.model);
            let program = ClusterProgram::new(problem, cluster).under(plan);
            let whole = cluster.bandwidth_hz.0;
            let band_prices = PerPhase { forward: &prices.forward_band_per_hz, backward: &prices.backward_band_per_hz };
            let (mut hops, mut times) = (PerPhase::default(), PerPhase::default());
            for phase in Phase::BOTH {
                let band_price = band_prices[phase][n];
                let mut band = Linear { constant: whole, ..Linear::default() };
                let (mut sendings, mut durations) = (Vec::new(), Vec::new());
                for link in &path.links {
                    let sent = program.hop(phase, link.near, link.far);
                    let purpose = Purpose { sent, latency_price: price, band_price };
                    let sent = LinearTransmission::new(model, purpose, Some(link.used), (true, whole), scale);
                    sent.add_band(-1.0, &mut band);
                    durations.push(Linear::default().with(1.0, sent.time));
                    sendings.push(sent);
                }
                model.at_least_zero(band);
                (hops[phase], times[phase]) = (sendings, durations);
            }
            let mut transfers = Linear::default();
            let mut moved = |sent: Transmission, count, band: (bool, f64)| {
                let purpose = Purpose { sent, latency_price: price, band_price: prices.uplink_per_hz };
                let sent = (sent.bits.0 > 0.0).then(|| LinearTransmission::new(model, purpose, count, band, scale));
                sent.iter().for_each(|sent| transfers.add(1.0, sent.time));
                sent
            };
            // Block by block; a device that cannot take part sends nothing, maybe for lack of a link.
            let sizes = DeviceId::all(path.sizes.len()).zip(&path.sizes);
            let mut each = |sent: fn(&ClusterProgram<'a>, DeviceId, u32) -> Transmission| {
                let usable = |k: DeviceId| u32::from(domains[n].high[k.0] > 0);
                let sent =
                    sizes.clone().map(|(k, &size)| moved(sent(&program.at, k, usable(k)), Some(size), (false, whole)));
                sent.collect()
            };
            let (collection, distribution) = (each(ClusterProgram::collection), each(ClusterProgram::distribution));
            let uplink = (problem.clusters.len() > 1, problem.uplink.bandwidth_hz.0);
            let upload = moved(program.at.upload(), None, uplink);
            upload.iter().for_each(|sent| sent.add_band(-1.0, &mut uploads));
            pipeline.add_cluster(n, times.as_ref().map(Vec::as_slice), &transfers);
            radios.push(ClusterTransmissions { links: links[n].clone(), hops, collection, distribution, upload });
        }
        if !uploads.terms.is_empty() {
            pipeline.model.at_least_zero(uploads);
        }
        Self { pipeline, radios, bound: f64::NEG_INFINITY, relaxed: false, seen: Vec::new() }
    }

    /// Solves the program and takes its optimum as a bound.
    fn minimize(&mut self, milp: &Milp, relaxed: bool) -> Result<LinearSolution, SolveError> {
        let found = self.pipeline.model.minimize(milp.solver, milp.seconds, self.pipeline.scale.objective, relaxed)?;
        let Some(found) = found else {
            let what = "finds nothing feasible, although a decision is known".into();
            return Err(SolveError::Backend { backend: NAME, what });
        };
        let size = (found.objective - self.pipeline.problem.plan_cost(self.pipeline.plan)).abs();
        self.bound = self.bound.max(found.objective - ACCURACY * size);
        Ok(found)
    }

    /// Cuts off a solution where it is cheaper than its transmissions can be; true if any was.
    fn separate(&mut self, found: &LinearSolution, tolerance: f64) -> bool {
        let (model, mut any) = (&mut self.pipeline.model, false);
        let count = self.radios.iter().map(|radio| radio.all().count()).sum::<usize>();
        for sent in self.radios.iter().flat_map(ClusterTransmissions::all) {
            any |= sent.separate(model, found, tolerance / count as f64);
        }
        any
    }

    /// Cuts at the relaxation's solutions, until they no longer raise the bound by a part of the gap that is left.
    fn relax(&mut self, milp: &Milp, bar: f64) -> Result<(), SolveError> {
        self.relaxed = true;
        for _ in 0..RELAXED_ROUNDS {
            let before = self.bound;
            let found = self.minimize(milp, true)?;
            let left = bar - self.bound;
            let size = self.pipeline.scale.objective;
            if left <= 0.0 || (self.bound - before) <= 0.02 * left || !self.separate(&found, 0.01 * milp.gap * size) {
                break;
            }
        }
        Ok(())
    }

    /// Adds the tangents at a decision's radio: with its segments the program now costs what the decision does.
    fn learn(&mut self, decision: &Decision) {
        let model = &mut self.pipeline.model;
        let clusters = self.radios.iter().zip(&decision.clusters).zip(&self.pipeline.problem.clusters);
        for ((radio, chosen), cluster) in clusters {
            let links = PerPhase { forward: &chosen.forward, backward: &chosen.backward };
            for (hop, ends) in Route::through(&chosen.active, cluster.devices.len()).hops().enumerate() {
                if let Some(at) = radio.links.iter().position(|&link| link == ends) {
                    for (sent, links) in radio.hops.as_ref().zip(links).into_array() {
                        let link = links[hop].unwrap_or_default();
                        sent[at].tangents_at(model, link.bandwidth_hz.0, link.power_w.0);
                    }
                }
            }
            for (at, k) in chosen.active.iter().enumerate() {
                let whole = cluster.bandwidth_hz.0;
                for (sent, power) in [
                    (&radio.collection[k.0], chosen.collection_power_w[at]),
                    (&radio.distribution[k.0], chosen.distribution_power_w[at]),
                ] {
                    let power = power.unwrap_or_default();
                    sent.iter().for_each(|sent| sent.tangents_at(model, whole, power.0));
                }
            }
            let upload = chosen.upload.unwrap_or_default();
            radio.upload.iter().for_each(|sent| sent.tangents_at(model, upload.bandwidth_hz.0, upload.power_w.0));
        }
    }
}

/// The radio of given segments, solved exactly.
fn with_radio(problem: &SlotProblem, plan: usize, clusters: Vec<Segments>) -> Result<Certified, SolveError> {
    let solution = solve_radio(problem, &RadioFor { plan, clusters }, &Settings::default())?;
    solution
        .outcome
        .map_err(|reasons| SolveError::Backend { backend: NAME, what: format!("chose segments with {reasons}") })
}

pub(super) fn solve(milp: &Milp, problem: &SlotProblem) -> Result<Solution, SolveError> {
    milp.validate()?;
    check(problem)?;
    let domains = match domains(problem) {
        Ok(domains) => domains,
        Err(reasons) => return Ok(Solution::infeasible(problem, reasons)),
    };
    let links: Vec<Vec<(NodeId, NodeId)>> = problem
        .clusters
        .iter()
        .map(|cluster| {
            let program = ClusterProgram::new(problem, cluster);
            let mut links = possible_links(problem, cluster);
            links.retain(|&(near, far)| program.joined(near, far));
            links
        })
        .collect();
    let integers = links.iter().zip(&domains).map(|(links, domain)| (links.len() + 2 * domain.high.len()) as u64).sum();
    if integers > milp.integers {
        return Err(SolveError::OverLimit {
            backend: NAME,
            what: "integers in its linear program",
            found: integers,
            field: "integers",
            limit: milp.integers,
            instead: "allow more, or use the exact solver",
        });
    }
    // The first decision: segments for equal shares of the band at full power, then their own radio.
    let start = super::segments::solve(milp, problem, &SegmentsFor::equal_shares(problem))?;
    let start = start.outcome.map_err(|_| SolveError::Numerical)?.decision;
    let mut best = with_radio(problem, start.plan, RadioFor::decision(&start).clusters)?;
    let mut masters: Vec<Master> =
        (0..problem.plans.len()).map(|plan| Master::new(problem, plan, &domains, &links, &best)).collect();
    let mut work = Work::default();
    loop {
        let bar = best.objective() - milp.gap * best.objective().abs();
        let least = (0..masters.len()).min_by(|&a, &b| masters[a].bound.total_cmp(&masters[b].bound));
        let Some((plan, master)) = least.and_then(|at| Some((at, masters.get_mut(at)?))) else { break };
        if master.bound >= bar {
            break;
        }
        if !master.relaxed {
            master.relax(milp, bar)?;
            continue;
        }
        if work.rounds >= u64::from(milp.rounds) {
            break;
        }
        work.rounds += 1;
        let found = master.minimize(milp, false)?;
        let segments = master.pipeline.segments(&found);
        let cut = master.separate(&found, 0.01 * milp.gap * master.pipeline.scale.objective);
        if master.seen.contains(&segments) {
            // Its own tangents make this choice cost what it does, up to the linear solver's accuracy.
            if cut {
                continue;
            }
            break;
        }
        let radio = with_radio(problem, plan, segments.clone())?;
        let below = master.bound <= radio.objective() + ACCURACY * magnitude(&radio.evaluation.terms);
        if !below {
            let what = format!(
                "claims that nothing costs less than {:e}, but {:e} is possible",
                master.bound,
                radio.objective()
            );
            return Err(SolveError::Backend { backend: NAME, what });
        }
        master.learn(&radio.decision);
        master.seen.push(segments);
        if radio.objective() < best.objective() {
            best = radio;
        }
    }
    let lower_bound = masters.iter().map(|master| master.bound).fold(f64::INFINITY, f64::min);
    let proposal = Proposal { decision: best.decision, lower_bound, shadow_prices: best.shadow_prices };
    Solution::certified_by(problem, proposal, milp.gap, work)
}
