//! The page of a run: from its record alone, whole, escaped, and as a browser shows it.

use std::fs;

use collapipe::report::write_folder;
use collapipe::simulation::{Run, RunRecord};
use collapipe::solver::Settings;

use crate::support::browser::browser;
use crate::support::folder;
use crate::support::pages::{check, seen};
use crate::support::scenario::{changed, read};
use crate::synthetic::{Made, record};

fn page(record: &RunRecord, name: &str) -> String {
    let folder = folder(name);
    write_folder(record, &folder).unwrap();
    fs::read_to_string(folder.join("report.html")).unwrap()
}

fn played(slots: u64) -> RunRecord {
    let scenario = read(&changed("slots = 20", &format!("slots = {slots}"))).unwrap();
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let slots = run.by_ref().map(Result::unwrap).collect();
    run.record(slots)
}

#[test]
fn a_record_that_was_read_gives_the_page_of_the_run() {
    let played = played(8);
    let read: RunRecord = serde_json::from_str(&serde_json::to_string(&played).unwrap()).unwrap();
    let page_of_run = page(&played, "report-page-played");
    assert_eq!(page_of_run, page(&read, "report-page-read"));
    // A typical round is that of median latency, with its batch drawn for desk and phone.
    let mut latencies: Vec<f64> = played.planned_slots().map(|(_, round)| round.latency_s.0).collect();
    latencies.sort_by(f64::total_cmp);
    let median = latencies[(latencies.len() - 1) / 2];
    let (slot, _) = played.planned_slots().find(|(_, round)| round.latency_s.0 == median).unwrap();
    assert!(page_of_run.contains(&format!("That of slot {slot}, of median latency")));
    // Of five figures and one batch a drawing for the desk and one for the phone.
    let drawn = |class: &str| page_of_run.matches(&format!("<div class=\"{class}\"><svg ")).count();
    assert_eq!((drawn("desk"), drawn("phone")), (6, 6));
    for word in ["slots.csv", "rounds.csv", "radio.csv", "memory.csv", "record.json", "latency.svg"] {
        assert!(page_of_run.contains(&format!("<a href=\"{word}\">")), "{word}");
    }
}

#[test]
fn the_page_is_escaped_and_asks_for_nothing() {
    let mut hostile = record(&Made { slots: 30, ..Made::default() });
    let bad = "<script>alert(1)</script>&\"'";
    hostile.provenance.scenario = bad.into();
    hostile.clusters[0] = bad.into();
    hostile.nodes[1].name = format!("{}/{bad}", hostile.clusters[0]);
    let page = page(&hostile, "report-page-hostile");
    assert!(!page.contains("<script>alert"), "escaped everywhere");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;") && page.contains("\\u003cscript>"));
    assert!(!page.contains("src=") && !page.contains("href=\"http") && !page.contains("@import"));
    assert!(page.contains("default-src 'none'"), "a browser holds it to that");
    // Its batches were not recorded: the page says so instead of leaving them out.
    assert!(page.contains("The batch is not drawn: the record does not hold the times of its stages."));
}

#[test]
fn runs_without_rounds_or_budgets_have_a_page() {
    for (name, made) in [
        ("outages", Made { slots: 5, outage: 1.0, ..Made::default() }),
        ("free", Made { slots: 5, budgets: false, ..Made::default() }),
        ("empty", Made { slots: 0, ..Made::default() }),
        ("long", Made { slots: 2500, ..Made::default() }),
    ] {
        let page = page(&record(&made), &format!("report-page-{name}"));
        let (told, _) = page.split_once("<footer>").unwrap();
        assert!(page.trim_end().ends_with("</html>") && !told.contains("NaN"), "{name}");
        assert_eq!(page.contains("A typical round"), ["free", "long"].contains(&name), "{name}");
    }
}

#[test]
fn the_page_works_in_a_browser_on_a_phone_and_in_the_dark() {
    let Some(browser) = browser() else { return };
    let page = page(&played(12), "report-page-browser");
    let seen = seen(browser, "run", &page);
    // Five figures and one batch.
    check(&seen, 6);
    let headings = page.matches("<th scope=\"col\"").count();
    assert!(headings > 20 && seen.iter().all(|of| of.sorted == headings), "{seen:?}");
    assert!(seen.iter().all(|of| of.told == 4), "figures tell their values: {seen:?}");
}
