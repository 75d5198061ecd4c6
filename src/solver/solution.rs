//! What a solve returns.

use serde::{Deserialize, Serialize};

use super::Proposal;
use super::refusal::{Infeasibility, Reason};
use super::settings::SettingsError;
use crate::ground::blame::{Blame, Blamed};
use crate::problem::{Answer, Decision, Evaluation, FieldError, ShadowPrices, SlotProblem, Status, Work, evaluate};

/// The best decision found and the proof of how good it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Certified {
    /// What to do.
    pub decision: Decision,
    /// What the decision costs, by an independent evaluation: objective, terms, latencies, energies, violations.
    pub evaluation: Evaluation,
    /// No feasible decision has a smaller objective: proved by Lagrangian duality and branch and bound, up to rounding.
    /// Never below the least penalty of all plans, as no cost is negative.
    pub lower_bound: f64,
    /// (objective − lower bound)/|objective|, 0 where the two are equal. Where costs and a negative penalty cancel to an
    /// objective near zero the difference is relative to a twentieth of the sum of their sizes instead.
    pub gap: f64,
    /// Marginal values of the shared resources.
    pub shadow_prices: ShadowPrices,
}

impl Certified {
    /// The decision's objective.
    #[must_use]
    pub fn objective(&self) -> f64 {
        self.evaluation.objective
    }
}

/// Objectives below this share of the sizes of their terms count as near zero. The searches prove costs without penalties
/// to a hundredth of the gap; this leaves them, and the balance of a network, enough of it.
const NEAR_ZERO: f64 = 0.05;

/// What the gap of an objective is relative to, with the penalty that is part of it: its own size, or where cost and
/// penalty cancel a fixed share of theirs.
pub(super) fn gap_scale(objective: f64, penalty: f64) -> f64 {
    let cost = objective - penalty;
    objective.abs().max(NEAR_ZERO * (cost.abs() + penalty.abs()))
}

/// By how much a decision may miss the optimum, as [`Certified::gap`] has it.
pub(super) fn proved_gap(objective: f64, lower_bound: f64, penalty: f64) -> f64 {
    if objective == lower_bound { 0.0 } else { (objective - lower_bound) / gap_scale(objective, penalty) }
}

/// No decision costs less: costs are not negative.
pub(super) fn trivial_bound(problem: &SlotProblem) -> f64 {
    problem.plans.iter().map(|plan| problem.plan_cost(plan)).fold(f64::INFINITY, f64::min)
}

/// How a solve ended, and with what.
///
/// Reads and writes (serde) as it is; [`Solution::to_answer`] is the exchange format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Solution {
    /// Why it stopped.
    pub status: Status,
    /// The certified decision, or why there is none.
    pub outcome: Result<Certified, Infeasibility>,
    /// What the solve cost.
    pub work: Work,
    /// How many discrete choices an enumerating backend visited; `None` for all others.
    pub enumerated: Option<u64>,
}

impl Solution {
    /// No decision exists, for these reasons.
    pub(super) fn infeasible(problem: &SlotProblem, reasons: Vec<Reason>) -> Self {
        Self {
            status: Status::Infeasible,
            outcome: Err(Infeasibility::new(problem, reasons)),
            work: Work::default(),
            enumerated: None,
        }
    }

    /// Evaluates a proposed decision; the status is what its gap says.
    pub(super) fn certified_by(
        problem: &SlotProblem,
        proposal: Proposal,
        tolerance: f64,
        work: Work,
    ) -> Result<Self, SolveError> {
        let Proposal { mut decision, lower_bound, shadow_prices } = proposal;
        decision.drop_unused(problem);
        decision.take_names(problem);
        let evaluation = evaluate(problem, &decision).map_err(|_| SolveError::Numerical)?;
        let objective = evaluation.objective;
        if !objective.is_finite() {
            return Err(SolveError::Numerical);
        }
        let lower_bound = lower_bound.max(trivial_bound(problem)).min(objective);
        let gap = proved_gap(objective, lower_bound, evaluation.terms.plan_penalty);
        let status = if gap <= tolerance { Status::Optimal } else { Status::Feasible };
        let certified = Certified { decision, evaluation, lower_bound, gap, shadow_prices };
        Ok(Self { status, outcome: Ok(certified), work, enumerated: None })
    }

    /// The certified decision; `None` for an infeasible problem.
    #[must_use]
    pub fn certified(&self) -> Option<&Certified> {
        self.outcome.as_ref().ok()
    }

    /// The solution in the exchange format.
    #[must_use]
    pub fn to_answer(&self) -> Answer {
        let best = self.certified();
        Answer {
            status: self.status,
            objective: best.map(Certified::objective),
            lower_bound: best.map(|b| b.lower_bound),
            gap: best.map(|b| b.gap),
            decision: best.map(|b| b.decision.clone()),
            terms: best.map(|b| b.evaluation.terms.clone()),
            shadow_prices: best.map(|b| b.shadow_prices.clone()),
            work: Some(self.work),
            reason: self.outcome.as_ref().err().map(ToString::to_string),
            enumerated: self.enumerated,
        }
    }
}

/// Why a problem was not attempted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// A setting is out of range.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The problem asks for something that the solver does not support.
    #[error("{field} = {value}: not supported by the exact solver; use {instead}")]
    Unsupported {
        /// The problem's field.
        field: &'static str,
        /// Its value.
        value: &'static str,
        /// What is supported.
        instead: &'static str,
    },
    /// The choice among a cluster's devices would take too much memory.
    #[error(
        "clusters[{cluster}]: {field} = {value} with participation \"select\": at most {most}; \
         offer fewer devices, or use participation \"all\""
    )]
    TooLarge {
        /// The cluster.
        cluster: usize,
        /// What is too large.
        field: &'static str,
        /// Its value.
        value: usize,
        /// The largest value supported.
        most: usize,
    },
    /// What is given does not fit the problem.
    #[error(transparent)]
    Question(#[from] FieldError),
    /// Another solver gave up, or its answer did not stand up to an independent check.
    #[error("{backend}: {what}")]
    Backend {
        /// The solver.
        backend: &'static str,
        /// What it reported, or what its answer violates.
        what: String,
    },
    /// The problem is larger than the backend is meant for.
    #[error("{backend}: the problem has {found} {what}, and settings.{field} allows {limit}; {instead}")]
    OverLimit {
        /// The solver.
        backend: &'static str,
        /// What was counted.
        what: &'static str,
        /// The count; the largest u64 where it is that large or larger.
        found: u64,
        /// The setting that limits it.
        field: &'static str,
        /// The limit.
        limit: u64,
        /// What to do.
        instead: &'static str,
    },
    /// The solve was ended before there was any decision.
    #[error("no decision yet: the solve was ended by {by} before the first one; allow more")]
    NoDecision {
        /// What ended it: the name of a setting, or the stop flag.
        by: &'static str,
    },
    /// The numbers are so far apart that no allocation could be computed within double precision.
    #[error("the problem's numbers are too far apart for double precision: rescale gains, powers, prices or times")]
    Numerical,
}

impl Blamed for SolveError {
    fn blame(&self) -> Blame {
        match self {
            Self::Settings(error) => error.blame(),
            Self::Question(error) => error.blame(),
            Self::Unsupported { .. } | Self::TooLarge { .. } | Self::OverLimit { .. } => Blame::Input,
            Self::Backend { .. } | Self::NoDecision { .. } | Self::Numerical => Blame::Machine,
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Settings(error) => error.field(),
            Self::Question(error) => error.field(),
            _ => None,
        }
    }
}
