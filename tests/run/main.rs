//! Scenarios round after round: files, policies, records, certificates, and what is reported of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "cli")]
mod against;
#[cfg(all(feature = "cli", feature = "milp"))]
mod certificates;
#[cfg(all(feature = "cli", feature = "milp"))]
mod certificates_recomputed;
#[cfg(feature = "cli")]
mod convergence;
#[cfg(feature = "cli")]
mod engine_scenario;
#[cfg(feature = "cli")]
mod lasting;
#[cfg(feature = "cli")]
mod long;
#[cfg(feature = "cli")]
mod margins;
#[cfg(all(feature = "cli", feature = "milp"))]
mod needs;
#[cfg(feature = "cli")]
mod online;
#[cfg(feature = "cli")]
mod policies;
#[cfg(feature = "cli")]
mod policies_planned;
#[cfg(feature = "cli")]
mod policies_unpipelined;
#[cfg(feature = "cli")]
mod privacy;
#[cfg(feature = "cli")]
mod record;
#[cfg(feature = "cli")]
mod report_engine;
#[cfg(feature = "cli")]
mod report_experiments;
#[cfg(feature = "cli")]
mod report_figures;
#[cfg(feature = "cli")]
mod report_folder;
#[cfg(feature = "cli")]
mod report_page;
mod report_summary;
#[cfg(feature = "cli")]
mod scenario_files;
#[cfg(feature = "cli")]
mod scenario_pipelines;
#[cfg(feature = "cli")]
mod scenario_tables;
mod send_and_sync;
#[cfg(feature = "cli")]
mod server;
#[cfg(feature = "cli")]
mod svg;
mod synthetic;
