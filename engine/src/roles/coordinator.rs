//! The coordinator: it tells everybody what to do, and notices who does not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::cluster::InRound;
use super::error::RoundError;
use super::measured::MeasuredRound;
use super::members::{Event, Hall};
use super::order::{Pace, RoundOrder};
use crate::wire::{Address, Message, Numbers, Order, Report, TensorKey, TensorKind, encode};

/// How long it is waited for a better reason after somebody reported a failure, and for an answer to a ping.
const SECOND_LOOK: Duration = Duration::from_millis(500);
/// Between the last word of preparation and the beginning of a round.
const LEAD_S: f64 = 0.005;

/// Runs rounds with the members of a hall.
#[derive(Debug)]
pub struct Coordinator {
    hall: Hall,
    attempt: u64,
    /// What was measured of the last round, if it failed.
    failed: Option<MeasuredRound>,
}

/// Parts of the model, by node.
pub type Parts = BTreeMap<Address, Vec<f32>>;

impl Coordinator {
    /// A coordinator that has done nothing.
    #[must_use]
    pub fn new(hall: Hall) -> Self {
        Self { hall, attempt: 0, failed: None }
    }

    /// Who is there.
    #[must_use]
    pub fn hall(&self) -> &Hall {
        &self.hall
    }

    /// What was measured of the last round until it failed, if it did; times that are not known are 0.
    ///
    /// Operations and transmissions that were under way end when their node gave them up. Of a node that is gone only what it
    /// had reported is known.
    #[must_use]
    pub fn failed(&self) -> Option<&MeasuredRound> {
        self.failed.as_ref()
    }

    /// Ends the run.
    pub fn close(&mut self) {
        self.hall.close();
    }

    /// Executes a round. `restore` are parts of the model that nodes are to take before it begins.
    ///
    /// # Errors
    /// [`RoundError`] names the node because of which it failed; the others have forgotten the round.
    pub fn round(&mut self, order: &RoundOrder, restore: &Parts) -> Result<MeasuredRound, RoundError> {
        self.attempt += 1;
        // What is left of earlier rounds.
        while self.hall.next(Duration::ZERO).is_some() {}
        let members = order.members();
        if let Some(node) = members.iter().copied().find(|node| !self.hall.has(*node)) {
            return Err(RoundError::Absent { node });
        }
        self.failed = None;
        let attempt = self.attempt;
        let numbered = (0..).zip(&order.clusters);
        let mut clusters: Vec<InRound> =
            numbered.map(|(cluster, round)| InRound::new(order, round, cluster, attempt)).collect();
        let mut begin_s = 0.0;
        let result = self.attempt(order, restore, &mut clusters, &mut begin_s);
        let scale = match order.pace {
            Pace::Emulated { scale } => scale,
            Pace::Free => 1.0,
        };
        if let Err(error) = &result {
            self.forget(&members, error, &mut clusters);
            if let RoundError::Stalled { node, .. } = error {
                self.hall.expel(*node);
            }
        }
        let mut round = MeasuredRound::default();
        for mut cluster in clusters {
            cluster.measured.settle(begin_s, scale);
            round.latency_s = round.latency_s.max(cluster.measured.latency_s);
            round.clusters.push(cluster.measured);
        }
        match result {
            Ok(()) => Ok(round),
            Err(error) => {
                self.failed = Some(round);
                Err(error)
            }
        }
    }

    /// Tells all to forget the round, and hears what they had done.
    fn forget(&self, members: &[Address], error: &RoundError, clusters: &mut [InRound]) {
        let attempt = self.attempt;
        let mut due = BTreeSet::new();
        for node in members {
            // Whoever is gone needs not be told, and who does not answer is not waited for.
            let told = self.hall.tell(*node, &Message::Order(Order::Abort { attempt }), Vec::new());
            if told.is_ok() && !(error.node() == Some(*node) && matches!(error, RoundError::Stalled { .. })) {
                due.insert(*node);
            }
        }
        let deadline = Instant::now() + SECOND_LOOK;
        while !due.is_empty() {
            let Some((from, event)) = self.hall.next(deadline.saturating_duration_since(Instant::now())) else {
                return;
            };
            match event {
                Event::Gone(_) | Event::Said(Report::Forgot { .. }) => {
                    due.remove(&from);
                }
                Event::Said(report) if of(&report) == Some(attempt) => {
                    if let Some(cluster) = clusters.get_mut(from.cluster) {
                        cluster.book(&report);
                    }
                }
                Event::Said(_) | Event::Model { .. } => {}
            }
        }
    }

    fn attempt<'a>(
        &mut self,
        order: &'a RoundOrder,
        restore: &Parts,
        clusters: &mut [InRound<'a>],
        begin_s: &mut f64,
    ) -> Result<(), RoundError> {
        let peers = self.hall.peers();
        for node in order.members() {
            if let Some(cluster) = clusters.get(node.cluster) {
                self.tell(node, Order::Plan(Box::new(cluster.plan(node, &peers))))?;
            }
        }
        self.until(order, clusters, |cluster| cluster.due().0.is_empty())?;
        self.hand_out(order, restore)?;
        let clock = self.hall.clock().clone();
        *begin_s = if clock.is_virtual() { 0.0 } else { clock.now_s(0.0) + LEAD_S };
        for cluster in clusters.iter_mut() {
            let orders = cluster.begin(*begin_s).map_err(|error| RoundError::Plan(error.to_string()))?;
            self.tell_all(orders)?;
        }
        self.until(order, clusters, |cluster| cluster.is_done())?;
        for cluster in clusters.iter() {
            self.tell_all(cluster.commit())?;
        }
        self.until(order, clusters, |cluster| cluster.is_over())
    }

    /// Asks nodes for their parts of the model.
    ///
    /// # Errors
    /// [`RoundError`] where a node does not give it.
    pub fn gather(&mut self, order: &RoundOrder, nodes: &[Address]) -> Result<Parts, RoundError> {
        let attempt = self.attempt;
        for node in nodes {
            self.tell(*node, Order::Give { attempt })?;
        }
        let mut parts = Parts::new();
        let mut due: BTreeSet<Address> = nodes.iter().copied().collect();
        self.answers(order, &mut due, |from, event| match event {
            Event::Model { attempt: of, values } if of == attempt => {
                parts.insert(from, values);
                true
            }
            _ => false,
        })?;
        Ok(parts)
    }

    /// Gives nodes their parts of the model.
    ///
    /// # Errors
    /// [`RoundError`] where a node does not take it.
    pub fn hand_out(&mut self, order: &RoundOrder, parts: &Parts) -> Result<(), RoundError> {
        let attempt = self.attempt;
        let key = TensorKey { attempt, kind: TensorKind::Model, iteration: 0, index: 0 };
        for (node, values) in parts {
            self.tell(*node, Order::Take { attempt })?;
            let numbers = Numbers::F32;
            let message = Message::Tensor { key, from: *node, numbers, arrives_s: None, later_s: 0.0 };
            let sent = self.hall.tell(*node, &message, encode(values, Numbers::F32));
            sent.map_err(|error| RoundError::Lost { node: *node, reason: error.to_string() })?;
        }
        let mut due: BTreeSet<Address> = parts.keys().copied().collect();
        self.answers(order, &mut due, |_, event| matches!(event, Event::Said(Report::Kept { .. })))
    }

    /// Waits until all that are due have given the answer that is taken.
    fn answers(
        &self,
        order: &RoundOrder,
        due: &mut BTreeSet<Address>,
        mut take: impl FnMut(Address, Event) -> bool,
    ) -> Result<(), RoundError> {
        let deadline = Instant::now() + Duration::from_secs_f64(order.patience_s);
        while !due.is_empty() {
            match self.hall.next(deadline.saturating_duration_since(Instant::now())) {
                Some((node, Event::Gone(reason))) if due.contains(&node) => {
                    return Err(RoundError::Lost { node, reason });
                }
                Some((node, Event::Said(Report::Failed { attempt, reason }))) if attempt == self.attempt => {
                    return Err(RoundError::Failed { node, reason });
                }
                Some((node, event)) => {
                    if take(node, event) {
                        due.remove(&node);
                    }
                }
                None => {
                    if let Some(node) = due.first() {
                        return Err(RoundError::Stalled { node: *node, waited_s: order.patience_s });
                    }
                }
            }
        }
        Ok(())
    }

    fn tell(&self, node: Address, order: Order) -> Result<(), RoundError> {
        let told = self.hall.tell(node, &Message::Order(order), Vec::new());
        told.map_err(|error| RoundError::Lost { node, reason: error.to_string() })
    }

    fn tell_all(&self, orders: Vec<(Address, Order)>) -> Result<(), RoundError> {
        orders.into_iter().try_for_each(|(node, order)| self.tell(node, order))
    }

    /// Hears the members until all clusters are where they are to be.
    fn until(
        &self,
        order: &RoundOrder,
        clusters: &mut [InRound],
        reached: impl Fn(&InRound) -> bool,
    ) -> Result<(), RoundError> {
        let patience = |cluster: &InRound| {
            let clock = self.hall.clock();
            let longest_s = cluster.longest_s();
            let left_s = (longest_s - clock.now_s(longest_s)).max(0.0) + order.patience_s;
            Instant::now() + Duration::from_secs_f64(left_s)
        };
        let mut deadlines: Vec<Instant> = clusters.iter().map(patience).collect();
        loop {
            let waiting = || clusters.iter().zip(&deadlines).filter(|(cluster, _)| !reached(cluster));
            let Some((late, deadline)) = waiting().min_by_key(|(_, deadline)| **deadline) else { return Ok(()) };
            let Some((from, event)) = self.hall.next(deadline.saturating_duration_since(Instant::now())) else {
                return Err(self.blame(late.due().0, order.patience_s));
            };
            match event {
                Event::Gone(reason) if order.members().contains(&from) => {
                    return Err(RoundError::Lost { node: from, reason });
                }
                Event::Said(Report::Failed { attempt, reason }) if attempt == self.attempt => {
                    return Err(self.second_look(order, RoundError::Failed { node: from, reason }));
                }
                Event::Said(report) if of(&report) == Some(self.attempt) => {
                    let Some(cluster) = clusters.get_mut(from.cluster) else { continue };
                    let orders = cluster.hear(from, report).map_err(|error| RoundError::Plan(error.to_string()))?;
                    self.tell_all(orders)?;
                    if let Some(deadline) = deadlines.get_mut(from.cluster) {
                        *deadline = patience(cluster);
                    }
                }
                Event::Gone(_) | Event::Said(_) | Event::Model { .. } => {}
            }
        }
    }

    /// Who reports a failure is often not who failed: a lost neighbour is the better reason.
    fn second_look(&self, order: &RoundOrder, first: RoundError) -> RoundError {
        let deadline = Instant::now() + SECOND_LOOK;
        while let Some((node, event)) = self.hall.next(deadline.saturating_duration_since(Instant::now())) {
            if let Event::Gone(reason) = event
                && order.members().contains(&node)
            {
                return RoundError::Lost { node, reason };
            }
        }
        first
    }

    /// Of those whose word is due: who does not answer at all, or who waits for nobody.
    fn blame(&self, due: &BTreeSet<Address>, waited_s: f64) -> RoundError {
        let number = self.attempt;
        for node in due {
            if let Err(error) = self.tell(*node, Order::Ping { number }) {
                return error;
            }
        }
        let mut silent = due.clone();
        let mut busy = None;
        let deadline = Instant::now() + SECOND_LOOK;
        while let Some((node, event)) = self.hall.next(deadline.saturating_duration_since(Instant::now())) {
            match event {
                Event::Said(Report::Pong { waits_for, .. }) => {
                    silent.remove(&node);
                    if waits_for.is_none() && due.contains(&node) {
                        busy = busy.or(Some(node));
                    }
                }
                Event::Gone(reason) => return RoundError::Lost { node, reason },
                _ => {}
            }
        }
        match silent.first().copied().or(busy).or(due.first().copied()) {
            Some(node) => RoundError::Stalled { node, waited_s },
            None => RoundError::Plan("a round in which nobody is waited for does not end".into()),
        }
    }
}

/// The attempt that a report belongs to.
fn of(report: &Report) -> Option<u64> {
    match report {
        Report::Ready { attempt }
        | Report::Did { attempt, .. }
        | Report::Done { attempt, .. }
        | Report::Forgot { attempt }
        | Report::Left { attempt, .. }
        | Report::Arrived { attempt, .. }
        | Report::Ask { attempt, .. }
        | Report::Kept { attempt, .. }
        | Report::Failed { attempt, .. } => Some(*attempt),
        Report::Pong { .. } => None,
    }
}
