//! Slot problems and their evaluation.

use std::sync::Arc;

use collapipe::nalgebra::DMatrix;
use collapipe::problem::{Decision, Gains, SlotProblem, SlotSpec, evaluate as evaluated};
use pyo3::prelude::*;

use crate::data::{to_json, to_python};
use crate::error::{field, input, of};

/// A validated slot problem.
#[pyclass(frozen, module = "collapipe._core")]
pub struct Problem(pub Arc<SlotProblem>);

impl Problem {
    fn changed(&self, change: impl FnOnce(&mut SlotSpec) -> PyResult<()>) -> PyResult<Self> {
        let mut spec = SlotSpec::clone(&self.0);
        change(&mut spec)?;
        SlotProblem::new(spec).map(Self::from).map_err(|error| of(&error))
    }
}

impl From<SlotProblem> for Problem {
    fn from(problem: SlotProblem) -> Self {
        Self(Arc::new(problem))
    }
}

#[pymethods]
impl Problem {
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        SlotProblem::from_json(text).map(Self::from).map_err(|error| of(&error))
    }

    fn to_json(&self) -> PyResult<String> {
        self.0.to_json().map_err(|error| of(&error))
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let spec: &SlotSpec = &self.0;
        to_python(py, spec)
    }

    /// Devices of each cluster.
    fn devices(&self) -> Vec<usize> {
        self.0.clusters.iter().map(|cluster| cluster.devices.len()).collect()
    }

    fn blocks(&self) -> usize {
        self.0.encoder.blocks() as usize
    }

    fn latency_weight(&self) -> f64 {
        self.0.latency_weight
    }

    fn with_latency_weight(&self, weight: f64) -> PyResult<Self> {
        self.changed(|spec| {
            spec.latency_weight = weight;
            Ok(())
        })
    }

    fn gains(&self, cluster: usize) -> PyResult<Vec<Vec<f64>>> {
        let of = self.0.clusters.get(cluster).ok_or_else(|| no_cluster(cluster, self.0.clusters.len()))?;
        let gains = &of.gain_to_noise_hz_per_w.0;
        Ok(gains.row_iter().map(|row| row.iter().copied().collect()).collect())
    }

    fn with_gains(&self, cluster: usize, gains: Vec<Vec<f64>>) -> PyResult<Self> {
        self.changed(|spec| {
            let clusters = spec.clusters.len();
            let of = spec.clusters.get_mut(cluster).ok_or_else(|| no_cluster(cluster, clusters))?;
            let columns = gains.first().map_or(0, Vec::len);
            if let Some((index, row)) = gains.iter().enumerate().find(|(_, row)| row.len() != columns) {
                let allowed = format!("a row of {columns}, as the first one");
                return Err(field(&format!("gains[{index}]"), format!("a row of {}", row.len()), allowed));
            }
            of.gain_to_noise_hz_per_w =
                Gains(DMatrix::from_row_iterator(gains.len(), columns, gains.into_iter().flatten()));
            Ok(())
        })
    }

    /// One list per cluster: control unit, then devices; 1/J.
    fn prices(&self) -> Vec<Vec<f64>> {
        let of = |cluster: &collapipe::problem::Cluster| {
            let devices = cluster.devices.iter().map(|device| device.energy_price);
            std::iter::once(cluster.control_unit.energy_price).chain(devices).collect()
        };
        self.0.clusters.iter().map(of).collect()
    }

    fn with_prices(&self, prices: Vec<Vec<f64>>) -> PyResult<Self> {
        self.changed(|spec| {
            let clusters = spec.clusters.len();
            if prices.len() != clusters {
                let found = format!("{} lists", prices.len());
                return Err(field("prices", found, format!("{clusters} lists, one per cluster")));
            }
            for (index, (cluster, prices)) in spec.clusters.iter_mut().zip(prices).enumerate() {
                let nodes = cluster.devices.len() + 1;
                let (Some((first, rest)), true) = (prices.split_first(), prices.len() == nodes) else {
                    let found = format!("{} numbers", prices.len());
                    let allowed = format!("{nodes} numbers: control unit, then devices");
                    return Err(field(&format!("prices[{index}]"), found, allowed));
                };
                cluster.control_unit.energy_price = *first;
                for (device, price) in cluster.devices.iter_mut().zip(rest) {
                    device.energy_price = *price;
                }
            }
            Ok(())
        })
    }
}

fn no_cluster(index: usize, clusters: usize) -> PyErr {
    field("cluster", index, format!("below {clusters}, the number of clusters"))
}

/// What a decision costs, and which constraints it breaks; JSON in, dict out.
#[pyfunction]
pub fn evaluate<'py>(
    py: Python<'py>,
    problem: &Problem,
    decision: &str,
    tolerance: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let decision = Decision::from_answer_json(decision).map_err(|error| of(&error))?;
    let evaluation = evaluated(&problem.0, &decision).map_err(|error| input(&error))?;
    let result = to_python(py, &evaluation)?;
    result.set_item("feasible", evaluation.feasibility.is_feasible(tolerance))?;
    let violations: Vec<String> = evaluation.feasibility.violations.iter().map(ToString::to_string).collect();
    result.set_item("violations", violations)?;
    Ok(result)
}

/// JSON of a problem's data.
pub fn json_of(problem: &SlotProblem) -> PyResult<String> {
    let spec: &SlotSpec = problem;
    to_json(spec)
}
