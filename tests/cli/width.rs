//! What is printed for people fits a terminal of 80 columns, and uses more where there is more.

use std::fs;
use std::path::Path;

use crate::program::{code, collapipe, stderr, stdout};
use crate::support::scenario::changed;
use crate::support::{folder, shared};

/// Standard output of a command that neither is told how wide the screen is nor sees one.
fn printed(folder: &Path, command: &str, columns: Option<&str>) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    let mut program = collapipe();
    program.current_dir(folder).args(&words).env_remove("COLUMNS");
    if let Some(columns) = columns {
        program.env("COLUMNS", columns);
    }
    let output = program.output().unwrap();
    assert!([0, 3].contains(&code(&output)), "{command}: {}", stderr(&output));
    stdout(&output)
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

/// Long names, several clusters, a budget that no decision keeps: whatever makes tables wide.
fn wide_scenario() -> String {
    let text = changed("name = \"phone\"", "name = \"telephone-of-the-second-assistant\"");
    let (head, cluster) = text.split_once("[[clusters]]").unwrap();
    let other = cluster
        .replace("\"desk\"", "\"workshop-on-the-second-floor\"")
        .replace("per_round = 0.5", "per_round = 0.0001");
    format!("{head}[[clusters]]{cluster}\n[[clusters]]{other}")
}

#[test]
fn everything_for_people_fits_80_columns() {
    let folder = folder("width");
    fs::write(folder.join("wide.toml"), wide_scenario()).unwrap();
    fs::write(folder.join("small.toml"), changed("slots = 20", "slots = 12")).unwrap();
    let layers = "layer,forward_ms,backward_ms,output_bytes,parameter_bytes\nembedding of a very long name,3,5,1572864,95000000\nblock 1,14,28,1572864,28400000\nblock 2,14,28,1572864,28400000\nhead,9,17,0,95000000\n";
    fs::write(folder.join("layers.csv"), layers).unwrap();
    let mut timings = String::from("devices,blocks,samples,micro_batches,schedule,seconds\n");
    for samples in 1..9 {
        timings +=
            &format!("a-board-with-a-long-name,{samples},{},1,fill-drain,{}\n", 2 * samples, 0.01 * f64::from(samples));
    }
    fs::write(folder.join("timings.csv"), timings).unwrap();
    let mut commands: Vec<String> = [
        "run wide.toml --slots 6 --out run-wide",
        "run small.toml --out run-small",
        "run small.toml --slots 4 --no-files --policy uniform-segments",
        "plan wide.toml",
        "plan small.toml --static",
        "tradeoff small.toml --latency-weight 0.05,0.5,5 --slots 6 --out tradeoff",
        "tradeoff wide.toml --latency-weight 0.05,0.5 --slots 4 --out tradeoff-wide --policy uniform-segments",
        "compare wide.toml --policies exact,uniform-segments,fixed-radio --slots 4 --seeds 1 --out compare",
        "sweep small.toml latency_weight=0.1,1,10 --policies exact,uniform-segments --slots 4 --seeds 1 --out sweep",
        "promise small.toml --slots 4 --confidence 0.5 --coverage 0.5 --out promise",
        "reproduce small-budgets --quick --slots 2 --seeds 1 --out reproduce",
        "partition layers.csv --devices 1,1.4,2.2 --memory 2e8 --bits-per-second 1e9 --latency 0.0005 --objective 1f1b --micro-batches 16",
        "schedule 1f1b --stages 12 --micro-batches 40 --forward 12345.678 --link 1000.5 --latency 0.1",
        "calibrate timings.csv",
        "experiments",
    ]
    .map(String::from)
    .to_vec();
    if cfg!(feature = "milp") {
        commands.push("budget wide.toml --slots 6".into());
    }
    if let Some(piper) = shared("data/pipelines/piper_bert32_a100.csv") {
        let rows = "--where tensor_parallel=1 --where mode=vanilla --order-by node";
        commands.push(format!("partition {} --devices 8x1 {rows} --bits-per-second 1e10", piper.display()));
    }
    for command in &commands {
        let text = printed(&folder, command, None);
        assert!(!text.is_empty(), "{command}");
        assert!(widest(&text) <= 80, "{command} is {} columns wide:\n{text}", widest(&text));
    }
    // One block instead of two where there is room.
    let [two, one] = [None, Some("160")].map(|columns| printed(&folder, "run wide.toml --slots 6 --no-files", columns));
    assert!(widest(&one) > 80 && one.lines().count() < two.lines().count(), "{one}");
}

#[test]
fn help_fits_80_columns() {
    let folder = folder("width-help");
    let main = printed(&folder, "--help", None);
    let commands = main.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let named = commands.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let names: Vec<String> = named.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect();
    assert!(names.contains(&"run".to_owned()) && names.len() > 15, "{names:?}");
    for command in
        names.iter().filter(|name| *name != "help").map(|name| format!("{name} --help")).chain(["--help".into()])
    {
        let text = printed(&folder, &command, None);
        assert!(widest(&text) <= 80, "{command} is {} columns wide:\n{text}", widest(&text));
    }
}
