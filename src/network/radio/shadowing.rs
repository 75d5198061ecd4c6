//! What is drawn once per link and then stays: line of sight and shadowing.

use rand::RngExt;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::path_loss::Sight;
use super::seed::{LinkId, Purpose, generator};

/// How a link gets line of sight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SightRule {
    /// Drawn once per link with the model's probability at its distance.
    #[default]
    Drawn,
    /// Every link has it.
    Los,
    /// No link has it.
    Nlos,
}

impl SightRule {
    /// Line of sight of a link where the model gives it this probability; the same for both directions.
    #[must_use]
    pub fn sight(self, probability: f64, seed: u64, cluster: u64, link: LinkId) -> Sight {
        let los = match self {
            Self::Drawn => generator(seed, cluster, link, Purpose::LineOfSight, 0).random::<f64>() < probability,
            Self::Los => true,
            Self::Nlos => false,
        };
        if los { Sight::Los } else { Sight::Nlos }
    }
}

/// Log-normal shadowing in dB of a link: normal of mean zero and this deviation; the same for both directions.
///
/// Links are independent: shadowing is not correlated between neighbouring links, nor does it change over slots.
#[must_use]
pub fn shadowing_db(std_db: f64, seed: u64, cluster: u64, link: LinkId) -> f64 {
    let normal: f64 = generator(seed, cluster, link, Purpose::Shadowing, 0).sample(StandardNormal);
    std_db * normal
}
