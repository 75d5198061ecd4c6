//! Links that the kernel shapes: every node in a network namespace of its own, every link a pair of virtual Ethernet devices with
//! a token bucket (`tc-tbf`) at its sender's end.
//!
//! With them what is measured is not the emulation's own arithmetic: bytes go through TCP and a queue of the kernel, at a rate that
//! is set once, and arrive when they arrive. Work still takes its planned time, and what a hop's message is later by is held by
//! its receiver.

mod error;
mod kernel;
mod shape;

pub use error::NetworkError;
pub use kernel::{PrivateNetwork, Way, permitted};
pub use shape::{MOST_BITS_PER_SECOND, SHORTEST_S, Shape, Stream};
