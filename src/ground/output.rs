//! Folders of files that belong together: those of one result, and no others.

use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::files::{Content, Draft, FileError, Staged, make_folder};

/// What to do with files that are not ours and have the names of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflict {
    /// Write nothing and say which file is in the way.
    #[default]
    Refuse,
    /// Replace them.
    Overwrite,
}

/// What a folder of results holds.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Names of all its files. The first one is JSON and tells by its field `schema` what the folder belongs to.
    pub names: &'static [&'static str],
    /// The value of that field.
    pub schema: &'static str,
    /// Earlier values, whose folders are its own as well.
    pub earlier: &'static [&'static str],
}

#[derive(Deserialize)]
struct Marker {
    schema: String,
}

/// A folder that is new, without files of our names, or our own from before.
#[derive(Clone, Debug)]
pub(crate) struct OutputFolder {
    path: PathBuf,
    kind: &'static Kind,
    conflict: Conflict,
}

/// A step on the way from the files of an earlier result to those of a new one.
enum Step {
    Remove(PathBuf),
    Put(Staged),
}

impl Step {
    fn take(self) -> Result<Option<PathBuf>, FileError> {
        match self {
            Self::Remove(path) => match fs::remove_file(&path) {
                Err(source) if source.kind() != ErrorKind::NotFound => Err(FileError::Write { path, source }),
                _ => Ok(None),
            },
            Self::Put(staged) => staged.commit().map(Some),
        }
    }
}

impl OutputFolder {
    /// The folder `path`, made where it is missing.
    pub fn claim(path: &Path, kind: &'static Kind, conflict: Conflict) -> Result<Self, FileError> {
        let folder = Self { path: path.into(), kind, conflict };
        folder.check()?;
        make_folder(path)?;
        Ok(folder)
    }

    /// Looks for files that are not ours.
    fn check(&self) -> Result<(), FileError> {
        let foreign = |path: PathBuf, reason: String| {
            let remedy = "choose another folder, or ask to overwrite its files (command line: --out, --overwrite)";
            Err(FileError::Foreign { path, reason, remedy })
        };
        let paths = || self.kind.names.iter().map(|name| self.path.join(name));
        let mut found = None;
        for path in paths() {
            match path.symlink_metadata() {
                Ok(metadata) if metadata.is_dir() => {
                    let remedy = "choose another folder, or remove it";
                    return Err(FileError::Foreign { path, reason: "is a folder".into(), remedy });
                }
                Ok(_) => found = found.or(Some(path)),
                // What is wrong with a path that cannot be inspected shows when it is written.
                Err(_) => {}
            }
        }
        let (Some(found), Some(marker), Conflict::Refuse) = (found, paths().next(), self.conflict) else {
            return Ok(());
        };
        let Kind { schema, earlier, .. } = self.kind;
        let file = match File::open(&marker) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let [name, ..] = self.kind.names else { return Ok(()) };
                return foreign(found, format!("is not ours, because there is no {name} beside it"));
            }
            Err(source) => return Err(FileError::Read { path: marker, source }),
        };
        match serde_json::from_reader(BufReader::new(file)) {
            Ok(Marker { schema: own }) if own == *schema || earlier.contains(&own.as_str()) => Ok(()),
            Ok(Marker { schema: other }) => foreign(marker, format!("is {other}, not {schema}")),
            Err(error) => foreign(marker, format!("is not {schema}: {error}")),
        }
    }

    /// Where a file will be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Replaces what is there by these files, `first` those that are written already; the very first must be the kind's
    /// first.
    ///
    /// All are written under other names before the first old one goes. A program that is killed leaves files of the
    /// old result, or of the new one, never of both, and the folder stays recognizable.
    pub fn put(&self, first: Vec<Staged>, files: &[(&str, &Content)]) -> Result<Vec<PathBuf>, FileError> {
        // Again: a long run may lie between.
        self.check()?;
        make_folder(&self.path)?;
        let steps = self.steps(first, files)?.into_iter();
        steps.filter_map(|step| step.take().transpose()).collect()
    }

    /// Begins a file.
    pub fn draft(&self, name: &str) -> Result<Draft, FileError> {
        Draft::new(&self.path, name)
    }

    /// Whether files of others may be replaced.
    pub fn overwrites(&self) -> bool {
        self.conflict == Conflict::Overwrite
    }

    /// The old files go, the one that identifies them last; then the new ones come, that one first.
    fn steps(&self, first: Vec<Staged>, files: &[(&str, &Content)]) -> Result<Vec<Step>, FileError> {
        let staged = files.iter().map(|(name, content)| Staged::new(&self.path, name, content));
        let staged = staged.collect::<Result<Vec<_>, _>>()?;
        let old = self.kind.names.iter().rev().map(|name| Step::Remove(self.path(name)));
        Ok(old.chain(first.into_iter().chain(staged).map(Step::Put)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { names: &["marker.json", "a.csv", "b.csv"], schema: "test/1", earlier: &[] };

    fn claim(path: &Path) -> Result<OutputFolder, FileError> {
        OutputFolder::claim(path, &KIND, Conflict::Refuse)
    }

    fn write(path: &Path, generation: &str, most: usize) -> Vec<PathBuf> {
        let text = format!(r#"{{"schema": "test/1", "generation": "{generation}"}}"#);
        let content: &Content = &|out| out.write_all(text.as_bytes());
        let steps =
            claim(path).unwrap().steps(Vec::new(), &[("marker.json", content), ("a.csv", content), ("b.csv", content)]);
        steps.unwrap().into_iter().take(most).filter_map(|step| step.take().unwrap()).collect()
    }

    #[test]
    fn a_write_that_is_killed_never_leaves_two_results() {
        for killed_after in 0..=6 {
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(write(folder.path(), "old", 6).len(), 3);
            write(folder.path(), "new", killed_after);
            let there = KIND.names.iter().filter_map(|name| fs::read_to_string(folder.path().join(name)).ok());
            let mut generations: Vec<bool> = there.map(|text| text.contains("old")).collect();
            let count = generations.len();
            generations.dedup();
            assert!(generations.len() <= 1, "killed after {killed_after} steps: files of both");
            assert_eq!(count, [3, 2, 1, 0, 1, 2, 3][killed_after]);
            assert!(claim(folder.path()).is_ok(), "killed after {killed_after} steps: folder not recognized");
        }
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("notes.txt"), "mine").unwrap();
        assert!(claim(folder.path()).is_ok());
        fs::write(file("b.csv"), "mine").unwrap();
        let refused = |start: &str, reason: &str| {
            let error = claim(folder.path()).unwrap_err().to_string();
            assert!(error.starts_with(&file(start).display().to_string()), "{error}");
            assert!(error.contains(reason) && error.contains("--overwrite"), "{error}");
        };
        refused("b.csv", "there is no marker.json beside it");
        fs::write(file("marker.json"), "mine").unwrap();
        refused("marker.json", "is not test/1");
        fs::write(file("marker.json"), r#"{"schema": "other/1"}"#).unwrap();
        refused("marker.json", "is other/1");
        let content: &Content = &|out| out.write_all(br#"{"schema": "test/1"}"#);
        let forced = OutputFolder::claim(folder.path(), &KIND, Conflict::Overwrite).unwrap();
        assert_eq!(fs::read(file("b.csv")).unwrap(), b"mine");
        forced.put(Vec::new(), &[("marker.json", content)]).unwrap();
        assert!(claim(folder.path()).is_ok() && !file("b.csv").exists() && file("notes.txt").exists());
        fs::create_dir(file("a.csv")).unwrap();
        for conflict in [Conflict::Refuse, Conflict::Overwrite] {
            let error = OutputFolder::claim(folder.path(), &KIND, conflict).unwrap_err().to_string();
            assert!(error.contains("a.csv: is a folder; choose another folder, or remove it"), "{error}");
        }
    }
}
