//! Several local steps per cluster and round, then averaging: the theorem for pipelines.
//!
//! # Statement
//! F = Σ ρ_n F_n with every F_n L-smooth. In a round cluster n makes K_n steps θ_n ← θ_n − η g from the common θ; d_n
//! is the mean of its K_n gradients g, and θ ← θ − η τ Σ ρ_n d_n. Given the past, g is unbiased for the gradient at the
//! current iterate (or at an older one of the same round, block by block if need be), of variance at most s_n², and
//! independent between clusters; Σ ρ_n |∇F_n − ∇F|² ≤ ζ² + (β²−1)|∇F|². Let q = 2η²L² max K_n(K_n−1). If
//!
//! ```text
//! ητL ≤ 1/2     and     q ≤ 1/(2β²+1),
//! ```
//!
//! then over R rounds, with Δ = F(θ_0) − inf F and κ = 1 − β² q/(1−q) ≥ 1/2,
//!
//! ```text
//! (1/R) Σ E|∇F(θ_r)|² ≤ (1/κ) [ 2Δ/(ητR) + 2Lητ Σ ρ_n² s_n²/K_n + (η²L² Σ ρ_n s_n²(K_n−1) + qζ²)/(1−q) ]       tight
//!                     ≤ 4Δ/(ητR) + 4Lητ Σ ρ_n² s_n²/K_n + 3η²L² Σ ρ_n s_n²(K_n−1) + 6η²L²ζ² max K_n(K_n−1)     simple
//! ```
//!
//! τ = K with equal K_n = K is plain federated averaging. With unequal K_n plain averaging of the models weighs
//! clusters by ρ_n K_n: with τ = Σ ρ_n K_n the statement is then about the loss of weights ρ_n K_n/τ.
//!
//! # Source
//! Ours, of the family of Wang et al. 2020 (*Tackling the objective inconsistency problem*), whose constants differ.
//! Complete proof in `docs/theory/convergence.md`; the CollaPipe paper's own bound was not available.

use serde::{Deserialize, Serialize};

use super::{
    BoundError, Condition, MAX_STEPS, StepModel, check_dissimilarity, check_length, check_list, check_step,
    check_weights, finite, largest_step,
};
use crate::ground::check::{Range, count, real, reals};

/// Parameters of the bound for local steps; see the table of symbols below.
///
/// ```text
/// θ ← θ − η τ Σ ρ_n d_n        d_n: mean of cluster n's K_n stochastic gradients
/// ```
///
/// ```
/// use collapipe::bounds::LocalSteps;
/// let schedule = LocalSteps {
///     initial_gap: 1.0,
///     step_size: 0.0625,
///     server_steps: 2.0,
///     rounds: 64,
///     smoothness: 1.0,
///     weights: vec![0.5, 0.5],
///     noise_variance: vec![1.0, 1.0],
///     local_steps: vec![2, 2],
///     heterogeneity: 0.25,
///     dissimilarity: 1.0,
/// };
/// let bound = schedule.bound()?;
/// // 4/(0.0625·2·64) + 4·0.0625·2·(1/4) + 3·0.0625²·1 + 6·0.0625²·0.25·2
/// assert_eq!(bound.simple, 0.5 + 0.125 + 0.01171875 + 0.01171875);
/// assert!(bound.tight < bound.simple);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalSteps {
    /// Δ = F(θ_0) − inf F, in loss.
    pub initial_gap: f64,
    /// η, in par²/loss.
    pub step_size: f64,
    /// τ: the round's update is τ mean steps long.
    pub server_steps: f64,
    /// R.
    pub rounds: u64,
    /// L: Lipschitz constant of every ∇F_n, in loss/par².
    pub smoothness: f64,
    /// ρ_n: nonnegative, of sum 1 (within [`WEIGHT_TOLERANCE`](super::WEIGHT_TOLERANCE)); one per cluster.
    pub weights: Vec<f64>,
    /// s_n²: largest variance E|g − E g|² of a step's gradient, in loss²/par²; see
    /// [`LocalUpdates`](super::LocalUpdates).
    pub noise_variance: Vec<f64>,
    /// K_n: local steps in a round.
    pub local_steps: Vec<u64>,
    /// ζ², in loss²/par².
    pub heterogeneity: f64,
    /// β² ≥ 1.
    pub dissimilarity: f64,
}

/// Which inequality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// The closed form with constants 4, 4, 3, 6.
    Simple,
    /// The smaller closed form, with κ.
    Tight,
    /// Theorem A2 ([`LocalSteps::sharp`]), gradients at current iterates.
    #[default]
    Sharp,
    /// Theorem A2, gradients at iterates of any age within the round.
    SharpAnyAges,
    /// Theorem A2, current iterates and convex losses.
    SharpConvex,
}

impl Form {
    /// What theorem A2 is to assume of a round's steps; `None` for the two closed forms.
    #[must_use]
    pub fn step_model(self) -> Option<StepModel> {
        match self {
            Self::Simple | Self::Tight => None,
            Self::Sharp => Some(StepModel::Current),
            Self::SharpAnyAges => Some(StepModel::AnyAges),
            Self::SharpConvex => Some(StepModel::Convex),
        }
    }
}

/// A number for each form.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forms<T> {
    /// Of [`Form::Simple`].
    pub simple: T,
    /// Of [`Form::Tight`].
    pub tight: T,
}

/// The terms of a bound, in loss²/par².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Terms {
    /// From Δ: falls with the rounds.
    pub initial_gap: f64,
    /// Noise of the averaged step.
    pub noise: f64,
    /// Noise that local steps collect before averaging.
    pub drift: f64,
    /// Clusters that pull in different directions.
    pub heterogeneity: f64,
}

impl Terms {
    /// Their sum.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.initial_gap + self.floor()
    }

    /// What remains however many rounds are played.
    #[must_use]
    pub fn floor(&self) -> f64 {
        self.noise + self.drift + self.heterogeneity
    }
}

/// Bounds on (1/R) Σ E|∇F(θ_r)|², in loss²/par².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LocalStepsBound {
    /// The simple form.
    pub simple: f64,
    /// The tight form; never above the simple one.
    pub tight: f64,
    /// Both forms, term by term.
    pub terms: Forms<Terms>,
}

/// The sums over clusters in the theorem.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    /// Σ ρ_n² s_n²/K_n.
    pub averaged_variance: f64,
    /// Σ ρ_n s_n²/K_n.
    pub mean_variance: f64,
    /// Σ ρ_n s_n² (K_n−1).
    pub drift_variance: f64,
    /// max K_n(K_n−1).
    pub step_pairs: f64,
}

impl LocalSteps {
    /// The bound, in both forms.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range; [`BoundError::StepSize`] where ητL ≤ 1/2 or q ≤ 1/(2β²+1) is
    /// broken.
    pub fn bound(&self) -> Result<LocalStepsBound, BoundError> {
        let sums = self.checked_sums()?;
        check_step(self.step_size, &self.conditions(&sums))?;
        let terms = Forms { simple: self.simple_terms(&sums), tight: self.tight_terms(&sums) };
        Ok(LocalStepsBound {
            simple: finite("the bound", terms.simple.total())?,
            tight: finite("the bound", terms.tight.total())?,
            terms,
        })
    }

    /// The bound in one form.
    ///
    /// # Errors
    /// As [`LocalSteps::bound`] or [`LocalSteps::sharp`].
    pub fn bound_of(&self, form: Form) -> Result<f64, BoundError> {
        match form.step_model() {
            Some(model) => Ok(self.sharp(model)?.bound),
            None => Ok(if form == Form::Simple { self.bound()?.simple } else { self.bound()?.tight }),
        }
    }

    /// Largest step size that the assumptions allow: min(1/(2τL), 1/(L √(2 (2β²+1) max K(K−1)))), in par²/loss.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range.
    pub fn largest_step_size(&self) -> Result<f64, BoundError> {
        Ok(self.largest(&self.checked_sums()?))
    }

    pub(super) fn largest(&self, sums: &Sums) -> f64 {
        largest_step(&self.conditions(sums))
    }

    pub(super) fn conditions(&self, sums: &Sums) -> [Condition; 2] {
        let share = 2.0 * self.dissimilarity + 1.0;
        [
            Condition {
                text: "step_size * server_steps * smoothness <= 1/2",
                value: self.step_size * self.server_steps * self.smoothness,
                limit: 0.5,
                largest: 0.5 / (self.server_steps * self.smoothness),
            },
            Condition {
                text: "2 (step_size * smoothness)^2 max K(K-1) <= 1/(2 * dissimilarity + 1)",
                value: self.drift_gain(sums),
                limit: 1.0 / share,
                largest: 1.0 / (self.smoothness * (2.0 * share * sums.step_pairs).sqrt()),
            },
        ]
    }

    /// q = 2η²L² max K(K−1).
    pub(super) fn drift_gain(&self, sums: &Sums) -> f64 {
        2.0 * (self.step_size * self.smoothness).powi(2) * sums.step_pairs
    }

    /// Terms of a closed form; the tight ones for any other.
    pub(super) fn terms(&self, sums: &Sums, form: Form) -> Terms {
        if form == Form::Simple { self.simple_terms(sums) } else { self.tight_terms(sums) }
    }

    /// κ of the tight form.
    pub(super) fn kappa(&self, sums: &Sums) -> f64 {
        let q = self.drift_gain(sums);
        1.0 - self.dissimilarity * q / (1.0 - q)
    }

    fn simple_terms(&self, sums: &Sums) -> Terms {
        let step = self.step_size * self.server_steps;
        let squared = (self.step_size * self.smoothness).powi(2);
        Terms {
            initial_gap: 4.0 * self.initial_gap / (step * self.rounds as f64),
            noise: 4.0 * self.smoothness * step * sums.averaged_variance,
            drift: 3.0 * squared * sums.drift_variance,
            heterogeneity: 6.0 * squared * self.heterogeneity * sums.step_pairs,
        }
    }

    fn tight_terms(&self, sums: &Sums) -> Terms {
        let step = self.step_size * self.server_steps;
        let q = self.drift_gain(sums);
        let kappa = self.kappa(sums);
        Terms {
            initial_gap: 2.0 * self.initial_gap / (step * self.rounds as f64) / kappa,
            noise: 2.0 * self.smoothness * step * sums.averaged_variance / kappa,
            drift: (self.step_size * self.smoothness).powi(2) * sums.drift_variance / ((1.0 - q) * kappa),
            heterogeneity: q * self.heterogeneity / ((1.0 - q) * kappa),
        }
    }

    /// Checks every field but the assumptions on the step size.
    pub(super) fn checked_sums(&self) -> Result<Sums, BoundError> {
        let clusters = self.weights.len();
        reals(&[
            ("initial_gap", self.initial_gap, Range::NonNegative),
            ("step_size", self.step_size, Range::Positive),
            ("server_steps", self.server_steps, Range::Positive),
            ("smoothness", self.smoothness, Range::Positive),
        ])?;
        count("rounds", self.rounds, MAX_STEPS)?;
        check_weights(&self.weights)?;
        check_list("noise_variance", &self.noise_variance, clusters)?;
        check_length("local_steps", self.local_steps.len(), clusters)?;
        for (n, &steps) in self.local_steps.iter().enumerate() {
            count(&format!("local_steps[{n}]"), steps, MAX_STEPS)?;
        }
        real("heterogeneity", self.heterogeneity, Range::NonNegative)?;
        check_dissimilarity(self.dissimilarity)?;
        Ok(self.sums())
    }

    fn sums(&self) -> Sums {
        let mut sums = Sums { averaged_variance: 0.0, mean_variance: 0.0, drift_variance: 0.0, step_pairs: 0.0 };
        for ((&weight, &variance), &steps) in self.weights.iter().zip(&self.noise_variance).zip(&self.local_steps) {
            let steps = steps as f64;
            sums.averaged_variance += weight * weight * variance / steps;
            sums.mean_variance += weight * variance / steps;
            sums.drift_variance += weight * variance * (steps - 1.0);
            sums.step_pairs = sums.step_pairs.max(steps * (steps - 1.0));
        }
        sums
    }
}
