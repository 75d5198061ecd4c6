//! Mixed-integer linear programs through `good_lp` (feature `milp`).

mod cuts;
mod model;
mod outer;
mod pipeline;
mod segments;

use serde::{Deserialize, Serialize};

use super::{Backend, SegmentsFor, WholeSlot};
use crate::problem::{ObjectiveTerms, SlotProblem};
use crate::solver::{SettingsError, Solution, SolveError};

const NAME: &str = "milp";

/// Relative to the objective's terms: what a linear solver's optimum may be off by, and by how much bounds are lowered.
const ACCURACY: f64 = 1e-6;

/// Which solver `good_lp` hands the programs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LinearSolver {
    /// [microlp](https://docs.rs/microlp), in Rust: for small programs.
    #[default]
    Microlp,
    /// [HiGHS](https://highs.dev) (feature `highs`).
    #[cfg(feature = "highs")]
    Highs,
}

/// Linear programs in integers, solved by somebody else's solver.
///
/// For a given radio ([`SegmentsFor`]) the slot problem *is* such a program, one per plan: binaries for the links that
/// a path uses and the devices that take part, integers for the sizes, and the makespan by linear constraints on the
/// pace. Both kinds of overlap are supported there.
///
/// The whole slot is solved by outer approximation (Duran and Grossmann, Mathematical Programming 36, 1986): energies
/// and shortest times are convex in time and bandwidth and lie above their tangent planes, which makes the program's
/// optimum a lower bound; the radio of the segments it chooses, solved by [`solve_radio`](crate::solver::solve_radio),
/// is a decision, and its tangents go into the program for the next round.
///
/// The lower bounds rest on the linear solver's word that its optimum is one, lowered by 1e-6 of the objective's terms;
/// everything else is checked: that the answer satisfies every row and bound, that integers are integers, that
/// [`evaluate`](crate::problem::evaluate) finds the decision feasible and as cheap as claimed. What fails a check is an
/// error.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// use collapipe::solver::backend::{Backend, Exact, Milp, SegmentsFor, WholeSlot};
/// let problem = InstanceSize { devices: 4, blocks: 12, ..InstanceSize::default() }.sample(1)?;
/// let exact = Exact::default().solve(&problem, &WholeSlot)?;
/// let milp = Milp::default().solve(&problem, &WholeSlot)?;
/// let (exact, best) = (exact.certified().ok_or("infeasible")?, milp.certified().ok_or("infeasible")?);
/// assert!(best.lower_bound <= exact.objective() && best.gap <= 1e-4);
/// // Segments for every link at full power on an equal share of the band: no better.
/// let equal = Milp::default().solve(&problem, &SegmentsFor::equal_shares(&problem))?;
/// assert!(equal.certified().ok_or("infeasible")?.objective() > exact.objective());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Milp {
    /// Who solves the linear programs.
    pub solver: LinearSolver,
    /// Relative gap at which the whole problem is called solved; in [1e-6, 1], default 1e-4.
    pub gap: f64,
    /// Most programs in integers to be solved for the whole problem; at least 1, default 100.
    pub rounds: u32,
    /// Most integers (links, devices and sizes of all clusters) of a program for the whole problem; at least 1,
    /// default 400.
    pub integers: u64,
    /// Time limit of one linear program in seconds, against programs that a solver cannot cope with; in [1e-3, 1e6],
    /// default 60. Reaching it is an error, so that no answer depends on the machine.
    pub seconds: f64,
}

impl Default for Milp {
    fn default() -> Self {
        Self { solver: LinearSolver::default(), gap: 1e-4, rounds: 100, integers: 400, seconds: 60.0 }
    }
}

impl Milp {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        SettingsError::unless_within("gap", self.gap, ACCURACY..=1.0, "in [1e-6, 1]")?;
        SettingsError::unless_positive("rounds", self.rounds)?;
        SettingsError::unless_positive("integers", self.integers)?;
        SettingsError::unless_within("seconds", self.seconds, 1e-3..=1e6, "in [1e-3, 1e6]")
    }
}

/// Σ of the terms that are never negative: what tolerances are relative to.
fn magnitude(terms: &ObjectiveTerms) -> f64 {
    terms.latency + terms.compute_energy + terms.transmit_energy
}

impl Backend<SegmentsFor> for Milp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn solve(&self, problem: &SlotProblem, question: &SegmentsFor) -> Result<Solution, SolveError> {
        segments::solve(self, problem, question)
    }
}

impl Backend<WholeSlot> for Milp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn solve(&self, problem: &SlotProblem, _: &WholeSlot) -> Result<Solution, SolveError> {
        outer::solve(self, problem)
    }
}
