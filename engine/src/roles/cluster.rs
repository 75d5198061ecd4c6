//! A cluster in a round: what is done, what is due.

use std::collections::{BTreeMap, BTreeSet};

use collapipe::problem::{ClusterRound, NodeId, Sent};
use collapipe::schedule::{ScheduleError, Sending};

use super::air::Air;
use super::measured::{Leg, MeasuredCluster, MeasuredIteration};
use super::order::RoundOrder;
use super::whole::Way;
use crate::wire::{Address, Learned, Order, Plan, Report, Transfer};
use crate::work::WorkSpec;

/// Where the cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Preparing,
    Sending(Transfer),
    Iterating(u32),
    Committing,
    Over,
}

/// The state of a cluster.
pub(super) struct InRound<'a> {
    order: &'a RoundOrder,
    round: &'a ClusterRound,
    cluster: usize,
    attempt: u64,
    step: Step,
    /// Nodes whose word is due.
    due: BTreeSet<Address>,
    /// What nodes learned in the iteration, by node: added up in this order, whoever reports first.
    learned: BTreeMap<Address, Learned>,
    /// When what is under way began, and may end, as planned.
    at_s: f64,
    until_s: f64,
    air: Option<Air>,
    /// Makespan of an iteration, as planned.
    makespan_s: f64,
    pub measured: MeasuredCluster,
}

type Orders = Vec<(Address, Order)>;

impl<'a> InRound<'a> {
    /// A cluster whose nodes are getting their plans.
    pub fn new(order: &'a RoundOrder, round: &'a ClusterRound, cluster: usize, attempt: u64) -> Self {
        let at_s = 0.0;
        let due = order.nodes(cluster).into_iter().collect();
        let measured = MeasuredCluster::default();
        let step = Step::Preparing;
        let makespan_s = order.makespan_s(round).unwrap_or(0.0);
        let learned = BTreeMap::new();
        Self {
            order,
            round,
            cluster,
            attempt,
            step,
            due,
            learned,
            at_s,
            until_s: at_s,
            air: None,
            makespan_s,
            measured,
        }
    }

    /// The plan of a node.
    pub fn plan(&self, node: Address, peers: &[(Address, std::net::SocketAddr)]) -> Plan {
        let (order, round) = (self.order, self.round);
        let stage = round.stages.iter().position(|stage| stage.0 == node.node);
        let time = |times: &[collapipe::units::Seconds]| {
            order.seconds(stage.and_then(|stage| times.get(stage)).map_or(0.0, |time| time.0))
        };
        let hop = |hops: &[Sent], hop: Option<usize>| {
            hop.and_then(|hop| hops.get(hop)).map_or(order.nothing(), |sent| order.travel(sent))
        };
        let before = stage.and_then(|stage| stage.checked_sub(1));
        let alone = order.way == Way::WholeModels;
        Plan {
            attempt: self.attempt,
            // Whoever works alone is a pipeline of one stage.
            stages: match (alone, stage) {
                (true, Some(_)) => vec![node],
                _ => round.stages.iter().map(|stage| self.address(*stage)).collect(),
            },
            stage: if alone { stage.map(|_| 0) } else { stage },
            alone,
            schedule: round.plan.schedule,
            micro_batches: round.plan.micro_batches,
            sending: if order.seconds(0.0).is_some() { round.sending } else { free_sending(round.sending) },
            compute_s: time(&round.forward).zip(time(&round.backward)).map(|(forward, backward)| [forward, backward]),
            travel: [hop(&round.forward_hops, stage), hop(&round.backward_hops, before)],
            segments: RoundOrder::segments(round),
            peers: peers.iter().copied().filter(|(peer, _)| peer.cluster == self.cluster).collect(),
            routes: order.routes.iter().filter(|route| route.from == node).copied().collect(),
            numbers: order.numbers,
            work: match (order.work.get(self.cluster), stage) {
                (Some(WorkSpec::Learning(spec)), Some(device)) if alone => {
                    WorkSpec::Learning(Box::new(spec.share(device, round.stages.len())))
                }
                (Some(WorkSpec::Learning(spec)), _) if alone || node.node > 0 => {
                    WorkSpec::Learning(Box::new(spec.without_data()))
                }
                (Some(work), _) => work.clone(),
                (None, _) => WorkSpec::NOTHING,
            },
        }
    }

    /// All nodes are ready, and the round begins.
    pub fn begin(&mut self, at_s: f64) -> Result<Orders, ScheduleError> {
        self.measured.fixed_s = at_s + self.scaled(self.round.fixed.0);
        self.next(Step::Preparing, self.measured.fixed_s)
    }

    fn address(&self, node: NodeId) -> Address {
        Address { cluster: self.cluster, node: node.0 }
    }

    pub fn is_over(&self) -> bool {
        self.step == Step::Over
    }

    /// Nodes whose word is due, and until when it was to come.
    pub fn due(&self) -> (&BTreeSet<Address>, f64) {
        (&self.due, self.until_s)
    }

    /// Takes what a node says; returns what is to be done next.
    pub fn hear(&mut self, from: Address, report: Report) -> Result<Orders, ScheduleError> {
        let is_now = match (self.step, &report) {
            (Step::Sending(now), Report::Left { what, .. }) => now == *what,
            (Step::Iterating(now), Report::Did { iteration, .. }) => now == *iteration,
            _ => false,
        };
        if is_now {
            self.book(&report);
        }
        match (self.step, report) {
            (Step::Preparing, Report::Ready { .. }) => {
                self.due.remove(&from);
            }
            (Step::Sending(now), Report::Left { what, .. }) if now == what => {
                self.due.remove(&from);
                return self.sent();
            }
            (Step::Sending(now), Report::Arrived { what, at_s, planned_s, .. }) if now == what => {
                self.due.remove(&from);
                self.until_s = planned_s;
                if let Some(leg) = self.leg(what) {
                    leg.arrived_s = at_s;
                }
                return self.sent();
            }
            (Step::Iterating(_), Report::Ask { operation, ready_s, occupied_s, .. }) => {
                let attempt = self.attempt;
                let granted = self.air.as_mut().map(|air| air.ask(operation, ready_s, occupied_s)).unwrap_or_default();
                let order = |(operation, start_s, end_s): (collapipe::schedule::Operation, f64, f64)| {
                    let back = operation.kind == collapipe::schedule::OperationKind::SendBackward;
                    let stage = operation.position as usize + usize::from(back);
                    let node = self.round.stages.get(stage).copied().unwrap_or_default();
                    (self.address(node), Order::Grant { attempt, operation, start_s, end_s })
                };
                return Ok(granted.into_iter().map(order).collect());
            }
            (Step::Iterating(now), Report::Done { iteration, until_s, learned, .. }) if now == iteration => {
                self.due.remove(&from);
                self.learned.extend(learned.map(|learned| (from, learned)));
                if let Some(measured) = self.measured.iterations.last_mut() {
                    measured.end_s = measured.end_s.max(until_s);
                    if self.due.is_empty() {
                        measured.learned = Learned::of(std::mem::take(&mut self.learned).into_values());
                    }
                }
                self.until_s = self.until_s.max(until_s);
                if self.due.is_empty() {
                    return self.next(self.step, self.until_s);
                }
            }
            (Step::Committing, Report::Kept { sent_bytes, memory_bytes, .. }) => {
                self.due.remove(&from);
                self.measured.sent_bytes += sent_bytes;
                if let Some(stage) = self.round.stages.iter().position(|stage| stage.0 == from.node) {
                    self.measured.memory_bytes.resize(self.round.stages.len(), 0);
                    if let Some(bytes) = self.measured.memory_bytes.get_mut(stage) {
                        *bytes = memory_bytes;
                    }
                }
                if self.due.is_empty() {
                    self.step = Step::Over;
                }
            }
            _ => {}
        }
        Ok(Vec::new())
    }

    /// Books what a node has done.
    pub fn book(&mut self, report: &Report) {
        match *report {
            Report::Did { iteration, span, .. } => {
                self.measured.book_lateness(span.late_s);
                if let Some(measured) = self.measured.iterations.get_mut(iteration as usize) {
                    measured.end_s = measured.end_s.max(span.end_s);
                    measured.spans.push(span);
                }
            }
            Report::Left { what, begin_s, start_s, end_s, late_s, .. } => {
                self.measured.book_lateness(late_s);
                if let Some(leg) = self.leg(what) {
                    (leg.begin_s, leg.start_s, leg.end_s) = (begin_s, start_s, end_s);
                }
            }
            _ => {}
        }
    }

    fn scaled(&self, planned_s: f64) -> f64 {
        self.order.seconds(planned_s).unwrap_or(0.0)
    }

    /// How many devices take part.
    fn active(&self) -> usize {
        self.round.collection.len()
    }

    fn leg(&mut self, what: Transfer) -> Option<&mut Leg> {
        match what {
            Transfer::Distribution(_) => self.measured.distribution.last_mut(),
            Transfer::Collection(_) => self.measured.collection.last_mut(),
            Transfer::Upload => Some(&mut self.measured.upload),
        }
    }

    fn sent(&mut self) -> Result<Orders, ScheduleError> {
        if self.due.is_empty() { self.next(self.step, self.until_s) } else { Ok(Vec::new()) }
    }

    /// What follows a step that ended at a moment.
    fn next(&mut self, after: Step, at_s: f64) -> Result<Orders, ScheduleError> {
        (self.at_s, self.until_s) = (at_s, at_s);
        match after {
            Step::Preparing => Ok(self.transfer(Transfer::Distribution(0), 0)),
            Step::Sending(Transfer::Distribution(_)) => {
                let done = self.measured.distribution.len();
                if done < self.active() { Ok(self.transfer(Transfer::Distribution(0), done)) } else { self.iterate(0) }
            }
            Step::Iterating(iteration) if iteration + 1 < self.round.plan.local_iterations => {
                self.iterate(iteration + 1)
            }
            Step::Iterating(_) => Ok(self.transfer(Transfer::Collection(0), 0)),
            Step::Sending(Transfer::Collection(_)) => {
                let done = self.measured.collection.len();
                let what = if done < self.active() { Transfer::Collection(0) } else { Transfer::Upload };
                Ok(self.transfer(what, done))
            }
            Step::Sending(Transfer::Upload) => {
                self.measured.latency_s = self.measured.upload.arrived_s;
                self.step = Step::Committing;
                self.due = self.order.nodes(self.cluster).into_iter().collect();
                // The round is over; whether it counts depends on all clusters.
                Ok(Vec::new())
            }
            Step::Committing | Step::Over => Ok(Vec::new()),
        }
    }

    /// Whether it waits for the other clusters.
    pub fn is_done(&self) -> bool {
        matches!(self.step, Step::Committing | Step::Over)
    }

    /// What makes the round count.
    pub fn commit(&self) -> Orders {
        self.due.iter().map(|node| (*node, Order::Commit { attempt: self.attempt })).collect()
    }

    fn transfer(&mut self, kind: Transfer, place: usize) -> Orders {
        let round = self.round;
        let sent = match kind {
            Transfer::Distribution(_) => round.distribution.get(place),
            Transfer::Collection(_) => round.collection.get(place),
            Transfer::Upload => Some(&round.upload),
        };
        let Some(sent) = sent else { return Vec::new() };
        let what = match kind {
            Transfer::Distribution(_) => Transfer::Distribution(sent.to.0),
            Transfer::Collection(_) => Transfer::Collection(sent.from.0),
            Transfer::Upload => Transfer::Upload,
        };
        match kind {
            Transfer::Distribution(_) => self.measured.distribution.push(Leg::default()),
            Transfer::Collection(_) => self.measured.collection.push(Leg::default()),
            Transfer::Upload => {}
        }
        let (from, to) = (self.address(sent.from), self.address(sent.to));
        let travel = self.order.travel(sent);
        let (attempt, at_s) = (self.attempt, self.at_s);
        self.until_s = at_s + self.scaled(sent.total().0);
        self.step = Step::Sending(what);
        self.due = BTreeSet::from([from, to]);
        vec![(to, Order::Receive { attempt, what }), (from, Order::Send { attempt, what, at_s, to, travel })]
    }

    fn iterate(&mut self, iteration: u32) -> Result<Orders, ScheduleError> {
        let at_s = self.at_s;
        self.step = Step::Iterating(iteration);
        self.measured.iterations.push(MeasuredIteration { start_s: at_s, end_s: at_s, ..MeasuredIteration::default() });
        let shared = matches!(self.round.sending, Sending::HalfDuplex | Sending::Medium);
        self.air = shared.then(|| Air::new(&self.round.schedule()?, self.round.sending, at_s)).transpose()?;
        self.due = self.round.stages.iter().map(|stage| self.address(*stage)).collect();
        let attempt = self.attempt;
        Ok(self.due.iter().map(|node| (*node, Order::Begin { attempt, iteration, at_s })).collect())
    }

    /// How long what is under way may take, as planned, from now on: at most an iteration.
    pub fn longest_s(&self) -> f64 {
        match self.step {
            Step::Iterating(_) => self.at_s + self.scaled(self.makespan_s),
            _ => self.until_s,
        }
    }
}

/// Without emulation nobody shares anything that is not shared in truth.
fn free_sending(sending: Sending) -> Sending {
    match sending {
        Sending::Blocking => Sending::Blocking,
        _ => Sending::Overlapped,
    }
}
