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
    /// The times of its samples are not those of a trace.
    #[error("trace {trace:?}: {what}")]
    Times {
        /// The trace's name.
        trace: String,
        /// What is wrong with them.
        what: String,
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
    /// There is no trace to choose from.
    #[error("no trace to choose from: load the file of the trace channel first")]
    None,
}

impl Blamed for TraceError {
    fn blame(&self) -> Blame {
        match self {
            Self::Empty { .. }
            | Self::Times { .. }
            | Self::Rate { .. }
            | Self::TooFast { .. }
            | Self::Unknown { .. }
            | Self::None => Blame::Input,
        }
    }
}

/// Rates over time, replayed in a circle: each holds until the next one.
#[derive(Clone, Debug, PartialEq)]
pub struct RateTrace {
    name: String,
    mbps: Arc<[f64]>,
    clock: Clock,
}

/// When the samples begin, in seconds from the first one.
#[derive(Clone, Debug, PartialEq)]
enum Clock {
    /// One after the other, each as long as the others; the last one may be shorter.
    Even { step: f64, duration: f64 },
    /// At times of their own, of which the first is 0.
    Uneven { starts: Arc<[f64]>, duration: f64 },
}

/// How far a product of slot and length may be below the intended time, as a share of a step.
const ROUNDING: f64 = 1e-9;

/// How far times of a file may be from even steps, as a share of a step, and still count as even: decimals of a clock
/// that counts from 1970.
const EVEN: f64 = 1e-6;

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
        let clock = Clock::Even { step: 1.0, duration: mbps.len() as f64 };
        Ok(Self { name, mbps: mbps.into(), clock })
    }

    /// A trace of rates in Mbit/s that begin at given times, in seconds from any moment on; each holds until the next
    /// one, the last one for `last`.
    ///
    /// ```
    /// use collapipe::network::radio::RateTrace;
    /// use collapipe::units::Seconds;
    /// let times = [100.0, 110.0, 125.0].map(Seconds);
    /// let trace = RateTrace::at_times("three", vec![10.0, 20.0, 30.0], &times, Seconds(10.0))?;
    /// assert_eq!(trace.duration(), Seconds(35.0));
    /// assert_eq!(trace.mbps_at(Seconds(24.0)), 20.0);
    /// assert_eq!(trace.mbps_at(Seconds(36.0)), 10.0);
    /// # Ok::<(), collapipe::network::radio::TraceError>(())
    /// ```
    ///
    /// # Errors
    /// As [`RateTrace::new`], and for times that are not finite, not increasing, or not as many as the rates.
    pub fn at_times(
        name: impl Into<String>,
        mbps: Vec<f64>,
        times: &[Seconds],
        last: Seconds,
    ) -> Result<Self, TraceError> {
        let mut trace = Self::new(name, mbps)?;
        let bad = |what: String| Err(TraceError::Times { trace: trace.name.clone(), what });
        if times.len() != trace.mbps.len() {
            return bad(format!("{} times for {} rates; must be equal in number", times.len(), trace.mbps.len()));
        }
        let first = times.first().map_or(0.0, |time| time.0);
        let starts: Arc<[f64]> = times.iter().map(|time| time.0 - first).collect();
        let increasing = starts.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let end = starts.last().map_or(0.0, |start| start + last.0);
        if !(increasing && end.is_finite() && last.0 > 0.0) {
            return bad(format!("times must be finite and increase, and the last rate last; it lasts {} s", last.0));
        }
        let step = starts.get(1).copied().unwrap_or(last.0);
        let is_even = |(k, start): (usize, &f64)| (start - k as f64 * step).abs() <= EVEN * step;
        let even = starts.iter().enumerate().all(is_even) && last.0 <= step * (1.0 + EVEN);
        trace.clock = match even {
            true if (last.0 - step).abs() <= EVEN * step => Clock::Even { step, duration: step * starts.len() as f64 },
            true => Clock::Even { step, duration: end },
            false => Clock::Uneven { starts, duration: end },
        };
        Ok(trace)
    }

    /// Its name in the file; the file's own name where that holds one trace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rates in Mbit/s, one per second unless the trace was made with times.
    #[must_use]
    pub fn mbps(&self) -> &[f64] {
        &self.mbps
    }

    /// Length in seconds.
    #[must_use]
    pub fn duration(&self) -> Seconds {
        match self.clock {
            Clock::Even { duration, .. } | Clock::Uneven { duration, .. } => Seconds(duration),
        }
    }

    /// When a sample begins, from the beginning of the trace; none where there are fewer.
    #[must_use]
    pub fn start(&self, sample: usize) -> Option<Seconds> {
        match &self.clock {
            Clock::Even { step, .. } => (sample < self.mbps.len()).then_some(Seconds(sample as f64 * step)),
            Clock::Uneven { starts, .. } => starts.get(sample).copied().map(Seconds),
        }
    }

    /// Name, rates, their beginnings and length: all there is to a trace.
    pub(super) fn parts(&self) -> (&str, &[f64], Vec<Seconds>, Seconds) {
        let starts = (0..self.mbps.len()).filter_map(|sample| self.start(sample)).collect();
        (&self.name, &self.mbps, starts, self.duration())
    }

    /// Rate in Mbit/s at a time: the sample that holds there, the trace starting over at its end.
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
        let duration = self.duration().0;
        let within = time.0.rem_euclid(duration);
        // A time that is not finite leaves NaN, which `as` takes to 0.
        let index = match &self.clock {
            Clock::Even { step, .. } => (within / step + ROUNDING) as usize,
            Clock::Uneven { starts, .. } => {
                starts.partition_point(|start| *start <= within + ROUNDING * duration).saturating_sub(1)
            }
        };
        // The end, or what rounds to it, is the beginning; a last sample that is shorter than the others ends early.
        let over = within + ROUNDING * duration >= duration;
        self.mbps.get(if over { 0 } else { index.min(self.mbps.len() - 1) }).copied().unwrap_or(0.0)
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
            let mut near: Vec<_> =
                traces.iter().map(|trace| (strsim::levenshtein(name, &trace.name), &trace.name)).collect();
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
