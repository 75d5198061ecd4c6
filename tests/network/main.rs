//! What the world costs: models, devices and the radio between them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

mod device_presets;
#[cfg(feature = "cli")] // for the csv reader
mod device_reference;
mod model_costs;
#[cfg(feature = "cli")] // for the csv reader
mod model_reference;
mod radio_channel;
mod radio_fading;
mod radio_path_loss;
mod radio_trace;
