//! An experiment of the user's own: a scenario of theirs, fields of it that are varied, and who decides.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::catalogue::pieces::{bars, exact_against_others, lines};
use super::cell::Cell;
use super::error::ExperimentError;
use super::experiment::{Described, Setup};
use super::metric::Metric;
use crate::ground::check::{FieldError, count};
use crate::scenario::{Assignment, Scenario, ScenarioFile};
use crate::simulation::PolicyKind;
use crate::solver::Settings;
use crate::text::{describe, value};

/// Name and version of the format of an experiment's description.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum OwnSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.experiment/1")]
    V1,
}

/// Fields of a scenario that take the same values, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vary {
    /// The fields, as [`Assignment`] takes them.
    pub paths: Vec<String>,
    /// Their values, as TOML.
    pub values: Vec<String>,
}

/// An experiment of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnExperiment {
    /// Format.
    pub schema: OwnSchema,
    /// Name of the folder of its results: letters, digits and dashes.
    pub name: String,
    /// Title of page and figure.
    pub title: String,
    /// What is asked.
    pub question: String,
    /// The scenario (TOML).
    pub scenario: String,
    /// Where the files are that the scenario names.
    pub folder: PathBuf,
    /// Values in place of the scenario's, as [`Assignment`] takes them.
    pub set: Vec<String>,
    /// What is varied, all with all: the first along the axis, the others as series of their own. Nothing, to compare
    /// policies.
    pub vary: Vec<Vary>,
    /// Who decides.
    pub policies: Vec<PolicyKind>,
}

/// Most scenarios of an experiment, seeds aside.
const MOST_PLACES: u64 = 10_000;

/// An experiment as a file describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExperimentFile {
    schema: OwnSchema,
    name: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    question: String,
    scenario: PathBuf,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    vary: Vec<VaryFile>,
    #[serde(default)]
    policies: Vec<PolicyKind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VaryFile {
    paths: Vec<String>,
    values: Vec<toml::Value>,
}

impl Vary {
    /// Fields and values as they are typed: `latency_weight=0.1,1,10`, or
    /// `uplink.bandwidth_hz+clusters.*.bandwidth_hz=5e6,10e6`, where several fields take the same value.
    ///
    /// # Errors
    /// Text of another form, or a path that is none.
    pub fn parse(text: &str) -> Result<Self, ExperimentError> {
        let form = || FieldError::new("vary", text, "path=a,b,c, as latency_weight=0.1,1,10");
        let (paths, values) = text.split_once('=').ok_or_else(form)?;
        let paths = paths.split('+').map(|path| path.trim().to_owned()).collect();
        let vary = Self { paths, values: split(values) };
        if vary.values.iter().any(String::is_empty) {
            return Err(form().into());
        }
        vary.assignments()?;
        Ok(vary)
    }

    /// For every value the assignments that set it.
    fn assignments(&self) -> Result<Vec<Vec<Assignment>>, ExperimentError> {
        if self.paths.is_empty() || self.values.is_empty() {
            return Err(FieldError::new("vary", format!("{self:?}"), "at least one path and one value").into());
        }
        let of = |value: &String| self.paths.iter().map(|path| Assignment::new(path, value)).collect::<Result<_, _>>();
        Ok(self.values.iter().map(of).collect::<Result<_, _>>()?)
    }

    /// The values as numbers; none where one is no number.
    fn numbers(&self) -> Option<Vec<f64>> {
        let number = |text: &String| text.replace('_', "").parse::<f64>().ok().filter(|number| number.is_finite());
        self.values.iter().map(number).collect()
    }

    fn axis(&self) -> String {
        self.paths.join(" = ")
    }
}

/// What the names of fields end with, longest first, and the units that it means.
const UNITS: [(&str, &str); 16] = [
    ("_flops_per_second", "flop/s"),
    ("_bits_per_second", "bit/s"),
    ("_dbm_per_hz", "dBm/Hz"),
    ("_j_per_round", "J"),
    ("_hz_per_w", "Hz/W"),
    ("_m_per_s", "m/s"),
    ("_seconds", "s"),
    ("_bytes", "B"),
    ("_bits", "bit"),
    ("_dbm", "dBm"),
    ("_dbi", "dBi"),
    ("_hz", "Hz"),
    ("_db", "dB"),
    ("_w", "W"),
    ("_m", "m"),
    ("_s", "s"),
];

/// What is varied, with its unit in brackets where that is in the name of a field alone.
pub(super) fn with_unit(axis: &str) -> String {
    if axis.contains('[') {
        return axis.into();
    }
    let unit = UNITS.iter().find(|(end, _)| axis.ends_with(end)).map(|(_, unit)| *unit);
    match unit.or(axis.ends_with("latency_weight").then_some("1/s")) {
        Some(unit) => format!("{axis} [{unit}]"),
        None => axis.into(),
    }
}

/// A list of TOML values at its commas, those within brackets and quotation marks aside.
fn split(list: &str) -> Vec<String> {
    let (mut values, mut depth, mut quote) = (vec![String::new()], 0_usize, None);
    for c in list.chars() {
        match (c, quote) {
            (_, Some(mark)) if c == mark => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
        match values.last_mut() {
            Some(_) if c == ',' && depth == 0 && quote.is_none() => values.push(String::new()),
            Some(last) => last.push(c),
            None => {}
        }
    }
    values.into_iter().map(|value| value.trim().to_owned()).collect()
}

impl OwnExperiment {
    /// Policies against each other in one scenario.
    #[must_use]
    pub fn compare(scenario: String, folder: PathBuf, policies: Vec<PolicyKind>) -> Self {
        Self {
            schema: OwnSchema::V1,
            name: "compare".into(),
            title: "Policies compared".into(),
            question: "Who plans the best rounds in this scenario?".into(),
            scenario,
            folder,
            set: Vec::new(),
            vary: Vec::new(),
            policies,
        }
    }

    /// One scenario at several values of some of its fields.
    #[must_use]
    pub fn sweep(scenario: String, folder: PathBuf, policies: Vec<PolicyKind>, vary: Vec<Vary>) -> Self {
        let axes: Vec<String> = vary.iter().map(Vary::axis).collect();
        Self {
            name: "sweep".into(),
            title: format!("Rounds by {}", axes.join(" and ")),
            question: format!("What does {} change?", axes.join(", and what does ")),
            vary,
            ..Self::compare(scenario, folder, policies)
        }
    }

    /// Whether a text describes an experiment, rather than a scenario.
    #[must_use]
    pub fn describes(text: &str) -> bool {
        text.lines().any(|line| line.trim_start().starts_with("schema") && line.contains("\"collapipe.experiment/"))
    }

    /// Reads a description (TOML) and the scenario that it names, which is looked up in `folder`.
    ///
    /// # Errors
    /// [`ExperimentError`] with the field, or the scenario file that cannot be read.
    pub fn read(text: &str, folder: &Path) -> Result<Self, ExperimentError> {
        let table = toml::Deserializer::parse(text).map_err(|error| description("", error.message()))?;
        let file: ExperimentFile = serde_path_to_error::deserialize(table)
            .map_err(|error| description(&error.path().to_string(), error.inner().message()))?;
        let path = folder.join(&file.scenario);
        let unreadable =
            |reason: String| FieldError::new("scenario", path.display(), format!("a file that can be read: {reason}"));
        let bytes = std::fs::read(&path).map_err(|error| unreadable(error.to_string()))?;
        let scenario = crate::text::decode(&bytes).map_err(|error| unreadable(error.to_string()))?;
        let vary = file
            .vary
            .into_iter()
            .map(|vary| Vary { paths: vary.paths, values: vary.values.iter().map(ToString::to_string).collect() });
        let policies = if file.policies.is_empty() { vec![PolicyKind::Exact] } else { file.policies };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let sweep = Self::sweep(scenario, folder, policies, vary.collect());
        let or = |given: String, other: &String| if given.is_empty() { other.clone() } else { given };
        Ok(Self {
            schema: file.schema,
            name: file.name,
            title: or(file.title, &sweep.title),
            question: or(file.question, &sweep.question),
            set: file.set,
            ..sweep
        })
    }

    /// What page and figure say.
    pub(super) fn described(&self) -> Result<Described, ExperimentError> {
        let spec = self.at(&[])?.spec().clone();
        let budgets = spec.clusters.iter().any(|cluster| {
            let devices = cluster.devices.iter().map(|device| device.budget_j_per_round);
            devices.chain([cluster.control_unit.budget_j_per_round]).any(|budget| budget.is_some())
        });
        let mut metrics = vec![Metric::LatencyS, Metric::EnergyJ];
        metrics.extend(budgets.then_some(Metric::WorstBudgetUse));
        metrics.extend(spec.convergence.is_some().then_some(Metric::ConvergenceBound));
        let axis = self.vary.first();
        let numbers = axis.and_then(Vary::numbers);
        let plots = match (axis, &numbers) {
            (Some(axis), Some(numbers)) => {
                let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
                let most = numbers.iter().copied().fold(0.0, f64::max);
                lines(&axis.axis(), least > 0.0 && most >= 10.0 * least, &metrics)
            }
            _ => {
                metrics.extend([Metric::ComputeEfficiency, Metric::MemoryShare, Metric::OutageShare]);
                bars(&axis.map_or("scenario".into(), Vary::axis), &metrics)
            }
        };
        let others = self.policies.iter().any(|policy| *policy != PolicyKind::Exact);
        let columns = [(Metric::LatencyS, ""), (Metric::EnergyJ, ""), (Metric::MemoryShare, "")];
        let against = others && self.vary.len() < 2 && self.policies.contains(&PolicyKind::Exact);
        let named = if spec.name.is_empty() {
            String::new()
        } else {
            format!(" of the scenario \u{201c}{}\u{201d}", spec.name)
        };
        Ok(Described {
            name: self.name.clone(),
            title: self.title.clone(),
            question: self.question.clone(),
            expectation: "Nothing was said beforehand.".into(),
            caption: format!(
                "Runs{named}. Means over the seeds with 95 % confidence intervals. Above 100 % of a budget the worst node has spent more than it \
                 may, because no decision keeps it or because queues have not settled: a policy can be faster for that reason alone."
            ),
            plots,
            contrast: against.then(|| exact_against_others(&columns)),
        })
    }

    /// The scenario with these values beside its own.
    fn at(&self, set: &[Assignment]) -> Result<Scenario, ExperimentError> {
        let own = self.set.iter().map(|set| set.parse()).collect::<Result<Vec<Assignment>, _>>()?;
        let all: Vec<Assignment> = own.into_iter().chain(set.iter().cloned()).collect();
        Ok(ScenarioFile::parse_with(&self.scenario, &self.folder, &all).and_then(ScenarioFile::build)?)
    }

    /// The runs: for every combination of values all seeds, from the scenario's own on, and policies.
    pub(super) fn cells(&self, setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
        self.check()?;
        let base = self.at(&[])?;
        let first_seed = base.spec().seed;
        let label = if base.spec().name.is_empty() { "scenario" } else { base.spec().name.as_str() };
        let numbers = self.vary.first().and_then(Vary::numbers);
        let mut cells = Vec::new();
        for place in self.places()? {
            let here = self.at(&place.set)?;
            self.policies.iter().try_for_each(|policy| self.playable(*policy, &here))?;
            let (x, x_label) = match self.vary.first() {
                Some(vary) => (
                    numbers.as_ref().and_then(|numbers| numbers.get(place.first).copied()),
                    vary.values.get(place.first).map_or("", String::as_str),
                ),
                None => (None, label),
            };
            for seed in 0..setup.seeds {
                let mut set = place.set.clone();
                set.push(Assignment::new("slots", &setup.slots.to_string())?);
                set.push(Assignment::new("seed", &first_seed.saturating_add(seed).to_string())?);
                let scenario = self.at(&set)?;
                let played = Setup::each(x, x_label, &self.policies, &scenario);
                cells.extend(played.map(|cell| Cell { series: place.series(&cell.series), ..cell }));
            }
        }
        Ok(cells)
    }

    /// That a policy can play a scenario, before any of the runs is played.
    fn playable(&self, kind: PolicyKind, scenario: &Scenario) -> Result<(), ExperimentError> {
        // One that this build is without is found by whoever plays.
        let Ok(policy) = kind.build(Settings::default(), scenario.spec().seed) else { return Ok(()) };
        let Some(reason) = policy.refuses(scenario) else { return Ok(()) };
        Err(ExperimentError::Refused { experiment: self.name.clone(), policy: kind, reason })
    }

    fn check(&self) -> Result<(), ExperimentError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if self.name.is_empty() || self.name.len() > 60 || !self.name.chars().all(plain) || self.name.starts_with('-') {
            let allowed = "a name of at most 60 letters, digits and dashes";
            return Err(FieldError::new("name", value(&self.name), allowed).into());
        }
        if self.policies.is_empty() {
            return Err(FieldError::new("policies", "[]", "at least one policy").into());
        }
        let places = self.vary.iter().map(|vary| vary.values.len() as u64).fold(1, u64::saturating_mul);
        Ok(count("vary: combinations of values", places, MOST_PLACES)?)
    }

    /// All combinations of values.
    fn places(&self) -> Result<Vec<Place>, ExperimentError> {
        let mut places = vec![Place::default()];
        for (level, vary) in self.vary.iter().enumerate() {
            let assignments = vary.assignments()?;
            let more = |place: &Place| {
                let each = assignments.iter().zip(&vary.values).enumerate();
                let more = each.map(|(index, (set, value))| place.with(level, index, set, &vary.axis(), value));
                more.collect::<Vec<_>>()
            };
            places = places.iter().flat_map(more).collect();
        }
        Ok(places)
    }
}

/// A combination of values.
#[derive(Clone, Default)]
struct Place {
    set: Vec<Assignment>,
    /// Which value along the axis.
    first: usize,
    /// The other values, in words.
    others: Vec<String>,
}

impl Place {
    fn with(&self, level: usize, index: usize, set: &[Assignment], axis: &str, value: &str) -> Self {
        let mut place = self.clone();
        place.set.extend(set.iter().cloned());
        match level {
            0 => place.first = index,
            _ => place.others.push(format!("{axis} = {value}")),
        }
        place
    }

    fn series(&self, policy: &str) -> String {
        let parts: Vec<&str> = [policy].into_iter().chain(self.others.iter().map(String::as_str)).collect();
        parts.join(", ")
    }
}

/// The error of a description.
fn description(path: &str, message: &str) -> ExperimentError {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let path = if path == "." { "" } else { path };
    ExperimentError::Description { message: describe(path, &message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_their_own_commas() {
        assert_eq!(split("1, 2,3"), ["1", "2", "3"]);
        assert_eq!(split("[1,2],\"a,b\",{x=1,y=[2,3]}"), ["[1,2]", "\"a,b\"", "{x=1,y=[2,3]}"]);
        let vary = Vary::parse("a.b+c.*.d=1e6,2e6").unwrap();
        assert_eq!(
            (vary.paths.as_slice(), vary.numbers()),
            (&["a.b".to_owned(), "c.*.d".into()][..], Some(vec![1e6, 2e6]))
        );
        for bad in ["a", "a=", "=1", "a=1,", "a..b=1", "a=[1"] {
            assert!(Vary::parse(bad).is_err(), "{bad}");
        }
    }
}
