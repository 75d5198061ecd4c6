//! Every backend on every instance of the catalogue.

#![allow(clippy::unwrap_used, clippy::panic)] // The configured exemption of tests leaves out their helpers.

#[path = "conformance_support/mod.rs"]
mod support;

#[cfg(feature = "conic")]
use collapipe::solver::backend::Conic;
use collapipe::solver::backend::Exact;
use support::{Allowed, conditions_are_not_idle, every_entry, radio, whole_slot};

const EXACT: Allowed =
    Allowed { optimal: 1e-7, gap: Some(1e-3), excess: Some(0.0), residual: Some(1e-6), entries: every_entry };

#[test]
fn the_optimality_conditions_tell_worse_decisions() {
    conditions_are_not_idle();
}

#[test]
fn exact_whole_slot() {
    whole_slot(&Exact::default(), &EXACT);
}

#[test]
fn exact_radio() {
    radio(&Exact::default(), &EXACT);
}

#[cfg(feature = "conic")]
#[test]
fn conic_radio() {
    // Asked for more than is held against it, so that the optimality conditions are sharp. The worst residual is that of
    // messages which make up 1e-10 of the objective; nearly all others are below 1e-4.
    let mut backend = Conic::default();
    backend.settings.gap = 1e-8;
    let allowed = Allowed { optimal: 1e-8, gap: Some(1e-6), excess: Some(1e-6), residual: Some(1e-3), ..EXACT };
    radio(&backend, &allowed);
}
