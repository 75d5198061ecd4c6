//! A drift-plus-penalty run: slot by slot, from queue prices to decisions to queues, and what it leaves behind.
//!
//! ```
//! use collapipe::scenario::{BUILTIN, ScenarioFile};
//! use collapipe::simulation::Run;
//! use collapipe::solver::Settings;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut file = ScenarioFile::parse(BUILTIN, "".as_ref())?;
//! file.spec.slots = 3;
//! let scenario = file.build()?;
//! let mut run = Run::new(&scenario, Settings::default())?;
//! let slots = run.by_ref().collect::<Result<Vec<_>, _>>()?; // an iterator: stop whenever you like
//! let record = run.record(slots);
//! assert_eq!(record.slots.len(), 3);
//! assert!(record.nodes.iter().filter_map(|node| node.certificate).all(|c1| c1.holds()));
//! # Ok(())
//! # }
//! ```

mod record;
mod run;

pub use record::{
    Cause, ClusterRecord, NodeRecord, Outage, Outcome, PlannedSlot, Provenance, RecordSchema, RunRecord, SlotRecord,
    SolverSettings,
};
pub use run::{Run, RunError};
