//! What is trained on: texts to be told apart or continued, and pairs of sequences to be translated.
//!
//! A text becomes a fixed number of tokens, one per character (padded or cut); a class is a number. Data are shuffled and split
//! into training and test from a seed.

mod bayes;
mod guess;
#[cfg(feature = "languages")]
mod languages;
mod pairs;
mod phonemes;
mod samples;
mod task;
mod texts;

pub use bayes::Bayes;
pub use guess::{Asked, Guess};
#[cfg(feature = "languages")]
pub use languages::{LANGUAGES, languages, languages_of};
pub use pairs::Pairs;
pub use phonemes::{phonemes, pronunciations};
pub use samples::Samples;
pub use task::{Data, HELD_OUT, LEARNED_FROM, Task, Yardstick};
pub use texts::Texts;

/// Languages there are: none in this build.
#[cfg(not(feature = "languages"))]
pub const LANGUAGES: &[&str] = &[];

/// Sentences of several languages, which this build does not bring.
///
/// # Errors
/// [`DataError::NotBrought`].
#[cfg(not(feature = "languages"))]
pub fn languages() -> Result<Texts, DataError> {
    languages_of(0)
}

/// The same.
///
/// # Errors
/// [`DataError::NotBrought`].
#[cfg(not(feature = "languages"))]
pub fn languages_of(_count: usize) -> Result<Texts, DataError> {
    Err(DataError::NotBrought { what: "sentences of languages", feature: "languages" })
}

/// Tokens of texts: one for what is not known, one for the end of a text, then characters.
pub const VOCABULARY: usize = 256;

/// In the place of characters that have no token of their own, and of those that are masked.
const UNKNOWN: u32 = 0;

/// Behind the end of a text, and before a target.
const END: u32 = crate::nn::BEGIN;

/// Why data cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file that cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line that is not what belongs there.
    #[error("{path}, line {line}: {found}; must be {must}")]
    Line {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        found: String,
        /// What it must be.
        must: &'static str,
    },
    /// Data that this build does not bring.
    #[error("this build brings no {what}: build it with feature \"{feature}\", or give files")]
    NotBrought {
        /// What.
        what: &'static str,
        /// What brings it.
        feature: &'static str,
    },
    /// Too few of something.
    #[error("{what}: {found}, must be at least {least}")]
    TooFew {
        /// What.
        what: String,
        /// How many there are.
        found: usize,
        /// How many there must be.
        least: usize,
    },
    /// A model that is not for these data.
    #[error("model.{field} = {value}: must be {must}")]
    Model {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What it must be for these data.
        must: String,
    },
}
