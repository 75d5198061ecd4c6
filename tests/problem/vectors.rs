//! The exchange format on the shared vectors: problems with answers of an independent solver (enumeration of every
//! discrete choice, interior point for the rest).

use collapipe::problem::{Answer, Decision, Schema, SlotProblem, SlotSpec, Status, evaluate};
use serde_json::Value;

use crate::support::shared;

/// Problem and answer texts of both schemas with their names; empty on a clone without the shared data.
fn vectors() -> Vec<(String, String, String)> {
    ["vectors", "vectors2"].into_iter().filter_map(vectors_in).flatten().collect()
}

fn vectors_in(folder: &str) -> Option<Vec<(String, String, String)>> {
    let folder = shared(folder)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".problem.json") {
            let answer = path.with_file_name(format!("{stem}.answer.json"));
            let read = |path| std::fs::read_to_string(path).unwrap();
            found.push((stem.to_owned(), read(path.clone()), read(answer)));
        }
    }
    assert!(found.len() >= 20, "only {} vectors", found.len());
    Some(found)
}

/// The same JSON with every number as a float, since the format does not tell 16 from 16.0, and without links that say
/// that they share no band, which is not written.
fn as_floats(value: Value) -> Value {
    match value {
        Value::Number(n) => n.as_f64().unwrap().into(),
        Value::Array(list) => list.into_iter().map(as_floats).collect(),
        Value::Object(map) => {
            let given = map.into_iter().filter(|(key, v)| key != "shares_band" || *v != Value::Bool(false));
            given.map(|(key, v)| (key, as_floats(v))).collect()
        }
        other => other,
    }
}

fn json(text: &str) -> Value {
    as_floats(serde_json::from_str(text).unwrap())
}

#[test]
fn read_write_read_bit_for_bit_with_the_same_keys() {
    for (name, problem_text, answer_text) in vectors() {
        let problem = SlotProblem::from_json(&problem_text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let written = problem.to_json().unwrap();
        assert_eq!(SlotProblem::from_json(&written).unwrap(), problem, "{name}");
        assert_eq!(serde_json::from_str::<SlotProblem>(&written).unwrap(), problem, "{name}");
        assert_eq!(serde_json::from_str::<SlotSpec>(&written).unwrap(), problem.clone().into_spec(), "{name}");
        // Equality of floats as JSON values is equality of bits here: no NaN, and zeros are written alike.
        assert_eq!(json(&written), json(&problem_text), "{name}");

        let answer = Answer::from_json(&answer_text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let written = answer.to_json().unwrap();
        assert_eq!(Answer::from_json(&written).unwrap(), answer, "{name}");
        assert_eq!(json(&written), json(&answer_text), "{name}");
        assert_eq!(Decision::from_answer_json(&answer_text).ok(), answer.decision, "{name}");
    }
}

#[test]
fn evaluate_agrees_with_the_answers() {
    let mut worst = (0.0_f64, 0.0_f64);
    for (name, problem, answer) in vectors() {
        let problem = SlotProblem::from_json(&problem).unwrap();
        let answer = Answer::from_json(&answer).unwrap();
        let Some(decision) = answer.decision else {
            assert_eq!(answer.status, Status::Infeasible, "{name}");
            continue;
        };
        let evaluation = evaluate(&problem, &decision).unwrap();
        let objective = answer.objective.unwrap();
        let error = (evaluation.objective - objective).abs() / objective.abs();
        assert!(
            error <= if problem.schema == Schema::V1 { 1e-6 } else { 1e-7 },
            "{name}: objective {} against {objective}",
            evaluation.objective
        );
        assert!(evaluation.feasibility.is_feasible(1e-6), "{name}: {}", evaluation.feasibility);
        worst = (worst.0.max(error), worst.1.max(evaluation.feasibility.worst()));
    }
    println!("largest relative error of an objective {:e}, largest violation {:e}", worst.0, worst.1);
}
