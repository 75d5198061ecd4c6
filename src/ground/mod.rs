//! What every room stands on and no room of its own is about.

pub(crate) mod blame;
pub(crate) mod digest;
pub(crate) mod files;
pub(crate) mod kept;
#[cfg(feature = "figures")]
pub(crate) mod output;
