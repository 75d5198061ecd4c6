//! Split learning: one device after another.

use std::borrow::Cow;

use super::{Bill, ServerRates, best_cut, cheapest};
use crate::problem::Phase;
use crate::problem::{DeviceId, NodeId};
use crate::scenario::Scenario;
use crate::simulation::RunError;
use crate::simulation::policy::{Choice, Policy, SlotContext, classical_alone};

/// One cut between device and edge server; the devices train one after another, each on its share of the batch.
///
/// A device holds the first d blocks, the edge server the others and the decoder, at the rates at which it computes the
/// decoder.
///
/// ```text
/// T = fixed + Σ_k [d w_p/R(0→k) + I M Σ_phases (o_k + d (q_k + b c/f_k) + ℓ + b A/R + server) + d w_p/R(k→0)] + upload,   b = B/(KM)
/// server = b ((L − d) c/f_S + decoder),          R: k → server forward, server → k backward, on the whole band
/// ```
///
/// d is the one with the least V·T + Σ Z·E, the same for all devices of a cluster. The device's part goes back to the
/// control unit and from there to the next device. In its favour: the embedding costs nothing. The edge server works for
/// I·M·K·Σ_phases server and holds one copy of its part, (L − d)(resident + activation B/K) and the decoder, which its memory
/// must hold where the scenario limits it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SplitLearning;

impl Policy for SplitLearning {
    fn name(&self) -> Cow<'static, str> {
        "split-learning".into()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        classical_alone(scenario)
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let problem = slot.problem();
        Ok(cheapest(problem, |cluster, plan| {
            let rates = ServerRates::new(slot, cluster)?;
            let server = NodeId::edge_server(cluster.devices.len());
            best_cut(problem, cluster, |blocks| {
                let mut bill = Bill::new(problem, cluster, plan)?;
                bill.serve(rates, blocks, 1.0)?;
                for (k, device) in cluster.devices.iter().enumerate() {
                    bill.carry(k, blocks)?;
                    bill.compute(problem, k, device, blocks);
                    let (bits, uses) = (bill.boundary(), bill.uses());
                    let up = bill.send((DeviceId(k).node(), server), bits, cluster.bandwidth_hz, uses)?;
                    let down = bill.send((server, DeviceId(k).node()), bits, cluster.bandwidth_hz, uses)?;
                    let phase = |phase| bill.stage(device, phase, blocks) + bill.server(rates, phase, blocks);
                    let forward = (phase(Phase::Forward) + bill.hop_latency() + up) * uses;
                    let backward = (phase(Phase::Backward) + bill.hop_latency() + down) * uses;
                    bill.parts.forward += forward;
                    bill.parts.backward += backward;
                }
                Ok(bill.total())
            })
        }))
    }
}
