//! What can be fitted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;
use crate::text::nearest;

/// A kind of number that can be fitted, or held fixed. None is ever negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Quantity {
    /// Seconds of a device for a block of one sample, forward and backward together: one number per device.
    BlockSeconds,
    /// o: seconds of a stage per micro-batch and phase.
    StageOverhead,
    /// q: seconds of a block per micro-batch and phase.
    BlockOverhead,
    /// Seconds per byte of a message on its link: 1/rate.
    LinkSecondsPerByte,
    /// By how much later a message arrives, in s.
    HopLatency,
    /// What a message takes of its link besides its bytes, in s.
    HopOverhead,
    /// Seconds per byte for which a message keeps its sender busy, besides the link.
    StagingSecondsPerByte,
    /// The same where only the seconds on the link are known: busy seconds of the sender per second on the link.
    StagingFactor,
    /// Seconds of an iteration with more than one worker, stages times replicas, besides its pipeline.
    IterationOverhead,
}

impl Quantity {
    /// All of them, in the order of their columns.
    pub const ALL: [Self; 9] = [
        Self::BlockSeconds,
        Self::StageOverhead,
        Self::BlockOverhead,
        Self::LinkSecondsPerByte,
        Self::HopLatency,
        Self::HopOverhead,
        Self::StagingSecondsPerByte,
        Self::StagingFactor,
        Self::IterationOverhead,
    ];

    /// The name in files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BlockSeconds => "block-seconds",
            Self::StageOverhead => "stage-overhead",
            Self::BlockOverhead => "block-overhead",
            Self::LinkSecondsPerByte => "link-seconds-per-byte",
            Self::HopLatency => "hop-latency",
            Self::HopOverhead => "hop-overhead",
            Self::StagingSecondsPerByte => "staging-seconds-per-byte",
            Self::StagingFactor => "staging-factor",
            Self::IterationOverhead => "iteration-overhead",
        }
    }

    /// The unit of its number.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::LinkSecondsPerByte | Self::StagingSecondsPerByte => "s/byte",
            Self::StagingFactor => "1",
            _ => "s",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no quantity has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?}: must be one of {}{}", names(), nearest.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
#[non_exhaustive]
pub struct UnknownQuantity {
    /// The name.
    pub name: String,
    /// The one that was probably meant.
    pub nearest: Option<String>,
}

fn names() -> String {
    Quantity::ALL.map(Quantity::name).join(", ")
}

impl Blamed for UnknownQuantity {
    fn blame(&self) -> Blame {
        Blame::Input
    }

    fn field(&self) -> Option<FieldError> {
        Some(FieldError::new("fit", format!("{:?}", self.name), format!("one of {}", names())))
    }
}

impl FromStr for Quantity {
    type Err = UnknownQuantity;

    fn from_str(name: &str) -> Result<Self, UnknownQuantity> {
        Self::ALL.into_iter().find(|quantity| quantity.name() == name).ok_or_else(|| {
            let nearest = nearest(name, &Self::ALL.map(Self::name)).map(Into::into);
            UnknownQuantity { name: name.into(), nearest }
        })
    }
}
