//! Reading and writing the exchange format as text.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::answer::{Answer, ShadowPrices};
use super::decision::Decision;
use super::format::SlotForm;
use super::slot::{SlotProblem, SlotSpec};
use super::validation::{ProblemError, faults};
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;
use crate::text::{Finding, JsonFault, NotANumber, find_fields, from_json, inspect_json};

/// Why a text could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not the JSON of the type asked for: syntax, missing or unknown field, wrong schema, wrong type, number out of
    /// range; with path, line and column.
    #[error(transparent)]
    Format(#[from] JsonFault),
    /// Well-formed, but not a valid problem, by one field.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// Well-formed, but not a valid problem, by several fields; one line each.
    #[error("{}", lines(.0))]
    Fields(Vec<FieldError>),
    /// An answer that holds no decision, as of an infeasible problem.
    #[error("the answer holds no decision")]
    NoDecision,
}

impl Blamed for JsonError {
    fn blame(&self) -> Blame {
        match self {
            Self::Format(_) | Self::Fields(_) | Self::NoDecision => Blame::Input,
            Self::Problem(error) => error.blame(),
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Problem(error) => error.field(),
            Self::Fields(errors) => errors.first().cloned(),
            Self::Format(_) | Self::NoDecision => None,
        }
    }
}

/// Most bad fields that an error lists.
pub(crate) const MOST_FAULTS: usize = 20;

fn lines(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What an answer claims of its decision.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Claims {
    /// What the decision costs.
    pub objective: Option<f64>,
    /// No decision costs less.
    pub lower_bound: Option<f64>,
    /// The prices, where they are those of this format.
    pub shadow_prices: Option<ShadowPrices>,
}

/// A value of any type but [`SlotSpec`], whose fields' ranges are known.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, JsonFault> {
    from_json(text, no_ranges)
}

/// The fault of fields that hold no number, of whose ranges nothing is known.
fn no_ranges(_: &str, found: &[NotANumber]) -> JsonFault {
    JsonFault::not_numbers(found, |_| None)
}

/// The fault of a problem some of whose fields hold NaN or the like: what the fields may hold is learned from what
/// validation says about a number that no field admits.
fn not_numbers(text: &str, found: &[NotANumber]) -> JsonFault {
    const BEYOND_ALL: &str = "1e300";
    let mut numbers = String::with_capacity(text.len());
    let mut from = 0;
    for of in found {
        numbers.push_str(text.get(from..of.offset).unwrap_or_default());
        numbers.push_str(BEYOND_ALL);
        from = of.offset + of.token.len();
    }
    numbers.push_str(text.get(from..).unwrap_or_default());
    let errors = match serde_json::from_str::<SlotSpec>(&numbers) {
        Ok(spec) => faults(&spec, usize::MAX),
        Err(_) => Vec::new(),
    };
    let allowed = |path: &str| errors.iter().find(|error| error.path == path).map(|error| error.allowed.clone());
    JsonFault::not_numbers(found, allowed)
}

impl SlotProblem {
    /// Reads and validates a problem in the exchange format.
    ///
    /// # Errors
    /// [`JsonError::Format`] with path, line and column; [`JsonError::Problem`] with the path of the bad field, or
    /// [`JsonError::Fields`] with those of the first twenty.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        let spec = from_json::<SlotForm>(text, not_numbers)?.into_spec().map_err(ProblemError::Field)?;
        let mut errors = faults(&spec, MOST_FAULTS);
        if errors.len() > 1 {
            return Err(JsonError::Fields(errors));
        }
        match errors.pop() {
            Some(error) => Err(ProblemError::Field(error).into()),
            None => Ok(Self::new(spec)?),
        }
    }

    /// All that is wrong in the text of a problem: empty where [`from_json`](Self::from_json) reads it.
    #[must_use]
    pub fn inspect(text: &str) -> Vec<Finding> {
        let (form, mut found) = inspect_json::<SlotForm>(text, not_numbers);
        let Some(form) = form else { return found };
        let errors = match form.into_spec() {
            Ok(spec) => faults(&spec, MOST_FAULTS),
            Err(error) => vec![error],
        };
        find_fields(text, &errors, &mut found);
        found
    }

    /// The problem in the exchange format, indented. Numbers read back bit for bit.
    ///
    /// # Errors
    /// [`JsonError::Format`] if the serializer fails.
    pub fn to_json(&self) -> Result<String, JsonError> {
        let spec: &SlotSpec = self;
        serde_json::to_string_pretty(spec).map_err(|error| JsonFault::unwritable(&error).into())
    }
}

impl Answer {
    /// Reads an answer in the exchange format; only `status` is required.
    ///
    /// # Errors
    /// [`JsonError::Format`] with path, line and column.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        Ok(read(text)?)
    }

    /// All that is wrong in the text of an answer: empty where [`from_json`](Self::from_json) reads it.
    #[must_use]
    pub fn inspect(text: &str) -> Vec<Finding> {
        inspect_json::<Self>(text, no_ranges).1
    }

    /// The answer in the exchange format, indented.
    ///
    /// # Errors
    /// [`JsonError::Format`] if the serializer fails.
    pub fn to_json(&self) -> Result<String, JsonError> {
        serde_json::to_string_pretty(self).map_err(|error| JsonFault::unwritable(&error).into())
    }
}

impl Decision {
    /// Reads a decision in the exchange format.
    ///
    /// # Errors
    /// [`JsonError::Format`] with path, line and column.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        Ok(read(text)?)
    }

    /// All that is wrong in the text of a decision: empty where [`from_json`](Self::from_json) reads it.
    #[must_use]
    pub fn inspect(text: &str) -> Vec<Finding> {
        inspect_json::<Self>(text, no_ranges).1
    }

    /// The decision in the exchange format, indented.
    ///
    /// # Errors
    /// [`JsonError::Format`] if the serializer fails.
    pub fn to_json(&self) -> Result<String, JsonError> {
        serde_json::to_string_pretty(self).map_err(|error| JsonFault::unwritable(&error).into())
    }

    /// Reads what is to be checked: a decision, or an answer that holds one.
    ///
    /// Of an answer only `decision`, `objective`, `lower_bound` and `shadow_prices` are read, so that answers of other
    /// solvers, with fields of their own, can be checked.
    ///
    /// # Errors
    /// [`JsonError::Format`] with path, line and column; [`JsonError::NoDecision`] for an answer without a decision.
    pub fn from_answer_json(text: &str) -> Result<Self, JsonError> {
        Self::with_claims(text).map(|(decision, _)| decision)
    }

    /// The same, and what the answer claims of the decision; a bare decision claims nothing.
    ///
    /// # Errors
    /// As [`Decision::from_answer_json`].
    pub fn with_claims(text: &str) -> Result<(Self, Claims), JsonError> {
        #[derive(Deserialize)]
        struct Keys {
            status: Option<IgnoredAny>,
            decision: Option<IgnoredAny>,
        }
        #[derive(Deserialize)]
        struct Holder {
            decision: Decision,
            objective: Option<f64>,
            lower_bound: Option<f64>,
            shadow_prices: Option<Value>,
        }
        // Two passes, so that errors inside the decision keep their path, line and column.
        let keys: Keys = read(text)?;
        match (keys.decision, keys.status) {
            (Some(_), _) => {
                let Holder { decision, objective, lower_bound, shadow_prices } = read(text)?;
                // Other solvers may have prices of other resources.
                let shadow_prices = shadow_prices.and_then(|prices| serde_json::from_value(prices).ok());
                Ok((decision, Claims { objective, lower_bound, shadow_prices }))
            }
            (None, Some(_)) => Err(JsonError::NoDecision),
            (None, None) => Ok((Self::from_json(text)?, Claims::default())),
        }
    }
}
