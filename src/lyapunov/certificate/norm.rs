//! C4: how large the queues get, by prices. b is the effective drift ½ Σ (g_k² − min(Q_k + g_k, 0)²).

use super::penalty::{
    by_drift_plus_penalty, certified_minima, check_minima, check_multiplier, check_policy, finite, possible,
};
use super::{Assumption, CertificateError, CertificateName, Claim};
use crate::lyapunov::history::{Action, History, dot, squared, squared_distance};

/// C4, for independent, identically distributed slots, with prices μ ≥ 0 that do not depend on the run:
///
/// ```text
/// √E|Q(R)|² ≤ V|μ| + √(|Q(0) − Vμ|² + 2 (mean(b + C) + V s) R)
/// ```
///
/// s ≥ p* − inf (E p + μ·E g) is by how much μ falls short of a multiplier of the average problem: 0 for a Lagrange
/// multiplier, otherwise an upper estimate of the optimum less a lower bound at μ. For one run the left side is the
/// realised |Q(R)|. Prices found on the run's own slots fit them too well for this form: use [`queue_norm_on_path`].
///
/// # Errors
/// [`CertificateError`] without slots, where a gap is not known, and for prices or a slack that are negative or not
/// finite.
pub fn queue_norm(history: &History, multiplier: &[f64], duality_slack: f64) -> Result<Claim, CertificateError> {
    let bound = QueueNormBound::new(history, multiplier, duality_slack)?;
    let (value, slots) = (squared(history.final_queue()).sqrt(), history.steps().len() as f64);
    let mut assumptions = by_drift_plus_penalty();
    assumptions
        .push(Assumption::assumed("in expectation over runs whose slots are independent and identically distributed"));
    let claim = (value, bound.at(slots));
    Ok(Claim::new(CertificateName::C4, claim, 0.0, assumptions))
}

/// The right side of C4 as a function of the number of slots, with the means of the whole history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueueNormBound {
    /// V|μ|.
    level: f64,
    /// |Q(0) − Vμ|².
    start: f64,
    /// 2 (mean(b + C) + V s), b the effective drift.
    growth: f64,
}

impl QueueNormBound {
    /// The bound of a history, for prices μ and their slack s.
    ///
    /// # Errors
    /// As [`queue_norm`].
    pub fn new(history: &History, multiplier: &[f64], duality_slack: f64) -> Result<Self, CertificateError> {
        check_multiplier(history, multiplier)?;
        if !(duality_slack.is_finite() && duality_slack >= 0.0) {
            let allowed = "a finite number >= 0";
            return Err(CertificateError::Value { what: "duality_slack", index: 0, value: duality_slack, allowed });
        }
        let weight = history.penalty_weight();
        Ok(Self {
            level: weight * squared(multiplier).sqrt(),
            start: squared_distance(history.initial(), weight, multiplier),
            growth: 2.0 * (history.mean_drift()? + weight * duality_slack),
        })
    }

    /// The bound after the given number of slots.
    #[must_use]
    pub fn at(&self, slots: f64) -> f64 {
        self.level + (self.start + self.growth * slots).sqrt()
    }
}

/// C4, on any sample path, with any prices μ ≥ 0, `minima` d(t) ≤ min over the slot's actions of p + μ·g, and a policy
/// (p', g') that acted on the same states:
///
/// ```text
/// |Q(R)| ≤ V|μ| + √(|Q(0) − Vμ|² + 2 Σ (b + C + V (p' − d) + Q·g'))
/// ```
///
/// Everything on the right is measured, so that prices and policy may be found on the run's own slots. An action may be
/// the mean of a mixture.
///
/// # Errors
/// [`CertificateError`] without slots, where a gap is not known, for lists of the wrong shape, and for numbers out of
/// range.
pub fn queue_norm_on_path(
    history: &History,
    multiplier: &[f64],
    minima: &[f64],
    policy: &[Action],
) -> Result<Claim, CertificateError> {
    let path = queue_norm_path(history, multiplier, minima, policy)?;
    let bound = path.last().copied().ok_or(CertificateError::NoSlots)?;
    let value = squared(history.final_queue()).sqrt();
    let mut assumptions = by_drift_plus_penalty();
    assumptions.extend([possible(), certified_minima()]);
    Ok(Claim::new(CertificateName::C4, (value, bound), 0.0, assumptions))
}

/// The right side of [`queue_norm_on_path`] after every slot, for a figure.
///
/// # Errors
/// As [`queue_norm_on_path`].
pub fn queue_norm_path(
    history: &History,
    multiplier: &[f64],
    minima: &[f64],
    policy: &[Action],
) -> Result<Vec<f64>, CertificateError> {
    check_multiplier(history, multiplier)?;
    check_minima(history, minima)?;
    check_policy(history, policy)?;
    let weight = history.penalty_weight();
    let level = weight * squared(multiplier).sqrt();
    let mut distance = squared_distance(history.initial(), weight, multiplier);
    let mut path = Vec::with_capacity(policy.len());
    for (slot, (((queue, step), action), minimum)) in history.slots().zip(policy).zip(minima).enumerate() {
        let dearer = weight * (action.penalty - minimum);
        distance += 2.0 * (history.drift(slot, queue, step)? + dearer + dot(queue, &action.violations));
        // It bounds a square, so that only rounding, or wrong minima, take it below zero.
        let bound = level + distance.max(0.0).sqrt();
        finite("bound", slot, bound)?;
        path.push(bound);
    }
    Ok(path)
}
