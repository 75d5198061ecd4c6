//! The policies by name.

use serde::{Deserialize, Serialize};

use super::{Exact, Policy};
use crate::simulation::RunError;
use crate::solver::{Settings, SolveError};

/// A policy by name, for scenario sweeps, the command line and files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PolicyKind {
    /// [`Exact`].
    Exact,
}

impl PolicyKind {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Exact];

    /// The policy, ready to play. `settings` are those of the exact solver where a policy asks it; `seed` is for policies that draw.
    ///
    /// # Errors
    /// [`RunError`] for settings out of range.
    pub fn build(self, settings: Settings, _seed: u64) -> Result<Box<dyn Policy>, RunError> {
        match self {
            Self::Exact => Ok(Box::new(Exact::new(settings).map_err(SolveError::from)?)),
        }
    }
}
