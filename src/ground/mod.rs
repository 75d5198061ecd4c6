//! What every room stands on and that stands on none: checks of fields, indices, phases, units, seeds; digests, text, whole
//! files and finished work on disk; who can do something about an error.

pub(crate) mod blame;
pub(crate) mod check;
pub(crate) mod digest;
pub(crate) mod files;
pub(crate) mod kept;
#[cfg(feature = "figures")]
pub(crate) mod output;
pub(crate) mod phase;
pub(crate) mod route;
pub(crate) mod seed;
pub mod text;
pub mod units;
