//! `collapipe presets`.

use collapipe::model::{ModelCosts, ModelPreset, Transformer, preset_table};
use collapipe::network::device::{
    DevicePreset, EdgeServerPreset, Figure, device_table, edge_server_table, provenance_table,
};
use collapipe::network::radio::{PathLossModel, Sight};
use serde::Serialize;

use super::args::{Format, PresetsArguments};
use super::{Done, Failure, io};

/// What `presets --format json` prints.
#[derive(Serialize)]
struct Presets {
    models: Vec<Model>,
    devices: Vec<Machine>,
    edge_servers: Vec<Machine>,
    path_loss: Vec<PathLoss>,
}

#[derive(Serialize)]
struct Model {
    name: &'static str,
    sequence_length: u32,
    costs: ModelCosts,
}

#[derive(Serialize)]
struct Machine {
    name: &'static str,
    figures: Vec<Figure>,
}

#[derive(Serialize)]
struct PathLoss {
    name: String,
    source: &'static str,
    carrier_bands_hz: Vec<[f64; 2]>,
    min_distance_m: f64,
    max_distance_m: f64,
    shadowing_std_db_los: f64,
    shadowing_std_db_nlos: f64,
}

pub fn presets(arguments: &PresetsArguments) -> Result<Done, Failure> {
    match arguments.format {
        Format::Json => io::print_json(&all()?)?,
        Format::Table => {
            let models = preset_table()?;
            io::print(&format!(
                "Models (32 bits, AdamW, published configurations)\n\n{models}\nDevices (m measured, r rated, d derived, a \
                 assumed)\n\n{}\nEdge servers\n\n{}\nSources\n\n{}\nPath loss\n\n{}",
                device_table(),
                edge_server_table(),
                provenance_table(),
                path_loss_table(),
            ))?;
        }
    }
    Ok(Done::Solved)
}

fn all() -> Result<Presets, Failure> {
    let model = |preset: ModelPreset| -> Result<Model, Failure> {
        let sequence_length = preset.default_sequence_length();
        let costs = Transformer::new(preset.spec(sequence_length))?.costs();
        Ok(Model { name: preset.name(), sequence_length, costs })
    };
    Ok(Presets {
        models: ModelPreset::ALL.into_iter().map(model).collect::<Result<_, _>>()?,
        devices: DevicePreset::ALL
            .iter()
            .map(|preset| Machine { name: preset.name(), figures: preset.sheet().figures().into() })
            .collect(),
        edge_servers: EdgeServerPreset::ALL
            .iter()
            .map(|preset| Machine { name: preset.name(), figures: preset.sheet().figures().into() })
            .collect(),
        path_loss: path_loss(),
    })
}

fn path_loss() -> Vec<PathLoss> {
    let row = |model: PathLossModel| {
        let validity = model.validity();
        PathLoss {
            name: model.to_string(),
            source: match model {
                PathLossModel::D2dOutdoor | PathLossModel::D2dIndoor => "3GPP TR 36.843",
                _ => "3GPP TR 38.901",
            },
            carrier_bands_hz: validity.carrier_bands.iter().map(|(low, high)| [low.0, high.0]).collect(),
            min_distance_m: validity.min_distance.0,
            max_distance_m: validity.max_distance.0,
            shadowing_std_db_los: model.shadowing_std_db(Sight::Los),
            shadowing_std_db_nlos: model.shadowing_std_db(Sight::Nlos),
        }
    };
    PathLossModel::ALL.into_iter().map(row).collect()
}

fn path_loss_table() -> String {
    let mut table = String::from(
        "| model | carrier GHz | distance m | shadowing dB (LOS / NLOS) | source |\n|---|---|---|---|---|\n",
    );
    for row in path_loss() {
        let bands: Vec<String> =
            row.carrier_bands_hz.iter().map(|[low, high]| format!("{} to {}", low / 1e9, high / 1e9)).collect();
        table += &format!(
            "| {} | {} | {} to {} | {} / {} | {} |\n",
            row.name,
            bands.join(", "),
            row.min_distance_m,
            row.max_distance_m,
            row.shadowing_std_db_los,
            row.shadowing_std_db_nlos,
            row.source
        );
    }
    table
}
