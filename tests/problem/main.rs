//! Slot problems and decisions: validation, evaluation, the exchange format.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod builder;
mod evaluation;
mod media;
mod names;
mod schedules;
mod schema2;
mod schema2_bad_input;
mod small;
mod vectors;
