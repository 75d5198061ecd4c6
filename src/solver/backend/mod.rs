//! Independent ways to the same answers: other solvers beside the exact one, in the same program, on the same problems.
//!
//! A [`Backend`] answers a *question* about a slot problem, and which questions it can answer is part of its type:
//! asking it for anything else does not compile.
//!
//! | question | what is free | answered by |
//! |---|---|---|
//! | [`WholeSlot`] | everything | [`Exact`], [`Exhaustive`], [`Alternating`], `Milp` |
//! | [`RadioFor`] | bandwidths and powers; plan, active devices and sizes are given | [`Exact`], `Conic` (feature `conic`) |
//! | [`SegmentsFor`] | plan, active devices and sizes; bandwidths and powers are given | [`Exhaustive`], `Milp` |
//!
//! Whatever a backend claims, its answer is a [`Solution`]: the decision as [`evaluate`](crate::problem::evaluate) sees
//! it, and a lower bound that does not rest on the backend's own word; `Milp` (feature `milp`) is the exception and
//! says so. `solve_with_term` (feature `smooth`) is no backend: it minimizes the radio with a cost term of the user's
//! own. What each is for and cannot do: `docs/backends.md`.
//!
//! ```
//! use collapipe::instances::InstanceSize;
//! use collapipe::solver::backend::{Backend, Exact, RadioFor, WholeSlot};
//! let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(3)?;
//! let best = Exact::default().solve(&problem, &WholeSlot)?;
//! let best = best.certified().ok_or("infeasible")?;
//! // The same segments again, with the radio left to choose: the same objective.
//! let radio = Exact::default().solve(&problem, &RadioFor::decision(&best.decision))?;
//! let again = radio.certified().ok_or("infeasible")?.objective();
//! assert!((again - best.objective()).abs() <= 1e-6 * again.abs());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alternating;
#[cfg(feature = "conic")]
mod conic;
mod exact;
mod exhaustive;
mod given;
#[cfg(feature = "milp")]
mod milp;
mod question;
#[cfg(feature = "smooth")]
mod smooth;
// What one of the two features does not use, the other does.
#[cfg(any(feature = "conic", feature = "smooth"))]
#[cfg_attr(not(all(feature = "conic", feature = "smooth")), allow(dead_code))]
mod transmissions;

pub use alternating::Alternating;
#[cfg(feature = "conic")]
pub use conic::{Conic, ConicSettings};
pub use exact::Exact;
pub use exhaustive::Exhaustive;
pub use given::GivenRadio;
#[cfg(feature = "milp")]
pub use milp::{LinearSolver, Milp};
pub use question::{RadioFor, SegmentsFor, WholeSlot};
#[cfg(feature = "smooth")]
pub use smooth::{ExtraTerm, LocalBest, LocalSolution, LocalStatus, SmoothSettings, solve_with_term};

pub use super::cluster::Segments;
use super::{Solution, SolveError};
use crate::problem::SlotProblem;

/// A solver that can answer questions of one kind.
pub trait Backend<Question> {
    /// What the backend is called in tables and errors.
    fn name(&self) -> &'static str;

    /// Answers the question about the problem.
    ///
    /// # Errors
    /// [`SolveError`] where the question does not fit the problem, the backend does not support the problem, or gave up
    /// without a decision that satisfies the constraints. An infeasible question is no error but a [`Solution`] with
    /// its reasons.
    fn solve(&self, problem: &SlotProblem, question: &Question) -> Result<Solution, SolveError>;
}
