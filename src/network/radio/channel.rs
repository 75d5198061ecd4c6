//! The gains of a cluster, slot by slot.

use nalgebra::DMatrix;
use rand::RngExt;

use super::config::{ChannelConfig, ConstantChannel, GeometricChannel, Position, TraceChannel};
use super::fading::{Fading, FadingProcess};
use super::field_error;
use super::path_loss::{Geometry, PathLossModel, Sight};
use super::seed::{LinkId, Purpose, generator};
use super::shadowing::shadowing_db;
use super::trace::{RateTrace, ReferenceLink, TraceError};
use crate::ground::blame::{Blame, Blamed};
use crate::problem::{FieldError, MAX_DEVICES, MAX_MAGNITUDE, MIN_MAGNITUDE};
use crate::units::{Meters, Seconds};

/// Why a channel could not be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// A field is out of range, or does not fit the nodes.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A trace is missing or unusable.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

impl Blamed for ChannelError {
    fn blame(&self) -> Blame {
        match self {
            Self::Field(error) => error.blame(),
            Self::Trace(error) => error.blame(),
        }
    }
}

/// What was drawn for a link and then stays.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LinkState {
    /// The two nodes, the lower number first.
    pub nodes: (usize, usize),
    /// How the antennas stand.
    pub geometry: Geometry,
    /// Model of the loss.
    pub path_loss: PathLossModel,
    /// Whether there is line of sight.
    pub sight: Sight,
    /// Mean loss, in dB.
    pub loss_db: f64,
    /// Loss by shadowing, in dB; negative where the link is better than the mean.
    pub shadowing_db: f64,
}

impl LinkState {
    /// Whether the link is longer than what the model was made for.
    #[must_use]
    pub fn is_extrapolated(&self) -> bool {
        self.geometry.ground_distance.0 > self.path_loss.validity().max_distance.0
    }
}

/// The gain-to-noise ratios of a cluster's K+2 nodes, slot by slot.
///
/// ```
/// use collapipe::network::radio::{Channel, GeometricChannel, LinkRadio, PathLossModel, Position};
/// use collapipe::units::{Hertz, Meters};
/// let at = |x: f64| Position { x_m: Meters(x), y_m: Meters(0.0), height_m: None };
/// let config = GeometricChannel::new(
///     LinkRadio::new(PathLossModel::D2dOutdoor, Hertz(2.0e9)),
///     LinkRadio::new(PathLossModel::UmiStreetCanyon, Hertz(3.5e9)),
/// );
/// // Control unit, two devices, edge server.
/// let nodes = [at(0.0), at(10.0), at(20.0), at(80.0)].map(Some);
/// let mut channel = Channel::geometric(&config, &nodes, 0, 7).unwrap();
/// let gains = channel.next_gains();
/// assert_eq!(gains.shape(), (4, 4));
/// assert!((gains[(1, 2)] / gains[(2, 1)] - 1.0).abs() < 1e-12); // same receivers, same channel
/// ```
#[derive(Clone, Debug)]
pub struct Channel {
    nodes: usize,
    slot: u64,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Constant(DMatrix<f64>),
    Geometric { links: Vec<FadedLink>, states: Vec<LinkState> },
    Trace { links: Vec<ReplayedLink>, reference: ReferenceLink, slot_seconds: Seconds, floor_mbps: f64 },
}

/// A link whose mean gain is fading.
#[derive(Clone, Debug)]
struct FadedLink {
    low: usize,
    high: usize,
    sight: Sight,
    /// Mean γ from high to low, with the noise of low.
    mean_to_low: f64,
    mean_to_high: f64,
    fading: Fading,
    process: FadingProcess,
}

/// A link that replays a trace.
#[derive(Clone, Debug)]
struct ReplayedLink {
    low: usize,
    high: usize,
    trace: RateTrace,
    start: Seconds,
}

impl ChannelConfig {
    /// The channel of a cluster.
    ///
    /// `nodes` are control unit, devices and edge server; only a geometric channel asks for their positions. `traces`
    /// are those of `load_traces` (feature `scenario`); other channels ignore them. `cluster` and `seed` select the
    /// random numbers.
    ///
    /// # Errors
    /// As [`Channel::geometric`], [`Channel::constant`], [`Channel::replay`].
    pub fn channel(
        &self,
        nodes: &[Option<Position>],
        traces: &[RateTrace],
        cluster: u64,
        seed: u64,
    ) -> Result<Channel, ChannelError> {
        match self {
            Self::Geometric(config) => Channel::geometric(config, nodes, cluster, seed),
            Self::Constant(config) => {
                let channel = Channel::constant(config)?;
                if channel.nodes == nodes.len() {
                    return Ok(channel);
                }
                let allowed = format!("as many as the cluster has nodes, {}", nodes.len());
                Err(field_error("constant.gain_to_noise_hz_per_w", format!("{} rows", channel.nodes), allowed).into())
            }
            Self::Trace(config) => Channel::replay(config, nodes.len(), traces, cluster, seed),
            Self::Measured => Channel::measured(nodes.len()),
        }
    }
}

impl Channel {
    /// Gains from positions: line of sight and shadowing are drawn here, once per link; fading slot by slot.
    ///
    /// # Errors
    /// A configuration field out of range (paths begin with `geometric`), fewer than three nodes, a node without
    /// position or with one that is not finite, a height that the link's model does not admit (`nodes[2].position`).
    pub fn geometric(
        config: &GeometricChannel,
        nodes: &[Option<Position>],
        cluster: u64,
        seed: u64,
    ) -> Result<Self, ChannelError> {
        config.validate("geometric")?;
        check_nodes(nodes.len())?;
        let places = nodes
            .iter()
            .enumerate()
            .map(|(node, position)| place(node, *position, config.radio(node, nodes.len()).height_m))
            .collect::<Result<Vec<_>, _>>()?;
        let (mut links, mut states) = (Vec::new(), Vec::new());
        for (low, high) in pairs(nodes.len()) {
            let (link, name) = config.links(low, high, nodes.len());
            let id = link_id(low, high);
            let geometry = places[low].geometry_to(&places[high]);
            check_heights(link.path_loss, name, (low, &places[low]), (high, &places[high]))?;
            let probability = link.path_loss.los_probability(geometry.ground_distance)?;
            let sight = link.sight.sight(probability, seed, cluster, id);
            let loss_db = link.path_loss.loss_db(sight, geometry, link.carrier_hz)?;
            let std_db = link.shadowing_std_db.unwrap_or(link.path_loss.shadowing_std_db(sight));
            let shadowing_db = shadowing_db(std_db, seed, cluster, id);
            let antennas_db =
                config.radio(low, nodes.len()).antenna_gain_dbi + config.radio(high, nodes.len()).antenna_gain_dbi;
            let path_gain_db = antennas_db - loss_db - shadowing_db;
            states.push(LinkState {
                nodes: (low, high),
                geometry,
                path_loss: link.path_loss,
                sight,
                loss_db,
                shadowing_db,
            });
            links.push(FadedLink {
                low,
                high,
                sight,
                mean_to_low: config.noise(low, nodes.len()).gain_to_noise_hz_per_w(path_gain_db),
                mean_to_high: config.noise(high, nodes.len()).gain_to_noise_hz_per_w(path_gain_db),
                fading: link.fading,
                process: FadingProcess::new(link.correlation.coefficient(link.carrier_hz), seed, cluster, id),
            });
        }
        Ok(Self { nodes: nodes.len(), slot: 0, source: Source::Geometric { links, states } })
    }

    /// The same gains in every slot.
    ///
    /// # Errors
    /// The matrix is not square over at least three nodes, or a gain is out of range.
    pub fn constant(config: &ConstantChannel) -> Result<Self, ChannelError> {
        config.validate("constant")?;
        let nodes = config.gain_to_noise_hz_per_w.len();
        let gains = DMatrix::from_row_iterator(nodes, nodes, config.gain_to_noise_hz_per_w.iter().flatten().copied());
        Ok(Self { nodes, slot: 0, source: Source::Constant(gains) })
    }

    /// No links: the gains come from elsewhere.
    fn measured(nodes: usize) -> Result<Self, ChannelError> {
        check_nodes(nodes)?;
        Ok(Self { nodes, slot: 0, source: Source::Constant(DMatrix::zeros(nodes, nodes)) })
    }

    /// Gains from measured rates on the links of `nodes` nodes.
    ///
    /// # Errors
    /// A configuration field out of range, fewer than three nodes, an unknown trace (with the nearest names), or a rate
    /// beyond what the reference band can carry.
    pub fn replay(
        config: &TraceChannel,
        nodes: usize,
        traces: &[RateTrace],
        cluster: u64,
        seed: u64,
    ) -> Result<Self, ChannelError> {
        config.validate("trace")?;
        check_nodes(nodes)?;
        let reference = config.reference()?;
        let choice: Vec<&RateTrace> = if config.names.is_empty() {
            traces.iter().collect()
        } else {
            config.names.iter().map(|name| RateTrace::find(traces, name)).collect::<Result<_, _>>()?
        };
        if choice.is_empty() {
            return Err(TraceError::None.into());
        }
        for trace in &choice {
            trace.check_rates(reference, config.floor_mbps)?;
        }
        let links = pairs(nodes).map(|(low, high)| {
            let mut generator = generator(seed, cluster, link_id(low, high), Purpose::TraceStart, 0);
            let trace = choice[generator.random_range(0..choice.len())].clone();
            let drawn = trace.start(generator.random_range(0..trace.mbps().len()));
            let start = config.start_s.or(drawn).unwrap_or(Seconds(0.0));
            ReplayedLink { low, high, trace, start }
        });
        let source = Source::Trace {
            links: links.collect(),
            reference,
            slot_seconds: config.seconds_per_slot,
            floor_mbps: config.floor_mbps,
        };
        Ok(Self { nodes, slot: 0, source })
    }

    /// Name, rates [Mbit/s], their beginnings and length [s] of the trace that each link replays; none for a channel that
    /// replays no trace.
    pub(crate) fn replayed(&self) -> Vec<(&str, &[f64], Vec<Seconds>, Seconds)> {
        match &self.source {
            Source::Trace { links, .. } => links.iter().map(|link| link.trace.parts()).collect(),
            Source::Constant(_) | Source::Geometric { .. } => Vec::new(),
        }
    }

    /// K+2, the number of nodes.
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.nodes
    }

    /// The slot that [`next_gains`](Self::next_gains) will give.
    #[must_use]
    pub const fn slot(&self) -> u64 {
        self.slot
    }

    /// What was drawn for the links; empty unless the channel is geometric.
    #[must_use]
    pub fn links(&self) -> &[LinkState] {
        match &self.source {
            Source::Geometric { states, .. } => states,
            Source::Constant(_) | Source::Trace { .. } => &[],
        }
    }

    /// Goes to a slot, earlier or later. The gains there are those that stepping would have reached.
    ///
    /// Correlated fading has to be stepped through: the next gains then take time proportional to the distance.
    pub const fn seek(&mut self, slot: u64) {
        self.slot = slot;
    }

    /// Gains of a slot, whatever was asked before; the channel then stands after it.
    pub fn gains_at(&mut self, slot: u64) -> DMatrix<f64> {
        self.seek(slot);
        self.next_gains()
    }

    /// γ\[(i, j)\] in Hz/W from node i to node j in the current slot; goes on to the next slot.
    ///
    /// Every entry is one a slot problem admits: 0 where there is no link (and on the diagonal), otherwise in
    /// [1e-30, 1e30] Hz/W, to which extremes are rounded (smaller ones to 0).
    pub fn next_gains(&mut self) -> DMatrix<f64> {
        let slot = self.slot;
        self.slot = slot.saturating_add(1);
        let mut gains = DMatrix::zeros(self.nodes, self.nodes);
        match &mut self.source {
            Source::Constant(constant) => gains.copy_from(constant),
            Source::Geometric { links, .. } => {
                for link in links {
                    if link.fading != Fading::None {
                        link.process.seek(slot);
                    }
                    let power = link.fading.power(link.sight, link.process.state());
                    gains[(link.low, link.high)] = admitted(link.mean_to_high * power);
                    gains[(link.high, link.low)] = admitted(link.mean_to_low * power);
                }
            }
            Source::Trace { links, reference, slot_seconds, floor_mbps } => {
                for link in links {
                    let now = link.start + *slot_seconds * slot as f64;
                    let gain = admitted(reference.gain_for(link.trace.mbps_at(now).max(*floor_mbps)));
                    gains[(link.low, link.high)] = gain;
                    gains[(link.high, link.low)] = gain;
                }
            }
        }
        gains
    }
}

fn admitted(gain: f64) -> f64 {
    if gain < MIN_MAGNITUDE { 0.0 } else { gain.min(MAX_MAGNITUDE) }
}

/// A node's place with its height resolved.
struct Place {
    x: f64,
    y: f64,
    height: Meters,
}

impl Place {
    fn geometry_to(&self, other: &Self) -> Geometry {
        Geometry::new(Meters((self.x - other.x).hypot(self.y - other.y)), self.height, other.height)
    }
}

fn place(node: usize, position: Option<Position>, kind_height: Meters) -> Result<Place, FieldError> {
    let path = format!("nodes[{node}].position");
    let position = position.ok_or_else(|| field_error(&path, "none", "given: the channel is geometric"))?;
    let coordinate = |name: &str, value: f64| super::check(&format!("{path}.{name}"), value, -1e9..=1e9, "m");
    coordinate("x_m", position.x_m.0)?;
    coordinate("y_m", position.y_m.0)?;
    let height = position.height_m.unwrap_or(kind_height);
    super::check(&format!("{path}.height_m"), height.0, 0.0..=1000.0, "m")?;
    Ok(Place { x: position.x_m.0, y: position.y_m.0, height })
}

fn check_heights(
    model: PathLossModel,
    links: &str,
    one: (usize, &Place),
    other: (usize, &Place),
) -> Result<(), FieldError> {
    let (lower, upper) = if one.1.height.0 <= other.1.height.0 { (one, other) } else { (other, one) };
    let path = |node: usize| format!("nodes[{node}].position.height_m");
    model
        .check_heights(&path(lower.0), &path(upper.0), one.1.geometry_to(other.1))
        .map_err(|error| FieldError { allowed: format!("{} (geometric.{links})", error.allowed), ..error })
}

fn check_nodes(nodes: usize) -> Result<(), FieldError> {
    if (3..=MAX_DEVICES + 2).contains(&nodes) {
        return Ok(());
    }
    let allowed = format!("3 to {}: control unit, devices, edge server", MAX_DEVICES + 2);
    Err(field_error("nodes", nodes, allowed))
}

fn pairs(nodes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..nodes).flat_map(move |low| (low + 1..nodes).map(move |high| (low, high)))
}

/// Node numbers are below 2^32: [`check_nodes`] ensures it.
fn link_id(low: usize, high: usize) -> LinkId {
    LinkId::between(low as u32, high as u32)
}
