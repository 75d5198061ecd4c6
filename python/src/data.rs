//! Rust's data as Python's: dicts, lists, numbers.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use serde::Serialize;

use crate::error::machine;

/// A value as dicts, lists, strings and numbers, as reading its JSON would give; floats are the same bits.
pub fn to_python<'py, T: Serialize + ?Sized>(py: Python<'py>, value: &T) -> PyResult<Bound<'py, PyAny>> {
    let data = pythonize::pythonize(py, value).map_err(|error| machine(&error))?;
    Ok(in_lists(&data)?.unwrap_or(data))
}

/// The data with lists in the place of tuples, which JSON does not know; none where nothing is to be replaced, but within.
fn in_lists<'py>(data: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Ok(dict) = data.cast_exact::<PyDict>() {
        for (key, value) in dict {
            if let Some(value) = in_lists(&value)? {
                // Of a key that is there: the dict does not change under the loop.
                dict.set_item(key, value)?;
            }
        }
    } else if let Ok(list) = data.cast_exact::<PyList>() {
        for (index, value) in list.iter().enumerate() {
            if let Some(value) = in_lists(&value)? {
                list.set_item(index, value)?;
            }
        }
    } else if let Ok(tuple) = data.cast_exact::<PyTuple>() {
        let list = tuple.to_list();
        in_lists(list.as_any())?;
        return Ok(Some(list.into_any()));
    }
    Ok(None)
}

/// A value as JSON text.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| machine(&error))
}
