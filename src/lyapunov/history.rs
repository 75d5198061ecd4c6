//! The plain data of a drift-plus-penalty run.

use super::certificate::CertificateError;
use crate::ground::blame::{Blame, Blamed};

/// One slot of a [`History`].
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// p: what is minimized on average, in its own unit.
    pub penalty: f64,
    /// g: one violation per constraint avg g ≤ 0.
    pub violations: Vec<f64>,
    /// Q after the slot.
    pub queue_after: Vec<f64>,
    /// C: how far V·p + Q·g is at most above its minimum over the slot's actions, in units of V·p; `None` where that is
    /// not known, because the decision was made otherwise.
    pub gap: Option<f64>,
}

/// What was decided in a state, or could have been: its penalty and its violations.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// p.
    pub penalty: f64,
    /// g, one per constraint.
    pub violations: Vec<f64>,
}

/// Why data are not the history of a run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// V is not positive and finite.
    #[error("penalty_weight = {0:?}: must be a finite number > 0")]
    Weight(f64),
    /// A start that is negative or not finite.
    #[error("initial[{index}] = {value:?}: must be a finite number >= 0")]
    Initial {
        /// The queue.
        index: usize,
        /// Its start.
        value: f64,
    },
    /// A list does not have one entry per constraint.
    #[error("slot {slot}, {what}: {found} entries for {expected} constraints: must be equal in number")]
    Length {
        /// The slot.
        slot: usize,
        /// Which list.
        what: &'static str,
        /// Number of constraints.
        expected: usize,
        /// Number of entries.
        found: usize,
    },
    /// A number that is not finite, or a negative gap.
    #[error("slot {slot}, {what} = {value:?}: must be a finite number{}", if *.what == "gap" { " >= 0" } else { "" })]
    Value {
        /// The slot.
        slot: usize,
        /// Which number.
        what: &'static str,
        /// The number.
        value: f64,
    },
    /// A queue that did not follow its law: decayed, capped, reset, or tampered with.
    #[error("slot {slot}, constraint {constraint}: queue {found:?} after the slot, but max(Q + g, 0) = {expected:?}")]
    Law {
        /// The slot.
        slot: usize,
        /// The constraint.
        constraint: usize,
        /// By the law.
        expected: f64,
        /// In the data.
        found: f64,
    },
}

impl Blamed for HistoryError {
    fn blame(&self) -> Blame {
        match self {
            Self::Weight(_) | Self::Initial { .. } | Self::Length { .. } | Self::Value { .. } | Self::Law { .. } => {
                Blame::Input
            }
        }
    }
}

/// A finished or running drift-plus-penalty run as plain data: the queues are known to have followed their law.
///
/// ```
/// use collapipe::lyapunov::{Certificate, History, Step};
/// let step = |penalty, g, q| Step { penalty, violations: vec![g], queue_after: vec![q], gap: Some(0.0) };
/// let history = History::new(10.0, vec![0.0], vec![step(1.0, 0.5, 0.5), step(3.0, -0.25, 0.25)])?;
/// assert_eq!(history.mean_penalty(), Some(2.0));
/// assert!(Certificate::of(&history, 0).is_some_and(|c1| c1.holds() && c1.bound == 0.125));
/// let reset = History::new(10.0, vec![0.0], vec![step(1.0, 0.5, 0.0)]).unwrap_err();
/// assert!(reset.to_string().contains("max(Q + g, 0) = 0.5"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    penalty_weight: f64,
    initial: Vec<f64>,
    steps: Vec<Step>,
}

/// Largest deviation from the queues' law that counts as rounding, relative to the queue and the violation.
const LAW_TOLERANCE: f64 = 1e-9;

impl History {
    /// A history of slots played at the weight V of the penalty from the queues Q(0).
    ///
    /// # Errors
    /// [`HistoryError`] for numbers out of range, lists of different lengths and queues that did not follow their law.
    pub fn new(penalty_weight: f64, initial: Vec<f64>, steps: Vec<Step>) -> Result<Self, HistoryError> {
        check_penalty_weight(penalty_weight)?;
        if let Some((index, &value)) = initial.iter().enumerate().find(|(_, q)| !(q.is_finite() && **q >= 0.0)) {
            return Err(HistoryError::Initial { index, value });
        }
        let mut before: &[f64] = &initial;
        for (slot, step) in steps.iter().enumerate() {
            check_step(slot, before, step)?;
            before = &step.queue_after;
        }
        Ok(Self { penalty_weight, initial, steps })
    }

    /// The same history with other gaps, one per slot; those left out are unknown.
    pub(super) fn with_gaps(mut self, gaps: Vec<Option<f64>>) -> Result<Self, HistoryError> {
        let mut gaps = gaps.into_iter();
        for (slot, step) in self.steps.iter_mut().enumerate() {
            step.gap = gaps.next().flatten();
            check_gap(slot, step.gap)?;
        }
        Ok(self)
    }

    /// V.
    #[must_use]
    pub fn penalty_weight(&self) -> f64 {
        self.penalty_weight
    }

    /// Q(0).
    #[must_use]
    pub fn initial(&self) -> &[f64] {
        &self.initial
    }

    /// The slots in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The slots in order, each with Q when it was decided.
    pub fn slots(&self) -> impl Iterator<Item = (&[f64], &Step)> {
        let after = self.steps.iter().map(|step| step.queue_after.as_slice());
        std::iter::once(self.initial.as_slice()).chain(after).zip(&self.steps)
    }

    /// Q when slot `slot` was decided; Q(R) for the number of slots R, and none beyond.
    #[must_use]
    pub fn queue_before(&self, slot: usize) -> Option<&[f64]> {
        match slot.checked_sub(1) {
            None => Some(&self.initial),
            Some(previous) => self.steps.get(previous).map(|step| step.queue_after.as_slice()),
        }
    }

    /// Q(R).
    #[must_use]
    pub fn final_queue(&self) -> &[f64] {
        self.steps.last().map_or(&self.initial, |step| &step.queue_after)
    }

    /// avg p; `None` before the first slot.
    #[must_use]
    pub fn mean_penalty(&self) -> Option<f64> {
        let sum: f64 = self.steps.iter().map(|step| step.penalty).sum();
        (!self.steps.is_empty()).then(|| sum / self.steps.len() as f64)
    }

    /// avg g, one per constraint; zero before the first slot.
    #[must_use]
    pub fn mean_violations(&self) -> Vec<f64> {
        let sums = sums(self.initial.len(), self.steps.iter().map(|step| step.violations.as_slice()));
        let slots = self.steps.len().max(1) as f64;
        sums.into_iter().map(|sum| sum / slots).collect()
    }

    /// Mean of Q/V over the second half of the slots, one per constraint: what the constraints cost in the long run, in
    /// units of the penalty.
    #[must_use]
    pub fn mean_prices(&self) -> Vec<f64> {
        let half = self.steps.iter().skip(self.steps.len() / 2);
        let weight = self.penalty_weight * half.len().max(1) as f64;
        let sums = sums(self.initial.len(), half.map(|step| step.queue_after.as_slice()));
        sums.into_iter().map(|sum| sum / weight).collect()
    }

    /// The first `slots` slots.
    #[must_use]
    pub fn prefix(&self, slots: usize) -> Self {
        let steps = self.steps.iter().take(slots).cloned().collect();
        Self { penalty_weight: self.penalty_weight, initial: self.initial.clone(), steps }
    }

    /// b(t) + C(t): what a slot adds to the bounds, in objective units, with the effective drift
    /// b = ½|Q⁺|² − ½|Q|² − Q·g = ½ Σ (g_k² − min(Q_k + g_k, 0)²): a constraint with slack and an empty queue adds nothing.
    pub(super) fn drift(&self, slot: usize, queues: &[f64], step: &Step) -> Result<f64, CertificateError> {
        let gap = step.gap.ok_or(CertificateError::GapUnknown { slot })?;
        let of_constraint = |(queue, violation): (&f64, &f64)| violation.powi(2) - (queue + violation).min(0.0).powi(2);
        Ok(0.5 * queues.iter().zip(&step.violations).map(of_constraint).sum::<f64>() + gap)
    }

    /// mean of b + C over the slots, b the effective drift ½ Σ (g_k² − min(Q_k + g_k, 0)²) ≤ ½|g|².
    ///
    /// # Errors
    /// [`CertificateError`] without slots, or where a gap is not known.
    pub fn mean_drift(&self) -> Result<f64, CertificateError> {
        if self.steps.is_empty() {
            return Err(CertificateError::NoSlots);
        }
        let mut sum = 0.0;
        for (slot, (queues, step)) in self.slots().enumerate() {
            sum += self.drift(slot, queues, step)?;
        }
        Ok(sum / self.steps.len() as f64)
    }
}

/// Whether a step follows from the queues `before` it.
pub(crate) fn check_step(slot: usize, before: &[f64], step: &Step) -> Result<(), HistoryError> {
    let expected = before.len();
    for (what, list) in [("violations", &step.violations), ("queue_after", &step.queue_after)] {
        if list.len() != expected {
            return Err(HistoryError::Length { slot, what, expected, found: list.len() });
        }
        if let Some(&value) = list.iter().find(|value| !value.is_finite()) {
            return Err(HistoryError::Value { slot, what, value });
        }
    }
    if !step.penalty.is_finite() {
        return Err(HistoryError::Value { slot, what: "penalty", value: step.penalty });
    }
    check_gap(slot, step.gap)?;
    for (constraint, ((q, g), &found)) in before.iter().zip(&step.violations).zip(&step.queue_after).enumerate() {
        let expected = (q + g).max(0.0);
        if (found - expected).abs() > LAW_TOLERANCE * q.max(g.abs()) || found < 0.0 {
            return Err(HistoryError::Law { slot, constraint, expected, found });
        }
    }
    Ok(())
}

fn check_gap(slot: usize, gap: Option<f64>) -> Result<(), HistoryError> {
    match gap.filter(|gap| !(gap.is_finite() && *gap >= 0.0)) {
        Some(value) => Err(HistoryError::Value { slot, what: "gap", value }),
        None => Ok(()),
    }
}

pub(super) fn check_penalty_weight(value: f64) -> Result<(), HistoryError> {
    if value.is_finite() && value > 0.0 { Ok(()) } else { Err(HistoryError::Weight(value)) }
}

/// Sums over lists of `constraints` entries each.
pub(super) fn sums<'a>(constraints: usize, lists: impl IntoIterator<Item = &'a [f64]>) -> Vec<f64> {
    let mut sums = vec![0.0; constraints];
    for list in lists {
        sums.iter_mut().zip(list).for_each(|(sum, value)| *sum += value);
    }
    sums
}

/// a·b of lists whose lengths were checked.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// |a|².
pub(crate) fn squared(a: &[f64]) -> f64 {
    dot(a, a)
}

/// |a − scale·b|².
pub(super) fn squared_distance(a: &[f64], scale: f64, b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - scale * b).powi(2)).sum()
}
