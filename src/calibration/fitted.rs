//! What was found.

use std::fmt::Write;

use serde::Serialize;

use super::quantity::Quantity;
use crate::ground::check::{FieldError, Range, real};

/// What was found. Displayed as JSON by serde.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Calibration {
    /// The numbers, in the order of [`Quantity::ALL`]; devices in the order in which they come in the data.
    pub estimates: Vec<Estimate>,
    /// Combinations of numbers that the data do not tell: each can change, with the others of it, and explain the same.
    pub unidentified: Vec<Unidentified>,
    /// Every row.
    pub rows: Vec<RowFit>,
    /// Mean |predicted/measured − 1| over the rows.
    pub mean_error: f64,
    /// The same where each row is predicted from a fit to the others; none with fewer than three rows.
    pub leave_one_out_error: Option<f64>,
    /// Share of the backward pass in a block's time, as it was given.
    pub backward_share: f64,
}

/// A number with its confidence interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// What it is.
    pub quantity: Quantity,
    /// The device it belongs to; none where it is one number for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The number, ≥ 0.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// Least and greatest number of the 95 % interval from the Jacobian, by Student's t; none where the data do not tell the
    /// number, or have no more rows than numbers.
    pub interval: Option<[f64; 2]>,
    /// Whether it is 0 because only a negative number would explain more.
    pub at_zero: bool,
}

/// A direction in which the numbers can change without any effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Unidentified {
    /// Names of the numbers that take part.
    pub names: Vec<String>,
    /// Singular value of the direction over the greatest one, of columns of length 1.
    pub relative_singular_value: f64,
}

/// A row and what the fit says of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RowFit {
    /// What was measured, in s.
    pub measured_s: f64,
    /// What is predicted, in s.
    pub predicted_s: f64,
    /// Its weight in the fit, in (0, 1]: below 1 where it fits worse than others.
    pub weight: f64,
    /// What a fit to the other rows predicts, in s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out_s: Option<f64>,
}

impl Estimate {
    /// `block-seconds[nano]`, or `hop-latency`.
    #[must_use]
    pub fn name(&self) -> String {
        name(self.quantity, self.device.as_deref())
    }
}

pub(super) fn name(quantity: Quantity, device: Option<&str>) -> String {
    device.map_or_else(|| quantity.name().into(), |device| format!("{quantity}[{device}]"))
}

impl Calibration {
    /// The number of a quantity that is not a device's; none where it was not fitted.
    #[must_use]
    pub fn value(&self, quantity: Quantity) -> Option<f64> {
        self.estimates
            .iter()
            .find(|found| found.quantity == quantity && found.device.is_none())
            .map(|found| found.value)
    }

    /// What `calibrated` keys of a scenario read (TOML): a table of devices with rates and overheads, and the link with rate,
    /// latency, overhead and staging, as far as they were fitted. `forward` and `backward` are the work of a block
    /// per sample, in FLOP: what makes a rate of a time.
    ///
    /// # Errors
    /// Work that is not positive.
    pub fn presets_toml(&self, [forward, backward]: [f64; 2]) -> Result<String, FieldError> {
        real("forward_flops_per_sample", forward, Range::Positive)?;
        real("backward_flops_per_sample", backward, Range::NonNegative)?;
        let value = |quantity| self.value(quantity).unwrap_or(0.0);
        let mut text = String::from(
            "# Fitted by `collapipe calibrate`: devices and a link, for `calibrated` of a scenario's devices and links.\n",
        );
        for device in
            self.estimates.iter().filter(|found| found.quantity == Quantity::BlockSeconds && found.value > 0.0)
        {
            let name = device.device.as_deref().unwrap_or_default();
            let _ = writeln!(text, "\n[devices.{name:?}]");
            let rates = [("forward", forward, 1.0 - self.backward_share), ("backward", backward, self.backward_share)];
            for (phase, work, share) in rates {
                let seconds = share * device.value;
                if work > 0.0 && seconds > 0.0 {
                    let _ = writeln!(text, "{phase}_flops_per_second = {:?}", work / seconds);
                }
            }
            for (key, quantity) in
                [("stage_overhead_s", Quantity::StageOverhead), ("block_overhead_s", Quantity::BlockOverhead)]
            {
                let _ = writeln!(text, "{key} = {:?}", value(quantity));
            }
        }
        text.push_str("\n[link]\n");
        let per_byte = value(Quantity::LinkSecondsPerByte);
        if per_byte > 0.0 {
            let _ = writeln!(text, "bits_per_second = {:?}", 8.0 / per_byte);
        }
        for (key, quantity) in [
            ("latency_s", Quantity::HopLatency),
            ("overhead_s", Quantity::HopOverhead),
            ("staging_s_per_byte", Quantity::StagingSecondsPerByte),
        ] {
            if let Some(found) = self.value(quantity) {
                let _ = writeln!(text, "{key} = {found:?}");
            }
        }
        Ok(text)
    }
}
