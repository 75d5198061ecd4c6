//! The states of a record's slots, from its scenario.

use super::record::{RunRecord, SlotRecord};
use crate::ground::blame::{Blame, Blamed};
use crate::scenario::{Scenario, SlotState};

/// Why the states of a record's slots cannot be obtained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatesError {
    /// The record belongs to another scenario, seed, V or number of slots.
    #[error(
        "the record belongs to a scenario with the digest {recorded}, not {given}; give the scenario as it was run"
    )]
    OtherScenario {
        /// Digest in the record.
        recorded: String,
        /// Digest of the scenario given.
        given: String,
    },
    /// The record's slots do not follow one another, or lie beyond those of any run of its scenario.
    #[error("slots[{index}].slot = {found}: must be {expected}")]
    Order {
        /// Place in the record.
        index: usize,
        /// The slot's number.
        found: u64,
        /// What is allowed.
        expected: String,
    },
}

impl Blamed for StatesError {
    fn blame(&self) -> Blame {
        match self {
            Self::OtherScenario { .. } | Self::Order { .. } => Blame::Input,
        }
    }
}

impl RunRecord {
    /// The states of the record's slots, in order.
    pub(super) fn states(&self, scenario: &Scenario) -> Result<Vec<SlotState>, StatesError> {
        let (recorded, given) = (self.provenance.scenario_digest.clone(), scenario.digest());
        if recorded != given {
            return Err(StatesError::OtherScenario { recorded, given });
        }
        let first = self.slots.first().map_or(0, |slot| slot.slot);
        // A pilot's slots follow those of the run, and are not more numerous.
        let run = scenario.spec().slots;
        if first > run {
            return Err(StatesError::Order { index: 0, found: first, expected: format!("at most {run}") });
        }
        for (index, (slot, expected)) in self.slots.iter().zip(first..).enumerate() {
            if slot.slot != expected {
                return Err(StatesError::Order { index, found: slot.slot, expected: expected.to_string() });
            }
        }
        let mut sampler = scenario.sampler();
        (0..first).for_each(|_| drop(sampler.next_slot()));
        // A device that the scenario has there, and the record has not, was found to be gone.
        let state = |slot: &SlotRecord| {
            let state = sampler.next_slot();
            let gone = (0..).zip(state.present()).zip(&slot.present).flat_map(|((cluster, drawn), recorded)| {
                let gone = drawn.iter().filter(|device| !recorded.contains(device));
                gone.map(move |device| (cluster, *device))
            });
            let gone: Vec<(usize, usize)> = gone.collect();
            state.without(&gone)
        };
        Ok(self.slots.iter().map(state).collect())
    }
}
