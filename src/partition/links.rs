//! What it takes to send a message from one device to another.

use serde::{Deserialize, Serialize};

use crate::ground::check::{Checked, FieldError, Range, real, same_length};

/// Bits per second between devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rates {
    /// The bits of a message take no time.
    #[default]
    Unlimited,
    /// The same rate between any two devices.
    Same(f64),
    /// The rate of every device's own connection; a message goes at the lower rate of its two ends.
    PerDevice(Vec<f64>),
    /// From every device (row) to every other (column); 0: there is no link. The diagonal means nothing.
    Pairs(Vec<Vec<f64>>),
}

/// Seconds, the same for any two devices or for each pair: from (row) to (column), where the diagonal means nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PerPair {
    /// For any two devices.
    Same(f64),
    /// For each pair.
    Pairs(Vec<Vec<f64>>),
}

impl Default for PerPair {
    fn default() -> Self {
        Self::Same(0.0)
    }
}

/// The links between devices, each of which sends while the devices at its ends compute.
///
/// A message of b bits occupies its link for `overhead + b / rate` seconds and arrives `latency` seconds later.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// How fast bits go over a link.
    #[serde(default)]
    pub bits_per_second: Rates,
    /// What a message costs besides its bits; occupies the link.
    #[serde(default)]
    pub overhead_s: PerPair,
    /// Propagation: delays a message and occupies nobody, so that it counts in sums and never as a bottleneck.
    #[serde(default)]
    pub latency_s: PerPair,
}

impl Links {
    /// Links that take no time.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The same rate between any two devices.
    #[must_use]
    pub fn same(bits_per_second: f64) -> Self {
        Self { bits_per_second: Rates::Same(bits_per_second), ..Self::default() }
    }

    /// Seconds for which a message of so many bits occupies the link; infinite where there is none.
    pub(super) fn busy(&self, from: usize, to: usize, bits: f64) -> f64 {
        self.overhead_s.get(from, to)
            + match &self.bits_per_second {
                Rates::Unlimited => 0.0,
                Rates::Same(rate) => bits / rate,
                Rates::PerDevice(rates) => bits / rates[from].min(rates[to]),
                Rates::Pairs(rates) if rates[from][to] == 0.0 => f64::INFINITY,
                Rates::Pairs(rates) => bits / rates[from][to],
            }
    }

    pub(super) fn latency(&self, from: usize, to: usize) -> f64 {
        self.latency_s.get(from, to)
    }

    /// Whether every message takes the same between these two as between those two.
    pub(super) fn alike(&self, (a, b): (usize, usize), (c, d): (usize, usize)) -> bool {
        let rate = |from: usize, to: usize| match &self.bits_per_second {
            Rates::Unlimited => f64::INFINITY,
            Rates::Same(rate) => *rate,
            Rates::PerDevice(rates) => rates[from].min(rates[to]),
            Rates::Pairs(rates) => rates[from][to],
        };
        let of = |from, to| (rate(from, to), self.overhead_s.get(from, to), self.latency(from, to));
        of(a, b) == of(c, d)
    }

    pub(super) fn check(&self, devices: usize) -> Checked {
        match &self.bits_per_second {
            Rates::Unlimited => {}
            Rates::Same(rate) => real("links.bits_per_second.same", *rate, Range::Positive)?,
            Rates::PerDevice(rates) => {
                let path = "links.bits_per_second.per_device";
                same_length(path, rates.len(), devices, "one per device")?;
                for (device, rate) in rates.iter().enumerate() {
                    real(&format!("{path}[{device}]"), *rate, Range::Positive)?;
                }
            }
            Rates::Pairs(rates) => check_matrix("links.bits_per_second.pairs", rates, devices)?,
        }
        self.overhead_s.check("links.overhead_s", devices)?;
        self.latency_s.check("links.latency_s", devices)
    }
}

impl PerPair {
    fn get(&self, from: usize, to: usize) -> f64 {
        match self {
            Self::Same(value) => *value,
            Self::Pairs(values) => values[from][to],
        }
    }

    fn check(&self, path: &str, devices: usize) -> Checked {
        match self {
            Self::Same(value) => real(path, *value, Range::NonNegative),
            Self::Pairs(values) => check_matrix(path, values, devices),
        }
    }
}

fn check_matrix(path: &str, rows: &[Vec<f64>], devices: usize) -> Result<(), FieldError> {
    same_length(path, rows.len(), devices, "one per device")?;
    for (from, row) in rows.iter().enumerate() {
        same_length(&format!("{path}[{from}]"), row.len(), devices, "one per device")?;
        for (to, value) in row.iter().enumerate() {
            real(&format!("{path}[{from}][{to}]"), *value, Range::NonNegative)?;
        }
    }
    Ok(())
}
