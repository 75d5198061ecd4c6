//! collapipe: exact, certified planning of collaborative Transformer training at the edge.

pub mod instances;
pub mod lyapunov;
pub mod model;
pub mod network;
pub mod problem;
pub mod report;
pub mod scenario;
pub mod simulation;
pub mod solver;
#[cfg(any(test, feature = "proptest"))]
pub mod strategies;
pub mod units;

/// The linear algebra of the public types, in the version they use.
pub use nalgebra;

/// The README's programs, compiled and run.
#[cfg(all(doctest, feature = "proptest"))]
#[doc = include_str!("../README.md")]
struct Readme;
