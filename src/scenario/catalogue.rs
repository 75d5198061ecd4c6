//! What a scenario can name: models, devices, edge servers, path loss.

use serde::Serialize;

use crate::model::{ModelCosts, ModelError, ModelPreset, Transformer};
use crate::network::device::{DevicePreset, EdgeServerPreset, Figure};
use crate::network::radio::{PathLossModel, Sight};

/// Everything that a scenario can name, with its numbers.
///
/// ```
/// use collapipe::scenario::Catalogue;
/// let all = Catalogue::new()?;
/// assert!(all.models.iter().any(|model| model.name == "bert-base"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Catalogue {
    /// Published architectures.
    pub models: Vec<KnownModel>,
    /// Boards, phones and laptops.
    pub devices: Vec<KnownMachine>,
    /// Edge servers.
    pub edge_servers: Vec<KnownMachine>,
    /// Models of the radio.
    pub path_loss: Vec<KnownPathLoss>,
}

/// A published architecture.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct KnownModel {
    /// Its name.
    pub name: &'static str,
    /// Tokens per sample, where a scenario says nothing else.
    pub sequence_length: u32,
    /// What its parts cost at that length.
    pub costs: ModelCosts,
}

/// A device or an edge server.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct KnownMachine {
    /// Its name.
    pub name: &'static str,
    /// Its numbers, with their sources.
    pub figures: Vec<Figure>,
}

/// A model of path loss, and where it holds.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct KnownPathLoss {
    /// Its name.
    pub name: String,
    /// Where it is published.
    pub source: &'static str,
    /// Carriers that it is for, in Hz.
    pub carrier_bands_hz: Vec<[f64; 2]>,
    /// Least distance in m.
    pub min_distance_m: f64,
    /// Largest distance in m.
    pub max_distance_m: f64,
    /// Standard deviation of shadowing in dB, in sight.
    pub shadowing_std_db_los: f64,
    /// The same out of sight.
    pub shadowing_std_db_nlos: f64,
}

impl Catalogue {
    /// All of it.
    ///
    /// # Errors
    /// None for the presets of this crate: each is a valid model.
    pub fn new() -> Result<Self, ModelError> {
        let model = |preset: ModelPreset| {
            let sequence_length = preset.default_sequence_length();
            let costs = Transformer::new(preset.spec(sequence_length))?.costs();
            Ok(KnownModel { name: preset.name(), sequence_length, costs })
        };
        let device =
            |preset: &DevicePreset| KnownMachine { name: preset.name(), figures: preset.sheet().figures().into() };
        let server =
            |preset: &EdgeServerPreset| KnownMachine { name: preset.name(), figures: preset.sheet().figures().into() };
        Ok(Self {
            models: ModelPreset::ALL.into_iter().map(model).collect::<Result<_, _>>()?,
            devices: DevicePreset::ALL.iter().map(device).collect(),
            edge_servers: EdgeServerPreset::ALL.iter().map(server).collect(),
            path_loss: PathLossModel::ALL.into_iter().map(path_loss).collect(),
        })
    }
}

fn path_loss(model: PathLossModel) -> KnownPathLoss {
    let validity = model.validity();
    KnownPathLoss {
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
}
