//! What a page asks, and what it is answered.

use std::collections::BTreeMap;

use collapipe::network::device::DevicePreset;
use collapipe::plan::{ExplainError, LastingError, Names, PlanReport, Typical, explain, lasting_state, settled_prices};
use collapipe::problem::FieldError;
use collapipe::report::FigureStyle;
use collapipe::scenario::{PRESETS, Scenario, ScenarioError, ScenarioFile, ScenarioFileError, ScenarioSpec, SlotError};
use collapipe::schedule::Drawing;
use collapipe::solver::{Settings, SolveError, solve};
use serde::{Deserialize, Serialize};

/// A request, as `{"plan": {...}}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    /// What a page begins with: a scenario by its name.
    Begin(String),
    /// A scenario file (TOML) as data.
    Read(String),
    /// A scenario file (TOML) of data.
    Write(Box<ScenarioSpec>),
    /// One plan for good at mean gains.
    Plan(Box<Wanted>),
}

/// Which plan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    scenario: ScenarioSpec,
    /// Energy prices in 1/J by the name of a node, 0 where one is missing; those that settle if left out, as in `collapipe plan FILE
    /// --static`, which takes some hundred times as long.
    energy_prices: Option<BTreeMap<String, f64>>,
}

/// An answer, as `{"plan": {...}}` or `{"error": "..."}`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Begin(Box<Beginning>),
    Read(Box<ScenarioSpec>),
    Write(String),
    Plan(Box<Planned>),
    Error(String),
}

/// A scenario to begin with, and what may be in it.
#[derive(Debug, Serialize)]
struct Beginning {
    scenario: ScenarioSpec,
    device_presets: Vec<&'static str>,
}

/// A plan and its pictures.
#[derive(Debug, Serialize)]
struct Planned {
    /// What `collapipe plan --format json` prints.
    report: PlanReport,
    /// At which energy prices in 1/J, by the name of a node.
    energy_prices: BTreeMap<String, f64>,
    /// Per cluster one batch through its pipeline (SVG); none for a pipeline with too many events.
    charts: Vec<Option<String>>,
}

/// Why a request has no answer, in a sentence that names the field or says what cannot be.
#[derive(Debug)]
struct Refusal(String);

macro_rules! refused_by {
    ($($error:ty),+) => {
        $(impl From<$error> for Refusal {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        })+
    };
}
refused_by!(
    ExplainError,
    FieldError,
    LastingError,
    ScenarioError,
    ScenarioFileError,
    SlotError,
    SolveError,
    serde_json::Error,
    toml::ser::Error
);

/// The answer to a request, both JSON.
pub fn answer(request: &[u8]) -> String {
    let answer = answered(request).unwrap_or_else(|Refusal(why)| Answer::Error(why));
    // Numbers, texts and lists of them: what has names as keys can be written.
    serde_json::to_string(&answer).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}

fn answered(request: &[u8]) -> Result<Answer, Refusal> {
    Ok(match serde_json::from_slice(request)? {
        Request::Begin(name) => Answer::Begin(Box::new(Beginning {
            scenario: read(beginning(&name)?)?,
            device_presets: DevicePreset::ALL.iter().map(|preset| preset.name()).collect(),
        })),
        Request::Read(text) => Answer::Read(Box::new(read(&text)?)),
        Request::Write(spec) => Answer::Write(toml::to_string_pretty(&*spec)?),
        Request::Plan(wanted) => Answer::Plan(Box::new(plan(*wanted)?)),
    })
}

/// Scenarios to begin with: that of the page, and the library's.
fn beginning(name: &str) -> Result<&'static str, Refusal> {
    const OWN: (&str, &str) = ("six-devices", include_str!("../../docs/scenarios/six-devices.toml"));
    let all = || [OWN].into_iter().chain(PRESETS);
    let found = all().find(|(known, _)| *known == name).map(|(_, text)| text);
    let known = || all().map(|(known, _)| known).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| Refusal(format!("begin: {name:?}: must be one of {}", known())))
}

fn read(text: &str) -> Result<ScenarioSpec, Refusal> {
    Ok(ScenarioFile::parse(text, "".as_ref())?.build()?.spec().clone())
}

fn plan(Wanted { scenario, energy_prices }: Wanted) -> Result<Planned, Refusal> {
    let scenario = &Scenario::new(scenario)?;
    let settings = Settings::default();
    let state = lasting_state(scenario, Typical::Mean)?;
    let of = |name: &str| energy_prices.as_ref().map(|of| of.get(name).copied().unwrap_or_default());
    let given: Option<Vec<f64>> = scenario.nodes().iter().map(|node| of(&node.name)).collect();
    let prices = match given {
        Some(given) => given,
        None => settled_prices(scenario, &state, &settings)?,
    };
    let problem = state.problem(|node| prices.get(node).copied().unwrap_or_default())?.problem;
    let solution = solve(&problem, &settings)?;
    let best = solution.outcome.as_ref().map_err(|reasons| Refusal(format!("no plan: {reasons}")))?;
    let report = explain(&problem, best, &Names::of_scenario(scenario, &[]), &settings)?;
    let drawing = Drawing { style: FigureStyle::PaperWide, width_in: None, links: true };
    let charts = (0..report.clusters.len()).map(|cluster| report.to_svg(cluster, drawing));
    let charts = charts.collect::<Result<_, _>>()?;
    let energy_prices = scenario.nodes().iter().map(|node| node.name.clone()).zip(prices).collect();
    Ok(Planned { report, energy_prices, charts })
}
