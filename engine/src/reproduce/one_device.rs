//! The policy `one-device`: no pipeline over devices at all.

use std::borrow::Cow;

use collapipe::problem::{DeviceId, SlotProblem};
use collapipe::simulation::{Choice, Outage, Policy, RunError, SlotContext};
use collapipe::solver::backend::{RadioFor, Segments};
use collapipe::solver::{Certified, Settings, solve_radio};

/// Name of the policy.
pub const ONE_DEVICE: &str = "one-device";

/// In every cluster one device holds the whole encoder: the best one, with the best plan, bands and powers for it.
#[derive(Debug)]
pub struct OneDevice {
    settings: Settings,
}

impl OneDevice {
    /// With these settings for the radio.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

/// Every choice of one device per cluster.
fn choices(problem: &SlotProblem) -> Vec<Vec<DeviceId>> {
    problem.clusters.iter().fold(vec![Vec::new()], |before, cluster| {
        let devices = || (0..cluster.devices.len()).map(DeviceId);
        let with = |chosen: &Vec<DeviceId>| {
            let chosen = chosen.clone();
            devices().map(move |device| chosen.iter().copied().chain([device]).collect())
        };
        before.iter().flat_map(with).collect()
    })
}

impl Policy for OneDevice {
    fn name(&self) -> Cow<'static, str> {
        ONE_DEVICE.into()
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let problem = slot.problem();
        let mut best: Option<Certified> = None;
        for devices in choices(problem) {
            let on = |device: &DeviceId| Segments { active: vec![*device], sizes: vec![problem.encoder.blocks()] };
            let mut question = RadioFor { plan: 0, clusters: devices.iter().map(on).collect() };
            for plan in 0..problem.plans.len() {
                question.plan = plan;
                // Whoever has too little memory is no choice.
                let Ok(found) = solve_radio(problem, &question, &self.settings)?.outcome else { continue };
                if best.as_ref().is_none_or(|best| found.evaluation.objective < best.evaluation.objective) {
                    best = Some(found);
                }
            }
        }
        Ok(match best {
            Some(best) => Choice::Decision(best.decision),
            None => Choice::Outage(Outage::no_round("no device holds the whole encoder")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::languages_scenario;
    use collapipe::problem::evaluate;
    use collapipe::simulation::Run;

    /// Against every device tried by hand: moving all blocks to another device never helps.
    #[test]
    fn the_best_device_is_chosen() -> Result<(), Box<dyn std::error::Error>> {
        let mut file = languages_scenario()?;
        file.spec.slots = 1;
        let scenario = file.build()?;
        let mut run = Run::with_policy(&scenario, Box::new(OneDevice::new(Settings::default())))?;
        let problem = run.next_problem()?.problem;
        let slot = run.next().ok_or("a slot")??;
        let planned = slot.planned().ok_or("a round")?;
        let decision = planned.decision.as_ref().ok_or("a decision")?;
        let [cluster] = decision.clusters.as_slice() else { return Err("one cluster".into()) };
        assert_eq!(cluster.sizes, [scenario.blocks()]);
        let own = evaluate(&problem, decision)?.objective;
        for device in (0..problem.clusters[0].devices.len()).map(DeviceId) {
            let mut other = decision.clone();
            other.clusters[0].active = vec![device];
            // The radio is that of the other device, so that it is only an upper bound where it is feasible at all.
            if let Ok(evaluation) = evaluate(&problem, &other) {
                assert!(!evaluation.feasibility.is_feasible(1e-9) || evaluation.objective >= own - 1e-9);
            }
        }
        Ok(())
    }
}
