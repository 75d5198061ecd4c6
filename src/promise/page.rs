//! The page of a promise, from its result alone.

use super::result::Promise;
use crate::report::page::{Picture, Shown, Tone, begin, end, facts, figure, put, table, verdict};
use crate::report::table::{number, or_dash};

/// The page; `drawn` is the promise's figure.
pub(super) fn promise_page(promise: &Promise, drawn: &Shown) -> String {
    let mut page = begin(&format!("{}: what runs will do", promise.scenario));
    let percent = |share: f64| number(100.0 * share);
    let said = promise.bounds().into_iter().filter_map(|(what, bound, unit)| {
        bound.map(|of| format!("The {what} is at most {} {unit}.", number(of.at_most)))
    });
    let mut lines = vec![format!(
        "With {} % confidence, of at least {} % of the runs of this scenario at other seeds:",
        percent(promise.confidence),
        percent(promise.coverage)
    )];
    lines.extend(said);
    verdict(&mut page, Tone::Plain, &lines);
    facts(
        &mut page,
        &[
            ("runs", promise.runs.len().to_string()),
            ("slots of each", promise.slots.to_string()),
            ("seeds drawn from", promise.seed.to_string()),
        ],
    );
    let caption = "Every run is a mark; the line is the largest of them, which is what is promised.";
    figure(&mut page, &Picture { title: "Runs and bounds", caption, ..drawn.picture() });
    page.push_str("<h2>What it rests on</h2>\n<p>Each bound holds by itself, for runs of as many slots. It rests on independent seeds alone, not on the problem: the largest of n independent runs is exceeded by less than a share 1 − p of all runs with probability 1 − pⁿ (Wilks 1941).</p>\n");
    let rows: Vec<Vec<String>> = promise
        .bounds()
        .into_iter()
        .map(|(what, bound, unit)| {
            let (mean, most) = (or_dash(bound, |of| number(of.mean)), or_dash(bound, |of| number(of.at_most)));
            vec![what.into(), mean, most, unit.into()]
        })
        .collect();
    table(&mut page, "Bounds", &["of every run", "mean of the runs", "at most", "unit"], &rows);
    let rows: Vec<Vec<String>> = promise
        .runs
        .iter()
        .map(|run| {
            vec![
                run.seed.to_string(),
                run.planned.to_string(),
                or_dash(run.worst_overspend, number),
                or_dash(run.mean_latency_s, number),
                number(run.queue_norm),
            ]
        })
        .collect();
    let heads =
        ["seed", "rounds", "worst overspend [budgets]", "mean latency [s]", "largest norm of all queues [budgets]"];
    table(&mut page, "Runs", &heads, &rows);
    put(
        &mut page,
        format_args!(
            "<h2>Files</h2>\n<p>Beside this page: <a href=\"promise.json\">promise.json</a>, <a href=\"{0}\">{0}</a>. <code>collapipe run --seed N</code> plays a run again.</p>\n",
            drawn.name
        ),
    );
    let model = "All numbers are of our own reconstruction of the system in CollaPipe (arXiv 2509.19855): none of them is one of the paper's.";
    end(&mut page, [format!("collapipe {}.", promise.version), model.into()]);
    page
}
