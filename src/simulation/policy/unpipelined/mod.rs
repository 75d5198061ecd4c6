//! Baselines that train in another way than a pipeline over devices. What they cost is our own model, not a decision of
//! the slot problem.
//!
//! Common to all: every present device works on its equal share B/K of the batch, I local iterations of M micro-batches
//! of B/(KM) samples; all transmissions are at full power; the upload has an equal share of its band; computing the
//! embedding is left out, in favour of these policies. Plans are compared by the slot's objective, and the cheapest is
//! played. Memory of devices is reported, not enforced; that of the edge server is a limit, where a scenario gives it one.

mod bill;
mod full_model;
mod split_fed;
mod split_learning;

pub use full_model::FullModelFederated;
pub use split_fed::SplitFed;
pub use split_learning::SplitLearning;

use bill::Bill;

use super::{Choice, OwnCluster, OwnRound};
use crate::problem::{CandidatePlan, Cluster, SlotProblem};
use crate::simulation::Outage;
use crate::simulation::round::Round;
use crate::units::Bytes;

/// The cheapest round over all plans; `train` bills a cluster for one plan, or says what is missing.
fn cheapest(problem: &SlotProblem, train: impl Fn(&Cluster, &CandidatePlan) -> Result<OwnCluster, String>) -> Choice {
    let mut best: Option<(f64, OwnRound)> = None;
    let mut missing = String::from("no plan");
    for (index, plan) in problem.plans.iter().enumerate() {
        let each = problem.clusters.iter().enumerate();
        let clusters =
            each.map(|(n, cluster)| train(cluster, plan).map_err(|reason| format!("clusters[{n}]: {reason}")));
        let own = match clusters.collect::<Result<Vec<_>, _>>() {
            Ok(clusters) => OwnRound { plan: index, clusters },
            Err(reason) => {
                missing = reason;
                continue;
            }
        };
        match Round::own(problem, own.clone()) {
            Ok(round) if best.as_ref().is_none_or(|(least, _)| round.objective < *least) => {
                best = Some((round.objective, own));
            }
            Ok(_) => {}
            Err(reason) => missing = reason,
        }
    }
    best.map_or(Choice::Outage(Outage::no_round(missing)), |(_, own)| Choice::Round(own))
}

/// The cut with the least V·T + Σ Z·E of a cluster alone: `train` bills it for the blocks that its devices hold.
fn best_cut(
    problem: &SlotProblem,
    cluster: &Cluster,
    train: impl Fn(u32) -> Result<OwnCluster, String>,
) -> Result<OwnCluster, String> {
    let mut best: Option<(f64, OwnCluster)> = None;
    let mut missing = String::from("no cut");
    for blocks in 1..=problem.encoder.blocks() {
        match train(blocks) {
            Ok(own) => {
                let costs = &own.costs;
                let devices = cluster.devices.iter().zip(&costs.device_energy);
                let energy: f64 = devices.map(|(device, energy)| device.energy_price * energy.total().0).sum();
                let cost = problem.latency_weight * costs.latency.0
                    + energy
                    + cluster.control_unit.energy_price * costs.control_unit_energy.0
                    + cluster.edge_server.energy_price * costs.edge_server.energy.0;
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, own));
                }
            }
            Err(reason) => missing = reason,
        }
    }
    best.map(|(_, own)| own).ok_or(missing)
}

/// The edge server's time per sample for `blocks` encoder blocks, forward and backward, at the rates at which it
/// computes the decoder, and for the decoder itself.
#[derive(Clone, Copy, Debug)]
struct ServerRates {
    /// Seconds per FLOP, forward and backward.
    per_flop: [f64; 2],
    /// Memory of the decoder: resident, and per sample.
    decoder_memory: [Bytes; 2],
}

impl ServerRates {
    /// From what the decoder costs and how long it takes; an error where it costs nothing, so that no rate is known.
    fn new(context: &super::SlotContext<'_>, cluster: &Cluster) -> Result<Self, String> {
        let model = context.scenario().model().ok_or("the scenario has a chain instead of a Transformer")?;
        let decoder = model.decoder;
        let flops = [decoder.forward_flops_per_sample.0, decoder.backward_flops_per_sample.0];
        let stage = cluster.decoder.unwrap_or_default();
        let seconds = [stage.forward_seconds_per_sample.0, stage.backward_seconds_per_sample.0];
        let [forward, backward] = [seconds[0] / flops[0], seconds[1] / flops[1]];
        match forward.is_finite() && backward.is_finite() {
            true => Ok(Self { per_flop: [forward, backward], decoder_memory: model.decoder_memory() }),
            false => Err("the decoder costs nothing, so that the edge server's rate is not known".into()),
        }
    }
}
