//! A channel as a part of a scenario file: every field, its unit, its default, its range.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::fading::{Correlation, Fading};
use super::noise::{BASE_STATION_NOISE_FIGURE_DB, Noise, TERMINAL_NOISE_FIGURE_DB, THERMAL_NOISE_DBM_PER_HZ};
use super::path_loss::PathLossModel;
use super::shadowing::SightRule;
use super::trace::ReferenceLink;
use super::{check, field_error};
use crate::problem::{FieldError, MAX_MAGNITUDE, MIN_MAGNITUDE};
use crate::units::{Hertz, Meters, Seconds, Watts};

/// Where the gains of a cluster come from.
///
/// ```toml
/// [channel.geometric.device_links]
/// path_loss = "d2d-outdoor"
/// carrier_hz = 2.0e9
/// fading = "rayleigh"
/// correlation = { coefficient = 0.9 }
/// [channel.geometric.edge_server_links]
/// path_loss = "umi-street-canyon"
/// carrier_hz = 3.5e9
/// fading = { rician = { k_factor_db = 9.0 } }
/// correlation = { jakes = { doppler_speed_m_per_s = 0.8, slot_seconds = 0.01 } }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChannelConfig {
    /// From positions by path loss, shadowing and fading.
    Geometric(GeometricChannel),
    /// The same matrix in every slot.
    Constant(ConstantChannel),
    /// From measured rates.
    Trace(TraceChannel),
    /// From a service that measures them slot by slot, which no configuration knows: written `channel = "measured"`. A
    /// channel made of it has no links.
    Measured,
}

impl ChannelConfig {
    /// Checks every field that can be checked without knowing the nodes; error paths begin with `path`.
    ///
    /// # Errors
    /// A field out of range.
    pub fn validate(&self, path: &str) -> Result<(), FieldError> {
        match self {
            Self::Geometric(channel) => channel.validate(&format!("{path}.geometric")),
            Self::Constant(channel) => channel.validate(&format!("{path}.constant")),
            Self::Trace(channel) => channel.validate(&format!("{path}.trace")),
            Self::Measured => Ok(()),
        }
    }

    /// Reads the traces it needs (none unless it is a trace channel); a relative file is looked up in `folder`.
    ///
    /// Traces share their samples when cloned: read once, use for every cluster.
    ///
    /// # Errors
    /// As [`TraceFile::read`](super::TraceFile::read).
    #[cfg(feature = "scenario")]
    pub fn load_traces(&self, folder: &std::path::Path) -> Result<Vec<super::RateTrace>, super::TraceFileError> {
        Ok(self.load_trace_file(folder)?.map(|file| file.traces).unwrap_or_default())
    }

    /// The traces with what was understood of their file; none unless it is a trace channel.
    ///
    /// # Errors
    /// As [`TraceFile::read`](super::TraceFile::read).
    #[cfg(feature = "scenario")]
    pub fn load_trace_file(&self, folder: &std::path::Path) -> Result<Option<super::TraceFile>, super::TraceFileError> {
        match self {
            Self::Trace(channel) => {
                super::TraceFile::read(&folder.join(&channel.file), channel.format, channel.gaps).map(Some)
            }
            Self::Geometric(_) | Self::Constant(_) | Self::Measured => Ok(None),
        }
    }
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// East, in [-1e9, 1e9] m.
    pub x_m: Meters,
    /// North, in [-1e9, 1e9] m.
    pub y_m: Meters,
    /// Height of the antenna above ground, in [0, 1000] m; that of the node's kind if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_m: Option<Meters>,
}

/// Radio of one kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NodeRadio {
    /// Noise figure of its receiver, in [0, 60] dB.
    pub noise_figure_db: f64,
    /// Gain of its antenna over an isotropic one, sending and receiving, in [-40, 40] dBi.
    #[serde(default)]
    pub antenna_gain_dbi: f64,
    /// Height of its antenna above ground where the position does not say, in [0, 1000] m.
    pub height_m: Meters,
}

impl NodeRadio {
    /// A phone or board: 9 dB, 0 dBi, 1.5 m.
    #[must_use]
    pub const fn terminal() -> Self {
        Self { noise_figure_db: TERMINAL_NOISE_FIGURE_DB, antenna_gain_dbi: 0.0, height_m: Meters(1.5) }
    }

    /// A small base station: 5 dB, 0 dBi, 10 m.
    #[must_use]
    pub const fn base_station() -> Self {
        Self { noise_figure_db: BASE_STATION_NOISE_FIGURE_DB, antenna_gain_dbi: 0.0, height_m: Meters(10.0) }
    }

    fn validate(&self, path: &str) -> Result<(), FieldError> {
        check(&format!("{path}.noise_figure_db"), self.noise_figure_db, 0.0..=60.0, "dB")?;
        check(&format!("{path}.antenna_gain_dbi"), self.antenna_gain_dbi, -40.0..=40.0, "dBi")?;
        check(&format!("{path}.height_m"), self.height_m.0, 0.0..=1000.0, "m")
    }
}

/// Propagation on one kind of link.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkRadio {
    /// Model of the mean loss.
    pub path_loss: PathLossModel,
    /// Carrier frequency; within the model's bands.
    pub carrier_hz: Hertz,
    /// How a link gets line of sight.
    #[serde(default)]
    pub sight: SightRule,
    /// Deviation of shadowing in [0, 30] dB, 0 for none; that of the model if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadowing_std_db: Option<f64>,
    /// Law of the fading.
    #[serde(default)]
    pub fading: Fading,
    /// Its correlation from slot to slot.
    #[serde(default)]
    pub correlation: Correlation,
}

impl LinkRadio {
    /// Links of a model at a carrier: line of sight drawn, the model's shadowing, no fading.
    #[must_use]
    pub fn new(path_loss: PathLossModel, carrier: Hertz) -> Self {
        Self {
            path_loss,
            carrier_hz: carrier,
            sight: SightRule::default(),
            shadowing_std_db: None,
            fading: Fading::default(),
            correlation: Correlation::default(),
        }
    }

    fn validate(&self, path: &str) -> Result<(), FieldError> {
        self.path_loss.check_carrier(&format!("{path}.carrier_hz"), self.carrier_hz)?;
        if let Some(std_db) = self.shadowing_std_db {
            check(&format!("{path}.shadowing_std_db"), std_db, 0.0..=30.0, "dB")?;
        }
        self.fading.validate(&format!("{path}.fading"))?;
        self.correlation.validate(&format!("{path}.correlation"))
    }
}

/// Gains from positions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GeometricChannel {
    /// Links between two devices.
    pub device_links: LinkRadio,
    /// Links between control unit and device; as `device_links` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_unit_links: Option<LinkRadio>,
    /// Links of the edge server.
    pub edge_server_links: LinkRadio,
    /// Radio of the devices.
    #[serde(default = "NodeRadio::terminal")]
    pub device: NodeRadio,
    /// Radio of the control unit; a terminal's unless given.
    #[serde(default = "NodeRadio::terminal")]
    pub control_unit: NodeRadio,
    /// Radio of the edge server.
    #[serde(default = "NodeRadio::base_station")]
    pub edge_server: NodeRadio,
    /// Noise density at every antenna, in [-204, -100] dBm/Hz.
    #[serde(default = "thermal_noise")]
    pub noise_density_dbm_per_hz: f64,
}

const fn thermal_noise() -> f64 {
    THERMAL_NOISE_DBM_PER_HZ
}

impl GeometricChannel {
    /// Links among terminals and to the edge server, with the default radios and thermal noise.
    #[must_use]
    pub const fn new(device_links: LinkRadio, edge_server_links: LinkRadio) -> Self {
        Self {
            device_links,
            control_unit_links: None,
            edge_server_links,
            device: NodeRadio::terminal(),
            control_unit: NodeRadio::terminal(),
            edge_server: NodeRadio::base_station(),
            noise_density_dbm_per_hz: THERMAL_NOISE_DBM_PER_HZ,
        }
    }

    pub(super) fn validate(&self, path: &str) -> Result<(), FieldError> {
        self.device_links.validate(&format!("{path}.device_links"))?;
        if let Some(links) = &self.control_unit_links {
            links.validate(&format!("{path}.control_unit_links"))?;
        }
        self.edge_server_links.validate(&format!("{path}.edge_server_links"))?;
        self.device.validate(&format!("{path}.device"))?;
        self.control_unit.validate(&format!("{path}.control_unit"))?;
        self.edge_server.validate(&format!("{path}.edge_server"))?;
        check(&format!("{path}.noise_density_dbm_per_hz"), self.noise_density_dbm_per_hz, -204.0..=-100.0, "dBm/Hz")
    }

    /// Radio of node `node` out of `nodes`.
    pub(super) const fn radio(&self, node: usize, nodes: usize) -> &NodeRadio {
        match node {
            0 => &self.control_unit,
            _ if node + 1 == nodes => &self.edge_server,
            _ => &self.device,
        }
    }

    /// Noise at the receiver of node `node` out of `nodes`.
    pub(super) const fn noise(&self, node: usize, nodes: usize) -> Noise {
        Noise { density_dbm_per_hz: self.noise_density_dbm_per_hz, figure_db: self.radio(node, nodes).noise_figure_db }
    }

    /// Links between nodes `low < high` out of `nodes`, and the name of the field that describes them.
    pub(super) const fn links(&self, low: usize, high: usize, nodes: usize) -> (&LinkRadio, &'static str) {
        match &self.control_unit_links {
            _ if high + 1 == nodes => (&self.edge_server_links, "edge_server_links"),
            Some(links) if low == 0 => (links, "control_unit_links"),
            _ => (&self.device_links, "device_links"),
        }
    }
}

/// The same gains in every slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConstantChannel {
    /// γ from the row's node to the column's, in Hz/W: 0 (no link) or in [1e-30, 1e30]; 0 on the diagonal.
    pub gain_to_noise_hz_per_w: Vec<Vec<f64>>,
}

impl ConstantChannel {
    pub(super) fn validate(&self, path: &str) -> Result<(), FieldError> {
        let path = format!("{path}.gain_to_noise_hz_per_w");
        let nodes = self.gain_to_noise_hz_per_w.len();
        if nodes < 3 {
            let allowed = "a matrix over at least 3 nodes: control unit, device, edge server";
            return Err(field_error(&path, format!("{nodes} rows"), allowed));
        }
        for (i, row) in self.gain_to_noise_hz_per_w.iter().enumerate() {
            if row.len() != nodes {
                let allowed = format!("{nodes} gains, as many as there are rows");
                return Err(field_error(&format!("{path}[{i}]"), format!("{} gains", row.len()), allowed));
            }
            for (j, &gain) in row.iter().enumerate() {
                let (admitted, allowed) = if i == j {
                    (gain == 0.0, "0 on the diagonal")
                } else {
                    (
                        gain == 0.0 || (MIN_MAGNITUDE..=MAX_MAGNITUDE).contains(&gain),
                        "0 (no link) or in [1e-30, 1e30] Hz/W",
                    )
                };
                if !admitted {
                    return Err(field_error(&format!("{path}[{i}][{j}]"), gain, allowed));
                }
            }
        }
        Ok(())
    }
}

/// How the lines of a trace file are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TraceFormat {
    /// As the first row and the file's name say.
    #[default]
    Auto,
    /// As Mahimahi's packet-delivery times: a whole number of milliseconds per line, at each of which 1500 bytes arrive.
    Mahimahi,
}

impl TraceFormat {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What happens to times without a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TraceGaps {
    /// The file is refused.
    #[default]
    Refuse,
    /// The rate before the gap holds through it.
    Hold,
    /// The rate is 0 from one step after the last sample on.
    Outage,
}

impl TraceGaps {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Gains from measured rates: every link replays a trace.
///
/// Each link draws its trace from `names` once, by the seed. A slot takes the rate of the time it begins at; at its
/// end a trace starts over. Both directions of a link have the same gain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TraceChannel {
    /// File of traces; see `TraceFile::read` for what is read.
    pub file: PathBuf,
    /// How its lines are to be read.
    #[serde(default, skip_serializing_if = "TraceFormat::is_default")]
    pub format: TraceFormat,
    /// What happens to times without a sample.
    #[serde(default, skip_serializing_if = "TraceGaps::is_default")]
    pub gaps: TraceGaps,
    /// The traces to draw from; all of the file if empty.
    #[serde(default)]
    pub names: Vec<String>,
    /// w at which the rates are taken to have been reached, > 0.
    pub reference_band_hz: Hertz,
    /// p at which the rates are taken to have been reached, > 0.
    pub reference_power_w: Watts,
    /// Time from one slot to the next, in (0, 1e9] s.
    pub seconds_per_slot: Seconds,
    /// Where in its trace every link begins, in [0, 1e9] s; if left out, each draws a sample by the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_s: Option<Seconds>,
    /// Lower rates count as this one, in [0, 1e9]; with 0, a second of rate 0 is an outage (gain 0).
    #[serde(default)]
    pub floor_mbps: f64,
}

impl TraceChannel {
    pub(super) fn validate(&self, path: &str) -> Result<(), FieldError> {
        self.reference().map_err(|error| FieldError { path: format!("{path}.{}", error.path), ..error })?;
        if !(self.seconds_per_slot.0 > 0.0 && self.seconds_per_slot.0 <= 1e9) {
            return Err(field_error(&format!("{path}.seconds_per_slot"), self.seconds_per_slot.0, "in (0, 1e9] s"));
        }
        if let Some(start) = self.start_s {
            check(&format!("{path}.start_s"), start.0, 0.0..=1e9, "s")?;
        }
        check(&format!("{path}.floor_mbps"), self.floor_mbps, 0.0..=1e9, "Mbit/s")
    }

    /// The link on which the rates are inverted.
    ///
    /// # Errors
    /// Band or power is not in [1e-30, 1e30].
    pub fn reference(&self) -> Result<ReferenceLink, FieldError> {
        ReferenceLink::new(self.reference_band_hz, self.reference_power_w)
    }
}
