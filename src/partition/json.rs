//! Reading and writing the exchange format as text.

use super::problem::{PartitionProblem, PartitionSpec};
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;
use crate::text::{JsonFault, from_json};

/// Why a text is no partition problem.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionReadError {
    /// Not JSON of a partition problem: syntax, missing or unknown field, wrong schema or type; with path, line and
    /// column.
    #[error(transparent)]
    Format(#[from] JsonFault),
    /// Well-formed, with a field out of range.
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl Blamed for PartitionReadError {
    fn blame(&self) -> Blame {
        match self {
            Self::Format(_) | Self::Field(_) => Blame::Input,
        }
    }
}

impl PartitionProblem {
    /// Reads and validates a problem in the exchange format.
    ///
    /// # Errors
    /// [`PartitionReadError`] with the path of what is wrong.
    pub fn from_json(text: &str) -> Result<Self, PartitionReadError> {
        let spec: PartitionSpec = from_json(text, |_, found| JsonFault::not_numbers(found, |_| None))?;
        Ok(Self::new(spec)?)
    }

    /// The problem in the exchange format, indented. Numbers read back bit for bit.
    ///
    /// # Errors
    /// [`PartitionReadError::Format`] if the serializer fails.
    pub fn to_json(&self) -> Result<String, PartitionReadError> {
        serde_json::to_string_pretty(self).map_err(|error| JsonFault::unwritable(&error).into())
    }
}
