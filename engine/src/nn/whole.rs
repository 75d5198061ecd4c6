//! A whole model on one machine: what a pipeline computes in pieces.

use super::model::{Loss, Model, Shape};
use super::real::Real;
use super::table::IGNORED;

/// Targets that are compared.
pub(crate) fn counted(targets: &[u32]) -> usize {
    targets.iter().filter(|target| **target != IGNORED).count()
}

impl Model {
    /// Fresh parameters of all parts: embedding, blocks, head.
    #[must_use]
    pub fn draw<T: Real>(&self, seed: u64) -> Vec<Vec<T>> {
        let blocks = (0..self.blocks).map(|block| self.draw_block(seed, block));
        std::iter::once(self.draw_embedding(seed)).chain(blocks).chain([self.draw_head(seed)]).collect()
    }

    fn shape(&self, tokens: &[u32]) -> Shape {
        Shape { samples: tokens.len() / self.tokens, tokens: self.tokens }
    }

    /// Loss of samples side by side; `parts` are those of [`draw`](Self::draw). None where there are not as many parts.
    #[must_use]
    pub fn loss<T: Real>(&self, parts: &[Vec<T>], tokens: &[u32], targets: &[u32]) -> Option<Loss> {
        let [embedding, blocks @ .., head] = parts else { return None };
        let shape = self.shape(tokens);
        let (mut at, _) = self.embedding.forward(embedding, tokens.to_vec(), shape);
        for block in blocks {
            at = self.block.forward(block, at, shape).0;
        }
        Some(self.head.forward(head, &at, targets, counted(targets), shape).0)
    }

    /// The same of any number of samples, some at a time; nothing where there are not as many parts.
    #[must_use]
    pub fn loss_of_many<T: Real>(&self, parts: &[Vec<T>], tokens: &[u32], targets: &[u32]) -> Loss {
        const AT_ONCE: usize = 100;
        let chunks = tokens.chunks(AT_ONCE * self.tokens).zip(targets.chunks(AT_ONCE * self.targets()));
        let mut sum = Loss::default();
        chunks.filter_map(|(tokens, targets)| self.loss(parts, tokens, targets)).for_each(|loss| sum += loss);
        sum
    }

    /// Loss of samples and the gradient of its mean by every parameter. None as for [`loss`](Self::loss).
    #[must_use]
    pub fn gradient<T: Real>(&self, parts: &[Vec<T>], tokens: &[u32], targets: &[u32]) -> Option<(Loss, Vec<Vec<T>>)> {
        let [embedding, blocks @ .., head] = parts else { return None };
        let shape = self.shape(tokens);
        let mut gradients: Vec<Vec<T>> = parts.iter().map(|part| vec![T::zero(); part.len()]).collect();
        let [of_embedding, of_blocks @ .., of_head] = gradients.as_mut_slice() else { return None };
        let (mut at, embedded) = self.embedding.forward(embedding, tokens.to_vec(), shape);
        let mut saved = Vec::with_capacity(blocks.len());
        for block in blocks {
            let (next, of) = self.block.forward(block, at, shape);
            saved.push(of);
            at = next;
        }
        let (loss, answered) = self.head.forward(head, &at, targets, counted(targets), shape);
        let mut back = self.head.backward(head, &answered, shape, of_head);
        for ((block, saved), of_block) in blocks.iter().zip(&saved).zip(of_blocks).rev() {
            back = self.block.backward(block, saved, back, shape, of_block);
        }
        self.embedding.backward(embedding, &embedded, back, shape, of_embedding);
        Some((loss, gradients))
    }
}
