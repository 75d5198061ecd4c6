//! Margins of budgets: what is played, and what that proves of the budgets themselves.

use collapipe::lyapunov::Certificate;
use collapipe::report::{Summary, summary};
use collapipe::simulation::Run;
use collapipe::solver::Settings;
use proptest::prelude::*;
use serde_json::Value;

use crate::support::scenario::{changed, read};

/// The small scenario with a budget that binds, played for `slots` slots.
fn played(margin: &str, slots: u64) -> (Summary, Value) {
    let text = changed("budget_j_per_round = 2.0", "budget_j_per_round = 0.75")
        .replacen("budget_j_per_round = 0.5", "budget_j_per_round = 5.0", 1)
        .replacen("slots = 20", &format!("slots = {slots}\n{margin}"), 1);
    let scenario = read(&text).unwrap();
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let played = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    let record = run.record(played);
    (summary(&record), serde_json::to_value(&record).unwrap())
}

#[test]
fn a_budget_is_kept_for_sure_with_the_margin_that_is_printed() {
    let (without, _) = played("", 300);
    let margins = without.margins.as_ref().unwrap();
    assert!(margins.stated.is_empty() && margins.needed > 0.0, "{margins:?}");
    assert!(without.to_string().contains("Overspend 0 for sure: about budget_margin = "), "{without}");
    assert_eq!(margins.needed_by.as_deref(), Some("desk/pi"));
    // The estimate is for queues that grow as without it; twice as much is on the safe side here.
    let margin = 2.0 * margins.needed;
    let (with, record) = played(&format!("budget_margin = {margin:?}"), 300);
    let stated = with.margins.as_ref().unwrap().stated.iter().find(|of| of.name == "desk/pi").unwrap();
    assert!(stated.is_kept() && (stated.margin - margin).abs() < 1e-12 && stated.budget_j.0 == 0.75, "{stated:?}");
    // By plain JSON: the true budget, and the bound from the queue.
    let nodes = record["nodes"].as_array().unwrap();
    let pi = nodes.iter().position(|node| node["name"] == "desk/pi").unwrap();
    assert_eq!(nodes[pi]["stated_budget_j"], 0.75);
    assert!((nodes[pi]["budget_j"].as_f64().unwrap() - 0.75 * (1.0 - margin)).abs() < 1e-15);
    let (mut spent, mut queue) = (0.0, 0.0_f64);
    for slot in record["slots"].as_array().unwrap() {
        let energy = slot["energy_j"][pi].as_f64().unwrap();
        spent += energy / 300.0;
        queue = (queue + energy / (0.75 * (1.0 - margin)) - 1.0).max(0.0);
    }
    let growth = queue / 300.0;
    assert!(growth <= margin / (1.0 - margin), "{growth} {margin}");
    assert!((stated.certificate.mean_violation - (spent / 0.75 - 1.0)).abs() < 1e-9);
    assert!((stated.certificate.bound - ((1.0 - margin) * (1.0 + growth) - 1.0)).abs() < 1e-9);
    assert!(spent <= 0.75, "{spent}");
    assert!(with.to_string().contains("kept for sure"), "{with}");
}

#[test]
fn nodes_have_margins_of_their_own() {
    let text = changed("budget_j_per_round = 2.0", "budget_j_per_round = 2.0\nbudget_margin = 0.25").replacen(
        "slots = 20",
        "slots = 20\nbudget_margin = 0.1",
        1,
    );
    let scenario = read(&text).unwrap();
    let budgets: Vec<Option<f64>> = scenario.budgets().iter().map(|budget| budget.map(|budget| budget.0)).collect();
    assert_eq!(budgets, [Some(0.45), Some(1.5), None]);
    let error = |text: &str| read(text).unwrap_err().to_string();
    for (from, to, words) in [
        ("slots = 20", "slots = 20\nbudget_margin = 1.0", "budget_margin = 1.0: must be in [0, 0.9]"),
        ("slots = 20", "slots = 20\nbudget_margin = -0.1", "budget_margin = -0.1"),
        ("slots = 20", "slots = 20\nbudget_margin = nan", "budget_margin = NaN"),
        (
            "budget_j_per_round = 2.0",
            "budget_j_per_round = 2.0\nbudget_margin = 2.0",
            "clusters[0].devices[0].budget_margin = 2.0",
        ),
        (
            "name = \"phone\"",
            "name = \"phone\"\nbudget_margin = 0.1",
            "clusters[0].devices[1].budget_margin = 0.1: must be left out",
        ),
    ] {
        let found = error(&changed(from, to));
        assert!(found.contains(words), "{found}");
    }
    // Digests of scenarios without a margin are what they were: the key is not written.
    let plain = read(&changed("slots = 20", "slots = 20\nbudget_margin = 0.0")).unwrap();
    assert_eq!(plain.digest(), read(&changed("slots = 20", "slots = 20")).unwrap().digest());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// For any energies and any margin: the bound is true of the stated budget, and at most 0 exactly where the queue
    /// grew by no more than δ/(1 − δ) a slot.
    #[test]
    fn margins_prove_what_they_say(energies in prop::collection::vec(0.0..3.0, 1..40), margin in 0.0..0.9) {
        let mut queue = 0.0;
        let slots: Vec<(f64, f64)> = energies.iter().map(|energy| {
            let violation = energy / (1.0 - margin) - 1.0;
            queue = f64::max(queue + violation, 0.0);
            (violation, queue)
        }).collect();
        let history = collapipe::lyapunov::History::new(1.0, vec![0.0], slots.iter().map(|&(violation, queue)| {
            collapipe::lyapunov::Step { penalty: 0.0, violations: vec![violation], queue_after: vec![queue], gap: None }
        }).collect()).unwrap();
        let played = Certificate::of(&history, 0).unwrap();
        let stated = played.with_margin(margin);
        let mean = energies.iter().sum::<f64>() / energies.len() as f64 - 1.0;
        prop_assert!((stated.mean_violation - mean).abs() < 1e-9 && stated.holds() && mean <= stated.bound + 1e-9);
        let growth = queue / energies.len() as f64;
        if (growth - margin / (1.0 - margin)).abs() > 1e-9 {
            prop_assert_eq!(stated.bound <= 0.0, growth <= margin / (1.0 - margin));
        }
        // The margin that is said to suffice does, for this growth.
        let needed = played.margin_needed();
        prop_assert!(played.with_margin(needed).bound.abs() < 1e-12);
    }
}
