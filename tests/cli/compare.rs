//! `compare` and `sweep`: experiments of the user's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{code, refused, run, run_with_input, stderr, stdout};
use crate::support::folder;
use crate::support::scenario::{SMALL, changed};

/// Means by x, series and metric of a folder's data.csv.
fn means(folder: &Path) -> BTreeMap<(String, String, String), f64> {
    let mut values: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    let mut table = csv::Reader::from_path(folder.join("data.csv")).unwrap();
    for row in table.records() {
        let row = row.unwrap();
        let key = (row[2].to_owned(), row[3].to_owned(), row[5].to_owned());
        values.entry(key).or_default().push(row[6].parse().unwrap());
    }
    values.into_iter().map(|(key, values)| (key, values.iter().sum::<f64>() / values.len() as f64)).collect()
}

#[test]
fn compare_plays_the_same_rounds_as_run() {
    let folder = folder("compare");
    let (out, single) = (folder.join("out"), folder.join("run"));
    let (out, single) = (out.to_str().unwrap(), single.to_str().unwrap());
    let arguments =
        ["compare", "-", "--policies", "exact,uniform-segments", "--seeds", "2", "--slots", "4", "--out", out];
    let output = run_with_input(&arguments, SMALL);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let means = means(&Path::new(out).join("compare"));
    // Seeds follow the scenario's own.
    let mut latencies = Vec::new();
    for seed in ["1", "2"] {
        let arguments =
            ["run", "-", "--slots", "4", "--seed", seed, "--gap", "1e-4", "--format", "json", "--out", single];
        let summary: Value = serde_json::from_str(&stdout(&run_with_input(&arguments, SMALL))).unwrap();
        latencies.push(summary["latency"]["mean_s"].as_f64().unwrap());
    }
    let key = |policy: &str, metric: &str| ("small".to_owned(), policy.to_owned(), metric.to_owned());
    let exact = means[&key("exact", "latency_s")];
    approx::assert_relative_eq!(exact, (latencies[0] + latencies[1]) / 2.0, max_relative = 1e-9);
    assert!(means.contains_key(&key("uniform-segments", "energy_j")));
    for file in
        ["report.html", "compare/result.json", "compare/figure.svg", "compare/figure.png", "compare/contrast.csv"]
    {
        assert!(Path::new(out).join(file).exists(), "{file}");
    }
    let page = fs::read_to_string(Path::new(out).join("report.html")).unwrap();
    assert!(page.contains("bert-tiny") && !page.contains("nano-a"), "the scenario on the page is another one");
    // What is there is not played again, and what is of another scenario is refused.
    let before = fs::metadata(Path::new(out).join("compare/cells")).unwrap().modified().unwrap();
    assert_eq!(code(&run_with_input(&arguments, SMALL)), 0);
    assert_eq!(fs::metadata(Path::new(out).join("compare/cells")).unwrap().modified().unwrap(), before);
    let output = run_with_input(&arguments, &changed("batch_size = 8", "batch_size = 4"));
    refused(&output, &["is of another scenario"]);
}

#[test]
fn sweep_sets_what_set_sets() {
    let folder = folder("sweep");
    let (out, parts) = (folder.join("out"), folder.join("parts"));
    let file = folder.join("my.toml");
    fs::write(&file, SMALL).unwrap();
    let (file, out, parts) = (file.to_str().unwrap(), out.to_str().unwrap(), parts.to_str().unwrap());
    let vary = "uplink.bandwidth_hz+clusters.*.bandwidth_hz=5e6,20e6";
    let size = ["--seeds", "1", "--slots", "3"];
    let mut arguments = vec!["sweep", file, vary, "clusters.0.devices.0.budget_j_per_round=1,4"];
    arguments.extend(size);
    let all = [arguments.clone(), vec!["--out", out]].concat();
    let output = run(&all);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let swept = means(&Path::new(out).join("sweep"));
    let series = |budget: u32| format!("exact, clusters.0.devices.0.budget_j_per_round = {budget}");
    let latency = |x: &str, budget| swept[&(x.to_owned(), series(budget), "latency_s".to_owned())];
    // A single value of each is a comparison with these values.
    let one = folder.join("one");
    let one = one.to_str().unwrap();
    let set = ["--set", "uplink.bandwidth_hz=5e6", "--set", "clusters.0.bandwidth_hz=5e6"];
    let budget = ["--set", "clusters.desk.devices.pi.budget_j_per_round=4"];
    let compare = [&["compare", file, "--policies", "exact", "--out", one][..], &size, &set, &budget].concat();
    assert_eq!(code(&run(&compare)), 0);
    let alone = means(&Path::new(one).join("compare"));
    approx::assert_relative_eq!(
        latency("5e6", 4),
        alone[&("small".into(), "exact".into(), "latency_s".into())],
        max_relative = 1e-12
    );
    assert!(latency("20e6", 4) < latency("5e6", 4));
    // In parts, merged: the same data.
    for part in ["1/2", "2/2"] {
        let shard = [arguments.clone(), vec!["--shard", part, "--out", parts]].concat();
        assert_eq!(code(&run(&shard)), 0);
    }
    let merged = folder.join("merged");
    let output = run(&["merge", parts, "--out", merged.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(means(&merged.join("sweep")), swept);
    // An experiment described in TOML is the same experiment.
    let described = folder.join("experiment.toml");
    fs::write(
        &described,
        "schema = \"collapipe.experiment/1\"\nname = \"bands\"\ntitle = \"Bands\"\nscenario = \"my.toml\"\npolicies = [\"exact\"]\n\
         [[vary]]\npaths = [\"uplink.bandwidth_hz\", \"clusters.*.bandwidth_hz\"]\nvalues = [5e6, 20e6]\n\
         [[vary]]\npaths = [\"clusters.0.devices.0.budget_j_per_round\"]\nvalues = [1, 4]\n",
    )
    .unwrap();
    let own = folder.join("own");
    let output = run(&[&["sweep", described.to_str().unwrap(), "--out", own.to_str().unwrap()][..], &size].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let sorted = |means: &BTreeMap<_, f64>| {
        let mut values: Vec<u64> = means.values().map(|value| value.to_bits()).collect();
        values.sort_unstable();
        values
    };
    assert_eq!(sorted(&means(&own.join("bands"))), sorted(&swept));
    assert!(fs::read_to_string(own.join("report.html")).unwrap().contains("Bands"));
    // Another experiment does not go into the same folder.
    let other = ["compare", file, "--policies", "exact", "--out", own.to_str().unwrap()];
    refused(&run(&other), &["another experiment (bands)"]);
}

#[test]
fn sweep_refuses_by_name() {
    let out = folder("sweep_refused").join("out");
    let out = out.to_str().unwrap();
    let sweep = |vary: &str| run_with_input(&["sweep", "-", vary, "--slots", "2", "--out", out], SMALL);
    for (vary, words) in [
        ("clusters.dsk.batch_size=4,8", &["no element dsk", "did you mean desk?"][..]),
        ("clusters.0.batch_size=4,eight", &["clusters.0.batch_size=eight", "whole number"]),
        ("clusters.0.batch_size=4,-8", &["clusters.0.batch_size=-8"]),
        ("latency_wait=1,2", &["unknown field `latency_wait`"]),
        ("latency_weight=1,1", &["every value and policy must be given once"]),
    ] {
        refused(&sweep(vary), words);
    }
    assert_eq!(code(&sweep("latency_weight")), 2);
    refused(&run_with_input(&["sweep", "-", "--out", out], SMALL), &["PATH=LIST: name a field"]);
    let experiment = "schema = \"collapipe.experiment/1\"\nname = \"a b\"\nscenario = \"none.toml\"\n";
    refused(&run_with_input(&["sweep", "-", "--out", out], experiment), &["scenario = ", "none.toml"]);
    assert!(!Path::new(out).exists());
}

#[test]
fn compare_plays_every_kind_of_scenario_that_init_writes() {
    let folder = folder("compare_kinds");
    for (kind, left_out) in [
        ("radio", None),
        (
            "wifi",
            Some("left out: uniform-segments, proportional-speed, fixed-radio (it does not know order = \"free\""),
        ),
        ("ethernet", Some("fixed-radio (it does not know ")),
        ("trace", Some("fixed-radio (it does not know clusters[..].hop_latency_s = above 0")),
        ("gpus", Some("no-pipeline (no plan of the scenario has micro_batches = 1, they have [4, 16]")),
    ] {
        let place = folder.join(kind);
        fs::create_dir_all(&place).unwrap();
        let (scenario, out) = (place.join("my.toml"), place.join("out"));
        let (scenario, out) = (scenario.to_str().unwrap(), out.to_str().unwrap());
        assert_eq!(code(&run(&["init", kind, "--out", scenario])), 0);
        let output = run(&["compare", scenario, "--slots", "1", "--seeds", "1", "--out", out]);
        assert_eq!(code(&output), 0, "{kind}: {}", stderr(&output));
        let said = stderr(&output);
        let notes: Vec<&str> = said.lines().filter(|line| line.contains("left out")).collect();
        match left_out {
            Some(words) => {
                assert!(notes.len() == 1 && notes[0].starts_with("note: left out: "), "{kind}: {said}");
                assert!(notes[0].contains(words), "{kind}: {said}");
            }
            None => assert!(notes.is_empty(), "{kind}: {said}"),
        }
        let means = means(&Path::new(out).join("compare"));
        assert!(means.keys().any(|(_, policy, _)| policy == "exact"), "{kind}: {means:?}");
    }
}

#[test]
fn a_named_policy_that_does_not_know_a_scenario_is_refused_before_any_run() {
    let folder = folder("compare_named");
    for (kind, policy, words) in
        [("wifi", "exact,fixed-radio", "it does not know order"), ("gpus", "exact,no-pipeline", "[4, 16]")]
    {
        let (scenario, out) = (folder.join(format!("{kind}.toml")), folder.join(kind));
        let (scenario, out) = (scenario.to_str().unwrap(), out.to_str().unwrap());
        assert_eq!(code(&run(&["init", kind, "--out", scenario])), 0);
        let size = ["--slots", "1", "--seeds", "1", "--out", out];
        let named = run(&[&["compare", scenario, "--policies", policy][..], &size].concat());
        refused(&named, &["policy ", words, "or leave the policy out"]);
        assert!(!Path::new(out).exists(), "a run was played before the policy was refused");
        // A sweep refuses it as well, for the value where it does not know the scenario.
        let swept = run(&[&["sweep", scenario, "latency_weight=1,2", "--policies", policy][..], &size].concat());
        refused(&swept, &[words]);
    }
}
