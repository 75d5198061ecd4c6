//! What counting reaches where a token is asked for: how often each was right after what stands before it.

use std::collections::HashMap;

use super::Samples;
use crate::nn::{BEGIN, IGNORED, Loss};

/// Where the tokens that are asked for stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked {
    /// Behind each token: known are the one before, then the two before.
    Next,
    /// In place of one that is masked: known are the neighbour before it, then both.
    Masked,
    /// In another sequence: known are its token before, then the source's in the same place as well.
    Other,
}

impl Asked {
    /// What is known at a place, from the least to the most; a token that is not there is one that no vocabulary has.
    fn known(self, numbers: &[u32], targets: &[u32], place: usize) -> [[u32; 2]; 2] {
        const NOTHING: u32 = IGNORED;
        let number = |place: Option<usize>| place.and_then(|place| numbers.get(place)).copied().unwrap_or(NOTHING);
        let before = place.checked_sub(1);
        match self {
            Self::Next => [[number(Some(place)), NOTHING], [number(Some(place)), number(before)]],
            Self::Masked => [[number(before), NOTHING], [number(before), number(Some(place + 1))]],
            Self::Other => {
                let last = before.and_then(|before| targets.get(before)).copied().unwrap_or(BEGIN);
                [[last, NOTHING], [last, number(Some(place))]]
            }
        }
    }

    /// The three ways to guess, in words.
    #[must_use]
    pub const fn names(self) -> [&'static str; 3] {
        match self {
            Self::Next => ["most frequent token", "after the token before", "after the two before"],
            Self::Masked => ["most frequent token", "after the token before", "between both neighbours"],
            Self::Other => ["most frequent token", "after the token before", "and the letter in its place"],
        }
    }
}

/// How often each token was right: anywhere, and by what is known.
#[derive(Clone, Debug)]
pub struct Guess {
    asked: Asked,
    anywhere: Vec<f64>,
    known: [HashMap<[u32; 2], HashMap<u32, f64>>; 2],
}

impl Guess {
    /// Counts what is asked for in samples of a vocabulary of so many tokens.
    #[must_use]
    pub fn learn(asked: Asked, samples: &Samples, vocabulary: usize) -> Self {
        let mut guess = Self { asked, anywhere: vec![0.0; vocabulary], known: [HashMap::new(), HashMap::new()] };
        for (numbers, targets) in samples.iter() {
            for (place, target) in targets.iter().enumerate().filter(|(_, target)| **target != IGNORED) {
                if let Some(count) = guess.anywhere.get_mut(*target as usize) {
                    *count += 1.0;
                }
                for (counts, key) in guess.known.iter_mut().zip(asked.known(numbers, targets, place)) {
                    *counts.entry(key).or_default().entry(*target).or_insert(0.0) += 1.0;
                }
            }
        }
        guess
    }

    /// Loss and accuracy on samples with what is known used to this `level`: 0 nothing, 2 all. Probabilities are counts with one more
    /// that is shared as the level below says.
    #[must_use]
    pub fn loss(&self, samples: &Samples, level: usize) -> Loss {
        let all: f64 = self.anywhere.iter().sum::<f64>() + self.anywhere.len() as f64;
        let anywhere: Vec<f64> = self.anywhere.iter().map(|count| (count + 1.0) / all).collect();
        let mut loss = Loss::default();
        for (numbers, targets) in samples.iter() {
            let before = loss;
            for (place, target) in targets.iter().enumerate().filter(|(_, target)| **target != IGNORED) {
                let mut shares = anywhere.clone();
                let known = self.known.iter().zip(self.asked.known(numbers, targets, place)).take(level);
                for counts in known.filter_map(|(counts, key)| counts.get(&key)) {
                    let total = 1.0 + counts.values().sum::<f64>();
                    for (token, share) in shares.iter_mut().enumerate() {
                        *share = (*share + counts.get(&(token as u32)).copied().unwrap_or(0.0)) / total;
                    }
                }
                let best = shares.iter().enumerate().max_by(|one, other| one.1.total_cmp(other.1));
                loss.right += usize::from(best.is_some_and(|(token, _)| token == *target as usize));
                loss.sum -= shares.get(*target as usize).map_or(f64::MIN_POSITIVE, |share| *share).ln();
                loss.counted += 1;
            }
            let asked = loss.counted - before.counted;
            loss.samples += usize::from(asked > 0);
            loss.whole += usize::from(asked > 0 && loss.right - before.right == asked);
        }
        loss
    }
}
