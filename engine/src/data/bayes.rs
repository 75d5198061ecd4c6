//! What a simple method reaches: naive Bayes over the texts' pieces of up to three characters.

use std::collections::HashMap;

use super::Texts;

/// Longest piece.
const LONGEST: usize = 3;

/// Counts of pieces by class, with add-one smoothing.
#[derive(Clone, Debug)]
pub struct Bayes {
    counts: Vec<HashMap<Vec<char>, f64>>,
    totals: Vec<f64>,
    pieces: f64,
}

impl Bayes {
    /// Counts the pieces of texts.
    #[must_use]
    pub fn learn(texts: &Texts) -> Self {
        let mut counts = vec![HashMap::new(); texts.classes.len()];
        for (class, text) in &texts.texts {
            if let Some(counts) = counts.get_mut(*class as usize) {
                for_pieces(text, |piece| *counts.entry(piece.to_vec()).or_insert(0.0) += 1.0);
            }
        }
        let all: std::collections::HashSet<&Vec<char>> = counts.iter().flat_map(HashMap::keys).collect();
        let totals = counts.iter().map(|counts| counts.values().sum()).collect();
        let pieces = all.len() as f64;
        Self { counts, totals, pieces }
    }

    /// The class that a text most probably is of.
    #[must_use]
    pub fn classify(&self, text: &str) -> u32 {
        let mut scores = vec![0.0; self.counts.len()];
        for_pieces(text, |piece| {
            for ((score, counts), total) in scores.iter_mut().zip(&self.counts).zip(&self.totals) {
                let count: f64 = counts.get(piece).copied().unwrap_or(0.0);
                *score += ((count + 1.0) / (total + self.pieces)).ln();
            }
        });
        let best = scores.iter().enumerate().max_by(|one, other| one.1.total_cmp(other.1));
        best.map_or(0, |(class, _)| u32::try_from(class).unwrap_or(u32::MAX))
    }

    /// Share of texts that it classifies rightly.
    #[must_use]
    pub fn accuracy(&self, texts: &Texts) -> f64 {
        let right = texts.texts.iter().filter(|(class, text)| self.classify(text) == *class).count();
        right as f64 / texts.texts.len() as f64
    }
}

fn for_pieces(text: &str, mut each: impl FnMut(&[char])) {
    let characters: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    for length in 1..=LONGEST {
        characters.windows(length).for_each(&mut each);
    }
}
