//! `--time-limit` and `--work-limit`: whatever ends a solve, there is an answer with a proof.

use std::time::{Duration, Instant};

use collapipe::instances::InstanceSize;
use collapipe::problem::Participation;
use serde_json::Value;

use crate::program::{code, run, run_with_input, stderr, stdout};

/// A problem that takes minutes without a limit, and a network.
fn long() -> [String; 2] {
    let size = InstanceSize { devices: 100, blocks: 24, plans: 8, participation: Participation::Select, clusters: 1 };
    let network = InstanceSize { devices: 12, clusters: 8, ..size };
    [size, network].map(|size| serde_json::to_string(&size.sample(5).unwrap()).unwrap())
}

/// The answer to a problem under a limit, which the solve has to say that it has met.
fn limited(problem: &str, limit: [&str; 2], status: &str) -> Value {
    let output = run_with_input(&["solve", "-", limit[0], limit[1]], problem);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let answer: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(answer["status"], status, "{limit:?}");
    let number = |field: &str| answer[field].as_f64().unwrap();
    assert!(number("lower_bound") > 0.0 && number("lower_bound") <= number("objective"), "{limit:?}");
    assert!(number("gap") > 1e-7, "{limit:?}");
    answer
}

#[test]
fn a_time_limit_ends_a_solve_with_a_decision_and_a_bound() {
    for problem in long() {
        let begun = Instant::now();
        let answer = limited(&problem, ["--time-limit", "0.01"], "time_limit");
        // The allowance is for slow builds and busy machines.
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(!answer["decision"]["clusters"][0]["active"].as_array().unwrap().is_empty());
    }
}

#[test]
fn a_work_limit_gives_the_same_answer_every_time_and_never_a_worse_one_when_longer() {
    for problem in long() {
        let mut last = f64::INFINITY;
        for work in ["1", "100000", "10000000"] {
            let answer = limited(&problem, ["--work-limit", work], "work_limit");
            assert_eq!(answer, limited(&problem, ["--work-limit", work], "work_limit"));
            let objective = answer["objective"].as_f64().unwrap();
            assert!(objective <= last * (1.0 + 1e-9), "{objective} after {last}");
            last = objective;
        }
    }
}

#[test]
fn limits_that_are_none_are_refused() {
    for (limit, value) in
        [("--time-limit", "0"), ("--time-limit", "-1"), ("--time-limit", "soon"), ("--work-limit", "0")]
    {
        let output = run(&["solve", "-", &format!("{limit}={value}")]);
        let text = stderr(&output);
        assert_eq!(code(&output), 2, "{text}");
        assert!(text.starts_with("error: ") && text.contains(limit), "{text}");
    }
}
