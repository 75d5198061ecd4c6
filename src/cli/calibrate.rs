//! `collapipe calibrate`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use collapipe::calibration::{Calibration, CalibrationSpec, Quantity, Timing, calibrate as fit};
use collapipe::model::{ModelPreset, Transformer};
use collapipe::schedule::Sending;
use collapipe::text::Table;
use collapipe::write_text;

use super::args::Format;
use super::{Done, Failure, io};

/// Find how fast devices and links really are, from iterations of pipelines that were timed.
///
/// Fits seconds per block of every device, overheads, latencies, rate and staging of links to the rows by robust least
/// squares, with 95 % intervals and the mean error of rows that were left out. Warns of numbers that the rows do not tell.
/// With --out writes devices that a scenario can name.
#[derive(Clone, Debug, Args)]
pub struct CalibrateArguments {
    /// Timings (CSV; docs/calibrate.md), or `-` for standard input
    pub timings: PathBuf,
    /// What is fitted, separated by commas; everything but staging-factor if left out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub fit: Vec<Quantity>,
    /// A quantity that is not fitted, at this value instead of 0; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = fixed)]
    pub fixed: Vec<(Quantity, f64)>,
    /// Whom sending occupies: overlapped (the link), blocking (the sender), transmitter, half-duplex, medium or delay
    #[arg(long, value_name = "MODE", default_value = "overlapped", value_parser = sending)]
    pub sending: Sending,
    /// The model whose blocks were timed: their work and the size of messages
    #[arg(long, value_name = "NAME")]
    pub model: Option<ModelPreset>,
    /// Tokens per sample, instead of the model's
    #[arg(long, value_name = "N", requires = "model")]
    pub sequence_length: Option<u32>,
    /// Work of a block per sample forward, in FLOP, instead of the model's
    #[arg(long, value_name = "FLOP", value_parser = super::args::positive)]
    pub forward_flops: Option<f64>,
    /// Work of a block per sample backward, in FLOP, instead of the model's
    #[arg(long, value_name = "FLOP", value_parser = super::args::positive)]
    pub backward_flops: Option<f64>,
    /// Size per sample of the message between two stages, in bytes, instead of the model's
    #[arg(long, value_name = "BYTES", value_parser = super::args::positive)]
    pub boundary_bytes: Option<f64>,
    /// File for the devices (TOML), which `calibrated` of a scenario's device can name
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace that file
    #[arg(long, requires = "out")]
    pub overwrite: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub fn calibrate(arguments: &CalibrateArguments) -> Result<Done, Failure> {
    let text = io::read(&arguments.timings)?;
    let rows = Timing::from_csv(&text).map_err(|error| io::bad_input(&arguments.timings, &error))?;
    let costs = match arguments.model {
        Some(preset) => {
            let spec = preset.spec(arguments.sequence_length.unwrap_or(preset.default_sequence_length()));
            Some(Transformer::new(spec).map_err(|error| Failure::input(error.to_string()))?.costs())
        }
        None => None,
    };
    let block = costs.as_ref().map(|costs| costs.block);
    let work = match (arguments.forward_flops, arguments.backward_flops, &block) {
        (Some(forward), Some(backward), _) => Some([forward, backward]),
        (None, None, Some(block)) => Some([block.forward_flops_per_sample.0, block.backward_flops_per_sample.0]),
        (None, None, None) => None,
        _ => return Err(Failure::input("--forward-flops and --backward-flops: must be given together")),
    };
    if arguments.out.is_some() && work.is_none() {
        return Err(Failure::input(
            "--out: must be given with --model, or --forward-flops and --backward-flops, which turn seconds into rates",
        ));
    }
    let standard = CalibrationSpec::default();
    let spec = CalibrationSpec {
        rows,
        sending: arguments.sending,
        boundary_bytes_per_sample: arguments
            .boundary_bytes
            .unwrap_or(block.map_or(0.0, |block| block.boundary_bits_per_sample.0 / 8.0)),
        backward_share: work.map_or(standard.backward_share, |[forward, backward]| backward / (forward + backward)),
        fit: if arguments.fit.is_empty() { standard.fit } else { arguments.fit.clone() },
        fixed: arguments.fixed.iter().copied().collect(),
    };
    let found = fit(&spec).map_err(|error| io::bad_input(&arguments.timings, &error))?;
    for direction in &found.unidentified {
        let names = direction.names.join(", ");
        io::note(&format!(
            "warning: the timings do not tell {names}{}; time rows that differ in this, or give a value with --fixed",
            if direction.names.len() > 1 { " apart" } else { "" }
        ));
    }
    if let (Some(path), Some(work)) = (&arguments.out, work) {
        write_text(
            path,
            &found.presets_toml(work).map_err(|error| Failure::input(error.to_string()))?,
            arguments.overwrite,
        )?;
    }
    match arguments.format {
        Format::Table => io::print_text(&table(&found))?,
        Format::Json => io::print_json(&found)?,
    }
    Ok(Done::Solved)
}

/// The numbers and how well they explain the rows, for reading.
fn table(found: &Calibration) -> String {
    let mut text = String::new();
    let mut table = Table::new(&[&["Quantity", "value", "95 % interval", "unit"]]);
    for estimate in &found.estimates {
        let name = estimate.name();
        let told = !found.unidentified.iter().any(|direction| direction.names.contains(&name));
        let interval = match estimate.interval {
            Some([low, high]) => format!("{low:.4e} to {high:.4e}"),
            None if estimate.at_zero => "at its bound".into(),
            None if told => "too few rows".into(),
            None => "not told by the data".into(),
        };
        table.push(vec![name, format!("{:.4e}", estimate.value), interval, estimate.unit.to_string()]);
    }
    let _ = write!(text, "{table:width$}", width = io::width());
    let percent = |error: f64| format!("{:.1} %", 100.0 * error);
    let _ = write!(text, "\n{} rows, mean error {}", found.rows.len(), percent(found.mean_error));
    match found.leave_one_out_error {
        Some(error) => drop(writeln!(text, ", of rows left out {}", percent(error))),
        None => text.push('\n'),
    }
    let light = found.rows.iter().filter(|row| row.weight < 1.0).count();
    if light > 0 {
        let _ = writeln!(text, "{light} rows fit worse than the others and count less");
    }
    text
}

/// `name=value` of a quantity that is held fixed.
pub fn fixed(text: &str) -> Result<(Quantity, f64), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    let quantity: Quantity =
        name.trim().parse().map_err(|error: collapipe::calibration::UnknownQuantity| error.to_string())?;
    match value.trim().parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok((quantity, value)),
        _ => Err("the value must be a finite number >= 0".into()),
    }
}

/// Whom sending occupies, by its name.
pub fn sending(text: &str) -> Result<collapipe::schedule::Sending, String> {
    use collapipe::schedule::Sending;
    let names = || Sending::ALL.map(Sending::name).join(", ");
    Sending::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| format!("must be one of {}", names()))
}
