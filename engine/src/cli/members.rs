//! Where the nodes of a run are.

use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use collapipe_engine::emulate::Clock;
use collapipe_engine::network::{PrivateNetwork, Shape};
use collapipe_engine::roles::{Coordinator, Hall, Processes, Threads, random_token};
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
    Processes(Box<Processes>),
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
            let program = program()?;
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
        let refused = hall.refused().map_or(String::new(), |reason| format!("; the last caller was refused: {reason}"));
        let nodes = Self::Processes(Box::new(Processes::new(hall, children)));
        match absent.first() {
            Some(absent) => Err(Failure::machine(format_args!("{absent} has not joined in time{refused}"))),
            None => Ok(nodes),
        }
    }

    /// Starts them behind links of the kernel.
    pub fn shaped(network: &mut PrivateNetwork, shape: &mut Shape) -> Result<Self, Failure> {
        let nodes = network.gather(&program()?, shape);
        nodes.map(|nodes| Self::Processes(Box::new(nodes))).map_err(Failure::machine)
    }

    /// Who runs the rounds.
    pub fn coordinator(&mut self) -> Result<&mut Coordinator, Failure> {
        match self {
            Self::Threads(threads) => threads.coordinator().map_err(Failure::machine),
            Self::Processes(nodes) => Ok(nodes.coordinator()),
        }
    }
}

pub fn program() -> Result<std::path::PathBuf, Failure> {
    std::env::current_exe().map_err(Failure::machine)
}

/// A network of this process's own, for links of the kernel; none where they are not asked for.
pub fn network(kernel_links: bool) -> Result<Option<PrivateNetwork>, Failure> {
    kernel_links.then(PrivateNetwork::enter).transpose().map_err(Failure::input)
}
