//! How fast devices and links are, from timed iterations.

use collapipe::calibration::{Calibration as Found, CalibrationSpec, Quantity, Timing, calibrate as fit_to};
use collapipe::model::{BlockCosts, ModelPreset, Transformer};
use collapipe::schedule::Sending;
use pyo3::prelude::*;

use crate::data::to_python;
use crate::error::{field, input, of};
use crate::wait::interruptible;

/// What timings tell, and the work of the block that was timed.
#[pyclass(frozen, module = "collapipe._core")]
pub struct Calibration {
    found: Found,
    work: Option<[f64; 2]>,
}

/// The costs of a block of a published model.
fn block_of(model: &str, sequence_length: Option<u32>) -> PyResult<BlockCosts> {
    let known = || ModelPreset::ALL.map(ModelPreset::name).join(", ");
    let preset: ModelPreset =
        model.parse().map_err(|_| field("model", format!("{model:?}"), format!("one of {}", known())))?;
    let spec = preset.spec(sequence_length.unwrap_or(preset.default_sequence_length()));
    Ok(Transformer::new(spec).map_err(|error| of(&error))?.costs().block)
}

/// Fits quantities to timings (CSV), as `collapipe calibrate`; `work` is forward and backward, in FLOP.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "those of the command, given by name in Python")]
pub fn calibrate(
    py: Python<'_>,
    timings: &str,
    fit: Vec<String>,
    fixed: Vec<(String, f64)>,
    sending: &str,
    model: Option<&str>,
    sequence_length: Option<u32>,
    work: Option<[f64; 2]>,
    boundary_bytes: Option<f64>,
) -> PyResult<Calibration> {
    let rows = Timing::from_csv(timings).map_err(|error| of(&error))?;
    let quantity = |name: &str| name.parse::<Quantity>().map_err(|error| of(&error));
    let sending = Sending::ALL.into_iter().find(|mode| mode.name() == sending).ok_or_else(|| {
        let names = Sending::ALL.map(Sending::name).join(", ");
        field("sending", format!("{sending:?}"), format!("one of {names}"))
    })?;
    let block = model.map(|model| block_of(model, sequence_length)).transpose()?;
    if let (None, Some(length)) = (&block, sequence_length) {
        return Err(field("sequence_length", length, "left out without a model"));
    }
    let of_block = |block: &BlockCosts| [block.forward_flops_per_sample.0, block.backward_flops_per_sample.0];
    let work = work.or(block.as_ref().map(of_block));
    let standard = CalibrationSpec::default();
    let spec = CalibrationSpec {
        rows,
        sending,
        boundary_bytes_per_sample: boundary_bytes
            .unwrap_or(block.map_or(0.0, |block| block.boundary_bits_per_sample.0 / 8.0)),
        backward_share: work.map_or(standard.backward_share, |[forward, backward]| backward / (forward + backward)),
        fit: match fit.is_empty() {
            true => standard.fit,
            false => fit.iter().map(|name| quantity(name)).collect::<PyResult<_>>()?,
        },
        fixed: fixed.iter().map(|(name, value)| Ok((quantity(name)?, *value))).collect::<PyResult<_>>()?,
    };
    let found = interruptible(py, |_| fit_to(&spec))?.map_err(|error| of(&error))?;
    Ok(Calibration { found, work })
}

#[pymethods]
impl Calibration {
    /// As `collapipe calibrate --format json`.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.found)
    }

    /// As `collapipe calibrate --out` writes it.
    fn to_toml(&self) -> PyResult<String> {
        let work = self.work.ok_or_else(|| {
            input(&"devices need a model, or forward_flops and backward_flops, which turn seconds into rates")
        })?;
        self.found.presets_toml(work).map_err(|error| of(&error))
    }
}
