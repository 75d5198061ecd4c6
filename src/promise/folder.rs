//! Finished runs and the result on disk.

use std::path::{Path, PathBuf};

use super::result::{PlayedRun, Promise};
use crate::ground::files::{Content, FileError};
use crate::ground::kept::KeptFolder;
use crate::ground::output::{Conflict, Kind, OutputFolder};

/// A folder with one JSON file per finished run, named by its seed, so that a study can go on after a kill.
///
/// What was computed by another version or from another scenario or setting is refused, never mixed in.
#[derive(Clone, Debug)]
pub struct RunFolder(KeptFolder);

impl RunFolder {
    /// The folder `path`, made where it is missing.
    ///
    /// # Errors
    /// [`FileError::Folder`] where it cannot be made.
    pub fn new(path: &Path) -> Result<Self, FileError> {
        KeptFolder::new(path).map(Self)
    }

    pub(super) fn run(&self, seed: u64, fingerprint: &str) -> Result<Option<PlayedRun>, FileError> {
        let ours = |run: &PlayedRun| run.fingerprint == fingerprint && run.seed == seed;
        self.0.read_own(&name(seed), ours)
    }

    pub(super) fn keep(&self, run: &PlayedRun) -> Result<(), FileError> {
        self.0.keep(&name(run.seed), run)
    }
}

fn name(seed: u64) -> String {
    format!("seed-{seed}.json")
}

/// The folder of the result, `promise.json`. Files of others are left alone.
#[derive(Clone, Debug)]
pub struct PromiseFolder(OutputFolder);

const KIND: Kind = Kind { names: &["promise.json"], schema: "collapipe.promise/1", earlier: &[] };

impl PromiseFolder {
    /// The folder `path`, made where it is missing: before long runs, to know that the result will have a place.
    ///
    /// # Errors
    /// [`FileError::Foreign`] names a file that is not that of a promise, unless it may be overwritten;
    /// [`FileError::Folder`] for a folder that cannot be made.
    pub fn claim(path: &Path, conflict: Conflict) -> Result<Self, FileError> {
        OutputFolder::claim(path, &KIND, conflict).map(Self)
    }

    /// Writes the result, in place of an earlier one, and returns its path.
    ///
    /// # Errors
    /// [`FileError`] with the path and the cause.
    pub fn write(&self, promise: &Promise) -> Result<Vec<PathBuf>, FileError> {
        let content: &Content = &|out| serde_json::to_writer_pretty(out, promise).map_err(Into::into);
        self.0.write(&[("promise.json", content)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promise::PromiseSchema;

    #[test]
    fn folders_are_known_by_their_schema() {
        assert_eq!(serde_json::to_value(PromiseSchema::V1).unwrap(), KIND.schema);
    }
}
