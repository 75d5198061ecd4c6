//! Python bindings of `collapipe`: thin, typed, and without a number of their own.
//!
//! What users see is the package in `python/collapipe`; this module is its private half.

mod data;
mod error;
mod experiments;
mod problem;
mod run;
mod scenario;
mod solver;
mod table;
mod tools;

use pyo3::prelude::*;

/// The private half of the package.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::error::{CollapipeError, Infeasible, InputError, Interrupted, MachineError};
    #[pymodule_export]
    use super::experiments::{Reproduction, experiments};
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
    use super::tools::{bound, policies, timeline};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
