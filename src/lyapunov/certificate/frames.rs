//! C7: the mean penalty against optima that look τ slots ahead.

use super::penalty::{by_drift_plus_penalty, check_policy, possible};
use super::{Assumption, CertificateError, CertificateName, Claim};
use crate::lyapunov::history::{Action, History, squared, sums};

/// C7, on any sequence of states: the slots are cut into frames of τ = `frame` slots (the last one may be shorter), and
/// `policy` keeps every constraint on average in each of them. With G ≥ |g| of both and B = G²/2,
///
/// ```text
/// avg p ≤ avg p' + (B τ + mean C)/V + |Q(0)|²/(2VR)
/// ```
///
/// Where `policy` is the best of each frame, avg p' is the mean of the frames' offline optima. An action may be the
/// mean of a mixture.
///
/// # Errors
/// [`CertificateError::Value`] with the index of the first frame in which the policy does not keep a constraint, or for
/// a frame of no slots. Others as [`against_policy`](super::against_policy).
pub fn frames(history: &History, frame: usize, policy: &[Action]) -> Result<Claim, CertificateError> {
    check_policy(history, policy)?;
    if frame == 0 {
        return Err(CertificateError::Value { what: "frame", index: 0, value: 0.0, allowed: "at least 1 slot" });
    }
    let value = history.mean_penalty().ok_or(CertificateError::NoSlots)?;
    let of_policy = policy.iter().map(|action| squared(&action.violations));
    let largest = history.steps().iter().map(|step| squared(&step.violations)).chain(of_policy).fold(0.0, f64::max);
    // Violations that a linear solver leaves are priced at the queues of the frame's first slot, as in the proof.
    let mut left = 0.0;
    let first_queues = history.slots().map(|(queues, _)| queues).step_by(frame);
    for (index, (actions, queues)) in policy.chunks(frame).zip(first_queues).enumerate() {
        let sums = sums(queues.len(), actions.iter().map(|action| action.violations.as_slice()));
        for (queue, sum) in queues.iter().zip(sums) {
            if sum > KEPT * largest.sqrt() * actions.len() as f64 {
                let allowed = "at most 0: the policy must keep every constraint in every frame";
                return Err(CertificateError::Value { what: "frame's violation", index, value: sum, allowed });
            }
            left += queue * sum.max(0.0);
        }
    }
    let mut gaps = 0.0;
    for (slot, step) in history.steps().iter().enumerate() {
        gaps += step.gap.ok_or(CertificateError::GapUnknown { slot })?;
    }
    let (slots, weight) = (history.steps().len() as f64, history.penalty_weight());
    let optimum = policy.iter().map(|action| action.penalty).sum::<f64>() / slots;
    let drift = (0.5 * largest * frame.min(history.steps().len()) as f64 + (gaps + left) / slots) / weight;
    let bound = optimum + drift + squared(history.initial()) / (2.0 * weight * slots);
    let mut assumptions = by_drift_plus_penalty();
    let kept = format!("the policy compared with keeps every constraint in every frame of {frame} slots");
    assumptions.extend([Assumption::verified(kept), possible()]);
    Ok(Claim::new(CertificateName::C7, (value, bound), optimum.abs(), assumptions))
}

/// Mean violation that a linear solver may leave, relative to G.
const KEPT: f64 = 1e-6;
