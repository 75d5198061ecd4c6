//! A round as it is ordered.

use std::ops::Range;

use collapipe::problem::{ClusterRound, Decision, DecisionError, NodeId, Sent, SlotProblem, rounds};
use collapipe::schedule::{ScheduleError, Sending};

use super::error::RoundError;
use super::whole::{Way, slowest_s, whole_models};
use crate::wire::{Address, LinkRoute, Numbers, Travel};
use crate::work::{MOST_NUMBERS, SyntheticSpec, WorkSpec};

/// Whether times are emulated.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Pace {
    /// As planned, a planned second in so many seconds of the wall clock.
    Emulated {
        /// Seconds of the wall clock per planned second.
        scale: f64,
    },
    /// As fast as it goes.
    Free,
}

/// A round: what every cluster does, and how.
#[derive(Clone, Debug)]
pub struct RoundOrder {
    /// Every cluster's part.
    pub clusters: Vec<ClusterRound>,
    /// How the stages work together.
    pub way: Way,
    /// Emulated or free.
    pub pace: Pace,
    /// Whether links are emulated, too, or take as long as they take.
    pub emulates_links: bool,
    /// Links of their own; what has none goes where its receiver listens.
    pub routes: Vec<LinkRoute>,
    /// How activations and their gradients are sent.
    pub numbers: Numbers,
    /// Of every cluster: what is computed.
    pub work: Vec<WorkSpec>,
    /// Longest time of a step of the round in addition to its planned one, in seconds of the wall clock.
    pub patience_s: f64,
}

impl RoundOrder {
    /// A decision of a problem, with synthetic work: messages in the right order, of the planned sizes or smaller.
    ///
    /// # Errors
    /// [`DecisionError`] for a decision that does not have the problem's shape.
    pub fn synthetic(problem: &SlotProblem, decision: &Decision, pace: Pace) -> Result<Self, DecisionError> {
        Ok(Self::of(problem, rounds(problem, decision)?, Way::Pipeline, pace))
    }

    /// A round of FedAvg inside each cluster, with synthetic work: every device has the whole model and its share of the
    /// batch.
    ///
    /// # Errors
    /// [`RoundError::Plan`] for a batch that cannot be shared equally.
    pub fn whole_models(problem: &SlotProblem, plan: usize, pace: Pace) -> Result<Self, RoundError> {
        Ok(Self::of(problem, whole_models(problem, plan)?, Way::WholeModels, pace))
    }

    fn of(problem: &SlotProblem, clusters: Vec<ClusterRound>, way: Way, pace: Pace) -> Self {
        let numbers = |bits: f64| (bits / 32.0).clamp(1.0, 1e9) as usize;
        let block = numbers(problem.encoder.mean_block().parameter_bits_per_block.0);
        let work = clusters.iter().map(|cluster| {
            let activation = cluster.forward_hops.iter().map(|hop| numbers(hop.bits.0)).max().unwrap_or(1);
            WorkSpec::Synthetic(SyntheticSpec { activation, block, most: MOST_NUMBERS })
        });
        let work = work.collect();
        let (emulates_links, routes) = (true, Vec::new());
        Self { clusters, way, pace, emulates_links, routes, numbers: Numbers::F32, work, patience_s: 10.0 }
    }

    /// How long an iteration of a cluster takes, as planned.
    ///
    /// # Errors
    /// [`ScheduleError`] for a transmission without a rate, which takes no finite time.
    pub fn makespan_s(&self, round: &ClusterRound) -> Result<f64, ScheduleError> {
        match self.way {
            Way::Pipeline => Ok(round.timeline()?.1),
            Way::WholeModels => Ok(slowest_s(round)),
        }
    }

    /// The same with other transmissions than the problem's.
    #[must_use]
    pub fn sending(mut self, sending: Sending) -> Self {
        self.clusters.iter_mut().for_each(|cluster| cluster.sending = sending);
        self
    }

    /// Numbers the nodes as a scenario does, of whose devices (so many per cluster) those at `present` are those of the
    /// problem.
    #[must_use]
    pub fn renumbered(mut self, present: &[Vec<usize>], devices: &[usize]) -> Self {
        for ((cluster, present), devices) in self.clusters.iter_mut().zip(present).zip(devices) {
            let of = |node: NodeId| match node.0.checked_sub(1) {
                None => node,
                Some(device) => present.get(device).map_or(NodeId::edge_server(*devices), |k| NodeId(k + 1)),
            };
            cluster.stages.iter_mut().for_each(|node| *node = of(*node));
            let hops = cluster.forward_hops.iter_mut().chain(&mut cluster.backward_hops);
            let once = cluster.distribution.iter_mut().chain(&mut cluster.collection).chain([&mut cluster.upload]);
            for sent in hops.chain(once) {
                (sent.from, sent.to) = (of(sent.from), of(sent.to));
            }
        }
        self
    }

    pub(super) fn seconds(&self, planned_s: f64) -> Option<f64> {
        match self.pace {
            Pace::Emulated { scale } => Some(planned_s * scale),
            Pace::Free => None,
        }
    }

    /// How a transmission travels.
    pub(super) fn travel(&self, sent: &Sent) -> Travel {
        Travel {
            occupied_s: self.seconds(sent.occupied().0).filter(|_| self.emulates_links),
            latency_s: self.seconds(sent.latency.0).unwrap_or(0.0),
        }
    }

    /// How nothing travels.
    pub(super) fn nothing(&self) -> Travel {
        Travel { occupied_s: self.seconds(0.0).filter(|_| self.emulates_links), latency_s: 0.0 }
    }

    /// The nodes that take part in a cluster: those of the pipeline, and both ends.
    pub(super) fn nodes(&self, cluster: usize) -> Vec<Address> {
        let Some(round) = self.clusters.get(cluster) else { return Vec::new() };
        let mut nodes = vec![NodeId::CONTROL_UNIT, round.upload.to];
        nodes.extend(&round.stages);
        nodes.sort_unstable();
        nodes.dedup();
        nodes.into_iter().map(|node| Address { cluster, node: node.0 }).collect()
    }

    /// The blocks of every device that takes part, by node.
    pub(super) fn segments(round: &ClusterRound) -> Vec<(usize, Range<u32>)> {
        let held = round.stages.iter().zip(&round.segments).filter(|(_, segment)| !segment.is_empty());
        held.map(|(node, segment)| (node.0, segment.clone())).collect()
    }

    /// All nodes that the round needs.
    #[must_use]
    pub fn members(&self) -> Vec<Address> {
        (0..self.clusters.len()).flat_map(|cluster| self.nodes(cluster)).collect()
    }
}
