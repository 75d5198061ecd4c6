//! Pairs of sequences: what an encoder-decoder translates.

use std::collections::BTreeSet;
use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use super::{DataError, END, Samples};
use crate::nn::IGNORED;

/// First token of a symbol.
const FIRST: u32 = END + 1;

/// A source and its target, as tokens.
type Pair = (Vec<u32>, Vec<u32>);

/// Sources with their targets, over symbols that both share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs {
    /// Symbols in the order of their tokens, the first of which is token 2.
    pub symbols: Vec<String>,
    pairs: Vec<Pair>,
}

impl Pairs {
    /// Of sequences of symbols; the symbols' tokens are in alphabetical order.
    #[must_use]
    pub fn of<S: AsRef<str>>(pairs: &[(Vec<S>, Vec<S>)]) -> Self {
        let all = pairs.iter().flat_map(|(source, target)| source.iter().chain(target));
        let symbols: BTreeSet<&str> = all.map(AsRef::as_ref).collect();
        let symbols: Vec<&str> = symbols.into_iter().collect();
        let tokens = |of: &[S]| -> Vec<u32> {
            let place = |symbol: &S| symbols.binary_search(&symbol.as_ref()).unwrap_or_default();
            of.iter().map(|symbol| FIRST.saturating_add(u32::try_from(place(symbol)).unwrap_or(u32::MAX))).collect()
        };
        let pairs = pairs.iter().map(|(source, target)| (tokens(source), tokens(target))).collect();
        Self { symbols: symbols.into_iter().map(str::to_owned).collect(), pairs }
    }

    /// A pair per line, source and target parted by a tab, a symbol per character; empty lines left out.
    ///
    /// # Errors
    /// [`DataError`] for files that cannot be read as UTF-8, a line without its tab, or no pair at all.
    pub fn read(files: &[impl AsRef<Path>]) -> Result<Self, DataError> {
        let mut pairs = Vec::new();
        for path in files.iter().map(AsRef::as_ref) {
            let name = path.display().to_string();
            let text =
                std::fs::read_to_string(path).map_err(|source| DataError::File { path: name.clone(), source })?;
            for (line, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
                let must = "a source and its target, both not empty, parted by one tab";
                let wrong = |found: String| DataError::Line { path: name.clone(), line: line + 1, found, must };
                let parts: Vec<&str> = text.split('\t').map(str::trim).collect();
                let [source, target] = parts.as_slice() else {
                    return Err(wrong(format!("{} parts between tabs", parts.len())));
                };
                if source.is_empty() || target.is_empty() {
                    return Err(wrong("an empty part".into()));
                }
                let symbols = |of: &str| of.chars().map(String::from).collect::<Vec<_>>();
                pairs.push((symbols(source), symbols(target)));
            }
        }
        if pairs.is_empty() {
            return Err(DataError::TooFew { what: "pairs of source and target".into(), found: 0, least: 1 });
        }
        Ok(Self::of(&pairs))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Tokens that a model needs: one for what is not known, one for ends and beginnings, then the symbols.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        FIRST as usize + self.symbols.len()
    }

    /// Those whose source has at most so many tokens and whose target, with its end, at most as many as `target`.
    #[must_use]
    pub fn that_fit(mut self, source: usize, target: usize) -> Self {
        self.pairs.retain(|pair| pair.0.len() <= source && pair.1.len() < target);
        self
    }

    /// Shuffled by a seed, the first fifth set aside for tests.
    #[must_use]
    pub fn split(mut self, seed: u64) -> (Self, Self) {
        self.pairs.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
        let training = self.pairs.split_off(self.pairs.len() / 5);
        (Self { symbols: self.symbols.clone(), pairs: training }, self)
    }

    /// As samples: sources padded or cut to `tokens`, targets with their end to `target` tokens. What stands behind the end is not asked
    /// for.
    #[must_use]
    pub fn samples(&self, tokens: usize, target: usize) -> Samples {
        let mut samples = Samples { tokens, numbers: Vec::new(), targets: Vec::new() };
        for (from, to) in &self.pairs {
            samples.numbers.extend(from.iter().copied().chain(std::iter::repeat(END)).take(tokens));
            let asked = to.iter().copied().chain([END]).chain(std::iter::repeat(IGNORED));
            samples.targets.extend(asked.take(target));
        }
        samples
    }
}
