//! A fleet's controller as a file: `collapipe.controller/1`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Account, FleetController};
use crate::ground::blame::{Blame, Blamed};
use crate::ground::digest::of_data;
use crate::ground::files::{FileError, write_whole};
use crate::lyapunov::EnergyController;
use crate::lyapunov::queues::Queues;
use crate::lyapunov::saved::{SavedEnergy, SavedError};
use crate::text::{JsonFault, TextError, decode, from_json};
use crate::units::Joules;

/// Name and version of the format of a fleet's controller; any other value is rejected when reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ControllerSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.controller/1")]
    V1,
}

/// Why a controller was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControllerFileError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not text.
    #[error("{}: {source}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: TextError,
    },
    /// Not a controller: not JSON, another version, a missing or unknown field, numbers that no queue law leads to, or
    /// not what was saved.
    #[error("{}{fault}", path.as_ref().map_or_else(String::new, |path| format!("{}: ", path.display())))]
    Format {
        /// The file; none for a text.
        path: Option<PathBuf>,
        /// What is wrong.
        fault: JsonFault,
    },
}

impl Blamed for ControllerFileError {
    fn blame(&self) -> Blame {
        match self {
            Self::File(error) => error.blame(),
            Self::Text { .. } | Self::Format { .. } => Blame::Input,
        }
    }
}

/// A node's account as data.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedAccount {
    member: bool,
    budget_j: Option<Joules>,
    queues: Queues,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedFleet {
    schema: ControllerSchema,
    rounds: u64,
    nodes: BTreeMap<String, SavedAccount>,
    /// Of rounds and nodes; whoever changes a state by hand leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

impl SavedFleet {
    fn own_digest(&self) -> String {
        of_data(&(self.rounds, &self.nodes))
    }
}

impl From<FleetController> for SavedFleet {
    fn from(fleet: FleetController) -> Self {
        let saved = |account: Account| {
            let budget_j = account.budget();
            SavedAccount { member: account.member, budget_j, queues: account.energy.queues().clone() }
        };
        let nodes = fleet.accounts.into_iter().map(|(name, account)| (name, saved(account))).collect();
        let plain = Self { schema: ControllerSchema::V1, rounds: fleet.rounds, nodes, digest: None };
        Self { digest: Some(plain.own_digest()), ..plain }
    }
}

/// Why a saved fleet is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum FleetFault {
    #[error("digest = {found}: must be {own}, that of the data; the state was changed or damaged after it was saved")]
    Digest { found: String, own: String },
    #[error("nodes: a name is empty")]
    NoName,
    #[error("nodes.{name}: {source}")]
    Account { name: String, source: SavedError },
    #[error("nodes.{name}.queues.rounds = {found}: must be at most rounds = {rounds}")]
    Rounds { name: String, found: u64, rounds: u64 },
}

impl TryFrom<SavedFleet> for FleetController {
    type Error = FleetFault;

    fn try_from(saved: SavedFleet) -> Result<Self, FleetFault> {
        let own = saved.own_digest();
        if let Some(found) = saved.digest.as_ref().filter(|digest| **digest != own) {
            return Err(FleetFault::Digest { found: found.clone(), own });
        }
        let rounds = saved.rounds;
        let account = |(name, of): (String, SavedAccount)| {
            if name.is_empty() {
                return Err(FleetFault::NoName);
            }
            let found = of.queues.rounds();
            if found > rounds {
                return Err(FleetFault::Rounds { name, found, rounds });
            }
            match EnergyController::try_from(SavedEnergy::new(vec![of.budget_j], of.queues)) {
                Ok(energy) => Ok((name, Account { member: of.member, energy })),
                Err(source) => Err(FleetFault::Account { name, source }),
            }
        };
        Ok(Self { rounds, accounts: saved.nodes.into_iter().map(account).collect::<Result<_, _>>()? })
    }
}

impl FleetController {
    /// Reads a controller that [`FleetController::to_json`] wrote.
    ///
    /// # Errors
    /// [`ControllerFileError::Format`] for a text that is no such controller: of another version, incomplete, changed,
    /// or with numbers that no queue law leads to.
    pub fn from_json(text: &str) -> Result<Self, ControllerFileError> {
        let read = from_json(text, |_, found| JsonFault::not_numbers(found, |_| None));
        read.map_err(|fault| ControllerFileError::Format { path: None, fault })
    }

    /// The controller as JSON: every number is read back as it is.
    ///
    /// # Errors
    /// [`ControllerFileError::Format`] where JSON cannot be written, which is not known to happen.
    pub fn to_json(&self) -> Result<String, ControllerFileError> {
        let written = serde_json::to_string_pretty(self).map(|text| text + "\n");
        written.map_err(|error| ControllerFileError::Format { path: None, fault: JsonFault::unwritable(&error) })
    }

    /// Reads a controller from a file.
    ///
    /// # Errors
    /// As [`FleetController::from_json`], and for a file that cannot be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ControllerFileError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| FileError::Read { path: path.into(), source })?;
        let text = decode(&bytes).map_err(|source| ControllerFileError::Text { path: path.into(), source })?;
        Self::from_json(&text).map_err(|error| match error {
            ControllerFileError::Format { fault, .. } => ControllerFileError::Format { path: Some(path.into()), fault },
            error => error,
        })
    }

    /// Writes the controller to a file, as a whole: a program that is killed meanwhile leaves the file that was there.
    ///
    /// # Errors
    /// For a file that cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ControllerFileError> {
        let (path, text) = (path.as_ref(), self.to_json()?);
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let name = path.file_name().unwrap_or(path.as_os_str());
        write_whole(folder, name, &|out| out.write_all(text.as_bytes()))?;
        Ok(())
    }
}
