//! Trace files as people have them: read right, or refused with the line, the column and what to do.

use std::path::PathBuf;

use collapipe::network::radio::{RateTrace, ReferenceLink, TraceFile, TraceFileError, TraceFormat, TraceGaps};
use collapipe::units::{Hertz, Seconds, Watts};

use crate::program::{code, run, stderr, stdout};
use crate::support::folder;

fn read_as(
    name: &str,
    text: impl AsRef<[u8]>,
    format: TraceFormat,
    gaps: TraceGaps,
) -> Result<TraceFile, TraceFileError> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("faults_traces");
    std::fs::create_dir_all(&folder).unwrap();
    // Tests run side by side: files of the same name must not be the same file.
    let own = folder.join(format!("{:?}", std::thread::current().id()).replace(['(', ')'], ""));
    std::fs::create_dir_all(&own).unwrap();
    let path = own.join(name);
    std::fs::write(&path, text).unwrap();
    TraceFile::read(&path, format, gaps)
}

fn read(name: &str, text: impl AsRef<[u8]>) -> Result<TraceFile, TraceFileError> {
    read_as(name, text, TraceFormat::Auto, TraceGaps::Refuse)
}

/// Rates at these times.
fn rates(trace: &RateTrace, times: &[f64]) -> Vec<f64> {
    times.iter().map(|time| trace.mbps_at(Seconds(*time))).collect()
}

#[test]
fn times_in_any_usual_column_and_step() {
    for header in [
        "second",
        "seconds",
        "time",
        "t",
        "time_s",
        "timestamp",
        "Time",
        "time [s]",
        "sec",
        "t_s",
        "Timestamp (s)",
        "elapsed_s",
        "seconds_since_start",
        "unix_time_s",
    ] {
        let file = read("log.csv", format!("{header},mbps\n0,40\n10,80\n20,20\n30,60\n")).unwrap();
        let [trace] = &file.traces[..] else { panic!("{header}: {file:?}") };
        assert_eq!(
            rates(trace, &[0.0, 10.0, 20.0, 30.0, 40.0, 9.99]),
            [40.0, 80.0, 20.0, 60.0, 40.0, 40.0],
            "{header}"
        );
        assert_eq!(trace.duration(), Seconds(40.0), "{header}");
        assert!(file.mapping.times.contains("in s"), "{header}: {}", file.mapping);
    }
    for header in ["time_ms", "ms", "milliseconds", "t (ms)", "timestamp_ms", "elapsed ms"] {
        let file = read("log.csv", format!("{header},mbps\n500,40\n750,80\n1000,20\n")).unwrap();
        assert_eq!(rates(&file.traces[0], &[0.0, 0.25, 0.3, 0.5, 0.75]), [40.0, 80.0, 80.0, 20.0, 40.0], "{header}");
        assert!(file.mapping.times.contains("in ms"), "{header}: {}", file.mapping);
    }
    // Clocks that count from 1970 need no unit in their name.
    for (start, step) in [(1_600_000_000.0, 1.0), (1_600_000_000_000.0, 1000.0)] {
        let rows: Vec<String> = (0..4).map(|k| format!("{},{k}", start + f64::from(k) * step)).collect();
        let file = read("epoch.csv", format!("timestamp,mbps\n{}\n", rows.join("\n"))).unwrap();
        assert_eq!(rates(&file.traces[0], &[0.0, 1.0, 2.0, 3.0]), [0.0, 1.0, 2.0, 3.0]);
    }
    // A clock that is a little off.
    let file = read("jitter.csv", "time_s,mbps\n0,1\n1.02,2\n1.97,3\n3.3,4\n").unwrap();
    assert_eq!(rates(&file.traces[0], &[0.5, 1.5, 2.0, 3.2, 3.3]), [1.0, 2.0, 3.0, 3.0, 4.0]);
    // Columns in another order, and notes that are left alone.
    let file = read("order.csv", "note,mbps,latitude,time_s,note_2\nx,5,44.9,2,y\n,6,44.8,4,z\n").unwrap();
    assert_eq!(rates(&file.traces[0], &[0.0, 2.0]), [5.0, 6.0]);
}

#[test]
fn rates_in_the_unit_of_their_name() {
    for (header, factor) in [
        ("mbps", 1.0),
        ("kbps", 1e-3),
        ("bps", 1e-6),
        ("Gbps", 1e3),
        ("throughput_mbps", 1.0),
        ("rate (Mbit/s)", 1.0),
        ("dl_kbps", 1e-3),
        ("DL bitrate [kbit/s]", 1e-3),
        ("mbit_per_s", 1.0),
        ("bits_per_second", 1e-6),
        ("Bandwidth (Mbps)", 1.0),
        ("tcp_throughput_mbits_per_sec", 1.0),
    ] {
        let file = read("rates.csv", format!("{header}\n2000\n1000\n")).unwrap();
        approx::assert_relative_eq!(file.traces[0].mbps()[0], 2000.0 * factor, max_relative = 1e-12);
    }
}

#[test]
fn columns_that_are_not_understood_are_refused_by_name() {
    for (text, words) in [
        ("secnds,mbps\n0,1\n", &["column secnds is not understood", "did you mean seconds?", "note_"][..]),
        ("frame,mbps\n0,1\n", &["column frame is not understood", "docs/radio.md"]),
        ("mbps,speed\n1,2\n", &["column speed is not understood"]),
        (",mbps\n0,1\n", &["a column without a name", "note_"]),
        ("time,rate\n0,1\n", &["column rate: unit of the rates unknown", "rate_mbps"]),
        ("throughput\n1\n", &["column throughput: unit", "throughput_mbps"]),
        ("time_s\n1\n", &["no column of rates among time_s", "mbps"]),
        ("MBps\n1\n", &["column MBps: rates in bytes", "multiply by 8"]),
        ("time_s,kB/s\n1,2\n", &["column kB/s: rates in bytes"]),
        ("bytes,time_s\n1,2\n", &["column bytes: rates in bytes"]),
        ("dl_mbps,ul_mbps\n1,2\n", &["columns dl_mbps, ul_mbps all hold rates", "keep one"]),
        ("time_s,time_ms,mbps\n1,2,3\n", &["columns time_s, time_ms all hold times"]),
        ("seq,time_s,mbps\n1,2,3\n", &["columns time_s and seq both say when"]),
        ("run,session,mbps\n1,2,3\n", &["columns run, session all hold numbers of runs"]),
        ("run,trace,mbps\n1,2,3\n", &["columns run and trace both tell traces apart"]),
        ("0,40\n1,80\n", &["2 columns without names", "time_s,mbps"]),
        ("1289406399 549 59.85 10.78 24529 1000\n", &["6 columns without names"]),
        ("a\u{1b}[31m,mbps\n1,2\n", &["column a\\u{1b}[31m is not understood"]),
    ] {
        let error = read("columns.csv", text).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{text:?}: {word:?} is not in {error}");
        }
        assert!(error.contains("columns.csv, line 1: ") && error.lines().count() == 1, "{error}");
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}

#[test]
fn numbers_that_are_none_are_refused_with_their_line() {
    for bad in [
        "NaN",
        "nan",
        "inf",
        "-1",
        "fast",
        "'5'",
        "\"1,234\"",
        "\"1,234.5\"",
        "1 234",
        "1'234",
        "1_234",
        "",
        "5 Mbit/s",
        "1e999",
        "0x10",
    ] {
        let error = read("numbers.csv", format!("time_s,mbps\n0,1\n1,{bad}\n")).unwrap_err().to_string();
        assert!(
            error.contains("numbers.csv, line 3: mbps = ") && error.contains("must be a finite number"),
            "{bad}: {error}"
        );
    }
    for bad in ["NaN", "2020-01-01 10:00:00", "12:30:01", "inf", ""] {
        let error = read("numbers.csv", format!("time_s,mbps\n0,1\n{bad},2\n")).unwrap_err().to_string();
        assert!(error.contains("numbers.csv, line 3: time_s = "), "{bad}: {error}");
    }
    // Decimal commas: behind commas they are two fields, behind semicolons one.
    for text in ["time_s,mbps\n0,1\n1,40,5\n", "mbps\n40,5\n80,25\n", "time_s;mbps\n0;1\n1;40,5\n"] {
        let error = read("commas.csv", text).unwrap_err().to_string();
        assert!(error.contains("comma") && error.contains("commas.csv, line "), "{text:?}: {error}");
    }
    let file = read("semicolons.csv", "time_s;mbps\n0;1.5\n2;40\n").unwrap();
    assert_eq!(rates(&file.traces[0], &[0.0, 2.0]), [1.5, 40.0]);
    let file = read("tabs.tsv", "time_s\tmbps\n0\t1.5\n2\t40\n").unwrap();
    assert_eq!(rates(&file.traces[0], &[0.0, 2.0]), [1.5, 40.0]);
    let long = read("long.csv", format!("mbps\n{}\n", "9".repeat(9000))).unwrap_err().to_string();
    assert!(long.chars().count() < 500 && long.contains("(9000 characters)"), "{long}");
}

#[test]
fn gaps_and_times_that_go_back() {
    for text in [
        "time_s,mbps\n0,1\n1,2\n2,3\n7,4\n",
        "time_ms,mbps\n0,1\n1000,2\n2000,3\n7000,4\n",
        "seq,mbps\n0,1\n1,2\n2,3\n7,4\n",
        "0 1\n1 2\n2 3\n7 4\n",
    ] {
        let error = read("gap.csv", text).unwrap_err().to_string();
        for word in ["line ", "must be about 3", "gaps = \"hold\"", "gaps = \"outage\""] {
            assert!(error.contains(word), "{text:?}: {word:?} is not in {error}");
        }
        let held = read_as("gap.csv", text, TraceFormat::Auto, TraceGaps::Hold).unwrap();
        assert_eq!(rates(&held.traces[0], &[0.0, 1.0, 2.0, 3.5, 6.9, 7.0, 8.0]), [1.0, 2.0, 3.0, 3.0, 3.0, 4.0, 1.0]);
        let out = read_as("gap.csv", text, TraceFormat::Auto, TraceGaps::Outage).unwrap();
        assert_eq!(rates(&out.traces[0], &[0.0, 1.0, 2.0, 3.5, 6.9, 7.0, 8.0]), [1.0, 2.0, 3.0, 0.0, 0.0, 4.0, 1.0]);
    }
    for text in ["time_s,mbps\n0,1\n5,2\n3,3\n", "time_s,mbps\n0,1\n1,2\n1,3\n", "seq,mbps\n1,1\n2,2\n1,3\n"] {
        for gaps in [TraceGaps::Refuse, TraceGaps::Hold, TraceGaps::Outage] {
            let error = read_as("back.csv", text, TraceFormat::Auto, gaps).unwrap_err().to_string();
            assert!(error.contains("line 4: ") && error.contains("a column run"), "{error}");
        }
    }
    // Without a unit, a thousand may be seconds or milliseconds.
    for text in ["time,mbps\n0,1\n1000,2\n2000,3\n", "0 1\n500 2\n1000 3\n", "t,mbps\n1e15,1\n2e15,2\n"] {
        let error = read("unit.csv", text).unwrap_err().to_string();
        assert!(error.contains("time_s or time_ms"), "{error}");
    }
}

#[test]
fn several_runs_are_several_traces() {
    for header in ["run", "run_num", "Run ID", "session"] {
        let file = read("walks.csv", format!("{header},time_s,mbps\n1,0,40\n1,1,80\n2,0,20\n2,1,60\n")).unwrap();
        let names: Vec<&str> = file.traces.iter().map(RateTrace::name).collect();
        assert_eq!(names, ["run_1", "run_2"], "{header}");
        assert_eq!(rates(&file.traces[1], &[0.0, 1.0]), [20.0, 60.0]);
        assert_eq!(file.mapping.runs, Some(format!("column {header}")));
    }
    let named = read("walks.csv", "trace,mbps\nmorning,1\nevening,3\nmorning,2\n").unwrap();
    assert_eq!(rates(RateTrace::find(&named.traces, "morning").unwrap(), &[0.0, 1.0]), [1.0, 2.0]);
    // A counter with a hole in the second run: refused, or two traces.
    let text = "run,seq,mbps\n1,0,40\n1,1,80\n2,0,20\n2,4,60\n";
    let error = read("holes.csv", text).unwrap_err().to_string();
    assert!(error.contains("line 5: seq = \"4\"") && error.contains("of run_2"), "{error}");
    assert_eq!(read_as("holes.csv", text, TraceFormat::Auto, TraceGaps::Hold).unwrap().traces.len(), 2);
    // Usual steps are those of the whole table: a run of two samples does not hide its gap.
    let text = "run,time_s,mbps\n1,0,40\n1,1,80\n1,2,80\n2,0,20\n2,4,60\n";
    assert!(read("holes.csv", text).is_err());
}

#[test]
fn lumos5g_as_published() {
    let header = "run_num,seq_num,abstractSignalStr,latitude,longitude,movingSpeed,compassDirection,nrStatus,lte_rssi,\
                  lte_rsrp,lte_rsrq,lte_rssnr,nr_ssRsrp,nr_ssRsrq,nr_ssSinr,Throughput,mobility_mode,\
                  trajectory_direction,tower_id";
    let row = |run: u32, seq: u32, mbps: f64, mode: &str, way: &str| {
        format!(
            "{run},{seq},2,44.975,-93.259,1.2,150,CONNECTED,-61,-93,-10,2147483647,-80,-11,12,{mbps},{mode},{way},2"
        )
    };
    let text = [
        header.to_owned(),
        row(1, 1, 120.5, "walking", "CW"),
        row(1, 2, 140.0, "walking", "CW"),
        row(2, 1, 90.0, "driving", "ACW"),
        row(2, 2, 80.0, "driving", "ACW"),
    ];
    let file = read("Lumos5G-v1.0.csv", text.join("\n")).unwrap();
    let names: Vec<&str> = file.traces.iter().map(RateTrace::name).collect();
    assert_eq!(names, ["run_1_walking_CW", "run_2_driving_ACW"]);
    assert_eq!(rates(&file.traces[0], &[0.0, 1.0, 2.0]), [120.5, 140.0, 120.5]);
    assert!(file.mapping.rates.contains("Throughput, in Mbit/s"), "{}", file.mapping);
    // A run number that comes back in another direction is another run, not time that goes back.
    let text = [header.to_owned(), row(1, 1, 1.0, "walking", "CW"), row(1, 1, 2.0, "walking", "ACW")];
    assert_eq!(read("Lumos5G-v1.0.csv", text.join("\n")).unwrap().traces.len(), 2);
    // Throughput of anybody else has no unit.
    assert!(read("other.csv", "time_s,Throughput\n0,1\n").is_err());
}

#[test]
fn mahimahi_and_columns_without_names() {
    // Three packets in the first second (the one at 1000 ms is its last), one in the second, a last half second with two.
    let text = "0\n500\n1000\n1001\n2500\n2500\n";
    let of_name = read("cell.down", text).unwrap();
    let of_option = read_as("cell.csv", text, TraceFormat::Mahimahi, TraceGaps::Refuse).unwrap();
    for file in [&of_name, &of_option] {
        let packet = 0.012;
        assert_eq!(file.traces[0].duration(), Seconds(2.5));
        let found = rates(&file.traces[0], &[0.0, 1.0, 2.0, 2.5]);
        for (rate, packets) in found.iter().zip([3.0, 1.0, 4.0, 3.0]) {
            approx::assert_relative_eq!(*rate, packets * packet, max_relative = 1e-12);
        }
    }
    // Long enough, it is known by itself; short, it may be either and is refused.
    let long: Vec<String> = (0..400).map(|k| (k * 5).to_string()).collect();
    let file = read("long.csv", long.join("\n")).unwrap();
    assert!(file.mapping.to_string().contains("Mahimahi"), "{}", file.mapping);
    let error = read("short.csv", text).unwrap_err().to_string();
    assert!(error.contains("format = \"mahimahi\"") && error.contains("mbps"), "{error}");
    for rates in ["5\n0\n2.5\n", "40\n40\n40\n", "7\n", "30\n20\n10\n", "0.5\n1.5\n"] {
        assert!(read("rates.csv", rates).unwrap().mapping.times.contains("one row per second"), "{rates:?}");
    }
    for bad in ["5\n4\n", "5\n-1\n", "1.5\n", "5\nx\n", "99999999999\n", "0\n0\n"] {
        let error = read("bad.up", bad).unwrap_err().to_string();
        assert!(error.contains("bad.up, line "), "{bad:?}: {error}");
    }
    // Times and rates separated by spaces, as many published traces are.
    for text in ["0.0 4.5\n1.0 3\n2.0 0\n", "0\t4.5\n1\t3\n2\t0\n", "  0  4.5\n 1   3\n\n 2 0\n"] {
        let file = read("pairs.log", text).unwrap();
        assert_eq!(rates(&file.traces[0], &[0.0, 1.0, 2.0, 3.0]), [4.5, 3.0, 0.0, 4.5]);
    }
    let file = read("named.log", "time_s mbps\n0 4.5\n1 3\n").unwrap();
    assert_eq!(rates(&file.traces[0], &[0.0, 1.0]), [4.5, 3.0]);
}

#[test]
fn files_without_rows_or_text_are_named() {
    for (name, text) in [
        ("empty.csv", &b""[..]),
        ("blank.csv", b"\n\n"),
        ("none.csv", b"mbps\n"),
        ("header.csv", b"time_s,mbps\n"),
        ("table.csv", b"trace,mbps_per_second\n"),
        ("lumos.csv", b"run_num,seq_num,Throughput,mobility_mode\n"),
        ("mark.csv", b"\xef\xbb\xbf"),
        ("commas.csv", b"time_s,mbps\n,\n,\n"),
    ] {
        let error = read(name, text).unwrap_err().to_string();
        assert!(error.contains(&format!("{name}: ")) && error.contains("holds no rate"), "{name}: {error}");
    }
    let error = read("binary.csv", b"mbps\n1\n\xff\xfe\n").unwrap_err().to_string();
    assert!(error.contains("binary.csv: line 3: ") && error.contains("UTF-8"), "{error}");
}

#[test]
fn marks_and_utf_16_are_read() {
    let text = "time_s,mbps\r\n0,5\r\n2,7.5\r\n";
    let utf16 = |unit: fn(u16) -> [u8; 2], mark: bool| {
        let text = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
        text.encode_utf16().flat_map(unit).collect::<Vec<u8>>()
    };
    for bytes in [
        text.as_bytes().to_vec(),
        format!("\u{feff}{text}").into_bytes(),
        utf16(u16::to_le_bytes, true),
        utf16(u16::to_be_bytes, true),
        utf16(u16::to_le_bytes, false),
        utf16(u16::to_be_bytes, false),
    ] {
        assert_eq!(rates(&read("marked.csv", bytes).unwrap().traces[0], &[0.0, 2.0]), [5.0, 7.5]);
    }
}

const SCENE: &str = r#"schema = "collapipe.scenario/1"
slots = 4
seed = 1
latency_weight = 1.0
[model]
preset = "bert-tiny"
[uplink]
bandwidth_hz = 100e6
[[plans]]
local_iterations = 1
micro_batches = 1
[channel.trace]
file = "trace.csv"
reference_band_hz = 100e6
reference_power_w = 0.1
seconds_per_slot = STEP
start_s = 0.0
[[clusters]]
name = "barn"
batch_size = 4
bandwidth_hz = 100e6
upload_bits = 0
[clusters.control_unit]
preset = "raspberry-pi-4"
[clusters.edge_server]
preset = "rtx-3090"
[[clusters.devices]]
name = "board"
preset = "raspberry-pi-4"
"#;

#[test]
fn the_program_says_how_rows_became_slots() {
    let folder = folder("faults_traces_program");
    std::fs::write(folder.join("scene.toml"), SCENE.replace("STEP", "10.0")).unwrap();
    std::fs::write(folder.join("trace.csv"), "seconds,mbps\n0,40\n10,80\n20,20\n30,60\n").unwrap();
    let scene = folder.join("scene.toml");
    let scene = scene.to_str().unwrap();
    let reference = ReferenceLink::new(Hertz(100e6), Watts(0.1)).unwrap();
    for (slot, mbps) in [(0, 40.0), (1, 80.0), (2, 20.0), (3, 60.0)] {
        let output = run(&["problem", scene, "--slot", &slot.to_string()]);
        let problem: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        let gain = problem["clusters"][0]["gain_to_noise_hz_per_w"][0][1].as_f64().unwrap();
        approx::assert_relative_eq!(reference.mbps_for(gain), mbps, max_relative = 1e-9);
        let note = stderr(&output);
        assert_eq!(note.lines().count(), 1, "{note}");
        for word in [
            "note: ",
            "4 rows read as 1 trace",
            "column mbps, in Mbit/s",
            "column seconds, in s",
            "40 s are 4 slots of 10 s",
        ] {
            assert!(note.contains(word), "{word:?} is not in {note}");
        }
    }
    // A sweep builds the scenario many times and says it once.
    let out = folder.join("sweep");
    let output = run(&["tradeoff", scene, "--v", "0.5,1,2", "--slots", "2", "--out", out.to_str().unwrap()]);
    assert_eq!((code(&output), stderr(&output).matches("4 rows read").count()), (0, 1), "{}", stderr(&output));
    std::fs::write(folder.join("scene.toml"), SCENE.replace("STEP", "20.0")).unwrap();
    let note = stderr(&run(&["problem", scene, "--slot", "0"]));
    assert!(note.contains("2 slots of 20 s, the run has 4: a trace starts over at its end"), "{note}");
}

/// Every fenced block after a line `Example, NAME:` in docs/radio.md is read as a file of that name.
#[test]
fn examples_of_the_documentation_are_read() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/radio.md")).unwrap();
    let mut read_so_far = 0;
    let mut rest = text.as_str();
    while let Some(start) = rest.find("\nExample, `") {
        rest = &rest[start + "\nExample, `".len()..];
        let (name, behind) = rest.split_once('`').unwrap();
        let (_, behind) = behind.split_once("```text\n").unwrap();
        let (example, behind) = behind.split_once("```").unwrap();
        let file = read(name, example).unwrap_or_else(|error| panic!("{error}"));
        assert!(file.traces.iter().all(|trace| trace.mbps().iter().any(|rate| *rate > 0.0)), "{name}");
        read_so_far += 1;
        rest = behind;
    }
    assert!(read_so_far >= 6, "{read_so_far} examples");
}
