//! C7: the mean penalty against optima that look τ slots ahead.

use super::penalty::{by_drift_plus_penalty, check_policy, penalty_bound_path, possible};
use super::{Assumption, CertificateError, CertificateName, Claim};
use crate::lyapunov::history::{Action, History, squared, sums};

/// C7, on any sequence of states: the slots are cut into frames of τ = `frame` slots (the last one may be shorter), and
/// `policy` keeps every constraint on average in each of them:
///
/// ```text
/// avg p ≤ avg p' + mean(C)/V + Σ Q(t)·(g'(t) − g(t))/(VR)
/// ```
///
/// It is C3 against that policy. Where `policy` is the best of each frame, avg p' is the mean of the frames' offline
/// optima. An action may be the mean of a mixture.
///
/// # Errors
/// [`CertificateError::Value`] with the index of the first frame in which the policy does not keep a constraint, or for
/// a frame of no slots. Others as [`against_policy`](super::against_policy).
pub fn frames(history: &History, frame: usize, policy: &[Action]) -> Result<Claim, CertificateError> {
    check_policy(history, policy)?;
    if frame == 0 {
        return Err(CertificateError::Value { what: "frame", index: 0, value: 0.0, allowed: "at least 1 slot" });
    }
    let of_policy = policy.iter().map(|action| squared(&action.violations));
    let largest = history.steps().iter().map(|step| squared(&step.violations)).chain(of_policy).fold(0.0, f64::max);
    for (index, actions) in policy.chunks(frame).enumerate() {
        let sums = sums(history.initial().len(), actions.iter().map(|action| action.violations.as_slice()));
        // What a linear solver leaves is in the bound: only the statement about the policy allows for it.
        if let Some(value) = sums.into_iter().find(|sum| *sum > KEPT * largest.sqrt() * actions.len() as f64) {
            let allowed = "at most 0: the policy must keep every constraint in every frame";
            return Err(CertificateError::Value { what: "frame's violation", index, value, allowed });
        }
    }
    let last = penalty_bound_path(history, policy)?.pop().ok_or(CertificateError::NoSlots)?;
    let mut assumptions = by_drift_plus_penalty();
    let kept = format!("the policy compared with keeps every constraint in every frame of {frame} slots");
    assumptions.extend([Assumption::verified(kept), possible()]);
    Ok(Claim::new(CertificateName::C7, (last.value, last.bound), last.scale, assumptions))
}

/// Mean violation that a linear solver may leave, relative to the largest |g|.
const KEPT: f64 = 1e-6;
