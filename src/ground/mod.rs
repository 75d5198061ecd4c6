//! What every room stands on and that stands on none: checks of fields, indices, phases, units, seeds.

pub(crate) mod check;
pub mod units;
