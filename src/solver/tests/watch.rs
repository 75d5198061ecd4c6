//! What who watches a solve is told: often, monotone, and able to end it.

use std::ops::ControlFlow;

use super::*;
use crate::problem::Participation;

fn large(devices: usize, clusters: usize, participation: Participation) -> SlotProblem {
    InstanceSize { devices, blocks: 24, plans: 8, participation, clusters }.sample(5).unwrap()
}

/// Solves and returns what was seen, which never gets worse.
fn watched(problem: &SlotProblem, settings: Settings, most: usize) -> (Solution, Vec<Progress>) {
    let mut seen: Vec<Progress> = Vec::new();
    let solution = Solver::new(settings).unwrap().solve_watched(problem, &mut |progress| {
        seen.push(progress);
        if seen.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    for pair in seen.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        // None is less than any number.
        assert!(before.lower_bound <= after.lower_bound, "{before:?}, {after:?}");
        assert!(before.objective.is_none() || after.objective <= before.objective, "{before:?}, {after:?}");
        assert!(before.work <= after.work, "{before:?}, {after:?}");
    }
    (solution.unwrap(), seen)
}

#[test]
fn progress_is_monotone_and_ends_at_the_answer() {
    for (devices, clusters) in [(20, 1), (5, 12), (3, 2)] {
        for participation in [Participation::All, Participation::Select] {
            let problem = large(devices, clusters, participation);
            let settings = Settings { gap: 1e-4, ..Settings::default() };
            let (solution, seen) = watched(&problem, settings, usize::MAX);
            let (best, last) = (solution.certified().unwrap(), seen.last().unwrap());
            let near = |shown: Option<f64>, value: f64| (shown.unwrap() / value - 1.0).abs() <= 1e-9;
            assert!(near(last.objective, best.objective()), "{last:?}, {}", best.objective());
            assert!(last.lower_bound.unwrap() >= best.lower_bound * (1.0 - 1e-9), "{last:?}, {}", best.lower_bound);
            assert!(last.lower_bound <= last.objective && last.work > 0, "{last:?}");
            for progress in seen {
                assert!(
                    progress.objective.is_none_or(|shown| shown >= best.lower_bound * (1.0 - 1e-9)),
                    "{progress:?}"
                );
                assert!(progress.lower_bound.is_none_or(|shown| shown <= best.objective() * (1.0 + 1e-9)));
            }
            // Nothing depends on being watched.
            assert_eq!(solution, solve(&problem, &settings).unwrap());
        }
    }
}

/// A search that would go on for minutes.
#[test]
fn breaking_ends_a_solve() {
    let problem = large(100, 1, Participation::Select);
    let (solution, seen) = watched(&problem, Settings::default(), 3);
    // Twice to go on, once to end, once at the end.
    assert_eq!(seen.len(), 4);
    assert_eq!(solution.status, Status::Interrupted);
    let best = solution.certified().unwrap();
    assert!(best.lower_bound > 0.0 && best.evaluation.feasibility.is_feasible(1e-9));
}
