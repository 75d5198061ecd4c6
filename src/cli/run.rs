//! `collapipe run`.

use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use collapipe::report::{LONG_RUN, RunFolder, Summary, summary};
use collapipe::scenario::{BUILTIN, NoteKind, Scenario, ScenarioFile, ScenarioSpec};
use collapipe::simulation::{DerivedWeight, Effort, Pilot, PilotError, Run, RunError};
use collapipe::solver::Settings;

use super::args::{CertificateEffort, Format, RunArguments, ScenarioArguments, conflict};
use super::progress::Progress;
use super::work::stop_on_signal;
use super::{Done, Failure, io, long_run};

pub fn run(arguments: &RunArguments) -> Result<Done, Failure> {
    let text = read(&arguments.scenario)?;
    let scenario = text.build(|spec| spec.slots = arguments.slots.unwrap_or(spec.slots))?;
    // Better now than after a long run.
    let claim = || RunFolder::claim(&arguments.out, conflict(arguments.overwrite));
    let folder = (!arguments.no_files).then(claim).transpose()?;
    let folder = folder.map(|folder| folder.with_figures(arguments.figures.style()));
    #[cfg(feature = "parquet")]
    let folder = folder.map(|folder| if arguments.parquet { folder.with_parquet() } else { folder });
    let stop = stop_on_signal()?;
    let settings = arguments.accuracy.settings();
    let policy = arguments.policy.build(settings, scenario.spec().seed)?;
    let mut run = Run::with_policy(&scenario, policy)?;
    if arguments.warm_start {
        let pilot = Pilot::measure(&scenario, settings)?;
        let queues: Vec<f64> = pilot.multiplier.iter().map(|mu| scenario.spec().latency_weight * mu).collect();
        run = run.warm_start(&queues)?;
    }
    if scenario.spec().slots > LONG_RUN {
        return long_run::play(arguments, run, folder.as_ref(), &stop);
    }
    let mut slots = Vec::new();
    let bar = Progress::new(scenario.spec().slots, true);
    let mut failed = None;
    while !stop.load(Ordering::Relaxed) {
        match run.next() {
            Some(Ok(slot)) => slots.push(slot),
            Some(Err(error)) => {
                failed = Some(error);
                break;
            }
            None => break,
        }
        bar.add(1);
    }
    bar.finish();
    // A failure midway keeps the finished slots, as Ctrl-C does; before the first one there is nothing to keep.
    if let Some(error) = failed.take_if(|_| slots.is_empty()) {
        return Err(error.into());
    }
    let mut record = run.record(slots);
    record.provenance.latency_weight_from = text.derived().map(|derived| derived.reason.clone());
    let effort = match arguments.certificates {
        CertificateEffort::Quick => Some(Effort::Quick),
        CertificateEffort::Full => Some(Effort::Full),
        CertificateEffort::Off => None,
    };
    // Whoever stopped the run does not want to wait for more.
    if let Some(effort) = effort.filter(|_| failed.is_none() && !stop.load(Ordering::Relaxed)) {
        match record.compare(&scenario, settings, effort) {
            Ok(comparison) => record.comparison = Some(comparison),
            Err(error) => io::note(&format!("certificates beyond C1 are left out: {error}")),
        }
    }
    let written = folder.map(|folder| folder.write(&record)).transpose()?;
    let wrote = written.map(|written| wrote(&arguments.out, &written));
    told(arguments, &summary(&record), scenario.spec().slots, wrote, failed)
}

/// Prints what a run did, and gives what it ends with.
pub fn told(
    arguments: &RunArguments,
    summary: &Summary,
    planned: u64,
    wrote: Option<String>,
    failed: Option<RunError>,
) -> Result<Done, Failure> {
    if let Some(error) = failed {
        wrote.iter().for_each(|wrote| io::note(wrote));
        return Err(error.into());
    }
    let interrupted = summary.slots < planned;
    if interrupted {
        io::note(&format!("stopped after {} of {planned} slots", summary.slots));
    }
    print_summary(arguments.format, summary, wrote.as_deref())?;
    Ok(match () {
        () if interrupted => Done::Interrupted,
        () if summary.planned == 0 => Done::Infeasible,
        () => Done::Solved,
    })
}

/// Reads and validates a scenario, with the command line's options in place of its own values.
pub fn load(arguments: &ScenarioArguments, slots: Option<u64>) -> Result<Scenario, Failure> {
    read(arguments)?.build(|spec| spec.slots = slots.unwrap_or(spec.slots))
}

/// A scenario's text and where it came from, with the command line's options.
pub struct ScenarioText<'a> {
    arguments: &'a ScenarioArguments,
    name: &'a Path,
    text: String,
    folder: PathBuf,
    /// Whether the notes on the scenario have been printed: variants of it would repeat them.
    noted: Cell<bool>,
    /// V, where the scenario names none: the same for all variants of it.
    derived: OnceCell<DerivedWeight>,
}

pub fn read(arguments: &ScenarioArguments) -> Result<ScenarioText<'_>, Failure> {
    let (name, text, folder) = match arguments.scenario.as_deref() {
        None => (Path::new("built-in scenario"), BUILTIN.to_owned(), PathBuf::new()),
        Some(path) => {
            let folder = if io::is_stdin(path) { None } else { path.parent() };
            (path, io::read(path)?, folder.unwrap_or(Path::new("")).to_owned())
        }
    };
    if arguments.latency_weight.len() > 1 {
        return Err(Failure::input("--latency-weight: must be one V; `collapipe tradeoff` and `sweep` play several"));
    }
    Ok(ScenarioText { arguments, name, text, folder, noted: Cell::new(false), derived: OnceCell::new() })
}

impl ScenarioText<'_> {
    /// The scenario with the command line's options, and then with a further change.
    pub fn build(&self, change: impl Fn(&mut ScenarioSpec)) -> Result<Scenario, Failure> {
        let load = |weight: Option<f64>| {
            let mut file = ScenarioFile::parse_with(&self.text, &self.folder, &self.arguments.set)?;
            file.spec.seed = self.arguments.seed.unwrap_or(file.spec.seed);
            let given = self.arguments.latency_weight.first().copied();
            file.spec.latency_weight = given.unwrap_or(file.spec.latency_weight);
            file.spec.budget_margin = self.arguments.budget_margin.unwrap_or(file.spec.budget_margin);
            change(&mut file.spec);
            if file.spec.latency_weight == 0.0 {
                match weight {
                    Some(weight) => file.spec.latency_weight = weight,
                    None => return Ok(None),
                }
            }
            file.build().map(Some)
        };
        let at = |weight| load(weight).map_err(|error| self.bad(&error));
        let scenario = match at(None)? {
            Some(scenario) => scenario,
            None => at(Some(self.derive(&at)?))?.ok_or_else(|| self.bad(&"latency_weight: is left out"))?,
        };
        if !self.noted.replace(true) {
            for note in scenario.notes() {
                let kind = if note.kind == NoteKind::Unit { "warning" } else { "note" };
                io::note(&format!("{kind}: {}: {note}", self.shown_name()));
            }
        }
        Ok(scenario)
    }

    /// V of a scenario that names none.
    fn derive(&self, at: &impl Fn(Option<f64>) -> Result<Option<Scenario>, Failure>) -> Result<f64, Failure> {
        if let Some(known) = self.derived.get() {
            return Ok(known.latency_weight);
        }
        let none = |error: &dyn std::fmt::Display| {
            self.bad(&format!("latency_weight: is left out and cannot be derived: {error}; give one"))
        };
        let built = |weight| at(Some(weight))?.ok_or_else(|| none(&"it is taken away again").into());
        let found = DerivedWeight::measure(built, Settings::default()).map_err(|error: NotDerived| match error {
            NotDerived::Scenario(failure) => failure,
            NotDerived::Pilot(error) => none(&error),
        })?;
        let found = self.derived.get_or_init(|| found);
        io::note(&format!(
            "note: {}: latency_weight is left out: V = {} 1/s, from {}",
            self.shown_name(),
            found.latency_weight,
            found.reason
        ));
        Ok(found.latency_weight)
    }

    /// V as it was derived, where the scenario names none.
    pub fn derived(&self) -> Option<&DerivedWeight> {
        self.derived.get()
    }

    /// V for commands that play the scenario's text themselves: the one given, or derived where the scenario names none.
    pub fn latency_weight(&self) -> Option<f64> {
        let given = self.arguments.latency_weight.first().copied();
        given.or(self.derived.get().map(|derived| derived.latency_weight))
    }

    /// The text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the files are that it names.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn shown_name(&self) -> String {
        if io::is_stdin(self.name) { "standard input".into() } else { self.name.display().to_string() }
    }

    /// An error of this scenario.
    pub fn bad(&self, error: &dyn std::fmt::Display) -> Failure {
        io::bad_input(self.name, error)
    }
}

/// Why V is not derived.
enum NotDerived {
    Scenario(Failure),
    Pilot(PilotError),
}

impl From<Failure> for NotDerived {
    fn from(failure: Failure) -> Self {
        Self::Scenario(failure)
    }
}

impl From<PilotError> for NotDerived {
    fn from(error: PilotError) -> Self {
        Self::Pilot(error)
    }
}

/// Prints a run's summary, and where its files are.
pub fn print_summary(format: Format, summary: &Summary, wrote: Option<&str>) -> Result<(), Failure> {
    match format {
        Format::Table => {
            let wrote = wrote.map_or_else(String::new, |wrote| format!("\n{wrote}\n"));
            io::print_text(&format!("{summary:width$}{wrote}", width = io::width()))
        }
        Format::Json => {
            wrote.into_iter().for_each(io::note);
            io::print_json(summary)
        }
    }
}

pub fn wrote(folder: &Path, files: &[PathBuf]) -> String {
    let names: Vec<_> = files.iter().filter_map(|file| file.file_name()).map(|name| name.to_string_lossy()).collect();
    format!("Wrote to {}: {}", folder.display(), names.join(", "))
}
