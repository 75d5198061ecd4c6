//! The output folder: whole files, tidy tables, errors that name the path.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use collapipe::report::write_folder;
use collapipe::simulation::{Outage, RunRecord, SlotOutcome};

use crate::support::folder;
use crate::synthetic::{Made, record};

#[test]
fn record_reads_back_bit_for_bit_and_nothing_else_is_left() {
    let record = record(&Made { slots: 40, ..Made::default() });
    let folder = folder("report-folder-whole").join("nested");
    for _ in 0..2 {
        let written = write_folder(&record, &folder).unwrap();
        let named: BTreeSet<PathBuf> = written.into_iter().collect();
        let found: BTreeSet<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(named, found);
        assert_eq!(found.len(), 10);
    }
    let text = fs::read_to_string(folder.join("record.json")).unwrap();
    assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);
}

#[test]
fn tables_hold_every_slot_node_and_segment() {
    let record = record(&Made { slots: 200, ..Made::default() });
    let folder = folder("report-folder-tables");
    write_folder(&record, &folder).unwrap();
    let rows = |name: &str| -> Vec<csv::StringRecord> {
        let mut reader = csv::Reader::from_path(folder.join(name)).unwrap();
        reader.records().map(Result::unwrap).collect()
    };
    let header = csv::Reader::from_path(folder.join("slots.csv")).unwrap().headers().unwrap().clone();
    let last: Vec<&str> = header.iter().skip(9).collect();
    assert_eq!(last, ["outage_reason", "latency_s:lab", "latency_s:street"]);
    let slots = rows("slots.csv");
    assert_eq!(slots.len(), 200);
    let mut planned_count = 0;
    for (row, slot) in slots.iter().zip(&record.slots) {
        match &slot.outcome {
            SlotOutcome::Planned(planned) => {
                planned_count += 1;
                assert_eq!((&row[1], row[2].parse::<f64>().unwrap()), ("optimal", planned.latency_s.0));
                assert_eq!(row[8].parse::<f64>().ok(), planned.gap);
                assert_eq!(row[11].parse::<f64>().unwrap(), planned.clusters[1].latency_s.0);
            }
            SlotOutcome::Outage(Outage { reason, .. }) => {
                assert_eq!((&row[1], &row[2], &row[9]), ("outage", "", reason.as_str()))
            }
            _ => unreachable!("no other outcome is made up"),
        }
    }
    let nodes = rows("nodes.csv");
    assert_eq!(nodes.len(), 200 * 12);
    let energy: f64 = nodes.iter().map(|row| row[3].parse::<f64>().unwrap()).sum();
    let expected: f64 = record.slots.iter().flat_map(|slot| &slot.energy_j).map(|energy| energy.0).sum();
    assert!((energy - expected).abs() < 1e-9 * expected);
    let segments = rows("segments.csv");
    assert_eq!(segments.len(), planned_count * 10);
    assert_eq!(segments.iter().map(|row| row[3].parse::<u32>().unwrap()).sum::<u32>(), planned_count as u32 * 24);
}

#[test]
fn errors_name_the_path() {
    let record = record(&Made { slots: 2, ..Made::default() });
    let base = folder("report-folder-errors");
    let file = base.join("a-file");
    fs::write(&file, "").unwrap();
    let error = write_folder(&record, &file.join("below")).unwrap_err().to_string();
    assert!(error.starts_with("cannot create the folder ") && error.contains("a-file"), "{error}");
    fs::create_dir_all(base.join("slots.csv").join("taken")).unwrap();
    let error = write_folder(&record, &base).unwrap_err().to_string();
    assert!(error.contains("slots.csv: is a folder"), "{error}");
    assert!(fs::read_dir(&base).unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().ends_with(".part")));
}

/// A list that is too short is named, and nothing is written: no row or curve shows a 0 in its place.
#[test]
fn lists_that_do_not_fit_are_refused() {
    let whole = record(&Made { slots: 3, outage: 0.0, ..Made::default() });
    type Change = fn(&mut RunRecord);
    let shorten: [(&str, Change); 5] = [
        ("initial_queues", |record| record.initial_queues = vec![0.0]),
        ("slots[1].queues", |record| record.slots[1].queues.truncate(1)),
        ("slots[2].energy_j", |record| record.slots[2].energy_j.truncate(1)),
        ("slots[0].outcome.clusters", |record| {
            let SlotOutcome::Planned(planned) = &mut record.slots[0].outcome else { panic!("planned") };
            planned.clusters.pop();
        }),
        ("slots[0].outcome.clusters[1].sizes", |record| {
            let SlotOutcome::Planned(planned) = &mut record.slots[0].outcome else { panic!("planned") };
            planned.clusters[1].sizes.push(1);
        }),
    ];
    for (list, shorten) in shorten {
        let (mut broken, folder) = (whole.clone(), folder("report-folder-lists"));
        shorten(&mut broken);
        let error = write_folder(&broken, &folder).unwrap_err().to_string();
        assert!(error.contains(&format!("{list}: ")) && error.contains("must be"), "{error}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}
