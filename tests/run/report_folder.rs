//! The output folder: whole files, tidy tables, errors that name the path.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use collapipe::report::write_folder;
use collapipe::schedule::{Schedule, Timeline};
use collapipe::simulation::{Outage, Run, RunRecord, SlotOutcome};
use collapipe::solver::Settings;
use collapipe::{Blame, Blamed as _};

use crate::support::folder;
use crate::support::scenario::{changed, read};
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
        assert_eq!(found.len(), 14);
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

/// What tables say of messages and memory, against what the rounds' own sums say.
#[test]
fn messages_take_the_time_that_rounds_do() {
    let scenario = read(&changed("slots = 20", "slots = 10")).unwrap();
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let slots = run.by_ref().map(Result::unwrap).collect();
    let record = run.record(slots);
    let folder = folder("report-folder-messages");
    write_folder(&record, &folder).unwrap();
    let rows = |name: &str| -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(folder.join(name)).unwrap();
        reader.deserialize().map(Result::unwrap).collect()
    };
    let number = |row: &BTreeMap<String, String>, column: &str| row[column].parse::<f64>().unwrap();
    let (rounds, radio, memory) = (rows("rounds.csv"), rows("radio.csv"), rows("memory.csv"));
    assert_eq!(rounds.len(), record.planned_slots().count());
    assert!(rounds.len() >= 8 && radio.len() > 4 * rounds.len() && memory.len() >= rounds.len());
    for (round, (slot, planned)) in rounds.iter().zip(record.planned_slots()) {
        let parts = ["fixed_s", "distribution_s", "forward_s", "backward_s", "collection_s", "upload_s"];
        let sum: f64 = parts.iter().map(|part| number(round, part)).sum();
        assert!((sum / number(round, "latency_s") - 1.0).abs() < 1e-12);
        let sent = || radio.iter().filter(|row| row["slot"] == slot.to_string());
        // One after the other, without overheads in this scenario.
        for part in ["distribution", "collection", "upload"] {
            let air: f64 = sent().filter(|row| row["part"] == part).map(|row| number(row, "air_s")).sum();
            assert!((air - number(round, &format!("{part}_s"))).abs() < 1e-12 * number(round, "latency_s"), "{part}");
        }
        // A message is as large on every hop, forward and backward, by its rate and its time.
        let bits: Vec<f64> = sent()
            .filter(|row| ["forward", "backward"].contains(&row["part"].as_str()))
            .map(|row| number(row, "bits_per_second") * number(row, "air_s"))
            .collect();
        assert!(bits.len() >= 2 && bits.iter().all(|of| (of / bits[0] - 1.0).abs() < 1e-9), "{bits:?}");
        // I batches, event by event, take the time of forward and backward work.
        let cluster = &planned.clusters[0];
        let (plan, pipeline) = (&record.plans[planned.plan], cluster.pipeline.as_ref().unwrap());
        let schedule = Schedule::of(plan.schedule, pipeline.stages.len(), plan.micro_batches).unwrap();
        let makespan = Timeline::new(&schedule, pipeline.sending).unwrap().run(&pipeline.durations).unwrap();
        let work = number(round, "forward_s") + number(round, "backward_s");
        assert!((f64::from(plan.local_iterations) * makespan / work - 1.0).abs() < 1e-9);
    }
    for row in &memory {
        assert!(number(row, "memory_bytes") > 0.0 && number(row, "memory_bytes") <= number(row, "limit_bytes"));
        assert!(row["device"].starts_with("desk/"), "{row:?}");
    }
    let ends: BTreeSet<&str> = radio.iter().flat_map(|row| [row["from"].as_str(), row["to"].as_str()]).collect();
    assert!(ends.contains("edge-server") && ends.contains("desk/control-unit"), "{ends:?}");
    // Every table has the columns that its documentation names.
    let documented = include_str!("../../docs/files.md");
    for name in ["slots", "nodes", "segments", "rounds", "radio", "memory"] {
        // From where the table begins to where the next one does.
        let (_, begun) = documented.split_once(&format!("\n`{name}.csv`, a row per ")).unwrap();
        let table = begun.split_once(".csv`, a row per ").map_or(begun, |(table, _)| table);
        let header = fs::read_to_string(folder.join(format!("{name}.csv"))).unwrap();
        let columns = header.lines().next().unwrap().split(',').filter(|column| !column.contains(':'));
        columns.for_each(|column| assert!(table.contains(&format!("`{column}`")), "{column} in {table}"));
    }
}

#[test]
fn errors_name_the_path() {
    let record = record(&Made { slots: 2, ..Made::default() });
    let base = folder("report-folder-errors");
    let file = base.join("a-file");
    fs::write(&file, "").unwrap();
    let error = write_folder(&record, &file.join("below")).unwrap_err().to_string();
    assert!(error.starts_with("cannot create the folder ") && error.contains("a-file"), "{error}");
    let error = write_folder(&record, &file).unwrap_err();
    assert_eq!((error.blame(), error.to_string().contains("a-file")), (Blame::Input, true), "{error}");
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
