//! Schedules with round numbers.

use collapipe::bounds::{LearningProblem, LocalSteps, UpdateRule};

/// ητL = 1/5, q = 3/50, Σρ²s²/K = 13/16, Σρs²(K−1) = 11.
pub fn two_clusters() -> LocalSteps {
    LocalSteps {
        initial_gap: 3.0,
        step_size: 1.0 / 40.0,
        server_steps: 4.0,
        rounds: 50,
        smoothness: 2.0,
        weights: vec![0.25, 0.75],
        noise_variance: vec![8.0, 4.0],
        local_steps: vec![2, 4],
        heterogeneity: 0.5,
        dissimilarity: 1.5,
    }
}

/// One cluster, one step: 4/(ηR) + 4η in the simple form.
pub fn one_step() -> LocalSteps {
    LocalSteps {
        initial_gap: 1.0,
        step_size: 0.125,
        server_steps: 1.0,
        rounds: 64,
        smoothness: 1.0,
        weights: vec![1.0],
        noise_variance: vec![1.0],
        local_steps: vec![1],
        heterogeneity: 0.0,
        dissimilarity: 1.0,
    }
}

pub fn learning() -> LearningProblem {
    LearningProblem {
        initial_gap: 1.0,
        smoothness: 1.0,
        weights: vec![0.5, 0.5],
        sample_variance: vec![16.0, 8.0],
        batch_size: vec![16, 8],
        heterogeneity: 0.25,
        dissimilarity: 1.0,
        update: UpdateRule::PerMicroBatch,
    }
}

pub fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{found:?} instead of {expected:?}");
}
