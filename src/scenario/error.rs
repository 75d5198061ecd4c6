//! Why data are not a scenario: one fault, or all that were found.

use super::spec::ScenarioSpec;
use crate::ground::blame::{Blame, Blamed};
use crate::network::radio::TraceError;
pub(super) use crate::problem::MOST_FAULTS;
use crate::problem::{FieldError, Names};

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
pub(super) struct Faults {
    errors: Vec<ScenarioError>,
    names: Names,
}

impl Faults {
    /// None so far, of a scenario whose names they will say.
    pub fn of(spec: &ScenarioSpec) -> Self {
        let names = spec.clusters.iter().map(|cluster| {
            let devices = cluster.devices.iter().map(|device| Some(device.name.clone()));
            (Some(cluster.name.clone()), devices.collect())
        });
        Self { errors: Vec::new(), names: Names::new(names) }
    }

    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub fn add(&mut self, error: impl Into<ScenarioError>) {
        let error = match error.into() {
            ScenarioError::Field(field) => self.names.own(field).into(),
            other => other,
        };
        let place = |error: &ScenarioError| match error {
            ScenarioError::Field(field) => field.path.clone(),
            ScenarioError::Trace { path, .. } => path.clone(),
            ScenarioError::Several(_) => String::new(),
        };
        if self.errors.len() < MOST_FAULTS && self.errors.iter().all(|other| place(other) != place(&error)) {
            self.errors.push(error);
        }
    }

    /// The value; where there is a fault instead, it is noted.
    pub fn take<T, E: Into<ScenarioError>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    pub fn error(mut self) -> ScenarioError {
        match self.errors.pop() {
            Some(only) if self.errors.is_empty() => only,
            last => {
                self.errors.extend(last);
                ScenarioError::Several(self.errors)
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

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Field(error) => error.field(),
            Self::Trace { .. } => None,
            Self::Several(errors) => errors.first().and_then(Blamed::field),
        }
    }
}
