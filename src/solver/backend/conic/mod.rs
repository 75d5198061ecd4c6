//! The radio problem as a cone program, through Clarabel.
//!
//! Formulation and tolerances: `docs/backends.md`. Nothing of Clarabel's report is taken on trust: its point is made
//! feasible and evaluated, its multipliers only propose prices, at which weak duality proves a bound.

mod bound;
mod hop;
mod program;
mod quadrature;
mod scaling;
#[cfg(test)]
mod tests;

use bound::ConePrices;
use program::ClarabelRun;
use scaling::Scaling;
use serde::{Deserialize, Serialize};

use super::transmissions::{RadioPoint, RadioProgram};
use super::{Backend, RadioFor};
use crate::problem::{Decision, SlotProblem, Work, evaluate};
use crate::solver::{Proposal, SettingsError, Solution, SolveError};

const NAME: &str = "conic";

/// Accuracy and limits of [`Conic`]. Limits count work, not time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConicSettings {
    /// Relative gap (objective − lower bound)/|objective| at which no further rung of the ladder is tried, and up to
    /// which an answer is called optimal; in [1e-9, 1], default 1e-6.
    pub gap: f64,
    /// Most interior-point iterations of one rung; at least 1, default 200.
    pub iterations: u32,
    /// Most transmissions (hops of both phases, segment transfers, uploads) of a problem; at least 1, default 5000.
    pub transmissions: usize,
}

impl Default for ConicSettings {
    fn default() -> Self {
        Self { gap: 1e-6, iterations: 200, transmissions: 5000 }
    }
}

impl ConicSettings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        SettingsError::unless_within("gap", self.gap, 1e-9..=1.0, "in [1e-9, 1]")?;
        SettingsError::unless_positive("iterations", self.iterations)?;
        SettingsError::unless_positive("transmissions", self.transmissions as u64)
    }
}

/// The convex radio problem for given integers, all clusters at once, by Clarabel's interior-point method.
///
/// Unlike the exact solver it also knows `overlap: none`. An answer is [`Optimal`](crate::problem::Status::Optimal)
/// only where the certified gap is at most [`ConicSettings::gap`], else [`Feasible`](crate::problem::Status::Feasible)
/// with its gap. [`Work::nodes`](crate::problem::Work::nodes) counts rungs of
/// the ladder, [`Work::iterations`](crate::problem::Work::iterations) interior-point iterations.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// use collapipe::solver::backend::{Backend, Conic, Exact, RadioFor, WholeSlot};
/// let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(3)?;
/// let exact = Exact::default().solve(&problem, &WholeSlot)?;
/// let best = exact.certified().ok_or("infeasible")?;
/// let conic = Conic::default().solve(&problem, &RadioFor::decision(&best.decision))?;
/// let again = conic.certified().ok_or("infeasible")?;
/// assert!(again.gap <= 1e-6 && (again.objective() - best.objective()).abs() <= 1e-6 * best.objective());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conic {
    /// Accuracy and limits.
    pub settings: ConicSettings,
}

/// Where a rung takes its units from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Units {
    /// [`Scaling::natural`].
    Natural,
    /// The best point so far; natural ones where there is none.
    Best,
}

/// What is tried, in this order, until the gap is met.
const LADDER: [Rung; 6] = [
    // Short steps: with full ones the method loses its way on rate constraints.
    Rung { units: Units::Natural, ..Rung::USUAL },
    // Around the answer, where every quantity is 1 and the quadrature is at its best.
    Rung::USUAL,
    // Without Clarabel's own scaling on top of ours.
    Rung { equilibrate: false, ..Rung::USUAL },
    Rung { max_step_fraction: 0.8, regularization: 1e-9, ..Rung::USUAL },
    // Shorter steps, more regularization.
    Rung { units: Units::Natural, max_step_fraction: 0.7, regularization: 1e-7, ..Rung::USUAL },
    Rung { equilibrate: false, max_step_fraction: 0.8, ..Rung::USUAL },
];

/// One attempt.
#[derive(Clone, Copy, Debug)]
struct Rung {
    units: Units,
    max_step_fraction: f64,
    equilibrate: bool,
    regularization: f64,
}

impl Rung {
    const USUAL: Self = Self { units: Units::Best, max_step_fraction: 0.9, equilibrate: true, regularization: 1e-8 };
}

impl Backend<RadioFor> for Conic {
    fn name(&self) -> &'static str {
        NAME
    }

    fn solve(&self, problem: &SlotProblem, question: &RadioFor) -> Result<Solution, SolveError> {
        self.settings.validate()?;
        crate::solver::check_classical(problem)?;
        question.check(problem)?;
        let reasons = question.reasons(problem);
        if !reasons.is_empty() {
            return Ok(Solution::infeasible(problem, reasons));
        }
        let radio = RadioProgram::new(problem, question).ok_or(SolveError::Numerical)?;
        let (count, limit) = (radio.transmissions.len(), self.settings.transmissions);
        if count > limit {
            let what = format!("{count} transmissions, limit settings.transmissions = {limit}; raise it, or use Exact");
            return Err(SolveError::Backend { backend: NAME, what });
        }
        let mut search =
            ConicSearch { problem, question, radio: &radio, best: None, bound: None, work: Work::default() };
        let mut reports = Vec::new();
        for rung in LADDER {
            let Rung { units, max_step_fraction, equilibrate, regularization } = rung;
            let max_iterations = self.settings.iterations;
            let run = ClarabelRun { max_step_fraction, equilibrate, regularization, max_iterations };
            reports.push(search.rung(units, &run));
            if search.gap().is_some_and(|gap| gap <= self.settings.gap) {
                break;
            }
        }
        search
            .proposal(&reports)
            .and_then(|(proposal, work)| Solution::certified_by(problem, proposal, self.settings.gap, work))
    }
}

/// The best decision and the best bound so far.
struct ConicSearch<'a> {
    problem: &'a SlotProblem,
    question: &'a RadioFor,
    radio: &'a RadioProgram,
    best: Option<(f64, RadioPoint, Decision)>,
    bound: Option<(f64, ConePrices)>,
    work: Work,
}

impl ConicSearch<'_> {
    /// Runs Clarabel once; what came of it, in words.
    fn rung(&mut self, units: Units, run: &ClarabelRun) -> String {
        let scaling = match (&self.best, units) {
            (Some((_, point, _)), Units::Best) => Some(Scaling::around(self.radio, point)),
            _ => Scaling::natural(self.radio),
        };
        let Some(scaling) = scaling.filter(Scaling::is_usable) else { return "no usable units".into() };
        self.work.nodes += 1;
        let Some(report) = program::solve(self.radio, &scaling, run) else { return "coefficients out of range".into() };
        self.work.iterations += u64::from(report.iterations);
        self.take_point(&report.point);
        self.take_prices(report.prices, &report.point);
        format!("{:?} after {} iterations", report.status, report.iterations)
    }

    /// Clarabel's durations and bandwidths, made feasible.
    fn take_point(&mut self, point: &RadioPoint) {
        let Some(point) = self.radio.made_feasible(point) else { return };
        let decision = self.radio.decision(self.question, &point);
        let Ok(evaluation) = evaluate(self.problem, &decision) else { return };
        let objective = evaluation.objective;
        let better = self.best.as_ref().is_none_or(|(before, ..)| objective < *before);
        if objective.is_finite() && evaluation.feasibility.is_feasible(1e-12) && better {
            self.best = Some((objective, point, decision));
        }
    }

    /// Clarabel's multipliers, and what they suggest.
    fn take_prices(&mut self, prices: ConePrices, point: &RadioPoint) {
        let raw = prices.clone().made_valid(self.radio);
        let sparse = prices.complementary(self.radio, point).made_valid(self.radio);
        for prices in [raw, sparse] {
            self.offer(prices.clone());
            if self.gap().is_some_and(|gap| gap > 1e-9) {
                self.offer(self.radio.improve_band_prices(&prices));
            }
        }
    }

    /// The bound at valid prices, and the decision that every transmission's best answer to them makes.
    fn offer(&mut self, prices: ConePrices) {
        let Some((value, point)) = self.radio.dual(&prices) else { return };
        self.take_point(&point);
        if self.bound.as_ref().is_none_or(|(before, _)| value > *before) {
            self.bound = Some((value, prices));
        }
    }

    fn gap(&self) -> Option<f64> {
        let ((objective, ..), (bound, _)) = (self.best.as_ref()?, self.bound.as_ref()?);
        Some(if objective == bound { 0.0 } else { (objective - bound) / objective.abs() })
    }

    /// The answer; `reports` say what the rungs did where there is none.
    fn proposal(self, reports: &[String]) -> Result<(Proposal, Work), SolveError> {
        let failed = |what: String| SolveError::Backend { backend: NAME, what };
        let (Some((objective, _, decision)), Some((lower_bound, prices))) = (self.best, self.bound) else {
            return Err(failed(format!("no decision satisfies the constraints; Clarabel: {}", reports.join(", "))));
        };
        let excess = (lower_bound - objective) / (objective.abs() + self.radio.constant.abs());
        if excess > 1e-9 {
            return Err(failed(format!("the lower bound exceeds the objective by {excess:e} of it; not trusted")));
        }
        let shadow_prices = self.radio.shadow_prices(&prices);
        Ok((Proposal { decision, lower_bound, shadow_prices }, self.work))
    }
}
