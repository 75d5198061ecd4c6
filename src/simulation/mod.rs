//! A drift-plus-penalty run: a scenario's slots solved one after another, and what they leave behind.
//!
//! [`Run`] plays the [`Rounds`] of a scenario through the [`Engine`](crate::lyapunov::Engine) that plays any other slot
//! problem. It is an iterator over slots: take as many as you like, look at the queues in between, and turn what you have
//! into a [`RunRecord`], from which all tables, figures and certificates are made.
//!
//! ```
//! # #[cfg(feature = "scenario")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use collapipe::scenario::{BUILTIN, ScenarioFile};
//! use collapipe::simulation::Run;
//! use collapipe::solver::Settings;
//! let mut file = ScenarioFile::parse(BUILTIN, "".as_ref())?;
//! file.spec.slots = 3;
//! let scenario = file.build()?;
//! let mut run = Run::new(&scenario, Settings::default())?;
//! let slots = run.by_ref().collect::<Result<Vec<_>, _>>()?;
//! let record = run.record(slots);
//! assert_eq!(record.slots.len(), 3);
//! assert!(run.certificate(0).is_none_or(|c1| c1.holds()));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "scenario"))]
//! # fn main() {}
//! ```
//!
//! A record, finished or not, can be [compared](RunRecord::compare) with what else was possible in its states, and held
//! [against](RunRecord::against) the record of any other policy in them; [`RunRecord::history`] turns it
//! into the plain data of [`lyapunov::certificate`](crate::lyapunov::certificate).
//!
//! The record's format keeps its version as long as every record that was written can be read: new fields are optional,
//! and left out where a run has no use for them. A change that gives an old field another meaning takes a new version.

mod against;
#[cfg(feature = "milp")]
mod budgets;
mod carried;
mod compare;
mod derived;
mod form;
mod history;
mod ledger;
mod lines;
mod needs;
mod outage;
mod pilot;
pub mod policy;
mod record;
mod record_error;
mod round;
mod rounds;
mod run;
mod states;
mod traced;
mod traffic;
mod whole_blocks;

pub use against::AgainstError;
#[cfg(feature = "milp")]
pub use budgets::LeastBudget;
pub use carried::carried_over;
pub use compare::{ComparedSlot, ComparisonRecord, Effort, MOST_COMPARED, PossibleDecision};
pub use derived::{DerivedBudgets, DerivedWeight};
pub(crate) use ledger::Ledger;
pub use lines::{RecordLinesError, RecordReader, RecordWriter};
pub(crate) use needs::MORE;
pub use needs::{BudgetNeeds, ShortBudget};
pub use outage::{Outage, OutageCause};
pub use pilot::{PILOT_SLOTS, Pilot, PilotError};
pub use policy::{Choice, Executed, Policy, PolicyKind, SlotContext, UnknownPolicy};
pub use record::{
    ClusterPlan, ConvergenceRecord, ConvergenceSlot, MeasuredParts, MeasuredSlot, NodeRecord, NodeRole, PlannedSlot,
    Provenance, RunRecord, RunSchema, SlotOutcome, SlotRecord,
};
pub use record_error::RecordError;
pub use rounds::{PlayedSlot, Rounds};
pub use run::{Run, RunError};
pub use states::StatesError;
pub use traffic::{MessageRecord, PipelineRecord, RoundPart};
