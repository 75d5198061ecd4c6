//! Runs: a scenario's slots solved one after another, recorded.

mod record;

pub use record::{
    ClusterPlan, NodeRecord, NodeRole, PlannedSlot, Provenance, RunRecord, RunSchema, SlotOutcome, SlotRecord,
};
