//! `collapipe calibrate`: numbers come back from timings made of them, what cannot be told is named, measured training.

use std::fmt::Write;
use std::fs;

use collapipe::calibration::{CalibrationSpec, Quantity, Timing, Work, calibrate};
use collapipe::problem::NodeId;
use collapipe::scenario::ScenarioFile;
use collapipe::schedule::{Durations, Schedule, ScheduleKind, Sending, Timeline};
use serde_json::Value;

use crate::program::{code, refused, run, stderr, stdout};
use crate::support::scenario::changed;
use crate::support::{folder, shared};

const DEVICES: [&str; 3] = ["nano", "pi", "phone"];
/// s of each device; o, q, c, ℓ, h.
const SECONDS: [f64; 3] = [2e-3, 5e-3, 3e-3];
const REST: [f64; 5] = [4e-3, 1e-3, 2e-8, 0.03, 5e-3];
const BYTES: f64 = 4e5;

/// Uniform in [-1, 1], always the same ones.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// Seconds of a row, written down a second time: β = 2/3, sends block.
fn seconds(devices: &[usize], blocks: &[u32], samples: f64, micro_batches: u32, schedule: ScheduleKind) -> f64 {
    let [stage, block, per_byte, latency, overhead] = REST;
    let time = |share: f64| -> Vec<f64> {
        let of = devices.iter().zip(blocks);
        of.map(|(&k, &d)| stage + f64::from(d) * (block + share * samples * SECONDS[k])).collect()
    };
    let links = devices.len() - 1;
    let durations = Durations {
        forward: time(1.0 / 3.0),
        backward: time(2.0 / 3.0),
        forward_link: vec![overhead + per_byte * samples * BYTES; links],
        backward_link: vec![overhead + per_byte * samples * BYTES; links],
        forward_latency: vec![latency; links],
        backward_latency: vec![latency; links],
        ..Durations::default()
    };
    let schedule = Schedule::of(schedule, devices.len(), micro_batches).unwrap();
    Timeline::new(&schedule, Sending::Blocking).unwrap().run(&durations).unwrap()
}

/// Forty rows of everything, each off by at most this share.
fn rows(noise: f64, same_samples: bool) -> Vec<Timing> {
    let (mut random, mut rows) = (Noise(7), Vec::new());
    let pipelines: [(&[usize], &[u32]); 8] = [
        (&[0], &[6]),
        (&[1], &[3]),
        (&[2], &[9]),
        (&[0, 1], &[5, 2]),
        (&[1, 2], &[2, 6]),
        (&[0, 1, 2], &[4, 1, 3]),
        (&[2, 0, 1], &[2, 7, 2]),
        (&[2, 0], &[1, 1]),
    ];
    for (i, (devices, blocks)) in pipelines.iter().enumerate() {
        for (j, micro_batches) in [1, 2, 4, 8, 16].into_iter().enumerate() {
            let samples = if same_samples { 4.0 } else { [1.0, 2.0, 8.0, 4.0, 16.0][(i + j) % 5] };
            let schedule = [ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward][(i + j) % 2];
            let exact = seconds(devices, blocks, samples, micro_batches, schedule);
            rows.push(Timing {
                work: Work::Blocks {
                    devices: devices.iter().map(|&k| DEVICES[k].into()).collect(),
                    blocks: blocks.to_vec(),
                    samples,
                },
                micro_batches,
                schedule,
                replicas: 1,
                seconds: exact * (1.0 + noise * random.next()),
            });
        }
    }
    rows
}

const FITTED: [Quantity; 6] = [
    Quantity::BlockSeconds,
    Quantity::StageOverhead,
    Quantity::BlockOverhead,
    Quantity::LinkSecondsPerByte,
    Quantity::HopLatency,
    Quantity::HopOverhead,
];

fn spec(rows: Vec<Timing>) -> CalibrationSpec {
    CalibrationSpec {
        rows,
        sending: Sending::Blocking,
        boundary_bytes_per_sample: BYTES,
        fit: FITTED.to_vec(),
        ..CalibrationSpec::default()
    }
}

fn truth() -> Vec<f64> {
    SECONDS.into_iter().chain(REST).collect()
}

#[test]
fn exact_timings_give_the_numbers_they_were_made_of() {
    let found = calibrate(&spec(rows(0.0, false))).unwrap();
    assert!(found.unidentified.is_empty(), "{:?}", found.unidentified);
    let order = found.estimates.iter().map(|estimate| estimate.name()).collect::<Vec<_>>();
    assert_eq!(order[..4], ["block-seconds[nano]", "block-seconds[pi]", "block-seconds[phone]", "stage-overhead"]);
    for (estimate, truth) in found.estimates.iter().zip(truth()) {
        assert!((estimate.value / truth - 1.0).abs() < 1e-3, "{}: {} not {truth}", estimate.name(), estimate.value);
    }
    assert!(found.mean_error < 1e-5 && found.leave_one_out_error.unwrap() < 1e-4);
}

#[test]
fn noisy_timings_give_them_within_the_noise_and_outliers_do_not_matter() {
    let mut rows = rows(0.01, false);
    for outliers in [false, true] {
        if outliers {
            rows[17].seconds *= 2.0;
            rows[31].seconds *= 0.6;
        }
        let found = calibrate(&spec(rows.clone())).unwrap();
        let mut inside = 0;
        for (estimate, truth) in found.estimates.iter().zip(truth()) {
            let [low, high] = estimate.interval.unwrap();
            inside += usize::from((low..=high).contains(&truth));
            if estimate.quantity == Quantity::BlockSeconds {
                assert!(
                    (estimate.value / truth - 1.0).abs() < 0.03,
                    "{}: {} not {truth}",
                    estimate.name(),
                    estimate.value
                );
            }
        }
        assert!(inside >= 6, "{inside} of 8 intervals: {:?}", found.estimates);
        let heavy = found.rows.iter().filter(|row| row.weight < 0.1).count();
        assert_eq!(heavy, if outliers { 2 } else { 0 });
    }
}

#[test]
fn what_the_data_do_not_tell_is_named() {
    // Always four samples: a block's overhead is as good as its seconds, where both phases have the same share of them.
    let found = calibrate(&CalibrationSpec { backward_share: 0.5, ..spec(rows(0.0, true)) }).unwrap();
    let named: Vec<&String> = found.unidentified.iter().flat_map(|direction| &direction.names).collect();
    assert!(named.iter().any(|name| *name == "block-overhead"), "{:?}", found.unidentified);
    assert!(named.iter().any(|name| *name == "block-seconds[pi]"), "{:?}", found.unidentified);
    assert!(!named.iter().any(|name| *name == "stage-overhead" || *name == "hop-latency"), "{named:?}");
    let overhead = found.estimates.iter().find(|estimate| estimate.quantity == Quantity::BlockOverhead).unwrap();
    assert!(overhead.interval.is_none());
    // With the one given, the others are found.
    let mut given = spec(rows(0.0, true));
    given.fit.retain(|quantity| *quantity != Quantity::BlockOverhead);
    given.fixed.insert(Quantity::BlockOverhead, REST[1]);
    // Bytes are always the same, too: their seconds are an overhead.
    given.fit.retain(|quantity| *quantity != Quantity::HopOverhead);
    given.fixed.insert(Quantity::HopOverhead, REST[4]);
    let found = calibrate(&given).unwrap();
    assert!(found.unidentified.is_empty(), "{:?}", found.unidentified);
    assert!((found.estimates[1].value / SECONDS[1] - 1.0).abs() < 1e-4);
    // A link that blocks its sender, and staging that does.
    let mut both = spec(rows(0.0, false));
    both.fit.push(Quantity::StagingSecondsPerByte);
    let found = calibrate(&both).unwrap();
    let names = ["link-seconds-per-byte", "staging-seconds-per-byte"];
    assert!(found.unidentified.iter().any(|direction| direction.names == names), "{:?}", found.unidentified);
    // What no row has.
    let mut none = spec(rows(0.0, false));
    none.fit = vec![Quantity::BlockSeconds, Quantity::StagingFactor];
    let found = calibrate(&none).unwrap();
    assert!(found.unidentified.iter().any(|direction| direction.names == ["staging-factor"]));
}

fn csv(rows: &[Timing]) -> String {
    let mut text = String::from("devices,blocks,samples,micro_batches,schedule,seconds\n");
    for row in rows {
        let Work::Blocks { devices, blocks, samples } = &row.work else { panic!() };
        let blocks: Vec<String> = blocks.iter().map(ToString::to_string).collect();
        let (devices, blocks) = (devices.join(" "), blocks.join(" "));
        let _ = writeln!(text, "{devices},{blocks},{samples},{},{},{:?}", row.micro_batches, row.schedule, row.seconds);
    }
    text
}

#[test]
fn a_scenario_names_what_was_written() {
    let place = folder("calibrate");
    let (timings, boards) = (place.join("timings.csv"), place.join("boards.toml"));
    fs::write(&timings, csv(&rows(0.0, false))).unwrap();
    let fit = FITTED.map(Quantity::name).join(",");
    let arguments = [
        "calibrate",
        timings.to_str().unwrap(),
        "--sending",
        "blocking",
        "--boundary-bytes",
        "4e5",
        "--forward-flops",
        "1e9",
        "--backward-flops",
        "2e9",
        "--fit",
        &fit,
        "--out",
        boards.to_str().unwrap(),
    ];
    let output = run(&arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let table = stdout(&output);
    for words in ["block-seconds[phone]", "95 % interval", "40 rows, mean error 0.0 %, of rows left out 0.0 %"] {
        assert!(table.contains(words), "{words} is not in {table}");
    }
    // Not over a file unasked.
    refused(&run(&arguments), &["boards.toml", "is there already"]);
    let json = run(&[&arguments[..], &["--overwrite", "--format", "json"]].concat());
    let json: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert!((json["estimates"][1]["value"].as_f64().unwrap() / 5e-3 - 1.0).abs() < 1e-3);
    let text = changed(
        "preset = \"phone-note10\"",
        "preset = \"phone-note10\"\ncalibrated = { file = \"boards.toml\", name = \"phone\" }\nblock_overhead_s = 0.5",
    );
    let scenario = ScenarioFile::parse(&text, &place).unwrap().build().unwrap();
    let problem = scenario.sampler().next_slot().problem(|_| 0.0).unwrap().problem;
    let phone = &problem.clusters[0].devices[1];
    assert!((phone.forward_flops_per_second.0 / (1e9 / 1e-3) - 1.0).abs() < 1e-3);
    assert!((phone.backward_flops_per_second.0 / (2e9 / 2e-3) - 1.0).abs() < 1e-3);
    assert!((phone.stage_overhead_s.0 / REST[0] - 1.0).abs() < 1e-2);
    assert_eq!(phone.block_overhead_s.0, 0.5);
    let wrong = text.replace("name = \"phone\" }", "name = \"phnoe\" }");
    let error = ScenarioFile::parse(&wrong, &place).unwrap().build().unwrap_err().to_string();
    assert!(
        error.contains("devices[1].calibrated.name = \"phnoe\": must be the name of a device in boards.toml"),
        "{error}"
    );
    // The link: what a scenario's link says itself comes first.
    let first = "latency_s = 0.25\ncalibrated = \"boards.toml\"";
    let with_link = |link: &str| format!("{text}\n[[clusters.links]]\n{link}\n");
    let linked = |link: &str| ScenarioFile::parse(&with_link(link), &place).unwrap().build();
    let problem = linked(first).unwrap().sampler().next_slot().problem(|_| 0.0).unwrap().problem;
    let cluster = problem.clusters.last().unwrap();
    let (from, to) = (NodeId(0), NodeId(1));
    assert!((cluster.fixed_links[0].bits_per_second.0 * REST[2] / 8.0 - 1.0).abs() < 1e-2, "{:?}", cluster.fixed_links);
    assert!((cluster.hop_overhead_s.get(from, to).0 / REST[4] - 1.0).abs() < 1e-2);
    assert_eq!(cluster.hop_latency_s.get(from, to).0, 0.25);
    assert!(cluster.staging_s_per_byte.is_zero());
    // The same timings told as staging: bytes keep the sender busy either way.
    let fit = fit.replace("link-seconds-per-byte", "staging-seconds-per-byte");
    let mut arguments = arguments.to_vec();
    arguments[11] = &fit;
    arguments.push("--overwrite");
    assert_eq!(code(&run(&arguments)), 0);
    let problem = linked("bits_per_second = 1e12\ncalibrated = \"boards.toml\"").unwrap();
    let problem = problem.sampler().next_slot().problem(|_| 0.0).unwrap().problem;
    let staging = problem.clusters.last().unwrap().staging_s_per_byte.get(from, to).0;
    assert!((staging / REST[2] - 1.0).abs() < 1e-2, "{staging:e}");
    let error = linked("calibrated = \"boards.toml\"").unwrap_err().to_string();
    assert!(error.contains("links[0].bits_per_second = (missing): must be given, or"), "{error}");
}

#[test]
fn bad_timings_are_refused_by_line_and_column() {
    let place = folder("calibrate-bad");
    let good = "devices,blocks,samples,micro_batches,seconds\nnano pi,8 4,2,4,3.25\n";
    let cases = [
        ("", "no rows of timings"),
        ("devices,blocks,samples,micro_batches\nnano,8,2,4\n", "no column seconds"),
        (&good.replace("devices", "boards"), "column boards: must be one of devices"),
        (&good.replace("8 4", "8 x"), "line 2: blocks = \"8 x\": must be whole numbers"),
        (&good.replace("8 4", "8"), "rows[0].blocks = a list of 1: must be a list of 2"),
        (&good.replace("3.25", "-1"), "rows[0].seconds = -1.0"),
        (&good.replace("3.25", "NaN"), "rows[0].seconds = NaN"),
        (&good.replace(",4,3.25", ",0,3.25"), "rows[0].micro_batches = 0"),
        (&good.replace(",4,3.25", ",4000000000,3.25"), "rows[0].micro_batches = 4000000000: must be at most 500000"),
        (&good.replace("3.25", ""), "line 2: seconds = \"\": must be given"),
    ];
    let file = place.join("timings.csv");
    for (text, message) in cases {
        fs::write(&file, text).unwrap();
        refused(&run(&["calibrate", file.to_str().unwrap()]), &[message]);
    }
    fs::write(&file, good).unwrap();
    let path = file.to_str().unwrap();
    refused(&run(&["calibrate", path, "--out", "x.toml"]), &["--out", "--model"]);
    for (option, value, words) in
        [("--fit", "hop-latncy", "did you mean hop-latency?"), ("--fixed", "hop-latency=-1", "finite number >= 0")]
    {
        let output = run(&["calibrate", path, option, value]);
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    refused(
        &run(&["calibrate", path, "--fixed", "hop-latency=1"]),
        &["fixed.hop-latency", "left out where it is fitted"],
    );
}

#[test]
fn measured_training_is_explained_by_two_numbers() {
    let Some(file) = shared("checks/sailor_measured_iterations.json") else { return };
    let data: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut text = String::from("stage_seconds,send_seconds,micro_batches,replicas,seconds\n");
    for row in data["rows"].as_array().unwrap() {
        let list = |name: &str| {
            let list = row[name].as_array().unwrap().iter();
            list.map(|value| value.as_f64().unwrap().to_string()).collect::<Vec<_>>().join(" ")
        };
        let (computing, sending) = (list("comp"), list("comm"));
        let _ = writeln!(text, "{computing},{sending},{},{},{}", row["micro"], row["dp"], row["real_s"]);
    }
    let place = folder("calibrate-sailor");
    let path = place.join("sailor.csv");
    fs::write(&path, &text).unwrap();
    let errors = |fit: &str, fixed: &[&str]| {
        let arguments =
            ["calibrate", path.to_str().unwrap(), "--sending", "blocking", "--format", "json", "--fit", fit];
        let output = run(&[&arguments[..], fixed].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let of = |name: &str| json[name].as_f64().unwrap();
        println!(
            "{fit} {fixed:?}: {:.4}, of rows left out {:.4}, {}",
            of("mean_error"),
            of("leave_one_out_error"),
            json["estimates"]
        );
        (of("mean_error"), of("leave_one_out_error"))
    };
    errors("staging-factor", &[]);
    let (mean, left_out) = errors("staging-factor,iteration-overhead", &[]);
    assert!(mean < 0.035 && left_out < 0.044, "{mean} {left_out}");
    // Sailor's own predictions are worse.
    let own = data["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["sailor_s"].as_f64().unwrap() / row["real_s"].as_f64().unwrap() - 1.0).abs());
    let own = own.sum::<f64>() / 14.0;
    println!("Sailor: {own:.4}");
    assert!(own > 2.0 * left_out);
}
