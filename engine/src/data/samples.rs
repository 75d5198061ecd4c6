//! Samples: tokens, and what a model is to make of them.

/// Tokens of samples side by side, and their targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// Tokens of a sample.
    pub tokens: usize,
    /// All tokens.
    pub numbers: Vec<u32>,
    /// As many per sample: its class, or a token for each place of its target. Places with [`IGNORED`](crate::nn::IGNORED) are not
    /// compared.
    pub targets: Vec<u32>,
}

impl Samples {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len() / self.tokens.max(1)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Targets of a sample.
    #[must_use]
    pub fn per_sample(&self) -> usize {
        self.targets.len() / self.len().max(1)
    }

    /// Tokens and targets, sample by sample.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32], &[u32])> {
        self.numbers.chunks_exact(self.tokens.max(1)).zip(self.targets.chunks_exact(self.per_sample().max(1)))
    }

    fn of<'a>(tokens: usize, samples: impl Iterator<Item = (&'a [u32], &'a [u32])>) -> Self {
        let mut all = Self { tokens, numbers: Vec::new(), targets: Vec::new() };
        for (numbers, targets) in samples {
            all.numbers.extend(numbers);
            all.targets.extend(targets);
        }
        all
    }

    /// Tokens and targets of some samples, counted on from the beginning behind the last one: batch `index` of size `size` is that of
    /// samples `index · size` and following. Empty where there are no samples.
    #[must_use]
    pub fn batch(&self, index: u64, size: usize) -> (Vec<u32>, Vec<u32>) {
        let per_sample = self.per_sample();
        let (mut numbers, mut targets) =
            (Vec::with_capacity(size * self.tokens), Vec::with_capacity(size * per_sample));
        let all = self.len() as u64;
        for place in (0..size as u64).filter(|_| all > 0) {
            let at = (index.wrapping_mul(size as u64).wrapping_add(place) % all) as usize;
            numbers.extend(self.numbers.get(at * self.tokens..(at + 1) * self.tokens).unwrap_or_default());
            targets.extend(self.targets.get(at * per_sample..(at + 1) * per_sample).unwrap_or_default());
        }
        (numbers, targets)
    }

    /// Every `of`-th sample from `part` on: the data of one cluster of several.
    #[must_use]
    pub fn part(&self, part: usize, of: usize) -> Self {
        Self::of(self.tokens, self.iter().skip(part).step_by(of.max(1)))
    }

    /// The first samples, at most so many.
    #[must_use]
    pub fn first(&self, most: usize) -> Self {
        Self::of(self.tokens, self.iter().take(most))
    }
}
