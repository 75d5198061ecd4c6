//! Slot problems for tests, benchmarks and experiments: seeded random ones of any size,
//! slots that follow one another, and a catalogue of named ones.
//!
//! ```
//! use collapipe::instances::{Expected, catalogue};
//! use collapipe::solver::{Settings, solve};
//! let entries = catalogue()?;
//! let entry = entries.iter().find(|entry| entry.name == "one-device-without-memory").ok_or("not there")?;
//! let solution = solve(&entry.problem, &Settings::default())?;
//! let reasons = solution.outcome.err().map(|infeasibility| infeasibility.reasons);
//! assert_eq!(reasons.map(Expected::Infeasible), Some(entry.expected.clone()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalogue;
mod random;
mod sequence;

pub use catalogue::{CatalogueEntry, Expected, catalogue};
pub use random::InstanceSize;
pub use sequence::Slots;
