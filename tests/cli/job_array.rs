//! Runs dealt out to the jobs of an array: listed, played in parts, requeued at a deadline, merged into the whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{code, collapipe, refused, run, stderr, stdout};
use crate::reproduce::{cells, files, reproduce};
use crate::support::folder;

fn go(listed: &Path, out: &Path, more: &[&str]) -> std::process::Output {
    collapipe().args(["sweep", "--go"]).arg(listed).arg("--out").arg(out).args(more).output().unwrap()
}

#[test]
fn jobs_play_what_was_listed_and_merge_says_what_is_missing() {
    let folder = folder("job-array");
    let listed = folder.join("runs.json");
    let (whole, merged) = (folder.join("whole"), folder.join("merged"));
    let asked = reproduce(&folder.join("unused"), &["--plan", listed.to_str().unwrap(), "--parts", "3"]);
    assert_eq!(code(&asked), 0, "{}", stderr(&asked));
    assert!(!folder.join("unused").exists(), "a list was asked for, and nothing else");
    assert!(stdout(&asked).contains("--shard i/3"), "{}", stdout(&asked));
    assert_eq!(code(&reproduce(&whole, &[])), 0);
    let array: Value = serde_json::from_str(&fs::read_to_string(&listed).unwrap()).unwrap();
    let runs = array["runs"].as_array().unwrap();
    let of_run =
        |run: &Value| format!("{}/cells/{}.json", run["experiment"].as_str().unwrap(), run["run"].as_str().unwrap());
    let mut named: Vec<String> = runs.iter().map(of_run).collect();
    named.sort();
    assert_eq!(named, cells(&whole).iter().map(|path| path.display().to_string()).collect::<Vec<_>>());

    // Every part plays the runs that the list gives it, on a machine that knows nothing but the list.
    let mut parts = Vec::new();
    for part in 1..=3_u64 {
        let out = folder.join(format!("part{part}"));
        let output = go(&listed, &out, &["--shard", &format!("{part}/3")]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let mut own: Vec<String> = runs.iter().filter(|run| run["part"] == part).map(of_run).collect();
        own.sort();
        assert_eq!(own, cells(&out).iter().map(|path| path.display().to_string()).collect::<Vec<_>>());
        parts.push(out);
    }
    let merge = |parts: &[&Path]| collapipe().arg("merge").args(parts).arg("--out").arg(&merged).output().unwrap();
    let of_third: Vec<String> = runs.iter().filter(|run| run["part"] == 3).map(of_run).collect();
    let told = merge(&[&parts[0], &parts[1]]);
    let missing = format!("{} of {} runs are missing: {}", of_third.len(), runs.len(), of_third[..3].join(", "));
    refused(&told, &[&missing]);
    assert_eq!(code(&merge(&[&parts[0], &parts[1], &parts[2]])), 0);
    assert_eq!(files(&merged), files(&whole));

    // Jobs that do not agree on who plays what are refused before they play.
    let none = folder.join("none");
    refused(&go(&listed, &none, &["--shard", "1/4"]), &["lists 3 parts", "must be i/3"]);
    let changed = |from: &str, to: &str| {
        let path = folder.join("changed.json");
        fs::write(&path, fs::read_to_string(&listed).unwrap().replacen(from, to, 1)).unwrap();
        go(&path, &none, &["--shard", "1/3"])
    };
    refused(&changed("\"part\": 1", "\"part\": 2"), &["changed.json", "runs", "--plan"]);
    refused(&changed("\"slots\": 2", "\"slots\": 0"), &["changed.json", "slots", "[1, 2000]"]);
    refused(&changed("\"parts\": 3", "\"parts\": 0"), &["changed.json", "parts"]);
    refused(&changed("job-array/1", "job-array/9"), &["changed.json", "schema"]);
    assert!(!none.exists());
    // A list is not overwritten, and is not a scenario's.
    refused(&reproduce(&none, &["--plan", listed.to_str().unwrap()]), &["runs.json"]);
    assert_eq!(code(&run(&["sweep", "--go", listed.to_str().unwrap(), "my.toml"])), 2);
    assert_eq!(code(&run(&["sweep"])), 2);
}

/// A scheduler that starts a job again as long as it exits with 75.
#[test]
fn a_job_that_meets_its_deadline_goes_on_when_it_is_queued_again() {
    let (whole, requeued) = (folder("deadline-whole"), folder("deadline-requeued"));
    // Some seconds of work in runs of a quarter at most.
    let play = |out: &Path, more: &[&str]| {
        let mut command = collapipe();
        command.args(["reproduce", "v", "segments", "--quick", "--slots", "8", "--threads", "1", "--out"]);
        command.arg(out).args(more).output().unwrap()
    };
    let (mut exits, mut kept) = (BTreeMap::new(), 0);
    loop {
        let output = play(&requeued, &["--deadline", "1"]);
        *exits.entry(code(&output)).or_insert(0) += 1;
        let now = cells(&requeued).len();
        match code(&output) {
            75 => {
                assert!(stderr(&output).contains("deadline"), "{}", stderr(&output));
                assert!(!requeued.join("report.html").exists(), "a report of what is not there");
                assert!(now > kept, "no run was finished: {now} of {kept}");
            }
            0 => break,
            other => panic!("exit code {other}: {}", stderr(&output)),
        }
        kept = now;
    }
    assert!(exits.get(&75).is_some_and(|count| *count >= 1), "the deadline never came: {exits:?}");
    // One that does not come changes nothing.
    assert_eq!(code(&play(&whole, &["--deadline", "3600"])), 0);
    assert_eq!(files(&requeued), files(&whole));
}
