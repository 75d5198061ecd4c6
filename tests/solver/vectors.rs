//! The exact solver on problems whose optimum an independent solver found.

use std::path::PathBuf;

use collapipe::problem::{Answer, Overlap, SlotProblem};
use collapipe::solver::{Settings, solve};

use crate::support::shared;

#[test]
fn every_vector_is_solved_to_optimality() {
    let Some(folder) = shared("vectors") else { return };
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.to_string_lossy().ends_with(".problem.json"));
    names.sort();
    assert!(!names.is_empty());
    let mut failures = 0;
    for path in names {
        let problem = SlotProblem::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if problem.overlap == Overlap::None {
            continue;
        }
        let answer = path.to_string_lossy().replace(".problem.json", ".answer.json");
        let answer = Answer::from_json(&std::fs::read_to_string(answer).unwrap()).unwrap();
        let expected = answer.objective.unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match solve(&problem, &Settings::default()) {
            Ok(solution) => {
                let best = solution.certified().unwrap();
                let off = (best.objective() - expected) / expected;
                println!(
                    "{name}: off {off:.2e} gap {:.2e} worst {:.2e} {:?}",
                    best.gap,
                    best.evaluation.feasibility.worst(),
                    solution.work
                );
                let good = off.abs() < 1e-6 && best.gap < 1e-6 && best.evaluation.feasibility.is_feasible(1e-9);
                failures += usize::from(!good);
            }
            Err(error) => {
                println!("{name}: {error}");
                failures += 1;
            }
        }
    }
    assert_eq!(failures, 0);
}
