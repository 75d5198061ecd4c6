//! What every room builds on and that builds on none: checks of fields, indices, phases, units, seeds; digests, text,
//! whole files and finished work on disk; who can resolve an error.

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
pub(crate) mod usual;
