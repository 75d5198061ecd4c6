//! C5: how large the queues get, by actions that keep every constraint with slack.

use super::penalty::{by_drift_plus_penalty, check_policy, finite, possible};
use super::{Assumption, CertificateError, CertificateName, Claim};
use crate::lyapunov::history::{Action, History, dot, squared, sums};

/// C5, on any sample path: the slots are cut into frames of τ = `frame` slots (the last one may be shorter), and in
/// every frame `policy` keeps each constraint with slack: Σ g' ≤ −s < 0 over the frame. With the effective drift b = ½ Σ (g_k² −
/// min(Q_k + g_k, 0)²) and a frame that begins at t0,
///
/// ```text
/// |Q| after every frame ≤ max(|Q(0)|, max over frames of Σ (b + C + V (p' − p) + (Q(t) − Q(t0))·g')/s + Σ |g|)
/// ```
///
/// Frames of one slot are the usual Slater condition, and the statement then is about every slot. An action may be the
/// mean of a mixture.
///
/// # Errors
/// [`CertificateError::NoSlack`] names the first frame in which the policy does not keep every constraint with slack:
/// the reason why C5 does not apply. [`CertificateError::Value`] for a frame of no slots; others as
/// [`against_policy`](super::against_policy).
pub fn slater(history: &History, frame: usize, policy: &[Action]) -> Result<Claim, CertificateError> {
    check_policy(history, policy)?;
    if history.steps().is_empty() {
        return Err(CertificateError::NoSlots);
    }
    if frame == 0 {
        return Err(CertificateError::Value { what: "frame", index: 0, value: 0.0, allowed: "at least 1 slot" });
    }
    let start = squared(history.initial()).sqrt();
    let (mut value, mut bound, mut least_slack) = (start, start, f64::INFINITY);
    let slots: Vec<_> = history.slots().enumerate().zip(policy).collect();
    for (index, slots) in slots.chunks(frame).enumerate() {
        let slack = slack(index, slots.iter().map(|(_, action)| action.violations.as_slice()), history)?;
        let Some(((_, (first, _)), _)) = slots.first() else { continue };
        let (mut above, mut moved) = (0.0, 0.0);
        for &((slot, (queues, step)), action) in slots {
            let since: Vec<f64> = queues.iter().zip(*first).map(|(now, then)| now - then).collect();
            above += history.drift(slot, queues, step)? + dot(&since, &action.violations);
            above += history.penalty_weight() * (action.penalty - step.penalty);
            moved += squared(&step.violations).sqrt();
            if (slot + 1) % frame == 0 || slot + 1 == history.steps().len() {
                value = value.max(squared(&step.queue_after).sqrt());
            }
        }
        bound = bound.max(above / slack + moved);
        least_slack = least_slack.min(slack / slots.len() as f64);
    }
    finite("bound", 0, bound)?;
    let mut assumptions = by_drift_plus_penalty();
    let what = if frame == 1 {
        "every slot has an action".into()
    } else {
        format!("every frame of {frame} slots has actions")
    };
    let slater = format!("{what} with all g <= -{least_slack:.3e} on average");
    assumptions.extend([Assumption::verified(slater), possible()]);
    Ok(Claim::new(CertificateName::C5, (value, bound), 0.0, assumptions))
}

/// s of a frame: infinite without constraints, where there are no queues to bound.
fn slack<'a>(
    frame: usize,
    violations: impl Iterator<Item = &'a [f64]>,
    history: &History,
) -> Result<f64, CertificateError> {
    let sums = sums(history.initial().len(), violations);
    match sums.into_iter().enumerate().max_by(|a, b| a.1.total_cmp(&b.1)) {
        Some((constraint, violation)) if violation >= 0.0 => {
            Err(CertificateError::NoSlack { frame, constraint, violation })
        }
        Some((_, violation)) => Ok(-violation),
        None => Ok(f64::INFINITY),
    }
}
