//! Time: the run's clock, and machines that take as long as planned.
//!
//! Every machine (a stage's processor, a link) goes by an absolute schedule: what follows begins when what came before was
//! *planned* to end, so that the few microseconds by which a thread wakes up late do not add up. What ends more than
//! [`TOLERANCE`] of its duration later than planned is recorded, and the machine goes on from when it really ended.

mod clock;
mod machine;

pub use clock::{Clock, Stopped};
pub use machine::{GRAIN_S, Machine, Played, TOLERANCE};
