//! `collapipe-engine profile`.

use std::path::{Path, PathBuf};

use clap::Args;
use collapipe::model::{Head, ModelPreset};
use collapipe::scenario::ScenarioFile;
use collapipe_engine::profile::measure;
use collapipe_engine::work::model_of;

use super::{Failure, print, read};

/// Measure how fast this machine computes encoder blocks, and write it as a device that scenarios can name.
///
/// In a scenario: calibrated = { file = "device.toml", name = "this-machine" } beside the device's preset.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Scenario (TOML) whose model is measured
    #[arg(long, conflicts_with = "model")]
    scenario: Option<PathBuf>,
    /// Model that is measured, an encoder as bert-tiny
    #[arg(long, default_value = "bert-tiny")]
    model: ModelPreset,
    /// Samples of a micro-batch, several numbers
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,16")]
    samples: Vec<usize>,
    /// How often each is measured; medians count
    #[arg(long, default_value_t = 9)]
    repeats: usize,
    /// What the device is called
    #[arg(long, default_value = "this-machine")]
    name: String,
    /// File for the device; printed alone if left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "out")]
    overwrite: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let model = match &arguments.scenario {
        Some(path) => {
            let file = ScenarioFile::parse(&read(path)?, path.parent().unwrap_or(Path::new("")));
            model_of(&file.map_err(Failure::input)?.spec.model).map_err(Failure::input)?
        }
        None => {
            let mut spec = arguments.model.spec(arguments.model.default_sequence_length());
            if !matches!(spec.head, Head::Classifier { .. }) {
                spec.head = Head::Classifier { classes: 2 };
            }
            spec
        }
    };
    let profile = measure(&model, &arguments.samples, arguments.repeats).map_err(Failure::input)?;
    let toml = profile.preset_toml(&arguments.name);
    print(&format!("{}\n{toml}", profile.text()))?;
    match &arguments.out {
        Some(path) => collapipe::write_text(path, &toml, arguments.overwrite).map_err(Failure::input),
        None => Ok(()),
    }
}
