//! Nodes that die, stall and come back: rounds fail by name, and the others go on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use collapipe::instances::InstanceSize;
use collapipe::solver::{Settings, solve};
use collapipe_engine::emulate::Clock;
use collapipe_engine::roles::{Coordinator, Hall, Pace, Parts, RoundError, RoundOrder};
use collapipe_engine::wire::Address;

const PATIENCE_S: f64 = 2.0;

/// Nodes as processes; whatever a test leaves behind is ended.
struct Nodes(Vec<(Address, Child)>);

impl Nodes {
    fn start(hall: &Hall, members: &[Address]) -> Self {
        let mut nodes = Self(Vec::new());
        members.iter().for_each(|member| nodes.add(hall, *member));
        assert_eq!(hall.wait_for(members, Duration::from_secs(30)), []);
        nodes
    }

    fn add(&mut self, hall: &Hall, member: Address) {
        let child = Command::new(env!("CARGO_BIN_EXE_collapipe-engine"))
            .args(["join", &hall.address().to_string()])
            .args(["--cluster", &member.cluster.to_string(), "--node", &member.node.to_string()])
            .env("COLLAPIPE_TOKEN", "secret")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        self.0.push((member, child));
    }

    fn of(&mut self, node: Address) -> &mut Child {
        &mut self.0.iter_mut().rev().find(|(member, _)| *member == node).expect("a node").1
    }

    fn signal(&mut self, node: Address, signal: &str) {
        let id = self.of(node).id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// An order that takes about so many seconds.
fn order(seconds: f64) -> RoundOrder {
    let size = InstanceSize { devices: 3, clusters: 1, blocks: 6, ..InstanceSize::default() };
    let problem = size.sample(5).expect("an instance");
    let solution = solve(&problem, &Settings::default()).expect("a solution");
    let best = solution.certified().expect("feasible");
    let scale = seconds / best.evaluation.round_latency.0;
    let order = RoundOrder::synthetic(&problem, &best.decision, Pace::Emulated { scale }).expect("an order");
    RoundOrder { patience_s: PATIENCE_S, ..order }
}

fn run(order: &RoundOrder) -> (Coordinator, Nodes) {
    let hall = Hall::open("127.0.0.1:0", "secret", Clock::real(), order.members()).expect("a hall");
    let nodes = Nodes::start(&hall, &order.members());
    (Coordinator::new(hall), nodes)
}

const DEVICE: Address = Address { cluster: 0, node: 2 };

#[test]
fn a_device_that_is_killed_is_named_and_used_again_when_it_is_back() {
    let order = order(3.0);
    let (mut coordinator, mut nodes) = run(&order);
    let begin = Instant::now();
    let failed = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_secs(1));
            nodes.of(DEVICE).kill().expect("killed");
        });
        coordinator.round(&order, &Parts::new())
    });
    assert_eq!(failed.expect_err("a lost device").node(), Some(DEVICE));
    // A cut connection is noticed at once.
    assert!(begin.elapsed() < Duration::from_secs(10));
    let absent = coordinator.round(&order, &Parts::new());
    assert_eq!(absent.expect_err("an absent device"), RoundError::Absent { node: DEVICE });
    nodes.add(coordinator.hall(), DEVICE);
    assert_eq!(coordinator.hall().wait_for(&[DEVICE], Duration::from_secs(30)), []);
    let round = coordinator.round(&order, &Parts::new()).expect("all are there");
    assert_eq!(round.clusters.len(), 1);
}

#[test]
fn a_device_that_stalls_is_named_within_the_timeout() {
    let order = order(3.0);
    let (mut coordinator, mut nodes) = run(&order);
    let begin = Instant::now();
    let failed = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_secs(1));
            nodes.signal(DEVICE, "-STOP");
        });
        coordinator.round(&order, &Parts::new())
    });
    let error = failed.expect_err("a stalled device");
    assert_eq!(error.node(), Some(DEVICE), "{error}");
    assert!(matches!(error, RoundError::Stalled { .. }), "{error}");
    assert!(begin.elapsed() < Duration::from_secs_f64(3.0 + PATIENCE_S + 15.0));
    assert!(!coordinator.hall().has(DEVICE));
}

#[test]
fn a_lost_edge_server_is_a_clear_error() {
    let order = order(3.0);
    let (mut coordinator, mut nodes) = run(&order);
    let server = *order.members().last().expect("members");
    nodes.of(server).kill().expect("killed");
    let error = coordinator.round(&order, &Parts::new()).expect_err("no edge server");
    assert_eq!(error.node(), Some(server));
    assert!(error.to_string().contains("cluster 0, node 4"), "{error}");
}
