//! A plan of one round for people.

use collapipe::plan::{Names, PlanReport, Typical, explain, lasting};
use collapipe::problem::SlotProblem;
use collapipe::report::FigureStyle;
use collapipe::schedule::Drawing;
use collapipe::solver::{Settings, solve};
use pyo3::prelude::*;

use crate::data::{to_json, to_python};
use crate::error::{Infeasible, field, input, of};
use crate::problem::Problem;
use crate::scenario::Scenario;
use crate::solver::settings;
use crate::wait::interruptible;

/// A plan with its title.
#[pyclass(frozen, module = "collapipe._core")]
pub struct Plan {
    report: PlanReport,
    title: String,
}

/// Solves a problem and explains the solution.
fn explained(
    py: Python<'_>,
    problem: &SlotProblem,
    names: &Names,
    title: String,
    settings: Settings,
) -> PyResult<Plan> {
    let explain = |_: &_| {
        let solution = solve(problem, &settings).map_err(|error| of(&error))?;
        let no_plan = |reasons: &dyn std::fmt::Display| Infeasible::new_err(format!("{title}: no plan: {reasons}"));
        let best = solution.outcome.as_ref().map_err(|reasons| no_plan(reasons))?;
        explain(problem, best, names, &settings).map_err(|error| of(&error))
    };
    let report = interruptible(py, explain)??;
    Ok(Plan { report, title })
}

/// The plan of a slot of a scenario or, with `gains` of "mean" or "worst", one plan for good.
#[pyfunction]
pub fn plan_of_scenario(
    py: Python<'_>,
    scenario: &Scenario,
    slot: u64,
    gains: Option<&str>,
    gap: f64,
    time_limit: Option<f64>,
) -> PyResult<Plan> {
    let settings = settings(gap, time_limit, None)?;
    let name = &scenario.built.spec().name;
    let Some(gains) = gains else {
        let instance = scenario.slot(py, slot, settings)?;
        let names = Names::of_scenario(&scenario.built, &instance.present);
        return explained(py, &instance.problem, &names, format!("{name}: slot {slot}"), settings);
    };
    let typical = match gains {
        "mean" => Typical::Mean,
        "worst" => Typical::Worst,
        other => return Err(field("gains", format!("{other:?}"), "\"mean\", \"worst\" or None")),
    };
    let problem = interruptible(py, |_| lasting(&scenario.built, typical, &settings))?.map_err(|error| of(&error))?;
    let names = Names::of_scenario(&scenario.built, &[]);
    explained(py, &problem, &names, format!("{name}: one plan at {gains} gains"), settings)
}

/// The plan of a slot problem.
#[pyfunction]
pub fn plan_of_problem(
    py: Python<'_>,
    problem: &Problem,
    title: String,
    gap: f64,
    time_limit: Option<f64>,
) -> PyResult<Plan> {
    explained(py, &problem.0, &Names::default(), title, settings(gap, time_limit, None)?)
}

#[pymethods]
impl Plan {
    /// Report and title, for pickling.
    fn state(&self) -> PyResult<(String, &str)> {
        Ok((to_json(&self.report)?, &self.title))
    }

    #[staticmethod]
    fn from_state(report: &str, title: String) -> PyResult<Self> {
        serde_json::from_str(report).map(|report| Self { report, title }).map_err(|error| input(&error))
    }

    fn title(&self) -> &str {
        &self.title
    }

    /// As `collapipe plan --format json`.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.report)
    }

    /// As `collapipe plan` prints it.
    fn text(&self) -> String {
        format!("{}\n\n{}", collapipe::text::printable(&self.title), self.report.to_table())
    }

    /// As `collapipe plan --format html`.
    fn html(&self) -> PyResult<String> {
        self.report.to_html(&self.title).map_err(|error| of(&error))
    }

    /// As `collapipe plan --format svg`.
    fn svg(&self, cluster: &str, width_in: f64, links: bool) -> PyResult<String> {
        let cluster = self.report.cluster_named(cluster).map_err(|error| of(&error))?;
        drawn(
            self.report
                .to_svg(cluster, Drawing { style: FigureStyle::Paper, width_in: Some(width_in), links })
                .map_err(|error| of(&error))?,
        )
    }

    /// As `collapipe plan --format trace`.
    fn trace(&self, cluster: &str) -> PyResult<String> {
        let cluster = self.report.cluster_named(cluster).map_err(|error| of(&error))?;
        drawn(self.report.to_chrome_trace(cluster).map_err(|error| of(&error))?)
    }
}

fn drawn(text: Option<String>) -> PyResult<String> {
    text.ok_or_else(|| input(&"the pipeline has too many micro-batches to be drawn; use to_dict()"))
}
