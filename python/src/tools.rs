//! Convergence bounds, timelines, names of policies, presets.

use collapipe::bounds::BoundRequest;
use collapipe::scenario::Catalogue;
use collapipe::schedule::ScheduleSpec;
use collapipe::simulation::PolicyKind;
use pyo3::prelude::*;

use crate::data::to_python;
use crate::error::of;

/// A convergence bound; JSON in, dict out, as `collapipe bound`.
#[pyfunction]
pub fn bound<'py>(py: Python<'py>, request: &str, certify: bool) -> PyResult<Bound<'py, PyAny>> {
    let request = BoundRequest::from_json(request).map_err(|error| of(&error))?;
    let report = to_python(py, &request.evaluate().map_err(|error| of(&error))?)?;
    if certify {
        let certified = py.detach(|| request.certify()).map_err(|error| of(&error))?;
        report.set_item("certified", to_python(py, &certified)?)?;
    }
    Ok(report)
}

/// A pipeline schedule event by event; JSON in, dict out, as `collapipe schedule --format json`.
#[pyfunction]
pub fn timeline<'py>(py: Python<'py>, spec: &str) -> PyResult<Bound<'py, PyAny>> {
    let spec = ScheduleSpec::from_json(spec).map_err(|error| of(&error))?;
    let (mut timeline, _) = spec.play().map_err(|error| of(&error))?;
    let account = timeline.account(&spec.memory()).map_err(|error| of(&error))?;
    let result = to_python(py, &account)?;
    result.set_item("memory_unit", spec.memory_unit())?;
    Ok(result)
}

/// Name and sentence of every policy.
#[pyfunction]
pub fn policies() -> Vec<(String, &'static str)> {
    PolicyKind::ALL.iter().map(|kind| (kind.to_string(), kind.summary())).collect()
}

/// What a scenario can name, as `collapipe presets --format json`.
#[pyfunction]
pub fn presets(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    to_python(py, &Catalogue::new().map_err(|error| of(&error))?)
}
