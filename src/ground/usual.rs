//! Which magnitudes the fields of files usually have: a number far from them may be in another unit.

use std::fmt;

use super::text::value;

/// A number whose magnitude suggests another unit than its field's; displays as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unusual {
    /// The field, as `clusters[0].devices[1].forward_flops_per_second`.
    pub path: String,
    /// What it holds, with its unit.
    pub value: String,
    /// What is unusual, and what may have been meant.
    pub message: String,
}

impl fmt::Display for Unusual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: {}", self.path, value(&self.value), self.message)
    }
}

/// What a field usually holds. A table in `docs/scenario.md` says the same.
struct Usual {
    /// Name of the field.
    field: &'static str,
    unit: &'static str,
    /// Smaller numbers (0 aside) and larger ones draw a warning.
    least: f64,
    most: f64,
    /// What a smaller number may have been meant in, and how many of the field's units that is.
    smaller: Option<(&'static str, f64)>,
    /// The same for a larger number.
    larger: Option<(&'static str, f64)>,
}

const fn usual(
    field: &'static str,
    unit: &'static str,
    (least, most): (f64, f64),
    smaller: Option<(&'static str, f64)>,
    larger: Option<(&'static str, f64)>,
) -> Usual {
    Usual { field, unit, least, most, smaller, larger }
}

/// Every field that is checked for its unit.
const USUAL: [Usual; 21] = [
    usual("forward_flops_per_second", "FLOP/s", (1e6, 1e17), Some(("GFLOP/s", 1e9)), None),
    usual("backward_flops_per_second", "FLOP/s", (1e6, 1e17), Some(("GFLOP/s", 1e9)), None),
    usual("joules_per_flop", "J/FLOP", (1e-15, 1e-6), None, Some(("pJ/FLOP", 1e-12))),
    usual("memory_bytes", "B", (1e6, 1e14), Some(("GB", 1e9)), None),
    usual("bandwidth_hz", "Hz", (1e4, 1e11), Some(("MHz", 1e6)), None),
    usual("reference_band_hz", "Hz", (1e4, 1e11), Some(("MHz", 1e6)), None),
    usual("max_power_w", "W", (1e-5, 20.0), None, Some(("mW", 1e-3))),
    usual("edge_server.max_power_w", "W", (1e-4, 1000.0), None, Some(("mW", 1e-3))),
    usual("reference_power_w", "W", (1e-5, 1000.0), None, Some(("mW", 1e-3))),
    usual("circuit_power_w", "W", (1e-6, 20.0), None, Some(("mW", 1e-3))),
    usual("budget_j_per_round", "J", (1e-6, 1e9), Some(("kJ", 1e3)), Some(("mJ", 1e-3))),
    usual("upload_bits", "bit", (100.0, 1e14), Some(("Mbit", 1e6)), None),
    usual("hop_latency_s", "s", (1e-9, 5.0), None, Some(("ms", 1e-3))),
    usual("hop_overhead_s", "s", (1e-9, 5.0), None, Some(("ms", 1e-3))),
    usual("staging_s_per_byte", "s/byte", (1e-13, 1e-3), None, Some(("ns/byte", 1e-9))),
    usual("latency_s", "s", (1e-9, 5.0), None, Some(("ms", 1e-3))),
    usual("overhead_s", "s", (1e-9, 5.0), None, Some(("ms", 1e-3))),
    usual("bits_per_second", "bit/s", (1e4, 1e13), Some(("Mbit/s", 1e6)), None),
    usual("stage_overhead_s", "s", (1e-9, 5.0), None, Some(("ms", 1e-3))),
    usual("block_overhead_s", "s", (1e-9, 5.0), None, Some(("ms", 1e-3))),
    usual("seconds_per_slot", "s", (1e-4, 1e5), None, Some(("ms", 1e-3))),
];

/// Least usual gain-to-noise ratio of a constant channel, in Hz/W: less looks like decibels.
const LEAST_GAIN: f64 = 1e3;

/// Most notes of a kind; by then a repetition in a generated file has been reported often enough.
pub(crate) const MOST_NOTES: usize = 20;

/// As a person would write it.
fn shown(number: f64) -> String {
    if (1e-3..1e5).contains(&number) { format!("{number}") } else { format!("{number:e}") }
}

/// Notes a number of unusual magnitude in a field that is in the table.
pub(crate) fn check(notes: &mut Vec<Unusual>, path: &str, field: &str, number: Option<f64>) {
    let (Some(number), Some(usual)) = (number, USUAL.iter().find(|usual| usual.field == field)) else { return };
    let (size, limit, meant) = match number {
        0.0 => return,
        small if small < usual.least => ("small", usual.least, usual.smaller),
        large if large > usual.most => ("large", usual.most, usual.larger),
        _ => return,
    };
    let side = if size == "small" { "below" } else { "above" };
    let unit = usual.unit;
    let mut message = format!("unusually {size}, {side} {} {unit}", shown(limit));
    if let Some((meant, factor)) = meant {
        message.push_str(&format!("; if {number:?} {meant} is meant, write {}", shown(number * factor)));
    }
    notes.push(Unusual { path: format!("{path}.{field}"), value: format!("{number:?} {unit}"), message });
}

/// Notes gains of which the largest is so small that they look like decibels.
pub(crate) fn check_gains(notes: &mut Vec<Unusual>, path: String, gains: impl Iterator<Item = f64>) {
    let most = gains.fold(0.0, f64::max);
    if most > 0.0 && most < LEAST_GAIN {
        notes.push(Unusual {
            path,
            value: format!("{most:?} at most"),
            message: format!(
                "unusually small for Hz/W, where {LEAST_GAIN:e} is little; is it in dB? {most:?} dB are {:.1e}",
                10_f64.powf(most / 10.0)
            ),
        });
    }
}

/// Keeps the first notes, and says that there are more.
pub(crate) fn cut(notes: &mut Vec<Unusual>) {
    let more = notes.len().saturating_sub(MOST_NOTES);
    notes.truncate(MOST_NOTES);
    if let Some(last) = notes.last_mut().filter(|_| more > 0) {
        last.message.push_str(&format!(" (and {more} more notes of this kind)"));
    }
}
