//! Python bindings of `collapipe`: thin, typed, and without a number of their own.
//!
//! What users see is the package in `python/collapipe`; this module is its private half.

mod calibration;
mod data;
mod drift;
mod error;
mod experiments;
mod plan;
mod problem;
mod run;
mod scenario;
mod solver;
mod table;
mod tools;
mod wait;

use pyo3::prelude::*;

/// The private half of the package.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::calibration::{Calibration, calibrate};
    #[pymodule_export]
    use super::drift::{DriftRecord, DriftRunner};
    #[pymodule_export]
    use super::error::{CollapipeError, Infeasible, InputError, Interrupted, MachineError};
    #[pymodule_export]
    use super::experiments::{Reproduction, Results, compared, experiments};
    #[pymodule_export]
    use super::plan::{Plan, plan_of_problem, plan_of_scenario};
    #[pymodule_export]
    use super::problem::{Problem, evaluate};
    #[pymodule_export]
    use super::run::{RunRecord, Runner};
    #[pymodule_export]
    use super::scenario::Scenario;
    #[pymodule_export]
    use super::solver::{Solution, Solver};
    #[pymodule_export]
    use super::table::Table;
    #[pymodule_export]
    use super::tools::{bound, policies, presets, timeline};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let input_error = module.py().get_type::<InputError>();
        for name in ["field", "value", "allowed"] {
            input_error.setattr(name, module.py().None())?;
        }
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
