//! Experiments are played once, the same everywhere, and never mixed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use collapipe::experiments::{Reproduction, Request, catalogue};

use crate::program::{code, collapipe, refused, run, stderr, stdout};
use crate::support::{folder, shared};

/// What is not measured, and small.
const NAMES: [&str; 3] = ["v", "segments", "small-budgets"];

pub fn reproduce(out: &Path, more: &[&str]) -> std::process::Output {
    let mut command = collapipe();
    command.arg("reproduce").args(NAMES).args(["--quick", "--slots", "2", "--seeds", "1", "--out"]).arg(out).args(more);
    command.output().unwrap()
}

/// All files below a folder with their content, by path.
pub fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => drop(found.insert(path.strip_prefix(root).unwrap().into(), fs::read(&path).unwrap())),
            }
        }
    }
    found
}

pub fn cells(root: &Path) -> Vec<PathBuf> {
    files(root).into_keys().filter(|path| path.iter().any(|part| part == "cells")).collect()
}

#[test]
fn goes_on_after_a_kill_without_computing_again() {
    let out = folder("reproduce-resume");
    assert_eq!(code(&reproduce(&out, &[])), 0);
    let whole = files(&out);
    let kept = cells(&out);
    assert!(kept.len() >= 8, "{kept:?}");
    // A kill leaves some cells, perhaps the beginning of another under a hidden name, and no tables.
    let (lost, left): (Vec<_>, Vec<_>) = kept.iter().enumerate().partition(|(place, _)| place % 3 == 0);
    for (_, path) in &lost {
        fs::remove_file(out.join(path)).unwrap();
    }
    fs::remove_file(out.join("v/data.csv")).unwrap();
    fs::write(out.join("v/cells/.half.json.1.part"), "{\"schema\"").unwrap();
    let written = |path: &PathBuf| fs::metadata(out.join(path)).unwrap().modified().unwrap();
    let before: Vec<_> = left.iter().map(|(_, path)| written(path)).collect();
    let again = reproduce(&out, &[]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    let after: Vec<_> = left.iter().map(|(_, path)| written(path)).collect();
    assert_eq!(before, after, "cells were computed again");
    fs::remove_file(out.join("v/cells/.half.json.1.part")).unwrap();
    assert_eq!(files(&out), whole);
}

#[test]
fn refuses_what_is_of_another_experiment() {
    let out = folder("reproduce-foreign");
    assert_eq!(code(&reproduce(&out, &[])), 0);
    let cell = cells(&out).into_iter().next().unwrap();
    let name = cell.file_name().unwrap().to_str().unwrap().to_owned();
    // The cell of other slots under the same name.
    let other = folder("reproduce-foreign-other");
    let mut three = collapipe();
    let three =
        three.arg("reproduce").args(NAMES).args(["--quick", "--slots", "3", "--seeds", "1", "--out"]).arg(&other);
    assert_eq!(code(&three.output().unwrap()), 0);
    let own = fs::read(out.join(&cell)).unwrap();
    fs::copy(other.join(&cell), out.join(&cell)).unwrap();
    refused(&reproduce(&out, &[]), &["cells", "remove it or choose another folder"]);
    fs::write(out.join(&cell), own).unwrap();
    // A file that is no cell, half of one, no text, or one whose numbers were changed.
    let whole = fs::read(out.join(&cell)).unwrap();
    let changed =
        String::from_utf8(whole.clone()).unwrap().replacen("\"seed\": 2026", "\"seed\": 2027", 1).into_bytes();
    assert!(changed != whole);
    for content in [&b"{}"[..], &whole[..whole.len() / 2], &b"\xff\xfe"[..], &changed] {
        fs::write(out.join(&cell), content).unwrap();
        refused(&reproduce(&out, &[]), &[&name, "remove it or choose another folder"]);
        assert_eq!(fs::read(out.join(&cell)).unwrap(), content, "left alone");
    }
    fs::remove_file(out.join(&cell)).unwrap();
    fs::create_dir(out.join(&cell)).unwrap();
    refused(&reproduce(&out, &[]), &[&name, "is a folder", "remove it or choose another folder"]);
}

#[test]
fn what_is_refused_changes_nothing() {
    let (out, other) = (folder("reproduce-untouched"), folder("reproduce-untouched-other"));
    assert_eq!(code(&reproduce(&out, &[])), 0);
    let before = files(&out);
    let ask = |arguments: &[&str], out: &Path| collapipe().args(arguments).arg("--out").arg(out).output().unwrap();
    let small = ["reproduce", "v", "--quick", "--seeds", "1", "--slots", "3"];
    let sizes = ["request.json", "--quick --slots 2 --seeds 1", "--quick --slots 3 --seeds 1", "choose another folder"];
    refused(&ask(&small, &out), &sizes);
    let seeds = ["reproduce", "v", "--quick", "--seeds", "2", "--slots", "2"];
    refused(&ask(&seeds, &out), &["request.json", "another size", "--seeds 2"]);
    refused(&ask(&["reproduce", "v", "--slots", "2", "--seeds", "1"], &out), &["request.json", "another size"]);
    assert_eq!(code(&ask(&small, &other)), 0);
    refused(&ask(&["merge", other.to_str().unwrap()], &out), &["request.json", "another size"]);
    assert_eq!(files(&out), before);
    // The same request with one foreign file among the finished ones.
    let cell = cells(&out).into_iter().next().unwrap();
    let third = folder("reproduce-untouched-third");
    assert_eq!(code(&reproduce(&third, &[])), 0);
    fs::write(out.join(&cell), "notes").unwrap();
    let before = files(&out);
    refused(&ask(&["merge", third.to_str().unwrap()], &out), &["remove it or choose another folder"]);
    assert_eq!(files(&out), before);
}

#[test]
fn files_of_others_are_left_alone() {
    for file in ["report.html", "v/data.csv", "v/cells/mine.txt"] {
        let out = folder("reproduce-mine");
        fs::remove_dir_all(&out).unwrap();
        fs::create_dir_all(out.join(file).parent().unwrap()).unwrap();
        fs::write(out.join(file), "mine").unwrap();
        let before = files(&out);
        let named = file.split('/').next().unwrap();
        refused(&reproduce(&out, &[]), &[named, "no request.json", "remove it or choose another folder"]);
        assert_eq!(files(&out), before);
    }
    // A request of a version to come, or one that was spoiled.
    let out = folder("reproduce-request");
    assert_eq!(code(&reproduce(&out, &[])), 0);
    let request = fs::read_to_string(out.join("request.json")).unwrap();
    for (from, to) in [("\"v\"", "\"futuristic\""), ("\"v\"", "\"segments\""), ("\"slots\": 2", "\"slots\": 0")] {
        fs::write(out.join("request.json"), request.replacen(from, to, 1)).unwrap();
        refused(&reproduce(&out, &[]), &["request.json", "remove it or choose another folder"]);
        let mut merge = collapipe();
        let merge = merge.arg("merge").arg(&out).arg("--out").arg(folder("reproduce-request-merged")).output().unwrap();
        refused(&merge, &["request.json", "remove it or choose another folder"]);
    }
    // A file where the folder should be.
    let file = folder("reproduce-file").join("file");
    fs::write(&file, "mine").unwrap();
    refused(&reproduce(&file, &[]), &["file", "is not a folder"]);
}

#[test]
fn experiments_asked_for_later_join_the_report() {
    let (at_once, one_by_one) = (folder("reproduce-at-once"), folder("reproduce-one-by-one"));
    assert_eq!(code(&reproduce(&at_once, &[])), 0);
    // The last ones first.
    for name in NAMES.iter().rev() {
        let mut command = collapipe();
        let command = command.args(["reproduce", name, "--quick", "--slots", "2", "--seeds", "1", "--out"]);
        assert_eq!(code(&command.arg(&one_by_one).output().unwrap()), 0);
    }
    assert_eq!(files(&one_by_one), files(&at_once));
    // One that is not whole is left out of the report, which says so.
    let lost = cells(&one_by_one).into_iter().find(|cell| cell.starts_with("v")).unwrap();
    fs::remove_file(one_by_one.join(lost)).unwrap();
    let mut command = collapipe();
    let command = command.args(["reproduce", "segments", "--quick", "--slots", "2", "--seeds", "1", "--out"]);
    let done = command.arg(&one_by_one).output().unwrap();
    assert_eq!(code(&done), 0);
    assert!(stderr(&done).contains("v: not in the report: 1 of"), "{}", stderr(&done));
    let page = fs::read_to_string(one_by_one.join("report.html")).unwrap();
    assert!(page.contains("id=\"segments\"") && page.contains("id=\"small-budgets\"") && !page.contains("id=\"v\""));
}

#[test]
fn provenance_is_that_of_the_runs() {
    let out = folder("reproduce-provenance");
    let mut command = collapipe();
    let command = command.args(["reproduce", "segments", "--quick", "--slots", "2", "--seeds", "2", "--out"]);
    let command = command.arg(&out);
    assert_eq!(code(&command.output().unwrap()), 0);
    let result: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("segments/result.json")).unwrap()).unwrap();
    let provenance = &result["provenance"];
    // Those of the runs' own programs; here there is one.
    let cell: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join(cells(&out).first().unwrap())).unwrap()).unwrap();
    let commits: Vec<&str> = provenance["commits"].as_array().unwrap().iter().filter_map(|c| c.as_str()).collect();
    assert_eq!(commits, cell["content"]["commit"].as_str().into_iter().collect::<Vec<_>>());
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(commits.iter().all(|commit| page.contains(commit)));
    assert!(page.contains("<dt>exact</dt>") && page.contains("orin-nano"), "policies and scenario are explained");
    let runs = provenance["runs"].as_array().unwrap();
    assert_eq!((runs.len(), &runs[0]["slots"], &runs[0]["seed"]), (10, &2.into(), &2026.into()));
    assert_eq!(result["table"]["slots"], 2);
}

#[test]
fn shards_merge_into_the_whole() {
    let (whole, one, two, merged) = (
        folder("reproduce-whole"),
        folder("reproduce-shard-1"),
        folder("reproduce-shard-2"),
        folder("reproduce-merged"),
    );
    assert_eq!(code(&reproduce(&whole, &["--threads", "1"])), 0);
    assert_eq!(code(&reproduce(&one, &["--shard", "1/2"])), 0);
    let merge = |folders: &[&Path]| {
        let mut command = collapipe();
        command.arg("merge").args(folders).arg("--out").arg(&merged).output().unwrap()
    };
    refused(&merge(&[&one]), &["runs are missing", "play the missing shards"]);
    assert!(files(&merged).is_empty());
    assert_eq!(code(&reproduce(&two, &["--shard", "2/2"])), 0);
    assert!(!one.join("v/data.csv").exists(), "a shard writes no tables");
    let shared = cells(&one).into_iter().filter(|cell| two.join(cell).exists()).count();
    assert_eq!((shared, cells(&one).len() + cells(&two).len()), (0, cells(&whole).len()));
    // Dealt by effort, so that the numbers of cells may differ.
    assert!(!cells(&one).is_empty() && !cells(&two).is_empty());
    let done = merge(&[&one, &two]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    assert_eq!(files(&merged), files(&whole));
}

/// More shards than runs: those without any write nothing that merging misses.
#[test]
fn many_shards_merge_into_the_whole() {
    let play = |out: &Path, more: &[&str]| {
        let mut command = collapipe();
        let command = command.args(["reproduce", "segments", "--quick", "--slots", "2", "--seeds", "1", "--out"]);
        assert_eq!(code(&command.arg(out).args(more).output().unwrap()), 0);
    };
    let whole = folder("reproduce-many-whole");
    play(&whole, &[]);
    let runs = cells(&whole).len();
    for count in [runs - 1, runs, runs + 2] {
        let root = folder(&format!("reproduce-many-{count}"));
        let parts: Vec<PathBuf> = (1..=count).map(|shard| root.join(shard.to_string())).collect();
        for (shard, part) in (1..).zip(&parts) {
            play(part, &["--shard", &format!("{shard}/{count}"), "--threads", "1"]);
        }
        let merged = root.join("merged");
        let done = collapipe().arg("merge").args(&parts).arg("--out").arg(&merged).output().unwrap();
        assert_eq!(code(&done), 0, "{}", stderr(&done));
        assert_eq!(files(&merged), files(&whole), "{count} shards of {runs} runs");
    }
}

#[test]
fn merge_refuses_what_does_not_belong_together() {
    let (one, two, out) = (folder("reproduce-merge-1"), folder("reproduce-merge-2"), folder("reproduce-merge-out"));
    assert_eq!(code(&reproduce(&one, &["--shard", "1/2"])), 0);
    let merge = |folders: &[&Path]| {
        let mut command = collapipe();
        command.arg("merge").args(folders).arg("--out").arg(&out).output().unwrap()
    };
    refused(&merge(&[&one, &two]), &["request.json", "collapipe reproduce --out"]);
    let mut other = collapipe();
    let other =
        other.args(["reproduce", "v", "--quick", "--slots", "2", "--seeds", "1", "--shard", "2/2", "--out"]).arg(&two);
    assert_eq!(code(&other.output().unwrap()), 0);
    refused(&merge(&[&one, &two]), &["another request", "but for --shard"]);
    fs::write(two.join("request.json"), "{").unwrap();
    refused(&merge(&[&two]), &["request.json", "EOF"]);
}

#[test]
fn threads_change_nothing() {
    let (one, four) = (folder("reproduce-threads-1"), folder("reproduce-threads-4"));
    assert_eq!(code(&reproduce(&one, &["--threads", "1"])), 0);
    assert_eq!(code(&reproduce(&four, &["--threads", "4"])), 0);
    assert_eq!(files(&one), files(&four));
}

#[test]
fn every_experiment_has_numbers_for_its_figure() {
    let out = folder("reproduce-every");
    let request = Request { slots: 2, seeds: 1, ..Request::new(&[], true).unwrap() };
    let reproduction = Reproduction::new(request).unwrap();
    let done = reproduction.play(&out, None, &false.into(), &|_, _| ()).unwrap();
    assert!(done);
    let tables = reproduction.write(&out).unwrap().tables;
    assert_eq!(tables.len(), catalogue::ALL.len());
    for table in tables {
        assert!(!table.plots.is_empty() && !table.question.is_empty() && !table.caption.is_empty());
        if let Some(reason) = &table.skipped {
            assert!(table.rows.is_empty() && !reason.is_empty());
            continue;
        }
        for plot in &table.plots {
            let values: Vec<f64> = table.rows.iter().filter_map(|row| row.metrics.get(&plot.metric)).copied().collect();
            assert!(!values.is_empty(), "{}: nothing to draw of {:?}", table.name, plot.metric);
            assert!(values.iter().all(|value| value.is_finite()), "{}: {values:?}", table.name);
        }
        for figure in ["figure.svg", "figure.png"] {
            assert!(fs::metadata(out.join(&table.name).join(figure)).unwrap().len() > 0, "{}: {figure}", table.name);
        }
        let csv = fs::read_to_string(out.join(&table.name).join("data.csv")).unwrap();
        let numbers: usize = table.rows.iter().map(|row| row.metrics.len()).sum();
        assert_eq!(csv.lines().count(), numbers + 1);
        let result: serde_json::Value =
            serde_json::from_slice(&fs::read(out.join(&table.name).join("result.json")).unwrap()).unwrap();
        assert_eq!(result["schema"], "collapipe.experiment-result/1");
        assert_eq!(result["provenance"]["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(
            serde_json::from_value::<collapipe::experiments::ResultTable>(result["table"].clone()).unwrap(),
            table
        );
    }
}

#[test]
fn measured_rates_where_they_are() {
    let Some(traces) = shared("data/radio") else { return };
    let traces = traces.to_str().unwrap();
    let out = folder("reproduce-traces");
    let play = |traces: &str, out: &Path| {
        let mut command = collapipe();
        command.args(["reproduce", "traces", "--quick", "--slots", "2", "--seeds", "1", "--traces", traces, "--out"]);
        command.arg(out).output().unwrap()
    };
    let done = play(traces, &out);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    assert!(stdout(&done).contains("exact against") && out.join("traces/contrast.csv").exists());
    // What is there goes on with the same rates.
    let before = files(&out);
    let mut again = collapipe();
    let again = again.args(["reproduce", "traces", "--quick", "--slots", "2", "--seeds", "1", "--out"]).arg(&out);
    assert_eq!(code(&again.output().unwrap()), 0);
    assert_eq!(files(&out), before);
    // Other rates are another scenario, and rates of one kind alone are refused.
    let changed = folder("reproduce-traces-changed");
    let text = fs::read_to_string(format!("{traces}/lumos5g_traces.csv")).unwrap();
    let write = |text: &str| fs::write(changed.join("lumos5g_traces.csv"), text).unwrap();
    let (head, _) = text.split_once('\n').unwrap();
    let only = |prefix: &str| {
        let rows = text.lines().filter(|row| row.starts_with(prefix));
        format!("{head}\n{}\n", rows.collect::<Vec<_>>().join("\n"))
    };
    write(&only("4g"));
    refused(
        &play(changed.to_str().unwrap(), &folder("reproduce-traces-4g")),
        &["lumos5g_traces.csv", "begins with 5g"],
    );
    write(&text.replacen(' ', " 1", 1));
    refused(&play(changed.to_str().unwrap(), &out), &["remove it or choose another folder"]);
    let csv = fs::read_to_string(out.join("traces/data.csv")).unwrap();
    assert!(
        csv.contains("traces,,4G,exact,2026,latency_s,") && csv.contains("traces,,5G,exact,2026,latency_s,"),
        "{csv}"
    );
}

#[test]
fn usage_is_checked() {
    let unknown = run(&["reproduce", "headlines"]);
    refused(&unknown, &["headlines", "headline", "small-budgets", "exact-vs-alternating"]);
    for (option, value) in [
        ("--shard", "0/3"),
        ("--shard", "4/3"),
        ("--shard", "1"),
        ("--shard", "1/0"),
        ("--shard", "-1/2"),
        ("--threads", "0"),
        ("--seeds", "0"),
        ("--slots", "0"),
        ("--slots", "2001"),
    ] {
        let output = collapipe().args(["reproduce", "v", "--quick", &format!("{option}={value}")]).output().unwrap();
        assert_eq!(code(&output), 2, "{option} {value}");
        assert!(stderr(&output).contains(option.trim_start_matches('-')), "{}", stderr(&output));
    }
    let missing = run(&["reproduce", "traces", "--quick", "--traces", "no-such-folder"]);
    refused(&missing, &["no-such-folder", "lumos5g_traces.csv"]);
    // Lines are as long as a terminal is wide.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let list = words(&stdout(&run(&["experiments"])));
    for experiment in catalogue::ALL {
        assert!(list.contains(experiment.name) && list.contains(&words(experiment.question)), "{list}");
    }
}
