//! What figures and pages are drawn from: a run in stretches of equally many slots, their number bounded or one per slot.

use super::series::{budget, energy};
use crate::simulation::{PlannedSlot, RunRecord, SlotRecord};

/// Stretches that a long run has at least, and half of what it has at most.
const STRETCHES: usize = 512;

/// A cluster's part of a round.
#[derive(Clone, Debug)]
pub(super) struct OfCluster {
    pub(super) latency: f64,
    /// Blocks of its devices.
    pub(super) sizes: Vec<u32>,
}

/// A round.
#[derive(Clone, Debug)]
pub(super) struct OfRound {
    pub(super) slot: u64,
    pub(super) latency: f64,
    pub(super) clusters: Vec<OfCluster>,
}

impl OfRound {
    fn of(slot: u64, planned: &PlannedSlot) -> Self {
        let cluster =
            |of: &crate::simulation::ClusterPlan| OfCluster { latency: of.latency_s.0, sizes: of.sizes.clone() };
        Self { slot, latency: planned.latency_s.0, clusters: planned.clusters.iter().map(cluster).collect() }
    }
}

/// Means so far, after a slot.
#[derive(Clone, Debug, Default)]
pub(super) struct SoFar {
    /// Energy of each node, in its budget, or in joules where it has none.
    pub(super) energy: Vec<f64>,
    /// Latency of the rounds; none before the first one.
    pub(super) latency: Option<f64>,
    /// Penalty and norm of the queues; none where the record is not that of a drift-plus-penalty run.
    pub(super) penalty: Option<(f64, f64)>,
}

/// A queue over a stretch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    pub(super) first: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) last: f64,
    sum: f64,
}

impl Queue {
    const fn of(value: f64) -> Self {
        Self { first: value, least: value, most: value, last: value, sum: value }
    }

    fn join(&mut self, later: Self) {
        self.least = self.least.min(later.least);
        self.most = self.most.max(later.most);
        self.last = later.last;
        self.sum += later.sum;
    }
}

/// Consecutive slots.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    /// Number of the first slot, and of the last one.
    pub(super) ends: [u64; 2],
    /// How many there are.
    pub(super) slots: usize,
    /// The first slot's round.
    pub(super) of_first: Option<OfRound>,
    /// The first round, where that is not the first slot's.
    later: Option<OfRound>,
    /// How many slots have one.
    pub(super) rounds: u32,
    /// Slot and latency of the longest round.
    pub(super) longest: Option<(u64, f64)>,
    /// The last slot with a round.
    pub(super) last_round: Option<u64>,
    /// The first slot without a round.
    pub(super) outage: Option<u64>,
    /// Of each node.
    pub(super) queues: Vec<Queue>,
    /// After the first slot, and after the last one.
    pub(super) so_far: [SoFar; 2],
    /// Blocks of each cluster's devices, summed over the rounds.
    pub(super) blocks: Vec<Vec<f64>>,
}

impl Stretch {
    /// The middle of its slots.
    pub(super) fn middle(&self) -> f64 {
        f64::midpoint(self.ends[0] as f64, self.ends[1] as f64)
    }

    /// Mean of a node's queue.
    pub(super) fn queue(&self, node: usize) -> Option<(f64, Queue)> {
        self.queues.get(node).map(|queue| (queue.sum / self.slots as f64, *queue))
    }

    /// The first round.
    pub(super) fn round(&self) -> Option<&OfRound> {
        self.of_first.as_ref().or(self.later.as_ref())
    }

    fn join(&mut self, next: Self) {
        self.ends[1] = next.ends[1];
        self.slots += next.slots;
        if self.round().is_none() {
            self.later = next.of_first.or(next.later);
        }
        self.rounds += next.rounds;
        self.longest = match (self.longest, next.longest) {
            (Some(own), Some(other)) => Some(if other.1 > own.1 { other } else { own }),
            (own, other) => own.or(other),
        };
        self.last_round = next.last_round.or(self.last_round);
        self.outage = self.outage.or(next.outage);
        self.queues.iter_mut().zip(next.queues).for_each(|(own, later)| own.join(later));
        let [_, last] = next.so_far;
        self.so_far[1] = last;
        if self.blocks.is_empty() {
            self.blocks = next.blocks;
        } else {
            let both = self.blocks.iter_mut().zip(next.blocks);
            both.for_each(|(own, later)| own.iter_mut().zip(later).for_each(|(own, later)| *own += later));
        }
    }
}

/// A run as its figures show it.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    pub(super) stretches: Vec<Stretch>,
    /// Slots of a stretch, but for the last one.
    pub(super) stride: usize,
    most: usize,
    /// Slots without a round.
    pub(super) outages: u64,
    pub(super) rounds: u64,
    slots: u64,
    latency: f64,
    energy: Vec<f64>,
    units: Vec<f64>,
    penalty: f64,
    /// What each cluster weighs in the price of the round latency, summed over the rounds.
    pub(super) weights: Vec<f64>,
}

impl Digest {
    /// Of the run that begins with `head`, in a bounded number of stretches.
    pub(super) fn bounded(head: &RunRecord) -> Self {
        Self::with_most(head, 2 * STRETCHES)
    }

    /// Every slot of a record by itself.
    pub(super) fn whole(record: &RunRecord) -> Self {
        let mut digest = Self::with_most(record, usize::MAX);
        record.slots.iter().for_each(|slot| digest.take(slot, None));
        digest
    }

    pub(super) fn with_most(head: &RunRecord, most: usize) -> Self {
        Self {
            stretches: Vec::new(),
            stride: 1,
            most,
            outages: 0,
            rounds: 0,
            slots: 0,
            latency: 0.0,
            energy: vec![0.0; head.nodes.len()],
            units: head.nodes.iter().map(|node| budget(node).unwrap_or(1.0)).collect(),
            penalty: 0.0,
            weights: vec![0.0; head.clusters.len()],
        }
    }

    /// Takes the next slot, with its penalty and the norm of the queues after it where they are known.
    pub(super) fn take(&mut self, slot: &SlotRecord, penalty: Option<(f64, f64)>) {
        let next = self.stretch(slot, penalty);
        match self.stretches.last_mut().filter(|last| last.slots < self.stride) {
            Some(last) => last.join(next),
            None => {
                self.stretches.push(next);
                if self.stretches.len() > self.most {
                    self.halve();
                }
            }
        }
    }

    fn stretch(&mut self, slot: &SlotRecord, penalty: Option<(f64, f64)>) -> Stretch {
        let planned = slot.planned();
        self.slots += 1;
        let slots = self.slots as f64;
        for (index, (sum, unit)) in self.energy.iter_mut().zip(&self.units).enumerate() {
            *sum += energy(slot, index) / unit;
        }
        match planned {
            Some(planned) => {
                self.rounds += 1;
                self.latency += planned.latency_s.0;
                for (weight, cluster) in self.weights.iter_mut().zip(&planned.clusters) {
                    *weight += cluster.latency_share.unwrap_or(0.0);
                }
            }
            None => self.outages += 1,
        }
        let so_far = SoFar {
            energy: self.energy.iter().map(|sum| sum / slots).collect(),
            latency: (self.rounds > 0).then(|| self.latency / self.rounds as f64),
            penalty: penalty.map(|(penalty, norm)| {
                self.penalty += penalty;
                (self.penalty / slots, norm)
            }),
        };
        let number = slot.slot;
        let blocks = planned.map_or_else(Vec::new, |planned| {
            planned.clusters.iter().map(|of| of.sizes.iter().map(|blocks| f64::from(*blocks)).collect()).collect()
        });
        Stretch {
            ends: [number; 2],
            slots: 1,
            of_first: planned.map(|planned| OfRound::of(number, planned)),
            later: None,
            rounds: u32::from(planned.is_some()),
            longest: planned.map(|planned| (number, planned.latency_s.0)),
            last_round: planned.map(|_| number),
            outage: planned.is_none().then_some(number),
            queues: slot.queues.iter().map(|queue| Queue::of(*queue)).collect(),
            so_far: [so_far.clone(), so_far],
            blocks,
        }
    }

    /// Stretches of twice as many slots.
    fn halve(&mut self) {
        // The last one has just begun: it is the next pair's first.
        self.stride *= 2;
        let mut joined: Vec<Stretch> = Vec::with_capacity(self.most.saturating_add(1).min(self.stretches.len()));
        for stretch in self.stretches.drain(..) {
            match joined.last_mut().filter(|last| last.slots < self.stride) {
                Some(last) => last.join(stretch),
                None => joined.push(stretch),
            }
        }
        self.stretches = joined;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{BUILTIN, ScenarioFile};
    use crate::simulation::Run;
    use crate::solver::Settings;

    fn record(slots: u64) -> RunRecord {
        let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
        file.spec.slots = slots;
        let mut run = Run::new(&file.build().unwrap(), Settings::default()).unwrap();
        let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
        run.record(slots)
    }

    /// However many slots come, there are at most 2 n stretches, and what they say is what the slots say.
    #[test]
    fn stretches_are_few_and_say_what_the_slots_say() {
        let record = record(37);
        let mut digest = Digest::with_most(&record, 4);
        for (count, slot) in (1..).zip(&record.slots) {
            digest.take(slot, Some((count as f64, 0.5)));
            assert!(digest.stretches.len() <= 4);
            assert_eq!(digest.stretches.iter().map(|of| of.slots).sum::<usize>(), count);
        }
        assert_eq!(digest.stride, 16);
        let chunks: Vec<_> = record.slots.chunks(16).collect();
        assert_eq!(digest.stretches.len(), chunks.len());
        let whole = Digest::whole(&record);
        for (stretch, chunk) in digest.stretches.iter().zip(chunks) {
            assert_eq!(stretch.ends, [chunk[0].slot, chunk[chunk.len() - 1].slot]);
            let latencies = || chunk.iter().filter_map(|slot| Some(slot.planned()?.latency_s.0));
            assert_eq!(stretch.longest.map(|of| of.1), latencies().reduce(f64::max));
            assert_eq!(stretch.round().map(|of| of.latency), latencies().next());
            assert_eq!(stretch.rounds as usize, latencies().count());
            for node in 0..record.nodes.len() {
                let queues = || chunk.iter().map(|slot| slot.queues[node]);
                let (mean, queue) = stretch.queue(node).unwrap();
                assert_eq!((queue.first, queue.least), (chunk[0].queues[node], queues().fold(f64::MAX, f64::min)));
                assert_eq!(queue.most, queues().fold(0.0, f64::max));
                assert!((mean - queues().sum::<f64>() / chunk.len() as f64).abs() < 1e-12 * (1.0 + mean));
            }
            let last = &whole.stretches[usize::try_from(stretch.ends[1]).unwrap()];
            assert_eq!(stretch.so_far[1].energy, last.so_far[1].energy);
            assert_eq!(stretch.so_far[1].latency, last.so_far[1].latency);
            let blocks: f64 =
                chunk.iter().filter_map(SlotRecord::planned).map(|of| f64::from(of.clusters[0].sizes[0])).sum();
            assert_eq!(stretch.blocks[0][0], blocks);
        }
    }
}
