//! Traces: inverting rates, reading files, and an error for every kind of bad one.

use approx::assert_relative_eq;
use collapipe::network::radio::{
    Channel, ChannelError, RateTrace, ReferenceLink, TraceChannel, TraceError, TraceFormat, TraceGaps,
};
use collapipe::units::{Hertz, Seconds, Watts};
use proptest::prelude::*;

fn trace(name: &str, mbps: &[f64]) -> RateTrace {
    RateTrace::new(name, mbps.to_vec()).unwrap()
}

fn config(start: Option<f64>) -> TraceChannel {
    TraceChannel {
        file: "traces.csv".into(),
        format: TraceFormat::Auto,
        gaps: TraceGaps::Refuse,
        names: Vec::new(),
        reference_band_hz: Hertz(20e6),
        reference_power_w: Watts(0.2),
        seconds_per_slot: Seconds(2.0),
        start_s: start.map(Seconds),
        floor_mbps: 0.0,
    }
}

proptest! {
    #[test]
    fn rates_survive_the_round_trip(
        band in 3.0..9.0f64,
        power in -4.0..2.0f64,
        bits_per_s_per_hz in prop_oneof![1e-9..1e-3f64, 1e-3..50.0f64],
    ) {
        let reference = ReferenceLink::new(Hertz(10f64.powf(band)), Watts(10f64.powf(power))).unwrap();
        let mbps = bits_per_s_per_hz * reference.band.0 / 1e6;
        let back = reference.mbps_for(reference.gain_for(mbps));
        prop_assert!((back / mbps - 1.0).abs() < 1e-12);
    }

    #[test]
    fn gain_grows_with_the_rate(low in 0.0..500.0f64, more in 1e-6..500.0f64) {
        let reference = ReferenceLink::new(Hertz(20e6), Watts(0.2)).unwrap();
        prop_assert!(reference.gain_for(low + more) > reference.gain_for(low));
    }
}

#[test]
fn slots_take_the_second_they_begin_in_and_wrap() {
    let mut config = config(Some(1.0));
    let rates = [10.0, 20.0, 0.0, 40.0, 50.0];
    let traces = [trace("five", &rates)];
    let mut channel = Channel::replay(&config, 3, &traces, 0, 1).unwrap();
    let reference = config.reference().unwrap();
    // Start 1 s, 2 s per slot: seconds 1, 3, 5 = 0, 2, 4, 1, ...
    for mbps in [20.0, 40.0, 10.0, 0.0, 50.0, 20.0] {
        let gains = channel.next_gains();
        assert_eq!(gains[(0, 1)], reference.gain_for(mbps));
        assert_eq!(gains[(1, 0)], gains[(0, 1)]);
        assert_eq!(gains[(0, 0)], 0.0);
    }
    assert_eq!(channel.gains_at(3)[(1, 2)], 0.0, "a second of rate 0 is an outage");
    config.floor_mbps = 0.5;
    let mut channel = Channel::replay(&config, 3, &traces, 0, 1).unwrap();
    assert_relative_eq!(channel.gains_at(3)[(1, 2)], reference.gain_for(0.5));
    config.seconds_per_slot = Seconds(0.25);
    let mut channel = Channel::replay(&config, 3, &traces, 0, 1).unwrap();
    assert_eq!(channel.gains_at(3)[(1, 2)], reference.gain_for(20.0));
    assert_eq!(channel.gains_at(12)[(1, 2)], reference.gain_for(50.0));
    assert!(channel.gains_at(u64::MAX)[(0, 1)].is_finite());
}

#[test]
fn links_draw_trace_and_start_by_the_seed() {
    let traces = [trace("a", &[1.0, 2.0, 3.0, 4.0, 5.0]), trace("b", &[10.0, 20.0, 30.0]), trace("c", &[100.0])];
    let gains = |names: &[&str], cluster, seed| {
        let config = TraceChannel { names: names.iter().map(|name| (*name).to_owned()).collect(), ..config(None) };
        Channel::replay(&config, 8, &traces, cluster, seed).unwrap().next_gains()
    };
    assert_eq!(gains(&["a", "b"], 0, 1), gains(&["a", "b"], 0, 1));
    assert_ne!(gains(&["a", "b"], 0, 1), gains(&["a", "b"], 1, 1));
    assert_ne!(gains(&["a", "b"], 0, 1), gains(&["a", "b"], 0, 2));
    let reference = config(None).reference().unwrap();
    let rates: Vec<i64> = gains(&["b"], 0, 1).iter().map(|gain| reference.mbps_for(*gain).round() as i64).collect();
    assert!(rates.iter().all(|rate| [0, 10, 20, 30].contains(rate)));
    assert!([10, 20, 30].iter().all(|rate| rates.contains(rate)), "28 links begin at different seconds");
    assert!(gains(&[], 0, 1).iter().any(|gain| *gain == reference.gain_for(100.0)), "all traces when none is named");
}

#[test]
fn unusable_traces_are_errors() {
    assert_eq!(RateTrace::new("t", vec![]), Err(TraceError::Empty { trace: "t".into() }));
    for (rate, text) in [(-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let error = RateTrace::new("t", vec![3.0, rate]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("trace \"t\", second 1: rate {text} Mbit/s must be a finite number, at least 0")
        );
    }
    let replay =
        |config: &TraceChannel, traces: &[RateTrace], nodes| Channel::replay(config, nodes, traces, 0, 1).unwrap_err();
    let some = [trace("4g_walking_1", &[1.0]), trace("5g_walking_1", &[1.0]), trace("other", &[1.0])];
    let named = TraceChannel { names: vec!["5g_walkin_1".into()], ..config(None) };
    assert_eq!(
        replay(&named, &some, 3).to_string(),
        "no trace \"5g_walkin_1\"; nearest names: 5g_walking_1, 4g_walking_1, other"
    );
    assert_eq!(replay(&config(None), &[], 3), ChannelError::Trace(TraceError::None));
    let error = replay(&config(None), &[trace("fast", &[5.0, 1e6])], 3);
    assert!(error.to_string().starts_with("trace \"fast\", second 1: rate 1000000 Mbit/s is too high"), "{error}");
    assert!(replay(&config(None), &some, 2).to_string().starts_with("nodes = 2: must be 3 to"));
    for (bad, text) in [
        (TraceChannel { reference_band_hz: Hertz(0.0), ..config(None) }, "trace.reference_band_hz = 0: must be"),
        (TraceChannel { reference_power_w: Watts(f64::NAN), ..config(None) }, "trace.reference_power_w = NaN: must be"),
        (TraceChannel { seconds_per_slot: Seconds(0.0), ..config(None) }, "trace.seconds_per_slot = 0: must be"),
        (config(Some(-1.0)), "trace.start_s = -1: must be"),
        (TraceChannel { floor_mbps: -1.0, ..config(None) }, "trace.floor_mbps = -1: must be"),
    ] {
        let error = replay(&bad, &some, 3).to_string();
        assert!(error.starts_with(text), "{error}");
    }
}

#[cfg(feature = "cli")]
mod files {
    use std::path::PathBuf;

    use collapipe::network::radio::{TraceFileError, read_traces};

    use super::*;

    fn read(name: &str, text: &[u8]) -> Result<Vec<RateTrace>, TraceFileError> {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.csv"));
        std::fs::write(&path, text).unwrap();
        read_traces(&path)
    }

    #[test]
    fn both_formats() {
        let table = read("table", b"trace,radio,seconds,mbps_per_second\na,5G,3,1 2.5 0\nb,4G,1,7\n").unwrap();
        assert_eq!(table, [trace("a", &[1.0, 2.5, 0.0]), trace("b", &[7.0])]);
        let series = [trace("series", &[5.0, 0.0, 2.5])];
        for text in [
            "second,mbps\n0,5\n1,0\n2,2.5\n",
            "second, mbps\n100,5\n101,0\n102,2.5",
            "Mbps\r\n5\r\n0\r\n2.5\r\n",
            "mbps,note,second\n5,x,-1\n0,,0\n2.5,y,1\n",
            "5\n0\n2.5\n",
            "\u{feff}mbps\n5\n\n0\n2.5\n",
        ] {
            assert_eq!(read("series", text.as_bytes()).unwrap(), series, "{text:?}");
        }
    }

    #[test]
    fn bad_files() {
        let no_such = read_traces(&PathBuf::from("no/such/file.csv")).unwrap_err().to_string();
        assert!(no_such.starts_with("no/such/file.csv: "), "{no_such}");
        for (name, text, expected) in [
            ("empty", &b""[..], "trace \"empty\": holds no rate"),
            ("header_only", b"second,mbps\n", "trace \"header_only\": holds no rate"),
            ("table_header_only", b"trace,mbps_per_second\n", "trace \"table_header_only\": holds no rate"),
            ("columns", b"time,rate\n0,1\n", "line 1: column rate: unit of the rates unknown"),
            ("word", b"mbps\n1\nfast\n", "line 3: mbps = \"fast\": must be a finite number"),
            ("nan", b"second,mbps\n0,NaN\n", "line 2: mbps = \"NaN\": must be a finite number"),
            ("infinite", b"mbps\ninf\n", "line 2: mbps = \"inf\": must be a finite number"),
            ("huge", b"mbps\n1e999\n", "line 2: mbps = \"1e999\": must be a finite number"),
            ("negative", b"mbps\n3\n4\n-1\n", "line 4: mbps = \"-1\": must be a finite number"),
            ("first_negative", b"-3\n4\n", "line 1: the only column = \"-3\": must be a finite number"),
            ("blank", b"second,mbps\n0,\n", "line 2: mbps = \"\": must be a finite number"),
            ("gap", b"second,mbps\n0,1\n1,1\n3,1\n", "line 4: second = \"3\": must be about 2"),
            ("word_time", b"second,mbps\nhalf,1\n", "line 2: second = \"half\": must be a finite number"),
            ("ragged", b"second,mbps\n0,1\n1\n", "line 3: the row = \"1\": must be 2 fields"),
            ("latin1", b"mbps\n\xff\n", "line 2"),
            ("cell", b"trace,mbps_per_second\na,1 2\nb,1 x 3\n", "line 3: mbps_per_second = \"x\": must be a finite"),
            ("cell_negative", b"trace,mbps_per_second\na,1 -2\n", "line 2: mbps_per_second = \"-2\": must be a finite"),
            ("cell_empty", b"trace,mbps_per_second\na,\n", "line 2: mbps_per_second = \"\": must be at least one rate"),
            ("count", b"trace,seconds,mbps_per_second\na,3,1 2\n", "line 2: seconds = \"3\": must be 2, the number"),
            ("twice", b"trace,mbps_per_second\na,1\na,2\n", "line 3: trace = \"a\": must be a name that no other"),
            ("nameless", b"trace,mbps_per_second\n,1\n", "line 2: trace = \"\": must be a name"),
        ] {
            let error = read(name, text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(name), "{name}: {error}");
        }
    }

    #[test]
    fn lumos5g() {
        let Some(path) = crate::support::shared("data/radio/lumos5g_traces.csv") else { return };
        let traces = read_traces(&path).unwrap();
        assert_eq!(traces.len(), 296);
        let first = RateTrace::find(&traces, "4g_driving_50015_dr").unwrap();
        RateTrace::find(&traces, "5g_4_walking").expect("the documentation's example");
        RateTrace::find(&traces, "5g_5_walking").expect("the documentation's example");
        assert_eq!(first.mbps().len(), 250);
        assert_eq!(first.mbps()[..3], [45.0, 45.0, 44.0]);
        // lumos5g_summary.csv: samples and mean of two of its classes.
        for (radio, mobility, count, samples, mean) in
            [("4g", "walking", 119, 94_475, 40.26), ("5g", "driving", 46, 11_235, 348.05)]
        {
            let in_class = |name: &str| name.starts_with(radio) && name.contains(mobility);
            let class: Vec<&RateTrace> = traces.iter().filter(|trace| in_class(trace.name())).collect();
            let rates: Vec<f64> = class.iter().flat_map(|trace| trace.mbps().iter().copied()).collect();
            assert_eq!((class.len(), rates.len()), (count, samples), "{radio} {mobility}");
            approx::assert_abs_diff_eq!(rates.iter().sum::<f64>() / rates.len() as f64, mean, epsilon = 0.006);
        }
        // Every rate inverts on a 100 MHz reference and comes back.
        let config = TraceChannel { reference_band_hz: Hertz(100e6), ..config(Some(0.0)) };
        let reference = config.reference().unwrap();
        Channel::replay(&config, 12, &traces, 0, 1).unwrap();
        for mbps in traces.iter().flat_map(|trace| trace.mbps()) {
            assert_relative_eq!(reference.mbps_for(reference.gain_for(*mbps)), *mbps, max_relative = 1e-12);
        }
    }
}
