//! The program as a user runs it.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

mod bound;
#[cfg(feature = "milp")]
mod budget;
mod calibrate;
mod commands;
mod compare;
mod docs;
mod faults_files;
mod faults_messages;
mod faults_traces;
mod figures;
mod files;
mod job_array;
mod limits;
mod links;
mod long_run;
mod partition;
mod playground;
mod program;
mod promise;
mod reproduce;
mod schedule;
mod schemas;
mod tradeoff;
mod width;
