//! Pipelines of schema 2 (unequal chains, any order, 1F1B) under limits: watched, stopped from another thread, out of time or
//! work, a solve returns a feasible decision and a bound that no decision is below.

use std::ops::ControlFlow;
use std::time::Duration;

use collapipe::instances::InstanceSize;
use collapipe::problem::{Chain, Order, Participation, Schema, SlotProblem, Status};
use collapipe::schedule::ScheduleKind;
use collapipe::solver::{Progress, Settings, Solution, Solver, Stop, solve};

/// A pipeline whose blocks differ, over devices in any order.
fn pipeline(devices: usize, clusters: usize, seed: u64) -> SlotProblem {
    let blocks = devices + 4;
    let size =
        InstanceSize { devices, blocks: blocks as u32, plans: 3, participation: Participation::Select, clusters };
    let mut spec = size.sample(seed).unwrap().into_spec();
    spec.schema = Schema::V2;
    spec.order = Order::Free;
    let block = spec.encoder.equal().unwrap().block();
    let input_bits_per_sample = block.boundary_bits_per_sample;
    let unequal = (0..blocks).map(|index| {
        let mut own = block;
        let scale = 1.0 + 0.3 * ((index * 7 + seed as usize) % 5) as f64;
        own.forward_flops_per_sample.0 *= scale;
        own.backward_flops_per_sample.0 *= scale;
        own
    });
    spec.encoder = Chain { input_bits_per_sample, blocks: unequal.collect() }.into();
    spec.plans.iter_mut().for_each(|plan| plan.schedule = ScheduleKind::OneForwardOneBackward);
    SlotProblem::new(spec).unwrap()
}

/// What every solve that was ended must have; `reference` is the bound of a longer one.
fn stands(solution: &Solution, reference: f64, ended: Status) {
    let best = solution.certified().unwrap();
    assert!(best.evaluation.feasibility.is_feasible(1e-9));
    assert!(best.lower_bound.is_finite() && best.lower_bound <= best.objective() * (1.0 + 1e-9));
    assert!(best.objective() >= reference * (1.0 - 1e-9), "{} below the bound {reference}", best.objective());
    let optimal = best.gap <= Settings::default().gap;
    assert_eq!(solution.status, if optimal { Status::Optimal } else { ended }, "gap {:e}", best.gap);
}

/// The best objective that is known, and the bound it has.
fn known(problem: &SlotProblem) -> (f64, f64) {
    let solution = solve(problem, &Settings { work_limit: Some(20_000_000), ..Settings::default() }).unwrap();
    let best = solution.certified().unwrap();
    (best.objective(), best.lower_bound)
}

#[test]
fn progress_is_monotone_and_between_bound_and_answer() {
    for (devices, clusters) in [(4, 1), (8, 1), (3, 2)] {
        let problem = pipeline(devices, clusters, 3);
        let settings = Settings { gap: 1e-3, work_limit: Some(20_000_000), ..Settings::default() };
        let mut seen: Vec<Progress> = Vec::new();
        let solution = Solver::new(settings).unwrap().solve_watched(&problem, &mut |progress| {
            seen.push(progress);
            ControlFlow::Continue(())
        });
        let solution = solution.unwrap();
        for pair in seen.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            assert!(before.lower_bound <= after.lower_bound, "{before:?}, {after:?}");
            assert!(before.objective.is_none() || after.objective <= before.objective, "{before:?}, {after:?}");
            assert!(before.work <= after.work, "{before:?}, {after:?}");
        }
        let (best, last) = (solution.certified().unwrap(), seen.last().unwrap());
        assert!(last.work > 0 && last.lower_bound <= last.objective, "{last:?}");
        assert!((last.objective.unwrap() / best.objective() - 1.0).abs() <= 1e-9, "{last:?}, {}", best.objective());
        assert!(
            seen.iter().all(|shown| shown.lower_bound.is_none_or(|bound| bound <= best.objective() * (1.0 + 1e-9)))
        );
        assert_eq!(solution, solve(&problem, &settings).unwrap(), "it depends on being watched");
    }
}

#[test]
fn a_flag_from_another_thread_returns_decision_and_bound() {
    let problem = pipeline(12, 1, 5);
    let (objective, bound) = known(&problem);
    for millis in [0, 1, 20] {
        let stop = Stop::default();
        let raiser = stop.clone();
        let solution = std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(millis));
                raiser.raise();
            });
            Solver::new(Settings::default()).unwrap().solve_until(&problem, &stop).unwrap()
        });
        stands(&solution, bound, Status::Interrupted);
        assert!(solution.certified().unwrap().lower_bound <= objective * (1.0 + 1e-9));
    }
}

#[test]
fn limits_of_work_and_time_strike() {
    let mut struck = [0, 0];
    for (devices, clusters, seed) in [(6, 1, 1), (12, 1, 2), (4, 3, 3)] {
        let problem = pipeline(devices, clusters, seed);
        let (objective, bound) = known(&problem);
        let mut last = f64::INFINITY;
        for work in [1, 1_000, 100_000, 3_000_000] {
            let settings = Settings { work_limit: Some(work), ..Settings::default() };
            let solution = solve(&problem, &settings).unwrap();
            stands(&solution, bound, Status::WorkLimit);
            struck[0] += usize::from(solution.status == Status::WorkLimit);
            let best = solution.certified().unwrap();
            assert!(
                best.lower_bound <= objective * (1.0 + 1e-9),
                "work {work}: bound {} above {objective}",
                best.lower_bound
            );
            assert!(best.objective() <= last * (1.0 + 1e-9), "work {work}: {} after {last}", best.objective());
            last = best.objective();
            assert_eq!(solution, solve(&problem, &settings).unwrap(), "not the same again");
        }
        for millis in [0, 5] {
            let settings = Settings { time_limit: Some(Duration::from_millis(millis)), ..Settings::default() };
            let solution = solve(&problem, &settings).unwrap();
            stands(&solution, bound, Status::TimeLimit);
            struck[1] += usize::from(solution.status == Status::TimeLimit);
            assert!(solution.certified().unwrap().lower_bound <= objective * (1.0 + 1e-9));
        }
    }
    assert!(struck[0] >= 6 && struck[1] >= 3, "{struck:?}");
}
