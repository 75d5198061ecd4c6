//! Federated averaging of whole encoders.

use std::borrow::Cow;

use super::{Bill, cheapest};
use crate::problem::Phase;
use crate::scenario::Scenario;
use crate::simulation::RunError;
use crate::simulation::policy::{Choice, Policy, SlotContext, classical_alone};
use crate::units::Seconds;

/// Every present device trains the whole encoder on its share of the batch, all at the same time: FedAvg inside each
/// cluster.
///
/// ```text
/// T = fixed + Σ_k L w_p/R(0→k) + max_k I M Σ_phases (o_k + L (q_k + b c/f_k)) + Σ_k L w_p/R(k→0) + upload,   b = B/(KM)
/// E_k = I (B/K) L (c_F + c_B) ε_k + (P/η + p_c) L w_p/R(k→0),        memory_k = L (resident + activation B/K)
/// ```
///
/// Parameters go out and come back one device after another on the whole band, as segments do. In its favour: embedding
/// and decoder cost nothing, and no activation is sent. Against it: full power. What it needs of memory is reported and
/// not enforced.
#[derive(Clone, Copy, Debug, Default)]
pub struct FullModelFederated;

impl Policy for FullModelFederated {
    fn name(&self) -> Cow<'static, str> {
        "full-model-federated".into()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        classical_alone(scenario)
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let problem = slot.problem();
        let blocks = problem.encoder.blocks();
        Ok(cheapest(problem, |cluster, plan| {
            let mut bill = Bill::new(problem, cluster, plan)?;
            let mut slowest = [Seconds(0.0); 2];
            for (k, device) in cluster.devices.iter().enumerate() {
                bill.carry(k, blocks)?;
                bill.compute(problem, k, device, blocks);
                let phases = [Phase::Forward, Phase::Backward];
                let times = phases.map(|phase| bill.stage(device, phase, blocks) * bill.uses());
                if times[0].0 + times[1].0 > slowest[0].0 + slowest[1].0 {
                    slowest = times;
                }
            }
            [bill.parts.forward, bill.parts.backward] = slowest;
            Ok(bill.total())
        }))
    }
}
