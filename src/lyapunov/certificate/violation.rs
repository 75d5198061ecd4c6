//! C1: a queue bounds how much its constraint was broken.

use serde::{Deserialize, Serialize};

use super::{Assumption, CertificateName, Claim};
use crate::lyapunov::History;

/// What a queue proves about its constraint after R rounds, on any sample path (certificate C1):
///
/// ```text
/// (1/R) Σ g ≤ (Q(R) − Q(0)) / R
/// ```
///
/// *Proof.* Q(t+1) = max(Q(t) + g(t), 0) ≥ Q(t) + g(t); sum over the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Certificate {
    /// R: rounds so far; positive.
    pub rounds: u64,
    /// Left side: the constraint's mean violation (negative where it is kept with slack).
    pub mean_violation: f64,
    /// Right side.
    pub bound: f64,
    /// Smallest right minus left side over all prefixes 1..=R; rounding can take it below zero.
    pub least_slack: f64,
}

impl Certificate {
    /// Rounding allowed in sums of R terms, relative to the larger side (and 1).
    pub const TOLERANCE: f64 = 1e-9;

    /// Whether the inequality held after every round so far, up to rounding.
    #[must_use]
    pub fn holds(&self) -> bool {
        let scale = self.mean_violation.abs().max(self.bound.abs()).max(1.0);
        self.least_slack >= -Self::TOLERANCE * scale
    }
}

/// C1 of a queue as its slots come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RunningCertificate {
    initial: f64,
    rounds: u64,
    sum: f64,
    certificate: Option<Certificate>,
    unknown: bool,
}

impl RunningCertificate {
    /// Of a queue that starts at `initial`.
    pub(crate) const fn new(initial: f64) -> Self {
        Self { initial, rounds: 0, sum: 0.0, certificate: None, unknown: false }
    }

    /// The next slot's g and the queue after it; none where one of them is not known.
    pub(crate) fn take(&mut self, slot: Option<(f64, f64)>) {
        let Some((violation, queue)) = slot else {
            self.unknown = true;
            return;
        };
        self.rounds += 1;
        self.sum += violation;
        let rounds = self.rounds as f64;
        let (mean_violation, bound) = (self.sum / rounds, (queue - self.initial) / rounds);
        let so_far = self.certificate.map_or(f64::INFINITY, |earlier| earlier.least_slack);
        let least_slack = so_far.min(bound - mean_violation);
        self.certificate = Some(Certificate { rounds: self.rounds, mean_violation, bound, least_slack });
    }

    /// What was proved; `None` without slots, and where one was not known.
    pub(crate) fn certificate(&self) -> Option<Certificate> {
        self.certificate.filter(|_| !self.unknown)
    }
}

impl Certificate {
    /// The same inequality about a budget Ē of which the share δ = `margin` was kept back: violations are E/(Ē(1 − δ)) − 1,
    /// so that mean E/Ē − 1 ≤ (1 − δ)(1 + (Q(R) − Q(0))/R) − 1. The right side is at most 0, and Ē kept for sure, where (Q(R)
    /// − Q(0))/R ≤ δ/(1 − δ).
    #[must_use]
    pub fn with_margin(self, margin: f64) -> Self {
        let played = 1.0 - margin;
        let of_stated = |violation: f64| played * (1.0 + violation) - 1.0;
        Self {
            mean_violation: of_stated(self.mean_violation),
            bound: of_stated(self.bound),
            least_slack: played * self.least_slack,
            ..self
        }
    }

    /// The least margin δ with which the same growth of the queue would prove that the budget is kept: q/(1 + q) for a
    /// bound q > 0.
    #[must_use]
    pub fn margin_needed(&self) -> f64 {
        let growth = self.bound.max(0.0);
        growth / (1.0 + growth)
    }

    /// C1 of constraint `index` of a history; `None` before the first slot and for a constraint that does not exist.
    #[must_use]
    pub fn of(history: &History, index: usize) -> Option<Self> {
        let initial = *history.initial().get(index)?;
        let steps = history.steps().iter();
        Self::of_queue(initial, steps.map(|step| Some((*step.violations.get(index)?, *step.queue_after.get(index)?))))
    }

    /// C1 from Q(0) and each slot's g and queue after it, whatever law that queue followed; `None` without slots, and
    /// where one is not known.
    pub(crate) fn of_queue(initial: f64, slots: impl Iterator<Item = Option<(f64, f64)>>) -> Option<Self> {
        let mut running = RunningCertificate::new(initial);
        slots.for_each(|slot| running.take(slot));
        running.certificate()
    }

    /// The certificate as a row of a table; it holds if it held after every round.
    #[must_use]
    pub fn claim(&self, constraint: &str) -> Claim {
        let law = Assumption::verified("every queue followed Q(t+1) = max(Q(t) + g(t), 0), from the Q(0) recorded");
        let scale = self.mean_violation.abs().max(self.bound.abs()).max(1.0);
        let mut claim = Claim::new(CertificateName::C1, (self.mean_violation, self.bound), scale, vec![law]);
        claim.constraint = Some(constraint.into());
        claim.holds = claim.holds && self.holds();
        claim
    }
}
