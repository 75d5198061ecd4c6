//! Texts, and the samples that they make for a classifier or a language model.

use std::path::Path;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{DataError, END, Samples, UNKNOWN, VOCABULARY};
use crate::nn::IGNORED;

/// Share of characters that a masked language model is asked for, as BERT's.
const MASKED: f64 = 0.15;

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
    /// [`DataError`] for files that cannot be read as UTF-8, or one without a text.
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
        Ok(Self { classes: names, texts })
    }

    /// Shuffled by a seed, the first fifth set aside for tests.
    #[must_use]
    pub fn split(mut self, seed: u64) -> (Self, Self) {
        self.texts.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
        let training = self.texts.split_off(self.texts.len() / 5);
        (Self { classes: self.classes.clone(), texts: training }, self)
    }

    /// The first so many characters of every text.
    #[must_use]
    pub fn cut(&self, characters: usize) -> Self {
        let cut = |(class, text): &(u32, String)| (*class, text.chars().take(characters).collect());
        Self { classes: self.classes.clone(), texts: self.texts.iter().map(cut).collect() }
    }

    /// As samples of so many tokens, with their classes.
    #[must_use]
    pub fn samples(&self, tokens: usize) -> Samples {
        let mut samples = Samples { tokens, numbers: Vec::new(), targets: Vec::new() };
        for (class, text) in &self.texts {
            samples.numbers.extend(characters(text).take(tokens));
            samples.targets.push(*class);
        }
        samples
    }

    /// As samples of so many tokens, each with the one that follows it. What stands behind the end of a text is not asked for.
    #[must_use]
    pub fn next_tokens(&self, tokens: usize) -> Samples {
        let mut samples = Samples { tokens, numbers: Vec::new(), targets: Vec::new() };
        for (_, text) in &self.texts {
            let numbers: Vec<u32> = characters(text).take(tokens + 1).collect();
            let asked = numbers.iter().position(|token| *token == END).unwrap_or(tokens).min(tokens);
            samples.targets.extend(&numbers[1..=asked]);
            samples.targets.extend(std::iter::repeat_n(IGNORED, tokens - asked));
            samples.numbers.extend(&numbers[..tokens]);
        }
        samples
    }

    /// As samples of so many tokens, some of them masked: these are asked for. Which ones follows from the seed.
    #[must_use]
    pub fn masked(&self, tokens: usize, seed: u64) -> Samples {
        let mut samples = Samples { tokens, numbers: Vec::new(), targets: Vec::new() };
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        for (_, text) in &self.texts {
            for token in characters(text).take(tokens) {
                let masked = token != END && random.random_bool(MASKED);
                samples.numbers.push(if masked { UNKNOWN } else { token });
                samples.targets.push(if masked { token } else { IGNORED });
            }
        }
        samples
    }
}

/// Tokens of a text, and of what follows it.
fn characters(text: &str) -> impl Iterator<Item = u32> {
    text.chars().flat_map(char::to_lowercase).map(token).chain(std::iter::repeat(END))
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
