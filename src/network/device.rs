//! Boards, phones and servers: what they compute, draw and hold, and where each number comes from.
//!
//! A [`DevicePreset`] names a real machine. [`DevicePreset::profile`] gives the numbers a slot problem needs,
//! [`DevicePreset::sheet`] the figures behind them, each with its [`FigureOrigin`]: measured by a named source, rated by
//! a vendor or standard, derived from measurements by a stated rule, or assumed. A control unit is a device too (its
//! rates are those of the embedding); an edge server is an [`EdgeServerPreset`].
//!
//! Rates are *achieved training* rates, forward and backward apart, not peaks: boards reach 1 to 50 % of their peak,
//! and backward is slower than forward on one and faster on another.
//!
//! ```
//! use collapipe::network::device::{DevicePreset, FigureOrigin};
//!
//! let pi = DevicePreset::RaspberryPi4;
//! let profile = pi.profile();
//! // VGG-19 training: 10.7 GFLOP/s forward, 3.4 GFLOP/s backward.
//! assert!((profile.forward_flops_per_second.value() / 1e9 - 10.7).abs() < 0.01);
//! assert!((profile.backward_flops_per_second.value() / 1e9 - 3.41).abs() < 0.01);
//! // What a slot problem holds of it; its energy's price is that of a queue.
//! let device = collapipe::problem::Device { energy_price: 0.2, ..profile.into() };
//! assert_eq!(device.memory_bytes, profile.memory_bytes);
//! assert!(matches!(pi.sheet().forward_flops_per_second.provenance, FigureOrigin::Measured { .. }));
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::problem::{ControlUnit, Device};
use crate::units::{Bytes, FlopsPerSecond, JoulesPerFlop, Seconds, Watts};

mod catalogue;
mod edge_server;
mod preset;
mod table;

pub use edge_server::{EdgeServerPreset, EdgeServerProfile, EdgeServerSheet};
pub use preset::{DevicePreset, UnknownPreset};
pub use table::{device_table, edge_server_table, provenance_table};

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum FigureOrigin {
    /// Taken as it stands from a published measurement (or computed from its time and a stated amount of work).
    Measured {
        /// The measurement.
        source: &'static str,
    },
    /// A rating: what a vendor or a standard says.
    Rated {
        /// Who says it.
        source: &'static str,
    },
    /// Follows from measured numbers by a stated rule.
    Derived {
        /// Rule and measurements.
        source: &'static str,
    },
    /// Nothing was measured: a stated assumption.
    Assumed {
        /// The assumption and what makes it plausible.
        source: &'static str,
    },
}

impl FigureOrigin {
    /// `measured`, `rated`, `derived` or `assumed`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Measured { .. } => "measured",
            Self::Rated { .. } => "rated",
            Self::Derived { .. } => "derived",
            Self::Assumed { .. } => "assumed",
        }
    }

    /// The measurement, rating, rule or assumption.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Measured { source }
            | Self::Rated { source }
            | Self::Derived { source }
            | Self::Assumed { source } => source,
        }
    }
}

impl fmt::Display for FigureOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind(), self.source())
    }
}

/// A number and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Sourced<Q> {
    /// The number.
    pub value: Q,
    /// Where it comes from.
    pub provenance: FigureOrigin,
}

impl<Q> Sourced<Q> {
    const fn measured(value: Q, source: &'static str) -> Self {
        Self { value, provenance: FigureOrigin::Measured { source } }
    }

    const fn rated(value: Q, source: &'static str) -> Self {
        Self { value, provenance: FigureOrigin::Rated { source } }
    }

    const fn derived(value: Q, source: &'static str) -> Self {
        Self { value, provenance: FigureOrigin::Derived { source } }
    }

    const fn assumed(value: Q, source: &'static str) -> Self {
        Self { value, provenance: FigureOrigin::Assumed { source } }
    }
}

/// A figure of a sheet under its field name, for printing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Figure {
    /// Field name, unit included.
    pub field: &'static str,
    /// The number, in that unit.
    pub value: f64,
    /// Where it comes from.
    pub provenance: FigureOrigin,
}

/// What a device brings to a slot problem; fields as there, and the power figures behind `joules_per_flop`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceProfile {
    /// Achieved forward rate.
    pub forward_flops_per_second: FlopsPerSecond,
    /// Achieved backward rate.
    pub backward_flops_per_second: FlopsPerSecond,
    /// ε: what computing adds to the idle draw; see [`DeviceSheet::joules_per_flop`].
    pub joules_per_flop: JoulesPerFlop,
    /// Memory for a segment and its activations: the usable share of what is installed.
    pub memory_bytes: Bytes,
    /// o: overhead per micro-batch.
    pub stage_overhead_s: Seconds,
    /// q: overhead per micro-batch and block.
    pub block_overhead_s: Seconds,
    /// Power drawn when idle.
    pub idle_power_w: Watts,
    /// Power drawn when training.
    pub load_power_w: Watts,
    /// Largest radiated power.
    pub max_power_w: Watts,
    /// p_c: power the radio's circuits draw while sending.
    pub circuit_power_w: Watts,
    /// η: radiated power over power drawn by the amplifier.
    pub amplifier_efficiency: f64,
}

impl From<DeviceProfile> for Device {
    /// The device of a slot problem, its energy at price 0; what it draws when idle is not part of a decision.
    fn from(profile: DeviceProfile) -> Self {
        Self {
            forward_flops_per_second: profile.forward_flops_per_second,
            backward_flops_per_second: profile.backward_flops_per_second,
            joules_per_flop: profile.joules_per_flop,
            memory_bytes: profile.memory_bytes,
            stage_overhead_s: profile.stage_overhead_s,
            block_overhead_s: profile.block_overhead_s,
            max_power_w: profile.max_power_w,
            energy_price: 0.0,
            circuit_power_w: profile.circuit_power_w,
            amplifier_efficiency: profile.amplifier_efficiency,
            ..Self::default()
        }
    }
}

impl From<DeviceProfile> for ControlUnit {
    /// The control unit of a slot problem, its energy at price 0: the radio of the device. What it computes is the
    /// cluster's embedding stage, in seconds.
    fn from(profile: DeviceProfile) -> Self {
        Self {
            max_power_w: profile.max_power_w,
            energy_price: 0.0,
            circuit_power_w: profile.circuit_power_w,
            amplifier_efficiency: profile.amplifier_efficiency,
        }
    }
}

/// The figures behind a [`DeviceProfile`], each with its provenance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DeviceSheet {
    /// Achieved forward rate in training.
    pub forward_flops_per_second: Sourced<FlopsPerSecond>,
    /// Achieved backward rate in training.
    pub backward_flops_per_second: Sourced<FlopsPerSecond>,
    /// Power drawn when idle.
    pub idle_power_w: Sourced<Watts>,
    /// Power drawn under load.
    pub load_power_w: Sourced<Watts>,
    /// Installed memory.
    pub installed_memory_bytes: Sourced<Bytes>,
    /// Share of the memory that a segment and its activations may take.
    pub usable_memory_share: Sourced<f64>,
    /// Overhead per micro-batch.
    pub stage_overhead_s: Sourced<Seconds>,
    /// Overhead per micro-batch and block.
    pub block_overhead_s: Sourced<Seconds>,
    /// Largest radiated power.
    pub max_power_w: Sourced<Watts>,
    /// Power of the radio's circuits while sending.
    pub circuit_power_w: Sourced<Watts>,
    /// Radiated power over power drawn by the amplifier.
    pub amplifier_efficiency: Sourced<f64>,
}

impl DeviceSheet {
    /// ε = (load − idle)·(1/f_F + 2/f_B)/3.
    ///
    /// The *extra* energy of computing: a device that waits draws its idle power as well, whatever the plan, so only
    /// the difference depends on a decision. The rates are weighted 1 : 2 as forward and backward work of a
    /// block are, which makes ε·(c_F + c_B) equal to (load − idle)·(c_F/f_F + c_B/f_B) exactly when c_B = 2·c_F. To
    /// charge the idle draw too, scale by load/(load − idle).
    #[must_use]
    pub fn joules_per_flop(&self) -> JoulesPerFlop {
        let extra = self.load_power_w.value - self.idle_power_w.value;
        let forward = 1.0 / self.forward_flops_per_second.value.value();
        let backward = 1.0 / self.backward_flops_per_second.value.value();
        JoulesPerFlop(extra.value() * (forward + 2.0 * backward) / 3.0)
    }

    /// Installed memory times its usable share.
    #[must_use]
    pub fn memory_bytes(&self) -> Bytes {
        self.installed_memory_bytes.value * self.usable_memory_share.value
    }

    /// The numbers alone.
    #[must_use]
    pub fn profile(&self) -> DeviceProfile {
        DeviceProfile {
            forward_flops_per_second: self.forward_flops_per_second.value,
            backward_flops_per_second: self.backward_flops_per_second.value,
            joules_per_flop: self.joules_per_flop(),
            memory_bytes: self.memory_bytes(),
            stage_overhead_s: self.stage_overhead_s.value,
            block_overhead_s: self.block_overhead_s.value,
            idle_power_w: self.idle_power_w.value,
            load_power_w: self.load_power_w.value,
            max_power_w: self.max_power_w.value,
            circuit_power_w: self.circuit_power_w.value,
            amplifier_efficiency: self.amplifier_efficiency.value,
        }
    }

    /// Every figure, those computed here included.
    #[must_use]
    pub fn figures(&self) -> [Figure; 13] {
        let figure = |field, value, provenance| Figure { field, value, provenance };
        let derived = |source| FigureOrigin::Derived { source };
        [
            figure(
                "forward_flops_per_second",
                self.forward_flops_per_second.value.value(),
                self.forward_flops_per_second.provenance,
            ),
            figure(
                "backward_flops_per_second",
                self.backward_flops_per_second.value.value(),
                self.backward_flops_per_second.provenance,
            ),
            figure("idle_power_w", self.idle_power_w.value.value(), self.idle_power_w.provenance),
            figure("load_power_w", self.load_power_w.value.value(), self.load_power_w.provenance),
            figure(
                "joules_per_flop",
                self.joules_per_flop().value(),
                derived("(load - idle)·(1/forward + 2/backward)/3, the rates weighted as forward and backward work"),
            ),
            figure(
                "installed_memory_bytes",
                self.installed_memory_bytes.value.value(),
                self.installed_memory_bytes.provenance,
            ),
            figure("usable_memory_share", self.usable_memory_share.value, self.usable_memory_share.provenance),
            figure("memory_bytes", self.memory_bytes().value(), derived("installed memory times its usable share")),
            figure("stage_overhead_s", self.stage_overhead_s.value.value(), self.stage_overhead_s.provenance),
            figure("block_overhead_s", self.block_overhead_s.value.value(), self.block_overhead_s.provenance),
            figure("max_power_w", self.max_power_w.value.value(), self.max_power_w.provenance),
            figure("circuit_power_w", self.circuit_power_w.value.value(), self.circuit_power_w.provenance),
            figure("amplifier_efficiency", self.amplifier_efficiency.value, self.amplifier_efficiency.provenance),
        ]
    }
}
