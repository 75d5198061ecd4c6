//! How fast this machine computes encoder blocks, as a device that scenarios can name.
//!
//! A block's forward pass over b samples takes q + b s_F, its backward pass q + b s_B: three numbers, fitted to medians of
//! measured times so that relative errors count. Rates follow from the work that the planner counts, so that what it predicts is what
//! was measured.

use std::fmt::Write;
use std::time::Instant;

use collapipe::model::{ModelCosts, Transformer, TransformerSpec};
use collapipe::nalgebra::{DMatrix, Matrix3, Vector3};
use serde::Serialize;

use crate::nn::{Model, ModelError, Shape};

/// Why there is no profile.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// A model that cannot be built.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Settings out of range.
    #[error("{field} = {value}: must be {allowed}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        allowed: &'static str,
    },
    /// Times that no line explains.
    #[error("the measured times do not grow with the samples: the machine is too busy; measure again, or more samples")]
    Flat,
}

/// Median times of a block.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BlockTime {
    /// b: samples.
    pub samples: usize,
    /// Of the forward pass.
    pub forward_s: f64,
    /// Of the backward pass.
    pub backward_s: f64,
}

/// A fitted profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Profile {
    /// What was measured.
    pub times: Vec<BlockTime>,
    /// q: of a block per micro-batch.
    pub block_overhead_s: f64,
    /// s_F.
    pub forward_s_per_sample: f64,
    /// s_B.
    pub backward_s_per_sample: f64,
    /// c_F/s_F.
    pub forward_flops_per_second: f64,
    /// c_B/s_B.
    pub backward_flops_per_second: f64,
    /// Largest |fitted/measured − 1|.
    pub largest_error: f64,
}

/// Times a block of a model for these numbers of samples, each so many times.
///
/// # Errors
/// [`ProfileError`].
pub fn measure(spec: &TransformerSpec, samples: &[usize], repeats: usize) -> Result<Profile, ProfileError> {
    let field = |field, value: String, allowed| Err(ProfileError::Field { field, value, allowed });
    let mut distinct = samples.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 2 || distinct.first() == Some(&0) {
        return field("samples", format!("{samples:?}"), "at least two different numbers from 1");
    }
    if !(1..=10_000).contains(&repeats) {
        return field("repeats", repeats.to_string(), "in [1, 10000]");
    }
    let model = Model::new(spec)?;
    let costs = Transformer::new(spec.clone()).map_err(ModelError::from)?.costs();
    let times = distinct.into_iter().map(|samples| time(&model, samples, repeats)).collect();
    fit(times, &costs)
}

fn time(model: &Model, samples: usize, repeats: usize) -> BlockTime {
    let shape = Shape { samples, tokens: model.tokens };
    let parameters: Vec<f32> = model.draw_block(1, 0);
    let mut gradients = vec![0.0; parameters.len()];
    let columns = samples * model.tokens;
    let input = DMatrix::from_fn(model.width, columns, |row, column| ((row * 7 + column * 3) % 11) as f32 / 11.0 - 0.5);
    let (mut forward, mut backward) = (Vec::with_capacity(repeats), Vec::with_capacity(repeats));
    // The first one finds cold caches.
    for _ in 0..=repeats {
        let entered = input.clone();
        let begin = Instant::now();
        let (output, saved) = model.block.forward(&parameters, entered, shape);
        forward.push(begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        let back = model.block.backward(&parameters, &saved, output, shape, &mut gradients);
        backward.push(begin.elapsed().as_secs_f64());
        drop(back);
    }
    BlockTime { samples, forward_s: median(forward.split_off(1)), backward_s: median(backward.split_off(1)) }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The three numbers that explain times best.
///
/// # Errors
/// [`ProfileError::Flat`].
pub fn fit(times: Vec<BlockTime>, costs: &ModelCosts) -> Result<Profile, ProfileError> {
    let solve = |with_overhead: bool| {
        let (mut normal, mut right) = (Matrix3::<f64>::zeros(), Vector3::<f64>::zeros());
        for time in &times {
            for (phase, seconds) in [(1, time.forward_s), (2, time.backward_s)] {
                // Relative errors: each equation is divided by its time.
                let mut row = Vector3::zeros();
                row[0] = if with_overhead { 1.0 / seconds } else { 0.0 };
                row[phase] = time.samples as f64 / seconds;
                normal += row * row.transpose();
                right += row;
            }
        }
        if !with_overhead {
            normal[(0, 0)] = 1.0;
        }
        normal.lu().solve(&right)
    };
    // A negative overhead would explain more only by noise.
    let found = solve(true).filter(|found| found[0] >= 0.0).or_else(|| solve(false)).ok_or(ProfileError::Flat)?;
    let [overhead, forward, backward] = [found[0], found[1], found[2]];
    if !(forward > 0.0 && backward > 0.0 && overhead.is_finite()) {
        return Err(ProfileError::Flat);
    }
    let error = |time: &BlockTime| {
        let of = |slope: f64, seconds: f64| ((overhead + slope * time.samples as f64) / seconds - 1.0).abs();
        of(forward, time.forward_s).max(of(backward, time.backward_s))
    };
    Ok(Profile {
        block_overhead_s: overhead,
        forward_s_per_sample: forward,
        backward_s_per_sample: backward,
        forward_flops_per_second: costs.block.forward_flops_per_sample.0 / forward,
        backward_flops_per_second: costs.block.backward_flops_per_sample.0 / backward,
        largest_error: times.iter().map(error).fold(0.0, f64::max),
        times,
    })
}

impl Profile {
    /// A file of devices with this one, which `calibrated = { file = .., name = .. }` of a scenario's device can name.
    #[must_use]
    pub fn preset_toml(&self, name: &str) -> String {
        let mut text = String::from(
            "# Measured by `collapipe-engine profile`: a device that `calibrated` of a scenario's device can name.\n\
             # Energy, memory and radio are its preset's; what a message takes besides is not measured here.\n",
        );
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "\n[devices.{name:?}]\nforward_flops_per_second = {:?}\nbackward_flops_per_second = {:?}\nstage_overhead_s = \
             0.0\nblock_overhead_s = {:?}",
            self.forward_flops_per_second, self.backward_flops_per_second, self.block_overhead_s
        );
        text
    }

    /// The measured times beside the fitted ones.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text =
            format!("{:>8}{:>14}{:>14}{:>14}{:>14}\n", "samples", "forward ms", "fitted", "backward ms", "fitted");
        for time in &self.times {
            let fitted = |slope: f64| 1e3 * (self.block_overhead_s + slope * time.samples as f64);
            let _ = writeln!(
                text,
                "{:>8}{:>14.4}{:>14.4}{:>14.4}{:>14.4}",
                time.samples,
                1e3 * time.forward_s,
                fitted(self.forward_s_per_sample),
                1e3 * time.backward_s,
                fitted(self.backward_s_per_sample)
            );
        }
        let _ = writeln!(
            text,
            "\nforward {:.3} GFLOP/s, backward {:.3} GFLOP/s, {:.4} ms per block and micro-batch; largest error {:.1} %",
            1e-9 * self.forward_flops_per_second,
            1e-9 * self.backward_flops_per_second,
            1e3 * self.block_overhead_s,
            100.0 * self.largest_error
        );
        text
    }
}
