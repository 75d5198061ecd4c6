//! Figures and the page of experiments, from made-up tables.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use collapipe::experiments::{
    Contrast, ContrastColumn, Drawing, DrawnExperiment, Interval, Metric, PlotSpec, ResultTable, Row, catalogue,
    contrast_text, findings, write_experiment_page,
};
use collapipe::report::FigureStyle;
use collapipe::simulation::PolicyKind;

use crate::support::browser::browser;
use crate::support::folder;
use crate::support::pages::{check, seen};
use crate::support::pictures::assert_folder;

fn table(drawing: Drawing, log: bool, policies: usize, places: usize, seeds: u64) -> ResultTable {
    let mut rows = Vec::new();
    for place in 0..places {
        for policy in 0..policies {
            for seed in 0..seeds {
                let x = 0.01 * 3f64.powi(place as i32);
                let value = (1.0 + policy as f64) * (1.0 + 0.05 * seed as f64) / (1.0 + x);
                rows.push(Row {
                    x: Some(x),
                    x_label: format!("place {place} <&>\""),
                    series: format!("policy-{policy} <b>&\""),
                    seed,
                    metrics: BTreeMap::from([(Metric::LatencyS, value), (Metric::Gap, policy as f64)]),
                });
            }
        }
    }
    let plot = |metric| PlotSpec { metric, x_axis: "V [1/s] <&>".into(), drawing, log_x: log, log_y: log };
    ResultTable {
        name: format!("made-up-{drawing:?}-{log}-{policies}"),
        title: "Title <script>alert(1)</script> & \"more\"".into(),
        question: "Who <wins>?".into(),
        expectation: "None & all.".into(),
        caption: "What is seen.".into(),
        plots: vec![plot(Metric::LatencyS), plot(Metric::Gap)],
        skipped: None,
        slots: None,
        contrast: None,
        rows,
    }
}

fn all() -> Vec<ResultTable> {
    let left_out = table(Drawing::Bars, false, 1, 1, 1);
    vec![
        table(Drawing::Bars, false, 13, 3, 5),
        table(Drawing::Lines, true, 4, 7, 5),
        table(Drawing::Lines, true, 15, 7, 1),
        table(Drawing::Bars, true, 15, 1, 1),
        ResultTable { name: "left-out".into(), skipped: Some("no <file>".into()), rows: vec![], ..left_out.clone() },
        ResultTable { name: "nothing".into(), rows: vec![], ..left_out },
    ]
}

/// The page of all tables.
fn page(provenance: &[String], folder: &Path) -> PathBuf {
    let tables = all();
    let drawn: Vec<_> = tables.iter().map(|table| DrawnExperiment::new(table).unwrap()).collect();
    write_experiment_page(&drawn, provenance, folder).unwrap()
}

#[test]
fn intervals_match_hand_values() {
    assert_eq!(Interval::of(&[]), None);
    assert_eq!(Interval::of(&[2.0, f64::NAN]), None);
    // Sample variance 2.5, n = 5, t(0.975, 4) = 2.776445.
    let five = Interval::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    assert!((five.mean - 3.0).abs() < 1e-12);
    assert!((five.half_width.unwrap() / (2.776_445 * 0.5f64.sqrt()) - 1.0).abs() < 1e-6);
    // t(0.975, 60) = 2.000298.
    let values: Vec<f64> = (0..61).map(f64::from).collect();
    let error = (values.iter().map(|v| (v - 30.0).powi(2)).sum::<f64>() / 60.0 / 61.0).sqrt();
    assert!((Interval::of(&values).unwrap().half_width.unwrap() / error / 2.000_298 - 1.0).abs() < 1e-6);
}

#[test]
fn every_table_gives_figures_without_raw_names() {
    for table in &all() {
        let paths =
            DrawnExperiment::new(table).unwrap().write(&folder(&format!("report-experiments-{}", table.name))).unwrap();
        let svg = fs::read_to_string(&paths[0]).unwrap();
        assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains("NaN"));
        let series: std::collections::BTreeSet<_> = table.rows.iter().map(|row| &row.series).collect();
        let named = (0..series.len()).filter(|k| svg.contains(&format!("policy-{k} &lt;b&gt;"))).count();
        assert_eq!(named, series.len(), "{}", table.name);
        let png = fs::read(&paths[1]).unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        let width = u32::from_be_bytes(png[16..20].try_into().unwrap());
        assert_eq!(width, 2400);
        // A blank page of this size has a few hundred bytes.
        assert!(png.len() > 5_000, "{}: {} bytes", table.name, png.len());
    }
}

#[test]
fn figures_are_fit_for_papers_screens_and_slides() {
    for style in FigureStyle::ALL {
        for table in &all() {
            let folder = folder(&format!("report-experiments-{style:?}-{}", table.name));
            DrawnExperiment::styled(table, style).unwrap().write(&folder).unwrap();
            assert_eq!(assert_folder(&folder, style), ["figure.svg"]);
            assert!(folder.join("figure.png").exists());
        }
    }
    // A figure for a screen leaves no PDF of an earlier one.
    let (table, folder) = (&all()[0], folder("report-experiments-restyled"));
    for style in [FigureStyle::Paper, FigureStyle::Screen] {
        DrawnExperiment::styled(table, style).unwrap().write(&folder).unwrap();
        assert_folder(&folder, style);
    }
}

/// Every experiment's axes have units, and there is room for all that they say.
#[test]
fn figures_of_the_whole_catalogue_are_fit() {
    for experiment in catalogue::ALL {
        let plots = (experiment.plots)();
        let mut of = table(plots[0].drawing, true, 6, 5, 3);
        let metrics: Vec<Metric> = plots.iter().map(|plot| plot.metric).collect();
        for row in &mut of.rows {
            let value = row.metrics[&Metric::LatencyS];
            row.metrics = metrics.iter().map(|metric| (*metric, value)).collect();
        }
        of.title = experiment.title.into();
        of.plots = plots;
        for style in FigureStyle::ALL {
            let folder = folder(&format!("report-experiments-{style:?}-{}", experiment.name));
            DrawnExperiment::styled(&of, style).unwrap().write(&folder).unwrap();
            assert_folder(&folder, style);
        }
    }
}

/// All policies in one figure, told apart without colour.
#[test]
fn all_policies_are_told_apart() {
    let mut of = table(Drawing::Lines, true, PolicyKind::ALL.len(), 3, 3);
    for row in &mut of.rows {
        let place: usize = row.series.split(['-', ' ']).nth(1).unwrap().parse().unwrap();
        row.series = PolicyKind::ALL[place].to_string();
    }
    for style in FigureStyle::ALL {
        let folder = folder(&format!("report-experiments-policies-{style:?}"));
        DrawnExperiment::styled(&of, style).unwrap().write(&folder).unwrap();
        assert_folder(&folder, style);
        let svg = fs::read_to_string(folder.join("figure.svg")).unwrap();
        assert!(PolicyKind::ALL.iter().all(|policy| svg.contains(&format!(">{policy}</text>"))), "{style:?}");
    }
}

#[test]
fn contrasts_are_those_of_the_same_seeds() {
    let row = |series: &str, seed, latency: f64, used: f64| Row {
        x: None,
        x_label: "bert".into(),
        series: series.into(),
        seed,
        metrics: BTreeMap::from([(Metric::LatencyS, latency), (Metric::WorstBudgetUse, used)]),
    };
    // Halves on every seed, although the seeds are far apart; the third seed has no partner, `none` no seed in common.
    let rows = vec![
        row("exact", 1, 1.0, 1.0),
        row("exact", 2, 100.0, 1.0),
        row("exact", 3, 7.0, 1.0),
        row("slow", 1, 2.0, 1.5),
        row("slow", 2, 200.0, 1.5),
        row("exact", 5, 4.0, 1.0),
        row("slow", 5, 8.0, 1.5),
        row("none", 4, 1.0, 1.0),
        row("zero", 1, 0.0, 1.0),
    ];
    let column = |metric, published: &str| ContrastColumn { metric, published: published.into() };
    let contrast = Contrast {
        reference: "exact".into(),
        columns: vec![column(Metric::LatencyS, "half of <it>"), column(Metric::Gap, "")],
        publication: "somebody".into(),
        remark: "Not to be compared.".into(),
    };
    let mut table = ResultTable { rows, contrast: Some(contrast), ..table(Drawing::Bars, false, 1, 1, 1) };
    let text = contrast_text(&table, 2000).unwrap();
    let found = |name: &str| text.lines().find(|line| line.contains(name)).map(str::to_owned);
    assert_eq!(
        found("slow").unwrap().split_whitespace().collect::<Vec<_>>(),
        ["bert", "slow", "-50.0", "±", "0.0", "-", "150.0", "-"]
    );
    assert!(found("somebody").unwrap().contains("half of <it>"));
    assert_eq!((found("none"), found("zero")), (None, None));
    assert!(text.contains("Not to be compared."));
    assert!(text.contains("in latency than 1 of 1 others (worse than 0)"), "{text}");
    let drawn = [DrawnExperiment::new(&table).unwrap()];
    let page = fs::read_to_string(write_experiment_page(&drawn, &[], &folder("report-experiments-contrast")).unwrap())
        .unwrap();
    assert!(page.contains("<td class=\"n\">-50.0 ± 0.0</td>") && page.contains("half of &lt;it&gt;"));
    assert!(page.contains("/contrast.csv"));
    table.rows.clear();
    assert_eq!(contrast_text(&table, 2000), None);
    table.contrast = None;
    assert_eq!(contrast_text(&table, 2000), None);
}

#[test]
fn page_is_escaped_and_asks_for_nothing() {
    let path = page(&["made <by> hand".into()], &folder("report-experiments-page"));
    let page = fs::read_to_string(path).unwrap();
    // One script, which is ours.
    assert_eq!(
        (page.matches("<script").count(), page.matches("alert(1)").count()),
        (1, page.matches("&lt;script&gt;alert(1)").count())
    );
    assert!(!page.contains("<b>&") && !page.contains("<by>"));
    assert!(!page.contains("src=") && !page.contains("href=\"http") && !page.contains("@import"));
    assert!(page.contains("default-src 'none'"), "a browser holds it to that");
    assert_eq!(page.matches("role=\"img\"").count(), 5);
    assert!(page.contains("Left out.") && page.contains("no &lt;file&gt;"));
    // 13 policies at 3 places: a row each, 2.000 ± its half width.
    assert!(page.matches("<tr><th scope=\"row\">place").count() >= 39 && page.contains("± "));
}

#[test]
fn page_works_in_a_browser_on_a_phone_and_in_the_dark() {
    let Some(browser) = browser() else { return };
    let page = fs::read_to_string(page(&[], &folder("report-experiments-browser"))).unwrap();
    let seen = seen(browser, "experiments", &page);
    check(&seen, 5);
    let headings = page.matches("<th scope=\"col\"").count();
    assert!(headings > 10 && seen.iter().all(|of| of.sorted == headings), "{seen:?}");
}

#[test]
fn findings_follow_the_rows() {
    let row = |series: &str, x: f64, latency: f64, used: f64, lost: f64| Row {
        x: Some(x),
        x_label: format!("{x} MHz"),
        series: series.into(),
        seed: 1,
        metrics: BTreeMap::from([
            (Metric::LatencyS, latency),
            (Metric::WorstBudgetUse, used),
            (Metric::OutageShare, lost),
        ]),
    };
    let plot = |metric| PlotSpec {
        metric,
        x_axis: "bandwidth [MHz]".into(),
        drawing: Drawing::Lines,
        log_x: false,
        log_y: false,
    };
    let mut table = ResultTable {
        plots: [Metric::LatencyS, Metric::WorstBudgetUse, Metric::OutageShare].map(plot).to_vec(),
        rows: vec![
            row("exact", 1.0, 10.0, 1.53, 0.0),
            row("exact", 2.0, 4.0, 1.0, 0.0),
            row("exact", 3.0, 5.0, 0.9, 0.0),
            row("other", 1.0, 10.0, 1.2, 0.25),
            row("other", 2.0, 8.0, 1.1, 0.0),
            row("other", 3.0, 7.0, 0.9, 0.0),
        ],
        ..table(Drawing::Lines, false, 1, 1, 1)
    };
    assert_eq!(
        findings(&table),
        [
            "Mean round latency: exact falls from 10.00 s at 1 MHz to 5.000 s at 3 MHz (bandwidth [MHz]), least with 4.000 s at 2 MHz.",
            "Mean round latency: least for exact at 3 of 3 places.",
            "Mean round latency: largest for other at 3 of 3 places.",
            "The worst node spends more than its budget: exact at 1 MHz (153.0 %); other at 1 MHz (120.0 %) and 2 MHz (110.0 %).",
            "Slots without a round: other up to 25.00 % (at 1 MHz).",
        ]
    );
    // Other runs, other findings: nothing is said that the rows do not say.
    for row in &mut table.rows {
        row.metrics = BTreeMap::from([(Metric::LatencyS, row.x.unwrap()), (Metric::WorstBudgetUse, 0.5)]);
        row.metrics.insert(Metric::OutageShare, 0.0);
    }
    assert_eq!(
        findings(&table),
        [
            "Mean round latency: exact rises from 1.000 s at 1 MHz to 3.000 s at 3 MHz (bandwidth [MHz]).",
            "Mean round latency: all are alike.",
            "Every policy keeps every budget in the mean.",
            "Every slot has a round.",
        ]
    );
    // A panel of zeros is a word.
    let drawn = DrawnExperiment::new(&table).unwrap();
    assert!(drawn.svg().contains("Slots without a round: 0 in all runs"));
    assert!(!drawn.svg().contains("Slots without a round [%]") && drawn.svg().contains("Mean round latency [s]"));
    table.rows.clear();
    assert_eq!(findings(&table), [""; 0]);
}

#[test]
fn intervals_end_where_values_end() {
    let share = Interval::of(&[0.0, 0.0, 90.0]).unwrap().within(Metric::OutageShare.range());
    assert_eq!(share.ends().0, 0.0);
    assert_eq!(share.ends().1, 100.0);
    assert_eq!(Interval::of(&[1.0, 2.0]).unwrap().half_width, None);
    let drawn = table(Drawing::Lines, false, 2, 3, 2);
    let paths = DrawnExperiment::new(&drawn).unwrap().write(&folder("report-experiments-two-seeds")).unwrap();
    assert!(fs::read_to_string(&paths[0]).unwrap().contains("too few for confidence intervals"));
}
