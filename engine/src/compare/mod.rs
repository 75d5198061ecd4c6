//! Predicted against measured, part by part.

mod parts;
pub mod table;

pub use parts::{Comparison, PART_NAMES, Part};
pub use table::text;
