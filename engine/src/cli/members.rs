//! Where the nodes of a run are.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::Args;
use collapipe_engine::emulate::Clock;
use collapipe_engine::roles::{Coordinator, Hall, Threads};
use collapipe_engine::wire::Address;

use super::Failure;

/// Where the nodes are.
#[derive(Debug, Args)]
#[command(next_help_heading = "Nodes")]
pub struct MemberArguments {
    /// Nodes are processes of this machine instead of threads
    #[arg(long, conflicts_with = "listen")]
    processes: bool,
    /// Nodes join from elsewhere: listen here, as 0.0.0.0:7070 (on each board: collapipe-engine join HOST:PORT --token ..)
    #[arg(long, value_name = "ADDRESS:PORT", requires = "token")]
    listen: Option<String>,
    /// The token that nodes must know
    #[arg(long, env = "COLLAPIPE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// How long to wait for nodes that join from elsewhere, in seconds
    #[arg(long, default_value_t = 120.0)]
    join_within: f64,
    /// How much longer than planned a step of a round may take before it fails, in seconds
    #[arg(long, default_value_t = 10.0)]
    patience: f64,
}

impl MemberArguments {
    pub fn patience_s(&self) -> Result<f64, Failure> {
        seconds("--patience", self.patience)
    }
}

fn seconds(name: &str, value: f64) -> Result<f64, Failure> {
    if value > 0.0 && value <= 1e6 {
        Ok(value)
    } else {
        Err(Failure::input(format_args!("{name} {value}: must be in (0, 1e6]")))
    }
}

/// The members of a run.
pub enum Members {
    Threads(Threads),
    Others { coordinator: Box<Coordinator>, children: Vec<Child> },
}

impl Members {
    /// Starts them, or waits for them.
    pub fn gather(arguments: &MemberArguments, members: &[Address], virtual_time: bool) -> Result<Self, Failure> {
        let clock = if virtual_time { Clock::pretended() } else { Clock::real() };
        if !arguments.processes && arguments.listen.is_none() {
            return Threads::start(members, clock).map(Self::Threads).map_err(Failure::machine);
        }
        let at = arguments.listen.as_deref().unwrap_or("127.0.0.1:0");
        let token = match &arguments.token {
            Some(token) => token.clone(),
            None => random_token(),
        };
        let hall = Hall::open(at, &token, clock, members.to_vec());
        let hall = hall.map_err(|error| Failure::input(format_args!("--listen {at}: {error}")))?;
        let mut children = Vec::new();
        if arguments.processes {
            let program = std::env::current_exe().map_err(Failure::machine)?;
            for member in members {
                let mut command = Command::new(&program);
                command.arg("join").arg(hall.address().to_string());
                command.args(["--cluster", &member.cluster.to_string(), "--node", &member.node.to_string()]);
                // A token among the arguments could be read by every user of the machine.
                command.env("COLLAPIPE_TOKEN", &token).stdin(Stdio::null()).stdout(Stdio::null());
                children.push(command.spawn().map_err(Failure::machine)?);
            }
        } else {
            eprintln!("waiting for {} nodes on {}", members.len(), hall.address());
        }
        let absent = hall.wait_for(members, Duration::from_secs_f64(seconds("--join-within", arguments.join_within)?));
        let members = Self::Others { coordinator: Box::new(Coordinator::new(hall)), children };
        match absent.first() {
            Some(absent) => Err(Failure::machine(format_args!("{absent} has not joined in time"))),
            None => Ok(members),
        }
    }

    /// Who runs the rounds.
    pub fn coordinator(&mut self) -> Result<&mut Coordinator, Failure> {
        match self {
            Self::Threads(threads) => threads.coordinator().map_err(Failure::machine),
            Self::Others { coordinator, .. } => Ok(coordinator),
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        if let Self::Others { coordinator, children } = self {
            coordinator.close();
            for child in children {
                if !ended(child) {
                    // It was told to stop and does not.
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
        }
    }
}

/// Of the randomness that the system gives to every table of hashes.
fn random_token() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

fn ended(child: &mut Child) -> bool {
    for _ in 0..200 {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            _ => return true,
        }
    }
    false
}
