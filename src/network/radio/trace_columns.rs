//! What the columns of a trace file are called.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Column {
    /// Times, in units of this many seconds; none where the name does not say.
    Time(Option<f64>),
    /// Numbers of samples of one second each.
    Count,
    /// Rates, in units of this many Mbit/s; none where the name does not say.
    Rate(Option<f64>),
    /// The rates of a whole trace in Mbit/s, one per second.
    Rates,
    /// A part of what tells runs apart: a number or a name.
    Run,
    /// The name of a trace.
    Trace,
    /// How the run was made, where runs are told apart by it as well.
    Mode,
    /// Something that rates do not depend on.
    Note,
}

/// What the published set Lumos5G calls its columns, by which it is known.
const LUMOS: [&str; 4] = ["run_num", "seq_num", "throughput", "mobility_mode"];

const RUN: [&str; 14] = [
    "run",
    "run_num",
    "run_number",
    "run_id",
    "run_no",
    "runid",
    "session",
    "session_id",
    "session_num",
    "sessionid",
    "trip",
    "trip_id",
    "walk",
    "drive",
];
const TRACE: [&str; 6] = ["trace", "trace_id", "trace_name", "trace_num", "trace_no", "traceid"];
const COUNT: [&str; 4] = ["seq", "seq_num", "seq_no", "sequence_number"];
const NOTE: [&str; 25] = [
    "latitude",
    "longitude",
    "lat",
    "lon",
    "lng",
    "altitude",
    "elevation",
    "movingspeed",
    "moving_speed",
    "compassdirection",
    "compass_direction",
    "heading",
    "bearing",
    "nrstatus",
    "nr_status",
    "abstractsignalstr",
    "rsrp",
    "rsrq",
    "rssi",
    "rssnr",
    "snr",
    "sinr",
    "cqi",
    "tower_id",
    "cell_id",
];
/// What may stand next to a trace's rates in one row.
const ABOUT: [&str; 12] = [
    "radio",
    "mobility",
    "network",
    "technology",
    "operator",
    "provider",
    "carrier",
    "city",
    "date",
    "device",
    "source",
    "direction",
];

const TIME_UNITS: [(&str, f64); 13] = [
    ("s", 1.0),
    ("sec", 1.0),
    ("secs", 1.0),
    ("second", 1.0),
    ("seconds", 1.0),
    ("ms", 1e-3),
    ("msec", 1e-3),
    ("msecs", 1e-3),
    ("millis", 1e-3),
    ("millisecond", 1e-3),
    ("milliseconds", 1e-3),
    ("us", 1e-6),
    ("microseconds", 1e-6),
];
const TIME_WORDS: [&str; 6] = ["time", "t", "timestamp", "ts", "elapsed", "epoch"];
const TIME_FILLERS: [&str; 5] = ["unix", "since", "start", "in", "relative"];

const RATE_UNITS: [(&str, f64); 4] = [("gbps", 1e3), ("mbps", 1.0), ("kbps", 1e-3), ("bps", 1e-6)];
/// These are rates where "per second" follows.
const BIT_UNITS: [(&str, f64); 12] = [
    ("gbit", 1e3),
    ("gbits", 1e3),
    ("mbit", 1.0),
    ("mbits", 1.0),
    ("megabit", 1.0),
    ("megabits", 1.0),
    ("kbit", 1e-3),
    ("kbits", 1e-3),
    ("kilobit", 1e-3),
    ("kilobits", 1e-3),
    ("bit", 1e-6),
    ("bits", 1e-6),
];
const RATE_WORDS: [&str; 9] =
    ["rate", "throughput", "bandwidth", "bitrate", "goodput", "bw", "tput", "datarate", "capacity"];
const RATE_FILLERS: [&str; 18] = [
    "dl", "ul", "download", "upload", "downlink", "uplink", "tcp", "udp", "link", "data", "avg", "average", "mean",
    "measured", "in", "per", "s", "sec",
];

/// What the columns of a first row hold; none for a name that is not understood.
pub(super) fn columns(names: &[String]) -> Vec<Option<Column>> {
    let plain: Vec<String> = names.iter().map(|name| words(name).join("_")).collect();
    let lumos = LUMOS.iter().filter(|name| plain.iter().any(|plain| plain == *name)).count() >= 3;
    let table = plain.iter().any(|name| name == "mbps_per_second");
    let column = |(name, plain): (&String, &String)| match (lumos, table, plain.as_str()) {
        (_, true, "mbps_per_second") => Some(Column::Rates),
        // The number of rates in the row.
        (_, true, "seconds") => Some(Column::Count),
        (_, true, about) if ABOUT.contains(&about) => Some(Column::Note),
        (true, _, "throughput") => Some(Column::Rate(Some(1.0))),
        (true, _, "mobility_mode" | "trajectory_direction") => Some(Column::Mode),
        _ => column(name, plain),
    };
    names.iter().zip(&plain).map(column).collect()
}

fn column(name: &str, plain: &str) -> Option<Column> {
    let words = words(name);
    if RUN.contains(&plain) {
        Some(Column::Run)
    } else if TRACE.contains(&plain) {
        Some(Column::Trace)
    } else if COUNT.contains(&plain) {
        Some(Column::Count)
    } else if NOTE.contains(&plain) || ["note", "comment", "lte", "nr"].contains(&words.first()?.as_str()) {
        // Rates keep their meaning whatever they are named after.
        rate(name, &words).or(Some(Column::Note))
    } else {
        time(&words).or_else(|| rate(name, &words))
    }
}

/// Small letters and digits, without what is between them: `Rate (Mbit/s)` is rate, mbit, s.
fn words(name: &str) -> Vec<String> {
    let parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(str::to_lowercase).collect()
}

fn time(words: &[String]) -> Option<Column> {
    let unit = |word: &str| TIME_UNITS.iter().find(|(name, _)| *name == word).map(|(_, seconds)| *seconds);
    let mut seconds = None;
    for (index, word) in words.iter().enumerate() {
        let known = TIME_WORDS.contains(&word.as_str()) || TIME_FILLERS.contains(&word.as_str());
        match unit(word) {
            Some(_) if seconds.is_some() => return None,
            Some(unit) => seconds = Some(unit),
            None if !known || (index == 0 && words.len() == 1 && TIME_FILLERS.contains(&word.as_str())) => return None,
            None => {}
        }
    }
    (!words.is_empty()).then_some(Column::Time(seconds))
}

fn rate(name: &str, words: &[String]) -> Option<Column> {
    if is_in_bytes(name) {
        return None;
    }
    let find = |units: &[(&str, f64)], word: &str| units.iter().find(|(unit, _)| *unit == word).map(|(_, mbps)| *mbps);
    let per_second = words.iter().any(|word| ["s", "sec", "second"].contains(&word.as_str()));
    let mut unit = None;
    let mut is_rate = false;
    for word in words {
        let of_word = find(&RATE_UNITS, word).or_else(|| find(&BIT_UNITS, word).filter(|_| per_second));
        match of_word {
            Some(_) if unit.is_some() => return None,
            Some(_) => unit = of_word,
            None if RATE_WORDS.contains(&word.as_str()) => is_rate = true,
            None if RATE_FILLERS.contains(&word.as_str()) || word == "second" => {}
            None => return None,
        }
    }
    (is_rate || unit.is_some()).then_some(Column::Rate(unit))
}

/// Whether a name means bytes per second: `MBps`, `kB/s`, `bytes_per_second`.
pub(super) fn is_in_bytes(name: &str) -> bool {
    let prefixed = ["MB", "kB", "KB", "GB"].iter().flat_map(|unit| name.match_indices(unit));
    let mut behind = prefixed.map(|(at, unit)| name.get(at + unit.len()..).unwrap_or_default().to_lowercase());
    behind.any(|rest| ["ps", "/s", "_s", " s", "_per", " per", ")", "]"].iter().any(|end| rest.starts_with(end)))
        || words(name).iter().any(|word| ["byte", "bytes", "mbyte", "mbytes", "kbytes"].contains(&word.as_str()))
}
