//! What a run needs to go on after its end: its slots so far, and the averaged model.
//!
//! A checkpoint is one frame of the wire format, so that its length and its checksum are told before anything is believed. It is
//! written beside its place and moved there: a run that is killed while it writes leaves the one before.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use collapipe::simulation::SlotRecord;
use serde::{Deserialize, Serialize};

use crate::roles::Parts;
use crate::wire::{Address, Frame, Limit, Numbers, WireError, decode, encode};

/// Name and version of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Schema {
    #[default]
    #[serde(rename = "collapipe.engine-checkpoint/1")]
    V1,
}

/// The state of a run after some of its slots.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// Digest of all that decides the run: scenario, policy, model, data.
    pub of: String,
    /// The slots so far, planned and measured.
    pub slots: Vec<SlotRecord>,
    /// The model after them, by node.
    pub parts: Parts,
}

/// Why a checkpoint cannot be kept or taken up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that ends before its announced length.
    #[error("{}: the file ends too early; remove it to begin again, or take an earlier copy", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// A file that is no checkpoint, or is damaged.
    #[error("{}: no checkpoint of this version, or damaged: {reason}; remove it to begin again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was seen.
        reason: String,
    },
    /// A checkpoint of another run.
    #[error("{}: of another scenario, policy, model or data ({found}, this run is {expected}); choose another file", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// Its run.
        found: String,
        /// This one.
        expected: String,
    },
    /// Planning its slots again gave something else.
    #[error("{}: slot {slot} is planned otherwise by this program; go on with the version that began the run", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
        /// The first such slot.
        slot: u64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    schema: Schema,
    of: String,
    slots: Vec<SlotRecord>,
    /// Of every part of the model: whose it is, and how many numbers.
    parts: Vec<(Address, usize)>,
}

impl Checkpoint {
    /// Writes the checkpoint, in place of the one before.
    ///
    /// # Errors
    /// [`CheckpointError::File`], and [`CheckpointError::Damaged`] for a run that is too large for the format.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let damaged = |reason: String| CheckpointError::Damaged { path: path.into(), reason };
        let head = Head {
            schema: Schema::V1,
            of: self.of.clone(),
            slots: self.slots.clone(),
            parts: self.parts.iter().map(|(node, numbers)| (*node, numbers.len())).collect(),
        };
        let head = serde_json::to_vec(&head).map_err(|error| damaged(error.to_string()))?;
        let payload = self.parts.values().flat_map(|numbers| encode(numbers, Numbers::F32)).collect();
        let bytes = Frame { head, payload }.to_bytes().map_err(|error| damaged(error.to_string()))?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let beside = path.with_file_name(name);
        let written = File::create(&beside).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&beside, path)
        });
        written.map_err(|source| {
            // Nothing more can be done about what was left.
            let _ = std::fs::remove_file(&beside);
            CheckpointError::File { path: path.into(), source }
        })
    }

    /// Reads a checkpoint; none where there is no file.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn read(path: &Path) -> Result<Option<Self>, CheckpointError> {
        let file = |source| CheckpointError::File { path: path.into(), source };
        let damaged = |reason: String| CheckpointError::Damaged { path: path.into(), reason };
        let mut bytes: &[u8] = &match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file(error)),
        };
        let frame = Frame::read(&mut bytes, Limit::MEMBER).map_err(|error| match error {
            WireError::Truncated | WireError::Closed => CheckpointError::Truncated { path: path.into() },
            error => damaged(error.to_string()),
        })?;
        if !bytes.is_empty() {
            return Err(damaged(format!("{} bytes behind its end", bytes.len())));
        }
        let head: Head = serde_json::from_slice(&frame.head).map_err(|error| damaged(error.to_string()))?;
        let numbers = decode(&frame.payload, Numbers::F32).map_err(|error| damaged(error.to_string()))?;
        let mut rest = numbers.as_slice();
        let mut parts = Parts::new();
        for (node, length) in head.parts {
            let split = rest.split_at_checked(length);
            let (own, others) = split.ok_or_else(|| damaged("fewer numbers than announced".into()))?;
            parts.insert(node, own.to_vec());
            rest = others;
        }
        if !rest.is_empty() {
            return Err(damaged(format!("{} numbers that belong to nobody", rest.len())));
        }
        Ok(Some(Self { of: head.of, slots: head.slots, parts }))
    }
}
