//! Figures of many kinds of runs: valid files, the labels one looks for, no number that is none.

use collapipe::report::{Conflict, FigureStyle, RunFolder, write_folder};
use collapipe::simulation::{RunRecord, SlotOutcome};
use collapipe::units::{Joules, Seconds};

use crate::support::folder;
use crate::support::pictures::{assert_folder, assert_pdf, assert_svg};
use crate::svg::{assert_figure, assert_shows};
use crate::synthetic::{Made, record};

const FIGURES: [&str; 5] = ["latency.svg", "queues.svg", "energy.svg", "segments.svg", "certificates.svg"];

/// Writes a run's figures, checks what holds for all of them, and returns them.
fn figures(name: &str, record: &RunRecord) -> [String; 5] {
    let folder = folder(&format!("report-figures-{name}"));
    write_folder(record, &folder).unwrap();
    FIGURES.map(|file| {
        let svg = std::fs::read_to_string(folder.join(file)).unwrap();
        assert_figure(&format!("{name}/{file}"), &svg);
        svg
    })
}

#[test]
fn a_usual_run_has_titles_units_and_names() {
    let [latency, queues, energy, segments, certificates] = figures("usual", &record(&Made::default()));
    assert_shows(
        &latency,
        &["Round latency T [s]", "Slot", "p50", "p90", "p99", "mean so far", "slots without a round"],
    );
    let nodes = ["lab", "street", "control-unit", "jetson-nano-0", "pixel-1", "pi-2", "jetson-nano-3", "pixel-4"];
    assert_shows(&queues, &nodes);
    assert_shows(&queues, &["Queue Q [budgets]"]);
    assert_shows(&energy, &nodes);
    assert_shows(&energy, &["Energy / budget"]);
    assert!(!energy.contains("[J]"));
    assert_shows(&segments, &nodes[3..]);
    assert_shows(&segments, &["Encoder blocks", "averaged over 3 slots"]);
    let own = ["the run was not compared with what else was possible", "Mean round latency [s]", "mean so far", "|Q|"];
    assert_shows(&certificates, &own);
}

/// Everything that can be said of a figure by machine, of every kind of run in every style.
#[test]
fn figures_are_fit_for_papers_screens_and_slides() {
    let mut compared = record(&Made { slots: 60, ..Made::default() });
    compared.provenance.policy = "no-pipeline".into();
    let mut mixed = record(&Made { slots: 60, ..Made::default() });
    mixed.nodes.iter_mut().step_by(2).for_each(|node| node.budget_j = None);
    let mut odd = record(&Made { slots: 30, clusters: 1, ..Made::default() });
    odd.clusters[0] = "A cluster whose name is longer than any column of any paper is ever going to be".into();
    odd.nodes.iter_mut().for_each(|node| node.name = format!("{}/{}", odd.clusters[0], "a-very-long-name-".repeat(3)));
    let runs = [
        ("usual", record(&Made::default())),
        ("policy", compared),
        ("mixed", mixed),
        ("odd", odd),
        ("devices", record(&Made { clusters: 1, devices: 14, slots: 60, ..Made::default() })),
        ("clusters", record(&Made { clusters: 40, devices: 3, slots: 20, ..Made::default() })),
        ("one", record(&Made { slots: 1, outage: 0.0, ..Made::default() })),
        ("none", record(&Made { slots: 0, ..Made::default() })),
        ("outages", record(&Made { slots: 30, outage: 1.0, ..Made::default() })),
        ("no_budget", record(&Made { budgets: false, slots: 40, ..Made::default() })),
    ];
    for style in FigureStyle::ALL {
        for (name, record) in &runs {
            let folder = folder(&format!("report-figures-{style:?}-{name}"));
            let written =
                RunFolder::claim(&folder, Conflict::Refuse).unwrap().with_figures(style).write(record).unwrap();
            assert_eq!(assert_folder(&folder, style).len(), FIGURES.len());
            assert_eq!(written.len(), if style.is_for_documents() { 19 } else { 14 });
        }
    }
}

/// A folder holds the figures of one style: a PDF of another would be of another run.
#[test]
fn a_style_replaces_the_figures_of_another() {
    let (folder, of) = (folder("report-figures-styles"), record(&Made { slots: 5, ..Made::default() }));
    for style in [FigureStyle::Paper, FigureStyle::Screen, FigureStyle::Slides] {
        RunFolder::claim(&folder, Conflict::Refuse).unwrap().with_figures(style).write(&of).unwrap();
        assert_folder(&folder, style);
    }
}

#[test]
fn figures_name_the_policy_that_decided() {
    let mut of = record(&Made { slots: 5, outage: 0.0, ..Made::default() });
    assert!(figures("exact", &of).iter().all(|svg| !svg.contains("policy")));
    of.provenance.policy = "full-model-federated".into();
    for svg in figures("policy", &of) {
        assert_shows(&svg, &["(policy full-model-federated)"]);
    }
}

#[test]
fn files_stay_small_however_long_the_run() {
    for svg in figures("long", &record(&Made { slots: 6000, ..Made::default() })) {
        assert!(svg.len() < 600_000, "{} bytes", svg.len());
    }
}

#[test]
fn many_devices_share_a_label_and_many_clusters_a_page() {
    let devices = record(&Made { clusters: 1, devices: 14, slots: 60, ..Made::default() });
    let [_, queues, energy, segments, _] = figures("many_devices", &devices);
    for svg in [queues, energy, segments] {
        assert_shows(&svg, &["pi-11", "2 others"]);
    }
    let clusters = record(&Made { clusters: 40, devices: 3, slots: 20, ..Made::default() });
    for svg in &figures("many_clusters", &clusters)[1..4] {
        assert_shows(svg, &["the 6 of 40 clusters that weigh most"]);
    }
}

#[test]
fn short_and_empty_runs() {
    figures("one_slot", &record(&Made { slots: 1, outage: 0.0, ..Made::default() }));
    figures("two_slots", &record(&Made { slots: 2, outage: 0.0, ..Made::default() }));
    let only_outages = record(&Made { slots: 30, outage: 1.0, ..Made::default() });
    let no_slot = record(&Made { slots: 0, ..Made::default() });
    for (name, record) in [("only_outages", only_outages), ("no_slot", no_slot)] {
        for svg in figures(name, &record) {
            assert_shows(&svg, &["no planned round"]);
        }
    }
}

#[test]
fn energy_without_a_budget_is_in_joules() {
    let none = record(&Made { budgets: false, slots: 40, ..Made::default() });
    let mut zero = record(&Made { slots: 40, ..Made::default() });
    zero.nodes.iter_mut().for_each(|node| node.budget_j = Some(Joules(0.0)));
    for (name, record) in [("no_budget", none), ("zero_budget", zero)] {
        let [_, queues, energy, segments, _] = figures(name, &record);
        assert_shows(&queues, &["no node has an energy budget"]);
        assert_shows(&energy, &["Energy per slot [J]", "no node has a budget", "pixel-4", "control-unit"]);
        assert_shows(&segments, &["pixel-4"]);
    }
}

#[test]
fn extreme_records_are_drawn_and_inconsistent_ones_refused() {
    let mut outlier = record(&Made::default());
    let mut equal = record(&Made { slots: 50, ..Made::default() });
    let mut cut = record(&Made { slots: 50, ..Made::default() });
    for (index, slot) in outlier.slots.iter_mut().enumerate() {
        if let SlotOutcome::Planned(planned) = &mut slot.outcome {
            planned.latency_s = Seconds(if index % 200 == 50 { 1e7 } else { 10.0 + (index % 7) as f64 });
        }
    }
    for slot in &mut equal.slots {
        slot.queues.fill(0.0);
        if let SlotOutcome::Planned(planned) = &mut slot.outcome {
            planned.latency_s = Seconds(0.0);
        }
    }
    for slot in &mut cut.slots {
        slot.energy_j.truncate(2);
        slot.queues.clear();
        if let SlotOutcome::Planned(planned) = &mut slot.outcome {
            planned.plan = 99;
            planned.clusters.truncate(1);
        }
    }
    let [latency, ..] = figures("outlier", &outlier);
    assert_shows(&latency, &["3 rounds above the axis, up to 1.00e7 s"]);
    figures("equal", &equal);
    let error = write_folder(&cut, &folder("figures-cut")).unwrap_err().to_string();
    assert!(error.contains("slots[0].energy_j: 2 entries, must be 12"), "{error}");
}

#[test]
fn names_are_escaped() {
    let mut odd = record(&Made { slots: 5, outage: 0.0, ..Made::default() });
    odd.clusters[0] = "R&D <east> \"1\"\u{7}".into();
    odd.nodes[1].name = "a<b & c's".into();
    let [_, queues, ..] = figures("odd_names", &odd);
    assert_shows(&queues, &["R&amp;D &lt;east&gt; &quot;1&quot;", "a&lt;b &amp; c&apos;s"]);
}

/// The checks of figures find what they are for.
#[test]
fn faults_in_figures_are_noticed() {
    let folder = folder("report-figures-faults");
    let run = record(&Made { slots: 20, ..Made::default() });
    RunFolder::claim(&folder, Conflict::Refuse).unwrap().with_figures(FigureStyle::Paper).write(&run).unwrap();
    let svg = std::fs::read_to_string(folder.join("energy.svg")).unwrap();
    let pdf = std::fs::read(folder.join("energy.pdf")).unwrap();
    let noticed = |of: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(of)).is_err();
    let svg_is_bad = |svg: &str| noticed(&|| assert_svg("planted", svg, FigureStyle::Paper));
    let change = |from: &str, to: &str| {
        assert!(svg.contains(from), "{from}");
        svg.replacen(from, to, 1)
    };
    assert!(!svg_is_bad(&svg));
    let first_mark = svg.split("<g class=\"sample\"").nth(2).unwrap();
    let first_mark = first_mark.split_once(">\n").unwrap().1.split_once("</g>").unwrap().0;
    let faults = [
        ("text that is too small", change("font-size=\"8\"", "font-size=\"7.5\"")),
        ("another width", change("width=\"3.5in\"", "width=\"3.4in\"")),
        ("a unit that is not a point", change("viewBox=\"0 0 252 ", "viewBox=\"0 0 260 ")),
        ("an axis without a unit", change("Energy / budget", "Energy")),
        ("text off the page", change("<text x=\"", "<text x=\"-")),
        ("text on text", svg.replace("class=\"tick\"", "class=\"tick\" transform=\"translate(0 12)\"")),
        ("a number that is none", change("class=\"tick\"", "class=\"tick\" data-x=\"NaN\"")),
        ("two samples alike", {
            let second = svg.split("<g class=\"sample\"").nth(3).unwrap();
            let second = second.split_once(">\n").unwrap().1.split_once("</g>").unwrap().0;
            change(second, &first_mark.replace("#0072b2", "#d55e00"))
        }),
    ];
    for (fault, svg) in faults {
        assert!(svg_is_bad(&svg), "{fault}");
    }
    let pdf_is_bad = |pdf: &[u8], svg: &str| noticed(&|| assert_pdf("planted", pdf, svg));
    assert!(!pdf_is_bad(&pdf, &svg));
    assert!(pdf_is_bad(&pdf, &change(">Slot<", ">slot<")), "other text");
    assert!(pdf_is_bad(&pdf, &change("viewBox=\"0 0 252 ", "viewBox=\"0 0 260 ")), "another page");
    assert!(pdf_is_bad(&pdf[..pdf.len() / 2], &svg), "half a file");
    let at = pdf.windows(9).position(|bytes| bytes == b"FontFile2").unwrap();
    let mut without = pdf.clone();
    without[at] = b'X';
    assert!(pdf_is_bad(&without, &svg), "no font");
    let mut shifted = pdf;
    shifted.splice(20..20, *b"%\n");
    assert!(pdf_is_bad(&shifted, &svg), "objects elsewhere");
}
