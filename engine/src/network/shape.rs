//! Which links a round needs, and how fast they are to be.

use std::collections::BTreeMap;

use collapipe::problem::{ClusterRound, Sent};
use collapipe::schedule::Sending;

use super::NetworkError;
use crate::roles::RoundOrder;
use crate::wire::{Address, Channel, HEADER_BYTES};
use crate::work::{SyntheticSpec, WorkSpec};

/// Rate of the fastest links: what the kernel's timers keep to a fraction of a per cent.
pub const MOST_BITS_PER_SECOND: f64 = 60e6;

/// Shortest time that a message may take.
pub const SHORTEST_S: f64 = 5e-3;

/// Bytes of a message besides its numbers, about: the frame, and its head as JSON.
const HEAD: usize = HEADER_BYTES + 240;
/// Bytes of a packet that are payload, and those that are not: Ethernet, IP, and TCP with timestamps.
const PAYLOAD: usize = 1448;
const HEADERS: usize = 66;
/// Fewest and most numbers of a message.
const NUMBERS: [f64; 2] = [1024.0, 4_194_304.0];

/// A link: everything that one node sends another on a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stream {
    /// Who sends.
    pub from: Address,
    /// Who receives.
    pub to: Address,
    /// What.
    pub channel: Channel,
    /// Its rate, counting all bytes of all packets.
    pub bits_per_second: f64,
}

/// A round over links that are not emulated, and the links.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Shape {
    /// The round, with messages that take as long as planned at the rates of its links.
    pub order: RoundOrder,
    /// The links.
    pub streams: Vec<Stream>,
}

/// What goes on the wire for a message of so many numbers.
fn wire_bits(numbers: usize) -> f64 {
    let frame = HEAD + 4 * numbers;
    8.0 * (frame + HEADERS * frame.div_ceil(PAYLOAD)) as f64
}

/// Numbers that take so long at the highest rate.
fn numbers_of(seconds: f64) -> f64 {
    MOST_BITS_PER_SECOND * seconds / 32.0
}

impl Shape {
    /// Shapes a round: messages have as many numbers as the shortest transmission of their kind allows at the highest rate, and
    /// every link has the rate at which they take the planned time.
    ///
    /// # Errors
    /// [`NetworkError::Sending`], [`NetworkError::Work`], [`NetworkError::Short`].
    pub fn new(mut order: RoundOrder) -> Result<Self, NetworkError> {
        let mut streams = Vec::new();
        let rounds = order.clusters.clone();
        for (cluster, round) in rounds.iter().enumerate() {
            if !matches!(round.sending, Sending::Overlapped | Sending::Blocking | Sending::Transmitter) {
                return Err(NetworkError::Sending(round.sending));
            }
            let Some(WorkSpec::Synthetic(spec)) = order.work.get_mut(cluster) else { return Err(NetworkError::Work) };
            *spec = messages(round, scale(&order.pace)?);
            let spec = *spec;
            for (sent, numbers, channel) in all(round, &spec) {
                let seconds = sent.occupied().0 * scale(&order.pace)?;
                if seconds <= 0.0 {
                    continue;
                }
                let [from, to] = [sent.from, sent.to].map(|node| Address { cluster, node: node.0 });
                if seconds < SHORTEST_S {
                    return Err(NetworkError::Short { from, to, seconds, scale: SHORTEST_S / seconds });
                }
                streams.push(Stream { from, to, channel, bits_per_second: wire_bits(numbers) / seconds });
            }
        }
        order.emulates_links = false;
        Ok(Self { order, streams })
    }
}

fn scale(pace: &crate::roles::Pace) -> Result<f64, NetworkError> {
    match pace {
        crate::roles::Pace::Emulated { scale } => Ok(*scale),
        crate::roles::Pace::Free => Err(NetworkError::Work),
    }
}

/// How large messages are.
fn messages(round: &ClusterRound, scale: f64) -> SyntheticSpec {
    let shortest = |sent: &mut dyn Iterator<Item = (f64, f64)>| {
        let times = sent.filter(|(seconds, _)| *seconds > 0.0).map(|(seconds, blocks)| seconds * scale / blocks);
        let [least, most] = NUMBERS;
        numbers_of(times.fold(f64::INFINITY, f64::min)).clamp(least, most) as usize
    };
    let blocks: BTreeMap<usize, f64> =
        round.stages.iter().zip(&round.segments).map(|(stage, held)| (stage.0, held.len() as f64)).collect();
    let of = |node: usize| blocks.get(&node).copied().unwrap_or(1.0).max(1.0);
    let mut hops = round.forward_hops.iter().chain(&round.backward_hops).map(|sent| (sent.occupied().0, 1.0));
    let down = round.distribution.iter().map(|sent| (sent.occupied().0, of(sent.to.0)));
    let up = round.collection.iter().map(|sent| (sent.occupied().0, of(sent.from.0)));
    let mut once = down.chain(up).chain([(round.upload.occupied().0, 1.0)]);
    SyntheticSpec { activation: shortest(&mut hops), block: shortest(&mut once), most: NUMBERS[1] as usize }
}

/// All transmissions, with the numbers of their messages.
fn all<'a>(round: &'a ClusterRound, spec: &'a SyntheticSpec) -> impl Iterator<Item = (&'a Sent, usize, Channel)> {
    let held = |node: usize| {
        let place = round.stages.iter().position(|stage| stage.0 == node);
        spec.segment(place.and_then(|place| round.segments.get(place)).map_or(0, |segment| segment.len()))
    };
    let hops = round.forward_hops.iter().chain(&round.backward_hops);
    let hops = hops.map(|sent| (sent, spec.activation.min(spec.most), Channel::Pipeline));
    let down = round.distribution.iter().map(move |sent| (sent, held(sent.to.0), Channel::Once));
    let up = round.collection.iter().map(move |sent| (sent, held(sent.from.0), Channel::Once));
    let upload = (&round.upload, spec.block.min(spec.most), Channel::Once);
    hops.chain(down).chain(up).chain([upload])
}
