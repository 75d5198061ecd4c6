//! Settings of every solver: written and read alike, checked before anything is solved.

use std::fmt::Debug;

use collapipe::instances::InstanceSize;
use collapipe::solver::backend::{Alternating, Backend, Conic, Exact, Exhaustive, Milp, SmoothSettings, WholeSlot};
use collapipe::solver::{Settings, SolveError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is left out has its default, what is given is kept, what is not known is refused by name.
fn read_alike<T: Serialize + DeserializeOwned + Default + PartialEq + Debug>(changed: &T) {
    assert_eq!(serde_json::from_str::<T>("{}").unwrap(), T::default());
    let text = serde_json::to_string(changed).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), changed, "{text}");
    let error = serde_json::from_str::<T>(r#"{"speed": 1}"#).unwrap_err().to_string();
    assert!(error.contains("unknown field `speed`"), "{error}");
}

#[test]
fn settings_are_read_alike() {
    let settings = Settings { gap: 1e-3, ..Settings::default() };
    read_alike(&settings);
    read_alike(&Exact { settings });
    read_alike(&Exhaustive::<Exact> { choices: 7, ..Exhaustive::default() });
    read_alike(&Milp { rounds: 3, ..Milp::default() });
    read_alike(&Alternating::<Milp> { iterations: 3, ..Alternating::default() });
    let mut conic = Conic::default();
    conic.settings.iterations = 50;
    read_alike(&conic);
    read_alike(&SmoothSettings { linearizations: 2, ..SmoothSettings::default() });
    assert_eq!(serde_json::from_str::<Milp>(r#"{"solver": "microlp"}"#).unwrap(), Milp::default());
}

/// The error names the field, and comes before any work.
fn refused(backend: &impl Backend<WholeSlot>, field: &str) {
    let problem = InstanceSize { devices: 2, blocks: 3, ..InstanceSize::default() }.sample(1).unwrap();
    match backend.solve(&problem, &WholeSlot) {
        Err(SolveError::Settings(error)) => assert_eq!(error.field, field),
        other => panic!("{other:?}"),
    }
}

#[test]
fn settings_are_checked_alike() {
    for gap in [0.0, -1.0, f64::NAN, f64::INFINITY, 2.0] {
        refused(&Exact { settings: Settings { gap, ..Settings::default() } }, "gap");
        refused(&Milp { gap, ..Milp::default() }, "gap");
    }
    refused(&Exhaustive::<Exact> { choices: 0, ..Exhaustive::default() }, "choices");
    refused(&Milp { rounds: 0, ..Milp::default() }, "rounds");
    refused(&Milp { integers: 0, ..Milp::default() }, "integers");
    refused(&Milp { seconds: f64::NAN, ..Milp::default() }, "seconds");
    refused(&Alternating::<Milp> { tolerance: f64::NAN, ..Alternating::default() }, "tolerance");
    refused(&Alternating::<Milp> { iterations: 0, ..Alternating::default() }, "iterations");
}
