//! What a run that is not kept holds in memory grows by a few bytes a slot.
//!
//! A program of its own: it counts by an allocator that every test beside it would have, too.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "run/synthetic.rs"]
#[allow(dead_code, reason = "made for other tests")]
mod synthetic;

use std::path::Path;

use collapipe::report::{Conflict, RunFolder};
use synthetic::{Made, record};

/// Slots before what does not grow has reached its size.
const FIRST: usize = 5_000;
const SLOTS: usize = 15_000;
/// A million slots are then within 128 MB.
const BYTES_PER_SLOT: u64 = 128;

#[test]
fn a_long_run_holds_a_few_bytes_a_slot() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("run-allocations");
    let _ = std::fs::remove_dir_all(&path);
    let slots = SLOTS as u64;
    let record = record(&Made { clusters: 1, devices: 3, slots, ..Made::default() });
    let folder = RunFolder::claim(&path, Conflict::Refuse).unwrap();
    let mut long = folder.begin(&record.without_slots()).unwrap().keep().unwrap();
    let (first, more) = record.slots.split_at(FIRST);
    first.iter().for_each(|slot| long.take(slot).unwrap());
    let held = allocation_counter::measure(|| more.iter().for_each(|slot| long.take(slot).unwrap()));
    let most = BYTES_PER_SLOT * more.len() as u64;
    assert!(held.bytes_max < most, "{} bytes at once for {} slots: at most {most}", held.bytes_max, more.len());
    // To end it takes no more than a page and its figures.
    let end = allocation_counter::measure(|| drop(long.finish().unwrap()));
    assert!(end.bytes_max < 40_000_000, "{} bytes to end a run of {SLOTS} slots", end.bytes_max);
    let kept = allocation_counter::measure(|| drop(more.to_vec()));
    assert!(kept.bytes_max > 5 * most, "slots that are kept take {} bytes", kept.bytes_max);
}
