//! A small family of exceptions: bad input, no decision, a machine that failed.

use std::fmt::Display;

use collapipe::problem::FieldError;
use collapipe::report::FigureStyle;
use collapipe::{Blame, Blamed};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(collapipe, CollapipeError, PyException, "What this package raises.");
create_exception!(
    collapipe,
    InputError,
    CollapipeError,
    "Bad input. `field`, `value` and `allowed` are texts that say where, what, and what may stand there; None where no single field is to blame."
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

/// A field that does not hold what it must.
pub fn field(path: &str, value: impl Display, allowed: impl Into<String>) -> PyErr {
    of(&FieldError { path: path.into(), value: value.to_string(), allowed: allowed.into(), owner: None })
}

/// The style of figures of this name.
pub fn figure_style(name: &str) -> PyResult<FigureStyle> {
    let names = || FigureStyle::ALL.map(|style| format!("{:?}", style.name())).join(", ");
    FigureStyle::named(name).ok_or_else(|| field("figures", format!("{name:?}"), format!("one of {}", names())))
}

/// A fault of the machine.
pub fn machine(error: &dyn Display) -> PyErr {
    MachineError::new_err(error.to_string())
}

/// A library error by whom it blames.
pub fn of<E: Blamed>(error: &E) -> PyErr {
    match error.blame() {
        Blame::Input => with_field(error, error.field()),
        Blame::Infeasible => Infeasible::new_err(error.to_string()),
        Blame::Machine => machine(error),
    }
}

fn with_field(error: &dyn Display, field: Option<FieldError>) -> PyErr {
    let error = InputError::new_err(error.to_string());
    let (path, value, allowed) = match field {
        Some(field) => (Some(field.path), Some(field.value), Some(field.allowed)),
        None => (None, None, None),
    };
    Python::attach(|py| {
        let error = error.value(py);
        // An exception's attributes cannot fail to be set; if they did, the text still has all of it.
        let _ = error.setattr("field", path);
        let _ = error.setattr("value", value);
        let _ = error.setattr("allowed", allowed);
    });
    error
}
