//! A two-stage pipeline whose activation and its gradient are rounded at the cut.
//!
//! Stage 1 computes a = sin u, stage 2 the loss ½|a + sin v − y|² with y = ȳ + noise. With r = a + sin v − y the
//! gradient is (r cos u, r cos v). An error δ of a changes it by (δ cos u, δ cos v): sensitivity √2; one of the
//! gradient r sent back by (δ' cos u, 0): sensitivity 1. With |ȳ| ≤ 1 per entry, |r̄| ≤ 3 and the Hessian ∇r∇rᵀ + r̄∇²r
//! has norm at most 2 + 3 = 5. The least loss is that of r̄ = 0, which sin u + sin v = ȳ attains.

use std::error::Error;

use collapipe::bounds::{Boundary, CompressedActivations, rounding_error_norm};

use super::Outcome;
use super::draw::Draw;

const REPETITIONS: usize = 200;

struct Pipeline {
    target: Vec<f64>,
    target_std: f64,
    /// Grids of the activation and of its gradient; 0: exact.
    widths: [f64; 2],
}

impl Pipeline {
    fn mean_residual(&self, theta: &[f64], i: usize) -> f64 {
        theta[i].sin() + theta[self.target.len() + i].sin() - self.target[i]
    }

    fn gradient_norm_squared(&self, theta: &[f64]) -> f64 {
        let entries = self.target.len();
        let term = |i: usize| {
            self.mean_residual(theta, i).powi(2) * (theta[i].cos().powi(2) + theta[entries + i].cos().powi(2))
        };
        (0..entries).map(term).sum()
    }

    /// Gradient of one sample as the pipeline computes it.
    fn add_sample(&self, theta: &[f64], weight: f64, gradient: &mut [f64], draw: &mut Draw) {
        let entries = self.target.len();
        for i in 0..entries {
            let (u, v) = (theta[i], theta[entries + i]);
            let activation = rounded(u.sin(), self.widths[0]);
            let residual = activation + v.sin() - self.target[i] - self.target_std * draw.sign();
            gradient[i] += weight * rounded(residual, self.widths[1]) * u.cos();
            gradient[entries + i] += weight * residual * v.cos();
        }
    }
}

fn rounded(value: f64, width: f64) -> f64 {
    if width == 0.0 { value } else { (value / width).round() * width }
}

pub fn training(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(9, seed);
    let entries = draw.integer(1, 6);
    let width = |draw: &mut Draw| if draw.chance(0.2) { 0.0 } else { draw.decades(-2.0, 0.2) };
    let pipeline = Pipeline {
        target: (0..entries).map(|_| draw.uniform(-1.0, 1.0)).collect(),
        target_std: draw.decades(-2.0, 0.0),
        widths: [width(&mut draw), width(&mut draw)],
    };
    let start: Vec<f64> = (0..2 * entries).map(|_| draw.normal()).collect();
    let smoothness = 5.0;
    let boundary = |sensitivity: f64, width: f64| -> Result<Boundary, Box<dyn Error>> {
        Ok(Boundary { sensitivity, error_norm: rounding_error_norm(entries as u64, width)? })
    };
    let training = CompressedActivations {
        initial_gap: (0..entries).map(|i| 0.5 * pipeline.mean_residual(&start, i).powi(2)).sum(),
        step_size: draw.step_size(1.0 / smoothness),
        steps: draw.decades(0.0, 2.0) as u64,
        smoothness,
        sample_variance: 2.0 * entries as f64 * pipeline.target_std.powi(2),
        batch_size: draw.pick(&[1, 2, 4]),
        boundaries: vec![boundary(2.0_f64.sqrt(), pipeline.widths[0])?, boundary(1.0, pipeline.widths[1])?],
    };
    let bound = training.bound()?;
    let samples: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let mut theta = start.clone();
            let mut total = 0.0;
            for _ in 0..training.steps {
                total += pipeline.gradient_norm_squared(&theta);
                let mut gradient = vec![0.0; theta.len()];
                let weight = 1.0 / f64::from(training.batch_size);
                (0..training.batch_size).for_each(|_| pipeline.add_sample(&theta, weight, &mut gradient, &mut draw));
                theta.iter_mut().zip(&gradient).for_each(|(x, g)| *x -= training.step_size * g);
            }
            total / training.steps as f64
        })
        .collect();
    Ok(Outcome::of(&samples, vec![("bound", bound.bound), ("sharp", bound.sharp)]))
}
