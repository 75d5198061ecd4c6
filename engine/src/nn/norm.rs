//! Layer normalization (Ba et al. 2016), column by column.

use super::Activations;
use super::real::Real;

/// Added to variances, as in BERT.
const EPSILON: f64 = 1e-12;

/// Where a normalization's numbers stand: scale, then shift.
#[derive(Clone, Debug)]
pub struct Norm {
    at: usize,
    width: usize,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct NormSaved<T> {
    normal: Activations<T>,
    inverse_deviation: Vec<T>,
}

impl<T> NormSaved<T> {
    pub fn numbers(&self) -> usize {
        self.normal.len() + self.inverse_deviation.len()
    }
}

impl Norm {
    pub const fn count(width: usize) -> usize {
        2 * width
    }

    pub fn place(at: &mut usize, width: usize) -> Self {
        let norm = Self { at: *at, width };
        *at += Self::count(width);
        norm
    }

    /// Scale 1, shift 0.
    pub fn reset<T: Real>(&self, parameters: &mut [T]) {
        parameters[self.at..self.at + self.width].fill(T::one());
        parameters[self.at + self.width..self.at + 2 * self.width].fill(T::zero());
    }

    pub fn forward<T: Real>(&self, parameters: &[T], mut input: Activations<T>) -> (Activations<T>, NormSaved<T>) {
        let scale = &parameters[self.at..self.at + self.width];
        let shift = &parameters[self.at + self.width..self.at + 2 * self.width];
        let width = T::of(self.width as f64);
        let mut inverse_deviation = Vec::with_capacity(input.ncols());
        for mut column in input.column_iter_mut() {
            let mean = column.iter().fold(T::zero(), |sum, value| sum + *value) / width;
            column.iter_mut().for_each(|value| *value -= mean);
            let variance = column.iter().fold(T::zero(), |sum, value| sum + *value * *value) / width;
            let inverse = T::one() / (variance + T::of(EPSILON)).sqrt();
            column.iter_mut().for_each(|value| *value *= inverse);
            inverse_deviation.push(inverse);
        }
        let mut output = input.clone();
        for mut column in output.column_iter_mut() {
            for ((value, scale), shift) in column.iter_mut().zip(scale).zip(shift) {
                *value = *value * *scale + *shift;
            }
        }
        (output, NormSaved { normal: input, inverse_deviation })
    }

    /// Adds to the gradients of scale and shift, and returns that of the input.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        saved: &NormSaved<T>,
        mut output: Activations<T>,
        gradients: &mut [T],
    ) -> Activations<T> {
        let scale = &parameters[self.at..self.at + self.width];
        let (of_scale, of_shift) = gradients[self.at..self.at + 2 * self.width].split_at_mut(self.width);
        let width = T::of(self.width as f64);
        let columns = output.column_iter_mut().zip(saved.normal.column_iter()).zip(&saved.inverse_deviation);
        for ((mut column, normal), inverse) in columns {
            for (((value, normal), scale), (of_scale, of_shift)) in
                column.iter_mut().zip(normal.iter()).zip(scale).zip(of_scale.iter_mut().zip(of_shift.iter_mut()))
            {
                *of_scale += *value * *normal;
                *of_shift += *value;
                *value *= *scale;
            }
            // The part along 1 and along the normalized column changes neither mean nor variance.
            let mean = column.iter().fold(T::zero(), |sum, value| sum + *value) / width;
            let along = column.iter().zip(normal.iter()).fold(T::zero(), |sum, (value, of)| sum + *value * *of) / width;
            for (value, normal) in column.iter_mut().zip(normal.iter()) {
                *value = (*value - mean - *normal * along) * *inverse;
            }
        }
        output
    }
}
