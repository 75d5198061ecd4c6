//! The radio problem with a cost term of the user's own, to a local optimum.
//!
//! Method and what it can promise: `docs/backends.md`.

mod polish;
mod prices;
#[cfg(test)]
mod tests;

use argmin::core::{CostFunction, Error, Executor};
use argmin::solver::brent::BrentOpt;
use serde::{Deserialize, Serialize};

use self::prices::Slopes;
use super::RadioFor;
use super::transmissions::{RadioPoint, RadioProgram};
use crate::problem::{Decision, Evaluation, SlotProblem, evaluate};
use crate::solver::{Infeasibility, Settings, SettingsError, SolveError, solve_radio};

const NAME: &str = "smooth";

/// A cost in objective units, as a function of what a decision costs.
///
/// Any function of the [`Evaluation`] will do: latencies, their parts, energies. Functions `Fn(&Evaluation) -> f64`
/// implement it.
pub trait ExtraTerm {
    /// The cost.
    fn value(&self, evaluation: &Evaluation) -> f64;
}

impl<F: Fn(&Evaluation) -> f64> ExtraTerm for F {
    fn value(&self, evaluation: &Evaluation) -> f64 {
        self(evaluation)
    }
}

/// Accuracy and limits of [`solve_with_term`]. Limits count work, not time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmoothSettings {
    /// Relative improvement of the total below which a stage ends; in [1e-12, 1], default 1e-9.
    pub tolerance: f64,
    /// Most linearizations of the term, each solved exactly; default 50.
    pub linearizations: u32,
    /// Most iterations of the search without derivatives that follows; default 2000.
    pub polish_iterations: u64,
}

impl Default for SmoothSettings {
    fn default() -> Self {
        Self { tolerance: 1e-9, linearizations: 50, polish_iterations: 2000 }
    }
}

impl SmoothSettings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        SettingsError::unless_within("tolerance", self.tolerance, 1e-12..=1.0, "in [1e-12, 1]")
    }
}

/// Why a local search stopped. None of them says that the optimum is global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalStatus {
    /// Neither the linearized problem nor the search around the best point improved it by more than the tolerance.
    Converged,
    /// A limit of work was reached first.
    Limit,
}

/// The best point found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LocalBest {
    /// What to do.
    pub decision: Decision,
    /// What it costs without the term.
    pub evaluation: Evaluation,
    /// The term at the decision.
    pub term: f64,
    /// Objective and term.
    pub total: f64,
    /// Objective and term of the optimum without the term, where the search started.
    pub start: f64,
    /// No decision with these integers has a smaller total, **if** the term is convex as a function of the round
    /// latency and the nodes' energies of sending, and of nothing else. `None` where the last linearization has a
    /// negative price, which proves nothing.
    pub lower_bound_if_convex: Option<f64>,
}

/// How the search ended, and with what.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LocalSolution {
    /// Why it stopped.
    pub status: LocalStatus,
    /// The best point, or why no decision exists with these integers.
    pub outcome: Result<LocalBest, Infeasibility>,
    /// Linearizations solved.
    pub linearizations: u32,
}

/// Minimizes objective + term over bandwidths and powers; plan, devices and sizes are given.
///
/// Starts from the exact optimum without the term. First the term is linearized in latency and energies, which makes it
/// a change of prices: the exact solver answers, and a line search (Brent's method, on durations and bandwidths, among
/// which the feasible ones are convex) goes towards the answer. A term that is linear in these quantities takes one
/// step. Then a Nelder-Mead search in coordinates that keep all constraints (bands as softmax shares, powers as
/// P·sigmoid) looks for what a linearization does not see.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// use collapipe::problem::Evaluation;
/// use collapipe::solver::backend::{RadioFor, SmoothSettings, solve_with_term};
/// use collapipe::solver::{Settings, solve};
/// let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(3)?;
/// let best = solve(&problem, &Settings::default())?;
/// let question = RadioFor::decision(&best.certified().ok_or("infeasible")?.decision);
/// // Rounds longer than 9 s cost extra, more and more.
/// let late = |evaluation: &Evaluation| 10.0 * (evaluation.round_latency.0 - 9.0).max(0.0).powi(2);
/// let found = solve_with_term(&problem, &question, &late, &SmoothSettings::default())?;
/// let found = found.outcome.map_err(|reasons| reasons.to_string())?;
/// assert!(found.total <= found.start);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`SolveError`] for settings out of range, integers that do not fit the problem, `overlap: none`, and a term that is
/// not finite at the start.
pub fn solve_with_term(
    problem: &SlotProblem,
    question: &RadioFor,
    term: &dyn ExtraTerm,
    settings: &SmoothSettings,
) -> Result<LocalSolution, SolveError> {
    settings.validate()?;
    let start = solve_radio(problem, question, &Settings::default())?;
    let start = match start.outcome {
        Ok(best) => best,
        Err(reasons) => {
            let outcome = Err(reasons);
            return Ok(LocalSolution { status: LocalStatus::Converged, outcome, linearizations: 0 });
        }
    };
    let radio = RadioProgram::new(problem, question).ok_or(SolveError::Numerical)?;
    let value = term.value(&start.evaluation);
    let total = start.evaluation.objective + value;
    if !total.is_finite() {
        let what = format!("the extra term is {value} at the optimum without it: it must be finite there");
        return Err(SolveError::Backend { backend: NAME, what });
    }
    let best = LocalBest {
        decision: start.decision,
        evaluation: start.evaluation,
        term: value,
        total,
        start: total,
        lower_bound_if_convex: None,
    };
    let mut search = TermSearch { problem, question, term, radio: &radio, best, linearizations: 0 };
    let steps = search.linearize(settings)?;
    let polished = search.polish(settings);
    let status = if steps && polished { LocalStatus::Converged } else { LocalStatus::Limit };
    Ok(LocalSolution { status, outcome: Ok(search.best), linearizations: search.linearizations })
}

struct TermSearch<'a> {
    problem: &'a SlotProblem,
    question: &'a RadioFor,
    term: &'a dyn ExtraTerm,
    radio: &'a RadioProgram,
    best: LocalBest,
    linearizations: u32,
}

impl TermSearch<'_> {
    /// Objective and term; infinite where the decision is infeasible or the term not finite.
    fn total(&self, decision: &Decision) -> f64 {
        self.evaluated(decision).map_or(f64::INFINITY, |(evaluation, term)| evaluation.objective + term)
    }

    fn evaluated(&self, decision: &Decision) -> Option<(Evaluation, f64)> {
        let evaluation = evaluate(self.problem, decision).ok()?;
        let term = self.term.value(&evaluation);
        let usable = (evaluation.objective + term).is_finite() && evaluation.feasibility.is_feasible(1e-9);
        usable.then_some((evaluation, term))
    }

    /// Takes the decision over if it is better; by how much it is, relative to the sizes of objective and term.
    fn take(&mut self, decision: Decision) -> f64 {
        let Some((evaluation, term)) = self.evaluated(&decision) else { return 0.0 };
        let total = evaluation.objective + term;
        if total >= self.best.total {
            return 0.0;
        }
        let gain = (self.best.total - total) / (self.best.evaluation.objective.abs() + self.best.term.abs());
        self.best = LocalBest { decision, evaluation, term, total, ..self.best.clone() };
        gain
    }

    /// Steps towards the optimum of the linearized problem; whether they ended by themselves.
    fn linearize(&mut self, settings: &SmoothSettings) -> Result<bool, SolveError> {
        while self.linearizations < settings.linearizations {
            self.linearizations += 1;
            let Some(slopes) = Slopes::of(self.term, &self.best.evaluation) else { return Ok(true) };
            let priced = slopes.priced(self.problem)?;
            let solution = solve_radio(&priced.problem, self.question, &Settings::default())?;
            let Some(target) = solution.certified() else { return Ok(true) };
            self.best.lower_bound_if_convex = priced.is_exact.then(|| {
                let bound = target.lower_bound + self.best.term - slopes.at(&self.best.evaluation);
                self.best.lower_bound_if_convex.map_or(bound, |before| before.max(bound))
            });
            let step = self.line_search(&target.decision);
            let gain = self.take(target.decision.clone()).max(step.map_or(0.0, |decision| self.take(decision)));
            if gain <= settings.tolerance {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The best decision between the best one and the target, by Brent's method; `None` where the search fails.
    fn line_search(&self, target: &Decision) -> Option<Decision> {
        let (from, to) = (self.radio.point(&self.best.decision), self.radio.point(target));
        let between = |way: f64| {
            let mix = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + way * (b - a)).collect();
            let point = RadioPoint { time: mix(&from.time, &to.time), band: mix(&from.band, &to.band) };
            self.radio.made_feasible(&point).map(|point| self.radio.decision(self.question, &point))
        };
        let cost = |way: f64| between(way).map_or(f64::INFINITY, |decision| self.total(&decision));
        let line = Line { cost, scale: self.best.total };
        let search = BrentOpt::new(0.0, 1.0).set_tolerance(1e-8, 1e-8);
        let result = Executor::new(line, search).configure(|state| state.max_iters(100)).timer(false).run().ok()?;
        let way = result.state.best_param.filter(|way| way.is_finite())?;
        between(way)
    }
}

/// Cost along a line, relative to where it starts.
struct Line<F> {
    cost: F,
    scale: f64,
}

/// What the searches see instead of an infinite or undefined cost.
const WORST: f64 = 1e100;

impl<F: Fn(f64) -> f64> CostFunction for Line<F> {
    type Param = f64;
    type Output = f64;

    fn cost(&self, way: &f64) -> Result<f64, Error> {
        let cost = (self.cost)(*way) - self.scale;
        Ok(if cost.is_finite() { cost } else { WORST })
    }
}
