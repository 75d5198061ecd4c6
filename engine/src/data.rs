//! Texts to be told apart: what is trained on.
//!
//! A text becomes a fixed number of tokens, one per character (padded or cut), a class is a number. Texts are shuffled and split
//! into training and test from a seed.

mod bayes;
#[cfg(feature = "languages")]
mod languages;

pub use bayes::Bayes;
#[cfg(feature = "languages")]
pub use languages::{LANGUAGES, languages};

/// Sentences of several languages, which this build does not bring.
///
/// # Errors
/// [`DataError::NoLanguages`].
#[cfg(not(feature = "languages"))]
pub fn languages() -> Result<Texts, DataError> {
    Err(DataError::NoLanguages)
}

use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

/// Tokens: one for what is not known, one for the end of a text, then characters.
pub const VOCABULARY: usize = 256;

/// In the place of characters that have no token of their own.
const UNKNOWN: u32 = 0;

/// Behind the end of a text.
const END: u32 = 1;

/// Why texts cannot be used.
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
    /// Sentences that this build does not bring.
    #[error("this build brings no sentences of languages: build it with feature \"languages\", or give text files")]
    NoLanguages,
    /// Too few texts, or classes.
    #[error("{what}: {found}, must be at least {least}")]
    TooFew {
        /// What.
        what: String,
        /// How many there are.
        found: usize,
        /// How many there must be.
        least: usize,
    },
}

/// Texts with their classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Class and text.
    pub texts: Vec<(u32, String)>,
}

impl Texts {
    /// A class per file, named after it; a text per line, empty lines left out.
    ///
    /// # Errors
    /// [`DataError`] for files that cannot be read as UTF-8, fewer than two files, or one without a text.
    pub fn read(files: &[impl AsRef<Path>]) -> Result<Self, DataError> {
        let mut all = Vec::with_capacity(files.len());
        for path in files.iter().map(AsRef::as_ref) {
            let text = std::fs::read_to_string(path)
                .map_err(|source| DataError::File { path: path.display().to_string(), source })?;
            let name = path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            all.push((name, text));
        }
        Self::of(all.iter().map(|(name, text)| (name.as_str(), text.as_str())))
    }

    /// The same of named texts in memory.
    ///
    /// # Errors
    /// [`DataError::TooFew`].
    pub fn of<'a>(classes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, DataError> {
        let (mut names, mut texts) = (Vec::new(), Vec::new());
        for (class, (name, lines)) in classes.into_iter().enumerate() {
            let before = texts.len();
            let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
            texts.extend(lines.map(|line| (u32::try_from(class).unwrap_or(u32::MAX), line.to_owned())));
            if texts.len() == before {
                return Err(DataError::TooFew { what: format!("texts of {name}"), found: 0, least: 1 });
            }
            names.push(name.to_owned());
        }
        match names.len() {
            found @ (0 | 1) => Err(DataError::TooFew { what: "classes".into(), found, least: 2 }),
            _ => Ok(Self { classes: names, texts }),
        }
    }

    /// Shuffled by a seed, the first fifth set aside for tests.
    #[must_use]
    pub fn split(mut self, seed: u64) -> (Self, Self) {
        self.texts.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
        let training = self.texts.split_off(self.texts.len() / 5);
        (Self { classes: self.classes.clone(), texts: training }, self)
    }

    /// As samples of so many tokens.
    #[must_use]
    pub fn samples(&self, tokens: usize) -> Samples {
        let mut samples =
            Samples { tokens, numbers: Vec::with_capacity(self.texts.len() * tokens), classes: Vec::new() };
        for (class, text) in &self.texts {
            let characters = text.chars().flat_map(char::to_lowercase).map(token).chain(std::iter::repeat(END));
            samples.numbers.extend(characters.take(tokens));
            samples.classes.push(*class);
        }
        samples
    }
}

/// The token of a character: its number less that of a space, modulo the tokens there are. Latin letters and signs have tokens of their
/// own; letters of other scripts may share one.
fn token(character: char) -> u32 {
    const FIRST: u32 = 2;
    const LETTERS: u32 = VOCABULARY as u32 - FIRST;
    match u32::from(character) {
        number if number < u32::from(' ') => UNKNOWN,
        number => FIRST + (number - u32::from(' ')) % LETTERS,
    }
}

/// Tokens of samples side by side, and their classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// Tokens of a sample.
    pub tokens: usize,
    /// All tokens.
    pub numbers: Vec<u32>,
    /// One class per sample.
    pub classes: Vec<u32>,
}

impl Samples {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Tokens and classes of some samples, counted on from the beginning behind the last one: batch `index` of size `size` is that of
    /// samples `index · size` and following. Empty where there are no samples.
    #[must_use]
    pub fn batch(&self, index: u64, size: usize) -> (Vec<u32>, Vec<u32>) {
        let (mut numbers, mut classes) = (Vec::with_capacity(size * self.tokens), Vec::with_capacity(size));
        let all = self.len() as u64;
        for place in (0..size as u64).filter(|_| all > 0) {
            let at = (index.wrapping_mul(size as u64).wrapping_add(place) % all) as usize;
            numbers.extend(self.numbers.get(at * self.tokens..(at + 1) * self.tokens).unwrap_or_default());
            classes.extend(self.classes.get(at));
        }
        (numbers, classes)
    }

    /// Every `of`-th sample from `part` on: the data of one cluster of several.
    #[must_use]
    pub fn part(&self, part: usize, of: usize) -> Self {
        let (mut numbers, mut classes) = (Vec::new(), Vec::new());
        let samples = self.numbers.chunks_exact(self.tokens.max(1)).zip(&self.classes);
        for (sample, class) in samples.skip(part).step_by(of.max(1)) {
            numbers.extend(sample);
            classes.push(*class);
        }
        Self { tokens: self.tokens, numbers, classes }
    }
}
