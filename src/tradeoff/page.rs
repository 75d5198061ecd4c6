//! The page of a sweep, from its result alone.

use super::axis::Axis;
use super::budgets;
use super::point::SweepPoint;
use super::result::Tradeoff;
use super::table::{Grid, grid, notes};
use crate::report::Kept;
use crate::report::page::{Picture, Shown, Tone, begin, end, facts, figure, put, table, verdict};
use crate::report::table::{number, percent};

/// Title and caption of every figure by the name of its file.
const CAPTIONS: [(&str, &str, &str); 3] = [
    (
        "tradeoff.svg",
        "Latency against overspending",
        "Each mark is a run: the further to the left and down the better.",
    ),
    (
        "scaling.svg",
        "What theory promises, and what is",
        "Latency excess and backlog of the runs, with power laws where they fit.",
    ),
    ("plans.svg", "Plans and latency", "Which plans were chosen at each value, and how long rounds took."),
];

/// The page; `drawn` are the sweep's figures by the name of their file.
pub(super) fn sweep_page(tradeoff: &Tradeoff, drawn: &[Shown]) -> String {
    let from = &tradeoff.provenance;
    let mut page = begin(&format!("{}: {}", from.scenario, what(tradeoff.axis)));
    let without = tradeoff.without_rounds();
    let budgets = budgets::verdict(tradeoff);
    let mut lines: Vec<String> =
        budgets.iter().flat_map(|of| of.text.lines()).map(|line| line.trim().to_owned()).collect();
    lines.extend(found(tradeoff));
    if without > 0 {
        lines.push(format!("{without} of {} runs had no round at all.", tradeoff.points.len()));
    }
    let impossible = budgets.is_some_and(|of| of.kept == Kept::CannotBeKept);
    verdict(&mut page, if without > 0 || impossible { Tone::Bad } else { Tone::Plain }, &lines);
    let shown = [
        ("runs", tradeoff.points.len().to_string()),
        ("slots of each", from.slots.to_string()),
        ("policy", from.policy.to_string()),
    ];
    facts(&mut page, &shown);
    for (file, title, caption) in CAPTIONS {
        if let Some(shown) = drawn.iter().find(|shown| shown.name == file) {
            figure(&mut page, &Picture { title, caption, ..shown.picture() });
        }
    }
    page.push_str("<h2>Numbers</h2>\n");
    let Grid { head, rows } = grid(tradeoff);
    let head: Vec<String> = head.iter().map(|(name, unit)| format!("{name} {unit}").trim().to_owned()).collect();
    table(&mut page, "One row per run", &head.iter().map(String::as_str).collect::<Vec<_>>(), &rows);
    page.push_str("<ul>\n");
    for note in notes(tradeoff) {
        put(&mut page, format_args!("<li>{}</li>\n", crate::report::html::Escaped(&note)));
    }
    page.push_str("</ul>\n<h2>Files</h2>\n<p>Beside this page: ");
    let files = ["tradeoff.json", "tradeoff.csv"].into_iter().chain(drawn.iter().map(|shown| shown.name));
    let links: Vec<String> = files.map(|file| format!("<a href=\"{file}\">{file}</a>")).collect();
    put(&mut page, format_args!("{}.</p>\n", links.join(", ")));
    end(&mut page, [format!("collapipe {}, seed {}, relative gap {:e}.", from.version, from.seed, from.gap_tolerance)]);
    page
}

const fn what(axis: Axis) -> &'static str {
    match axis {
        Axis::LatencyWeight => "latency against overspending over V",
        Axis::Target => "plans and latency over the target ε",
    }
}

/// What the runs come to, from the first value to the last.
fn found(tradeoff: &Tradeoff) -> Vec<String> {
    let played: Vec<&SweepPoint> = tradeoff.points.iter().filter(|point| point.latency.is_some()).collect();
    let (Some(first), Some(last)) = (played.first(), played.last()) else { return Vec::new() };
    let symbol = match tradeoff.axis {
        Axis::LatencyWeight => "V",
        Axis::Target => "ε",
    };
    let seconds = |point: &SweepPoint| point.latency.map_or(0.0, |latency| latency.mean_s.0);
    let moves = |from: f64, to: f64| if to < from { "falls" } else { "rises" };
    let (a, b) = (seconds(first), seconds(last));
    let mut lines = vec![format!(
        "From {symbol} = {} to {symbol} = {} the mean latency {} from {} s to {} s.",
        number(first.value),
        number(last.value),
        moves(a, b),
        number(a),
        number(b)
    )];
    if let (Some(one), Some(other)) = (first.worst_node(), last.worst_node()) {
        let (one, other) = (one.mean_overspend, other.mean_overspend);
        lines.push(format!(
            "What the worst node spends above its budget {} from {} % to {} % of it; below 0 the budget is kept.",
            moves(one, other),
            percent(one),
            percent(other)
        ));
    }
    lines
}
