//! `collapipe-engine join`.

use std::net::ToSocketAddrs;

use clap::Args;
use collapipe_engine::roles::{NodeSettings, serve};
use collapipe_engine::wire::Address;

use super::Failure;

/// Serve a run as one of its nodes, from this process or this board, until it is over.
///
/// Without --node the node is whoever the run still needs. Control unit, devices and edge server are the same program.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where the coordinator listens, as 192.168.1.10:7070
    #[arg(value_name = "HOST:PORT")]
    coordinator: String,
    /// The token of the run, which all its members share
    #[arg(long, env = "COLLAPIPE_TOKEN", hide_env_values = true)]
    token: String,
    /// The cluster to serve in, from 0
    #[arg(long, default_value_t = 0, requires = "node")]
    cluster: usize,
    /// The node to be: 0 the control unit, 1 to K its devices, K+1 the edge server
    #[arg(long)]
    node: Option<usize>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut at = arguments.coordinator.to_socket_addrs().map_err(|error| {
        Failure::input(format_args!("{}: {error}; give an address as 192.168.1.10:7070", arguments.coordinator))
    })?;
    let coordinator =
        at.next().ok_or_else(|| Failure::input(format_args!("{}: no such host", arguments.coordinator)))?;
    let address = arguments.node.map(|node| Address { cluster: arguments.cluster, node });
    let settings = NodeSettings { coordinator, token: arguments.token.clone(), address, clock: None };
    serve(settings).map_err(Failure::machine)
}
