//! `collapipe promise`.

use collapipe::promise::{PromiseError, PromiseFolder, RunFolder, Study};

use super::args::{Format, PromiseArguments, conflict};
use super::progress::Progress;
use super::run::{read, wrote};
use super::work::{in_parallel, stopped};
use super::{Done, Failure, io};

pub fn promise(arguments: &PromiseArguments) -> Result<Done, Failure> {
    let text = read(&arguments.scenario)?;
    let build = |seed: Option<u64>| {
        text.build(|spec| {
            spec.slots = arguments.slots.unwrap_or(spec.slots);
            spec.seed = seed.unwrap_or(spec.seed);
        })
    };
    let settings = arguments.accuracy.settings();
    settings.validate()?;
    let statement = (arguments.confidence, arguments.coverage);
    let study = Study::new(&build(None)?, statement, settings, |seed| build(Some(seed)).map_err(Variant::Failure));
    let study = study.map_err(|error| match error {
        Variant::Failure(failure) => failure,
        Variant::Promise(error) => error.into(),
    })?;
    // Better now than after long runs.
    let out =
        PromiseFolder::claim(&arguments.out, conflict(arguments.overwrite))?.with_figures(arguments.figures.style());
    let folder = RunFolder::new(&arguments.out.join("runs"))?;
    let bar = Progress::new(study.slots(), true);
    let played = in_parallel(arguments.threads, &bar, |stop| study.play(&folder, stop, &|slots| bar.add(slots)))?;
    let Some(promise) = played? else { return Ok(stopped()) };
    let wrote = wrote(&arguments.out, &out.write(&promise)?);
    match arguments.format {
        Format::Table => io::print_text(&format!("{promise:width$}\n{wrote}\n", width = io::width()))?,
        Format::Json => {
            io::note(&wrote);
            io::print_json(&promise)?;
        }
    }
    Ok(if promise.runs.iter().all(|run| run.planned == 0) { Done::Infeasible } else { Done::Solved })
}

/// Why there is no study.
enum Variant {
    Failure(Failure),
    Promise(PromiseError),
}

impl From<PromiseError> for Variant {
    fn from(error: PromiseError) -> Self {
        Self::Promise(error)
    }
}
