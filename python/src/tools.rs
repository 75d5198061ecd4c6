//! Convergence bounds, timelines, names of policies.

use collapipe::bounds::BoundRequest;
use collapipe::schedule::ScheduleSpec;
use collapipe::simulation::PolicyKind;
use pyo3::prelude::*;

use crate::data::to_python;
use crate::error::input;

/// A convergence bound; JSON in, dict out, as `collapipe bound`.
#[pyfunction]
pub fn bound<'py>(py: Python<'py>, request: &str) -> PyResult<Bound<'py, PyAny>> {
    let request = BoundRequest::from_json(request).map_err(|error| input(&error))?;
    let report = request.evaluate().map_err(|error| input(&error))?;
    to_python(py, &report)
}

/// A pipeline schedule event by event; JSON in, dict out, as `collapipe schedule --format json`.
#[pyfunction]
pub fn timeline<'py>(py: Python<'py>, spec: &str) -> PyResult<Bound<'py, PyAny>> {
    let spec = ScheduleSpec::from_json(spec).map_err(|error| input(&error))?;
    let (mut timeline, _) = spec.play().map_err(|error| input(&error))?;
    let account = timeline.account(&spec.memory()).map_err(|error| input(&error))?;
    let result = to_python(py, &account)?;
    result.set_item("memory_unit", spec.memory_unit())?;
    Ok(result)
}

/// Name and sentence of every policy.
#[pyfunction]
pub fn policies() -> Vec<(String, &'static str)> {
    PolicyKind::ALL.iter().map(|kind| (kind.to_string(), kind.summary())).collect()
}
