//! Nodes as threads of the coordinator's process.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::coordinator::Coordinator;
use super::error::{NodeError, RoundError};
use super::members::Hall;
use super::node::{NodeSettings, serve};
use crate::emulate::Clock;
use crate::wire::{Address, WireError};

/// How long nodes of the same process may take to join.
const JOINING: Duration = Duration::from_secs(20);

/// A run whose nodes are threads that talk over the loopback device.
#[derive(Debug)]
pub struct Threads {
    /// Who runs the rounds; none once it is over.
    coordinator: Option<Coordinator>,
    nodes: Vec<JoinHandle<Result<(), NodeError>>>,
}

impl Threads {
    /// Starts the nodes.
    ///
    /// # Errors
    /// [`WireError::Io`] where there is no loopback device; [`WireError::Unexpected`] for nodes that do not come.
    pub fn start(members: &[Address], clock: Clock) -> Result<Self, WireError> {
        let token = "threads of one process";
        let hall = Hall::open(("127.0.0.1", 0), token, clock.clone(), members.to_vec())?;
        let node = |address: &Address| {
            let settings = NodeSettings {
                coordinator: hall.address(),
                token: token.into(),
                address: Some(*address),
                clock: Some(clock.clone()),
            };
            thread::spawn(move || serve(settings))
        };
        let nodes = members.iter().map(node).collect();
        match hall.wait_for(members, JOINING).first() {
            Some(absent) => Err(WireError::Unexpected { found: absent.to_string(), due: "all nodes" }),
            None => Ok(Self { coordinator: Some(Coordinator::new(hall)), nodes }),
        }
    }

    /// Who runs the rounds.
    ///
    /// # Errors
    /// [`RoundError::Plan`] once the run is over.
    pub fn coordinator(&mut self) -> Result<&mut Coordinator, RoundError> {
        self.coordinator.as_mut().ok_or_else(|| RoundError::Plan("the run is over".into()))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        drop(self.coordinator.take());
        for node in self.nodes.drain(..) {
            // Whatever ended it was reported to the coordinator.
            let _ = node.join();
        }
    }
}
