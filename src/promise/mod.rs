//! Before a run: what runs with other seeds will most probably do.
//!
//! | task | here |
//! |---|---|
//! | how many runs a statement takes | [`runs_needed`] |
//! | the runs of a scenario at seeds of their own, in parallel, finished ones kept in a folder | [`Study`], [`RunFolder`] |
//! | what may be promised: table, JSON and figure | [`Promise`] |
//!
//! The largest of n independent draws is not below the quantile `coverage` of their law with probability 1 − coverageⁿ,
//! whatever the law is (Wilks 1941). With 1 − coverageⁿ ≥ confidence the largest value of n runs bounds, with that
//! confidence, at least that share of all runs. It needs independent seeds alone.

mod error;
mod figure;
mod folder;
mod page;
mod result;
mod study;
mod wilks;

pub use error::PromiseError;
pub use folder::{PromiseFolder, RunFolder};
pub use result::{Bound, PlayedRun, Promise, PromiseSchema, RunSchema};
pub use study::{MAX_RUNS, Study, seeds};
pub use wilks::runs_needed;
