//! Who does what: a coordinator, and nodes that do what it says.
//!
//! A control unit, a device and an edge server are the same program ([`serve`]); what a node does follows from its place
//! in the plan. Nodes call the [`Coordinator`] over TCP, as threads of its process, as processes of its machine or from other
//! machines.

mod air;
mod cluster;
mod coordinator;
mod error;
mod inbox;
mod iteration;
mod local;
mod measured;
mod members;
mod node;
mod order;
mod processes;
mod whole;

pub use coordinator::{Coordinator, Parts};
pub use error::{NodeError, RoundError};
pub use local::Threads;
pub use measured::{Leg, MeasuredCluster, MeasuredIteration, MeasuredRound};
pub use members::{Hall, random_token};
pub use node::{NodeSettings, serve};
pub use order::{Pace, RoundOrder};
pub use processes::Processes;
pub use whole::Way;
