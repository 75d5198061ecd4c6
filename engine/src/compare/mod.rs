//! Predicted against measured, part by part.

mod parts;
mod table;

pub use parts::{Comparison, PART_NAMES, Part};
pub use table::text;
