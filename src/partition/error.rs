//! Why a problem has no answer.

use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;
use crate::schedule::ScheduleError;

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoPartition {
    /// A layer fits nowhere, whatever stage it is part of.
    #[error("layer {layer} fits into no stage of any device: raise memory_bytes, or widen min_layers and max_layers")]
    Layer {
        /// The first such layer, from 0.
        layer: usize,
    },
    /// There are fewer layers than stages that must hold one.
    #[error("{layers} layers for {stages} stages: each stage holds at least one layer")]
    FewLayers {
        /// Number of layers.
        layers: usize,
        /// Number of stages.
        stages: usize,
    },
    /// There are fewer devices than stages.
    #[error("{devices} devices for {stages} stages: a device holds one stage")]
    FewDevices {
        /// Number of devices.
        devices: usize,
        /// Number of stages.
        stages: usize,
    },
    /// All devices must hold layers, but more than the stages allowed.
    #[error("{devices} devices must hold layers, in at most {stages} stages")]
    FewStages {
        /// Number of devices.
        devices: usize,
        /// Most stages.
        stages: usize,
    },
    /// Every layer fits somewhere, but no pipeline holds them all.
    #[error(
        "no allowed pipeline holds more than the first {placed} of {layers} layers: what ends it there is memory, \
         min_layers and max_layers, missing links, or the number of stages"
    )]
    Chain {
        /// How many layers some pipeline's begin holds, at most.
        placed: usize,
        /// Number of layers.
        layers: usize,
    },
    /// Some chains of devices hold all layers, but none in an allowed number of stages, with all devices, or with a
    /// link to the data host.
    #[error(
        "all {layers} layers can be held, but not in the number of stages, on all devices or with the link to the data \
         host that are asked for"
    )]
    Ends {
        /// Number of layers.
        layers: usize,
    },
}

/// Why a problem was not solved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// A setting out of range.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// There is no plan.
    #[error("infeasible: {0}")]
    Infeasible(#[from] NoPartition),
    /// The exact search would need more memory than it takes.
    #[error(
        "{what} would take {needed:.3e} numbers: must be at most {limit:.3e}; give the devices' order, give equal \
         devices equal numbers (they count as one type), or group layers"
    )]
    TooLarge {
        /// What would be too large.
        what: &'static str,
        /// Its size.
        needed: f64,
        /// The limit.
        limit: f64,
    },
    /// The schedule of the objective cannot be built.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Arithmetic that does not hold together on valid input: a fault of this library.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl Blamed for PartitionError {
    fn blame(&self) -> Blame {
        match self {
            Self::Field(_) | Self::TooLarge { .. } | Self::Schedule(_) => Blame::Input,
            Self::Infeasible(_) => Blame::Infeasible,
            Self::Internal(_) => Blame::Machine,
        }
    }
}
