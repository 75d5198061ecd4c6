//! Plans that fall into phases, with messages that arrive later than they occupy their hops: solved by their paces, against
//! the search over timelines, which knows nothing of paces.

use crate::ground::units::Seconds;
use crate::instances::InstanceSize;
use crate::problem::{CandidatePlan, Participation, Schema, SlotProblem, SlotSpec};
use crate::schedule::ScheduleKind;
use crate::solver::meter::Meter;
use crate::solver::{Settings, Solver, pipeline, solve};

const SCHEDULES: [ScheduleKind; 2] = [ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward];

fn spec(seed: u64, clusters: usize, participation: Participation, schedules: &[ScheduleKind]) -> SlotSpec {
    let size = InstanceSize { clusters, devices: 4, blocks: 9, participation, ..InstanceSize::default() };
    let mut spec = size.sample(seed).unwrap().into_spec();
    spec.schema = Schema::V2;
    // Some with overheads, some with latencies, some with both.
    for (index, cluster) in spec.clusters.iter_mut().enumerate() {
        let part = (seed as usize + index) % 3;
        cluster.hop_overhead_s = Seconds(if part == 0 { 0.0 } else { 0.004 }).into();
        cluster.hop_latency_s = Seconds(if part == 1 { 0.0 } else { 0.03 }).into();
    }
    let base = spec.plans[0];
    let plans = schedules.iter().flat_map(|&schedule| {
        [1, 8].map(|micro_batches| CandidatePlan { micro_batches, schedule, penalty: 0.1, ..base })
    });
    spec.plans = plans.collect();
    spec
}

/// Objective and bound by timelines alone.
fn by_timelines(problem: &SlotProblem, settings: &Settings) -> Option<(f64, f64)> {
    let mut meter = Meter::start(settings, None);
    let found = pipeline::solve(problem, settings, &mut meter, &mut Default::default()).unwrap().ok()?;
    Some((crate::problem::evaluate(problem, &found.decision).unwrap().objective, found.lower_bound))
}

fn agree(problem: &SlotProblem, gap: f64) -> bool {
    let settings = Settings { gap, ..Settings::default() };
    let solution = solve(problem, &settings).unwrap();
    let (Some(found), Some((objective, bound))) = (solution.certified(), by_timelines(problem, &settings)) else {
        assert!(solution.certified().is_none() && by_timelines(problem, &settings).is_none());
        return false;
    };
    let near = gap * objective.abs();
    assert!(found.gap <= gap && (found.objective() - objective).abs() <= 2.0 * near, "{objective} {found:?}");
    assert!(
        found.lower_bound <= objective + 1e-9 * objective.abs() && bound <= found.objective() + 1e-9 * objective.abs()
    );
    true
}

#[test]
fn phases_with_delays_are_the_timelines() {
    let mut solved = 0;
    for participation in [Participation::All, Participation::Select] {
        for seed in 0..12 {
            let problem = SlotProblem::new(spec(seed, 1, participation, &SCHEDULES[..1])).unwrap();
            assert!(problem.falls_into_phases());
            solved += usize::from(agree(&problem, 1e-7));
        }
    }
    assert!(solved >= 20, "{solved}");
}

#[test]
fn plans_of_both_kinds_are_compared() {
    let (mut solved, mut alternating) = (0, 0);
    for participation in [Participation::All, Participation::Select] {
        for seed in 0..12 {
            let mut spec = spec(seed, 1, participation, &SCHEDULES);
            if seed % 2 == 1 {
                // Of two schedules with the same time the cheaper one.
                spec.plans.iter_mut().for_each(|plan| plan.penalty = if plan.is_classical() { 1e3 } else { -0.5 });
            }
            let problem = SlotProblem::new(spec).unwrap();
            solved += usize::from(agree(&problem, 1e-7));
            let best = solve(&problem, &Settings::default()).unwrap();
            alternating +=
                usize::from(best.certified().is_some_and(|best| !problem.plans[best.decision.plan].is_classical()));
        }
    }
    assert!(solved >= 20 && (6..=20).contains(&alternating), "{solved} {alternating}");
}

#[test]
fn networks_with_delays_are_the_timelines() {
    let mut solved = 0;
    for seed in 0..6 {
        let problem = SlotProblem::new(spec(seed, 2, Participation::All, &SCHEDULES[..1])).unwrap();
        solved += usize::from(agree(&problem, 1e-6));
    }
    assert!(solved >= 5, "{solved}");
}

#[test]
fn a_memory_does_not_change_plans_of_both_kinds() {
    let mut solver = Solver::new(Settings::default()).unwrap();
    for seed in 0..6 {
        let problem = SlotProblem::new(spec(seed, 1, Participation::All, &SCHEDULES)).unwrap();
        let (warm, cold) = (solver.solve(&problem).unwrap(), solve(&problem, &Settings::default()).unwrap());
        assert_eq!(warm.certified().map(|best| &best.decision), cold.certified().map(|best| &best.decision));
    }
}

#[test]
fn limits_leave_a_decision_and_a_bound() {
    for seed in 0..6 {
        let problem = SlotProblem::new(spec(seed, 1, Participation::Select, &SCHEDULES)).unwrap();
        let Some((best, _)) = by_timelines(&problem, &Settings::default()) else { continue };
        for work_limit in [1, 1_000, 30_000] {
            let solution = solve(&problem, &Settings { work_limit: Some(work_limit), ..Settings::default() }).unwrap();
            let found = solution.certified().expect("a decision");
            assert!(found.lower_bound <= best * (1.0 + 1e-9) && best <= found.objective() * (1.0 + 1e-7));
        }
    }
}
