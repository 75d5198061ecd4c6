//! Predicted against measured, part by part.

mod energy;
mod parts;
pub mod table;

pub use energy::{NodeEnergies, energies, planned_energies};
pub use parts::{Comparison, PART_NAMES, Part};
pub use table::text;
