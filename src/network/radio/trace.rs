//! Measured rates, second by second, and the gains that would have carried them.

use std::sync::Arc;

use super::field_error;
use crate::ground::blame::{Blame, Blamed};
use crate::problem::{FieldError, MAX_MAGNITUDE};
use crate::units::{Hertz, Seconds, Watts};

/// Why rates are not a usable trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// It holds no sample.
    #[error("trace {trace:?}: holds no rate; at least one is needed")]
    Empty {
        /// The trace's name.
        trace: String,
    },
    /// A rate is negative or not finite.
    #[error("trace {trace:?}, second {second}: rate {mbps} Mbit/s must be a finite number, at least 0")]
    Rate {
        /// The trace's name.
        trace: String,
        /// Index of the sample.
        second: usize,
        /// The rate.
        mbps: String,
    },
    /// No gain up to 1e30 Hz/W carries the rate on the reference band.
    #[error(
        "trace {trace:?}, second {second}: rate {mbps} Mbit/s is too high for the reference link: {bits_per_s_per_hz} bit/s/Hz; enlarge reference_band_hz"
    )]
    TooFast {
        /// The trace's name.
        trace: String,
        /// Index of the sample.
        second: usize,
        /// The rate.
        mbps: String,
        /// Rate over reference band.
        bits_per_s_per_hz: String,
    },
    /// There is no trace of this name.
    #[error("no trace {trace:?}; nearest names: {}", near.join(", "))]
    Unknown {
        /// The name asked for.
        trace: String,
        /// Up to five names that exist, nearest first.
        near: Vec<String>,
    },
    /// There is no trace at all to choose from.
    #[error("no trace to choose from: load the file of the trace channel first")]
    None,
}

impl Blamed for TraceError {
    fn blame(&self) -> Blame {
        match self {
            Self::Empty { .. } | Self::Rate { .. } | Self::TooFast { .. } | Self::Unknown { .. } | Self::None => {
                Blame::Input
            }
        }
    }
}

/// A rate per second, replayed in a circle.
#[derive(Clone, Debug, PartialEq)]
pub struct RateTrace {
    name: String,
    mbps: Arc<[f64]>,
}

impl RateTrace {
    /// A trace of the given rates in Mbit/s, one per second.
    ///
    /// # Errors
    /// No rate at all, or one that is negative or not finite.
    pub fn new(name: impl Into<String>, mbps: Vec<f64>) -> Result<Self, TraceError> {
        let name = name.into();
        if mbps.is_empty() {
            return Err(TraceError::Empty { trace: name });
        }
        if let Some((second, rate)) = mbps.iter().enumerate().find(|(_, rate)| !(rate.is_finite() && **rate >= 0.0)) {
            return Err(TraceError::Rate { trace: name, second, mbps: rate.to_string() });
        }
        Ok(Self { name, mbps: mbps.into() })
    }

    /// Its name in the file; the file's own name where that holds one trace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rates in Mbit/s, one per second.
    #[must_use]
    pub fn mbps(&self) -> &[f64] {
        &self.mbps
    }

    /// Length in seconds.
    #[must_use]
    pub fn duration(&self) -> Seconds {
        Seconds(self.mbps.len() as f64)
    }

    /// Rate in Mbit/s at a time: the sample of the second it falls in, the trace starting over at its end.
    ///
    /// A time that is not finite counts as 0.
    ///
    /// ```
    /// use collapipe::network::radio::RateTrace;
    /// use collapipe::units::Seconds;
    /// let trace = RateTrace::new("three seconds", vec![10.0, 20.0, 30.0]).unwrap();
    /// assert_eq!(trace.mbps_at(Seconds(1.9)), 20.0);
    /// assert_eq!(trace.mbps_at(Seconds(3.0)), 10.0);
    /// ```
    #[must_use]
    pub fn mbps_at(&self, time: Seconds) -> f64 {
        let second = time.0.rem_euclid(self.mbps.len() as f64);
        // The remainder of a tiny negative time rounds to the length itself; `as` takes NaN to 0.
        let index = (second as usize).min(self.mbps.len() - 1);
        self.mbps[index]
    }

    /// Checks that a gain within the slot problem's range carries every rate.
    ///
    /// # Errors
    /// The first sample for which it does not.
    pub fn check_rates(&self, reference: ReferenceLink, floor_mbps: f64) -> Result<(), TraceError> {
        let too_fast = |mbps: f64| reference.gain_for(mbps.max(floor_mbps)) > MAX_MAGNITUDE;
        match self.mbps.iter().enumerate().find(|(_, mbps)| too_fast(**mbps)) {
            None => Ok(()),
            Some((second, mbps)) => Err(TraceError::TooFast {
                trace: self.name.clone(),
                second,
                mbps: mbps.max(floor_mbps).to_string(),
                bits_per_s_per_hz: format!("{:.1}", mbps.max(floor_mbps) * 1e6 / reference.band.0),
            }),
        }
    }

    /// The trace of this name.
    ///
    /// # Errors
    /// None has it; the error lists the nearest names.
    pub fn find<'a>(traces: &'a [Self], name: &str) -> Result<&'a Self, TraceError> {
        traces.iter().find(|trace| trace.name == name).ok_or_else(|| {
            let mut near: Vec<_> = traces.iter().map(|trace| (edit_distance(name, &trace.name), &trace.name)).collect();
            near.sort();
            TraceError::Unknown {
                trace: name.to_owned(),
                near: near.into_iter().take(5).map(|(_, name)| name.clone()).collect(),
            }
        })
    }
}

/// Band and power with which a trace's rates are taken to have been reached.
///
/// Rates are inverted by the rate formula of the slot problem, R = w log2(1 + p γ/w). The trace tells no more than the
/// product of everything between the measured flow and the air: overhead and competing users count as a weaker link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReferenceLink {
    /// w.
    pub band: Hertz,
    /// p.
    pub power: Watts,
}

impl ReferenceLink {
    /// A link of positive, finite band and power.
    ///
    /// # Errors
    /// One of them is not in [1e-30, 1e30].
    pub fn new(band: Hertz, power: Watts) -> Result<Self, FieldError> {
        let positive = |path: &str, value: f64| {
            if (1e-30..=1e30).contains(&value) {
                return Ok(());
            }
            Err(field_error(path, value, "a number in [1e-30, 1e30]"))
        };
        positive("reference_band_hz", band.0)?;
        positive("reference_power_w", power.0)?;
        Ok(Self { band, power })
    }

    /// γ in Hz/W that carries a rate: (2^(R/w) - 1) w / p; zero for rate zero, infinite beyond all range.
    ///
    /// ```
    /// use collapipe::network::radio::ReferenceLink;
    /// use collapipe::units::{Hertz, Watts};
    /// let link = ReferenceLink::new(Hertz(10e6), Watts(0.2)).unwrap();
    /// assert_eq!(link.gain_for(10.0), 10e6 / 0.2); // 1 bit/s/Hz needs a signal as strong as the noise
    /// ```
    #[must_use]
    pub fn gain_for(&self, mbps: f64) -> f64 {
        (mbps * 1e6 / self.band.0 * std::f64::consts::LN_2).exp_m1() * self.band.0 / self.power.0
    }

    /// Rate in Mbit/s over a link of gain γ: w log2(1 + p γ/w).
    #[must_use]
    pub fn mbps_for(&self, gain_to_noise_hz_per_w: f64) -> f64 {
        let ratio = self.power.0 * gain_to_noise_hz_per_w / self.band.0;
        self.band.0 * ratio.ln_1p() / std::f64::consts::LN_2 / 1e6
    }
}

/// Levenshtein distance in characters.
fn edit_distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        row[0] = left;
        for (cell, b) in row.iter_mut().skip(1).zip(&other) {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = *cell;
            left = substituted.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}
