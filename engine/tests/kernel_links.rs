//! Rounds over links that the kernel shapes, as users run them. Where the machine does not permit network namespaces the tests print
//! why they skipped.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use collapipe::instances::InstanceSize;
use collapipe::problem::rounds;
use collapipe::schedule::Sending;
use collapipe::solver::{Settings, solve};
use collapipe_engine::network::{NetworkError, SHORTEST_S, Shape, permitted};
use collapipe_engine::roles::{Pace, RoundOrder};
use collapipe_engine::wire::Channel;

fn skips() -> bool {
    match permitted() {
        Ok(_) => false,
        Err(error) => {
            println!("skipped: {error}");
            true
        }
    }
}

/// A problem and its answer in a folder, and the scale at which its shortest message takes so long.
fn write(name: &str, shortest_s: f64) -> (PathBuf, String) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let size = InstanceSize { devices: 2, blocks: 6, ..InstanceSize::default() };
    let problem = size.sample(3).expect("an instance");
    let solution = solve(&problem, &Settings::default()).expect("a solution");
    let best = solution.certified().expect("feasible");
    std::fs::write(folder.join("problem.json"), problem.to_json().expect("json")).expect("written");
    let answer = serde_json::json!({ "status": "optimal", "decision": best.decision });
    std::fs::write(folder.join("answer.json"), answer.to_string()).expect("written");
    let mut shortest = f64::INFINITY;
    for round in rounds(&problem, &best.decision).expect("rounds") {
        let hops = round.forward_hops.iter().chain(&round.backward_hops);
        let once = round.distribution.iter().chain(&round.collection).chain([&round.upload]);
        shortest = hops.chain(once).map(|sent| sent.occupied().0).filter(|s| *s > 0.0).fold(shortest, f64::min);
    }
    (folder, (shortest_s / shortest).to_string())
}

fn execute(folder: &Path, scale: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_collapipe-engine"));
    command.args(["execute", "problem.json", "answer.json", "--kernel-links", "--scale", scale]).args(more);
    command.current_dir(folder);
    command
}

#[test]
fn rounds_over_links_of_the_kernel_take_about_as_long_as_planned() {
    if skips() {
        return;
    }
    let (folder, scale) = write("kernel-links", 0.03);
    let output = execute(&folder, &scale, &["--format", "json", "--rounds", "2"]).output().expect("a program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    for round in printed["rounds"].as_array().expect("rounds") {
        for part in round["parts"].as_array().expect("parts") {
            let [predicted, measured] =
                ["predicted_s", "measured_s"].map(|name| part[name].as_f64().expect("a number"));
            if part["part"] == "bubble" || predicted == 0.0 {
                continue;
            }
            // No bucket lets bytes through earlier than its rate and its two packets allow.
            assert!(measured > 0.95 * predicted, "{part}");
            // Later they may come, on a machine that is busy.
            let valid = round["valid"] == true && part["part"] == "round";
            assert!(measured < 1.1 * predicted || !valid, "{part}");
        }
    }
}

/// Processes started by a process, and by those.
fn descendants(id: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    children.flat_map(|child| [vec![child], descendants(child)].concat()).collect()
}

/// Whether a process lives in some network; a dead one is in none.
fn lives(id: u32) -> bool {
    std::fs::read_link(format!("/proc/{id}/ns/net")).is_ok()
}

struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ctrl-C and a crash: nothing is left, neither a process nor a namespace, which lives as long as a process in it does.
#[test]
fn nothing_is_left_when_the_program_ends_early() {
    if skips() {
        return;
    }
    let (folder, scale) = write("kernel-links-ended", 0.03);
    for signal in ["-INT", "-KILL"] {
        let program =
            execute(&folder, &scale, &["--rounds", "1000"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut program = Ending(program.expect("a program"));
        let begin = Instant::now();
        let id = program.0.id();
        let is_node = |id: &u32| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains("collapipe-engine\0join")
        };
        let mut nodes = Vec::new();
        while nodes.len() < 4 && begin.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(50));
            nodes = descendants(id).into_iter().filter(is_node).collect();
        }
        assert!(nodes.len() >= 4, "{nodes:?}");
        let ours = std::fs::read_link("/proc/self/ns/net").expect("a network");
        for node in &nodes {
            assert_ne!(std::fs::read_link(format!("/proc/{node}/ns/net")).ok(), Some(ours.clone()));
        }
        assert!(Command::new("kill").args([signal, &id.to_string()]).status().expect("kill").success());
        let _ = program.0.wait();
        let begin = Instant::now();
        while nodes.iter().any(|node| lives(*node)) && begin.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
        nodes.retain(|node| lives(*node));
        assert!(nodes.is_empty(), "{signal}: {nodes:?}");
    }
}

fn order(scale: f64) -> RoundOrder {
    let size = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() };
    let problem = size.sample(5).expect("an instance");
    let solution = solve(&problem, &Settings::default()).expect("a solution");
    let decision = &solution.certified().expect("feasible").decision;
    RoundOrder::synthetic(&problem, decision, Pace::Emulated { scale }).expect("an order")
}

#[test]
fn every_transmission_has_a_link_at_which_it_takes_its_planned_time() {
    let shape = Shape::new(order(1e3).sending(Sending::Blocking)).expect("a shape");
    let round = &shape.order.clusters[0];
    let hops = round.forward_hops.len() + round.backward_hops.len();
    let is = |channel: Channel| shape.streams.iter().filter(move |stream| stream.channel == channel).count();
    assert_eq!(is(Channel::Pipeline), hops);
    assert_eq!(is(Channel::Once), 2 * round.collection.len() + 1);
    // Links are ordered pairs: none is used for two different rates.
    let mut names: Vec<_> = shape.streams.iter().map(|stream| (stream.from, stream.to, stream.channel)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), shape.streams.len());
    for (stream, sent) in shape.streams.iter().zip(round.forward_hops.iter().chain(&round.backward_hops)) {
        assert_eq!((stream.from.node, stream.to.node), (sent.from.0, sent.to.0));
        // All hops carry as many bits, and those that take longer are slower.
        let first = round.forward_hops[0].occupied().0 * shape.streams[0].bits_per_second;
        assert!((sent.occupied().0 * stream.bits_per_second / first - 1.0).abs() < 1e-9);
    }
}

#[test]
fn what_cannot_be_shaped_is_refused_by_name() {
    let shared = Shape::new(order(1e3).sending(Sending::Medium)).expect_err("a medium");
    assert!(matches!(shared, NetworkError::Sending(Sending::Medium)), "{shared}");
    let short = Shape::new(order(1e-6)).expect_err("short messages");
    let NetworkError::Short { seconds, scale, .. } = short else { panic!("{short}") };
    assert!(seconds < SHORTEST_S && (seconds * scale / SHORTEST_S - 1.0).abs() < 1e-9);
    assert!(matches!(Shape::new(RoundOrder { pace: Pace::Free, ..order(1.0) }), Err(NetworkError::Work)));
}

/// Without the programs, and without the rights.
#[test]
fn a_machine_that_does_not_permit_it_says_so() {
    let (folder, scale) = write("kernel-links-refused", 0.03);
    let output = execute(&folder, &scale, &[]).env("PATH", "").output().expect("a program");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("iproute2") && text.contains("links of the kernel"), "{text}");
}
