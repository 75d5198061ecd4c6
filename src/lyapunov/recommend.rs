//! Which V: what the bounds recommend for a tolerance on latency or on overspend.

use serde::{Deserialize, Serialize};

use crate::ground::blame::{Blame, Blamed};

/// What is known about a problem before V is chosen, for instance from a pilot run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// B + C: mean of ½|g|² + C(t), in objective units.
    pub drift: f64,
    /// |μ|: norm of the multiplier, in units of the penalty per unit of violation.
    pub multiplier_norm: f64,
}

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Goal {
    /// Mean penalty within this of the optimum, in the penalty's unit.
    Penalty(f64),
    /// Mean violation of every constraint at most this.
    Violation(f64),
}

/// A recommended V and what the bounds promise for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Recommendation {
    /// V; for a run without a horizon the coefficient v of V(t) = v·√(t+1).
    pub penalty_weight: f64,
    /// C2: mean penalty above the optimum is at most this (without a horizon: after 10⁴ slots).
    pub penalty_bound: f64,
    /// C4 over R: mean violation is at most this (root mean square over runs); none without a horizon.
    pub violation_bound: Option<f64>,
    /// R, the horizon asked about.
    pub slots: Option<u64>,
    /// Why, in words.
    pub reason: String,
}

/// Why no V can be recommended.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecommendError {
    /// A number out of its range.
    #[error("{what} = {value:?}: must be {allowed}")]
    Value {
        /// Which one.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Too few slots: not even V → 0 promises the wanted violation.
    #[error(
        "slots = {slots}: a mean violation of at most {tolerance} takes at least {least:.0} slots for any V > 0; play more slots, or \
         tolerate more"
    )]
    TooShort {
        /// R.
        slots: u64,
        /// What was wanted.
        tolerance: f64,
        /// The least R.
        least: f64,
    },
    /// Without a horizon the bounds promise violations only in the limit.
    #[error(
        "a tolerance on violations needs a number of slots; without one they vanish as t grows for V(t) = v sqrt(t+1)"
    )]
    NoHorizon,
}

impl Blamed for RecommendError {
    fn blame(&self) -> Blame {
        match self {
            Self::Value { .. } | Self::TooShort { .. } | Self::NoHorizon => Blame::Input,
        }
    }
}

/// The V that the bounds recommend.
///
/// With B + C and |μ| of [`Measured`], a start at empty queues and R slots:
///
/// * C2: mean penalty ≤ optimum + (B + C)/V, so that a tolerance δ asks for **V = (B + C)/δ**, the least V that does (queues
///   and violations grow with V).
/// * C4 and C1: mean violation ≤ (V|μ| + √(V²|μ|² + 2(B + C)R))/R; at most δ for **V = δR/(2|μ|) − (B + C)/(δ|μ|)**, the greatest
///   V that does (the penalty falls with V). It is positive from R > 2(B + C)/δ² slots on.
/// * No horizon: V(t) = v·√(t+1) has mean penalty ≤ optimum + 2(B + C)/(v√R), and under Slater's condition (C5) violations that
///   vanish at the same rate. v is the one whose bound meets the tolerance on the penalty after `10⁴` slots.
///
/// The bounds are proved, but B + C and |μ| are [`Measured`] elsewhere, and C4 is used as if μ were an exact
/// multiplier: an estimate, usually on the safe side.
///
/// ```
/// use collapipe::lyapunov::recommend::{Goal, Measured, recommend};
/// let measured = Measured { drift: 2.0, multiplier_norm: 5.0 };
/// let choice = recommend(&measured, Goal::Penalty(0.5), Some(1000))?;
/// assert_eq!(choice.penalty_weight, 4.0);
/// let choice = recommend(&measured, Goal::Violation(0.1), Some(1000))?;
/// assert!((choice.penalty_weight - 6.0).abs() < 1e-12);
/// assert!(choice.violation_bound.is_some_and(|bound| (bound - 0.1).abs() < 1e-12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`RecommendError`] for numbers out of range, a horizon that is too short, and a tolerance on violations without a
/// horizon.
pub fn recommend(measured: &Measured, goal: Goal, slots: Option<u64>) -> Result<Recommendation, RecommendError> {
    let Measured { drift, multiplier_norm } = *measured;
    positive("drift", drift)?;
    if !(multiplier_norm.is_finite() && multiplier_norm >= 0.0) {
        let allowed = "a finite number >= 0";
        return Err(RecommendError::Value { what: "multiplier_norm", value: multiplier_norm, allowed });
    }
    if slots == Some(0) {
        return Err(RecommendError::Value { what: "slots", value: 0.0, allowed: "at least 1" });
    }
    match (goal, slots) {
        (Goal::Penalty(tolerance), Some(_)) => {
            positive("penalty tolerance", tolerance)?;
            let weight = positive("the V recommended", drift / tolerance)?;
            let reason = format!(
                "C2: mean penalty <= optimum + (B + C)/V with B + C = {drift:.4}: V = (B + C)/{tolerance} is the least that promises it"
            );
            Ok(promise(measured, weight, slots, reason))
        }
        (Goal::Violation(tolerance), Some(horizon)) => {
            positive("violation tolerance", tolerance)?;
            let rounds = horizon as f64;
            // At the edge itself V would be 0, or what rounding leaves of it.
            let least = 2.0 * drift / (tolerance * tolerance) * (1.0 + 1e-12);
            if rounds <= least {
                return Err(RecommendError::TooShort { slots: horizon, tolerance, least: least.floor() + 1.0 });
            }
            if multiplier_norm == 0.0 {
                let allowed = "> 0: with |mu| = 0 no constraint binds and any V will do";
                return Err(RecommendError::Value { what: "multiplier_norm", value: 0.0, allowed });
            }
            let weight = 0.5 * tolerance * rounds / multiplier_norm - drift / (tolerance * multiplier_norm);
            let weight = positive("the V recommended", weight)?;
            let reason = format!(
                "C4: mean violation <= (V|mu| + sqrt(V^2|mu|^2 + 2(B + C)R))/R with |mu| = {multiplier_norm:.4}, B + C = {drift:.4}: \
                 the greatest V that promises {tolerance}"
            );
            Ok(promise(measured, weight, slots, reason))
        }
        (Goal::Penalty(tolerance), None) => {
            positive("penalty tolerance", tolerance)?;
            let weight = positive("the v recommended", 2.0 * drift / (tolerance * ANY_TIME.sqrt()))?;
            let reason = format!(
                "no horizon: V(t) = v sqrt(t+1) has mean penalty <= optimum + 2(B + C)/(v sqrt(R)) with B + C = {drift:.4}, and violations \
                 that vanish; v meets {tolerance} after {ANY_TIME} slots"
            );
            Ok(Recommendation {
                penalty_weight: weight,
                penalty_bound: tolerance,
                violation_bound: None,
                slots: None,
                reason,
            })
        }
        (Goal::Violation(_), None) => Err(RecommendError::NoHorizon),
    }
}

/// Slots after which a run without a horizon is to meet its tolerance.
const ANY_TIME: f64 = 1e4;

fn promise(measured: &Measured, weight: f64, slots: Option<u64>, reason: String) -> Recommendation {
    let level = weight * measured.multiplier_norm;
    let violation = |rounds: f64| (level + (level * level + 2.0 * measured.drift * rounds).sqrt()) / rounds;
    Recommendation {
        penalty_weight: weight,
        penalty_bound: measured.drift / weight,
        violation_bound: slots.map(|slots| violation(slots as f64)),
        slots,
        reason,
    }
}

fn positive(what: &'static str, value: f64) -> Result<f64, RecommendError> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(RecommendError::Value { what, value, allowed: "a finite number > 0" })
    }
}
