//! What is proved in `docs/theory`: convergence bounds, virtual queues and their certificates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

mod bounds_bad_input;
mod bounds_estimates;
mod bounds_hand_values;
mod bounds_properties;
mod bounds_simulation;
mod certificates;
mod engine_problems;
mod extensions;
mod finite;
mod fleet;
mod lydroo;
mod schedules;
#[allow(dead_code, reason = "the developers' program that runs them all prints more")]
mod training;
