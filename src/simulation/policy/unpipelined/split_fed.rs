//! SplitFed: split learning on all devices at once.

use std::borrow::Cow;

use super::{Bill, ServerRates, best_cut, cheapest};
use crate::problem::Phase;
use crate::problem::{DeviceId, NodeId};
use crate::scenario::Scenario;
use crate::simulation::RunError;
use crate::simulation::policy::{Choice, Policy, SlotContext, classical_alone};
use crate::units::Seconds;

/// Split learning with all devices at the same time on equal shares of the band; their parts are averaged after the
/// round.
///
/// ```text
/// T = fixed + Σ_k d w_p/R(0→k) + I M Σ_phases [max_k (o_k + d (q_k + b c/f_k) + ℓ + b A/R_k) + Σ_k server] + Σ_k d w_p/R(k→0) + upload
/// ```
///
/// with b, server and d as for split learning, and R_k on W/K. The edge server works on one device's micro-batch after
/// another, once all have arrived (in the backward phase: before any is sent), which overstates its waiting. In its
/// favour: the embedding costs nothing. The edge server works as long as under split learning, and holds a copy of its part
/// for each of the K devices (as SplitFedV1 of Thapa et al. 2022), which its memory must hold where the scenario limits it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SplitFed;

impl Policy for SplitFed {
    fn name(&self) -> Cow<'static, str> {
        "split-fed".into()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        classical_alone(scenario)
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let problem = slot.problem();
        Ok(cheapest(problem, |cluster, plan| {
            let rates = ServerRates::new(slot, cluster)?;
            let (devices, server) = (cluster.devices.len() as f64, NodeId::edge_server(cluster.devices.len()));
            let share = cluster.bandwidth_hz / devices;
            best_cut(problem, cluster, |blocks| {
                let mut bill = Bill::new(problem, cluster, plan)?;
                bill.serve(rates, blocks, devices)?;
                let (mut slowest, uses) = ([Seconds(0.0); 2], bill.uses());
                for (k, device) in cluster.devices.iter().enumerate() {
                    bill.carry(k, blocks)?;
                    bill.compute(problem, k, device, blocks);
                    let bits = bill.boundary();
                    let up = bill.send((DeviceId(k).node(), server), bits, share, uses)?;
                    let down = bill.send((server, DeviceId(k).node()), bits, share, uses)?;
                    let forward = bill.stage(device, Phase::Forward, blocks) + bill.hop_latency() + up;
                    let backward = bill.stage(device, Phase::Backward, blocks) + bill.hop_latency() + down;
                    slowest = [Seconds(slowest[0].0.max(forward.0)), Seconds(slowest[1].0.max(backward.0))];
                }
                let server = |phase| bill.server(rates, phase, blocks) * devices;
                let forward = (slowest[0] + server(Phase::Forward)) * uses;
                let backward = (slowest[1] + server(Phase::Backward)) * uses;
                [bill.parts.forward, bill.parts.backward] = [forward, backward];
                Ok(bill.total())
            })
        }))
    }
}
