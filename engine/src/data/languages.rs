//! Sentences of several languages: the test sentences of the `lingua` language models (Apache-2.0, Peter M. Stahl), a
//! thousand of each.

use include_dir::Dir;

use super::{DataError, Texts};

/// Languages there are.
pub const LANGUAGES: &[&str] = &["english", "french", "german", "spanish"];

/// Sentences of all languages; class by class in the order of [`LANGUAGES`].
///
/// # Errors
/// [`DataError::TooFew`] where a crate holds no sentences.
pub fn languages() -> Result<Texts, DataError> {
    let directories: [&Dir<'_>; 4] = [
        &lingua_english_language_model::ENGLISH_TESTDATA_DIRECTORY,
        &lingua_french_language_model::FRENCH_TESTDATA_DIRECTORY,
        &lingua_german_language_model::GERMAN_TESTDATA_DIRECTORY,
        &lingua_spanish_language_model::SPANISH_TESTDATA_DIRECTORY,
    ];
    let sentences =
        |of: &Dir<'static>| of.get_file("sentences.txt").and_then(|file| file.contents_utf8()).unwrap_or_default();
    Texts::of(LANGUAGES.iter().copied().zip(directories.into_iter().map(sentences)))
}
