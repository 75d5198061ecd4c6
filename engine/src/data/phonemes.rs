//! How English words are spoken: the CMU Pronouncing Dictionary (BSD licence of two clauses, Carnegie Mellon University), as crate
//! `cmudict-fast` (MIT or Apache-2.0) brings it.

use super::{DataError, Pairs};

/// The dictionary of this build: `build.rs` found it in the crate's sources.
#[cfg(cmudict)]
const DICTIONARY: &str = include_str!(env!("CMUDICT"));

/// Letters and phonemes of all words of the dictionary.
///
/// # Errors
/// [`DataError::NotBrought`] where this build brings no dictionary; [`DataError::Line`] for one that is damaged.
#[cfg(cmudict)]
pub fn phonemes() -> Result<Pairs, DataError> {
    pronunciations(DICTIONARY)
}

/// Letters and phonemes of all words of the dictionary.
///
/// # Errors
/// [`DataError::NotBrought`]: this build brings none.
#[cfg(not(cmudict))]
pub fn phonemes() -> Result<Pairs, DataError> {
    Err(DataError::NotBrought { what: "dictionary of phonemes", feature: "phonemes" })
}

/// Letters and phonemes of the words of a dictionary in CMU's format: per line a word and its phonemes, parted by spaces. Words of the
/// letters a to z alone; of several ways to speak one the first; stress is left out.
///
/// # Errors
/// [`DataError::Line`] for a line that is not of the format.
#[cfg(feature = "phonemes")]
pub fn pronunciations(dictionary: &str) -> Result<Pairs, DataError> {
    let mut pairs = Vec::new();
    for (line, text) in dictionary.lines().enumerate() {
        // What follows a # is a remark, as is a line that begins with ;;;.
        let text = text.split('#').next().unwrap_or_default().trim();
        if text.is_empty() || text.starts_with(";;;") {
            continue;
        }
        let rule: cmudict_fast::Rule = text.parse().map_err(|error| DataError::Line {
            path: "the dictionary".into(),
            line: line + 1,
            found: format!("{error}"),
            must: "a word and its phonemes",
        })?;
        let word = rule.label();
        if word.chars().all(|letter| letter.is_ascii_lowercase()) {
            let letters = word.chars().map(String::from).collect();
            let spoken = rule.pronunciation().iter();
            let without_stress = |name: String| name.trim_end_matches(|last: char| last.is_ascii_digit()).to_owned();
            pairs.push((letters, spoken.map(|phoneme| without_stress(phoneme.to_string())).collect()));
        }
    }
    Ok(Pairs::of(&pairs))
}

/// The same of a dictionary of one's own.
///
/// # Errors
/// [`DataError::NotBrought`]: this build cannot read one.
#[cfg(not(feature = "phonemes"))]
pub fn pronunciations(_dictionary: &str) -> Result<Pairs, DataError> {
    Err(DataError::NotBrought { what: "reader of dictionaries", feature: "phonemes" })
}
