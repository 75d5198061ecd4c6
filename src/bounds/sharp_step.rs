//! The step size of least sharp bound, and the rounds that reach a target with it.
//!
//! The sharp bound has no closed form in η, and nothing is proved about its shape. The search goes down from the
//! largest step size by a constant factor, until the first term alone, which every smaller step size exceeds too, is
//! above the best bound found, and refines between the neighbours of the best. What it returns is a valid bound at the
//! step size it names; that no other is smaller rests on the grid between them.

use super::drift::StepModel;
use super::{BoundError, LocalSteps, MAX_STEPS, StepSizeChoice};

/// Factor from one step size of the scan to the next.
const SCAN: f64 = 1.2;
/// 1/golden ratio.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

impl LocalSteps {
    /// The sharp bound at this step size for another number of rounds; fields and step size are checked.
    pub(super) fn sharp_at(&self, model: StepModel, step_size: f64, rounds: u64) -> Result<StepSizeChoice, BoundError> {
        let gap = self.initial_gap / (step_size * self.server_steps * rounds as f64);
        let (bound, _) = self.inequality_at(model, 0.0, step_size).root(gap)?;
        Ok(StepSizeChoice { step_size, rounds, bound })
    }

    /// The best step size of the sharp bound; `initial_gap` is positive, fields are checked.
    pub(super) fn best_sharp(&self, model: StepModel, rounds: u64) -> Result<StepSizeChoice, BoundError> {
        let largest = super::finite("the largest step size", self.sharp_condition(model, 0.0).largest)?;
        // Close to the largest the bound overflows: no candidate.
        let at = |step_size: f64| match self.sharp_at(model, step_size, rounds) {
            Err(BoundError::Overflow { .. }) => Ok(StepSizeChoice { step_size, rounds, bound: f64::INFINITY }),
            other => other,
        };
        let mut best = at(largest)?;
        let mut step_size = largest / SCAN;
        while self.initial_gap / (step_size * self.server_steps * rounds as f64) < best.bound && step_size > 0.0 {
            let choice = at(step_size)?;
            if choice.bound < best.bound {
                best = choice;
            }
            step_size /= SCAN;
        }
        let (mut low, mut high) = (best.step_size / SCAN, (best.step_size * SCAN).min(largest));
        while high - low > 1e-9 * high {
            let width = GOLDEN * (high - low);
            let (left, right) = (at(high - width)?, at(low + width)?);
            let better = if left.bound <= right.bound { left } else { right };
            if better.bound < best.bound {
                best = better;
            }
            if left.bound <= right.bound { high = right.step_size } else { low = left.step_size }
        }
        super::finite("the bound", best.bound)?;
        Ok(best)
    }
}

/// Least R in [1, `MAX_STEPS`] with a bound, non-increasing in R, of at most `target`.
pub(super) fn least_rounds(
    target: f64,
    at: impl Fn(u64) -> Result<StepSizeChoice, BoundError>,
) -> Result<StepSizeChoice, BoundError> {
    let mut best = at(MAX_STEPS)?;
    if best.bound > target {
        return Err(BoundError::TooManyRounds { target });
    }
    let (mut short, mut enough) = (0, MAX_STEPS);
    while enough - short > 1 {
        let middle = short + (enough - short) / 2;
        let choice = at(middle)?;
        if choice.bound <= target {
            (enough, best) = (middle, choice);
        } else {
            short = middle;
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::Form;

    /// K = 1: (1 − x/2)G ≤ Δ/(ηR) + x s²/2 (L = 1), least where the derivative of (2Δ/(ηR) + ηs²)/(2 − η) is 0:
    /// s²η² + 2gη − 2g = 0 with g = Δ/R... at Δ = 1, R = 64, s² = 1: η = −1/64 + √(1/4096 + 1/32).
    #[test]
    fn one_step_by_hand() {
        let schedule = LocalSteps {
            initial_gap: 1.0,
            step_size: 1e3,
            server_steps: 1.0,
            rounds: 64,
            smoothness: 1.0,
            weights: vec![1.0],
            noise_variance: vec![1.0],
            local_steps: vec![1],
            heterogeneity: 0.0,
            dissimilarity: 1.0,
        };
        let best = schedule.best_step_size(Form::Sharp).unwrap();
        let eta = -1.0 / 64.0 + (1.0_f64 / 4096.0 + 1.0 / 32.0).sqrt();
        assert!((best.step_size - eta).abs() < 1e-6, "{best:?} {eta}");
        assert!((best.bound - (2.0 / (64.0 * eta) + eta) / (2.0 - eta)).abs() < 1e-14);
        // As many rounds as that bound takes at that step size.
        let at = LocalSteps { step_size: best.step_size, ..schedule };
        assert_eq!(at.rounds_for(best.bound * (1.0 + 1e-12), Form::Sharp).unwrap().rounds, 64);
        assert_eq!(at.rounds_for_at_best_step_size(best.bound * (1.0 + 1e-12), Form::Sharp).unwrap().rounds, 64);
        assert!(matches!(at.rounds_for(1e-3, Form::Sharp), Err(BoundError::Unreachable { .. })));
    }
}
