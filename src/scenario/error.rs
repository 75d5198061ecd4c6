//! Why data are not a scenario: one fault, or all that were found.

use crate::ground::blame::{Blame, Blamed};
use crate::network::radio::TraceError;
use crate::problem::FieldError;
pub(super) use crate::problem::MOST_FAULTS;

/// Why data are not a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// A field is missing, out of range, or does not fit the others.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A rate trace is missing or unusable.
    #[error("{path}: {source}")]
    Trace {
        /// The channel that asks for it.
        path: String,
        /// What is wrong.
        source: TraceError,
    },
    /// Several of these: at least two, at most twenty, one line each.
    #[error("{}", lines(.0))]
    Several(Vec<ScenarioError>),
}

fn lines(errors: &[ScenarioError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Faults found so far; a field that several checks refuse counts once.
#[derive(Default)]
pub(super) struct Faults(Vec<ScenarioError>);

impl Faults {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, error: impl Into<ScenarioError>) {
        let error = error.into();
        let place = |error: &ScenarioError| match error {
            ScenarioError::Field(field) => field.path.clone(),
            ScenarioError::Trace { path, .. } => path.clone(),
            ScenarioError::Several(_) => String::new(),
        };
        if self.0.len() < MOST_FAULTS && self.0.iter().all(|other| place(other) != place(&error)) {
            self.0.push(error);
        }
    }

    /// The value; where there is a fault instead, it is noted.
    pub fn take<T, E: Into<ScenarioError>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    pub fn error(mut self) -> ScenarioError {
        match self.0.pop() {
            Some(only) if self.0.is_empty() => only,
            last => {
                self.0.extend(last);
                ScenarioError::Several(self.0)
            }
        }
    }
}

impl Blamed for ScenarioError {
    fn blame(&self) -> Blame {
        match self {
            Self::Field(error) => error.blame(),
            Self::Trace { source, .. } => source.blame(),
            Self::Several(errors) => errors.first().map_or(Blame::Input, Blamed::blame),
        }
    }
}
