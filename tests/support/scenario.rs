//! A small scenario to be changed by tests.

use collapipe::scenario::{Scenario, ScenarioFile, ScenarioFileError};

pub const SMALL: &str = r#"schema = "collapipe.scenario/1"
name = "small"
slots = 20
seed = 1
latency_weight = 0.5

[model]
preset = "bert-tiny"
sequence_length = 64

[uplink]
bandwidth_hz = 10e6

[[plans]]
local_iterations = 1
micro_batches = 2

[[plans]]
local_iterations = 1
micro_batches = 4

[channel.geometric.device_links]
path_loss = "d2d-indoor"
carrier_hz = 2.0e9
fading = "rayleigh"

[channel.geometric.edge_server_links]
path_loss = "umi-street-canyon"
carrier_hz = 3.5e9
fading = "rayleigh"

[[clusters]]
name = "desk"
batch_size = 8
bandwidth_hz = 10e6

[clusters.control_unit]
preset = "raspberry-pi-4"
position = { x_m = 0.0, y_m = 0.0 }
budget_j_per_round = 0.5

[clusters.edge_server]
preset = "rtx-3090"
position = { x_m = 50.0, y_m = 0.0, height_m = 10.0 }

[[clusters.devices]]
name = "pi"
preset = "raspberry-pi-4"
position = { x_m = 3.0, y_m = 0.0 }
budget_j_per_round = 2.0

[[clusters.devices]]
name = "phone"
preset = "phone-note10"
position = { x_m = 6.0, y_m = 0.0 }
"#;

/// The small scenario with the first `from` replaced by `to`.
pub fn changed(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from:?} is not in the scenario");
    SMALL.replacen(from, to, 1)
}

pub fn read(text: &str) -> Result<Scenario, ScenarioFileError> {
    ScenarioFile::parse(text, "".as_ref())?.build()
}

/// The line, from 1, on which `text` has `word` first.
pub fn line_of(text: &str, word: &str) -> usize {
    text.lines().position(|line| line.contains(word)).unwrap() + 1
}
