//! Sentences of several languages: the test sentences of the `lingua` language models (Apache-2.0, Peter M. Stahl), a
//! thousand of each.

use include_dir::Dir;

use super::{DataError, Texts};

/// Languages there are: four, or ten with feature `ten-languages`.
#[cfg(not(feature = "ten-languages"))]
pub const LANGUAGES: &[&str] = &["english", "french", "german", "spanish"];

/// Languages there are.
#[cfg(feature = "ten-languages")]
pub const LANGUAGES: &[&str] =
    &["english", "french", "german", "spanish", "danish", "dutch", "italian", "polish", "portuguese", "swedish"];

/// Sentences of the first four languages; class by class in the order of [`LANGUAGES`].
///
/// # Errors
/// [`DataError::TooFew`] where a crate holds no sentences.
pub fn languages() -> Result<Texts, DataError> {
    languages_of(4)
}

/// Sentences of the first languages of [`LANGUAGES`], at most so many.
///
/// # Errors
/// [`DataError::TooFew`] where a crate holds no sentences.
pub fn languages_of(count: usize) -> Result<Texts, DataError> {
    let directories: &[&Dir<'static>] = &[
        &lingua_english_language_model::ENGLISH_TESTDATA_DIRECTORY,
        &lingua_french_language_model::FRENCH_TESTDATA_DIRECTORY,
        &lingua_german_language_model::GERMAN_TESTDATA_DIRECTORY,
        &lingua_spanish_language_model::SPANISH_TESTDATA_DIRECTORY,
        #[cfg(feature = "ten-languages")]
        &lingua_danish_language_model::DANISH_TESTDATA_DIRECTORY,
        #[cfg(feature = "ten-languages")]
        &lingua_dutch_language_model::DUTCH_TESTDATA_DIRECTORY,
        #[cfg(feature = "ten-languages")]
        &lingua_italian_language_model::ITALIAN_TESTDATA_DIRECTORY,
        #[cfg(feature = "ten-languages")]
        &lingua_polish_language_model::POLISH_TESTDATA_DIRECTORY,
        #[cfg(feature = "ten-languages")]
        &lingua_portuguese_language_model::PORTUGUESE_TESTDATA_DIRECTORY,
        #[cfg(feature = "ten-languages")]
        &lingua_swedish_language_model::SWEDISH_TESTDATA_DIRECTORY,
    ];
    let sentences =
        |of: &Dir<'static>| of.get_file("sentences.txt").and_then(|file| file.contents_utf8()).unwrap_or_default();
    Texts::of(LANGUAGES.iter().copied().zip(directories.iter().map(|of| sentences(of))).take(count))
}
