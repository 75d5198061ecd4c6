//! `collapipe presets`.

use collapipe::model::preset_table;
use collapipe::network::device::{device_table, edge_server_table, provenance_table};
use collapipe::scenario::Catalogue;

use super::args::{Format, PresetsArguments};
use super::{Done, Failure, io};

pub fn presets(arguments: &PresetsArguments) -> Result<Done, Failure> {
    let catalogue = Catalogue::new()?;
    match arguments.format {
        Format::Json => io::print_json(&catalogue)?,
        Format::Table => {
            let models = preset_table()?;
            io::print(&format!(
                "Models (32 bits, AdamW, published configurations)\n\n{models}\nDevices (m measured, r rated, d derived, a \
                 assumed)\n\n{}\nEdge servers\n\n{}\nSources\n\n{}\nPath loss\n\n{}",
                device_table(),
                edge_server_table(),
                provenance_table(),
                path_loss_table(&catalogue),
            ))?;
        }
    }
    Ok(Done::Solved)
}

fn path_loss_table(catalogue: &Catalogue) -> String {
    let mut table = String::from(
        "| model | carrier GHz | distance m | shadowing dB (LOS / NLOS) | source |\n|---|---|---|---|---|\n",
    );
    for row in &catalogue.path_loss {
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
