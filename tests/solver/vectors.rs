//! The exact solver on problems whose optimum an independent solver found.

use std::path::PathBuf;

use collapipe::problem::{Answer, SlotProblem, Status};
use collapipe::solver::{Settings, solve};

use crate::support::shared;

/// Solves every problem of a folder and compares.
fn solve_all(folder: &str) {
    let Some(folder) = shared(folder) else { return };
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.to_string_lossy().ends_with(".problem.json"));
    names.sort();
    assert!(!names.is_empty());
    let mut failures = 0;
    for path in names {
        let problem = SlotProblem::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let answer = path.to_string_lossy().replace(".problem.json", ".answer.json");
        let answer = Answer::from_json(&std::fs::read_to_string(answer).unwrap()).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match (solve(&problem, &Settings::default()), answer.objective) {
            (Ok(solution), Some(expected)) => {
                let best = solution.certified().unwrap();
                let off = (best.objective() - expected) / expected;
                println!(
                    "{name}: off {off:.2e} gap {:.2e} worst {:.2e} {:?}",
                    best.gap,
                    best.evaluation.feasibility.worst(),
                    solution.work
                );
                let below = best.lower_bound <= expected * (1.0 + 1e-6);
                let good = off.abs() < 1e-6 && best.gap < 1e-6 && best.evaluation.feasibility.is_feasible(1e-9);
                failures += usize::from(!(good && below));
            }
            (Ok(solution), None) => {
                println!("{name}: {:?}", solution.outcome.as_ref().err().map(ToString::to_string));
                failures += usize::from(solution.status != Status::Infeasible);
            }
            (Err(error), _) => {
                println!("{name}: {error}");
                failures += 1;
            }
        }
    }
    assert_eq!(failures, 0);
}

#[test]
fn every_vector_is_solved_to_optimality() {
    solve_all("vectors");
}

#[test]
fn every_vector_of_schema_2_is_solved_to_optimality() {
    solve_all("vectors2");
}
