//! Energy prices that settle, against rounds each of which is solved afresh.

use collapipe::lyapunov::EnergyController;
use collapipe::plan::{Typical, lasting, lasting_state, settled_prices};
use collapipe::scenario::{Scenario, ScenarioFile};
use collapipe::solver::{Settings, solve};

const SIX: &str = include_str!("../../docs/scenarios/six-devices.toml");

fn scenario(text: &str) -> Scenario {
    ScenarioFile::parse(text, "".as_ref()).unwrap().build().unwrap()
}

/// The mean price of rounds 151 to 300, as docs/plan.md defines it.
fn afresh(scenario: &Scenario) -> Vec<f64> {
    let state = lasting_state(scenario, Typical::Mean).unwrap();
    let mut controller = EnergyController::new(scenario.budgets()).unwrap();
    let mut sums = vec![0.0; scenario.nodes().len()];
    for round in 0..300 {
        let instance = state.problem(|node| controller.energy_price(node)).unwrap();
        let solution = solve(&instance.problem, &Settings::default()).unwrap();
        let best = solution.certified().unwrap();
        controller.spend(&instance.energies(scenario, &best.evaluation.clusters)).unwrap();
        if round >= 150 {
            sums.iter_mut().enumerate().for_each(|(node, sum)| *sum += controller.energy_price(node) / 150.0);
        }
    }
    sums
}

#[test]
fn prices_settle_where_every_round_solved_afresh_would_have_them() {
    let mut priced = 0;
    // Ample budgets; one that is not; one that nobody can keep.
    for (budget, all) in [("40.0", false), ("25.0", false), ("25.0", true), ("1.0", true)] {
        let text = SIX.replace("budget_j_per_round = 40.0", &format!("budget_j_per_round = {budget}"));
        let text = if all { text.replace("\"select\"", "\"all\"") } else { text };
        let scenario = scenario(&text);
        let state = lasting_state(&scenario, Typical::Mean).unwrap();
        let settled = settled_prices(&scenario, &state, &Settings::default()).unwrap();
        let expected = afresh(&scenario);
        for (node, (settled, expected)) in settled.iter().zip(&expected).enumerate() {
            assert!(
                (settled - expected).abs() <= 1e-6 * expected.abs().max(1e-6),
                "{budget}, {node}: {settled} {expected}"
            );
            priced += usize::from(*settled > 0.0);
        }
        let problem = lasting(&scenario, Typical::Mean, &Settings::default()).unwrap();
        let of_problem: Vec<f64> = problem.clusters[0].devices.iter().map(|device| device.energy_price).collect();
        assert_eq!(of_problem, settled[1..], "the control unit comes first");
    }
    assert!(priced >= 3, "{priced} prices: too easy");
}

#[test]
fn what_has_no_plan_has_no_prices_and_says_why() {
    let nano = "preset = \"jetson-nano-4gb\"";
    let starved = scenario(&SIX.replace("\"select\"", "\"all\"").replace(nano, &format!("{nano}\nmemory_bytes = 1e3")));
    let problem = lasting(&starved, Typical::Worst, &Settings::default()).unwrap();
    assert!(problem.clusters[0].devices.iter().all(|device| device.energy_price == 0.0));
    let reasons = solve(&problem, &Settings::default()).unwrap().outcome.unwrap_err().to_string();
    assert!(reasons.contains("memory"), "{reasons}");
}
