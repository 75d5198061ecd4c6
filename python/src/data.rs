//! Rust's data as Python's: dicts, lists, numbers.

use pyo3::prelude::*;
use serde::Serialize;

use crate::error::machine;

/// A value as dicts, lists, strings and numbers; floats are the same bits.
pub fn to_python<'py, T: Serialize + ?Sized>(py: Python<'py>, value: &T) -> PyResult<Bound<'py, PyAny>> {
    pythonize::pythonize(py, value).map_err(|error| machine(&error))
}

/// A value as JSON text.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| machine(&error))
}
