//! Virtual queues and what they certify.

use nalgebra::DVector;
use serde::{Deserialize, Serialize};

use super::certificate::violation::Certificate;
use super::saved::SavedQueues;
use crate::ground::blame::{Blame, Blamed};

/// Why queues cannot be created or updated, or a slot's violations cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// One violation per queue is needed.
    #[error("{found} violations for {expected} queues: must be equal in number")]
    Length {
        /// Number of queues.
        expected: usize,
        /// Number of violations.
        found: usize,
    },
    /// A plan that does not exist.
    #[error("plan {plan}: must be below {plans}, the number of candidate plans")]
    Plan {
        /// Its index.
        plan: usize,
        /// Number of plans.
        plans: usize,
    },
    /// A violation or an initial queue is not a finite number, or an initial queue is negative.
    #[error("{what}[{index}] = {value:?}: must be a finite number{}", if *.what == "initial" { " >= 0" } else { "" })]
    Value {
        /// `initial` or `violations`.
        what: &'static str,
        /// Index of the queue.
        index: usize,
        /// The number.
        value: f64,
    },
}

impl Blamed for QueueError {
    fn blame(&self) -> Blame {
        match self {
            Self::Length { .. } | Self::Plan { .. } | Self::Value { .. } => Blame::Input,
        }
    }
}

/// Virtual queues Q ← max(Q + g, 0), one per long-term constraint avg g ≤ 0.
///
/// No decay, cap or reset: each would void the [`Certificate`]. Scale the constraints so that g is of order one; the
/// energy of node k against its budget enters as E_k/Ē_k − 1.
///
/// Queues can be written and read (serde) at any time: they go on bit for bit, certificates included. Data that no
/// queue law leads to are refused.
///
/// ```
/// use collapipe::lyapunov::Queues;
/// use nalgebra::DVector;
/// let mut queues = Queues::empty(2);
/// queues.update(&DVector::from_vec(vec![0.5, -0.25]))?;
/// queues.update(&DVector::from_vec(vec![-0.25, 1.0]))?;
/// assert_eq!(queues.backlog(), &DVector::from_vec(vec![0.25, 1.0]));
/// let certificate = queues.certificate(1).ok_or("two rounds were played")?;
/// assert_eq!(certificate.mean_violation, 0.375);
/// assert_eq!(certificate.bound, 0.5);
/// assert!(certificate.holds());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SavedQueues", into = "SavedQueues")]
pub struct Queues {
    pub(super) initial: DVector<f64>,
    pub(super) backlog: DVector<f64>,
    pub(super) violation_sum: DVector<f64>,
    pub(super) least_slack: DVector<f64>,
    pub(super) rounds: u64,
}

impl Queues {
    /// `count` queues that start empty.
    #[must_use]
    pub fn empty(count: usize) -> Self {
        Self::starting_at(DVector::zeros(count))
    }

    /// Queues with a warm start Q(0).
    ///
    /// # Errors
    /// [`QueueError::Value`] for a start that is negative or not finite.
    pub fn new(initial: DVector<f64>) -> Result<Self, QueueError> {
        if let Some((index, &value)) = initial.iter().enumerate().find(|(_, q)| !(q.is_finite() && **q >= 0.0)) {
            return Err(QueueError::Value { what: "initial", index, value });
        }
        Ok(Self::starting_at(initial))
    }

    fn starting_at(initial: DVector<f64>) -> Self {
        let count = initial.len();
        Self {
            backlog: initial.clone(),
            initial,
            violation_sum: DVector::zeros(count),
            least_slack: DVector::from_element(count, f64::INFINITY),
            rounds: 0,
        }
    }

    /// Q, one entry per constraint, dimensionless where the constraint is scaled.
    #[must_use]
    pub fn backlog(&self) -> &DVector<f64> {
        &self.backlog
    }

    /// Q(0).
    #[must_use]
    pub fn initial(&self) -> &DVector<f64> {
        &self.initial
    }

    /// Rounds played.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Plays a round: Q ← max(Q + g, 0) with `violations` g, one per queue.
    ///
    /// # Errors
    /// [`QueueError`] for a wrong number of violations or one that is not finite; the queues are then unchanged.
    pub fn update(&mut self, violations: &DVector<f64>) -> Result<(), QueueError> {
        if violations.len() != self.backlog.len() {
            return Err(QueueError::Length { expected: self.backlog.len(), found: violations.len() });
        }
        if let Some((index, &value)) = violations.iter().enumerate().find(|(_, g)| !g.is_finite()) {
            return Err(QueueError::Value { what: "violations", index, value });
        }
        self.rounds += 1;
        self.backlog.zip_apply(violations, |q, g| *q = (*q + g).max(0.0));
        self.violation_sum += violations;
        let slack = (&self.backlog - &self.initial - &self.violation_sum) / self.rounds as f64;
        self.least_slack.zip_apply(&slack, |least, now| *least = least.min(now));
        Ok(())
    }

    /// What queue `index` proves so far; `None` before the first round and for a queue that does not exist.
    #[must_use]
    pub fn certificate(&self, index: usize) -> Option<Certificate> {
        let rounds = (self.rounds > 0).then_some(self.rounds as f64)?;
        Some(Certificate {
            rounds: self.rounds,
            mean_violation: self.violation_sum.get(index)? / rounds,
            bound: (self.backlog.get(index)? - self.initial.get(index)?) / rounds,
            least_slack: *self.least_slack.get(index)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bad_input_leaves_the_queues_alone() {
        let mut queues = Queues::empty(2);
        queues.update(&DVector::from_vec(vec![1.0, 2.0])).unwrap();
        let before = queues.clone();
        let wrong = queues.update(&DVector::zeros(3)).unwrap_err();
        assert_eq!(wrong, QueueError::Length { expected: 2, found: 3 });
        let nan = queues.update(&DVector::from_vec(vec![0.0, f64::NAN])).unwrap_err();
        assert_eq!(nan.to_string(), "violations[1] = NaN: must be a finite number");
        assert_eq!(queues, before);
        let negative = Queues::new(DVector::from_vec(vec![0.0, -1.0])).unwrap_err();
        assert_eq!(negative.to_string(), "initial[1] = -1.0: must be a finite number >= 0");
    }

    #[test]
    fn no_certificate_before_the_first_round() {
        assert_eq!(Queues::empty(1).certificate(0), None);
    }

    proptest! {
        /// The law, and C1 recomputed from the raw violations after every round.
        #[test]
        fn law_and_certificate(
            start in prop::collection::vec(0.0..10.0, 3),
            rounds in prop::collection::vec(prop::collection::vec(-2.0..5.0, 3), 1..60),
        ) {
            let mut queues = Queues::new(DVector::from_vec(start.clone())).unwrap();
            let (mut expected, mut sums, mut least) = (start.clone(), [0.0; 3], [f64::INFINITY; 3]);
            for (r, g) in rounds.iter().enumerate() {
                queues.update(&DVector::from_vec(g.clone())).unwrap();
                for k in 0..3 {
                    expected[k] = f64::max(expected[k] + g[k], 0.0);
                    sums[k] += g[k];
                    let played = (r + 1) as f64;
                    prop_assert_eq!(queues.backlog()[k], expected[k]);
                    let certificate = queues.certificate(k).unwrap();
                    prop_assert!((certificate.mean_violation - sums[k] / played).abs() < 1e-12);
                    prop_assert!((certificate.bound - (expected[k] - start[k]) / played).abs() < 1e-12);
                    prop_assert!(sums[k] / played <= (expected[k] - start[k]) / played + 1e-12);
                    prop_assert!(certificate.holds());
                    least[k] = least[k].min((expected[k] - start[k] - sums[k]) / played);
                    prop_assert!((certificate.least_slack - least[k]).abs() < 1e-12);
                    prop_assert_eq!(certificate.rounds, r as u64 + 1);
                }
            }
        }
    }
}
