//! Finished points on disk, so that a sweep can go on after a kill.

use std::path::Path;

use super::axis::Axis;
use super::point::SweepPoint;
use super::reference::Reference;
use crate::ground::files::FileError;
use crate::ground::kept::KeptFolder;

/// A folder with one JSON file per finished point, named by its value.
///
/// A file is written under another name and then renamed: it is whole or not there. What was computed by another
/// version or from another scenario, seed, rate trace or setting is refused, never mixed in.
#[derive(Clone, Debug)]
pub struct PointFolder(KeptFolder);

impl PointFolder {
    /// The folder `path`, made where it is missing.
    ///
    /// # Errors
    /// [`FileError::Folder`] where it cannot be made.
    pub fn new(path: &Path) -> Result<Self, FileError> {
        KeptFolder::new(path).map(Self)
    }

    pub(super) fn point(&self, axis: Axis, value: f64, fingerprint: &str) -> Result<Option<SweepPoint>, FileError> {
        let ours = |point: &SweepPoint| point.fingerprint == fingerprint && point.axis == axis && point.value == value;
        self.0.read_own(&point_name(axis, value), ours)
    }

    pub(super) fn reference(&self, point: &SweepPoint) -> Result<Option<Reference>, FileError> {
        let ours = |reference: &Reference| reference.fingerprint == point.fingerprint;
        self.0.read_own(&reference_name(point.value), ours)
    }

    pub(super) fn keep_point(&self, point: &SweepPoint) -> Result<(), FileError> {
        self.0.keep(&point_name(point.axis, point.value), point)
    }

    pub(super) fn keep_reference(&self, reference: &Reference) -> Result<(), FileError> {
        self.0.keep(&reference_name(reference.multipliers_from), reference)
    }
}

fn point_name(axis: Axis, value: f64) -> String {
    format!("{}-{value:e}.json", axis.symbol())
}

fn reference_name(value: f64) -> String {
    format!("bound-{}", point_name(Axis::LatencyWeight, value))
}
