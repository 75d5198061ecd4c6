//! Exact, certified planning of collaborative Transformer training over mobile and edge devices.
//!
//! In every slot (round) collapipe minimizes, over the plan (I, M), the active devices, the segment sizes d, and
//! bandwidth w and power p of every transmission,
//!
//! ```text
//! V·max_n T_n + Σ_k Z_k E_k + penalty(plan)
//!
//! T_n = fixed + distribution + I (forward + backward) + collection + upload      latency of cluster n
//! forward = Σ_j t_j + (M−1) max_j t_j       over compute stages and hops; a hop takes ℓ + bA/R(w, p)
//! R(w, p) = w log₂(1 + p γ/w)               Shannon rate, γ the gain-to-noise ratio
//! E_k = I B d_k (c_F + c_B) ε_k + Σ (p/η + p_c) t                                energy of node k
//!
//! subject to  Σ_k d_k = L,  d_k ≥ 1,  d_k (resident + activation·B) ≤ memory_k,
//!             Σ w ≤ W per phase,  Σ w ≤ W_up over the uploads,  p ≤ P.
//! ```
//!
//! Every symbol is a field of [`problem::SlotSpec`]. The system is that of *CollaPipe* (Chen et al., arXiv 2509.19855);
//! its equations were not available, and the formulation is our own reconstruction.
//!
//! # Solve one slot
//!
//! [`problem::SlotProblem`] is the validated problem, [`solver::solve`] returns the decision with objective by term,
//! lower bound, gap and shadow prices; [`problem::evaluate`] says what any decision costs and which constraints it
//! breaks.
//!
//! ```
//! use collapipe::instances::InstanceSize;
//! use collapipe::solver::{Settings, solve};
//!
//! let problem = InstanceSize { devices: 4, blocks: 8, ..InstanceSize::default() }.sample(1)?;
//! let solution = solve(&problem, &Settings::default())?;
//! let best = solution.certified().ok_or("infeasible")?;
//! assert!(best.lower_bound <= best.objective() && best.gap <= 1e-7);
//! println!("{:?} blocks, {:.3e} per Hz", best.decision.clusters[0].sizes, best.shadow_prices.uplink_per_hz);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # From the world to slot problems
//!
//! [`model`] turns a Transformer into the encoder's costs, [`network`] has devices and the radio between them, and a
//! [`scenario`] puts them together, with budgets, candidate plans and a seed, into slot problems.
//!
//! # Run round after round
//!
//! [`lyapunov`] turns the energy spent so far into the next slot's prices and certifies what the budgets are worth;
//! [`simulation`] runs a scenario and records it; [`report`] makes tables and figures of the record; [`tradeoff`] does
//! so for many values of V, or of the gradient norm wanted; [`promise`] says what runs at other seeds will do.
//!
//! The same queues, certificates and figures serve slot problems of your own: [`lyapunov::DriftProblem`] is what you
//! bring, [`lyapunov::Engine`] plays it.
//!
//! # Plan while devices come and go
//!
//! A service measures instead of drawing: [`scenario::SlotState::measured`] is a slot as it was found,
//! [`lyapunov::FleetController`] keeps the queues of nodes that join and leave, and goes on after a restart, and
//! [`solver::Solver::solve_until`] answers before a deadline. `docs/online.md` puts them together. The library prints nothing;
//! solves, runs and scenarios speak through `tracing` events.
//!
//! # What a schedule learns
//!
//! [`bounds`] has convergence bounds of training schedules, one per file, with their assumptions checked; the plan of
//! least bound in a time budget; and the bound as a long-term constraint on the plan.
//!
//! # Partition without radio
//!
//! [`partition`] cuts a chain of unequal layers over devices with links of fixed rates, or none, exactly: what planners
//! of pipelines in a machine room or on a desk solve.
//!
//! # Pipelines as they run
//!
//! [`schedule`] plays any static schedule of a pipeline event by event: makespan, critical path, bubbles, memory, charts
//! and traces.
//!
//! # Calibration
//!
//! [`calibration`] finds rates, overheads and latencies from iterations of pipelines that were timed.
//!
//! # Test allocations
//!
//! [`instances`] draws seeded problems of any size and has a catalogue of named ones; feature `proptest` adds
//! `strategies` for valid problems and feasible decisions.
//!
//! # Features
//!
//! A program that only calls the solver, runs scenarios built in code or sums records up takes
//! `default-features = false`. Beyond that, by what is wanted:
//!
//! | feature | what it brings |
//! |---|---|
//! | `scenario` | scenario files (TOML) and tables of rate traces (CSV): `ScenarioFile`, `read_traces`; `formats`: what is wrong in a file |
//! | `figures` | folders of results, with tables (CSV) and figures (SVG): `RunFolder`, `TradeoffFolder` |
//! | `png` | figures as PNG: `report::png` |
//! | `parquet` | tables of runs as Parquet: `RunFolder::with_parquet` |
//! | `pdf` | figures for papers and slides as PDF beside the SVG, with their font |
//! | `experiments` | the experiments that compare policies: `experiments`; with `figures`, `pdf`, `png` and `scenario` |
//! | `conic`, `smooth` | further solvers beside the exact one, see [`solver::backend`] |
//! | `milp`, `highs` | linear programs in integers, through microlp or HiGHS: the offline optimum and more backends |
//! | `proptest` | `strategies` for property tests |
//! | `schema` | JSON Schemas of the exchange formats, generated from the types: `formats::FileKind::schema` |
//! | `cli` | the program: `experiments`, `schema` and the command line |
//!
//! Default are `cli`, `conic`, `milp` and `smooth`: what the program needs.
//!
//! # Errors
//!
//! Every error is typed, names what is wrong, where and what may be done, and tells who can do something about it:
//! [`Blamed`].

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod bounds;
pub mod calibration;
#[cfg_attr(
    not(feature = "experiments"),
    allow(dead_code, reason = "charts of pipelines need fewer pieces than figures")
)]
mod drawing;
#[cfg(feature = "experiments")]
pub mod experiments;
#[cfg(feature = "scenario")]
pub mod formats;
mod ground;
pub mod instances;
pub mod lyapunov;
pub mod model;
pub mod network;
pub mod partition;
pub mod plan;
pub mod problem;
#[cfg(feature = "figures")]
pub mod promise;
pub mod report;
pub mod scenario;
pub mod schedule;
pub mod simulation;
pub mod solver;
#[cfg(any(test, feature = "proptest"))]
pub mod strategies;
pub mod tradeoff;

pub use ground::blame::{Blame, Blamed};
pub use ground::files::{FileError, write_bytes, write_text};
pub use ground::{text, units};
/// The linear algebra of the public types, in the version they use.
pub use nalgebra;

/// The README's programs, compiled and run.
#[cfg(all(doctest, feature = "proptest"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The program of a page, compiled.
#[cfg(doctest)]
#[doc = include_str!("../docs/online.md")]
struct Online;
