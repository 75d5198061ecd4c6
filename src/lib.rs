//! collapipe: exact, certified planning of collaborative Transformer training at the edge.

pub mod lyapunov;
pub mod model;
pub mod network;
pub mod problem;
pub mod solver;
#[cfg(any(test, feature = "proptest"))]
pub mod strategies;
pub mod units;
