//! Reading and writing the exchange format as text.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answer::Answer;
use super::decision::Decision;
use super::slot::{SlotProblem, SlotSpec};
use super::validation::ProblemError;
use crate::ground::blame::{Blame, Blamed};

/// Why a text could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not the JSON of the type asked for: syntax, missing or unknown field, wrong schema, number out of range;
    /// with line and column.
    #[error(transparent)]
    Format(#[from] serde_json::Error),
    /// Well-formed, but not a valid problem.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// An answer that holds no decision, as of an infeasible problem.
    #[error("the answer holds no decision")]
    NoDecision,
}

impl Blamed for JsonError {
    fn blame(&self) -> Blame {
        match self {
            Self::Format(_) | Self::NoDecision => Blame::Input,
            Self::Problem(error) => error.blame(),
        }
    }
}

impl SlotProblem {
    /// Reads and validates a problem in the exchange format.
    ///
    /// # Errors
    /// [`JsonError::Format`] with line and column, or [`JsonError::Problem`] with the path of the bad field.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        Ok(Self::new(serde_json::from_str::<SlotSpec>(text)?)?)
    }

    /// The problem in the exchange format, indented. Numbers read back bit for bit.
    ///
    /// # Errors
    /// [`JsonError::Format`], should the serializer fail.
    pub fn to_json(&self) -> Result<String, JsonError> {
        let spec: &SlotSpec = self;
        Ok(serde_json::to_string_pretty(spec)?)
    }
}

impl Answer {
    /// Reads an answer in the exchange format; only `status` is required.
    ///
    /// # Errors
    /// [`JsonError::Format`] with line and column.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        Ok(serde_json::from_str(text)?)
    }

    /// The answer in the exchange format, indented.
    ///
    /// # Errors
    /// [`JsonError::Format`], should the serializer fail.
    pub fn to_json(&self) -> Result<String, JsonError> {
        Ok(serde_json::to_string_pretty(self)?)
    }
}

impl Decision {
    /// Reads a decision in the exchange format.
    ///
    /// # Errors
    /// [`JsonError::Format`] with line and column.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        Ok(serde_json::from_str(text)?)
    }

    /// The decision in the exchange format, indented.
    ///
    /// # Errors
    /// [`JsonError::Format`], should the serializer fail.
    pub fn to_json(&self) -> Result<String, JsonError> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Reads what is to be checked: a decision, or an answer that holds one.
    ///
    /// Of an answer nothing but its `decision` is read, so that answers of other solvers, with fields of their own,
    /// can be checked.
    ///
    /// # Errors
    /// [`JsonError::Format`] with line and column; [`JsonError::NoDecision`] for an answer without a decision.
    pub fn from_answer_json(text: &str) -> Result<Self, JsonError> {
        #[derive(Deserialize)]
        struct Keys {
            status: Option<IgnoredAny>,
            decision: Option<IgnoredAny>,
        }
        #[derive(Deserialize)]
        struct Holder {
            decision: Decision,
        }
        // Two passes, so that errors inside the decision keep their line and column.
        let keys: Keys = serde_json::from_str(text)?;
        match (keys.decision, keys.status) {
            (Some(_), _) => Ok(serde_json::from_str::<Holder>(text)?.decision),
            (None, Some(_)) => Err(JsonError::NoDecision),
            (None, None) => Self::from_json(text),
        }
    }
}
