//! Long-term constraints by drift plus penalty: virtual queues, queue prices, certificate C1.
//!
//! A long-term constraint avg g ≤ 0 becomes a queue Q ← max(Q + g, 0). Minimizing V·T + Q·g in every slot keeps all
//! queues stable where that can be done, without knowledge of the channel's law (Neely 2010, *Stochastic Network
//! Optimization*); whatever the slots were, the final queue certifies how much the constraint was broken
//! ([`Certificate`]). [`Queues`] serve any constraint; on top of them [`EnergyController`] turns the energy budgets of a network's
//! nodes into the slot problem's energy prices, and [`ConvergenceController`] a wanted gradient norm into its plans' penalties.

mod controller;
mod convergence;
mod queues;

pub use controller::{BudgetError, EnergyController};
pub use convergence::ConvergenceController;
pub(crate) use convergence::{certified_mean, local_steps};
pub use queues::{Certificate, QueueError, Queues};
