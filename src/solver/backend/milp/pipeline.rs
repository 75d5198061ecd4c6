//! What both linear models share: paths, sizes, paces and the round latency of all clusters under one plan.

use super::model::{Column, Linear, LinearSolution, Model};
use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::{DeviceId, NodeId};
use crate::ground::units::Seconds;
use crate::problem::program::ClusterProgram;
use crate::problem::{CandidatePlan, Cluster, Participation, SlotProblem, SlotSpec};
use crate::solver::backend::Segments;
use crate::solver::cluster::Domain;

/// Typical values of what the columns hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Seconds in a round.
    pub seconds: f64,
    /// Objective units.
    pub objective: f64,
}

impl Scale {
    /// From what no decision can avoid: all blocks on the fastest device.
    pub fn of(problem: &SlotProblem, plan: &CandidatePlan) -> Self {
        let least = |cluster: &Cluster| {
            let program = ClusterProgram::new(problem, cluster).under(plan);
            let fastest = |phase| {
                let blocks = cluster.devices.iter().map(|device| program.block_time(phase, device).0);
                blocks.fold(f64::INFINITY, f64::min)
            };
            f64::from(problem.encoder.blocks()) * PerPhase::from_fn(fastest).sum()
        };
        let slowest = problem.clusters.iter().map(least).fold(0.0, f64::max);
        let seconds = slowest * f64::from(plan.local_iterations);
        Self { seconds, objective: problem.latency_weight * seconds }
    }
}

/// A link that a path may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathLink {
    pub near: NodeId,
    pub far: NodeId,
    /// 1 where the path uses it.
    pub used: Column,
}

/// The integers of one cluster.
#[derive(Clone, Debug)]
pub(super) struct ClusterPath {
    pub links: Vec<PathLink>,
    /// Per device: blocks; 0 where it stays out.
    pub sizes: Vec<Column>,
    /// Per device: 1 where it takes part.
    taken: Vec<Column>,
}

/// One plan's model under construction.
#[derive(Clone, Debug)]
pub(super) struct Pipeline<'a> {
    pub problem: &'a SlotProblem,
    pub plan: &'a CandidatePlan,
    pub model: Model,
    pub paths: Vec<ClusterPath>,
    pub scale: Scale,
    /// T.
    round: Column,
}

impl<'a> Pipeline<'a> {
    /// Paths and sizes of all clusters, over the links given for each: T has its price, and nothing else has.
    pub fn new(
        problem: &'a SlotProblem,
        plan: &'a CandidatePlan,
        domains: &[Domain],
        links: &[Vec<(NodeId, NodeId)>],
        scale: Scale,
    ) -> Self {
        let mut model = Model::default();
        let round = model.real(0.0, f64::INFINITY, scale.seconds);
        model.objective =
            Linear { constant: problem.plan_cost(plan), ..Linear::default() }.with(problem.latency_weight, round);
        let each = problem.clusters.iter().zip(domains).zip(links);
        let paths = each.map(|((cluster, domain), links)| path(&mut model, problem, cluster, domain, links)).collect();
        Self { problem, plan, model, paths, scale, round }
    }

    /// Adds the stages, paces and latency of a cluster: `times` are those of the hops on air, per phase and in the
    /// order of the links; `transfers` is all that segments and upload take.
    pub fn add_cluster(&mut self, n: usize, times: PerPhase<&[Linear]>, transfers: &Linear) {
        let (problem, plan) = (self.problem, self.plan);
        let cluster = &problem.clusters[n];
        let program = ClusterProgram::new(problem, cluster).under(plan);
        let pacing = program.pacing;
        let mut latency = transfers.clone();
        latency.constant += cluster.fixed_seconds.0;
        for phase in Phase::BOTH {
            let path = &self.paths[n];
            let hops: Vec<Linear> = (path.links.iter().zip(times[phase]))
                .map(|(link, time)| time.clone().with(program.hop_latency().0, link.used))
                .collect();
            // By node: compute time of its stage.
            let end = |time: Seconds| Linear { constant: time.0, ..Linear::default() };
            let devices = cluster.devices.iter().enumerate().map(|(k, device)| {
                let block = program.block_time(phase, device).0;
                Linear::default().with(device.stage_overhead_s.0, path.taken[k]).with(block, path.sizes[k])
            });
            let mut stages = vec![end(program.embedding_time(phase))];
            stages.extend(devices);
            stages.push(end(program.decoder_time(phase)));
            stages.iter().chain(&hops).for_each(|part| latency.add_all(pacing.sum_uses(), part));
            if pacing.is_paced() {
                if pacing.is_blocking() {
                    for (link, hop) in path.links.iter().zip(&hops) {
                        let sender = phase.directed(link.near, link.far).0;
                        stages[sender.0].add_all(1.0, hop);
                    }
                }
                let repeated = pacing.sum_uses() * f64::from(plan.micro_batches);
                let pace = self.model.real(0.0, f64::INFINITY, self.scale.seconds / repeated);
                let sent_apart = if pacing.is_blocking() { &[] } else { hops.as_slice() };
                for part in stages.iter().chain(sent_apart) {
                    let mut row = Linear::default().with(1.0, pace);
                    row.add_all(-1.0, part);
                    self.model.at_least_zero(row);
                }
                latency.add(pacing.pace_uses(), pace);
            }
        }
        let mut row = Linear::default().with(1.0, self.round);
        row.add_all(-1.0, &latency);
        self.model.at_least_zero(row);
        for (device, &size) in cluster.devices.iter().zip(&self.paths[n].sizes) {
            let energy = program.compute_energy_per_block(device).0;
            self.model.objective.add(device.energy_price * energy, size);
        }
    }

    /// The segments of all clusters in a solution.
    pub fn segments(&self, found: &LinearSolution) -> Vec<Segments> {
        let read = |path: &ClusterPath| {
            // Rounded already; `as` saturates.
            let blocks = |k: DeviceId| found.values[path.sizes[k.0]].round() as u32;
            let active: Vec<DeviceId> = DeviceId::all(path.sizes.len()).filter(|&k| blocks(k) > 0).collect();
            Segments { sizes: active.iter().map(|&k| blocks(k)).collect(), active }
        };
        self.paths.iter().map(read).collect()
    }
}

/// One unit of flow from the control unit to the edge server, through the devices that take part.
fn path(
    model: &mut Model,
    problem: &SlotProblem,
    cluster: &Cluster,
    domain: &Domain,
    links: &[(NodeId, NodeId)],
) -> ClusterPath {
    let blocks = problem.encoder.blocks();
    let devices = cluster.devices.len();
    let all = problem.participation == Participation::All;
    // Where every device holds a block, none can hold more than the others leave.
    let most = if all { blocks.saturating_sub(devices as u32 - 1) } else { blocks };
    let caps: Vec<u32> = domain.high.iter().map(|&high| high.min(most)).collect();
    let fixed = u32::from(all);
    let taken: Vec<Column> = caps.iter().map(|&cap| model.integer(fixed, cap.min(1).max(fixed))).collect();
    let sizes: Vec<Column> = caps.iter().map(|&cap| model.integer(fixed, cap.max(fixed))).collect();
    let links: Vec<PathLink> =
        (links.iter()).map(|&(near, far)| PathLink { near, far, used: model.integer(fixed, 1) }).collect();
    let mut sum = Linear { constant: -f64::from(blocks), ..Linear::default() };
    for k in 0..devices {
        sum.add(1.0, sizes[k]);
        model.at_least_zero(Linear::default().with(1.0, sizes[k]).with(-1.0, taken[k]));
        model.at_least_zero(Linear::default().with(f64::from(caps[k]), taken[k]).with(-1.0, sizes[k]));
        for entering in [true, false] {
            let mut flow = Linear::default().with(-1.0, taken[k]);
            let touching =
                links.iter().filter(|link| if entering { link.far } else { link.near } == DeviceId(k).node());
            touching.for_each(|link| flow.add(1.0, link.used));
            model.zero(flow);
        }
    }
    model.zero(sum);
    let mut start = Linear { constant: -1.0, ..Linear::default() };
    links.iter().filter(|link| link.near == NodeId::CONTROL_UNIT).for_each(|link| start.add(1.0, link.used));
    model.zero(start);
    ClusterPath { links, sizes, taken }
}

/// The pairs of nodes that may be neighbours on a path: all, or under participation `all` those of the whole pipeline.
pub(super) fn possible_links(problem: &SlotSpec, cluster: &Cluster) -> Vec<(NodeId, NodeId)> {
    let server = NodeId::edge_server(cluster.devices.len()).0;
    let links: Vec<(usize, usize)> = match problem.participation {
        Participation::All => (0..server).map(|node| (node, node + 1)).collect(),
        Participation::Select => (0..server)
            .flat_map(|near| (near + 1..=server).map(move |far| (near, far)))
            .filter(|&link| link != (0, server))
            .collect(),
    };
    links.into_iter().map(|(near, far)| (NodeId(near), NodeId(far))).collect()
}
