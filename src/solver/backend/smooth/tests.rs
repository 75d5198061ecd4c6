//! Terms whose optimum is known otherwise, and terms that break.

use super::*;
use crate::instances::InstanceSize;
use crate::problem::SlotSpec;
use crate::solver::{Certified, solve};

fn sampled(seed: u64) -> (SlotProblem, RadioFor) {
    let problem = InstanceSize { devices: 5, blocks: 10, ..InstanceSize::default() }.sample(seed).unwrap();
    let best = solve(&problem, &Settings::default()).unwrap().outcome.unwrap();
    (problem, RadioFor::decision(&best.decision))
}

fn exact(problem: &SlotProblem, question: &RadioFor) -> Certified {
    solve_radio(problem, question, &Settings::default()).unwrap().outcome.unwrap()
}

fn found(problem: &SlotProblem, question: &RadioFor, term: &dyn ExtraTerm, settings: &SmoothSettings) -> LocalBest {
    solve_with_term(problem, question, term, settings).unwrap().outcome.unwrap()
}

#[test]
fn nothing_added_leaves_the_exact_optimum() {
    for seed in 0..10 {
        let (problem, question) = sampled(seed);
        let best = exact(&problem, &question);
        let none = |_: &Evaluation| 0.0;
        let solution = solve_with_term(&problem, &question, &none, &SmoothSettings::default()).unwrap();
        assert_eq!(solution.linearizations, 1);
        let found = solution.outcome.unwrap();
        assert!(
            (found.total / best.objective() - 1.0).abs() <= 1e-6,
            "seed {seed}: {} {}",
            found.total,
            best.objective()
        );
        let bound = found.lower_bound_if_convex.unwrap();
        assert!(bound <= found.total && found.total - bound <= 1e-6 * found.total, "seed {seed}");
    }
}

/// A linear term is a change of prices, which the exact solver knows.
#[test]
fn linear_terms_agree_with_changed_prices() {
    for seed in 0..10 {
        let (problem, question) = sampled(seed);
        let (per_joule, per_second) = (30.0, 0.5 * problem.latency_weight);
        let term = |evaluation: &Evaluation| {
            per_joule * evaluation.clusters[0].device_energy[1].total().0 + per_second * evaluation.round_latency.0
        };
        let mut spec: SlotSpec = problem.clone().into_spec();
        spec.clusters[0].devices[1].energy_price += per_joule;
        spec.latency_weight += per_second;
        let changed = exact(&SlotProblem::new(spec).unwrap(), &question);
        let found = found(&problem, &question, &term, &SmoothSettings::default());
        assert!(found.start > changed.objective() * (1.0 + 1e-6), "seed {seed}: the term must matter");
        assert!((found.total / changed.objective() - 1.0).abs() <= 1e-6, "seed {seed}");
        let bound = found.lower_bound_if_convex.unwrap();
        assert!(bound <= found.total * (1.0 + 1e-9) && found.total - bound <= 1e-5 * found.total, "seed {seed}");
    }
}

/// Soft budgets: convex, and the bound closes on the total.
#[test]
fn convex_terms_are_bounded() {
    for seed in 0..10 {
        let (problem, question) = sampled(seed);
        let free = exact(&problem, &question);
        let spent = free.evaluation.clusters[0].device_energy[2].transmit.0;
        let unit = free.objective() / spent.max(1e-9).powi(2);
        let late = free.evaluation.round_latency.0;
        let term = |evaluation: &Evaluation| {
            let energy = evaluation.clusters[0].device_energy[2].transmit.0 - 0.8 * spent;
            let time = evaluation.round_latency.0 - 0.99 * late;
            unit * energy.max(0.0).powi(2) + free.objective() * (time / late).max(0.0).powi(2)
        };
        let found = found(&problem, &question, &term, &SmoothSettings::default());
        let bound = found.lower_bound_if_convex.unwrap();
        assert!(bound <= found.total * (1.0 + 1e-9), "seed {seed}: {bound} above {}", found.total);
        println!(
            "seed {seed}: start {:.3e}, total {:.3e}, gap {:.1e}",
            found.start,
            found.total,
            1.0 - bound / found.total
        );
        assert!(found.total - bound <= 1e-3 * found.total, "seed {seed}: {:e}", 1.0 - bound / found.total);
    }
}

/// Alone, the search without derivatives goes part of the way.
#[test]
fn the_search_without_derivatives_improves_and_stays_feasible() {
    let mut shares = Vec::new();
    for seed in 0..5 {
        let (problem, question) = sampled(seed);
        let term = |evaluation: &Evaluation| 30.0 * evaluation.clusters[0].device_energy[1].transmit.0;
        let alone = SmoothSettings { linearizations: 0, ..SmoothSettings::default() };
        let searched = found(&problem, &question, &term, &alone);
        assert!(searched.total <= searched.start && searched.evaluation.feasibility.is_feasible(1e-9));
        assert!(searched.lower_bound_if_convex.is_none());
        let best = found(&problem, &question, &term, &SmoothSettings::default());
        assert!(best.total <= searched.total * (1.0 + 1e-9));
        shares.push((searched.start - searched.total) / (searched.start - best.total));
    }
    println!("{shares:.2?} of what there is to gain");
    assert!(shares.iter().filter(|&&share| share >= 0.1).count() >= 3, "{shares:?}");
}

/// A reward for energy drives prices below zero: no bound, and a status that promises nothing.
#[test]
fn rewards_for_spending_have_no_bound() {
    let (problem, question) = sampled(1);
    let term = |evaluation: &Evaluation| -1e3 * evaluation.clusters[0].control_unit_energy.0;
    let found = found(&problem, &question, &term, &SmoothSettings::default());
    assert!(found.lower_bound_if_convex.is_none() && found.total <= found.start);
}

#[test]
fn broken_terms_and_settings_are_errors() {
    let (problem, question) = sampled(1);
    let settings = SmoothSettings::default();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let term = move |_: &Evaluation| bad;
        let error = solve_with_term(&problem, &question, &term, &settings).unwrap_err();
        assert!(error.to_string().starts_with("smooth: the extra term is "), "{error}");
    }
    // Finite at the start only: the start is what comes back.
    let at = exact(&problem, &question).evaluation.objective;
    let cliff = move |evaluation: &Evaluation| if evaluation.objective == at { 0.0 } else { f64::NAN };
    let found = found(&problem, &question, &cliff, &settings);
    assert_eq!(found.total, found.start);
    let settings = SmoothSettings { tolerance: f64::NAN, ..settings };
    let error = solve_with_term(&problem, &question, &|_: &Evaluation| 0.0, &settings).unwrap_err();
    assert_eq!(error.to_string(), "settings.tolerance = NaN: must be in [1e-12, 1]");
}
