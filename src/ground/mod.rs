//! What every room stands on and that stands on none: checks of fields, indices, phases, units, seeds.

pub(crate) mod check;
pub(crate) mod phase;
pub(crate) mod route;
pub(crate) mod seed;
pub mod units;
