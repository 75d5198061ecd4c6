//! `collapipe compare` and `sweep`: experiments of the user's own.

use std::path::{Path, PathBuf};

use collapipe::experiments::{Compared, JobArray, OwnExperiment, Request, Shard};
use collapipe::simulation::PolicyKind;

use super::args::{CompareArguments, SizeArguments, SweepArguments};
use super::reproduce::play;
use super::run::read;
use super::{Done, Failure, io};

pub fn compare(arguments: &CompareArguments) -> Result<Done, Failure> {
    let text = read(&arguments.scenario)?;
    // Says what is odd, and what is wrong with its line.
    let scenario = text.build(|_| {})?;
    let policies = match arguments.policies.as_slice() {
        [] => {
            let compared = Compared::of(&scenario)?;
            compared.note().iter().for_each(|note| io::note(&format!("note: {note}")));
            compared.policies
        }
        named => named.to_vec(),
    };
    let mut own = OwnExperiment::compare(text.text().into(), absolute(text.folder())?, policies);
    let given = &arguments.scenario;
    own.set = given.set.iter().map(ToString::to_string).collect();
    own.set.extend(given.seed.map(|seed| format!("seed={seed}")));
    own.set.extend(text.latency_weight().map(|v| format!("latency_weight={v:?}")));
    run(own, &arguments.size, &arguments.out)
}

pub fn sweep(arguments: &SweepArguments) -> Result<Done, Failure> {
    if let Some(listed) = &arguments.go {
        return go(listed, arguments);
    }
    // Asked for where --go is not given.
    let file = arguments.file.as_deref().unwrap_or(Path::new("-"));
    let text = io::read(file)?;
    let folder = if io::is_stdin(file) { None } else { file.parent() };
    let folder = absolute(folder.unwrap_or(Path::new("")))?;
    let bad = |error: &dyn std::fmt::Display| io::bad_input(file, error);
    let mut own = if OwnExperiment::describes(&text) {
        if !arguments.vary.is_empty() {
            return Err(Failure::input("PATH=LIST: must be left out beside an experiment, which says what is varied"));
        }
        OwnExperiment::read(&text, &folder).map_err(|error| bad(&error))?
    } else {
        if arguments.vary.is_empty() {
            return Err(Failure::input(
                "PATH=LIST: name a field and its values, as latency_weight=0.1,1,10 (`collapipe compare` varies nothing)",
            ));
        }
        OwnExperiment::sweep(text, folder, vec![PolicyKind::Exact], arguments.vary.clone())
    };
    own.set.extend(arguments.set.iter().cloned());
    if !arguments.policies.is_empty() {
        own.policies.clone_from(&arguments.policies);
    }
    run(own, &arguments.size, &arguments.out)
}

fn run(own: OwnExperiment, size: &SizeArguments, out: &Path) -> Result<Done, Failure> {
    let request = Request::of_own(own, size.slots, size.seeds).going_on_in(out)?;
    play(request, out, &size.job, size.figures.style())
}

/// Plays what was listed in a file.
fn go(listed: &Path, arguments: &SweepArguments) -> Result<Done, Failure> {
    let array = JobArray::from_json(&io::read(listed)?).map_err(|error| io::bad_input(listed, &error))?;
    let job = &arguments.size.job;
    if let Some((_, count)) = job.shard.map(Shard::of).filter(|(_, count)| *count != array.parts) {
        let (file, parts) = (listed.display(), array.parts);
        return Err(Failure::input(format!("--shard i/{count}: {file} lists {parts} parts: must be i/{parts}")));
    }
    play(array.request.going_on_in(&arguments.out)?, &arguments.out, job, arguments.size.figures.style())
}

/// The folder's path from the root, so that a later command finds it from anywhere.
fn absolute(folder: &Path) -> Result<PathBuf, Failure> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::path::absolute(folder).map_err(|error| Failure::input(format!("{}: {error}", folder.display())))
}
