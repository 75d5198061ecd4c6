//! What a file holds reaches the terminal readable: escaped, shortened, one line per fault; and what recommend says where
//! budgets cannot be kept.

use collapipe::text::{nearest, printable};

use crate::program::{code, run_with_input, stderr, stdout};
use crate::support::folder;
use crate::support::scenario::SMALL;

/// A colour, a bell, a carriage return, a new title, a byte that opens a sequence, and a turn of the reading direction.
const NASTY: [&str; 6] = ["\u{1b}[31m", "\u{7}", "\r", "\u{1b}]0;x\u{7}", "\u{9b}31m", "\u{202e}"];

/// No character that a terminal takes for a command, line breaks aside.
fn assert_plain(text: &str) {
    let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
    assert_eq!(bad, None, "{text:?}");
}

#[test]
fn control_characters_never_reach_the_terminal() {
    for nasty in NASTY {
        // JSON and TOML write them as escapes, which their readers undo.
        let escape: String = nasty.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
        for json in [
            format!("{{\"{escape}field\": 1}}"),
            format!("{{\"schema\": \"{escape}\"}}"),
            format!("{{\"{escape}\": NaN}}"),
            format!("{{\"{nasty}\": NaN}}"),
            format!("{{\"latency_weight\": \"{escape}\"}}"),
            nasty.to_owned(),
        ] {
            let output = run_with_input(&["solve", "-"], &json);
            assert_eq!(code(&output), 2);
            assert_plain(&stderr(&output));
            let output = run_with_input(&["bound", "-"], &json);
            assert_plain(&stderr(&output));
        }
        for (from, to) in [
            ("name = \"small\"", format!("nam = \"{escape}\"")),
            ("[model]", format!("\"{escape}\" = 1\n[model]")),
            ("\"bert-tiny\"", format!("\"{escape}bert\"")),
            ("name = \"phone\"", format!("name = \"{escape}\"\nmemory_bytes = -1.0")),
            ("slots = 20", format!("slots = \"{escape}\"")),
            ("slots = 20", format!("slots = {nasty}20")),
        ] {
            assert!(SMALL.contains(from));
            let output = run_with_input(&["problem", "-", "--slot", "0"], &SMALL.replacen(from, &to, 1));
            assert_eq!(code(&output), 2, "{to}");
            assert_plain(&stderr(&output));
        }
        // Names that are valid come back in tables, and must not break their lines.
        let folder = folder("faults_messages_names");
        let text = SMALL
            .replacen("name = \"small\"", &format!("name = \"{escape}\\nscene\""), 1)
            .replacen("name = \"phone\"", &format!("name = \"{escape}\\nphone\""), 1)
            .replacen("name = \"desk\"", &format!("name = \"{escape}\\ndesk\""), 1);
        let out = folder.join("out");
        let output = run_with_input(&["run", "-", "--slots", "2", "--out", out.to_str().unwrap()], &text);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_plain(&stdout(&output));
        assert_plain(&stderr(&output));
        let table = stdout(&output);
        assert!(
            !table.lines().any(|line| ["scene", "phone", "desk"].iter().any(|name| line.starts_with(name))),
            "{table}"
        );
    }
}

#[test]
fn long_values_are_shortened_with_their_length() {
    let long = "x".repeat(100_000);
    for json in [
        format!("{{\"{long}\": 1}}"),
        format!("{{\"schema\": \"{long}\"}}"),
        format!("{{\"latency_weight\": \"{long}\"}}"),
        format!("{{\"{long}\": NaN}}"),
        format!("{{\"{long}\": [1, "),
        format!("{{\"latency_weight\": {long}}}"),
    ] {
        let error = stderr(&run_with_input(&["solve", "-"], &json));
        assert!(error.starts_with("error: ") && error.len() < 3000, "{} bytes: {error:.200}", error.len());
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    for (from, to) in [
        ("\"bert-tiny\"", format!("\"{long}\"")),
        ("slots = 20", format!("{long} = 20")),
        ("slots = 20", format!("slots = \"{long}\"")),
    ] {
        let error = stderr(&run_with_input(&["problem", "-", "--slot", "0"], &SMALL.replacen(from, &to, 1)));
        assert!(error.contains("characters)") && error.len() < 3000, "{} bytes: {error:.200}", error.len());
    }
}

#[test]
fn printable_text_and_near_names() {
    assert_eq!(printable("plain, größer = 1.5 µs"), "plain, größer = 1.5 µs");
    assert_eq!(printable("two\nlines"), "two\nlines");
    assert_eq!(printable("a\u{1b}[1mb\r\tc\u{feff}"), "a\\u{1b}[1mb\\r\\tc\\u{feff}");
    let quoted = printable(&format!("unknown field `{}`, expected one of `a`, `b`", "y".repeat(500)));
    assert!(quoted.ends_with("… (500 characters)`, expected one of `a`, `b`"), "{quoted}");
    assert!(printable(&"w ".repeat(50_000)).chars().count() < 2100);
    // An opening quotation mark that nothing closes.
    assert!(printable(&format!("say \"{}", "z".repeat(5000))).ends_with("characters)"));
    let names = ["bandwidth_hz", "batch_size", "hop_latency_s", "full"];
    for (given, meant) in [
        ("bandwith_hz", Some("bandwidth_hz")),
        ("bandwidth", Some("bandwidth_hz")),
        ("BatchSize", Some("batch_size")),
        ("hop_latency", Some("hop_latency_s")),
        ("ful", Some("full")),
        ("colour", None),
        ("", None),
    ] {
        assert_eq!(nearest(given, &names), meant, "{given}");
    }
    assert_eq!(nearest("x", &[] as &[&str]), None);
}

#[cfg(feature = "milp")]
const SHED: &str = r#"schema = "collapipe.scenario/1"
name = "shed"
slots = 20
seed = 1
latency_weight = 0.1
[model]
preset = "bert-tiny"
[uplink]
bandwidth_hz = 10e6
[[plans]]
local_iterations = 1
micro_batches = 1
[channel.constant]
gain_to_noise_hz_per_w = [[0.0, 1e9, 1e9], [1e9, 0.0, 1e9], [1e9, 1e9, 0.0]]
[[clusters]]
name = "shed"
batch_size = 4
bandwidth_hz = 10e6
[clusters.control_unit]
preset = "raspberry-pi-4"
budget_j_per_round = UNIT
[clusters.edge_server]
preset = "rtx-3090"
[[clusters.devices]]
name = "board"
preset = "raspberry-pi-4"
budget_j_per_round = BOARD
"#;

/// What `recommend` says of the shed with these budgets.
#[cfg(feature = "milp")]
fn recommended(unit: f64, board: f64) -> (i32, String) {
    let text = SHED.replace("UNIT", &unit.to_string()).replace("BOARD", &board.to_string());
    let output = run_with_input(&["recommend", "-", "--latency-tolerance", "1"], &text);
    (code(&output), stderr(&output))
}

/// The factor at the end of a message.
#[cfg(feature = "milp")]
fn factor(message: &str) -> f64 {
    let (_, rest) = message.rsplit_once("at least ").unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

#[cfg(feature = "milp")]
#[test]
fn recommend_names_the_budget_that_cannot_be_kept_and_the_factor_that_would_do() {
    for (unit, board, named, other) in [
        (0.5, 0.5, &["shed/control-unit", "shed/board"][..], None),
        (50.0, 0.05, &["shed/board"], Some("control-unit")),
        (0.01, 50.0, &["shed/control-unit"], Some("shed/board")),
        (1e-9, 1e-9, &["shed/control-unit", "shed/board"], None),
    ] {
        let (code, error) = recommended(unit, board);
        assert_eq!(code, 2, "{error}");
        assert!(!error.contains("Singular") && error.contains("no decision keeps the energy budget of"), "{error}");
        let named = named.iter().filter(|name| error.contains(*name)).count();
        assert!(named >= 1, "{error}");
        assert!(other.is_none_or(|other| !error.contains(other)), "{error}");
        // The factor is right: with it there is advice, with a little less there is none.
        let factor = factor(&error);
        assert!(factor > 1.0, "{error}");
        let (enough, error) = recommended(unit * factor * 1.01, board * factor * 1.01);
        assert_eq!(enough, 0, "{error}");
        let (short, error) = recommended(unit * factor * 0.97, board * factor * 0.97);
        assert_eq!(short, 2, "{error}");
    }
}
