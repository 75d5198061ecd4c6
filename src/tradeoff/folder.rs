//! Finished points on disk, so that a sweep can go on after a kill.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::point::SweepPoint;
use super::reference::Reference;
use super::sweep::Axis;
use crate::report::{ReportError, write_whole};

/// Why points were not kept or not taken up again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PointFolderError {
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
    /// The file is not what this sweep would have written; it is left alone.
    #[error("{}: {reason}; remove it or choose another folder", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
}

/// A folder with one JSON file per finished point, named by its value.
///
/// A file is written under another name and then renamed: it is whole or not there. What was computed by another version or from
/// another scenario, seed, rate trace or setting is refused, never mixed in.
#[derive(Clone, Debug)]
pub struct PointFolder {
    path: PathBuf,
}

impl PointFolder {
    /// The folder `path`, made where it is missing.
    ///
    /// # Errors
    /// [`PointFolderError::Write`] where it cannot be made.
    pub fn new(path: &Path) -> Result<Self, PointFolderError> {
        fs::create_dir_all(path).map_err(|source| ReportError::Folder { path: path.into(), source })?;
        Ok(Self { path: path.into() })
    }

    pub(super) fn point(
        &self,
        axis: Axis,
        value: f64,
        fingerprint: &str,
    ) -> Result<Option<SweepPoint>, PointFolderError> {
        let name = point_name(axis, value);
        let point: Option<SweepPoint> = self.read(&name)?;
        let ours = |point: &SweepPoint| point.fingerprint == fingerprint && point.axis == axis && point.value == value;
        self.check(&name, point, ours)
    }

    pub(super) fn reference(&self, point: &SweepPoint) -> Result<Option<Reference>, PointFolderError> {
        let name = reference_name(point.value);
        let reference = self.read(&name)?;
        self.check(&name, reference, |reference: &Reference| reference.fingerprint == point.fingerprint)
    }

    pub(super) fn keep_point(&self, point: &SweepPoint) -> Result<(), PointFolderError> {
        self.keep(&point_name(point.axis, point.value), point)
    }

    pub(super) fn keep_reference(&self, reference: &Reference) -> Result<(), PointFolderError> {
        self.keep(&reference_name(reference.multipliers_from), reference)
    }

    fn check<T>(&self, name: &str, found: Option<T>, ours: impl Fn(&T) -> bool) -> Result<Option<T>, PointFolderError> {
        match found {
            Some(found) if !ours(&found) => {
                let reason = "is of another scenario, seed, number of slots, setting or version".into();
                Err(PointFolderError::Foreign { path: self.path.join(name), reason })
            }
            found => Ok(found),
        }
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, PointFolderError> {
        let path = self.path.join(name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(PointFolderError::Read { path, source }),
        };
        let read = serde_json::from_str(&text).map_err(|error| error.to_string());
        read.map(Some).map_err(|reason| PointFolderError::Foreign { path, reason })
    }

    fn keep(&self, name: &str, value: &impl Serialize) -> Result<(), PointFolderError> {
        write_whole(&self.path, name, &|out: &mut dyn Write| {
            serde_json::to_writer_pretty(&mut *out, value)?;
            out.write_all(b"\n")
        })?;
        Ok(())
    }
}

fn point_name(axis: Axis, value: f64) -> String {
    format!("{}-{value:e}.json", axis.symbol())
}

fn reference_name(value: f64) -> String {
    format!("bound-{}", point_name(Axis::LatencyWeight, value))
}
