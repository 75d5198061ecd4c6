//! Who can resolve an error, and where it is.

use super::check::FieldError;

/// Who can resolve an error: this gives the exit code of the command line, the status of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Whoever gave the input: a number out of range, options that do not fit together, a foreign file in the way.
    /// Another input would do.
    Input,
    /// Nobody: there is no decision that keeps all constraints.
    Infeasible,
    /// Whoever runs the machine or wrote the program: a file that cannot be written, arithmetic that gave up on valid
    /// input, a policy that breaks a constraint.
    Machine,
}

/// Errors that know who can resolve them.
///
/// Each is matched without a wildcard next to its definition: a new variant does not compile until it is classified.
///
/// ```
/// use collapipe::problem::FieldError;
/// use collapipe::{Blame, Blamed};
/// let error = FieldError { path: "slots".into(), value: "0".into(), allowed: "at least 1".into(), owner: None };
/// assert_eq!(error.blame(), Blame::Input);
/// assert_eq!(error.field().map(|field| field.path), Some("slots".into()));
/// ```
pub trait Blamed: std::error::Error {
    /// Who.
    fn blame(&self) -> Blame;

    /// The field that is to blame, the first of several; none where no single field is.
    fn field(&self) -> Option<FieldError> {
        None
    }
}
