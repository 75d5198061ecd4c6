//! What a run of a user's problem leaves behind.

use serde::{Deserialize, Serialize};

use super::problem::{Labels, LabelsError, Weights};
use crate::ground::blame::{Blame, Blamed};
use crate::lyapunov::comparison::Comparison;
use crate::lyapunov::history::{Action, History, HistoryError, Step};
use crate::lyapunov::proofs::Proofs;

/// Name and version of the record's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DriftSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.drift-record/1")]
    V1,
}

/// One slot of such a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DriftSlot<A> {
    /// t, from 0.
    pub slot: u64,
    /// p.
    pub penalty: f64,
    /// g, one per constraint.
    pub violations: Vec<f64>,
    /// Q after the slot.
    pub queues: Vec<f64>,
    /// No action of the slot has V·p + Q·g below this; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower_bound: Option<f64>,
    /// What was decided.
    pub action: A,
}

/// A run of a user's problem as data: what certificates, tables and figures are made from. `A` is the user's type of
/// action, or any JSON value for a reader who does not know it.
///
/// A record that was read from a file is validated by [`DriftRecord::history`]: queues that did not follow their law,
/// or numbers out of range, are refused there. Floats are written so that they read back bit for bit.
///
/// ```
/// use collapipe::lyapunov::DriftRecord;
/// let json = r#"{"schema": "collapipe.drift-record/1", "version": "0.1.0", "penalty_weight": 2.0, "initial_queues": [0.0],
///     "labels": {"penalty": "cost", "penalty_unit": "EUR", "constraints": ["budget"]},
///     "slots": [{"slot": 0, "penalty": 1.0, "violations": [0.5], "queues": [0.5], "lower_bound": 1.5, "action": "buy"}]}"#;
/// let record: DriftRecord = DriftRecord::from_json(json)?;
/// assert_eq!(record.history()?.steps()[0].gap, Some(0.5));
/// let tampered = json.replace(r#""queues": [0.5]"#, r#""queues": [0.25]"#);
/// assert!(DriftRecord::<String>::from_json(&tampered).is_err_and(|e| e.to_string().contains("max(Q + g, 0) = 0.5")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DriftRecord<A = serde_json::Value> {
    /// Format.
    pub schema: DriftSchema,
    /// Version of this crate.
    pub version: String,
    /// Names and units.
    pub labels: Labels,
    /// V.
    pub penalty_weight: f64,
    /// Q(0), one per constraint.
    pub initial_queues: Vec<f64>,
    /// The slots so far, in order.
    pub slots: Vec<DriftSlot<A>>,
}

/// Why data are not the record of a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriftRecordError {
    /// Invalid JSON, an unknown or missing field, another format or version.
    #[error("no drift record: {0}")]
    Json(#[from] serde_json::Error),
    /// Names that cannot be told apart.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// The number of Q(0) is not that of the constraints.
    #[error("initial_queues: {found} entries for {expected} constraints: must be equal in number")]
    Length {
        /// Number of constraints.
        expected: usize,
        /// Number of entries.
        found: usize,
    },
    /// A slot is missing, or not in its place.
    #[error("slots[{index}].slot = {found}: must be {index}; slots are numbered from 0 without a gap")]
    Number {
        /// Its place.
        index: usize,
        /// Its number.
        found: u64,
    },
    /// Numbers out of range, lists of different lengths, and queues that did not follow their law.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A lower bound that is not finite, or above the value of the slot's action.
    #[error("slots[{index}].lower_bound = {lower_bound:?}: must be a finite number, at most V p + Q g = {value:?}")]
    Bound {
        /// The slot.
        index: usize,
        /// The bound.
        lower_bound: f64,
        /// Value of the action.
        value: f64,
    },
}

impl Blamed for DriftRecordError {
    fn blame(&self) -> Blame {
        match self {
            Self::Json(_) | Self::Length { .. } | Self::Number { .. } | Self::Bound { .. } => Blame::Input,
            Self::Labels(error) => error.blame(),
            Self::History(error) => error.blame(),
        }
    }
}

impl<A> DriftRecord<A> {
    /// A record from JSON, validated.
    ///
    /// # Errors
    /// [`DriftRecordError`] for text that is not a record, and as [`DriftRecord::history`].
    pub fn from_json<'a>(text: &'a str) -> Result<Self, DriftRecordError>
    where
        A: Deserialize<'a>,
    {
        let record: Self = serde_json::from_str(text)?;
        record.history()?;
        Ok(record)
    }

    /// The run as plain data for [`certificate`](crate::lyapunov::certificate). Gaps are those to the recorded lower
    /// bounds at the recorded queues.
    ///
    /// # Errors
    /// [`DriftRecordError`] for numbers out of range, lists of the wrong length, slots out of order, lower bounds above
    /// the value of the action, and queues that did not follow their law.
    pub fn history(&self) -> Result<History, DriftRecordError> {
        self.labels.validate()?;
        let (expected, found) = (self.labels.constraints.len(), self.initial_queues.len());
        if found != expected {
            return Err(DriftRecordError::Length { expected, found });
        }
        let steps = self.slots.iter().map(|slot| Step {
            penalty: slot.penalty,
            violations: slot.violations.clone(),
            queue_after: slot.queues.clone(),
            gap: None,
        });
        // First everything but the gaps: these are sums of numbers whose range is then known.
        let plain = History::new(self.penalty_weight, self.initial_queues.clone(), steps.collect())?;
        let mut gaps = Vec::with_capacity(self.slots.len());
        for (index, (slot, (queues, _))) in self.slots.iter().zip(plain.slots()).enumerate() {
            if u64::try_from(index) != Ok(slot.slot) {
                return Err(DriftRecordError::Number { index, found: slot.slot });
            }
            let weights = Weights::new(self.penalty_weight, queues);
            let gap = |lower_bound: f64| {
                let gap = weights.gap(slot.penalty, &slot.violations, lower_bound).filter(|gap| gap.is_finite());
                let value = weights.cost(slot.penalty, &slot.violations);
                gap.ok_or(DriftRecordError::Bound { index, lower_bound, value })
            };
            gaps.push(slot.lower_bound.map(gap).transpose()?);
        }
        Ok(plain.with_gaps(gaps)?)
    }

    /// What the run proves: C1 of every constraint, and with a comparison ([`DriftRecord::compare`]) the other
    /// certificates.
    ///
    /// # Errors
    /// As [`DriftRecord::history`].
    pub fn proofs(&self, comparison: Option<&Comparison>) -> Result<Proofs, DriftRecordError> {
        Ok(Proofs::new(&self.history()?, self.labels.constraints.iter().map(String::as_str), comparison))
    }

    /// What was decided in every slot, as plain data: to compare another run of the same states with.
    #[must_use]
    pub fn decisions(&self) -> Vec<Action> {
        let of = |slot: &DriftSlot<A>| Action { penalty: slot.penalty, violations: slot.violations.clone() };
        self.slots.iter().map(of).collect()
    }

    /// The record with other actions; `|_| ()` leaves them out.
    #[must_use]
    pub fn map_actions<B>(self, mut map: impl FnMut(A) -> B) -> DriftRecord<B> {
        let slots = self.slots.into_iter().map(|slot| DriftSlot {
            slot: slot.slot,
            penalty: slot.penalty,
            violations: slot.violations,
            queues: slot.queues,
            lower_bound: slot.lower_bound,
            action: map(slot.action),
        });
        DriftRecord {
            schema: self.schema,
            version: self.version,
            labels: self.labels,
            penalty_weight: self.penalty_weight,
            initial_queues: self.initial_queues,
            slots: slots.collect(),
        }
    }
}
