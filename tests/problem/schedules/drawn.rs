//! Charts and traces of timelines.

use std::collections::{BTreeMap, BTreeSet};

use collapipe::schedule::*;
use serde_json::Value;

/// Played examples of every kind of schedule and sending mode, with their memory.
fn examples() -> Vec<(String, Timeline, Memory)> {
    let mut examples = Vec::new();
    for sending in Sending::ALL {
        for schedule in [
            Schedule::of(ScheduleKind::OneForwardOneBackward, 4, 8),
            Schedule::of(ScheduleKind::ForwardOnly, 3, 5),
            Schedule::interleaved(3, 2, 6),
            Schedule::zero_bubble(4, 8),
            Schedule::token_slices(3, 2, 3, Passes::Both),
        ] {
            let schedule = schedule.unwrap();
            let mut timeline = Timeline::new(&schedule, sending).unwrap();
            let durations: Vec<f64> = (0..timeline.layout().len()).map(|i| 0.1 + 0.37 * (i % 5) as f64).collect();
            timeline.run_flat(&durations).unwrap();
            let positions = schedule.shape().positions();
            let parts = (schedule.shape().slices, schedule.shape().weight);
            let name = format!("{sending}, {positions} positions, {parts:?}");
            examples.push((name, timeline, Memory::counting(positions)));
        }
    }
    examples
}

fn number(event: &Value, field: &str) -> f64 {
    let value = event[field].as_f64().unwrap_or_else(|| panic!("{field} of {event} is no number"));
    assert!(value.is_finite() && value >= 0.0, "{field} of {event}");
    value
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or_else(|| panic!("{field} of {event} is no text"))
}

/// Nanoseconds, in which readers of traces count.
fn ns(microseconds: f64) -> i64 {
    (microseconds * 1e3).round() as i64
}

/// What the Trace Event Format asks of each kind of event.
fn check_event(event: &Value) {
    let allowed: BTreeSet<&str> =
        ["name", "ph", "pid", "tid", "ts", "dur", "cat", "id", "bp", "args"].into_iter().collect();
    for field in event.as_object().unwrap().keys() {
        assert!(allowed.contains(field.as_str()), "{field} is in no event");
    }
    assert!(!text(event, "name").is_empty());
    assert!(event["pid"].is_u64() && event["tid"].is_u64(), "{event}");
    match text(event, "ph") {
        "X" => {
            number(event, "ts");
            number(event, "dur");
            text(event, "cat");
        }
        "M" => match text(event, "name") {
            "process_name" | "thread_name" => assert!(!text(&event["args"], "name").is_empty()),
            "thread_sort_index" => assert!(event["args"]["sort_index"].is_u64()),
            other => panic!("{other} is no metadata"),
        },
        "C" => {
            number(event, "ts");
            let levels = event["args"].as_object().unwrap();
            assert!(!levels.is_empty() && levels.values().all(Value::is_number), "{event}");
        }
        "s" | "t" | "f" => {
            number(event, "ts");
            text(event, "cat");
            assert!(event["id"].is_u64());
            assert_eq!(event.get("bp").and_then(Value::as_str), (event["ph"] == "f").then_some("e"), "{event}");
        }
        other => panic!("{other} is no phase of ours"),
    }
}

#[test]
fn traces_keep_the_trace_event_format() {
    for (name, timeline, memory) in examples() {
        let trace: Value = serde_json::from_str(&timeline.to_chrome_trace(&memory).unwrap()).unwrap();
        assert_eq!(trace["displayTimeUnit"], "ms");
        let events = trace["traceEvents"].as_array().unwrap();
        events.iter().for_each(check_event);
        let of = |phase: &'static str| events.iter().filter(move |event| event["ph"] == phase);
        let row = |event: &Value| event["tid"].as_u64().unwrap();

        // Every row has a name of its own, every operation its slice, in its time.
        let named: BTreeMap<u64, &str> = of("M")
            .filter(|event| event["name"] == "thread_name")
            .map(|event| (row(event), text(&event["args"], "name")))
            .collect();
        assert_eq!(named.values().collect::<BTreeSet<_>>().len(), timeline.machines().count(), "{name}");
        let mut rows: BTreeMap<u64, Vec<(i64, i64)>> = BTreeMap::new();
        for event in of("X") {
            assert!(named.contains_key(&row(event)), "{name}");
            let (start, end) = (number(event, "ts"), number(event, "ts") + number(event, "dur"));
            rows.entry(row(event)).or_default().push((ns(start), ns(end)));
        }
        let drawn: usize = timeline.machines().map(|(_, events)| events.count()).sum();
        assert_eq!(of("X").count(), drawn, "{name}");
        let last = rows.values().flatten().map(|slice| slice.1).max().unwrap();
        assert_eq!(last, (timeline.makespan_s() * 1e9).round() as i64, "{name}");
        for slices in rows.values() {
            assert!(slices.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{name}: slices of a row overlap");
        }

        // Every message is one arrow, from slice to slice, forward in time.
        let mut arrows: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
        for event in events.iter().filter(|event| ["s", "t", "f"].contains(&text(event, "ph"))) {
            let within = |&&(start, end): &&(i64, i64)| (start..end).contains(&ns(number(event, "ts")));
            assert!(rows[&row(event)].iter().find(within).is_some(), "{name}: {event} hangs on no slice");
            arrows.entry(event["id"].as_u64().unwrap()).or_default().push(event);
        }
        let sends = timeline.events().filter(|event| event.operation.kind.is_send()).count();
        assert_eq!(arrows.len(), sends, "{name}");
        let on_rows = !name.starts_with("delay");
        for arrow in arrows.values() {
            let phases: String = arrow.iter().map(|event| text(event, "ph")).collect();
            assert_eq!(phases, if on_rows { "stf" } else { "sf" }, "{name}");
            assert!(arrow.iter().all(|event| event["name"] == arrow[0]["name"] && event["cat"] == arrow[0]["cat"]));
            assert!(arrow.windows(2).all(|pair| number(pair[0], "ts") <= number(pair[1], "ts")), "{name}");
            assert_ne!(row(arrow[0]), row(arrow[arrow.len() - 1]), "{name}: a message to oneself");
        }
        assert!(of("C").count() >= timeline.shape().stages() * 2, "{name}");
    }
}

/// Numbers in the attribute of an element.
fn attribute(element: &str, name: &str) -> f64 {
    let from = element.find(&format!(" {name}=\"")).unwrap_or_else(|| panic!("{name} is not in {element}"));
    let value = &element[from + name.len() + 3..];
    value[..value.find('"').unwrap()].trim_end_matches("in").parse().unwrap()
}

#[test]
fn charts_show_every_operation_within_their_width() {
    for (name, timeline, _) in examples() {
        for (style, width_in) in
            [(FigureStyle::Paper, None), (FigureStyle::Slides, None), (FigureStyle::Paper, Some(7.0))]
        {
            let drawing = Drawing { style, width_in, links: true };
            let svg = timeline.to_svg(drawing).unwrap();
            let width = width_in.unwrap_or(style.width_in());
            assert_eq!(attribute(&svg, "width"), width);
            let points = 72.0 * width;
            // Every bar is a group with the name of what it is, and begins and ends between the axis's ends.
            let bars: Vec<&str> = svg.split("<g class=\"bar\">").skip(1).collect();
            let drawn: usize = timeline.machines().map(|(_, events)| events.count()).sum();
            assert_eq!(bars.len(), drawn, "{name}");
            for bar in bars {
                let path = bar.split_once("<path d=\"M").unwrap().1.split_once("z\"").unwrap().0;
                let steps = path.split('l').map(|step| {
                    let (x, y) = step.split_once(' ').unwrap();
                    (x.parse::<f64>().unwrap(), y.parse::<f64>().unwrap())
                });
                let mut at = (0.0, 0.0);
                for (dx, dy) in steps {
                    at = (at.0 + dx, at.1 + dy);
                    assert!(at.0 > 0.0 && at.0 < points && at.1 > 0.0, "{name}: {path} is outside");
                }
            }
            for stage in 0..timeline.shape().stages() {
                assert!(svg.contains(&format!(">stage {stage}</text>")), "{name}");
            }
            assert!(svg.contains("critical path") && svg.contains("Time [s], makespan"), "{name}");
            #[cfg(feature = "cli")]
            {
                crate::support::pictures::assert_svg_of(&name, &svg, style, width);
                crate::support::pictures::assert_pdf(&name, &timeline.to_pdf(drawing).unwrap(), &svg);
            }
        }
        let bare = timeline.to_svg(Drawing { links: false, ..Drawing::default() }).unwrap();
        assert!(!bare.contains('\u{2192}') && !bare.contains("radio"), "{name}");
    }
}

/// Where the picture is drawn without colours, what is told apart has greys far from each other or a hatching.
#[test]
fn bars_are_told_apart_in_grey() {
    let (_, timeline, _) = examples().swap_remove(3);
    let svg = timeline.to_svg(Drawing::default()).unwrap();
    let grey = |colour: &str| {
        let channel = |from: usize| f64::from(u32::from_str_radix(&colour[from..from + 2], 16).unwrap());
        0.299 * channel(1) + 0.587 * channel(3) + 0.114 * channel(5)
    };
    let samples: Vec<&str> = svg.split("<g class=\"sample\"").skip(1).collect();
    let fill = |name: &str| {
        let sample = samples.iter().find(|sample| sample.contains(&format!(">{name}</text>"))).unwrap();
        sample.split_once("fill=\"").unwrap().1.split('"').next().unwrap().to_owned()
    };
    let (forward, backward) = (fill("forward"), fill("backward"));
    assert!(grey(&forward) - grey(&backward) > 100.0, "{forward} {backward}");
    for name in ["message", "message back"] {
        let pattern = fill(name);
        let id = pattern.strip_prefix("url(#").unwrap().strip_suffix(')').unwrap();
        assert!(svg.contains(&format!("<pattern id=\"{id}\"")), "{name}");
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let big = Schedule::of(ScheduleKind::ForwardOnly, 2, 10_000).unwrap();
    let timeline = Timeline::new(&big, Sending::Overlapped).unwrap();
    let error = timeline.to_svg(Drawing::default()).unwrap_err().to_string();
    assert!(error.starts_with("operations = 30000: must be at most 20000 to be drawn"), "{error}");
    let small = Schedule::of(ScheduleKind::ForwardOnly, 1, 1).unwrap();
    let timeline = Timeline::new(&small, Sending::Overlapped).unwrap();
    for (width_in, words) in [(f64::NAN, "width_in = NaN"), (0.5, "width_in = 0.5: must be in [1, 100]")] {
        let error =
            timeline.to_svg(Drawing { width_in: Some(width_in), ..Drawing::default() }).unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
    }
    // Nothing that takes time: an empty chart, and no division by the makespan.
    let svg = timeline.to_svg(Drawing::default()).unwrap();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    let wrong = Memory { activation_bytes: vec![1.0; 3], ..Memory::default() };
    let error = timeline.to_chrome_trace(&wrong).unwrap_err().to_string();
    assert!(error.starts_with("activation_bytes = a list of 3: must be a list of 1"), "{error}");
}
