//! collapipe
pub mod units;
