//! Partition problems without radio: other planners' answers, brute force, bad input.

mod bad_input;
mod brute;
mod peers;
#[cfg(feature = "scenario")]
mod profiles;
