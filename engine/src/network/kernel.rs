//! Namespaces, virtual Ethernet, token buckets.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{NetworkError, Shape, Stream};
use crate::emulate::Clock;
use crate::roles::{Hall, Processes, random_token};
use crate::wire::{Address, LinkRoute};

/// Says, in a process's environment, which network it was in before.
const LEFT: &str = "COLLAPIPE_ENGINE_LEFT_NETWORK";
/// The programs that do it, and where they are from.
const PROGRAMS: [(&str, &str); 5] = [
    ("ip", "iproute2"),
    ("tc", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
];
/// What a new namespace must permit.
const PROBE: &str = "ip link set lo up && ip link add e0 type veth peer name e1 && ip link set e0 up \
    && tc qdisc add dev e0 root tbf rate 50mbit burst 3200 limit 1000000 && ip link add e2 type bridge";
/// Bytes that a bucket holds: two packets, so that a timer that is late by one is made up for.
const BUCKET: u32 = 3200;
/// Bytes that may wait in front of it: more than any message.
const QUEUE: u32 = 1 << 27;
/// How long a process may take to be in its namespace.
const ENTERING: Duration = Duration::from_secs(10);
/// How long nodes may take to join.
const JOINING: Duration = Duration::from_secs(30);
/// The bridge that joins all nodes and the coordinator, beside the links.
const BRIDGE: &str = "engine0";

/// How a namespace is made: as root, or as the root of a user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With the rights of the process.
    Own,
    /// In a user namespace.
    User,
}

impl Way {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Own => &["--net"],
            Self::User => &["--user", "--map-root-user", "--net"],
        }
    }
}

/// A command that finds what is kept for administrators, too.
fn tool(program: &str) -> Command {
    let mut command = Command::new(program);
    if let Some(mut path) = std::env::var_os("PATH").filter(|path| !path.is_empty()) {
        path.push(":/usr/sbin:/sbin");
        command.env("PATH", path);
    }
    command
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.trim();
    if text.is_empty() { output.status.to_string() } else { text.replace('\n', "; ") }
}

/// Whether this machine permits links of the kernel, and in which way.
///
/// # Errors
/// [`NetworkError::System`], [`NetworkError::Missing`], [`NetworkError::Refused`].
pub fn permitted() -> Result<Way, NetworkError> {
    if !cfg!(target_os = "linux") {
        return Err(NetworkError::System);
    }
    for (program, package) in PROGRAMS {
        let version = tool(program).arg("-V").stdin(Stdio::null()).output();
        version.map_err(|error| NetworkError::Missing { program, package, reason: error.to_string() })?;
    }
    let mut reason = String::new();
    for way in [Way::Own, Way::User] {
        let probe = tool("unshare").args(way.arguments()).args(["sh", "-c", PROBE]).stdin(Stdio::null()).output();
        match probe {
            Ok(output) if output.status.success() => return Ok(way),
            Ok(output) => reason = said(&output),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(NetworkError::Refused { reason })
}

fn network_of(process: &str) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{process}/ns/net")).ok()
}

/// A network namespace of this process alone: nothing in it is seen from outside, and all of it is gone when the process and its
/// children are.
#[derive(Debug)]
pub struct PrivateNetwork {
    /// Nodes and links so far, for names and addresses that were never used before.
    nodes: u32,
    links: u32,
}

/// Nodes that wait in their namespaces for the links to be made.
struct Waiting {
    address: Address,
    child: Child,
}

impl PrivateNetwork {
    /// Puts this process into a network of its own: starts its program again there, with the same arguments. Returns in the
    /// program that was started.
    ///
    /// # Errors
    /// As [`permitted`]; [`NetworkError::Step`].
    pub fn enter() -> Result<Self, NetworkError> {
        let here = network_of("self").ok_or(NetworkError::System)?;
        if std::env::var_os(LEFT).is_some_and(|left| left != here.as_os_str()) {
            let network = Self { nodes: 0, links: 0 };
            let bridge = format!(
                "ip link set lo up && ip link add {BRIDGE} type bridge && ip addr add 10.77.0.1/16 dev {BRIDGE} && \
                 ip link set {BRIDGE} up"
            );
            run(tool("sh").args(["-c", &bridge]), "the bridge")?;
            return Ok(network);
        }
        let way = permitted()?;
        let program = std::env::current_exe().map_err(|error| step("this program", error))?;
        let mut command = tool("unshare");
        command.args(way.arguments()).arg("--").arg(program).args(std::env::args_os().skip(1)).env(LEFT, here);
        Err(step("unshare", replace(&mut command)))
    }

    /// Starts the nodes of a shaped round, and waits for them; the order then knows the ways of its links.
    ///
    /// # Errors
    /// [`NetworkError::Step`].
    pub fn gather(&mut self, program: &Path, shape: &mut Shape) -> Result<Processes, NetworkError> {
        let members = shape.order.members();
        let token = random_token();
        let hall = Hall::open("10.77.0.1:0", &token, Clock::real(), members.clone());
        let hall = hall.map_err(|error| step("the coordinator", error))?;
        let at = hall.address().to_string();
        let (children, routes) = self.start(program, &members, &shape.streams, (&at, &token))?;
        shape.order.routes = routes;
        let absent = hall.wait_for(&members, JOINING);
        let nodes = Processes::new(hall, children);
        match absent.first() {
            Some(absent) => Err(step("joining", format_args!("{absent} has not joined in time"))),
            None => Ok(nodes),
        }
    }

    /// Starts nodes, each in a namespace of its own, with a link for every stream; they join a coordinator at `hall`. Returns the
    /// processes and the ways that the streams take. Nodes end with this thread, at the latest.
    ///
    /// # Errors
    /// [`NetworkError::Step`].
    fn start(
        &mut self,
        program: &Path,
        members: &[Address],
        streams: &[Stream],
        (hall, token): (&str, &str),
    ) -> Result<(Vec<Child>, Vec<LinkRoute>), NetworkError> {
        let mut waiting = Vec::new();
        let started = self.started(program, members, streams, (hall, token), &mut waiting);
        match started {
            Ok(routes) => Ok((waiting.into_iter().map(|node| node.child).collect(), routes)),
            Err(error) => {
                for mut node in waiting {
                    // Whoever has ended needs not be.
                    let _ = node.child.kill();
                    let _ = node.child.wait();
                }
                Err(error)
            }
        }
    }

    fn started(
        &mut self,
        program: &Path,
        members: &[Address],
        streams: &[Stream],
        (hall, token): (&str, &str),
        waiting: &mut Vec<Waiting>,
    ) -> Result<Vec<LinkRoute>, NetworkError> {
        for member in members {
            let mut command = tool("setpriv");
            command.args(["--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", "read go && exec \"$@\"", "sh"]);
            command.arg(program).args(["join", hall]);
            command.args(["--cluster", &member.cluster.to_string(), "--node", &member.node.to_string()]);
            command.env("COLLAPIPE_TOKEN", token).stdin(Stdio::piped()).stdout(Stdio::null());
            let child = command.spawn().map_err(|error| step("a node", error))?;
            waiting.push(Waiting { address: *member, child });
        }
        let here = network_of("self");
        for node in waiting.iter_mut() {
            entered(node, here.as_deref())?;
        }
        let mut links = String::new();
        let mut inside: Vec<String> = Vec::new();
        for node in waiting.iter() {
            let (name, id) = (format!("n{}", self.nodes), node.child.id());
            let place = self.nodes + 2;
            links +=
                &format!("link add {name} type veth peer name beside netns {id}\nlink set {name} master {BRIDGE} up\n");
            inside.push(format!(
                "ip link set lo up\nip addr add 10.77.{}.{}/16 dev beside\nip link set beside up\n",
                place / 256,
                place % 256
            ));
            self.nodes += 1;
        }
        let mut routes = Vec::new();
        for stream in streams {
            let place = |address: Address| waiting.iter().position(|node| node.address == address);
            let (Some(from), Some(to)) = (place(stream.from), place(stream.to)) else { continue };
            let (number, base) = (self.links, 4 * self.links);
            self.links += 1;
            let ip = |host: u32| std::net::Ipv4Addr::from(0x0a58_0000 + base + host);
            let id = |place: usize| waiting.get(place).map(|node| node.child.id()).unwrap_or_default();
            links += &format!("link add s{number} netns {} type veth peer name r{number} netns {}\n", id(from), id(to));
            let up = |name: &str, host| format!("ip addr add {}/30 dev {name}\nip link set {name} up\n", ip(host));
            let bucket = format!(
                "tc qdisc add dev s{number} root tbf rate {:.0}bit burst {BUCKET} limit {QUEUE}\n",
                stream.bits_per_second
            );
            if let Some(script) = inside.get_mut(from) {
                *script += &(up(&format!("s{number}"), 1) + &bucket);
            }
            if let Some(script) = inside.get_mut(to) {
                *script += &up(&format!("r{number}"), 2);
            }
            routes.push(LinkRoute { from: stream.from, to: stream.to, channel: stream.channel, ip: ip(2).into() });
        }
        run_with(tool("ip").args(["-batch", "-"]), &links, "virtual Ethernet")?;
        for (node, script) in waiting.iter().zip(&inside) {
            let id = node.child.id().to_string();
            run_with(tool("nsenter").args(["-t", &id, "-n", "sh", "-e"]), script, "addresses and token buckets")?;
        }
        for node in waiting {
            let go = node.child.stdin.take().map(|mut gate| gate.write_all(b"go\n"));
            go.unwrap_or(Ok(())).map_err(|error| step("a node", error))?;
        }
        Ok(routes)
    }
}

/// Waits until a process is in a network of its own.
fn entered(node: &mut Waiting, here: Option<&Path>) -> Result<(), NetworkError> {
    let begin = Instant::now();
    let id = node.child.id().to_string();
    while begin.elapsed() < ENTERING {
        if let Ok(Some(status)) = node.child.try_wait() {
            return Err(step("a node's namespace", status));
        }
        if network_of(&id).is_some_and(|network| Some(network.as_path()) != here) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(step("a node's namespace", "not entered in time"))
}

fn step(step: &'static str, reason: impl std::fmt::Display) -> NetworkError {
    NetworkError::Step { step, reason: reason.to_string() }
}

fn run(command: &mut Command, what: &'static str) -> Result<(), NetworkError> {
    run_with(command, "", what)
}

fn run_with(command: &mut Command, input: &str, what: &'static str) -> Result<(), NetworkError> {
    let failed = |error: std::io::Error| step(what, error);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(failed)?;
    if let Some(mut gate) = child.stdin.take() {
        gate.write_all(input.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() { Ok(()) } else { Err(step(what, said(&output))) }
}

#[cfg(unix)]
fn replace(command: &mut Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(command)
}

#[cfg(not(unix))]
fn replace(_: &mut Command) -> std::io::Error {
    std::io::ErrorKind::Unsupported.into()
}
