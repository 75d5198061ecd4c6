//! Random problems of schema 2, and their answers beside every choice solved by itself.

use collapipe::problem::{
    Block, BlockSeconds, Chain, Cluster, Device, FixedLink, MediumAccess, NodeId, Order, Overlap, Participation,
    PerPair, ProblemError, Schema, SlotProblem, SlotSpec,
};
use collapipe::schedule::ScheduleKind;
use collapipe::solver::{Settings, solve};
use collapipe::units::{BitsPerSecond, Bytes, JoulesPerBit, Seconds, SecondsPerByte, Watts};
use nalgebra::DMatrix;

use super::checks::{Failure, Summary, check_answer, check_choice, compositions, each_choice, solved};
use super::problems::Draw;

const KINDS: [ScheduleKind; 4] = [
    ScheduleKind::FillDrain,
    ScheduleKind::OneForwardOneBackward,
    ScheduleKind::EagerOneForwardOneBackward,
    ScheduleKind::ForwardOnly,
];

impl Draw {
    /// A problem with everything that schema 2 knows, each part now and then.
    pub fn pipelines(&mut self, clusters: Option<u32>) -> Result<SlotProblem, ProblemError> {
        let mut spec = self.problem(clusters)?.into_spec();
        spec.schema = Schema::V2;
        spec.overlap = self.pick(&[Overlap::Full, Overlap::None]);
        spec.order = self.pick(&[Order::Given, Order::Given, Order::Free]);
        self.chain(&mut spec);
        for plan in &mut spec.plans {
            plan.schedule = self.pick(&KINDS);
            plan.micro_batches = plan.micro_batches.min(64);
            plan.stash_weights = plan.schedule.alternates() && self.chance(0.2);
        }
        let blocks = spec.encoder.blocks();
        for cluster in &mut spec.clusters {
            self.parts(cluster, blocks);
            self.air(cluster, spec.overlap);
            self.server(cluster);
        }
        let problem = SlotProblem::new(spec)?;
        if !self.chance(0.2) {
            return Ok(problem);
        }
        // A deadline around the latency of the optimum without one.
        let Some(latency) = solve(&problem, &Settings::default())
            .ok()
            .and_then(|solution| solution.certified().map(|best| best.evaluation.round_latency))
            .filter(|latency| *latency > Seconds(1e-20) && *latency < Seconds(1e20))
        else {
            return Ok(problem);
        };
        let mut spec = problem.into_spec();
        spec.deadline_s = Some(latency * self.uniform(0.5, 1.2));
        SlotProblem::new(spec)
    }

    /// Blocks that differ; each needs a byte, and little more for every sample in flight.
    fn chain(&mut self, spec: &mut SlotSpec) {
        let mean = spec.encoder.mean_block();
        let uneven = self.chance(0.6);
        let activation = self.pick(&[0.0, 0.02]);
        let blocks = (0..spec.encoder.blocks()).map(|_| {
            let mut factor = || if uneven { self.uniform(0.3, 2.0) } else { 1.0 };
            Block {
                forward_flops_per_sample: mean.forward_flops_per_sample * factor(),
                backward_flops_per_sample: mean.backward_flops_per_sample * factor(),
                boundary_bits_per_sample: mean.boundary_bits_per_sample * factor(),
                parameter_bits: mean.parameter_bits_per_block * factor(),
                resident_bytes: mean.resident_bytes_per_block,
                activation_bytes_per_sample: Bytes(activation),
            }
        });
        let blocks = blocks.collect();
        spec.encoder = Chain { input_bits_per_sample: mean.boundary_bits_per_sample, blocks }.into();
    }

    /// A server whose time costs, or whose memory is short.
    fn server(&mut self, cluster: &mut Cluster) {
        let server = &mut cluster.edge_server;
        if self.chance(0.3) {
            server.compute_power_w = Watts(self.positive(100.0));
            server.energy_price = self.or_zero(1.0);
        }
        if self.chance(0.1) {
            server.memory_bytes = Some(Bytes(1.0));
            server.decoder_bytes = Bytes(self.uniform(0.0, 1.1));
        }
    }

    fn parts(&mut self, cluster: &mut Cluster, blocks: u32) {
        let nodes = cluster.devices.len() + 2;
        if self.chance(0.15) {
            cluster.embedding = None;
        }
        if self.chance(0.15) {
            cluster.decoder = None;
        }
        cluster.hop_overhead_s = Seconds(self.or_zero(0.001)).into();
        if self.chance(0.3) {
            cluster.hop_latency_s = PerPair::Pairs(DMatrix::from_fn(nodes, nodes, |_, _| Seconds(self.or_zero(0.01))));
        }
        for device in &mut cluster.devices {
            if self.chance(0.2) {
                device.max_blocks = Some(self.integer(0, blocks));
            }
            if self.chance(0.15) {
                device.min_blocks = Some(self.integer(1, 2.min(blocks)))
                    .filter(|least| device.max_blocks.is_none_or(|most| *least <= most));
            }
            if self.chance(0.2) {
                let mut table = || (0..blocks).map(|_| Seconds(self.or_zero(0.002))).collect();
                device.block_seconds_per_sample = Some(BlockSeconds { forward: table(), backward: table() });
            }
        }
        if self.chance(0.3) {
            for from in 0..nodes {
                for to in (0..nodes).filter(|to| *to != from) {
                    if self.chance(0.3) {
                        cluster.fixed_links.push(FixedLink {
                            from: NodeId(from),
                            to: NodeId(to),
                            bits_per_second: BitsPerSecond(self.positive(5e7)),
                            joules_per_bit: JoulesPerBit(self.or_zero(1e-8)),
                            shares_band: self.chance(0.3),
                        });
                    }
                }
            }
        }
    }
}

impl Draw {
    /// What keeps senders busy, and messages that take turns: cables, and sends that block, have no place in their order.
    fn air(&mut self, cluster: &mut Cluster, overlap: Overlap) {
        if self.chance(0.3) {
            cluster.staging_s_per_byte = SecondsPerByte(self.positive(1e-8)).into();
        }
        if overlap == Overlap::Full {
            cluster.medium = self.pick(&[MediumAccess::Bands, MediumAccess::HalfDuplex, MediumAccess::Turns]);
        }
        if cluster.medium != MediumAccess::Bands {
            cluster.fixed_links.iter_mut().for_each(|link| link.shares_band = true);
        }
    }
}

/// A cluster's part of a choice: devices in pipeline order, and their sizes.
type Part = (Vec<usize>, Vec<u32>);

/// All orders of all sets of devices that participation and order allow, with all sizes.
fn parts_of(problem: &SlotProblem, cluster: &Cluster) -> Vec<Part> {
    let devices = cluster.devices.len();
    let masks = match problem.participation {
        Participation::All => (1 << devices) - 1..1u32 << devices,
        _ => 1..1u32 << devices,
    };
    let sets = masks.map(|mask| (0..devices).filter(|k| mask >> k & 1 == 1).collect::<Vec<usize>>());
    let orders = sets.flat_map(|set| match problem.order {
        Order::Free => permutations(&set),
        _ => vec![set],
    });
    let blocks = problem.encoder.blocks();
    orders
        .flat_map(|order| {
            let sizes = compositions(&vec![blocks; order.len()], blocks);
            sizes.into_iter().map(move |sizes| (order.clone(), sizes))
        })
        .collect()
}

fn permutations(set: &[usize]) -> Vec<Vec<usize>> {
    if set.is_empty() {
        return vec![Vec::new()];
    }
    let with_first = |at: usize| {
        let rest: Vec<usize> = set.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, k)| *k).collect();
        permutations(&rest).into_iter().map(move |tail| std::iter::once(set[at]).chain(tail).collect())
    };
    (0..set.len()).flat_map(with_first).collect()
}

/// The problem that leaves one plan and one choice of devices, their order and sizes; none where limits forbid it.
fn restrict(problem: &SlotProblem, plan: usize, chosen: &[&Part]) -> Option<Result<SlotProblem, ProblemError>> {
    let mut spec: SlotSpec = problem.clone().into_spec();
    (spec.participation, spec.order) = (Participation::All, Order::Given);
    spec.plans = vec![problem.plans[plan]];
    for (cluster, (order, sizes)) in spec.clusters.iter_mut().zip(chosen) {
        let server = cluster.devices.len() + 1;
        let nodes: Vec<usize> = std::iter::once(0).chain(order.iter().map(|k| k + 1)).chain([server]).collect();
        let kept = |matrix: &DMatrix<Seconds>| matrix.select_rows(&nodes).select_columns(&nodes);
        let gains = cluster.gain_to_noise_hz_per_w.0.select_rows(&nodes).select_columns(&nodes);
        cluster.gain_to_noise_hz_per_w.0 = gains;
        for pairs in [&mut cluster.hop_latency_s, &mut cluster.hop_overhead_s] {
            if let PerPair::Pairs(matrix) = pairs {
                *matrix = kept(matrix);
            }
        }
        let place = |node: NodeId| nodes.iter().position(|&kept| kept == node.0).map(NodeId);
        let links = std::mem::take(&mut cluster.fixed_links);
        let moved = |link: FixedLink| Some(FixedLink { from: place(link.from)?, to: place(link.to)?, ..link });
        cluster.fixed_links = links.into_iter().filter_map(moved).collect();
        let device = |(&k, &size): (&usize, &u32)| {
            let device = &cluster.devices[k];
            let allowed = device.min_blocks.is_none_or(|least| least <= size)
                && device.max_blocks.is_none_or(|most| size <= most);
            allowed.then(|| Device { min_blocks: Some(size), max_blocks: Some(size), ..device.clone() })
        };
        cluster.devices = order.iter().zip(sizes).map(device).collect::<Option<_>>()?;
    }
    Some(SlotProblem::new(spec))
}

/// Solves a problem and, where it has few choices, each of them by itself.
pub fn check(problem: &SlotProblem, seed: u64, most_choices: usize, summary: &mut Summary) -> Result<(), Failure> {
    let (solution, settings) = solved(problem, seed, summary)?;
    let best = solution.certified();
    if let Some(best) = best {
        check_answer(problem, (&solution, best), &settings, seed, summary)?;
    }
    let per_cluster: Vec<Vec<Part>> = problem.clusters.iter().map(|cluster| parts_of(problem, cluster)).collect();
    // More devices that must take part than blocks.
    if best.is_some() && per_cluster.iter().any(Vec::is_empty) {
        return Err(String::from("no choice exists, but reported feasible").into());
    }
    each_choice(&per_cluster, problem.plans.len(), most_choices, summary, |plan, chosen, summary| {
        let Some(restricted) = restrict(problem, plan, chosen) else { return Ok(()) };
        let restricted = restricted.map_err(|error| error.to_string())?;
        let fail = |text: String| Failure { text, problem: Some(Box::new(restricted.clone())), wide_gap: false };
        let alone = solve(&restricted, &settings).map_err(|error| fail(format!("one choice: error: {error}")))?;
        match (alone.certified(), best) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(format!("reported infeasible, but plan {plan}, {chosen:?} is feasible").into()),
            (Some(alone), Some(best)) => {
                check_choice(best, alone, (seed, &|| format!("plan {plan}, {chosen:?}")), summary)
            }
        }
    })
}
