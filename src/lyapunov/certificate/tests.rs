//! Both sides of the inequalities by hand, with a warm start, so that no term of theirs is zero.

use super::*;
use crate::lyapunov::certificate::violation::Certificate;
use crate::lyapunov::{Action, History, Step};

fn step(penalty: f64, violation: f64, queue_after: f64, gap: f64) -> Step {
    Step { penalty, violations: vec![violation], queue_after: vec![queue_after], gap: Some(gap) }
}

/// V = 2, Q = 3, 4, 2.
fn played() -> History {
    History::new(2.0, vec![3.0], vec![step(5.0, 1.0, 4.0, 0.5), step(1.0, -2.0, 2.0, 0.25)]).unwrap()
}

fn policy() -> Vec<Action> {
    [(4.0, -1.0), (2.0, 0.5)].map(|(penalty, violation)| Action { penalty, violations: vec![violation] }).to_vec()
}

#[test]
fn certificates_by_hand() {
    let (history, policy) = (played(), policy());
    // ½|g|² + C: 1 and 2.25.
    assert_eq!(history.mean_drift().unwrap(), 1.625);
    let sides = |claim: Claim| (claim.value, claim.bound);
    let violation = Certificate::of(&history, 0).unwrap();
    assert_eq!((violation.mean_violation, violation.bound, violation.rounds), (-0.5, -0.5, 2));
    // 2.5 + 1.625/2 + (9 − 4)/8
    assert_eq!(sides(against_optimum(&history, 2.5).unwrap()), (3.0, 3.9375));
    // 3 + 0.375/2 + (3·(−1 − 1) + 4·(0.5 + 2))/4
    assert_eq!(sides(against_policy(&history, &policy).unwrap()), (3.0, 4.1875));
    let path = penalty_bound_path(&history, &policy).unwrap();
    // 4 + 0.5/2 + 3·(−1 − 1)/2
    assert_eq!((path[0].value, path[0].bound, path[0].policy), (5.0, 1.25, 4.0));
    let (multiplier, minima) = ([0.5], [3.0, 0.5]);
    // mean d − μ avg g = 1.75 + 0.25
    assert_eq!(sides(weak_duality(&history, &multiplier, &minima).unwrap()), (2.0, 3.0));
    // V|μ| + √(|Q(0) − Vμ|² + 2 (1.625 + V s) R)
    assert_eq!(sides(queue_norm(&history, &multiplier, 0.25).unwrap()), (2.0, 1.0 + 12.5f64.sqrt()));
    assert_eq!(QueueNormBound::new(&history, &multiplier, 0.25).unwrap().at(0.0), 1.0 + 4.0f64.sqrt());
    // The sum is 3.25 + 2·2.5 − 1.
    let on_path = queue_norm_on_path(&history, &multiplier, &minima, &policy).unwrap();
    assert_eq!(sides(on_path), (2.0, 1.0 + 18.5f64.sqrt()));
    assert_eq!(sides(frames(&history, 2, &policy).unwrap()), (3.0, 4.1875));
    // Slot 2 needs the highest queue: (2.25 + 2·1)/0.5 + 2
    let strict = [(4.0, -1.0), (2.0, -0.5)].map(|(p, g)| Action { penalty: p, violations: vec![g] });
    assert_eq!(sides(slater(&history, 1, &strict).unwrap()), (4.0, 10.5));
    // Both slots as a frame: (1 + 2·(4 − 5) + 2.25 + 2·(2 − 1) + (4 − 3)·0.5)/0.5 + 1 + 2
    assert_eq!(sides(slater(&history, 2, &policy).unwrap()), (3.0, 10.5));
    let broken = [(4.0, -1.0), (2.0, 1.0)].map(|(p, g)| Action { penalty: p, violations: vec![g] });
    let error = slater(&history, 2, &broken).unwrap_err();
    assert_eq!(error, CertificateError::NoSlack { frame: 0, constraint: 0, violation: 0.0 });
}

/// A constraint with slack and an empty queue adds nothing to the drift.
#[test]
fn drift_counts_what_moves_queues() {
    let clipped = step(5.0, -3.0, 0.0, 0.0);
    let history = History::new(2.0, vec![1.0], vec![clipped.clone(), clipped]).unwrap();
    // ½ (9 − 2²), then ½ (9 − 3²).
    assert_eq!(history.mean_drift().unwrap(), 1.25);
    // 4 + (1·(−1 + 3) + 0)/4
    assert_eq!(against_policy(&history, &[(4.0, -1.0); 2].map(action)).unwrap().bound, 4.5);
}

fn action((penalty, violation): (f64, f64)) -> Action {
    Action { penalty, violations: vec![violation] }
}

/// A claim holds up to rounding of its terms and no further.
#[test]
fn claims_hold_up_to_rounding() {
    let holds = |value: f64, scale: f64| Claim::new(CertificateName::C2, (value, 1.0), scale, Vec::new()).holds;
    assert!(holds(1.0, 0.0) && holds(-5.0, 0.0) && holds(1.0 + 1e-15, 0.0) && holds(1.0 + 1e-6, 1e9));
    assert!(!holds(1.0 + 1e-6, 0.0) && !holds(1.1, 1e3) && !holds(f64::NAN, 0.0));
}
