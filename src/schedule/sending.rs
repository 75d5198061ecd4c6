//! Whom a transmission occupies.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::ScheduleError;
use super::machine::{Machine, Program};
use super::operation::{Operation, OperationKind};
use super::schedule::Schedule;
use super::timeline::Timeline;

/// Whom a transmission occupies, for as long as its message is on the way (its latency occupies nobody).
///
/// Machines that several stages share ([`HalfDuplex`](Self::HalfDuplex), [`Medium`](Self::Medium)) need one order for
/// what different stages send. It is the order in which the transmissions could begin if a forward took one unit of time,
/// a backward two (one where the gradient of the weights is split off, which takes the other), and a transmission next to
/// nothing; at the same time the lower micro-batch goes first, then the lower slice, forward before backward, the lower
/// position. It extends the order of the graph of all operations, so that it cannot make them wait for each other in a
/// circle. What has crossed fewer links goes first among what is ready with the same work done: so a stage receives
/// before it sends what it made meanwhile, and fill-drain's pace is the busiest of stages and shared machines. Elsewhere
/// transmissions keep the order in which their sender's program makes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Sending {
    /// The link: a machine of its own for each direction between two stages. Sending costs no computing time.
    #[default]
    Overlapped,
    /// The sender, which sends right after the computation and computes nothing meanwhile.
    Blocking,
    /// The sender's transmitter: what a stage sends goes out one message after another, whomever it is for.
    Transmitter,
    /// The radios of sender and receiver: a stage sends or receives one message at a time.
    HalfDuplex,
    /// Everybody: one medium on which the messages of all stages take turns.
    Medium,
    /// Nobody: a message arrives later, and any number are on the way.
    Delay,
}

impl Sending {
    /// Every mode.
    pub const ALL: [Self; 6] =
        [Self::Overlapped, Self::Blocking, Self::Transmitter, Self::HalfDuplex, Self::Medium, Self::Delay];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overlapped => "overlapped",
            Self::Blocking => "blocking",
            Self::Transmitter => "transmitter",
            Self::HalfDuplex => "half-duplex",
            Self::Medium => "medium",
            Self::Delay => "delay",
        }
    }

    /// The programs of all machines: those of the stages first, in their order.
    ///
    /// # Errors
    /// None for a schedule, which has been checked; typed because orders of shared machines come from a timeline.
    pub fn programs(self, schedule: &Schedule) -> Result<Vec<Program>, ScheduleError> {
        let shape = schedule.shape();
        let mut programs = schedule.stage_programs();
        if self == Self::Blocking {
            for program in &mut programs {
                let with_send = |operation| [Some(operation), shape.send_after(operation)].into_iter().flatten();
                program.operations = program.operations.iter().copied().flat_map(with_send).collect();
            }
            return Ok(programs);
        }
        let mut sends: Vec<Operation> =
            programs.iter().flat_map(|program| &program.operations).filter_map(|op| shape.send_after(*op)).collect();
        if matches!(self, Self::HalfDuplex | Self::Medium) {
            sends = in_turn(schedule, sends)?;
        }
        let mut shared: BTreeMap<Machine, Vec<Operation>> = BTreeMap::new();
        for send in sends {
            let (from, to) = (shape.stage_of(send), shape.receiver_of(send));
            let (machine, other) = match self {
                Self::Overlapped => (Some(Machine::Link { from, to }), None),
                Self::Transmitter => (Some(Machine::Transmitter(from)), None),
                Self::HalfDuplex => (Some(Machine::Radio(from)), Some(Machine::Radio(to))),
                Self::Medium => (Some(Machine::Medium), None),
                Self::Blocking | Self::Delay => (None, None),
            };
            for machine in [machine, other].into_iter().flatten() {
                shared.entry(machine).or_default().push(send);
            }
        }
        programs.extend(shared.into_iter().map(|(machine, operations)| Program { machine, operations }));
        Ok(programs)
    }
}

impl fmt::Display for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// All messages of a path together take less than a unit, as there are at most [`MAX_OPERATIONS`](super::MAX_OPERATIONS),
/// and sums with units are exact.
const NEXT_TO_NOTHING: f64 = 1.0 / (1_u64 << 26) as f64;

/// The order of transmissions on machines that several stages share.
fn in_turn(schedule: &Schedule, mut sends: Vec<Operation>) -> Result<Vec<Operation>, ScheduleError> {
    let mut timeline = Timeline::new(schedule, Sending::Delay)?;
    let layout = timeline.layout();
    let mut units = vec![0.0; layout.len()];
    for kind in OperationKind::ALL {
        units[layout.durations(kind)].fill(match kind {
            OperationKind::Backward if layout.durations(OperationKind::Weight).is_empty() => 2.0,
            kind if kind.is_send() => NEXT_TO_NOTHING,
            _ => 1.0,
        });
    }
    timeline.run_flat(&units)?;
    let starts: BTreeMap<Operation, f64> = timeline.events().map(|event| (event.operation, event.start_s)).collect();
    let rank = |send: &Operation| {
        let start = starts.get(send).copied().unwrap_or_default();
        (start, (send.micro_batch, send.slice, send.kind, send.position))
    };
    sends.sort_by(|a, b| {
        let (a, b) = (rank(a), rank(b));
        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
    });
    Ok(sends)
}
