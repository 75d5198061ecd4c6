//! Edge servers: a GPU beside a base station.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::preset::presets;
use super::{Figure, Sourced, UnknownPreset};
use crate::problem::EdgeServer;
use crate::units::{FlopsPerSecond, Watts};

presets! {
    /// The GPU of an edge server, at a base station.
    EdgeServerPreset, "edge server",
    /// NVIDIA Tesla V100, 16 GB.
    V100 = "v100-16gb",
    /// NVIDIA GeForce RTX 2080 Ti.
    Rtx2080Ti = "rtx-2080-ti",
    /// NVIDIA GeForce RTX 3090.
    Rtx3090 = "rtx-3090",
    /// NVIDIA A100, 40 GB.
    A100 = "a100-40gb",
    /// NVIDIA H100, 80 GB.
    H100 = "h100-80gb",
}

/// What an edge server brings to a slot problem. It is mains-powered: its energy is not counted unless a scenario says
/// what it draws.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeServerProfile {
    /// Achieved forward rate.
    pub forward_flops_per_second: FlopsPerSecond,
    /// Achieved backward rate.
    pub backward_flops_per_second: FlopsPerSecond,
    /// Largest radiated power of the base station.
    pub max_power_w: Watts,
}

impl From<EdgeServerProfile> for EdgeServer {
    /// The edge server of a slot problem: its radio. What it computes is the cluster's decoder stage, in seconds.
    fn from(profile: EdgeServerProfile) -> Self {
        Self { max_power_w: profile.max_power_w, ..Self::default() }
    }
}

/// The figures behind an [`EdgeServerProfile`], each with its provenance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EdgeServerSheet {
    /// Best rate of fp32 matrix products.
    pub matrix_product_flops_per_second: Sourced<FlopsPerSecond>,
    /// Share of that rate which training reaches.
    pub utilisation: Sourced<f64>,
    /// Largest radiated power of the base station.
    pub max_power_w: Sourced<Watts>,
}

impl EdgeServerSheet {
    /// Rate of matrix products times utilisation, forward and backward alike.
    #[must_use]
    pub fn flops_per_second(&self) -> FlopsPerSecond {
        self.matrix_product_flops_per_second.value * self.utilisation.value
    }

    /// Every figure.
    #[must_use]
    pub fn figures(&self) -> [Figure; 3] {
        [
            Figure {
                field: "matrix_product_flops_per_second",
                value: self.matrix_product_flops_per_second.value.value(),
                provenance: self.matrix_product_flops_per_second.provenance,
            },
            Figure { field: "utilisation", value: self.utilisation.value, provenance: self.utilisation.provenance },
            Figure {
                field: "max_power_w",
                value: self.max_power_w.value.value(),
                provenance: self.max_power_w.provenance,
            },
        ]
    }
}

impl EdgeServerPreset {
    /// The figures, each with its provenance.
    #[must_use]
    pub fn sheet(self) -> EdgeServerSheet {
        let teraflops = match self {
            Self::V100 => 14.06,
            Self::Rtx2080Ti => 13.04,
            Self::Rtx3090 => 24.79,
            Self::A100 => 18.11,
            Self::H100 => 51.88,
        };
        EdgeServerSheet {
            matrix_product_flops_per_second: Sourced::measured(
                FlopsPerSecond(teraflops * 1e12),
                "best fp32 matrix product in PyTorch (reported by users); zzc0721/torch-performance-test-data @9d82827",
            ),
            utilisation: Sourced::assumed(
                0.4,
                "training reaches 40 % of the matrix-product rate; large language models reach 44 to 52 % of peak on A100 \
                 (Narayanan et al. 2021), small batches less",
            ),
            max_power_w: Sourced::assumed(
                // 46 dBm = 10^1.6 W.
                Watts(39.810_717_055_349_73),
                "46 dBm, a 3GPP macro base station on 10 or 20 MHz (ns-3 lte-3gpp-hex-topology); small cells have 1 to 10 W",
            ),
        }
    }

    /// The numbers alone.
    #[must_use]
    pub fn profile(self) -> EdgeServerProfile {
        let sheet = self.sheet();
        EdgeServerProfile {
            forward_flops_per_second: sheet.flops_per_second(),
            backward_flops_per_second: sheet.flops_per_second(),
            max_power_w: sheet.max_power_w.value,
        }
    }
}
