//! Runs that are too long to be kept: killed, gone on with, in a folder that is another's.

use std::fs;
use std::io::BufReader;
use std::process::Stdio;
use std::time::Duration;

use collapipe::report::{LONG_RUN, Summary};
use collapipe::simulation::RecordReader;

use crate::program::{code, collapipe, run, stderr, stdout};
use crate::support::folder;
use crate::support::scenario::SMALL;

#[test]
fn a_long_run_that_is_killed_goes_on() {
    let folder = folder("long-run-cli");
    let path = |name: &str| folder.join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    fs::write(path("small.toml"), SMALL).unwrap();
    let (slots, scenario, out) = ((LONG_RUN + 1).to_string(), text("small.toml"), text("out"));
    let command = ["run", &scenario, "--slots", &slots, "--policy", "fixed-radio", "--out", &out, "--format", "json"];
    let mut child = collapipe().args(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let unfinished = path("out").join("record.unfinished.json");
    let lines = || fs::read(&unfinished).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count());
    while lines() < 100 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = lines() - 1;
    assert!(!path("out").join("record.json").exists());
    // Another run does not overwrite what is left of this one.
    let other = run(&["run", &scenario, "--slots", &slots, "--seed", "9", "--out", &out]);
    assert_eq!(code(&other), 2, "{}", stderr(&other));
    assert!(stderr(&other).contains("record.unfinished.json: is what another run left"), "{}", stderr(&other));
    let output = run(&command);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains(&format!("goes on after {left} slots")), "{left}: {}", stderr(&output));
    assert!(!unfinished.exists());
    let summary: Summary = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(summary.slots, LONG_RUN + 1);
    assert!(summary.certified());
    let record = fs::File::open(path("out").join("record.json")).unwrap();
    let mut reader = RecordReader::new(BufReader::new(record)).unwrap();
    assert_eq!(reader.by_ref().map(Result::unwrap).count() as u64, LONG_RUN + 1);
    assert!(reader.is_whole());
    // Valid, and drawn again as it was, without being held as a whole.
    let validated = run(&["validate", &out]);
    assert!(code(&validated) == 0 && stdout(&validated).ends_with("a valid run record\n"), "{}", stdout(&validated));
    let files = || {
        ["record.json", "slots.csv", "report.html", "energy.svg"].map(|name| fs::read(path("out").join(name)).unwrap())
    };
    let before = files();
    let again = run(&["report", &out, "--format", "json"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert_eq!(stdout(&again), stdout(&output));
    assert!(before == files());
    // What is left of a run that was killed is no valid record, and can be drawn elsewhere.
    let cut = text("cut.json");
    fs::write(&cut, before[0].split_inclusive(|byte| *byte == b'\n').take(21).collect::<Vec<_>>().concat()).unwrap();
    let validated = run(&["validate", &cut]);
    assert!(code(&validated) == 2 && stdout(&validated).contains("ends after 20 slots"), "{}", stdout(&validated));
    assert_eq!(code(&run(&["report", &cut])), 2);
    let part = run(&["report", &cut, "--out", &text("part"), "--format", "json"]);
    assert_eq!(serde_json::from_str::<Summary>(&stdout(&part)).unwrap().slots, 20);
    // The same numbers without files.
    let command = ["run", &scenario, "--slots", &slots, "--policy", "fixed-radio", "--no-files", "--format", "json"];
    let bare: Summary = serde_json::from_str(&stdout(&run(&command))).unwrap();
    assert_eq!((bare.slots, bare.outages), (summary.slots, summary.outages));
}
