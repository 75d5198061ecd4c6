//! Finished work on disk, so that a long command can go on after a kill.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::digest::of_json;
use super::files::{FileError, make_folder, write_whole};

/// A folder with one JSON file per finished piece of work.
///
/// A file is written under another name and then renamed: it is whole or not there. It holds a checksum of its content:
/// a file that was changed since is refused, and so is one that is not ours.
#[derive(Clone, Debug)]
pub(crate) struct KeptFolder {
    path: PathBuf,
}

/// A kept file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept<T> {
    /// Digest of the content's compact JSON.
    checksum: String,
    content: T,
}

impl KeptFolder {
    /// The folder `path`, made where it is missing.
    pub fn new(path: &Path) -> Result<Self, FileError> {
        make_folder(path)?;
        Ok(Self { path: path.into() })
    }

    /// The folder `path`, to read from.
    #[cfg(feature = "experiments")]
    pub fn existing(path: &Path) -> Self {
        Self { path: path.into() }
    }

    /// The content of a file; none where there is no such file.
    pub fn read<T: Serialize + DeserializeOwned>(&self, name: &str) -> Result<Option<T>, FileError> {
        let path = self.path.join(name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::IsADirectory => return Err(foreign(path, "is a folder")),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Err(foreign(self.path.clone(), "is not a folder"));
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => return Err(foreign(path, error.to_string())),
            Err(source) => return Err(FileError::Read { path, source }),
        };
        // Of text, as all that is read: a reader of every type for bytes too would take a while to compile.
        let Kept { checksum, content } = match serde_json::from_str(&text) {
            Ok(kept) => kept,
            Err(error) => return Err(foreign(path, error.to_string())),
        };
        match of_json(&content) {
            Ok(found) if found == checksum => Ok(Some(content)),
            _ => Err(foreign(path, "was changed after it was written: its checksum does not fit its content")),
        }
    }

    /// The content of a file that `ours` must recognize.
    pub fn read_own<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        ours: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, FileError> {
        match self.read(name)? {
            Some(found) if !ours(&found) => {
                let reason = "is of another scenario, seed, number of slots, setting or version";
                Err(foreign(self.path.join(name), reason))
            }
            found => Ok(found),
        }
    }

    /// Writes a file.
    pub fn keep(&self, name: &str, content: &impl Serialize) -> Result<(), FileError> {
        write_whole(&self.path, name, &|out| {
            let kept = Kept { checksum: of_json(content)?, content };
            serde_json::to_writer_pretty(&mut *out, &kept)?;
            out.write_all(b"\n")
        })?;
        Ok(())
    }
}

/// A file that is in the way of ours.
pub(crate) fn foreign(path: PathBuf, reason: impl Into<String>) -> FileError {
    FileError::Foreign { path, reason: reason.into(), remedy: "remove it or choose another folder" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_read_and_what_was_changed_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = KeptFolder::new(&root.path().join("cells")).unwrap();
        let content = vec![(0.1 + 0.2, "é \"x\"".to_owned()), (f64::MIN_POSITIVE, String::new()), (1e22, "a".into())];
        assert_eq!(folder.read::<Vec<(f64, String)>>("one.json").unwrap(), None);
        folder.keep("one.json", &content).unwrap();
        assert_eq!(folder.read("one.json").unwrap(), Some(content.clone()));

        let path = root.path().join("cells/one.json");
        let written = fs::read_to_string(&path).unwrap();
        // Every digit of every number, and every digit of the checksum.
        for (place, digit) in written.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
            let other = char::from_digit((digit.to_digit(10).unwrap() + 1) % 10, 10).unwrap();
            let mut text = written.clone();
            text.replace_range(place..=place, &other.to_string());
            fs::write(&path, text).unwrap();
            match folder.read::<Vec<(f64, String)>>("one.json") {
                Err(FileError::Foreign { .. }) => {}
                // A last digit that a double does not tell from the old one.
                Ok(Some(read)) => assert_eq!(read, content, "{place}: {digit}"),
                other => panic!("{place}: {digit}: {other:?}"),
            }
        }
        // The layout does not matter.
        let kept: serde_json::Value = serde_json::from_str(&written).unwrap();
        fs::write(&path, kept.to_string()).unwrap();
        assert!(folder.read::<Vec<(f64, String)>>("one.json").unwrap().is_some());
        fs::write(&path, "[0.1]").unwrap();
        let error = folder.read::<Vec<(f64, String)>>("one.json").unwrap_err().to_string();
        assert!(error.contains("one.json") && error.contains("remove it or choose another folder"), "{error}");
    }
}
