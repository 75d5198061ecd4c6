//! A small family of exceptions: bad input, no decision, a machine that failed.

use std::fmt::Display;

use collapipe::problem::{FieldError, JsonError, ProblemError};
use collapipe::{Blame, Blamed};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(collapipe, CollapipeError, PyException, "What this package raises.");
create_exception!(
    collapipe,
    InputError,
    CollapipeError,
    "Bad input. `field`, `value` and `allowed` say where and what, or are None where no field is to blame."
);
create_exception!(collapipe, Infeasible, CollapipeError, "No decision satisfies the constraints; the text says which.");
create_exception!(
    collapipe,
    MachineError,
    CollapipeError,
    "Numbers too far apart for double precision, or a file that failed."
);
create_exception!(collapipe, Interrupted, CollapipeError, "A solve was ended before it had a decision.");

/// A fault of the input without a field.
pub fn input(error: &dyn Display) -> PyErr {
    with_field(error, None)
}

/// A fault of the machine.
pub fn machine(error: &dyn Display) -> PyErr {
    MachineError::new_err(error.to_string())
}

/// A library error by whom it blames.
pub fn of<E: Blamed + Display>(error: &E) -> PyErr {
    match error.blame() {
        Blame::Input => input(error),
        Blame::Infeasible => Infeasible::new_err(error.to_string()),
        Blame::Machine => machine(error),
    }
}

/// A fault of a problem.
pub fn of_problem(error: &ProblemError) -> PyErr {
    match error {
        ProblemError::Field(field) => with_field(error, Some(field)),
        _ => input(error),
    }
}

/// A fault of JSON text.
pub fn of_json(error: &JsonError) -> PyErr {
    match error {
        JsonError::Problem(ProblemError::Field(field)) => with_field(error, Some(field)),
        JsonError::Fields(fields) => with_field(error, fields.first()),
        _ => input(error),
    }
}

fn with_field(error: &dyn Display, field: Option<&FieldError>) -> PyErr {
    let error = InputError::new_err(error.to_string());
    Python::attach(|py| {
        let value = error.value(py);
        // An exception's attributes cannot fail to be set; if they did, the text still has all of it.
        let _ = value.setattr("field", field.map(|field| field.path.clone()));
        let _ = value.setattr("value", field.map(|field| field.value.clone()));
        let _ = value.setattr("allowed", field.map(|field| field.allowed.clone()));
    });
    error
}
