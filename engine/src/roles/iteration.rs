//! One iteration of the pipeline, on one stage.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use collapipe::schedule::OperationKind::{Backward, Forward, SendBackward, SendForward};
use collapipe::schedule::{Operation, Schedule, Sending};

use super::error::NodeError;
use super::node::{Arrival, Shared};
use crate::emulate::{Machine, Played};
use crate::wire::{Address, Learned, Numbers, Plan, Report, Span, TensorKey, TensorKind, Travel};
use crate::work::Work;

/// A message that is ready to be sent.
struct Outbound {
    operation: Operation,
    ready_s: f64,
    values: Vec<f32>,
}

/// Where messages of a direction go, and how.
#[derive(Clone, Copy)]
struct Hop {
    to: Address,
    travel: Travel,
}

struct Stage<'a> {
    shared: &'a Shared,
    plan: &'a Plan,
    place: usize,
    iteration: u32,
    at_s: f64,
}

/// What a thread that sends has done: the planned end of the last message.
type Sent = Result<f64, NodeError>;

/// A message on a link that is not emulated, whose arrival is not known yet.
struct UnderWay {
    operation: Operation,
    key: TensorKey,
    begin_s: f64,
}

/// The planned end, and what the edge server learned; spans are reported as they end.
pub(super) fn run(
    shared: &Shared,
    plan: &Plan,
    work: &mut dyn Work,
    iteration: u32,
    at_s: f64,
) -> Result<(f64, Option<Learned>), NodeError> {
    let place = plan.stage.ok_or(NodeError::Order("the node is no stage of the pipeline"))?;
    let schedule = Schedule::of(plan.schedule, plan.stages.len(), plan.micro_batches);
    let schedule = schedule.map_err(|_| NodeError::Order("a schedule that cannot be"))?;
    let program = schedule.programs().get(place).ok_or(NodeError::Order("a stage beyond the last one"))?;
    let stage = Stage { shared, plan, place, iteration, at_s };
    stage.send_targets(work)?;
    thread::scope(|scope| {
        let mut lines = Vec::new();
        let mut senders: [Option<Sender<Outbound>>; 2] = [None, None];
        let has_line = [stage.hop(SendForward).is_some(), stage.hop(SendBackward).is_some()];
        if plan.sending == Sending::Transmitter && has_line != [false, false] {
            let (sender, messages) = channel();
            lines.push(scope.spawn(move || stage.line(&messages)));
            senders = [Some(sender.clone()), Some(sender)];
        } else if plan.sending != Sending::Blocking {
            for (sender, _) in senders.iter_mut().zip(has_line).filter(|(_, has)| *has) {
                let (line, messages) = channel();
                lines.push(scope.spawn(move || stage.line(&messages)));
                *sender = Some(line);
            }
        }
        let worked = stage.work(work, program, &senders);
        drop(senders);
        let mut sent: Vec<Sent> = Vec::new();
        for line in lines {
            sent.push(line.join().unwrap_or(Err(NodeError::Order("a thread that sends has died"))));
        }
        // What could not be sent says more than that it could not be handed on.
        let (mut until_s, learned) = match worked {
            Ok(worked) => worked,
            Err(error) => {
                let unsent = sent.into_iter().find_map(Result::err);
                return Err(unsent.unwrap_or(error));
            }
        };
        for sent in sent {
            until_s = until_s.max(sent?);
        }
        Ok((until_s, learned))
    })
}

impl Clone for Stage<'_> {
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for Stage<'_> {}

impl Stage<'_> {
    fn key(&self, kind: TensorKind, micro_batch: u32) -> TensorKey {
        TensorKey { attempt: self.plan.attempt, kind, iteration: self.iteration, index: micro_batch }
    }

    fn stage(&self, place: Option<usize>) -> Option<Address> {
        self.plan.stages.get(place?).copied()
    }

    fn hop(&self, kind: collapipe::schedule::OperationKind) -> Option<Hop> {
        let [forward, backward] = self.plan.travel;
        match kind {
            SendForward => Some(Hop { to: self.stage(self.place.checked_add(1))?, travel: forward }),
            _ => Some(Hop { to: self.stage(self.place.checked_sub(1))?, travel: backward }),
        }
    }

    /// What the last stage compares with goes there directly, beside the emulated links.
    fn send_targets(&self, work: &mut dyn Work) -> Result<(), NodeError> {
        if self.place != 0 {
            return Ok(());
        }
        let last = self.stage(self.plan.stages.len().checked_sub(1));
        let Some(last) = last else { return Ok(()) };
        for micro_batch in 0..self.plan.micro_batches {
            if let Some(targets) = work.targets(self.iteration, micro_batch)? {
                let key = self.key(TensorKind::Targets, micro_batch);
                self.shared.send(last, key, Numbers::F32, &targets, Arrival::AT_ONCE)?;
            }
        }
        Ok(())
    }

    fn work(
        self,
        work: &mut dyn Work,
        program: &[Operation],
        senders: &[Option<Sender<Outbound>>; 2],
    ) -> Result<(f64, Option<Learned>), NodeError> {
        let mut machine = Machine::new(self.shared.clock.clone(), self.plan.attempt, self.at_s);
        let mut until_s = self.at_s;
        let [forward_s, backward_s] = match self.plan.compute_s {
            Some([forward, backward]) => [Some(forward), Some(backward)],
            None => [None, None],
        };
        for &operation in program {
            let micro_batch = operation.micro_batch;
            let (values, ready_s) = self.input(work, operation)?;
            let backward = operation.kind == Backward;
            let duration_s = if backward { backward_s } else { forward_s };
            let begin_s = ready_s.max(machine.free_s());
            let played = machine.play(ready_s, duration_s, || {
                let output = if backward {
                    work.backward(self.iteration, micro_batch, values)
                } else {
                    work.forward(self.iteration, micro_batch, values)
                };
                output.map_err(NodeError::from)
            });
            let (values, played) = played.inspect_err(|error| self.cut_short(operation, begin_s, error))?;
            self.did(operation, played)?;
            until_s = until_s.max(played.planned_s);
            let (kind, line) = if backward { (SendBackward, &senders[1]) } else { (SendForward, &senders[0]) };
            let Some(hop) = self.hop(kind) else { continue };
            let position = if backward { operation.position.saturating_sub(1) } else { operation.position };
            let outbound =
                Outbound { operation: Operation { kind, position, ..operation }, ready_s: played.planned_s, values };
            match line {
                Some(line) => line.send(outbound).map_err(|_| NodeError::Order("the thread that sends has ended"))?,
                None => {
                    let played = self.transmit(&mut machine, hop, &outbound)?;
                    until_s = until_s.max(played.planned_s);
                    self.did(outbound.operation, played)?;
                }
            }
        }
        let learned = if self.plan.schedule.has_backward() { work.step()? } else { None };
        if self.plan.compute_s.is_none() {
            // Without a plan the update takes its time, too.
            until_s = self.shared.clock.now_s(until_s);
        }
        Ok((until_s, learned))
    }

    fn did(&self, operation: Operation, played: Played) -> Result<(), NodeError> {
        let Played { start_s, begin_s, end_s, late_s, .. } = played;
        let span = Span { node: self.shared.address.node, operation, begin_s, start_s, end_s, late_s };
        self.shared.report(Report::Did { attempt: self.plan.attempt, iteration: self.iteration, span })
    }

    /// What an operation of a round that has failed took until then was spent, too.
    fn cut_short(&self, operation: Operation, begin_s: f64, error: &NodeError) {
        let now_s = self.shared.clock.now_s(begin_s);
        if matches!(error, NodeError::Stopped(_)) && now_s > begin_s {
            // Without a coordinator nobody asks.
            let _ =
                self.did(operation, Played { start_s: begin_s, begin_s, end_s: now_s, planned_s: now_s, late_s: 0.0 });
        }
    }

    /// What an operation needs, and from when on it may run.
    fn input(&self, work: &mut dyn Work, operation: Operation) -> Result<(Vec<f32>, f64), NodeError> {
        let (kind, from) = match operation.kind {
            Forward => (TensorKind::Activation, self.stage(self.place.checked_sub(1))),
            _ => (TensorKind::Gradient, self.stage(self.place.checked_add(1))),
        };
        let inbox = &self.shared.inbox;
        if operation.kind == Forward && self.place + 1 == self.plan.stages.len() && work.wants_targets() {
            let key = self.key(TensorKind::Targets, operation.micro_batch);
            let first = self.stage(Some(0)).unwrap_or(self.shared.address);
            let targets = inbox.take(&self.shared.clock, &key, first)?;
            work.take_targets(operation.micro_batch, targets.values)?;
        }
        let Some(from) = from else { return Ok((Vec::new(), self.at_s)) };
        let arrived = inbox.take(&self.shared.clock, &self.key(kind, operation.micro_batch), from)?;
        Ok((arrived.values, arrived.arrives_s))
    }

    /// A thread that sends: messages in their order.
    fn line(self, messages: &Receiver<Outbound>) -> Sent {
        let mut machine = Machine::new(self.shared.clock.clone(), self.plan.attempt, self.at_s);
        let mut until_s = self.at_s;
        let mut under_way = Vec::new();
        while let Ok(outbound) = messages.recv() {
            let hop = self.hop(outbound.operation.kind).ok_or(NodeError::Order("a message to nobody"))?;
            if hop.travel.occupied_s.is_none() && self.plan.sending == Sending::Overlapped {
                // The link keeps the order; nobody needs to wait.
                under_way.push(self.hand_over(hop, &outbound)?);
                continue;
            }
            let played = self.transmit(&mut machine, hop, &outbound)?;
            until_s = until_s.max(played.planned_s);
            self.did(outbound.operation, played)?;
        }
        let mut free_s = self.at_s;
        for UnderWay { operation, key, begin_s } in under_way {
            let end_s = self.shared.inbox.received(&self.shared.clock, &key).map_err(NodeError::from);
            let end_s = end_s.inspect_err(|error| self.cut_short(operation, begin_s.max(free_s), error))?;
            let start_s = begin_s.max(free_s).min(end_s);
            free_s = end_s;
            until_s = until_s.max(end_s);
            self.did(operation, Played { start_s, begin_s: start_s, end_s, planned_s: end_s, late_s: 0.0 })?;
        }
        Ok(until_s)
    }

    /// Gives a message to a link that is not emulated.
    fn hand_over(&self, hop: Hop, outbound: &Outbound) -> Result<UnderWay, NodeError> {
        let key = self.key_of(outbound.operation);
        let begin_s = self.shared.clock.now_s(outbound.ready_s);
        let arrival = Arrival { at_s: None, later_s: hop.travel.latency_s };
        self.shared.send(hop.to, key, self.plan.numbers, &outbound.values, arrival)?;
        Ok(UnderWay { operation: outbound.operation, key, begin_s })
    }

    fn key_of(&self, operation: Operation) -> TensorKey {
        let kind = if operation.kind == SendForward { TensorKind::Activation } else { TensorKind::Gradient };
        self.key(kind, operation.micro_batch)
    }

    fn transmit(&self, machine: &mut Machine, hop: Hop, outbound: &Outbound) -> Result<Played, NodeError> {
        let Outbound { operation, ready_s, values } = outbound;
        let Travel { occupied_s, latency_s } = hop.travel;
        let Some(occupied_s) = occupied_s else {
            // It occupies its sender until it has come.
            let played = machine.play(*ready_s, None, || {
                let UnderWay { key, .. } = self.hand_over(hop, outbound)?;
                self.shared.inbox.received(&self.shared.clock, &key).map_err(NodeError::from)
            });
            return Ok(played?.1);
        };
        let key = self.key_of(*operation);
        let send = |arrives_s| {
            let arrival = Arrival { at_s: Some(arrives_s), later_s: 0.0 };
            self.shared.send(hop.to, key, self.plan.numbers, values, arrival)
        };
        let attempt = self.plan.attempt;
        let begin_s = match self.plan.sending {
            Sending::HalfDuplex | Sending::Medium => {
                let ask = Report::Ask { attempt, operation: *operation, ready_s: *ready_s, occupied_s };
                self.shared.report(ask)?;
                self.shared.inbox.granted(&self.shared.clock, attempt, *operation)?.0
            }
            // A message that occupies nobody goes beside those before it.
            Sending::Delay => {
                send(ready_s + occupied_s + latency_s)?;
                let end_s = ready_s + occupied_s;
                return Ok(Played { start_s: *ready_s, begin_s: *ready_s, end_s, planned_s: end_s, late_s: 0.0 });
            }
            Sending::Overlapped | Sending::Blocking | Sending::Transmitter => ready_s.max(machine.free_s()),
        };
        // The bytes go out while their time on air passes; nobody uses them before they have arrived.
        let arrives_s = begin_s + occupied_s + latency_s;
        let played = machine.play_at(begin_s, Some(occupied_s), || send(arrives_s));
        Ok(played.inspect_err(|error| self.cut_short(*operation, begin_s, error))?.1)
    }
}
