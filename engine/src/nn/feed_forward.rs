//! Two linear layers with GELU between them.

use rand::Rng;

use super::Activations;
use super::linear::{Fresh, Linear};
use super::real::{Real, gelu, gelu_slope};

/// Where their numbers stand.
#[derive(Clone, Debug)]
pub struct FeedForward {
    widen: Linear,
    narrow: Linear,
}

/// What the backward pass needs, besides the input.
#[derive(Clone, Debug)]
pub struct FeedForwardSaved<T> {
    wide: Activations<T>,
    active: Activations<T>,
}

impl<T> FeedForwardSaved<T> {
    pub fn numbers(&self) -> usize {
        self.wide.len() + self.active.len()
    }
}

impl FeedForward {
    pub fn place(at: &mut usize, width: usize, inner: usize) -> Self {
        Self { widen: Linear::place(at, width, inner), narrow: Linear::place(at, inner, width) }
    }

    pub fn draw<T: Real>(&self, parameters: &mut [T], fresh: Fresh, random: &mut impl Rng) {
        self.widen.draw(parameters, fresh, random);
        self.narrow.draw(parameters, fresh, random);
    }

    pub fn forward<T: Real>(&self, parameters: &[T], input: &Activations<T>) -> (Activations<T>, FeedForwardSaved<T>) {
        let wide = self.widen.forward(parameters, input);
        let active = wide.map(gelu);
        (self.narrow.forward(parameters, &active), FeedForwardSaved { wide, active })
    }

    /// Adds to the gradients and returns that of the input.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        input: &Activations<T>,
        saved: &FeedForwardSaved<T>,
        output: &Activations<T>,
        gradients: &mut [T],
    ) -> Activations<T> {
        let mut of_wide = self.narrow.backward(parameters, &saved.active, output, gradients);
        of_wide.zip_apply(&saved.wide, |value, wide| *value *= gelu_slope(wide));
        self.widen.backward(parameters, input, &of_wide, gradients)
    }
}
