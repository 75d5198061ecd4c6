//! A chain of blocks that differ: written out, or from a table of measured layers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ground::check::{Range, length, real};
use crate::problem::{Block, Chain, Encoder, FieldError, MAX_BLOCKS};
use crate::units::{Bits, Flops, FlopsPerSecond};
#[cfg(feature = "scenario")]
use {
    crate::partition::{LayerProfile, ProfileError, ProfileRows},
    crate::problem::BlockSeconds,
    crate::units::{Bytes, Seconds},
};

/// What is trained, as a chain of blocks: instead of a model's description.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChainSpec {
    /// Work of the embedding, on the control unit. If left out there is none: the pipeline begins on a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<EndWork>,
    /// Work of the decoder, on the edge server. If left out there is none: the pipeline ends on a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder: Option<EndWork>,
    /// Size per sample of the tensor that enters the first block, ≥ 0; 0 if left out. Not used without an embedding.
    #[serde(default)]
    pub input_bits_per_sample: Bits,
    /// The blocks in their order, 1 to 65,536; left out where `profile` gives them.
    #[serde(default)]
    pub blocks: Vec<Block>,
    /// The blocks from a table of layers, which a scenario file reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileSpec>,
    /// Goes with `profile`: achieved rate of the device on which it was measured, > 0. It turns seconds into work, so that a
    /// device of another rate takes so many times as long; with each device's own profile it sets the energy alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_at_flops_per_second: Option<FlopsPerSecond>,
}

/// Work of a stage that is not cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EndWork {
    /// Forward work per sample, ≥ 0.
    pub forward_flops_per_sample: Flops,
    /// Backward work per sample, ≥ 0.
    pub backward_flops_per_sample: Flops,
}

/// A table of measured layers (CSV, its columns in `docs/partition.md`), and which of its rows are meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileSpec {
    /// The file; a relative one is looked up next to the scenario file.
    pub file: PathBuf,
    /// Rows that hold this value in this column, for each of them; all if left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub only: BTreeMap<String, String>,
    /// Sort by the number that this column holds or ends with; as in the file if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_by: Option<String>,
    /// Samples that the times and sizes of a row are for, ≥ 1; 1 if left out.
    #[serde(default = "one")]
    pub samples: u32,
}

/// A device that was calibrated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CalibratedSpec {
    /// The file; a relative one is looked up next to the scenario file.
    pub file: PathBuf,
    /// Its name there.
    pub name: String,
}

const fn one() -> u32 {
    1
}

impl ChainSpec {
    /// The chain that is cut.
    ///
    /// # Errors
    /// A field out of range, or a profile that has not been read; paths begin with `chain`.
    pub(super) fn encoder(&self) -> Result<Encoder, FieldError> {
        if let Some(profile) = &self.profile {
            return Err(FieldError::new("chain.profile", profile.file.display(), unread("blocks")));
        }
        if let Some(rate) = self.measured_at_flops_per_second {
            let allowed = "left out where blocks are given: it goes with profile";
            return Err(FieldError::new("chain.measured_at_flops_per_second", format!("{:?}", rate.0), allowed));
        }
        length("chain.blocks", self.blocks.len(), MAX_BLOCKS as usize)?;
        for (name, end) in [("chain.embedding", &self.embedding), ("chain.decoder", &self.decoder)] {
            let Some(end) = end else { continue };
            for (field, work) in [
                ("forward_flops_per_sample", end.forward_flops_per_sample),
                ("backward_flops_per_sample", end.backward_flops_per_sample),
            ] {
                real(field, work.0, Range::NonNegative).map_err(|error| error.within(name))?;
            }
        }
        Ok(Chain { input_bits_per_sample: self.input_bits_per_sample, blocks: self.blocks.clone() }.into())
    }
}

/// What to do about a file that nobody has read.
pub(super) fn unread(instead: &str) -> String {
    format!("read as part of a scenario file (ScenarioFile), or left out for {instead} in numbers")
}

#[cfg(feature = "scenario")]
impl ProfileSpec {
    fn layers(&self, text: &str) -> Result<LayerProfile, ProfileError> {
        let only = self.only.iter().map(|(column, value)| (column.clone(), value.clone())).collect();
        LayerProfile::from_csv(text, &ProfileRows { only, order_by: self.order_by.clone() })
    }

    /// Seconds per sample of every layer.
    ///
    /// # Errors
    /// What is wrong with the table.
    pub(super) fn block_seconds(&self, text: &str) -> Result<BlockSeconds, ProfileError> {
        let profile = self.layers(text)?;
        let per_sample =
            |seconds: &[f64]| seconds.iter().map(|seconds| Seconds(seconds / f64::from(self.samples))).collect();
        let backward = match profile.backward_seconds.is_empty() {
            true => vec![Seconds(0.0); profile.layers.len()],
            false => per_sample(&profile.backward_seconds),
        };
        Ok(BlockSeconds { forward: per_sample(&profile.forward_seconds), backward })
    }

    /// The layers as blocks: work is what a device of this rate does in the measured seconds, tensors are the outputs,
    /// parameters are what is kept, and a layer holds its output for the backward pass.
    ///
    /// # Errors
    /// What is wrong with the table.
    pub(super) fn blocks(&self, text: &str, rate: FlopsPerSecond) -> Result<Vec<Block>, ProfileError> {
        let seconds = self.block_seconds(text)?;
        let layers = self.layers(text)?.layers;
        let times = seconds.forward.iter().zip(&seconds.backward);
        let blocks = layers.iter().zip(times).map(|(layer, (forward, backward))| {
            let output = layer.output_bytes / f64::from(self.samples);
            Block {
                forward_flops_per_sample: Flops(forward.0 * rate.0),
                backward_flops_per_sample: Flops(backward.0 * rate.0),
                boundary_bits_per_sample: Bits(8.0 * output),
                parameter_bits: Bits(8.0 * layer.resident_bytes),
                resident_bytes: Bytes(layer.resident_bytes),
                activation_bytes_per_sample: Bytes(output),
            }
        });
        Ok(blocks.collect())
    }
}
