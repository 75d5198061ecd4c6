#![cfg(feature = "cli")]
//! Figures of many kinds of runs.
mod report_support;

use std::path::PathBuf;

use collapipe::report::write_folder;
use collapipe::simulation::{RunRecord, SlotOutcome};
use report_support::{Made, record};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report_figures").join(name)
}

const FIGURES: [&str; 4] = ["latency.svg", "queues.svg", "energy.svg", "segments.svg"];

/// Writes a run's figures and returns them.
fn figures(name: &str, record: &RunRecord) -> [String; 4] {
    let folder = folder(name);
    write_folder(record, &folder).unwrap();
    FIGURES.map(|file| std::fs::read_to_string(folder.join(file)).unwrap())
}

#[test]
fn draw_all() {
    figures("usual", &record(&Made::default()));
    figures("single", &record(&Made { clusters: 1, devices: 14, slots: 60, ..Made::default() }));
    figures("one_slot", &record(&Made { slots: 1, outage: 0.0, ..Made::default() }));
    figures("long", &record(&Made { slots: 6000, ..Made::default() }));
    println!("{}", collapipe::report::summary(&record(&Made::default())));
    println!(
        "{}",
        collapipe::report::summary(&record(&Made { clusters: 1, devices: 14, slots: 60, ..Made::default() }))
    );
}
