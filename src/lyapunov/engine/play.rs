//! The run: one slot after the other.

use nalgebra::DVector;

use super::problem::{BOUND_TOLERANCE, DriftProblem, Labels, LabelsError, Minimum, Optimality, Weights};
use super::record::{DriftRecord, DriftSchema, DriftSlot};
use crate::lyapunov::history::{HistoryError, check_penalty_weight};
use crate::lyapunov::queues::{QueueError, Queues};

/// Why a run of a user's problem could not begin or go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError<E: std::error::Error + 'static> {
    /// Names that cannot be told apart.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// V is not positive and finite.
    #[error(transparent)]
    Weight(HistoryError),
    /// A warm start has a wrong number of queues, or one that is negative or not finite.
    #[error("warm start: {0}")]
    WarmStart(QueueError),
    /// The problem could not be minimized.
    #[error("slot {slot}: {source}")]
    Minimize {
        /// The slot.
        slot: u64,
        /// What the problem says.
        source: E,
    },
    /// An action without one violation per constraint.
    #[error("slot {slot}: the action has {found} violations for {expected} constraints: must be equal in number")]
    Length {
        /// The slot.
        slot: u64,
        /// Number of constraints.
        expected: usize,
        /// Number of violations.
        found: usize,
    },
    /// The queues cannot take a slot.
    #[error("queues of slot {slot}: {source}")]
    Queues {
        /// The slot.
        slot: u64,
        /// What is wrong.
        source: QueueError,
    },
    /// A penalty, violation or lower bound that is not finite.
    #[error("slot {slot}, {what} = {value:?}: must be a finite number")]
    Value {
        /// The slot.
        slot: u64,
        /// Which number, with the constraint's name.
        what: String,
        /// The number.
        value: f64,
    },
    /// A queue, or V·p + Q·g, that left the range of floating-point numbers.
    #[error(
        "slot {slot}, {what} = {value:?}: out of range; scale the problem so that penalty and violations are of order one"
    )]
    Overflow {
        /// The slot.
        slot: u64,
        /// Which number, with the constraint's name.
        what: String,
        /// The number.
        value: f64,
    },
    /// A lower bound above the value of the action that was returned: one of them is wrong.
    #[error(
        "slot {slot}: lower bound {lower_bound:?}, but the action has V p + Q g = {value:?}; no action is below a lower bound \
         (tolerance {BOUND_TOLERANCE:e} of the largest term)"
    )]
    Bound {
        /// The slot.
        slot: u64,
        /// The bound.
        lower_bound: f64,
        /// Value of the action.
        value: f64,
    },
}

/// A drift-plus-penalty run of a user's problem: an iterator over the slots played, one per state.
///
/// It owns the queues and their law, Q ← max(Q + g, 0). What the problem returns is checked before the queues take it;
/// after an error the run ends, and the slots before it are good. With a deterministic problem the same states give the
/// same run, bit for bit.
///
/// [`Engine::run`] plays all states. To look at the queues in between, or to stop early, take slots from the iterator
/// and give them to [`Engine::record`]. An example is at [`DriftProblem`].
#[derive(Clone, Debug)]
pub struct Engine<P, S> {
    problem: P,
    states: S,
    labels: Labels,
    penalty_weight: f64,
    queues: Queues,
    failed: bool,
}

impl<P: DriftProblem, S: Iterator<Item = P::State>> Engine<P, S> {
    /// A run over `states` at the weight V of the penalty, with empty queues. No slot is played yet.
    ///
    /// # Errors
    /// [`EngineError`] for labels that cannot be told apart and for a V that is not positive and finite.
    pub fn new(
        problem: P,
        states: impl IntoIterator<Item = P::State, IntoIter = S>,
        penalty_weight: f64,
    ) -> Result<Self, EngineError<P::Error>> {
        let labels = problem.labels();
        labels.validate()?;
        check_penalty_weight(penalty_weight).map_err(EngineError::Weight)?;
        let queues = Queues::empty(labels.constraints.len());
        Ok(Self { problem, states: states.into_iter(), labels, penalty_weight, queues, failed: false })
    }

    /// Starts the queues at Q(0) instead of at zero; the certificates account for it. V·μ with a multiplier μ of the
    /// average problem spares most of the transient.
    ///
    /// # Errors
    /// [`EngineError::WarmStart`] for a wrong number of queues, or one that is negative or not finite.
    pub fn warm_start(mut self, initial: &[f64]) -> Result<Self, EngineError<P::Error>> {
        let expected = self.labels.constraints.len();
        if initial.len() != expected {
            return Err(EngineError::WarmStart(QueueError::Length { expected, found: initial.len() }));
        }
        self.queues = Queues::new(DVector::from_column_slice(initial)).map_err(EngineError::WarmStart)?;
        Ok(self)
    }

    /// The current queues.
    #[must_use]
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// The problem.
    #[must_use]
    pub fn problem(&self) -> &P {
        &self.problem
    }

    /// The states that are left.
    #[must_use]
    pub fn states(&self) -> &S {
        &self.states
    }

    /// The same, to be changed.
    pub(crate) fn states_mut(&mut self) -> &mut S {
        &mut self.states
    }

    /// Gives the problem back.
    #[must_use]
    pub fn into_problem(self) -> P {
        self.problem
    }

    /// The record of the slots that were played so far.
    #[must_use]
    pub fn record(&self, slots: Vec<DriftSlot<P::Action>>) -> DriftRecord<P::Action> {
        DriftRecord {
            schema: DriftSchema::V1,
            version: env!("CARGO_PKG_VERSION").into(),
            labels: self.labels.clone(),
            penalty_weight: self.penalty_weight,
            initial_queues: self.queues.initial().iter().copied().collect(),
            slots,
        }
    }

    fn play(&mut self, state: &P::State) -> Result<DriftSlot<P::Action>, EngineError<P::Error>> {
        let slot = self.queues.rounds();
        let weights = Weights::new(self.penalty_weight, self.queues.backlog().as_slice());
        let minimum = self.problem.minimize(state, weights).map_err(|source| EngineError::Minimize { slot, source })?;
        let Checked { action, penalty, violations, lower_bound } = checked(slot, &self.labels, weights, minimum)?;
        let moved = weights.queues.iter().zip(&violations).map(|(q, g)| q + g);
        if let Some((constraint, value)) = moved.enumerate().find(|(_, queue)| !queue.is_finite()) {
            let what = format!("queue of {:?}", self.labels.constraint(constraint));
            return Err(EngineError::Overflow { slot, what, value });
        }
        // Lengths and numbers were checked above.
        let moved = self.queues.update(&DVector::from_column_slice(&violations));
        moved.map_err(|source| EngineError::Queues { slot, source })?;
        let queues = self.queues.backlog().iter().copied().collect();
        Ok(DriftSlot { slot, penalty, violations, queues, lower_bound, action })
    }

    /// Books a slot that was played before, by an engine like this one in the same state: the queues take its violations, and
    /// the state is passed over. `None` where no state is left.
    pub(crate) fn book(&mut self, violations: &[f64]) -> Option<Result<(), QueueError>> {
        self.states.next()?;
        Some(self.queues.update(&DVector::from_column_slice(violations)))
    }

    /// Plays all states.
    ///
    /// # Errors
    /// The first [`EngineError`].
    pub fn run(mut self) -> Result<DriftRecord<P::Action>, EngineError<P::Error>> {
        let slots = self.by_ref().collect::<Result<_, _>>()?;
        Ok(self.record(slots))
    }
}

impl<P: DriftProblem, S: Iterator<Item = P::State>> Iterator for Engine<P, S> {
    type Item = Result<DriftSlot<P::Action>, EngineError<P::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let state = self.states.next()?;
        let played = self.play(&state);
        // After an error there is nothing to go on with.
        self.failed = played.is_err();
        Some(played)
    }
}

fn violation(labels: &Labels, index: usize) -> String {
    format!("violation of {:?}", labels.constraint(index))
}

/// A slot's decision whose numbers fit together.
pub(super) struct Checked<A> {
    pub(super) action: A,
    pub(super) penalty: f64,
    pub(super) violations: Vec<f64>,
    pub(super) lower_bound: Option<f64>,
}

/// Takes what a problem returned.
pub(super) fn checked<A, E: std::error::Error + 'static>(
    slot: u64,
    labels: &Labels,
    weights: Weights,
    minimum: Minimum<A>,
) -> Result<Checked<A>, EngineError<E>> {
    let Minimum { action, penalty, violations, optimality } = minimum;
    let (expected, found) = (labels.constraints.len(), violations.len());
    if found != expected {
        return Err(EngineError::Length { slot, expected, found });
    }
    if !penalty.is_finite() {
        return Err(EngineError::Value { slot, what: "penalty".into(), value: penalty });
    }
    if let Some((index, &value)) = violations.iter().enumerate().find(|(_, g)| !g.is_finite()) {
        return Err(EngineError::Value { slot, what: violation(labels, index), value });
    }
    let value = weights.cost(penalty, &violations);
    if !value.is_finite() {
        return Err(EngineError::Overflow { slot, what: "V p + Q g".into(), value });
    }
    let lower_bound = match optimality {
        Optimality::Unknown => None,
        Optimality::Exact => Some(value),
        Optimality::LowerBound(bound) => Some(bound),
    };
    if let Some(lower_bound) = lower_bound {
        if !lower_bound.is_finite() {
            return Err(EngineError::Value { slot, what: "lower bound".into(), value: lower_bound });
        }
        if weights.gap(penalty, &violations, lower_bound).is_none() {
            return Err(EngineError::Bound { slot, lower_bound, value });
        }
    }
    Ok(Checked { action, penalty, violations, lower_bound })
}
