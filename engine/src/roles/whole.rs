//! Rounds in which every device trains the whole model on its share of the batch: FedAvg inside a cluster.

use collapipe::problem::{
    Cluster, ClusterDecision, ClusterRound, Decision, DeviceId, Link, SlotProblem, SlotSpec, rounds,
};
use collapipe::units::{Seconds, Watts};

use super::error::RoundError;

/// How the stages of a round work together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// Each stage has a segment; micro-batches pass through all of them.
    #[default]
    Pipeline,
    /// Each stage has the whole model and its share of the data, and hears nothing of the others until the round's end.
    WholeModels,
}

/// The round of the core's policy `full-model-federated` under a plan: stages are the devices, each with all blocks and B/K
/// samples of the batch; all transmissions are at full power, the upload on an equal share of its band.
///
/// # Errors
/// [`RoundError::Plan`] where the devices or the micro-batches do not divide a batch.
pub(crate) fn whole_models(problem: &SlotProblem, plan: usize) -> Result<Vec<ClusterRound>, RoundError> {
    let failed = |error: String| RoundError::Plan(error);
    let Some(chosen) = problem.plans.get(plan).copied() else {
        return Err(failed(format!("plan {plan}: the problem has {}", problem.plans.len())));
    };
    let micro_batches = chosen.micro_batches;
    let mut shared: SlotSpec = problem.clone().into_spec();
    // The others may not divide a device's share.
    shared.plans = vec![chosen];
    for (n, cluster) in shared.clusters.iter_mut().enumerate() {
        let devices = u32::try_from(cluster.devices.len()).unwrap_or(u32::MAX);
        let parts = devices.saturating_mul(micro_batches);
        if parts == 0 || !cluster.batch_size.is_multiple_of(parts) {
            return Err(failed(format!(
                "clusters[{n}].batch_size = {}: whole models on {devices} devices in {micro_batches} micro-batches need a \
                 multiple of {parts}",
                cluster.batch_size
            )));
        }
        cluster.batch_size /= devices;
    }
    let shared = SlotProblem::new(shared).map_err(|error| failed(error.to_string()))?;
    let mut all: Vec<ClusterRound> = Vec::new();
    let most = shared.clusters.iter().map(|cluster| cluster.devices.len()).max().unwrap_or(0);
    for device in 0..most {
        let decision =
            Decision { plan: 0, clusters: shared.clusters.iter().map(|of| alone(&shared, of, device)).collect() };
        let found = rounds(&shared, &decision).map_err(|error| failed(error.to_string()))?;
        if all.is_empty() {
            all = found.into_iter().map(without_ends).collect();
            continue;
        }
        for ((sum, own), cluster) in all.iter_mut().zip(found).zip(&shared.clusters) {
            if device < cluster.devices.len() {
                add(sum, without_ends(own));
            }
        }
    }
    Ok(all)
}

/// The decision of a cluster one of whose devices has all blocks.
fn alone(problem: &SlotSpec, cluster: &Cluster, device: usize) -> ClusterDecision {
    let device = device.min(cluster.devices.len().saturating_sub(1));
    let band = |power_w| Some(Link { bandwidth_hz: cluster.bandwidth_hz, power_w });
    let (unit_w, server_w) = (cluster.control_unit.max_power_w, cluster.edge_server.max_power_w);
    let own_w = cluster.devices.get(device).map_or(unit_w, |device| device.max_power_w);
    let ends = [cluster.embedding.is_some(), cluster.decoder.is_some()];
    let hops = |powers: [Watts; 2]| {
        powers.into_iter().zip(ends).filter(|(_, has)| *has).map(|(power, _)| band(power)).collect()
    };
    ClusterDecision {
        active: vec![DeviceId(device)],
        sizes: vec![problem.encoder.blocks()],
        forward: hops([unit_w, own_w]),
        backward: hops([own_w, server_w]),
        collection_power_w: vec![Some(own_w)],
        distribution_power_w: vec![Some(unit_w)],
        upload: Some(Link {
            bandwidth_hz: problem.uplink.bandwidth_hz / problem.clusters.len() as f64,
            power_w: unit_w,
        }),
        ..ClusterDecision::default()
    }
}

/// The device's stage alone, without hops.
fn without_ends(mut round: ClusterRound) -> ClusterRound {
    let device = round.stages.iter().zip(&round.segments).position(|(_, segment)| !segment.is_empty());
    let at = device.unwrap_or_default();
    let keep = |place: usize| place == at;
    retain(&mut round.stages, keep);
    retain(&mut round.segments, keep);
    retain(&mut round.forward, keep);
    retain(&mut round.backward, keep);
    round.forward_hops.clear();
    round.backward_hops.clear();
    round
}

fn retain<T>(list: &mut Vec<T>, keep: impl Fn(usize) -> bool) {
    let mut place = 0;
    list.retain(|_| {
        place += 1;
        keep(place - 1)
    });
}

fn add(sum: &mut ClusterRound, own: ClusterRound) {
    sum.stages.extend(own.stages);
    sum.segments.extend(own.segments);
    sum.forward.extend(own.forward);
    sum.backward.extend(own.backward);
    sum.distribution.extend(own.distribution);
    sum.collection.extend(own.collection);
}

/// Time of an iteration of stages that work alone: that of the slowest.
pub(super) fn slowest_s(round: &ClusterRound) -> f64 {
    let backward = round.plan.schedule.has_backward();
    let stage = |(forward, backward_s): (&Seconds, &Seconds)| forward.0 + if backward { backward_s.0 } else { 0.0 };
    let slowest_s = round.forward.iter().zip(&round.backward).map(stage).fold(0.0, f64::max);
    slowest_s * f64::from(round.plan.micro_batches)
}
