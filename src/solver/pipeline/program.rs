//! An instance from the one statement of what stages and transmissions are.

use super::instance::{Instance, Medium, Pair};
use super::search::Planned;
use crate::ground::phase::Phase;
use crate::ground::route::NodeId;
use crate::problem::program::{ClusterProgram, PlanProgram, Transmission, segment_memory};
use crate::problem::{Cluster, Order, Participation, Schema, SlotSpec};

/// A cluster under every plan of the problem, with the plans' penalties where they are its own to pay.
pub(crate) fn planned(spec: &SlotSpec, cluster: &Cluster, with_penalty: bool) -> Vec<Planned> {
    let program = ClusterProgram::new(spec, cluster);
    let each = |plan| Planned { instance: instance(&program.under(plan)), penalty: 0.0 };
    let mut plans: Vec<Planned> = spec.plans.iter().map(each).collect();
    if with_penalty {
        plans.iter_mut().zip(&spec.plans).for_each(|(planned, plan)| planned.penalty = spec.plan_cost(plan));
    }
    plans
}

fn medium(sent: &Transmission, shares_band: impl FnOnce() -> bool) -> Medium {
    let transmitter = &sent.transmitter;
    let price = transmitter.energy_price;
    match &sent.wire {
        Some(wire) => {
            let (rate, energy) = (wire.rate.0, price * wire.energy_per_bit.0);
            if shares_band() { Medium::Shared { rate, energy } } else { Medium::Fixed { rate, energy } }
        }
        None if sent.gain > 0.0 => Medium::Radio {
            gain: sent.gain,
            max_power: transmitter.max_power.0,
            circuit: price * transmitter.circuit_power.0,
            energy: price / transmitter.amplifier_efficiency,
        },
        None => Medium::Missing,
    }
}

/// Sums of a function of the blocks before every cut.
fn before(blocks: u32, of: impl Fn(u32) -> f64) -> impl Iterator<Item = f64> {
    let sums = (0..blocks).scan(0.0, move |sum, block| {
        *sum += of(block);
        Some(*sum)
    });
    std::iter::once(0.0).chain(sums)
}

fn instance(program: &PlanProgram) -> Instance {
    let (spec, cluster, plan) = (program.at.spec, program.at.cluster, program.plan);
    let blocks = spec.encoder.blocks();
    let nodes = cluster.devices.len() + 2;
    let has_backward = plan.schedule.has_backward();
    let mut time_before = [Vec::new(), Vec::new()];
    let mut energy_before = Vec::new();
    for device in &cluster.devices {
        for (phase, times) in Phase::BOTH.into_iter().zip(&mut time_before) {
            times.extend(before(blocks, |block| {
                program.segment_time(phase, device, &(block..block + 1)).0 - device.stage_overhead_s.0
            }));
        }
        energy_before.extend(before(blocks, |block| {
            device.energy_price * program.compute_energy(device, &(block..block + 1)).0
        }));
    }
    let pairs = (0..nodes * nodes).map(|pair| {
        let sent = program.hop_at(Phase::Forward, NodeId(pair / nodes), NodeId(pair % nodes), 0);
        let (overhead, latency) = (sent.overhead.0, sent.latency.0);
        let staging = cluster.staging_s_per_byte.get(sent.sender, sent.receiver).0 / 8.0;
        let shares = || program.at.fixed_link(sent.sender, sent.receiver).is_some_and(|link| link.shares_band);
        Pair { medium: medium(&sent, shares), overhead, latency, staging }
    });
    let end = |there: bool, time: &dyn Fn(Phase) -> f64| {
        let backward = if has_backward { time(Phase::Backward) } else { 0.0 };
        there.then(|| [time(Phase::Forward), backward])
    };
    let ends = [
        end(cluster.embedding.is_some(), &|phase| program.embedding_time(phase).0),
        end(cluster.decoder.is_some(), &|phase| program.decoder_time(phase).0),
    ];
    // Memory is linear in the micro-batches in flight: what it is without any, and what each of them adds.
    let held = |samples: f64, block: u32| segment_memory(&spec.encoder, &(block..block + 1), samples);
    let version = |block: u32| match plan.stash_weights {
        true => program.at.segment_bytes(&(block..block + 1)),
        false => 0.0,
    };
    let limit = |limit: Option<u32>, none: u32| limit.unwrap_or(none).min(blocks) as usize;
    Instance {
        kind: plan.schedule,
        sending: program.at.sending(),
        micro_batches: plan.micro_batches,
        iterations: f64::from(plan.local_iterations),
        devices: cluster.devices.len(),
        blocks: blocks as usize,
        given: spec.order == Order::Given,
        all: spec.participation == Participation::All,
        ends,
        fixed_seconds: cluster.fixed_seconds.0,
        stage_overhead: cluster.devices.iter().map(|device| device.stage_overhead_s.0).collect(),
        time_before,
        energy_before,
        parameters_before: before(blocks, |block| program.at.segment_bits(&(block..block + 1)).0).collect(),
        resident_before: before(blocks, |block| held(0.0, block) - version(block)).collect(),
        activation_before: before(blocks, |block| held(program.samples, block) - held(0.0, block) + version(block))
            .collect(),
        memory: cluster.devices.iter().map(|device| device.memory_bytes.0).collect(),
        min_blocks: cluster.devices.iter().map(|device| limit(device.min_blocks, 1).max(1)).collect(),
        max_blocks: cluster.devices.iter().map(|device| limit(device.max_blocks, blocks)).collect(),
        boundary: (0..=blocks).map(|cut| program.boundary_bits(cut).0).collect(),
        band: cluster.bandwidth_hz.0,
        pairs: pairs.collect(),
        upload_bits: cluster.upload_bits.0,
        uplink: spec.uplink.bandwidth_hz.0,
        messages: spec.schema == Schema::V2,
    }
}
