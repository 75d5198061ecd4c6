//! The folder of a run of an own problem: files, tables, and figures of many kinds of runs.

use std::convert::Infallible;

use collapipe::lyapunov::{Action, Comparison, DriftProblem, DriftRecord, Engine, Labels, Minimum, Weights};
use collapipe::report::{DriftSummary, ReportError, drift_summary, write_drift_folder};

use crate::support::folder;
use crate::svg::{assert_figure, assert_shows};

const FIGURES: [&str; 4] = ["penalty.svg", "queues.svg", "violations.svg", "certificates.svg"];

/// Does as it is told, or nothing.
struct Choices {
    constraints: Vec<String>,
}

impl DriftProblem for Choices {
    type State = Vec<Action>;
    type Action = usize;
    type Error = Infallible;

    fn labels(&self) -> Labels {
        Labels::new("cost", "EUR", self.constraints.clone()).with_violation_unit("budgets")
    }

    fn minimize(&mut self, state: &Vec<Action>, weights: Weights) -> Result<Minimum<usize>, Infallible> {
        let cost = |action: &Action| weights.cost(action.penalty, &action.violations);
        let best = (0..state.len()).min_by(|&a, &b| cost(&state[a]).total_cmp(&cost(&state[b]))).unwrap();
        Ok(Minimum::new(best, state[best].penalty, state[best].violations.clone()).exact())
    }
}

/// Two actions a slot: dear and within all limits, or cheap and beyond them. `offset` is added to every penalty.
fn states(constraints: usize, slots: usize, offset: f64) -> Vec<Vec<Action>> {
    let slot = |t: usize| {
        let swing = (t as f64 * 0.7).sin();
        let cheap = (0..constraints).map(|k| 0.8 + 0.1 * k as f64 + 0.2 * swing).collect();
        let (low, high) = (offset + 1.0 + 0.5 * swing, offset + 4.0 - swing);
        vec![Action { penalty: high, violations: vec![-0.7; constraints] }, Action { penalty: low, violations: cheap }]
    };
    (0..slots).map(slot).collect()
}

fn written(name: &str, constraints: &[&str], states: &[Vec<Action>], comparison: Option<&Comparison>) -> [String; 4] {
    let problem = Choices { constraints: constraints.iter().map(ToString::to_string).collect() };
    let record = Engine::new(problem, states.to_vec(), 10.0).unwrap().run().unwrap();
    let folder = folder(&format!("report-engine-{name}"));
    let paths = write_drift_folder(&record, comparison, &folder).unwrap();
    let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, [["record.json", "summary.json", "slots.csv"].as_slice(), &FIGURES].concat());
    let text = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    assert_eq!(DriftRecord::<usize>::from_json(&text("record.json")).unwrap(), record);
    let summary: DriftSummary = serde_json::from_str(&text("summary.json")).unwrap();
    assert_eq!(summary, drift_summary(&record, comparison).unwrap());
    let mut csv = csv::Reader::from_path(folder.join("slots.csv")).unwrap();
    let columns = ["slot", "penalty", "lower_bound", "gap"].map(String::from).into_iter();
    let of = |what: &str| constraints.iter().map(|name| format!("{what}:{name}")).collect::<Vec<_>>();
    let columns: Vec<String> = columns.chain(of("violation")).chain(of("queue")).collect();
    assert_eq!(csv.headers().unwrap().iter().collect::<Vec<_>>(), columns);
    let rows: Vec<Vec<f64>> = csv.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), states.len());
    for (row, slot) in rows.iter().zip(&record.slots) {
        assert_eq!((row[1], row[2], row[3]), (slot.penalty, slot.lower_bound.unwrap(), 0.0));
        assert_eq!(row[4..], [slot.violations.as_slice(), &slot.queues].concat());
    }
    FIGURES.map(|file| {
        let svg = text(file);
        assert_figure(&format!("{name}/{file}"), &svg);
        svg
    })
}

#[cfg(feature = "milp")]
#[test]
fn compared_run_shows_every_bound() {
    for (name, offset) in [("usual", 0.0), ("negative", -10.0)] {
        let states = states(2, 300, offset);
        let compared = Comparison::with_all_actions(states.clone()).unwrap();
        let [penalty, queues, violations, certificates] = written(name, &["power", "time"], &states, Some(&compared));
        assert_shows(&penalty, &["Cost [EUR]", "p50", "mean so far", "One point per slot"]);
        assert_shows(&queues, &["Queue Q [budgets]", "power", "time", "lines: means over 3 slots"]);
        assert_shows(&violations, &["Violation g [budgets]", "power", "time"]);
        let bounds =
            ["Mean cost [EUR]", "Norm of all queues |Q|", "least (D)", "at most (C3)", "at most (C4)", "always (C5)"];
        assert_shows(&certificates, &bounds);
    }
}

#[test]
fn runs_of_all_kinds_are_drawn() {
    let [.., certificates] = written("not_compared", &["power"], &states(1, 40, 0.0), None);
    assert_shows(&certificates, &["the run was not compared with what else was possible"]);
    written("one_slot", &["power"], &states(1, 1, 0.0), None);
    for svg in &written("no_slot", &["power"], &[], None)[..3] {
        assert_shows(svg, &["no slot was played"]);
    }
    let [_, queues, violations, _] = written("no_constraint", &[], &states(0, 30, 0.0), None);
    for svg in [queues, violations] {
        assert_shows(&svg, &["the problem has no long-term constraint"]);
    }
    let names: Vec<String> = (0..30).map(|k| format!("limit {k} <&\"'>")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let [_, queues, ..] = written("many", &names, &states(30, 50, 0.0), None);
    assert_shows(&queues, &["limit 11 &lt;&amp;", "18 others"]);
    written("constant", &["power"], &vec![vec![Action { penalty: 0.0, violations: vec![0.0] }]; 20], None);
    written("huge", &["power"], &vec![vec![Action { penalty: 1e200, violations: vec![1e150] }]; 20], None);
}

#[test]
fn broken_records_write_nothing() {
    let problem = Choices { constraints: vec!["power".into()] };
    let mut record = Engine::new(problem, states(1, 5, 0.0), 10.0).unwrap().run().unwrap();
    record.slots[2].queues[0] += 1.0;
    let folder = folder("report-engine-broken").join("not-made");
    let error = write_drift_folder(&record, None, &folder).unwrap_err();
    assert!(matches!(error, ReportError::Record { .. }), "{error}");
    assert!(!folder.exists());
}
