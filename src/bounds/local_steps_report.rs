//! Every form of the bound for local steps side by side, each with its own assumptions.

use serde::Serialize;

use super::{BoundError, Form, LocalSteps, StepModel, StepSizeChoice, Terms};

/// A value for each form that is reported; `None` where its assumptions are broken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReportedForms<T> {
    /// Of [`Form::Simple`].
    pub simple: Option<T>,
    /// Of [`Form::Tight`].
    pub tight: Option<T>,
    /// Of [`Form::Sharp`].
    pub sharp: Option<T>,
}

/// Why a form is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MissingForm {
    /// Its name in the report, as `sharp_any_ages`.
    pub form: &'static str,
    /// The broken assumption, and what would satisfy it.
    pub reason: String,
}

/// The bound for local steps in every form, with the largest and the best step sizes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LocalStepsReport {
    /// The closed form with constants 4, 4, 3, 6.
    pub simple: Option<f64>,
    /// The closed form with κ.
    pub tight: Option<f64>,
    /// Theorem A2, gradients at current iterates.
    pub sharp: Option<f64>,
    /// Theorem A2, gradients at iterates of any age within the round.
    pub sharp_any_ages: Option<f64>,
    /// Theorem A2, current iterates, if every F_n is convex.
    pub sharp_convex: Option<f64>,
    /// The forms term by term.
    pub terms: ReportedForms<Terms>,
    /// Largest step size that the two closed forms allow, in par²/loss.
    pub largest_step_size: f64,
    /// Largest step size that `sharp` allows, in par²/loss; none for more local steps than it is computed for.
    pub largest_sharp_step_size: Option<f64>,
    /// The step size of least bound, of each form; `None` where `initial_gap` is 0.
    pub best_step_size: Option<ReportedForms<StepSizeChoice>>,
    /// Why a form above is null.
    pub missing: Vec<MissingForm>,
    /// What the bounds rest on and no parameter can show.
    pub assumed: [&'static str; 4],
}

/// Assumptions of every form.
const ASSUMED: [&str; 4] = [
    "every step is plain stochastic gradient descent: no momentum, no scaling by past gradients, no clipping",
    "smoothness bounds the curvature wherever the run goes: an estimate from gradients is a lower one",
    "noise_variance, heterogeneity and dissimilarity hold wherever the run goes",
    "given the past, gradients are unbiased, and the clusters' noises of a round independent",
];

impl LocalSteps {
    /// Every form of the bound that this schedule has.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range; the error of the sharp form where no form has a bound.
    pub fn report(&self) -> Result<LocalStepsReport, BoundError> {
        self.checked_sums()?;
        let mut missing = Vec::new();
        let closed = self.bound();
        if let Err(error) = &closed {
            let reason = error.to_string();
            missing.extend(["simple", "tight"].map(|form| MissingForm { form, reason: reason.clone() }));
        }
        let closed = closed.ok();
        let sharp = self.sharp(StepModel::Current);
        if let (None, Err(error)) = (&closed, &sharp) {
            return Err(error.clone());
        }
        let mut known = |form, bound: Result<super::SharpBound, BoundError>| match bound {
            Ok(bound) => Some(bound),
            Err(error) => {
                missing.push(MissingForm { form, reason: error.to_string() });
                None
            }
        };
        let sharp = known("sharp", sharp);
        let any_ages = known("sharp_any_ages", self.sharp(StepModel::AnyAges));
        let convex = known("sharp_convex", self.sharp(StepModel::Convex));
        let best = |form| self.best_step_size(form);
        let best_step_size = if self.initial_gap > 0.0 {
            let sharp = best(Form::Sharp).ok();
            Some(ReportedForms { simple: Some(best(Form::Simple)?), tight: Some(best(Form::Tight)?), sharp })
        } else {
            None
        };
        Ok(LocalStepsReport {
            simple: closed.map(|bound| bound.simple),
            tight: closed.map(|bound| bound.tight),
            sharp: sharp.map(|bound| bound.bound),
            sharp_any_ages: any_ages.map(|bound| bound.bound),
            sharp_convex: convex.map(|bound| bound.bound),
            terms: ReportedForms {
                simple: closed.map(|bound| bound.terms.simple),
                tight: closed.map(|bound| bound.terms.tight),
                sharp: sharp.map(|bound| bound.terms),
            },
            largest_step_size: self.largest_step_size()?,
            largest_sharp_step_size: self.largest_sharp_step_size(StepModel::Current).ok(),
            best_step_size,
            missing,
            assumed: ASSUMED,
        })
    }
}
