//! Problems that the solver once left with a gap. Each is solved to its tolerance now.

use std::path::Path;

use collapipe::problem::{SlotProblem, Status};
use collapipe::solver::{Settings, solve};

#[test]
fn problems_that_once_kept_a_gap() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/problems");
    let mut solved = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let problem = SlotProblem::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let solution = solve(&problem, &Settings::default()).unwrap();
        let best = solution.certified().unwrap();
        assert_eq!(solution.status, Status::Optimal, "{}: gap {:e}", path.display(), best.gap);
        assert!(best.evaluation.feasibility.is_feasible(1e-9), "{}", path.display());
        solved += 1;
    }
    assert!(solved >= 14);
}
