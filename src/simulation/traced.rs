//! What a run says to whoever listens: an event when it begins, and one per slot.

use tracing::{debug, info, warn};

use super::outage::Outage;
use super::policy::Policy;
use super::record::SlotOutcome;
use crate::scenario::{Scenario, SlotState};

/// The name by which all events of runs are filtered.
const TARGET: &str = "collapipe::simulation";

pub(super) fn run_begun(scenario: &Scenario, policy: &dyn Policy) {
    let spec = scenario.spec();
    info!(
        target: TARGET,
        scenario = spec.name.as_str(),
        seed = spec.seed,
        slots = spec.slots,
        latency_weight = spec.latency_weight,
        policy = policy.name().as_ref(),
        "run begins"
    );
}

pub(super) fn slot_played(state: &SlotState, outcome: &SlotOutcome) {
    let present = || state.present().iter().map(Vec::len).sum::<usize>();
    match outcome {
        SlotOutcome::Planned(planned) => debug!(
            target: TARGET,
            slot = state.slot(),
            present = present(),
            latency_s = planned.latency_s.0,
            plan = planned.plan,
            objective = planned.objective,
            lower_bound = planned.lower_bound,
            gap = planned.gap,
            "round is planned"
        ),
        SlotOutcome::Outage(outage) if outage.excludes_rounds() => {
            info!(target: TARGET, slot = state.slot(), present = present(), reason = reason(outage), "no round is possible");
        }
        SlotOutcome::Outage(outage) => {
            warn!(target: TARGET, slot = state.slot(), present = present(), reason = reason(outage), "no round was found");
        }
    }
}

fn reason(outage: &Outage) -> &str {
    outage.reason.as_str()
}
