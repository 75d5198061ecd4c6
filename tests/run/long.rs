//! Runs whose slots are not kept: the same files, and nothing lost when the program is killed.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::path::Path;

use collapipe::report::{Conflict, RunFolder, RunTally, summary, write_folder};
use collapipe::simulation::{RecordLinesError, RecordReader, RecordWriter, Run, RunRecord, SlotRecord};
use collapipe::solver::Settings;

use crate::support::folder;
use crate::support::scenario::{changed, read};
use crate::synthetic::{Made, record};

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

/// Writes a record as if its slots came one by one.
fn write_long(record: &RunRecord, path: &Path) {
    let folder = RunFolder::claim(path, Conflict::Refuse).unwrap();
    let mut long = folder.begin(&record.without_slots()).unwrap().keep().unwrap();
    record.slots.iter().for_each(|slot| long.take(slot).unwrap());
    assert_eq!(long.summary(), summary(record));
    long.finish().unwrap();
}

fn by_lines(bytes: &[u8]) -> RecordReader<BufReader<&[u8]>> {
    RecordReader::new(BufReader::new(bytes)).unwrap()
}

/// An odd number of rounds has one of median latency.
fn odd(slots: u64) -> RunRecord {
    let made = (slots..).map(|slots| record(&Made { slots, ..Made::default() }));
    made.into_iter().find(|record| record.planned_slots().count() % 2 == 1).unwrap()
}

#[test]
fn the_files_are_those_of_a_run_that_is_kept() {
    let record = odd(97);
    let [kept, long] = ["long-run-kept", "long-run-streamed"].map(folder);
    write_folder(&record, &kept).unwrap();
    write_long(&record, &long);
    let (kept, mut long) = (files(&kept), files(&long));
    let of_long = long.get_mut("record.json").unwrap();
    let read: RunRecord = serde_json::from_slice(of_long).unwrap();
    assert_eq!(read, record);
    let mut reader = by_lines(of_long);
    assert_eq!(reader.by_ref().map(Result::unwrap).collect::<Vec<_>>(), record.slots);
    assert!(reader.is_whole());
    // But for where its lines end, it is the same text.
    of_long.retain(|byte| *byte != b'\n');
    assert_eq!(kept.keys().collect::<Vec<_>>(), long.keys().collect::<Vec<_>>());
    for (name, content) in &kept {
        assert!(content == &long[name], "{name} differs");
    }
}

#[test]
fn figures_and_page_of_many_slots_are_small_and_tables_are_whole() {
    let record = odd(3001);
    let [kept, long] = ["long-many-kept", "long-many-streamed"].map(folder);
    write_folder(&record, &kept).unwrap();
    write_long(&record, &long);
    let (kept, long) = (files(&kept), files(&long));
    for (name, content) in &kept {
        let size = long[name].len();
        match name.rsplit_once('.').unwrap().1 {
            "csv" => assert!(content == &long[name], "{name} differs"),
            "svg" => assert!(size < 250_000, "{name}: {size} bytes"),
            "html" => assert!(size < 1_500_000, "{name}: {size} bytes"),
            _ => {}
        }
    }
    assert_eq!(kept["summary.json"], long["summary.json"]);
    let text = |name: &str| String::from_utf8(long[name].clone()).unwrap();
    let planned = record.planned_slots().count();
    assert!(text("latency.svg").contains("One point for every 4 slots"), "{}", text("latency.svg"));
    assert!(text("latency.svg").contains(&format!("{} slots without a round", 3001.max(record.slots.len()) - planned)));
}

/// A file that ends anywhere holds the slots whose lines are whole; what is no slot is named by its line.
#[test]
fn a_record_that_ends_early_has_its_whole_slots() {
    let record = record(&Made { slots: 4, ..Made::default() });
    let mut writer = RecordWriter::new(&record, Vec::new()).unwrap();
    record.slots.iter().for_each(|slot| writer.slot(slot).unwrap());
    let text = writer.finish().unwrap();
    let ends: Vec<usize> = (0..text.len()).filter(|place| text[*place] == b'\n').map(|place| place + 1).collect();
    assert_eq!(ends.len(), 6);
    for end in ends[0]..=text.len() {
        let mut reader = by_lines(&text[..end]);
        assert_eq!(*reader.head(), record.without_slots());
        let slots: Vec<SlotRecord> = reader.by_ref().map(Result::unwrap).collect();
        let whole = ends[1..5].iter().filter(|line| **line <= end).count();
        assert_eq!(slots, record.slots[..whole]);
        assert_eq!(reader.is_whole(), end == text.len());
    }
    let head = RecordReader::new(&text[..100]).unwrap_err();
    assert!(matches!(head, RecordLinesError::Head(_)) && head.to_string().contains("line 1"), "{head}");
    let one_line = serde_json::to_vec(&record).unwrap();
    let whole = RecordReader::new(one_line.as_slice()).unwrap_err().to_string();
    assert!(whole.contains("read the file as a whole"), "{whole}");
    let damaged = String::from_utf8(text.clone()).unwrap().replacen("\"energy_j\"", "\"energy\"", 1);
    let error = by_lines(damaged.as_bytes()).find_map(Result::err).unwrap().to_string();
    assert!(error.starts_with("line 2: is not a slot of a record: unknown field `energy`"), "{error}");
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let swapped = [lines[0], lines[1], lines[3]].concat();
    let error = by_lines(&swapped).find_map(Result::err).unwrap().to_string();
    assert_eq!(error, "line 3: slot 2: must be 1, the next one");
}

/// A run that is killed goes on where it was: the slots before are those of the run, those after are as good as without a break.
#[test]
fn a_run_that_is_killed_goes_on() {
    let scenario = read(&changed("slots = 20", "slots = 30")).unwrap();
    let play = || Run::new(&scenario, Settings::default()).unwrap();
    let mut run = play();
    let slots: Vec<SlotRecord> = run.by_ref().map(Result::unwrap).collect();
    let unbroken = run.record(slots);
    let head = unbroken.without_slots();
    let path = folder("long-run-killed");
    let claim = || RunFolder::claim(&path, Conflict::Refuse).unwrap();
    for (killed_after, left) in [(12, 0), (17, 12)] {
        let folder = claim();
        let mut run = play();
        let earlier = folder.unfinished(&head).unwrap();
        let mut long = folder.begin(&head).unwrap();
        for slot in earlier.into_iter().flatten().map(Result::unwrap) {
            run.resume(&slot).unwrap();
            long.take(&slot).unwrap();
        }
        assert_eq!(run.played(), left);
        let mut long = long.keep().unwrap();
        while run.played() < killed_after {
            long.take(&run.next().unwrap().unwrap()).unwrap();
        }
    }
    assert_eq!(files(&path).keys().collect::<Vec<_>>(), ["record.unfinished.json"]);
    // What is left of another run is not overwritten.
    let mut other = head.clone();
    other.provenance.seed += 1;
    let refused = claim().unfinished(&other).unwrap_err().to_string();
    assert!(refused.contains("record.unfinished.json: is what another run left when it was killed"), "{refused}");
    let forced = RunFolder::claim(&path, Conflict::Overwrite).unwrap();
    assert!(forced.unfinished(&other).unwrap().is_none());
    let folder = claim();
    let mut run = play();
    let mut long = folder.begin(&head).unwrap();
    for slot in folder.unfinished(&head).unwrap().into_iter().flatten().map(Result::unwrap) {
        run.resume(&slot).unwrap();
        long.take(&slot).unwrap();
    }
    assert_eq!(run.played(), 17);
    // It is the next one that goes on, and no other.
    let error = run.resume(&unbroken.slots[16]).unwrap_err().to_string();
    assert!(error.contains("slot 17 is not that of this run by its number"), "{error}");
    let mut long = long.keep().unwrap();
    run.by_ref().for_each(|slot| long.take(&slot.unwrap()).unwrap());
    let written = long.finish().unwrap();
    assert_eq!(written.len(), 14);
    let resumed: RunRecord = serde_json::from_slice(&fs::read(path.join("record.json")).unwrap()).unwrap();
    assert_eq!(resumed.without_slots(), head);
    assert!(resumed.slots[..12] == unbroken.slots[..12], "the slots that were played before the first break");
    assert_eq!(resumed.slots.len(), 30);
    resumed.history().unwrap();
    let tolerance = Settings::default().gap;
    assert!(resumed.planned_slots().all(|(_, round)| round.gap.unwrap() <= tolerance));
    // A record of all slots is not gone on with, one that was ended early is.
    assert!(claim().unfinished(&head).unwrap().is_none());
    let mut writer = RecordWriter::new(&head, Vec::new()).unwrap();
    unbroken.slots[..5].iter().for_each(|slot| writer.slot(slot).unwrap());
    fs::write(path.join("record.json"), writer.finish().unwrap()).unwrap();
    assert_eq!(claim().unfinished(&head).unwrap().unwrap().count(), 5);
}

/// A tampered slot takes the certificates with it, as in a whole record.
#[test]
fn what_is_no_drift_plus_penalty_run_is_not_certified() {
    let mut record = record(&Made { slots: 20, ..Made::default() });
    record.slots[7].queues[0] += 1.0;
    let mut tally = RunTally::new(record.without_slots()).unwrap();
    record.slots.iter().for_each(|slot| tally.take(slot));
    assert!(tally.broken().unwrap().to_string().contains("slot 7"), "{:?}", tally.broken());
    assert_eq!(tally.summary(), summary(&record));
}
