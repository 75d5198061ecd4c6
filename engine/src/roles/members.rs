//! Who has joined the run.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::emulate::Clock;
use crate::wire::{Address, Caller, Message, Order, Outgoing, Report, WireError, accept, decode};

/// What a member says, or that it is gone.
#[derive(Debug)]
pub(super) enum Event {
    Said(Report),
    Model { attempt: u64, values: Vec<f32> },
    Gone(String),
}

#[derive(Debug)]
struct Member {
    outgoing: Arc<Outgoing>,
    listens: SocketAddr,
    /// Counts the times that somebody has joined, so that the end of an old connection is not taken for that of a new one.
    joined: u64,
    /// Whether it has asked for the time and takes orders.
    ready: bool,
}

#[derive(Debug)]
struct Shared {
    token: String,
    clock: Clock,
    members: Mutex<BTreeMap<Address, Member>>,
    wanted: Mutex<Vec<Address>>,
    events: Mutex<Sender<(Address, Event)>>,
    over: AtomicBool,
    /// Why the last caller that was refused was.
    refused: Mutex<Option<String>>,
}

/// A token that nobody can guess, of the randomness that the system gives to every table of hashes.
#[must_use]
pub fn random_token() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where nodes call: the coordinator's list of members, and what they say.
#[derive(Debug)]
pub struct Hall {
    shared: Arc<Shared>,
    at: SocketAddr,
    events: Receiver<(Address, Event)>,
    listening: Option<JoinHandle<()>>,
}

impl Hall {
    /// Opens the hall. `wanted` are the nodes that the run needs: callers that do not say who they are get the first one that
    /// is free.
    ///
    /// # Errors
    /// [`WireError::Io`] where nobody can listen there.
    pub fn open(at: impl ToSocketAddrs, token: &str, clock: Clock, wanted: Vec<Address>) -> Result<Self, WireError> {
        let listener = TcpListener::bind(at)?;
        let at = listener.local_addr()?;
        let (sender, events) = channel();
        let shared = Arc::new(Shared {
            token: token.into(),
            clock,
            members: Mutex::default(),
            wanted: Mutex::new(wanted),
            events: Mutex::new(sender),
            over: AtomicBool::new(false),
            refused: Mutex::default(),
        });
        let hears = Arc::clone(&shared);
        let listening = thread::spawn(move || hears.listen(&listener));
        Ok(Self { shared, at, events, listening: Some(listening) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.at
    }

    /// The run's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Whether a node is there.
    #[must_use]
    pub fn has(&self, node: Address) -> bool {
        lock(&self.shared.members).get(&node).is_some_and(|member| member.ready)
    }

    /// Why the last caller that was refused was; none where nobody was.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        lock(&self.shared.refused).clone()
    }

    /// Waits for nodes; returns those that have not come in time.
    #[must_use]
    pub fn wait_for(&self, nodes: &[Address], longest: Duration) -> Vec<Address> {
        let begin = Instant::now();
        loop {
            let absent: Vec<Address> = nodes.iter().copied().filter(|node| !self.has(*node)).collect();
            if absent.is_empty() || begin.elapsed() >= longest {
                return absent;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    pub(super) fn peers(&self) -> Vec<(Address, SocketAddr)> {
        lock(&self.shared.members).iter().map(|(address, member)| (*address, member.listens)).collect()
    }

    pub(super) fn tell(&self, node: Address, message: &Message, payload: Vec<u8>) -> Result<(), WireError> {
        let outgoing = lock(&self.shared.members).get(&node).map(|member| Arc::clone(&member.outgoing));
        outgoing.ok_or(WireError::Closed)?.send(message, payload).map(drop)
    }

    /// The next thing that is said; none if nothing is within the time.
    pub(super) fn next(&self, longest: Duration) -> Option<(Address, Event)> {
        self.events.recv_timeout(longest).ok()
    }

    /// Ends a member's connection.
    pub(super) fn expel(&self, node: Address) {
        if let Some(member) = lock(&self.shared.members).remove(&node) {
            member.outgoing.close();
        }
    }

    /// Ends the run: all members are told.
    pub fn close(&mut self) {
        if self.shared.over.swap(true, Ordering::SeqCst) {
            return;
        }
        for member in lock(&self.shared.members).values() {
            // Whoever is gone needs not be told.
            let _ = member.outgoing.send(&Message::Order(Order::Stop), Vec::new());
        }
        drop(TcpStream::connect_timeout(&self.here(), Duration::from_secs(1)));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }

    fn here(&self) -> SocketAddr {
        let ip = match self.at {
            at if !at.ip().is_unspecified() => at.ip(),
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        SocketAddr::new(ip, self.at.port())
    }
}

impl Drop for Hall {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            let shared = Arc::clone(self);
            thread::spawn(move || match accept(stream, &shared.token) {
                Ok(caller) => shared.welcome(caller),
                Err(error) => shared.refuse(&error.to_string()),
            });
        }
    }

    fn refuse(&self, reason: &str) {
        tracing::warn!(target: "collapipe::engine", reason, "a caller is refused");
        *lock(&self.refused) = Some(reason.into());
    }

    fn place(&self, asked: Option<Address>) -> Option<Address> {
        let members = lock(&self.members);
        let wanted = lock(&self.wanted);
        match asked {
            Some(address) => wanted.contains(&address).then_some(address),
            None => wanted.iter().copied().find(|address| !members.contains_key(address)),
        }
    }

    fn welcome(&self, caller: Caller) {
        let Caller { address, listens, mut incoming, outgoing } = caller;
        let (Some(given), Some(listens)) = (self.place(address), listens) else {
            let reason = match address {
                Some(address) => format!("{address} is no node of this run"),
                None => "all nodes of this run are there".into(),
            };
            self.refuse(&reason);
            let _ = outgoing.send(&Message::Refused { reason }, Vec::new());
            return;
        };
        let address = given;
        if outgoing.send(&Message::Welcome { address, now_s: None }, Vec::new()).is_err() {
            return;
        }
        let outgoing = Arc::new(outgoing);
        let joined = {
            let mut members = lock(&self.members);
            let joined = members.get(&address).map_or(0, |member| member.joined + 1);
            let member = Member { outgoing: Arc::clone(&outgoing), listens, joined, ready: false };
            if let Some(before) = members.insert(address, member) {
                before.outgoing.close();
            }
            joined
        };
        let say = |event| {
            // Nobody listens when the run is over.
            let _ = lock(&self.events).send((address, event));
        };
        let reason = loop {
            let (message, payload) = match incoming.receive() {
                Ok(next) => next,
                Err(error) => break error,
            };
            match message {
                Message::Clock => {
                    if let Err(error) = outgoing.send(&Message::Now { now_s: self.clock.now_s(0.0) }, Vec::new()) {
                        break error;
                    }
                }
                Message::Joined => {
                    if let Some(member) = lock(&self.members).get_mut(&address).filter(|member| member.joined == joined)
                    {
                        member.ready = true;
                    }
                }
                Message::Report(report) => say(Event::Said(report)),
                Message::Tensor { key, numbers, .. } => match decode(&payload, numbers) {
                    Ok(values) => say(Event::Model { attempt: key.attempt, values }),
                    Err(error) => break error,
                },
                other => break WireError::Unexpected { found: other.name(), due: "a report" },
            }
        };
        outgoing.close();
        let mut members = lock(&self.members);
        if members
            .get(&address)
            .is_some_and(|member| member.joined == joined && Arc::ptr_eq(&member.outgoing, &outgoing))
        {
            members.remove(&address);
            drop(members);
            say(Event::Gone(reason.to_string()));
        }
    }
}
