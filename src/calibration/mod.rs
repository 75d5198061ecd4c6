//! How fast devices and links really are, from iterations of pipelines that were timed.
//!
//! [`calibrate`] finds the rates, overheads, latencies and staging times that explain measured seconds best, by robust least
//! squares on the relative errors of the event timeline ([`schedule`](crate::schedule)); [`Calibration`] has them with
//! confidence intervals, says what the data cannot tell, and how well rows are predicted that were left out.
//!
//! | task | here |
//! |---|---|
//! | read a table of timings | `Timing::from_csv` (feature `scenario`) |
//! | fit | [`CalibrationSpec`], [`calibrate`] |
//! | what a scenario can name | [`Calibration::presets_toml`] |
//!
//! The model of a row and its symbols: `docs/calibrate.md`.

#[cfg(feature = "scenario")]
mod columns;
mod error;
mod fit;
mod fitted;
mod model;
mod quantity;
#[cfg(feature = "scenario")]
mod table;

#[cfg(feature = "scenario")]
pub use columns::TimingColumn;
pub use error::CalibrationError;
pub use fit::calibrate;
pub use fitted::{Calibration, Estimate, RowFit, Unidentified};
pub use model::{CalibrationSpec, Timing, Work};
pub use quantity::{Quantity, UnknownQuantity};
#[cfg(feature = "scenario")]
pub use table::TimingsError;

pub use crate::ground::check::FieldError;
