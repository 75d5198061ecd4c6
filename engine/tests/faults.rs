//! Nodes that die, stall and come back: rounds fail by name, and the others go on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::ops::ControlFlow;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use collapipe::instances::InstanceSize;
use collapipe::scenario::ScenarioFile;
use collapipe::simulation::{PolicyKind, SlotOutcome};
use collapipe::solver::{Settings, solve};
use collapipe_engine::emulate::Clock;
use collapipe_engine::reproduce::LANGUAGES;
use collapipe_engine::roles::{Coordinator, Hall, Pace, Parts, RoundError, RoundOrder};
use collapipe_engine::training::{TrainingSettings, members, train};
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
        self.add_at(&hall.address().to_string(), member);
    }

    fn add_at(&mut self, hall: &str, member: Address) {
        let child = Command::new(env!("CARGO_BIN_EXE_collapipe-engine"))
            .args(["join", hall])
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

/// A scenario whose device is killed in the middle of a slot: an outage that names it; the next slot is planned without it, and
/// the one after its return with it.
#[test]
fn a_run_records_the_outage_and_plans_without_the_device_until_it_is_back() {
    let mut file = ScenarioFile::parse(LANGUAGES, "".as_ref()).expect("a scenario");
    // Enough for a device that is slow to come back.
    file.spec.slots = 40;
    let scenario = file.build().expect("a scenario");
    let all = members(&scenario);
    let hall = Hall::open("127.0.0.1:0", "secret", Clock::real(), all.clone()).expect("a hall");
    let nodes = Mutex::new(Nodes::start(&hall, &all));
    let mut coordinator = Coordinator::new(hall);
    let mut settings = TrainingSettings::default();
    settings.patience_s = PATIENCE_S;
    let policy = PolicyKind::Exact.build(Settings::default(), 1).expect("a policy");
    let device = Address { cluster: 0, node: 1 };
    let at = coordinator.hall().address();
    let trained = thread::scope(|scope| {
        let nodes = &nodes;
        train(&scenario, policy, &mut coordinator, &settings, |slot, _| {
            match slot.slot {
                // In the middle of slot 1.
                0 => drop(scope.spawn(move || {
                    thread::sleep(Duration::from_millis(700));
                    nodes.lock().expect("nodes").of(device).kill().expect("killed");
                })),
                2 => nodes.lock().expect("nodes").add_at(&at.to_string(), device),
                _ => {}
            }
            let is_back = slot.slot > 2 && slot.present[0].contains(&0) && slot.measured.is_some();
            if is_back { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    });
    let trained = trained.expect("a run");
    assert!(trained.ended.is_none(), "{:?}", trained.ended);
    let slots = &trained.record.slots;
    let SlotOutcome::Outage(outage) = &slots[1].outcome else { panic!("{:?}", slots[1].outcome) };
    assert!(outage.reason.contains("cluster 0, node 1"), "{}", outage.reason);
    assert!(slots[1].measured.is_none());
    // What was spent before the fault counts: more than nothing, less than a whole round.
    let spent = |slot: usize| slots[slot].energy_j.iter().map(|energy| energy.0).sum::<f64>();
    assert!(spent(1) > 0.0 && spent(1) < spent(0), "{} {}", spent(1), spent(0));
    assert!(slots[1].energy_j[0].0 > 0.0, "the control unit had sent the segments out: {:?}", slots[1].energy_j);
    assert_eq!((slots[0].present[0].as_slice(), slots[2].present[0].as_slice()), (&[0, 1, 2, 3][..], &[1, 2, 3][..]));
    assert!(slots[2].measured.is_some(), "planned without the device, and executed");
    let last = slots.last().expect("slots");
    assert_eq!(last.present[0], [0, 1, 2, 3]);
    assert!(last.measured.is_some());
}
