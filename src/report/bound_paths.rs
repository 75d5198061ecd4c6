//! Certificates slot by slot, for a figure.

use crate::lyapunov::certificate::{penalty_bound_path, queue_norm_path, slater};
use crate::lyapunov::{Comparison, History, dot, squared};

/// Bounds over time, one entry per slot.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) mean_penalty: Vec<f64>,
    /// C3, against the offline optimum's mixture.
    pub(super) upper: Option<Vec<f64>>,
    /// D.
    pub(super) lower: Option<Vec<f64>>,
    pub(super) queue_norm: Vec<f64>,
    /// C4.
    pub(super) norm_bound: Option<Vec<f64>>,
    /// C5 for the whole run.
    pub(super) norm_level: Option<f64>,
}

/// The paths of a history, and of those of its bounds that the comparison admits: none without one.
pub(super) fn paths(history: &History, compared: Option<&Comparison>) -> Paths {
    let mut penalty = 0.0;
    let mean_penalty = (1u64..).zip(history.steps()).map(|(count, step)| {
        penalty += step.penalty;
        penalty / count as f64
    });
    let optimum = compared.and_then(|compared| compared.optimum.as_ref());
    let upper = optimum.and_then(|policy| penalty_bound_path(history, policy).ok());
    let norm_bound = compared.zip(optimum).and_then(|(compared, policy)| {
        queue_norm_path(history, &compared.multiplier, compared.minima.as_ref()?, policy).ok()
    });
    let level = |compared: &Comparison| slater(history, compared.slater.0, &compared.slater.1).ok();
    Paths {
        mean_penalty: mean_penalty.collect(),
        upper: upper.map(|path| path.into_iter().map(|point| point.bound).collect()),
        lower: compared.and_then(|compared| lower(history, compared)),
        queue_norm: history.steps().iter().map(|step| squared(&step.queue_after).sqrt()).collect(),
        norm_bound,
        norm_level: compared.and_then(level).map(|claim| claim.bound),
    }
}

/// Left side of D after every slot.
fn lower(history: &History, compared: &Comparison) -> Option<Vec<f64>> {
    let minima = compared.minima.as_ref().filter(|minima| minima.len() == history.steps().len())?;
    let mut dual = 0.0;
    let so_far = (1u64..).zip(history.steps().iter().zip(minima)).map(|(count, (step, minimum))| {
        dual += minimum - dot(&compared.multiplier, &step.violations);
        dual / count as f64
    });
    Some(so_far.collect())
}
