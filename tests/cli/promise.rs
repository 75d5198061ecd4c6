//! `collapipe promise`: its numbers against runs at the same seeds, resumption, threads, bad input.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use collapipe::promise::Promise;
use collapipe::simulation::{RunRecord, SlotOutcome};

use crate::program::{code, refused, run, stderr, stdout};
use crate::support::folder;
use crate::support::scenario::changed;

/// A folder with a scenario whose budget binds and whose devices are absent at times.
fn scenario(name: &str) -> (std::path::PathBuf, String) {
    let text = changed("budget_j_per_round = 2.0", "budget_j_per_round = 0.05")
        .replace("name = \"phone\"", "name = \"phone\"\nabsence_probability = 0.2");
    let folder = folder(name);
    let file = folder.join("scenario.toml");
    fs::write(&file, text).unwrap();
    (folder, file.to_str().unwrap().to_owned())
}

/// Seven runs: 1 − 0.7⁷ = 0.918.
const SEVEN: [&str; 6] = ["--confidence", "0.9", "--coverage", "0.7", "--slots", "12"];

fn promise(scenario: &str, out: &Path, more: &[&str]) -> String {
    let output = run(&[&["promise", scenario, "--out", out.to_str().unwrap()][..], &SEVEN, more].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    stdout(&output)
}

fn files(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for below in ["", "runs"] {
        for entry in fs::read_dir(out.join(below)).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if entry.path().is_file() && !name.starts_with('.') {
                found.insert(format!("{below}/{name}"), fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

#[test]
fn bounds_are_the_largest_of_the_runs() {
    let (folder, scenario) = scenario("promise-runs");
    let printed = promise(&scenario, &folder.join("out"), &["--format", "json"]);
    let promised: Promise = serde_json::from_str(&printed).unwrap();
    assert_eq!(promised.runs.len(), 7);
    let (mut worst, mut latency, mut norm) = (f64::NEG_INFINITY, 0.0_f64, 0.0_f64);
    for (index, of) in promised.runs.iter().enumerate() {
        assert!(promised.runs[..index].iter().all(|earlier| earlier.seed != of.seed));
        let out = folder.join(format!("run-{index}"));
        let seed = of.seed.to_string();
        let arguments = ["run", &scenario, "--seed", &seed, "--slots", "12", "--certificates", "off", "--out"];
        let output = run(&[&arguments[..], &[out.to_str().unwrap()]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let record: RunRecord = serde_json::from_str(&fs::read_to_string(out.join("record.json")).unwrap()).unwrap();
        for (node, budget) in record.nodes.iter().enumerate().filter_map(|(k, of)| Some((k, of.budget_j?.0))) {
            let spent: f64 = record.slots.iter().map(|slot| slot.energy_j[node].0).sum();
            worst = worst.max(spent / (12.0 * budget) - 1.0);
        }
        let rounds: Vec<f64> = record
            .slots
            .iter()
            .filter_map(|slot| match &slot.outcome {
                SlotOutcome::Planned(planned) => Some(planned.latency_s.0),
                _ => None,
            })
            .collect();
        latency = latency.max(rounds.iter().sum::<f64>() / rounds.len() as f64);
        for slot in &record.slots {
            norm = norm.max(slot.queues.iter().map(|queue| queue * queue).sum::<f64>().sqrt());
        }
    }
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(1.0);
    assert!(near(promised.worst_overspend.unwrap().at_most, worst), "{worst}");
    assert!(near(promised.mean_latency_s.unwrap().at_most, latency), "{latency}");
    assert!(near(promised.queue_norm.unwrap().at_most, norm) && norm > 0.0, "{norm}");
    // Not all runs are the same.
    assert!(promised.queue_norm.unwrap().mean < norm);
}

#[test]
fn resumed_equals_fresh_on_any_number_of_threads() {
    let (folder, scenario) = scenario("promise-resume");
    let [one, two] = ["one", "two"].map(|name| folder.join(name));
    let printed = promise(&scenario, &one, &["--threads", "1"]);
    assert!(printed.contains("With 90.00 % confidence at least 70.00 %"), "{printed}");
    promise(&scenario, &two, &["--threads", "2"]);
    assert_eq!(files(&one), files(&two));
    // Seven runs, the result, its page and its figure.
    assert_eq!(files(&one).len(), 10);
    let page = fs::read_to_string(one.join("report.html")).unwrap();
    let folded = printed.split_whitespace().collect::<Vec<_>>();
    let most = folded.windows(2).find(|pair| pair[1] == "s").unwrap()[0];
    assert!(page.contains(&format!("The mean latency is at most {most} s.")), "{page}");
    // What a kill leaves.
    let kept: Vec<_> = fs::read_dir(two.join("runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let touched = fs::metadata(&kept[0]).unwrap().modified().unwrap();
    fs::remove_file(&kept[1]).unwrap();
    for name in ["promise.json", "report.html", "promise.svg"] {
        fs::remove_file(two.join(name)).unwrap();
    }
    promise(&scenario, &two, &[]);
    assert_eq!(files(&one), files(&two));
    assert_eq!(fs::metadata(&kept[0]).unwrap().modified().unwrap(), touched);
    // Runs of another length are not mixed in.
    let other = run(&[
        "promise",
        &scenario,
        "--out",
        two.to_str().unwrap(),
        "--confidence",
        "0.9",
        "--coverage",
        "0.7",
        "--slots",
        "11",
    ]);
    assert_eq!(code(&other), 2);
    assert!(stderr(&other).contains("is of another scenario"), "{}", stderr(&other));
}

#[test]
fn bad_input_is_refused() {
    let (folder, scenario) = scenario("promise-bad");
    let out = folder.join("out");
    let out = out.to_str().unwrap();
    for (option, value, wanted) in [
        ("--confidence", "1", "confidence = 1.0: must be a number above 0 and below 1"),
        ("--coverage", "0", "coverage = 0.0: must be a number above 0 and below 1"),
        ("--coverage", "NaN", "coverage = NaN"),
        ("--coverage", "0.99999", "more than 2000 runs"),
    ] {
        refused(&run(&["promise", &scenario, "--out", out, option, value]), &[wanted]);
    }
    assert!(!Path::new(out).exists());
}
