//! The radio between the nodes of a cluster: from positions, constants or measured rates to gain-to-noise ratios.
//!
//! | task | type |
//! |---|---|
//! | mean loss between two antennas, probability of line of sight | [`PathLossModel`], [`Geometry`] |
//! | what stays on a link: line of sight, shadowing | [`SightRule`], [`shadowing_db`] |
//! | what changes from slot to slot | [`Fading`], [`Correlation`], [`FadingProcess`] |
//! | loss to gain-to-noise ratio | [`Noise`] |
//! | measured rates instead of a model | [`RateTrace`], [`ReferenceLink`] |
//! | all of it for the nodes of a cluster, slot by slot | [`ChannelConfig`], [`Channel`] |
//!
//! Gains are γ\[i\]\[j\] = |h|²/N0 in Hz/W from transmitter i to receiver j of the K+2 nodes of a cluster: 0 the
//! control unit, 1..K the devices, K+1 the edge server. |h|² is the same both ways; N0 is the receiver's.
//! `docs/radio.md` explains the models to a newcomer.

mod channel;
mod config;
mod fading;
mod noise;
mod path_loss;
mod seed;
mod shadowing;
mod trace;
#[cfg(feature = "scenario")]
mod trace_columns;
#[cfg(feature = "scenario")]
mod trace_file;
#[cfg(feature = "scenario")]
mod trace_rows;
#[cfg(feature = "scenario")]
mod trace_series;

use std::fmt::Display;
use std::ops::RangeInclusive;

pub use channel::{Channel, ChannelError, LinkState};
pub use config::{
    ChannelConfig, ConstantChannel, GeometricChannel, LinkRadio, NodeRadio, Position, TraceChannel, TraceFormat,
    TraceGaps,
};
pub use fading::{Correlation, Fading, FadingProcess, Scattered};
pub use noise::{BASE_STATION_NOISE_FIGURE_DB, Noise, TERMINAL_NOISE_FIGURE_DB, THERMAL_NOISE_DBM_PER_HZ, from_db};
pub use path_loss::{Geometry, PathLossModel, SPEED_OF_LIGHT_M_PER_S, Sight, Validity};
pub use seed::LinkId;
pub use shadowing::{SightRule, shadowing_db};
pub use trace::{RateTrace, ReferenceLink, TraceError};
#[cfg(feature = "scenario")]
pub use trace_file::{TraceFile, TraceFileError, TraceMapping, read_traces};

use crate::problem::FieldError;

fn field_error(path: &str, value: impl Display, allowed: impl Into<String>) -> FieldError {
    FieldError { path: path.to_owned(), value: value.to_string(), allowed: allowed.into(), owner: None }
}

/// Checks that a number lies in a range; the error names the field `path`.
fn check(path: &str, value: f64, range: RangeInclusive<f64>, unit: &str) -> Result<(), FieldError> {
    if range.contains(&value) {
        return Ok(());
    }
    let allowed = format!("in [{}, {}] {unit}", range.start(), range.end());
    Err(field_error(path, value, allowed.trim_end()))
}
