//! Every backend on every instance of the catalogue.

mod checks;

use checks::{Allowed, conditions_are_not_idle, every_entry, radio, whole_slot};
use collapipe::instances::CatalogueEntry;
#[cfg(feature = "milp")]
use collapipe::problem::Participation;
#[cfg(feature = "conic")]
use collapipe::solver::backend::Conic;
#[cfg(feature = "highs")]
use collapipe::solver::backend::LinearSolver;
#[cfg(feature = "milp")]
use collapipe::solver::backend::Milp;
use collapipe::solver::backend::{Alternating, Exact, Exhaustive};

const EXACT: Allowed =
    Allowed { optimal: 1e-7, gap: Some(1e-3), excess: Some(0.0), residual: Some(1e-6), entries: every_entry };

/// Entries with few enough choices to try them all: at most 4,004 with one cluster, 1,568 with two.
fn few_choices(entry: &CatalogueEntry) -> bool {
    let problem = &entry.problem;
    problem.clusters.len() <= 2
        && problem.encoder.blocks() <= 10
        && problem.clusters.iter().all(|cluster| cluster.devices.len() <= 5)
}

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
    // Asked for more than is held against it, so that the optimality conditions are sharp. The worst residual is that
    // of messages which make up 1e-10 of the objective; nearly all others are below 1e-4.
    let mut backend = Conic::default();
    backend.settings.gap = 1e-8;
    let allowed = Allowed { optimal: 1e-8, gap: Some(1e-6), excess: Some(1e-6), residual: Some(1e-3), ..EXACT };
    radio(&backend, &allowed);
}

#[test]
fn exhaustive_whole_slot() {
    // The exact search may return a choice that costs more than the best by its tolerance, a hundredth of the gap.
    whole_slot(&Exhaustive::<Exact>::default(), &Allowed { excess: Some(1e-9), entries: few_choices, ..EXACT });
}

/// All but the entry whose linear programs take half a minute.
#[cfg(feature = "milp")]
fn few_subsets(entry: &CatalogueEntry) -> bool {
    entry.problem.participation == Participation::All
        || entry.problem.clusters.iter().all(|cluster| cluster.devices.len() <= 5)
}

#[cfg(feature = "milp")]
#[test]
fn milp_whole_slot() {
    let allowed = Allowed { optimal: 1e-4, gap: Some(1e-4), excess: Some(1e-4), entries: few_subsets, ..EXACT };
    whole_slot(&Milp::default(), &allowed);
}

#[cfg(feature = "highs")]
#[test]
fn highs_whole_slot() {
    let allowed = Allowed { optimal: 1e-4, gap: Some(1e-4), excess: Some(1e-4), entries: few_subsets, ..EXACT };
    whole_slot(&Milp { solver: LinearSolver::Highs, ..Milp::default() }, &allowed);
}

#[cfg(feature = "milp")]
#[test]
fn alternating_whole_slot() {
    // It may be stuck anywhere; its bound is the exact solver's.
    let allowed = Allowed { optimal: 1e-7, gap: None, excess: None, residual: None, entries: every_entry };
    whole_slot(&Alternating::<Milp>::default(), &allowed);
}

#[test]
fn alternating_with_enumerated_segments() {
    let allowed = Allowed { optimal: 1e-7, gap: None, excess: None, residual: None, entries: few_choices };
    whole_slot(&Alternating::<Exhaustive>::default(), &allowed);
}
