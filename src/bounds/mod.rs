//! Convergence bounds of training schedules: how small the gradient is after a given number of rounds.
//!
//! One file per bound: statement, assumptions, formula, source. Every assumption that a parameter can break is checked
//! and reported as a [`BoundError`] that names the largest step size allowed. Proofs: `docs/theory/convergence.md` and
//! `docs/theory/convergence-sharp.md`.
//!
//! | schedule | parameters | from |
//! |---|---|---|
//! | several local steps per cluster, then averaging; pipelines | [`LocalSteps`]: simple, tight, sharp ([`LocalSteps::sharp`]) | ours |
//! | as above, the gradient at the average of all steps | [`VirtualAverage`] | ours |
//! | one pipeline that updates per micro-batch, of some depth | [`PipelineDepth`] | ours |
//! | as above, with a sample of the clusters per round | [`PartialParticipation`] | ours |
//! | one step per batch, one worker | [`MiniBatchSgd`] | Ghadimi and Lan 2013 |
//! | local steps with bounded gradients | [`BoundedGradients`] | Yu, Yang and Zhu 2019 |
//! | local steps, strongly convex | [`StronglyConvexFedAvg`] | Li et al. 2020 |
//! | noise added for privacy | [`GaussianMechanism`] | Dong, Roth and Su 2022 with the mini-batch bound |
//! | quantized boundary activations | [`CompressedActivations`] | ours |
//!
//! Results of others are stated as recalled, proved again in the documentation (some with a smaller constant), and
//! checked against simulations (`cargo xtask bounds-check`); they were not compared with the printed
//! papers. The CollaPipe paper (arXiv 2509.19855) is known to derive a closed-form bound; its formula was not
//! available.
//!
//! On top of them: [`rank_plans`], the plan (I, M) of least bound in a time budget; [`ConvergenceConstraint`], the
//! bound as a long-term constraint whose queue prices the plan; [`PlanTable`], plans side by side; [`estimate`], the
//! constants L, σ², ζ² from gradients; [`SubsampledGaussian`] and [`rank_private_plans`], privacy and its price;
//! [`LocalSteps::certified`], performance estimation of small schedules; [`BoundRequest`], all bounds as JSON.
//!
//! # Units
//! The loss F and the parameters θ have units of their own, written `loss` and `par`; a gradient is in loss/par, its
//! squared norm in loss²/par², L in loss/par², a step size in par²/loss.

mod accountant;
mod bounded_gradients;
mod certify;
mod compressed_activations;
mod constraint;
mod drift;
pub mod estimate;
mod fourier;
mod gaussian_mechanism;
mod json;
mod learning;
mod local_steps;
mod local_steps_report;
mod mini_batch;
mod partial_participation;
mod pipeline_depth;
mod plan_choice;
mod plan_table;
mod power_iteration;
mod private_plans;
mod rounds_to_target;
mod sharp;
mod sharp_step;
mod step_size;
mod strongly_convex;
mod updates;
mod virtual_average;

pub use accountant::{BatchSampling, SubsampledGaussian};
pub use bounded_gradients::{BoundedGradients, BoundedGradientsBound};
pub use certify::CertifiedBound;
pub use compressed_activations::{Boundary, CompressedActivations, CompressedActivationsBound, rounding_error_norm};
pub use constraint::{ConvergenceConstraint, PlanGuarantee, PlayedRounds};
pub use drift::StepModel;
pub use gaussian_mechanism::{GaussianMechanism, GaussianMechanismBound, Privacy, privacy_delta, privacy_epsilon};
pub use json::{BoundReport, BoundRequest};
pub use learning::{LearningProblem, PlanSchedule};
pub use local_steps::{Form, Forms, LocalSteps, LocalStepsBound, Terms};
pub use local_steps_report::{LocalStepsReport, MissingForm, ReportedForms};
pub use mini_batch::{MiniBatchSgd, MiniBatchSgdBound};
pub use partial_participation::{
    PartialParticipation, PartialParticipationBound, PartialParticipationReport, Sampling,
};
pub use pipeline_depth::{PipelineDepth, PipelineDepthBound};
pub use plan_choice::{PlanBound, PlanRanking, PlanRejection, StepChoice, TimedPlan, rank_plans};
pub use plan_table::{PlanRow, PlanTable, PlanTableReport};
pub use private_plans::{BatchNoise, PrivacyTarget, rank_private_plans};
pub use sharp::{MAX_SHARP_STEPS, SharpBound};
pub use step_size::StepSizeChoice;
pub use strongly_convex::{StronglyConvexBound, StronglyConvexFedAvg, StronglyConvexTerms};
pub use updates::{LocalUpdates, UpdateRule, largest_age};
pub use virtual_average::{VirtualAverage, VirtualAverageBound};

use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::{Checked, Range, length, real};
use crate::problem::FieldError;
use crate::problem::{MAX_CLUSTERS, MAX_MAGNITUDE};

/// Most rounds, steps of a round, or steps in all: up to here a double counts exactly.
pub const MAX_STEPS: u64 = 1_000_000_000_000_000;
/// How far the sum of the weights may be from 1.
pub const WEIGHT_TOLERANCE: f64 = 1e-9;

/// Why there is no bound.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BoundError {
    /// A field is out of range, or does not fit the others.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The step size is too large for an assumption of the bound.
    #[error(
        "step_size = {step_size:?}: the bound assumes {assumption}, but the left side is {value:?}, {:.6} times its limit \
         {limit:?}; take a step size of at most {largest:?}",
        value / limit
    )]
    StepSize {
        /// η in par²/loss.
        step_size: f64,
        /// The broken assumption, as a formula.
        assumption: &'static str,
        /// Its left side.
        value: f64,
        /// Its right side.
        limit: f64,
        /// Largest step size that satisfies every assumption.
        largest: f64,
    },
    /// No number of rounds brings the bound down to the target at this step size.
    #[error(
        "target = {target:?}: no number of rounds reaches it at step_size = {step_size:?}, where the bound stays above \
         {floor:?}; take a smaller step size or a target above that"
    )]
    Unreachable {
        /// ε in loss²/par².
        target: f64,
        /// η in par²/loss.
        step_size: f64,
        /// The bound without its first term.
        floor: f64,
    },
    /// More rounds than can be counted.
    #[error("target = {target:?}: needs more than {MAX_STEPS} rounds; take a larger target")]
    TooManyRounds {
        /// ε in loss²/par².
        target: f64,
    },
    /// Magnitudes whose combination no double can hold.
    #[error("{quantity} overflows double precision; rescale the loss or the parameters so that L is of order one")]
    Overflow {
        /// What came out infinite or not a number.
        quantity: &'static str,
    },
}

impl Blamed for BoundError {
    fn blame(&self) -> Blame {
        match self {
            Self::Field(error) => error.blame(),
            Self::StepSize { .. } | Self::Unreachable { .. } | Self::TooManyRounds { .. } | Self::Overflow { .. } => {
                Blame::Input
            }
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Field(error) => error.field(),
            Self::StepSize { .. } | Self::Unreachable { .. } | Self::TooManyRounds { .. } | Self::Overflow { .. } => {
                None
            }
        }
    }
}

/// An assumption that holds up to a largest step size.
#[derive(Clone, Copy, Debug)]
struct Condition {
    text: &'static str,
    /// Left side at the given step size.
    value: f64,
    /// Right side.
    limit: f64,
    /// Largest step size at which it holds.
    largest: f64,
}

/// The largest step size that all conditions allow.
fn largest_step(conditions: &[Condition]) -> f64 {
    conditions.iter().map(|condition| condition.largest).fold(f64::INFINITY, f64::min)
}

/// The comparison uses the very number reported as the largest, so that this number is itself accepted.
fn check_step(step_size: f64, conditions: &[Condition]) -> Result<(), BoundError> {
    let largest = largest_step(conditions);
    match conditions.iter().find(|condition| step_size > largest && condition.largest == largest) {
        Some(&Condition { text, value, limit, .. }) => {
            Err(BoundError::StepSize { step_size, assumption: text, value, limit, largest })
        }
        None => Ok(()),
    }
}

/// `value`, unless it overflowed: ranges keep single terms finite, extreme combinations of them not always.
fn finite(quantity: &'static str, value: f64) -> Result<f64, BoundError> {
    if value.is_finite() { Ok(value) } else { Err(BoundError::Overflow { quantity }) }
}

/// ρ: nonnegative, of sum 1.
fn check_weights(weights: &[f64]) -> Checked {
    length("weights", weights.len(), MAX_CLUSTERS)?;
    for (n, &weight) in weights.iter().enumerate() {
        if !(0.0..=1.0).contains(&weight) {
            return Err(FieldError::new(format!("weights[{n}]"), format!("{weight:?}"), "a number in [0, 1]"));
        }
    }
    let sum: f64 = weights.iter().sum();
    if (sum - 1.0).abs() <= WEIGHT_TOLERANCE {
        return Ok(());
    }
    let allowed = format!("1 within {WEIGHT_TOLERANCE:e}; divide every weight by the sum");
    Err(FieldError::new("weights", format!("a list of sum {sum:?}"), allowed))
}

/// A list with one entry per weight.
fn check_length(path: &str, found: usize, clusters: usize) -> Checked {
    if found == clusters {
        return Ok(());
    }
    Err(FieldError::new(path, format!("a list of {found}"), format!("a list of {clusters}, one entry per weight")))
}

/// One number per weight, none negative.
fn check_list(path: &str, values: &[f64], clusters: usize) -> Checked {
    check_length(path, values.len(), clusters)?;
    values.iter().enumerate().try_for_each(|(n, &value)| real(&format!("{path}[{n}]"), value, Range::NonNegative))
}

/// β² of Σ ρ_n |∇F_n − ∇F|² ≤ ζ² + (β²−1)|∇F|².
fn check_dissimilarity(value: f64) -> Checked {
    if (1.0..=MAX_MAGNITUDE).contains(&value) {
        return Ok(());
    }
    let allowed = format!("a finite number in [1, {MAX_MAGNITUDE:e}] (1: gradients differ by a bounded amount)");
    Err(FieldError::new("dissimilarity", format!("{value:?}"), allowed))
}
