//! Pipelines as they run: the exact event timeline of any static schedule.
//!
//! A [`Schedule`] is data: the order of the work of every stage. A [`Sending`] mode says whom transmissions occupy.
//! Both together compile into a [`Timeline`], which gives the makespan of any [`Durations`] in one pass, a critical
//! path and how often each duration stands on it.
//!
//! ```
//! use collapipe::schedule::{Durations, Schedule, ScheduleKind, Sending, Timeline};
//!
//! let durations = Durations {
//!     forward: vec![1.0, 2.0, 1.0],
//!     backward: vec![2.0, 4.0, 2.0],
//!     forward_link: vec![0.5, 0.5],
//!     backward_link: vec![0.5, 0.5],
//!     ..Durations::default()
//! };
//! for kind in [ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward] {
//!     let mut timeline = Timeline::new(&Schedule::of(kind, 3, 8)?, Sending::Overlapped)?;
//!     println!("{kind}: {} s", timeline.run(&durations)?);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod bound;
mod builders;
mod compile;
mod durations;
mod error;
mod gantt;
mod kind;
mod machine;
mod operation;
#[allow(clippy::module_inception, reason = "the noun that the room is about")]
mod schedule;
mod sending;
mod spec;
mod text;
mod timeline;
mod trace;

pub use crate::drawing::FigureStyle;
pub use crate::ground::check::FieldError;
pub use account::{Account, Count, MachineUse, Memory, PathPiece, StageMemory};
pub use builders::Passes;
pub use durations::{Durations, Layout};
pub use error::ScheduleError;
pub use gantt::{Drawing, MAX_DRAWN};
pub use kind::ScheduleKind;
pub use machine::{Machine, Program};
pub use operation::{Operation, OperationKind};
pub use schedule::{MAX_OPERATIONS, Schedule, Shape};
pub use sending::Sending;
pub use spec::{ScheduleName, ScheduleSpec, SpecError};
pub use timeline::{Event, Timeline};
