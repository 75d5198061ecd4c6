//! Gaps of objectives at zero, and bounds beside plans whose penalties dwarf the objective.

use super::*;
use crate::problem::{CandidatePlan, Participation};
use crate::solver::solution::{proved_gap, trivial_bound};

/// A problem of one plan without a penalty.
fn one_plan(clusters: usize, participation: Participation, seed: u64) -> SlotSpec {
    let mut spec = sample(InstanceSize { clusters, devices: 3, blocks: 6, plans: 3, participation }, seed);
    spec.plans.truncate(2);
    spec.plans.remove(0);
    spec.plans[0].penalty = 0.0;
    spec
}

#[test]
fn a_gap_is_absolute_near_zero_alone() {
    assert_eq!(proved_gap(2.0, 1.0, 0.0), 0.5);
    assert_eq!(proved_gap(-2.0, -3.0, -4.0), 0.5);
    assert_eq!(proved_gap(1e-20, 0.5e-20, 0.0), 0.5);
    assert_eq!(proved_gap(0.0, 0.0, 0.0), 0.0);
    // 5 and −5: relative to a twentieth of 10.
    assert_eq!(proved_gap(0.0, -0.25, -5.0), 0.5);
    for small in [1e-10, -1e-10, 0.1, -0.1] {
        let gap = proved_gap(small, small - 0.25, -5.0);
        assert!((gap - 0.5).abs() < 0.01, "{gap} of {small}");
    }
}

/// The penalty takes back what the decision costs, to the last digit.
#[test]
fn objectives_of_zero_are_optimal() {
    for clusters in 1..=3 {
        for seed in 0..6 {
            let mut spec = one_plan(clusters, Participation::All, seed);
            let (gap, settings) = (1e-5, Settings { gap: 1e-5, ..Settings::default() });
            let before = solve(&built(spec.clone()), &settings).unwrap();
            let cost = before.certified().unwrap().objective();
            assert_eq!(before.status, Status::Optimal);
            spec.plans[0].penalty = -cost;
            let after = solve(&built(spec), &settings).unwrap();
            let best = after.certified().unwrap();
            assert!(best.objective().abs() <= gap * cost, "{} of {cost}", best.objective());
            assert!(best.gap.is_finite() && best.gap >= 0.0);
            assert!(best.objective() - best.lower_bound <= gap * 0.11 * cost, "{}", best.lower_bound);
            assert_eq!(after.status, Status::Optimal, "{clusters} clusters, seed {seed}: gap {:e}", best.gap);
            // It takes more than a relative gap of the cost, and less than a search that never ends.
            assert!(after.work.nodes <= 20 * before.work.nodes, "{:?} after {:?}", after.work, before.work);
        }
    }
}

/// A plan that nobody would take does not blur the proof of the others, whatever its penalty.
#[test]
fn useless_plans_cost_no_gap() {
    for participation in [Participation::All, Participation::Select] {
        for seed in 0..6 {
            let spec = one_plan(1, participation, seed);
            let alone = solved(&built(spec.clone()));
            let useful = spec.plans[0];
            let mut useless = vec![
                CandidatePlan { penalty: 1e9, ..useful },
                CandidatePlan { penalty: 1e20, ..useful },
                CandidatePlan { penalty: 1e30, ..useful },
            ];
            // A bonus that is far from what the plan costs.
            let local_iterations = 1_000_000;
            useless.push(CandidatePlan { penalty: -1e5 * alone.objective(), local_iterations, ..useful });
            for plan in useless {
                for plans in [vec![plan, useful], vec![useful, plan]] {
                    let problem = built(SlotSpec { plans, ..spec.clone() });
                    let best = solved(&problem);
                    assert_eq!(best.decision.clusters, alone.decision.clusters, "seed {seed}: {plan:?}");
                    assert!(best.gap <= 2e-9, "{participation:?}, seed {seed}: gap {:e} beside {plan:?}", best.gap);
                    assert!(best.lower_bound <= alone.objective());
                    // The same from the prices of a slot before.
                    let mut solver = Solver::new(Settings::default()).unwrap();
                    solver.solve(&problem).unwrap();
                    assert_eq!(solver.solve(&problem).unwrap().certified(), Some(&best));
                }
            }
        }
    }
}

/// The useful plan is the one with the large bonus: the cost of the others is no reason to doubt it.
#[test]
fn a_large_bonus_is_proved_relative_to_itself() {
    let mut spec = one_plan(1, Participation::All, 2);
    let useful = CandidatePlan { penalty: -1e9, ..spec.plans[0] };
    spec.plans.push(useful);
    let best = solved(&built(spec));
    assert_eq!(best.decision.plan, 1);
    assert!(best.gap <= 1.1e-9, "gap {:e}", best.gap);
}

#[test]
fn no_bound_is_below_the_least_penalty() {
    for penalty in [0.0, 3.0, -2.0] {
        let mut spec = one_plan(2, Participation::All, 1);
        spec.plans[0].penalty = penalty;
        spec.plans.push(CandidatePlan { penalty: penalty + 1.0, ..spec.plans[0] });
        let problem = built(spec);
        assert_eq!(trivial_bound(&problem), penalty);
        let best = solved_to(&problem, 1e-3);
        let proposal =
            Proposal { decision: best.decision.clone(), lower_bound: -1e12, shadow_prices: best.shadow_prices.clone() };
        let doubtful = Solution::certified_by(&problem, proposal, 1e-3, Work::default()).unwrap();
        assert_eq!(doubtful.certified().unwrap().lower_bound, penalty);
        assert_eq!(doubtful.status, Status::Feasible);
    }
}
