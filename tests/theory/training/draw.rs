//! Random numbers.

use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;

pub struct Draw(Pcg64);

impl Draw {
    /// The stream of a check's configuration; `stream` tells checks apart.
    pub fn new(stream: u64, seed: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed.wrapping_mul(1024).wrapping_add(stream)))
    }

    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// 10^uniform.
    pub fn decades(&mut self, low: f64, high: f64) -> f64 {
        10f64.powf(self.uniform(low, high))
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    pub fn integer(&mut self, low: usize, high: usize) -> usize {
        low + (self.0.random::<f64>() * (high - low + 1) as f64) as usize
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.integer(0, choices.len() - 1)]
    }

    pub fn normal(&mut self) -> f64 {
        self.0.sample(StandardNormal)
    }

    pub fn sign(&mut self) -> f64 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// Nonnegative numbers of sum 1.
    pub fn weights(&mut self, count: usize) -> Vec<f64> {
        let raw: Vec<f64> = (0..count).map(|_| self.decades(-1.0, 0.0)).collect();
        let sum: f64 = raw.iter().sum();
        raw.iter().map(|weight| weight / sum).collect()
    }

    /// An index, with probability `weights`.
    pub fn index(&mut self, weights: &[f64]) -> usize {
        let mut left = self.uniform(0.0, 1.0);
        for (n, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return n;
            }
        }
        weights.len() - 1
    }

    /// A step size: half the time close to the largest, else anywhere in two decades below it.
    pub fn step_size(&mut self, largest: f64) -> f64 {
        if self.chance(0.2) {
            largest
        } else if self.chance(0.4) {
            largest * self.uniform(0.5, 1.0)
        } else {
            largest * self.decades(-2.0, 0.0)
        }
    }
}
