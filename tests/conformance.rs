//! Every backend on every instance of the catalogue.

#[path = "conformance_support/mod.rs"]
mod support;

#[cfg(feature = "conic")]
use collapipe::solver::backend::Conic;
use collapipe::solver::backend::Exact;
use support::{Allowed, every_entry, radio, whole_slot};

const EXACT: Allowed =
    Allowed { optimal: 1e-7, gap: Some(1e-3), excess: Some(0.0), residual: Some(1e-6), entries: every_entry };

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
    let allowed = Allowed { optimal: 1e-6, gap: Some(1e-6), excess: Some(1e-6), residual: Some(2e-3), ..EXACT };
    radio(&Conic::default(), &allowed);
}
