//! The least common factor of budgets that bind together, against a game that is solved without any linear program: between slots, which
//! choose decisions, and budgets, which choose the shares of their prices, on a grid that is refined around its best point.

use collapipe::problem::Status;
use collapipe::scenario::{BUILTIN, Scenario, ScenarioFile, SlotState};
use collapipe::simulation::{BudgetNeeds, Effort, Run};
use collapipe::solver::{Settings, Solver};
use collapipe::units::Joules;

/// What energy costs, in seconds of latency weighed by V: so much that latency hardly matters.
const DEAR: f64 = 1e7;

/// The first devices of the built-in scenario's first cluster, with these budgets in joules; one of them is away in some slots.
fn scenario(budgets: &[f64], away: &[u64]) -> Scenario {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
    file.spec.slots = 5;
    file.spec.clusters.truncate(1);
    let cluster = &mut file.spec.clusters[0];
    cluster.control_unit.budget_j_per_round = None;
    cluster.devices.truncate(budgets.len());
    for (device, joules) in cluster.devices.iter_mut().zip(budgets) {
        device.budget_j_per_round = Some(Joules(*joules));
    }
    cluster.devices[0].absent_slots = away.to_vec();
    file.build().unwrap()
}

/// Mean over the slots of the least Σ shares·E/Ē, from both sides.
fn least(states: &[SlotState], budgets: &[f64], shares: &[f64], solver: &mut Solver) -> (f64, f64) {
    let (mut below, mut above) = (0.0, 0.0);
    for state in states {
        let price = |node: usize| {
            let of_device = node.checked_sub(1).and_then(|k| budgets.get(k).zip(shares.get(k)));
            of_device.map_or(0.0, |(joules, share)| DEAR * share / joules)
        };
        let solution = solver.solve(&state.problem(price).unwrap().problem).unwrap();
        assert_eq!(solution.status, Status::Optimal);
        let best = solution.certified().unwrap();
        below += best.lower_bound / DEAR;
        above += best.objective() / DEAR;
    }
    (below / states.len() as f64, above / states.len() as f64)
}

/// The best shares for the budgets: those at which the least that has to be spent is the largest.
fn game(states: &[SlotState], budgets: &[f64]) -> (f64, f64) {
    let mut solver = Solver::new(Settings::default()).unwrap();
    let n = budgets.len();
    let (mut best, mut centre, mut width) = ((0.0, 0.0), vec![1.0 / n as f64; n], 1.0);
    // The least is concave in the shares: what is far from the best point of a grid is not better.
    for _ in 0..9 {
        let steps: i32 = 4;
        let mut found = best;
        let mut place = centre.clone();
        for cell in 0..(2 * steps + 1).pow(n as u32 - 1) {
            let mut shares = centre.clone();
            let mut rest = cell;
            for share in shares.iter_mut().take(n - 1) {
                *share += width * f64::from(rest % (2 * steps + 1) - steps) / f64::from(steps);
                rest /= 2 * steps + 1;
            }
            shares[n - 1] = 1.0 - shares[..n - 1].iter().sum::<f64>();
            if shares.iter().any(|share| *share < 0.0) {
                continue;
            }
            let at = least(states, budgets, &shares, &mut solver);
            if at.0 > found.0 {
                (found, place) = (at, shares);
            }
        }
        (best, centre) = (found, place);
        width *= 0.4;
    }
    best
}

/// Holds the measured factor against the game's; returns how many times as large it is as the largest that a budget asks by itself.
fn check(budgets: &[f64], away: &[u64]) -> f64 {
    let scenario = scenario(budgets, away);
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    let record = run.record(slots);
    let comparison = record.compare(&scenario, Settings::default(), Effort::Full).unwrap();
    let needs = BudgetNeeds::measure(&record, &scenario, Settings::default(), &comparison).unwrap().unwrap();
    let mut sampler = scenario.sampler();
    let states: Vec<SlotState> = (0..scenario.spec().slots).map(|_| sampler.next_slot()).collect();
    let (below, above) = game(&states, budgets);
    let alone = (0..budgets.len()).map(|k| {
        let shares: Vec<f64> = (0..budgets.len()).map(|other| f64::from(u8::from(other == k))).collect();
        least(&states, budgets, &shares, &mut Solver::new(Settings::default()).unwrap()).1
    });
    let alone = alone.fold(0.0, f64::max);
    println!("{} <= {below} .. {above} <= {}; alone {alone}", needs.factor_bound, needs.factor);
    // The game is worth at least what any shares prove; the grid ends within a thousandth of its best point.
    assert!(needs.factor >= below * (1.0 - 1e-6), "{} < {below}", needs.factor);
    assert!(needs.factor_bound <= above * 1.002, "{} > {above}", needs.factor_bound);
    assert!(needs.factor <= above * 1.002, "{} > {above}", needs.factor);
    assert!(needs.factor_bound >= below * 0.998, "{} < {below}", needs.factor_bound);
    needs.factor / alone
}

#[test]
fn budgets_that_bind_together_have_the_factor_of_their_game() {
    let apart = check(&[30.0, 90.0, 500.0], &[]);
    assert!(apart > 1.05, "{apart}");
}

#[test]
fn one_that_binds_alone_has_its_own() {
    let apart = check(&[100.0, 90.0, 300.0], &[]);
    assert!(apart < 1.001, "{apart}");
}

#[test]
fn a_device_that_is_away_spends_nothing_then() {
    check(&[100.0, 90.0, 300.0], &[0, 4]);
    check(&[30.0, 90.0, 500.0], &[1, 3]);
}
