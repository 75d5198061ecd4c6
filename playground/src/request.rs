//! What a page asks, and what it is answered.

use std::collections::BTreeMap;

use collapipe::network::device::DevicePreset;
use collapipe::plan::{
    ExplainError, LastingError, Names, PlanReport, Typical, Why, lasting_state, outline, settled_prices, why,
};
use collapipe::problem::{FieldError, SlotProblem};
use collapipe::report::FigureStyle;
use collapipe::scenario::{PRESETS, Scenario, ScenarioError, ScenarioFile, ScenarioFileError, ScenarioSpec, SlotError};
use collapipe::schedule::Drawing;
use collapipe::solver::{Certified, Settings, SolveError, solve};
use serde::{Deserialize, Serialize};

/// A request, as `{"settle": "..."}`. Scenarios come as TOML: one reader of them is large enough.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    /// What a page begins with: a scenario by its name.
    Begin(String),
    /// A scenario file as data.
    Read(String),
    /// The energy prices that settle where budgets are kept, as in `collapipe plan FILE --static`; this takes some hundred times as
    /// long as a plan.
    Settle(String),
    /// One plan for good at mean gains.
    Plan(Wanted),
    /// What else was possible, and what more would be worth: of the last plan.
    Why {},
}

/// Which plan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    scenario: String,
    /// In 1/J by the name of a node, 0 where one is missing.
    energy_prices: Prices,
}

/// Energy prices in 1/J, by the name of a node.
type Prices = BTreeMap<String, f64>;

/// An answer, as `{"plan": {...}}` or `{"error": "..."}`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Begin(Box<Beginning>),
    Read(Box<ScenarioSpec>),
    Settle(Prices),
    Plan(Box<Planned>),
    Why(Why),
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
    /// What `collapipe plan --format json` prints, but for variants and prices.
    report: PlanReport,
    /// Per cluster one batch through its pipeline (SVG); none for a pipeline with too many events.
    charts: Vec<Option<String>>,
}

/// A plan that was answered, to be asked about.
#[derive(Debug)]
struct Last {
    problem: SlotProblem,
    best: Certified,
    names: Names,
}

/// Answers requests, and remembers the last plan.
#[derive(Debug)]
pub struct Planner {
    last: Option<Last>,
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
    serde_json::Error
);

impl Planner {
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// The answer to a request, both JSON.
    pub fn answer(&mut self, request: &[u8]) -> String {
        let answer = self.answered(request).unwrap_or_else(|Refusal(why)| Answer::Error(why));
        // Numbers, texts and lists of them: what has names as keys can be written.
        serde_json::to_string(&answer).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
    }

    fn answered(&mut self, request: &[u8]) -> Result<Answer, Refusal> {
        Ok(match serde_json::from_slice(request)? {
            Request::Begin(name) => Answer::Begin(Box::new(Beginning {
                scenario: read(beginning(&name)?)?,
                device_presets: DevicePreset::ALL.iter().map(|preset| preset.name()).collect(),
            })),
            Request::Read(text) => Answer::Read(Box::new(read(&text)?)),
            Request::Settle(text) => {
                let scenario = &written(&text)?;
                let state = lasting_state(scenario, Typical::Mean)?;
                let prices = settled_prices(scenario, &state, &Settings::default())?;
                Answer::Settle(scenario.nodes().iter().map(|node| node.name.clone()).zip(prices).collect())
            }
            Request::Plan(wanted) => {
                self.last = None;
                let (planned, last) = plan(&written(&wanted.scenario)?, &wanted.energy_prices)?;
                self.last = Some(last);
                Answer::Plan(Box::new(planned))
            }
            Request::Why {} => {
                let Some(Last { problem, best, names }) = &self.last else {
                    return Err(Refusal("why: there is no plan to be asked about".into()));
                };
                Answer::Why(why(problem, best, names, &Settings::default())?)
            }
        })
    }
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

/// The scenario of a page: nobody sees its text, so that faults must not name its lines.
fn written(text: &str) -> Result<Scenario, Refusal> {
    Ok(Scenario::new(ScenarioFile::parse(text, "".as_ref())?.spec)?)
}

fn plan(scenario: &Scenario, prices: &Prices) -> Result<(Planned, Last), Refusal> {
    let state = lasting_state(scenario, Typical::Mean)?;
    let price =
        |node: usize| scenario.nodes().get(node).and_then(|of| prices.get(&of.name)).copied().unwrap_or_default();
    let problem = state.problem(price)?.problem;
    let best =
        solve(&problem, &Settings::default())?.outcome.map_err(|reasons| Refusal(format!("no plan: {reasons}")))?;
    let names = Names::of_scenario(scenario, &[]);
    let report = outline(&problem, &best, &names)?;
    let drawing = Drawing { style: FigureStyle::PaperWide, width_in: None, links: true };
    let charts = (0..report.clusters.len()).map(|cluster| report.to_svg(cluster, drawing));
    let charts = charts.collect::<Result<_, _>>()?;
    Ok((Planned { report, charts }, Last { problem, best, names }))
}
