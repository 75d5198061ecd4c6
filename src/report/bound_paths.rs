//! Certificates slot by slot, for a figure.

use super::certificates::Compared;
use crate::lyapunov::History;
use crate::lyapunov::certificate::{penalty_bound_path, queue_norm_path, slater};
use crate::simulation::RunRecord;

/// Bounds over time, one entry per slot.
pub(super) struct Paths {
    pub(super) mean_penalty: Vec<f64>,
    /// C3, against the offline optimum's mixture.
    pub(super) upper: Option<Vec<f64>>,
    /// D.
    pub(super) lower: Vec<f64>,
    pub(super) queue_norm: Vec<f64>,
    /// C4.
    pub(super) norm_bound: Option<Vec<f64>>,
    /// C5 for the whole run.
    pub(super) norm_level: Option<f64>,
}

/// The paths of a record's bounds; none without a comparison, or without slots.
pub(super) fn paths(record: &RunRecord) -> Option<Paths> {
    let history: History = record.history().ok()?;
    let compared = Compared::new(record, record.comparison.as_ref()?)?;
    let norm = |queue: &[f64]| queue.iter().map(|q| q * q).sum::<f64>().sqrt();
    let (mut mean_penalty, mut lower) = (Vec::new(), Vec::new());
    let (mut penalty, mut dual) = (0.0, 0.0);
    for (count, (step, minimum)) in (1u64..).zip(history.steps().iter().zip(&compared.minima)) {
        penalty += step.penalty;
        dual += minimum - step.violations.iter().zip(&compared.multiplier).map(|(g, mu)| g * mu).sum::<f64>();
        mean_penalty.push(penalty / count as f64);
        lower.push(dual / count as f64);
    }
    let upper = compared.optimum.as_ref().and_then(|policy| penalty_bound_path(&history, policy).ok());
    let norm_bound = compared
        .optimum
        .as_ref()
        .and_then(|policy| queue_norm_path(&history, &compared.multiplier, &compared.minima, policy).ok());
    Some(Paths {
        mean_penalty,
        upper: upper.map(|path| path.into_iter().map(|point| point.bound).collect()),
        lower,
        queue_norm: history.steps().iter().map(|step| norm(&step.queue_after)).collect(),
        norm_bound,
        norm_level: slater(&history, &compared.slater).ok().map(|claim| claim.bound),
    })
}
