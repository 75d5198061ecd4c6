//! `collapipe tradeoff`: resumption, threads, both axes, bad input, and its numbers against runs and formulas.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use collapipe::simulation::RunRecord;
use collapipe::tradeoff::Tradeoff;

use crate::program::{code, collapipe, refused, run, run_with_input, stderr, stdout};
use crate::support::folder;
use crate::support::scenario::{SMALL, changed};

const CONVERGENCE: &str = "[convergence]\ntarget = 0.6\ninitial_gap = 0.2\nstep_size = 0.05\nsmoothness = 1.5\n\
    sample_variance = 6.0\nheterogeneity = 0.3\nupdate = \"per-micro-batch\"\n\n[uplink]";

/// A folder with a scenario whose budget binds and whose devices are absent at times.
fn scenario(name: &str) -> (std::path::PathBuf, String) {
    let text = changed("budget_j_per_round = 2.0", "budget_j_per_round = 0.05")
        .replace("name = \"phone\"", "name = \"phone\"\nabsence_probability = 0.2")
        .replace("[uplink]", CONVERGENCE);
    let folder = folder(name);
    let file = folder.join("scenario.toml");
    fs::write(&file, text).unwrap();
    (folder, file.to_str().unwrap().to_owned())
}

/// All files that are not hidden, by their path below `out`.
fn files(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for below in ["", "points"] {
        for entry in fs::read_dir(out.join(below)).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if entry.path().is_file() && !name.starts_with('.') {
                found.insert(format!("{below}/{name}"), fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

fn sweep(scenario: &str, out: &Path, more: &[&str]) -> std::process::Output {
    run(&[&["tradeoff", scenario, "--out", out.to_str().unwrap()][..], more].concat())
}

fn good(scenario: &str, out: &Path, more: &[&str]) -> String {
    let output = sweep(scenario, out, more);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    stdout(&output)
}

const LIST: [&str; 4] = ["--v", "0.01,0.1,1,10", "--slots", "24"];

#[test]
fn resumed_equals_fresh_on_any_number_of_threads() {
    let (folder, scenario) = scenario("tradeoff-resume");
    let [fresh, resumed, one, two] = ["fresh", "resumed", "one", "two"].map(|name| folder.join(name));
    let printed = good(&scenario, &fresh, &LIST);
    for name in ["tradeoff.json", "report.html", "tradeoff.csv", "tradeoff.svg", "scaling.svg", "plans.svg"] {
        assert!(files(&fresh).contains_key(&format!("/{name}")), "{name}");
        assert!(printed.contains(name), "{printed}");
    }
    assert!(printed.lines().all(|line| line.chars().count() <= 80), "{printed}");
    for (name, content) in files(&fresh).iter().filter(|(name, _)| name.ends_with(".svg")) {
        let text = String::from_utf8_lossy(content);
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"), "{name}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{name}");
    }
    // A part of the values, in another order; then what a kill leaves behind; then the rest.
    good(&scenario, &resumed, &["--v", "10,0.1", "--slots", "24"]);
    fs::remove_file(resumed.join("points/v-1e1.json")).unwrap();
    fs::write(resumed.join("points/.v-1e1.json.1.part"), "{\"schema\": ").unwrap();
    let kept = fs::metadata(resumed.join("points/v-1e-1.json")).unwrap().modified().unwrap();
    let again = good(&scenario, &resumed, &["--v", "10,1,0.1,0.01", "--slots", "24"]);
    assert_eq!(files(&resumed), files(&fresh));
    assert_eq!(again.replace("resumed", "fresh"), printed);
    // What was there is not computed again.
    assert_eq!(fs::metadata(resumed.join("points/v-1e-1.json")).unwrap().modified().unwrap(), kept);
    for (threads, out) in [("1", &one), ("2", &two)] {
        good(&scenario, out, &[&LIST[..], &["--threads", threads]].concat());
        assert_eq!(files(out), files(&fresh), "{threads} threads");
    }
}

#[cfg(unix)]
#[test]
fn a_killed_sweep_goes_on() {
    let (folder, scenario) = scenario("tradeoff-kill");
    let [fresh, killed] = ["fresh", "killed"].map(|name| folder.join(name));
    let values = ["--v", "0.01,0.1,1,10,100", "--slots", "300", "--threads", "1"];
    let mut child = collapipe()
        .args([&["tradeoff", &scenario, "--out", killed.to_str().unwrap()][..], &values].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let any_point = || {
        let names = fs::read_dir(killed.join("points")).into_iter().flatten();
        names.filter(|name| !name.as_ref().unwrap().file_name().to_string_lossy().starts_with('.')).count() > 0
    };
    while !any_point() {
        assert!(child.try_wait().unwrap().is_none() || any_point(), "ended without a point");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    good(&scenario, &killed, &values);
    good(&scenario, &fresh, &values);
    assert_eq!(files(&killed), files(&fresh));
}

#[test]
fn points_of_other_sweeps_are_refused_and_left_alone() {
    let (folder, scenario) = scenario("tradeoff-foreign");
    let out = folder.join("out");
    good(&scenario, &out, &["--v", "1,2", "--slots", "5"]);
    let before = files(&out);
    for other in [
        &["--v", "1,2", "--slots", "6"][..],
        &["--v", "2", "--slots", "5", "--seed", "9"],
        &["--v", "3,1", "--slots", "5", "--gap", "1e-3"],
    ] {
        refused(
            &sweep(&scenario, &out, other),
            &["points/v-", "is of another scenario, seed", "choose another folder"],
        );
        assert_eq!(files(&out), before);
    }
    fs::write(out.join("points/v-1e0.json"), "{\"schema\": \"collapipe.tradeoff-point/1\"").unwrap();
    refused(&sweep(&scenario, &out, &["--v", "1,2", "--slots", "5"]), &["points/v-1e0.json", "line 1"]);
}

#[test]
fn points_are_those_of_runs() {
    let (folder, scenario) = scenario("tradeoff-run");
    let out = folder.join("sweep");
    let text = good(&scenario, &out, &["--v", "0.1,1,10", "--slots", "40", "--format", "json"]);
    let tradeoff: Tradeoff = serde_json::from_str(&text).unwrap();
    assert_eq!(tradeoff.points.iter().map(|point| point.value).collect::<Vec<_>>(), [0.1, 1.0, 10.0]);
    let reference = tradeoff.reference.as_ref().unwrap();
    for (point, excess) in tradeoff.points.iter().zip(&tradeoff.excess_s) {
        let v = point.value.to_string();
        let played = folder.join(&v);
        let arguments = ["run", &scenario, "--latency-weight", &v, "--slots", "40", "--out", played.to_str().unwrap()];
        assert_eq!(code(&run(&arguments)), 0);
        let record: RunRecord = serde_json::from_str(&fs::read_to_string(played.join("record.json")).unwrap()).unwrap();
        // The second half, written out again.
        let record_nodes = &record.nodes;
        let half = &record.slots[20..];
        let json = |slot: &collapipe::simulation::SlotRecord| serde_json::to_value(&slot.outcome).unwrap();
        let latency: f64 = half.iter().map(|s| json(s)["planned"]["latency_s"].as_f64().unwrap()).sum::<f64>() / 20.0;
        assert!((point.second_half.mean_latency_s.unwrap().0 - latency).abs() < 1e-9 * latency);
        let mut priced = latency;
        for (k, node) in record_nodes.iter().enumerate() {
            let Some(budget) = node.budget_j else { continue };
            let over = half.iter().map(|slot| slot.energy_j[k].0 / budget.0 - 1.0).sum::<f64>() / 20.0;
            priced += reference.multipliers[k] * over;
        }
        let scale = record.convergence.as_ref().unwrap().scale;
        let learned: f64 = half.iter().map(|slot| slot.convergence.unwrap().violation / scale).sum::<f64>() / 20.0;
        priced += reference.convergence_multiplier * learned;
        let expected = priced - reference.bound_s.unwrap().0;
        assert!((excess.unwrap() - expected).abs() < 1e-9 * priced.abs(), "{excess:?} {expected}");
        // Weak duality, up to the solver's tolerance.
        assert!(excess.unwrap() >= -1e-6 * latency, "{excess:?}");
    }
    let rows = csv::Reader::from_path(out.join("tradeoff.csv")).unwrap().into_records().map(Result::unwrap).count();
    assert_eq!(rows, 3);
}

#[test]
fn epsilon_moves_plans_and_certificates() {
    let (folder, scenario) = scenario("tradeoff-epsilon");
    let out = folder.join("out");
    let more = ["--epsilon", "0.08,1,9", "--slots", "150", "--latency-weight", "0.01", "--format", "json"];
    let tradeoff: Tradeoff = serde_json::from_str(&good(&scenario, &out, &more)).unwrap();
    assert!(tradeoff.reference.is_none() && tradeoff.fits.excess.is_none());
    let shares = |point: usize| tradeoff.points[point].plans.iter().map(|plan| plan.share).collect::<Vec<_>>();
    assert_ne!(shares(0), shares(2));
    for point in &tradeoff.points {
        let convergence = point.convergence.as_ref().unwrap();
        assert_eq!(convergence.target, point.value);
        assert!(convergence.certified_mean.unwrap() >= convergence.certified_mean_of_sum.unwrap() - 1e-12);
    }
    let table = good(&scenario, &out, &more[..6]);
    assert!(table.contains("epsilon") && table.contains("I1 M2") && table.contains("plans.svg"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    // The range around the scenario's own target.
    let range = ["--over", "epsilon", "--points", "3", "--slots", "3"];
    good(&scenario, &folder.join("range"), &range);
    for name in ["epsilon-2e-1.json", "epsilon-6e-1.json", "epsilon-1.8e0.json"] {
        assert!(folder.join("range/points").join(name).exists(), "{name}");
    }
}

#[test]
fn every_slot_an_outage_exits_with_3() {
    let folder = folder("tradeoff-outage");
    let text = changed("name = \"phone\"", "name = \"phone\"\nmemory_bytes = 1.0");
    let out = folder.join("out");
    let arguments = ["tradeoff", "-", "--v", "1,2,3", "--slots", "3", "--out", out.to_str().unwrap()];
    let output = run_with_input(&arguments, &text);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stdout(&output).contains("tradeoff.svg"));
}

#[test]
fn bad_input_exits_with_2() {
    let (folder, scenario) = scenario("tradeoff-bad");
    let out = folder.join("out");
    for (more, words) in [
        (&["--v", "1,1"][..], &["1.0 twice", "different"][..]),
        (&["--from", "2", "--to", "1"], &["--from 2.0", "--to 1.0"]),
        (&["--from", "1", "--to", "1.0001", "--points", "9"], &["--points 9"]),
        (&["--v", "1", "--gap", "7"], &["gap = 7"]),
    ] {
        refused(&sweep(&scenario, &out, more), words);
    }
    let plain = folder.join("plain.toml");
    fs::write(&plain, SMALL).unwrap();
    for more in [&["--over", "epsilon"][..], &["--epsilon", "1,2"]] {
        refused(&sweep(plain.to_str().unwrap(), &out, more), &["plain.toml", "convergence"]);
    }
    let refuse = sweep(&scenario, &out, &["--epsilon", "1e-40"]);
    assert_eq!(code(&refuse), 2);
    for more in [
        &["--v", "0"][..],
        &["--v", "nan"],
        &["--v", "-1"],
        &["--v", ""],
        &["--v", "1,,2"],
        &["--v", "1,2", "--epsilon", "1"],
        &["--v", "1", "--points", "4"],
        &["--points", "1"],
        &["--points", "1001"],
        &["--slots", "0"],
        &["--threads", "0"],
        &["--over", "the moon"],
    ] {
        let output = sweep(&scenario, &out, more);
        assert_eq!(code(&output), 2, "{more:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with("error: "), "{}", stderr(&output));
    }
    assert!(!out.exists());
    refused(&run(&["tradeoff", "nowhere.toml"]), &["nowhere.toml"]);
    let output = sweep(&scenario, &plain.join("below"), &["--v", "1", "--slots", "1"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("plain.toml"), "{}", stderr(&output));
}

/// A sweep with another policy: the same bound, points of their own, and no bound where another problem is solved.
#[test]
fn other_policies_are_swept() {
    let (folder, scenario) = scenario("tradeoff-policy");
    let result = |name: &str, policy: &str| -> Tradeoff {
        let out = folder.join(name);
        good(&scenario, &out, &[&LIST[..], &["--policy", policy]].concat());
        serde_json::from_str(&fs::read_to_string(out.join("tradeoff.json")).unwrap()).unwrap()
    };
    let (exact, radio, federated) =
        (result("exact", "exact"), result("radio", "fixed-radio"), result("federated", "full-model-federated"));
    assert_eq!(radio.provenance.policy.to_string(), "fixed-radio");
    assert!(radio.points.iter().zip(&exact.points).any(|(a, b)| a.latency != b.latency), "another policy decided");
    // No decisions of the problem are below its bound: not those of another policy either.
    assert!(radio.reference.is_some() && radio.excess_s.iter().flatten().all(|excess| *excess > -1e-6));
    assert!(federated.reference.is_none() && federated.excess_s.iter().all(Option::is_none));
    let page = fs::read_to_string(folder.join("radio/report.html")).unwrap();
    assert!(page.contains("<dd>fixed-radio</dd>"), "{page}");
    // The points of one policy are not those of another.
    let mixed = sweep(&scenario, &folder.join("radio"), &[&LIST[..], &["--policy", "uniform-segments"]].concat());
    refused(&mixed, &["points/v-1e-2.json"]);
}
