//! A node: it calls the coordinator and does what it is told.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::error::NodeError;
use super::inbox::{Arrived, Inbox};
use crate::emulate::{Clock, Machine, Played};
use crate::wire::{
    Address, Channel, Incoming, LinkRoute, Message, Numbers, Order, Outgoing, Plan, Report, TensorKey, TensorKind,
    Transfer, Travel, WireError, accept, decode, dial, encode,
};
use crate::work::Work;

/// How often a node asks for the time when it joins.
const ASKS: usize = 16;

/// How a node takes part.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// Where the coordinator listens.
    pub coordinator: SocketAddr,
    /// The token that all members share.
    pub token: String,
    /// Who the node is; none: whoever is needed.
    pub address: Option<Address>,
    /// The clock, where it is the coordinator's own; none: it is asked for the time.
    pub clock: Option<Clock>,
}

/// When a tensor arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// At this moment, by emulation; none: when it has come, and so much later.
    pub at_s: Option<f64>,
    pub later_s: f64,
}

impl Arrival {
    pub const AT_ONCE: Self = Self { at_s: None, later_s: 0.0 };
}

/// Where nodes are reached: by the channel, where it has a link of its own.
#[derive(Debug, Default)]
struct Ways {
    peers: HashMap<Address, SocketAddr>,
    routes: HashMap<(Address, Channel), SocketAddr>,
}

impl Ways {
    /// `node` is who sends.
    fn of(plan: &Plan, node: Address) -> Self {
        let peers: HashMap<Address, SocketAddr> = plan.peers.iter().copied().collect();
        let own = plan.routes.iter().filter(|route| route.from == node);
        let routes = own.filter_map(|LinkRoute { to, channel, ip, .. }| {
            Some(((*to, *channel), SocketAddr::new(*ip, peers.get(to)?.port())))
        });
        Self { routes: routes.collect(), peers }
    }

    /// The channel under which the way is known, and where it leads.
    fn to(&self, to: Address, channel: Channel) -> Option<(Channel, SocketAddr)> {
        let own = self.routes.get(&(to, channel)).map(|at| (channel, *at));
        own.or_else(|| Some((Channel::Beside, *self.peers.get(&to)?)))
    }
}

/// What the threads of a node share.
pub(super) struct Shared {
    pub address: Address,
    pub clock: Clock,
    pub control: Outgoing,
    pub inbox: Arc<Inbox>,
    token: String,
    ways: Mutex<Ways>,
    links: Mutex<HashMap<(Address, Channel), Arc<Outgoing>>>,
    over: AtomicBool,
}

impl Shared {
    /// Sends a tensor to another node, over a connection that is made when it is needed first.
    pub fn send(
        &self,
        to: Address,
        key: TensorKey,
        numbers: Numbers,
        values: &[f32],
        Arrival { at_s: arrives_s, later_s }: Arrival,
    ) -> Result<(), NodeError> {
        let message = Message::Tensor { key, from: self.address, numbers, arrives_s, later_s };
        let peer = |source| NodeError::Peer { to, source };
        let payload = encode(values, numbers);
        let (channel, link) = self.link(to, key.kind.channel()).map_err(peer)?;
        match link.send(&message, payload) {
            Ok(_) => Ok(()),
            Err(error) => {
                self.links.lock().unwrap_or_else(PoisonError::into_inner).remove(&(to, channel));
                Err(peer(error))
            }
        }
    }

    fn link(&self, to: Address, channel: Channel) -> Result<(Channel, Arc<Outgoing>), WireError> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let way = self.ways.lock().unwrap_or_else(PoisonError::into_inner).to(to, channel);
        let (channel, at) = way.ok_or(WireError::Unexpected { found: to.to_string(), due: "a node of the plan" })?;
        if let Some(link) = links.get(&(to, channel)) {
            return Ok((channel, link.clone()));
        }
        let (_, outgoing, mut incoming) = dial(at, &self.token, Some(self.address), None)?;
        let inbox = Arc::clone(&self.inbox);
        // Until the connection ends.
        thread::spawn(move || {
            while let Ok((Message::Got { key, at_s }, _)) = incoming.receive() {
                inbox.receipt(key, at_s);
            }
        });
        let link = Arc::new(outgoing);
        links.insert((to, channel), link.clone());
        Ok((channel, link))
    }

    pub fn report(&self, report: Report) -> Result<(), NodeError> {
        self.control.send(&Message::Report(report), Vec::new()).map_err(NodeError::Coordinator)?;
        Ok(())
    }

    fn sent_bytes(&self) -> u64 {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.values().map(|link| link.sent_bytes()).sum()
    }

    /// Takes a tensor; returns the receipt that its sender waits for.
    fn receive(&self, message: Message, payload: &[u8]) -> Result<Option<Message>, WireError> {
        let Message::Tensor { key, numbers, arrives_s, later_s, .. } = message else {
            return Err(WireError::Unexpected { found: message.name(), due: "a tensor" });
        };
        let at_s = self.clock.now_s(0.0);
        let arrives_s = arrives_s.or_else(|| (!self.clock.is_virtual()).then_some(at_s + later_s));
        let is_due = arrives_s.is_some() && key.kind.channel() != Channel::Beside;
        self.inbox.put(key, Arrived { values: decode(payload, numbers)?, arrives_s: arrives_s.unwrap_or(0.0) });
        Ok((is_due).then_some(Message::Got { key, at_s }))
    }

    /// Hears the other nodes.
    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            let shared = Arc::clone(self);
            // Strangers are told so, and forgotten.
            thread::spawn(move || {
                let mut caller = accept(stream, &shared.token)?;
                let welcome = Message::Welcome { address: shared.address, now_s: None };
                caller.outgoing.send(&welcome, Vec::new())?;
                loop {
                    let (message, payload) = caller.incoming.receive()?;
                    if let Some(receipt) = shared.receive(message, &payload)? {
                        caller.outgoing.send(&receipt, Vec::new())?;
                    }
                }
                #[allow(unreachable_code, reason = "it gives the closure its type")]
                Ok::<(), WireError>(())
            });
        }
    }

    /// Hears the coordinator, until it is gone.
    fn obey(&self, incoming: &mut Incoming, orders: &Sender<Order>) -> WireError {
        loop {
            let (message, payload) = match incoming.receive() {
                Ok(next) => next,
                Err(error) => return error,
            };
            let result = match message {
                Message::Order(Order::Ping { number }) => {
                    let pong = Report::Pong { number, waits_for: self.inbox.waits_for() };
                    self.control.send(&Message::Report(pong), Vec::new()).map(drop)
                }
                Message::Order(Order::Grant { attempt, operation, start_s, end_s }) => {
                    self.inbox.grant(attempt, operation, (start_s, end_s));
                    Ok(())
                }
                Message::Order(order) => {
                    if let Order::Abort { attempt } = order {
                        self.clock.stop(attempt);
                        self.inbox.forget_before(attempt.saturating_add(1));
                    }
                    // Whoever no longer takes orders has ended.
                    let _ = orders.send(order);
                    Ok(())
                }
                other => self.receive(other, &payload).map(drop),
            };
            if let Err(error) = result {
                return error;
            }
        }
    }
}

fn synchronised(control: &Outgoing, incoming: &mut Incoming) -> Result<Clock, WireError> {
    let mut clock = Clock::real();
    let mut best: Option<(f64, f64, f64)> = None;
    for _ in 0..ASKS {
        let asked_s = clock.now_s(0.0);
        control.send(&Message::Clock, Vec::new())?;
        let (answer, _) = incoming.receive()?;
        let took_s = clock.now_s(0.0) - asked_s;
        let Message::Now { now_s } = answer else {
            return Err(WireError::Unexpected { found: answer.name(), due: "the time" });
        };
        if best.is_none_or(|(shortest_s, _, _)| took_s < shortest_s) {
            best = Some((took_s, now_s, asked_s + took_s / 2.0));
        }
    }
    if let Some((_, now_s, middle_s)) = best {
        clock.set(now_s, middle_s);
    }
    Ok(clock)
}

/// Serves a run as a node, until it is over.
///
/// # Errors
/// [`NodeError::Coordinator`] where the coordinator is not there, refuses the token, or goes away.
pub fn serve(settings: NodeSettings) -> Result<(), NodeError> {
    let any = match settings.coordinator.ip() {
        ip if ip.is_loopback() => ip,
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let listener = TcpListener::bind((any, 0)).map_err(WireError::from)?;
    let listens = listener.local_addr().map_err(WireError::from)?;
    let (address, control, mut incoming) =
        dial(settings.coordinator, &settings.token, settings.address, Some(listens)).map_err(NodeError::Coordinator)?;
    let clock = match settings.clock {
        Some(clock) => clock.for_another(),
        None => synchronised(&control, &mut incoming).map_err(NodeError::Coordinator)?,
    };
    control.send(&Message::Joined, Vec::new()).map_err(NodeError::Coordinator)?;
    let shared = Arc::new(Shared {
        address,
        clock,
        control,
        inbox: Arc::new(Inbox::new()),
        token: settings.token,
        ways: Mutex::default(),
        links: Mutex::default(),
        over: AtomicBool::new(false),
    });
    let hears = Arc::clone(&shared);
    let listening = thread::spawn(move || hears.listen(&listener));
    let (sender, orders) = channel();
    let hears = Arc::clone(&shared);
    let obeying = thread::spawn(move || {
        let reason = hears.obey(&mut incoming, &sender);
        // Nothing that is under way will come to an end.
        hears.clock.stop(u64::MAX - 1);
        hears.inbox.forget_before(u64::MAX);
        reason
    });
    let result = Serving { shared: &shared, plan: None, work: None }.run(&orders);
    shared.over.store(true, Ordering::SeqCst);
    shared.control.close();
    shared.links.lock().unwrap_or_else(PoisonError::into_inner).drain().for_each(|(_, link)| link.close());
    // The listener looks up when somebody calls.
    drop(TcpStream::connect(listens_here(listens)));
    let _ = listening.join();
    let reason = obeying.join().unwrap_or(WireError::Closed);
    match result {
        Ok(true) => Ok(()),
        Ok(false) => Err(NodeError::Coordinator(reason)),
        Err(error) => Err(error),
    }
}

fn listens_here(listens: SocketAddr) -> SocketAddr {
    match listens.ip() {
        ip if !ip.is_unspecified() => listens,
        IpAddr::V4(_) => (Ipv4Addr::LOCALHOST, listens.port()).into(),
        IpAddr::V6(_) => (Ipv6Addr::LOCALHOST, listens.port()).into(),
    }
}

/// The thread of a node that works.
struct Serving<'a> {
    shared: &'a Shared,
    plan: Option<Box<Plan>>,
    work: Option<Box<dyn Work>>,
}

impl Serving<'_> {
    /// Whether the run was ended by its coordinator.
    fn run(mut self, orders: &Receiver<Order>) -> Result<bool, NodeError> {
        while let Ok(order) = orders.recv() {
            let attempt = match &order {
                Order::Stop => return Ok(true),
                Order::Plan(plan) => plan.attempt,
                Order::Begin { attempt, .. }
                | Order::Send { attempt, .. }
                | Order::Receive { attempt, .. }
                | Order::Give { attempt }
                | Order::Take { attempt }
                | Order::Commit { attempt }
                | Order::Abort { attempt }
                | Order::Grant { attempt, .. } => *attempt,
                Order::Ping { .. } => continue,
            };
            match self.follow(order) {
                Ok(Some(report)) => self.shared.report(report)?,
                Ok(None) | Err(NodeError::Stopped(_)) => {}
                Err(NodeError::Coordinator(error)) => return Err(NodeError::Coordinator(error)),
                Err(error) if self.shared.clock.is_stopped(attempt) => {
                    tracing::debug!(target: "collapipe::engine", %error, "of a round that was given up");
                }
                Err(error) => self.shared.report(Report::Failed { attempt, reason: error.to_string() })?,
            }
        }
        Ok(false)
    }

    fn follow(&mut self, order: Order) -> Result<Option<Report>, NodeError> {
        let shared = self.shared;
        if let Order::Plan(plan) = order {
            let attempt = plan.attempt;
            shared.inbox.forget_before(attempt);
            {
                let mut links = shared.links.lock().unwrap_or_else(PoisonError::into_inner);
                let mut ways = shared.ways.lock().unwrap_or_else(PoisonError::into_inner);
                let now = Ways::of(&plan, shared.address);
                // Who came back listens elsewhere.
                let stays = |(to, channel)| now.to(to, channel) == ways.to(to, channel);
                links.retain(|way, _| stays(*way));
                *ways = now;
            }
            // That a connection is made is no part of the round.
            for route in plan.routes.iter().filter(|route| route.from == shared.address) {
                let peer = |source| NodeError::Peer { to: route.to, source };
                shared.link(route.to, route.channel).map_err(peer)?;
            }
            let same = self.plan.as_ref().is_some_and(|before| before.work == plan.work);
            if !same {
                self.work = Some(plan.work.build()?);
            }
            self.work()?.begin(&plan, shared.address.node)?;
            self.plan = Some(plan);
            return Ok(Some(Report::Ready { attempt }));
        }
        let Some(plan) = self.plan.as_deref() else {
            return match order {
                Order::Abort { attempt } => Ok(Some(Report::Forgot { attempt })),
                _ => Err(NodeError::Order("there is no plan")),
            };
        };
        let Some(work) = self.work.as_deref_mut() else { return Err(NodeError::Order("there is no plan")) };
        match order {
            Order::Begin { attempt, iteration, at_s } => {
                let (until_s, learned) = super::iteration::run(shared, plan, work, iteration, at_s)?;
                Ok(Some(Report::Done { attempt, iteration, until_s, learned }))
            }
            Order::Send { attempt, what, at_s, to, travel } => {
                send(shared, work, attempt, what, at_s, (to, travel)).map(Some)
            }
            Order::Receive { attempt, what } => receive(shared, work, attempt, what).map(Some),
            Order::Give { attempt } => {
                let values = work.model()?;
                let key = TensorKey { attempt, kind: TensorKind::Model, iteration: 0, index: 0 };
                let message =
                    Message::Tensor { key, from: shared.address, numbers: Numbers::F32, arrives_s: None, later_s: 0.0 };
                shared.control.send(&message, encode(&values, Numbers::F32)).map_err(NodeError::Coordinator)?;
                Ok(None)
            }
            Order::Take { attempt } => {
                let key = TensorKey { attempt, kind: TensorKind::Model, iteration: 0, index: 0 };
                let arrived = shared.inbox.take(&shared.clock, &key, shared.address)?;
                work.take_model(arrived.values)?;
                Ok(Some(kept(shared, work, attempt)))
            }
            Order::Commit { attempt } => {
                work.commit()?;
                Ok(Some(kept(shared, work, attempt)))
            }
            Order::Abort { attempt } => {
                work.roll_back();
                Ok(Some(Report::Forgot { attempt }))
            }
            Order::Plan(_) | Order::Grant { .. } | Order::Ping { .. } | Order::Stop => Ok(None),
        }
    }

    fn work(&mut self) -> Result<&mut dyn Work, NodeError> {
        match self.work.as_deref_mut() {
            Some(work) => Ok(work),
            None => Err(NodeError::Order("there is no work")),
        }
    }
}

fn kept(shared: &Shared, work: &dyn Work, attempt: u64) -> Report {
    Report::Kept { attempt, sent_bytes: shared.sent_bytes(), memory_bytes: work.memory_bytes() }
}

fn key_of(attempt: u64, what: Transfer) -> TensorKey {
    let (kind, node) = match what {
        Transfer::Distribution(node) => (TensorKind::Segment, node),
        Transfer::Collection(node) => (TensorKind::Collect, node),
        Transfer::Upload => (TensorKind::Upload, 0),
    };
    TensorKey { attempt, kind, iteration: 0, index: u32::try_from(node).unwrap_or(u32::MAX) }
}

fn send(
    shared: &Shared,
    work: &mut dyn Work,
    attempt: u64,
    what: Transfer,
    at_s: f64,
    (to, travel): (Address, Travel),
) -> Result<Report, NodeError> {
    let values = match what {
        Transfer::Distribution(node) | Transfer::Collection(node) => work.segment(node)?,
        Transfer::Upload => work.upload()?,
    };
    let mut machine = Machine::new(shared.clock.clone(), attempt, at_s);
    let Travel { occupied_s, latency_s } = travel;
    let arrival = Arrival { at_s: occupied_s.map(|occupied_s| at_s + occupied_s + latency_s), later_s: latency_s };
    let key = key_of(attempt, what);
    let left = |begin_s, start_s, end_s, late_s| Report::Left { attempt, what, begin_s, start_s, end_s, late_s };
    let played = machine.play(at_s, occupied_s, || {
        // Segments carry the state of optimizers: they are sent as they are.
        shared.send(to, key, Numbers::F32, &values, arrival)?;
        match occupied_s {
            Some(_) => Ok(()),
            None => shared.inbox.received(&shared.clock, &key).map(drop).map_err(NodeError::from),
        }
    });
    let played = played.inspect_err(|error| {
        let now_s = shared.clock.now_s(at_s);
        if matches!(error, NodeError::Stopped(_)) && now_s > at_s {
            // What was on air until the round failed was spent, too.
            let _ = shared.report(left(at_s, at_s, now_s, 0.0));
        }
    })?;
    let Played { start_s, begin_s, end_s, late_s, .. } = played.1;
    Ok(left(begin_s, start_s, end_s, late_s))
}

fn receive(shared: &Shared, work: &mut dyn Work, attempt: u64, what: Transfer) -> Result<Report, NodeError> {
    let from = Address { node: 0, ..shared.address };
    let from = match what {
        Transfer::Collection(node) => Address { node, ..from },
        Transfer::Distribution(_) | Transfer::Upload => from,
    };
    let arrived = shared.inbox.take(&shared.clock, &key_of(attempt, what), from)?;
    let planned_s = arrived.arrives_s;
    let at_s = shared.clock.wait_until(attempt, planned_s)?;
    match what {
        Transfer::Distribution(node) | Transfer::Collection(node) => work.take_segment(node, arrived.values)?,
        Transfer::Upload => work.take_upload(arrived.values)?,
    }
    Ok(Report::Arrived { attempt, what, at_s, planned_s })
}
