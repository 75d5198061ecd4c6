//! `--figures`: every command that writes figures, in every style, looked at as files.

use std::fs;
use std::path::{Path, PathBuf};

use collapipe::report::FigureStyle;

use crate::program::{code, run, stderr};
use crate::support::folder;
use crate::support::pictures::{assert_folder, assert_pdf, assert_svg, assert_svg_of};
use crate::support::scenario::changed;

const STYLES: [(&str, FigureStyle); 4] = [
    ("paper", FigureStyle::Paper),
    ("paper-wide", FigureStyle::PaperWide),
    ("screen", FigureStyle::Screen),
    ("slides", FigureStyle::Slides),
];

const CONVERGENCE: &str = "[convergence]\ntarget = 0.6\ninitial_gap = 0.2\nstep_size = 0.05\nsmoothness = 1.5\n\
    sample_variance = 6.0\nheterogeneity = 0.3\nupdate = \"per-micro-batch\"\n\n[uplink]";

fn scenario(name: &str) -> (PathBuf, String) {
    let folder = folder(name);
    let text = changed("budget_j_per_round = 2.0", "budget_j_per_round = 0.05").replace("[uplink]", CONVERGENCE);
    let file = folder.join("scenario.toml");
    fs::write(&file, text).unwrap();
    (folder, file.to_str().unwrap().to_owned())
}

fn done(arguments: &[&str]) {
    let output = run(arguments);
    assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
}

/// Runs a command once for every style, into one folder, and looks at the figures each time.
fn in_every_style(arguments: &[&str], out: &Path, figures: &[(&str, &[&str])]) {
    for (name, style) in STYLES {
        done(&[arguments, &["--out", out.to_str().unwrap(), "--figures", name]].concat());
        for (below, files) in figures {
            assert_eq!(assert_folder(&out.join(below), style), *files, "{arguments:?} {name}");
        }
    }
    // Without the option figures are for a screen.
    done(&[arguments, &["--out", out.to_str().unwrap()]].concat());
    assert_folder(&out.join(figures[0].0), FigureStyle::Screen);
}

#[test]
fn of_runs_sweeps_and_promises() {
    let (folder, scenario) = scenario("figures-runs");
    let of_run: &[&str] = &["certificates.svg", "energy.svg", "latency.svg", "queues.svg", "segments.svg"];
    in_every_style(&["run", &scenario, "--slots", "30"], &folder.join("run"), &[("", of_run)]);
    let policy = ["run", &scenario, "--slots", "30", "--policy", "split-fed", "--certificates", "off"];
    in_every_style(&policy, &folder.join("policy"), &[("", of_run)]);
    let of_sweep: &[&str] = &["plans.svg", "scaling.svg", "tradeoff.svg"];
    let over_v = ["tradeoff", &scenario, "--v", "0.01,0.1,1,10", "--slots", "24"];
    in_every_style(&over_v, &folder.join("tradeoff"), &[("", of_sweep)]);
    let over_target = ["tradeoff", &scenario, "--epsilon", "0.3,0.6,1.2", "--slots", "24"];
    in_every_style(&over_target, &folder.join("epsilon"), &[("", &["plans.svg"])]);
    let promise = ["promise", &scenario, "--confidence", "0.9", "--coverage", "0.7", "--slots", "12"];
    in_every_style(&promise, &folder.join("promise"), &[("", &["promise.svg"])]);
}

#[test]
fn of_experiments_of_ones_own() {
    let (folder, scenario) = scenario("figures-own");
    let size = ["--seeds", "3", "--slots", "4"];
    let compare = [&["compare", &scenario, "--policies", "exact,uniform-segments,random"][..], &size].concat();
    in_every_style(&compare, &folder.join("compare"), &[("compare", &["figure.svg"])]);
    let vary = "latency_weight=0.1,1,10";
    let sweep = [&["sweep", &scenario, vary, "--policies", "exact,uniform-segments,random"][..], &size].concat();
    in_every_style(&sweep, &folder.join("sweep"), &[("sweep", &["figure.svg"])]);
    let svg = fs::read_to_string(folder.join("sweep/sweep/figure.svg")).unwrap();
    assert!(svg.contains("latency_weight [1/s] (log)"), "an axis of a field has its unit");
}

/// Charts are printed, or written where `--out` says.
#[test]
fn of_charts() {
    let (folder, scenario) = scenario("figures-charts");
    let commands: [(&[&str], f64); 2] = [(&["plan", &scenario], 7.16), (&["schedule", "1f1b", "--link", "0.4"], 3.5)];
    for (command, usual) in commands {
        let drawn = |format: &str, more: &[&str]| {
            let output = run(&[command, &["--format", format], more].concat());
            assert_eq!(code(&output), 0, "{command:?}: {}", stderr(&output));
            output.stdout
        };
        let both = |name: &str, style: FigureStyle, width: f64, more: &[&str]| {
            let svg = String::from_utf8(drawn("svg", more)).unwrap();
            assert_svg_of(name, &svg, style, width);
            assert_pdf(name, &drawn("pdf", more), &svg);
        };
        for (name, style) in STYLES {
            both(name, style, style.width_in(), &["--figures", name]);
        }
        both("as it is", FigureStyle::Paper, usual, &[]);
        both("wide", FigureStyle::Slides, 12.0, &["--figures", "slides", "--width", "12"]);
        let file = folder.join(format!("{}.pdf", command[0]));
        done(&[command, &["--format", "pdf", "--out", file.to_str().unwrap()]].concat());
        assert_eq!(fs::read(&file).unwrap(), drawn("pdf", &[]), "the same on every machine, and every time");
    }
    let output = run(&["plan", &scenario, "--format", "svg", "--figures", "paper"]);
    assert_svg("paper", &String::from_utf8(output.stdout).unwrap(), FigureStyle::Paper);
}

#[test]
fn unknown_styles_are_refused() {
    let output = run(&["run", "--figures", "poster"]);
    assert_eq!(code(&output), 2);
    let said = stderr(&output);
    assert!(["poster", "paper, paper-wide, screen, slides"].iter().all(|word| said.contains(word)), "{said}");
}
