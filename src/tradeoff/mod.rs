//! What one number trades for another: a scenario run at several values of V, or of the target ε of its convergence
//! constraint.
//!
//! | task | here |
//! |---|---|
//! | the values, each with its scenario | [`Sweep`] |
//! | runs in parallel, finished ones kept in a folder | [`Sweep::play`], [`PointFolder`] |
//! | the result, as table and JSON; as CSV and figures (feature `figures`) | [`Tradeoff`]; `TradeoffFolder`, `write_tradeoff` |
//! | exponents of latency excess and backlog against V | [`PowerFit`], [`Reference`] |
//!
//! Drift plus penalty promises a latency within O(1/V) of the best at a backlog of O(V) (Neely 2010). The best is not
//! known, but bounded: see [`Reference`]. Every run is sequential and every number is put together in the order of the
//! values, so that the result is the same on any number of threads, and after any number of interruptions.

mod axis;
mod budgets;
mod error;
#[cfg(feature = "figures")]
mod figures;
#[cfg(feature = "figures")]
mod files;
mod fit;
mod folder;
#[cfg(feature = "figures")]
mod page;
mod point;
mod reference;
mod result;
mod sweep;
mod table;
#[cfg(feature = "figures")]
mod tidy;

pub use axis::Axis;
pub use error::SweepError;
#[cfg(feature = "figures")]
pub use files::{TradeoffFolder, write_tradeoff};
pub use fit::PowerFit;
pub use folder::PointFolder;
pub use point::{NodeOverspend, PointSchema, SettledPart, SweepPoint};
pub use reference::{Progress, Reference};
pub use result::{Fits, SweepProvenance, Tradeoff, TradeoffSchema};
pub use sweep::{MAX_POINTS, Sweep};
