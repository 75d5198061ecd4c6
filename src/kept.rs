//! Finished work on disk, so that a long command can go on after a kill.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::report::{ReportError, write_whole};

/// Why finished work was not kept or not taken up again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeptError {
    /// A file or folder cannot be written.
    #[error(transparent)]
    Write(#[from] ReportError),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not what this command would have written; it is left alone.
    #[error("{}: {reason}; remove it or choose another folder", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
}

/// A folder with one JSON file per finished piece of work.
///
/// A file is written under another name and then renamed: it is whole or not there. What is not our own is refused,
/// never mixed in.
#[derive(Clone, Debug)]
pub(crate) struct KeptFolder {
    path: PathBuf,
}

impl KeptFolder {
    /// The folder `path`, made where it is missing.
    pub fn new(path: &Path) -> Result<Self, KeptError> {
        fs::create_dir_all(path).map_err(|source| ReportError::Folder { path: path.into(), source })?;
        Ok(Self { path: path.into() })
    }

    /// The folder `path`, to read from.
    #[cfg(feature = "cli")]
    pub fn existing(path: &Path) -> Self {
        Self { path: path.into() }
    }

    /// The content of a file; none where there is no such file.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, KeptError> {
        let path = self.path.join(name);
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                return Err(KeptError::Foreign { path, reason: "is a folder".into() });
            }
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Err(KeptError::Foreign { path: self.path.clone(), reason: "is not a folder".into() });
            }
            Err(source) => return Err(KeptError::Read { path, source }),
        };
        let read = serde_json::from_slice(&content).map_err(|error| error.to_string());
        read.map(Some).map_err(|reason| KeptError::Foreign { path, reason })
    }

    /// The same of a file that must be our own.
    pub fn read_own<T: DeserializeOwned>(&self, name: &str, ours: impl Fn(&T) -> bool) -> Result<Option<T>, KeptError> {
        match self.read(name)? {
            Some(found) if !ours(&found) => {
                let reason = "is of another scenario, seed, number of slots, setting or version, or was changed".into();
                Err(KeptError::Foreign { path: self.path.join(name), reason })
            }
            found => Ok(found),
        }
    }

    /// Writes a file.
    pub fn keep(&self, name: &str, value: &impl Serialize) -> Result<(), KeptError> {
        write_whole(&self.path, name, &|out: &mut dyn Write| {
            serde_json::to_writer_pretty(&mut *out, value)?;
            out.write_all(b"\n")
        })?;
        Ok(())
    }
}
