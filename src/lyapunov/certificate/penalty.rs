//! C2, C3 and weak duality: the mean penalty between bounds.

use super::{Assumption, CertificateError, CertificateName, Claim};
use crate::lyapunov::history::{Action, History, dot, squared};

/// The checks that a [`History`] has passed, and that every gap is known.
pub(super) fn by_drift_plus_penalty() -> Vec<Assumption> {
    vec![
        Assumption::verified("every queue followed Q(t+1) = max(Q(t) + g(t), 0), from the Q(0) recorded"),
        Assumption::recorded(
            "every slot's V p + Q g is within its gap of the slot's minimum, by the solver's lower bound",
        ),
    ]
}

/// C2, for independent, identically distributed slots, with the realised means of the effective drift b = ½ Σ (g_k² −
/// min(Q_k + g_k, 0)²) and of the gap C, and the realised queues:
///
/// ```text
/// E avg p ≤ p* + mean(b + C)/V + (|Q(0)|² − |Q(R)|²)/(2VR)
/// ```
///
/// `optimum` is p*, the least mean penalty of a stationary policy that keeps every constraint on average, or an upper
/// estimate of it. For one run the left side is the realised mean: the inequality is about its expectation.
///
/// # Errors
/// [`CertificateError`] without slots, where a gap is not known, and for an optimum that is not finite.
pub fn against_optimum(history: &History, optimum: f64) -> Result<Claim, CertificateError> {
    finite("optimum", 0, optimum)?;
    let (drift, slots, weight) = (history.mean_drift()?, history.steps().len() as f64, history.penalty_weight());
    let value = history.mean_penalty().ok_or(CertificateError::NoSlots)?;
    let moved = squared(history.initial()) - squared(history.final_queue());
    let bound = optimum + drift / weight + moved / (2.0 * weight * slots);
    let scale = optimum.abs().max(drift / weight).max(moved.abs() / (2.0 * weight * slots));
    let mut assumptions = by_drift_plus_penalty();
    assumptions
        .push(Assumption::assumed("in expectation over runs whose slots are independent and identically distributed"));
    Ok(Claim::new(CertificateName::C2, (value, bound), scale, assumptions))
}

/// C3, on any sample path, against a policy (p', g') that acted on the same states:
///
/// ```text
/// avg p ≤ avg p' + mean(C)/V + Σ Q(t)·(g'(t) − g(t))/(VR)
/// ```
///
/// `policy` has one action per slot; an action may be the mean of a mixture. Everything on the right is measured.
///
/// # Errors
/// [`CertificateError`] without slots, where a gap is not known, and for a policy of the wrong shape or with numbers
/// that are not finite.
pub fn against_policy(history: &History, policy: &[Action]) -> Result<Claim, CertificateError> {
    let last = penalty_bound_path(history, policy)?.pop().ok_or(CertificateError::NoSlots)?;
    let mut assumptions = by_drift_plus_penalty();
    assumptions.push(possible());
    Ok(Claim::new(CertificateName::C3, (last.value, last.bound), last.scale, assumptions))
}

/// What a comparison rests on: only whoever supplied the actions can know.
pub(super) fn possible() -> Assumption {
    Assumption::recorded("the actions compared with were possible in the same states")
}

/// What prices and minima rest on.
pub(super) fn certified_minima() -> Assumption {
    Assumption::recorded("no action of a slot has p + mu g below the slot's certified minimum")
}

/// C3 after every slot.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PenaltyBound {
    /// avg p so far.
    pub value: f64,
    /// The right side of C3 for the slots so far.
    pub bound: f64,
    /// avg p' so far.
    pub policy: f64,
    /// Largest term of the bound: what rounding is relative to.
    pub scale: f64,
}

/// Both sides of C3 after every slot, for a figure.
///
/// # Errors
/// As [`against_policy`].
pub fn penalty_bound_path(history: &History, policy: &[Action]) -> Result<Vec<PenaltyBound>, CertificateError> {
    check_policy(history, policy)?;
    let weight = history.penalty_weight();
    let (mut own, mut other, mut gaps, mut moved) = (0.0, 0.0, 0.0, 0.0);
    let (mut of_theirs, mut of_ours) = (0.0_f64, 0.0_f64);
    let mut path = Vec::with_capacity(policy.len());
    for (slot, ((queue, step), action)) in history.slots().zip(policy).enumerate() {
        own += step.penalty;
        other += action.penalty;
        gaps += step.gap.ok_or(CertificateError::GapUnknown { slot })?;
        let (theirs, ours) = (dot(queue, &action.violations), dot(queue, &step.violations));
        moved += theirs - ours;
        (of_theirs, of_ours) = (of_theirs + theirs.abs(), of_ours + ours.abs());
        let slots = (slot + 1) as f64;
        let bound = other / slots + (gaps + moved) / (weight * slots);
        let terms = [other, gaps / weight, of_theirs / weight, of_ours / weight];
        let scale = terms.into_iter().map(f64::abs).fold(0.0, f64::max) / slots;
        path.push(PenaltyBound { value: own / slots, bound, policy: other / slots, scale });
    }
    Ok(path)
}

/// D, on any sample path: with prices μ ≥ 0 and `minima` d(t) ≤ min over the slot's actions of p + μ·g,
///
/// ```text
/// mean d − μ·avg g ≤ avg p
/// ```
///
/// No policy that acts in every slot, not even one that knew all states in advance, has a smaller mean penalty with the
/// same mean violations: it has avg p' + μ·avg g' ≥ mean d. The difference of the two sides, the Lagrangian gap, is how far
/// the run is at most from all of them.
///
/// # Errors
/// [`CertificateError`] without slots, for lists of the wrong length, and for prices that are negative or not finite.
pub fn weak_duality(history: &History, multiplier: &[f64], minima: &[f64]) -> Result<Claim, CertificateError> {
    check_multiplier(history, multiplier)?;
    check_minima(history, minima)?;
    let slots = history.steps().len();
    let bound = history.mean_penalty().ok_or(CertificateError::NoSlots)?;
    let priced = dot(multiplier, &history.mean_violations());
    let dual = minima.iter().sum::<f64>() / slots as f64;
    Ok(Claim::new(CertificateName::D, (dual - priced, bound), dual.abs().max(priced.abs()), vec![certified_minima()]))
}

pub(super) fn check_minima(history: &History, minima: &[f64]) -> Result<(), CertificateError> {
    let expected = history.steps().len();
    if minima.len() != expected {
        return Err(CertificateError::Length { what: "minima", expected, found: minima.len() });
    }
    minima.iter().enumerate().try_for_each(|(index, &value)| finite("minima", index, value))
}

pub(super) fn check_multiplier(history: &History, multiplier: &[f64]) -> Result<(), CertificateError> {
    let expected = history.initial().len();
    if multiplier.len() != expected {
        return Err(CertificateError::Length { what: "multiplier", expected, found: multiplier.len() });
    }
    match multiplier.iter().enumerate().find(|(_, mu)| !(mu.is_finite() && **mu >= 0.0)) {
        None => Ok(()),
        Some((index, &value)) => {
            Err(CertificateError::Value { what: "multiplier", index, value, allowed: "a finite number >= 0" })
        }
    }
}

pub(super) fn check_policy(history: &History, policy: &[Action]) -> Result<(), CertificateError> {
    let (slots, constraints) = (history.steps().len(), history.initial().len());
    if policy.len() != slots {
        return Err(CertificateError::Length { what: "policy", expected: slots, found: policy.len() });
    }
    for (slot, action) in policy.iter().enumerate() {
        let found = action.violations.len();
        if found != constraints {
            return Err(CertificateError::Length { what: "policy's violations", expected: constraints, found });
        }
        for &value in action.violations.iter().chain([&action.penalty]) {
            finite("policy", slot, value)?;
        }
    }
    Ok(())
}

pub(super) fn finite(what: &'static str, index: usize, value: f64) -> Result<(), CertificateError> {
    if value.is_finite() {
        Ok(())
    } else {
        Err(CertificateError::Value { what, index, value, allowed: "a finite number" })
    }
}
