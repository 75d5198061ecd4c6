//! The policies by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    ExactPolicy, FixedMicroBatch, FixedRadio, FullModelFederated, Kept, LatencyOnly, Myopic, PlannedOnce, Policy,
    Proportion, ProportionalSegments, Random, SplitFed, SplitLearning, UniformSegments,
};
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;
use crate::simulation::RunError;
use crate::solver::Settings;

/// A policy by name, for scenario sweeps, the command line and files. What each decides and ignores:
/// `docs/policies.md`.
///
/// ```
/// use collapipe::simulation::PolicyKind;
/// assert_eq!("latency-only".parse(), Ok(PolicyKind::LatencyOnly));
/// assert_eq!(PolicyKind::FixedMicroBatch { micro_batches: 4 }.to_string(), "fixed-micro-batch-4");
/// assert!("fastest".parse::<PolicyKind>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum PolicyKind {
    /// Everything together, to the optimum.
    Exact,
    /// One kind of variable at a time; needs feature `milp`.
    Alternating,
    /// Equal segments.
    UniformSegments,
    /// Segments in proportion to the devices' speeds.
    ProportionalSpeed,
    /// Segments in proportion to the devices' memories.
    ProportionalMemory,
    /// Equal shares of the band at full power.
    FixedRadio,
    /// One number of micro-batches.
    FixedMicroBatch {
        /// M.
        micro_batches: u32,
    },
    /// One micro-batch: no pipelining.
    NoPipeline,
    /// Everything as it was best at the start.
    FixedPlan,
    /// Plan, devices and segments as they were best at the start, with the best radio of every slot.
    FixedSegments,
    /// As if energy cost nothing.
    LatencyOnly,
    /// Every budget kept in every slot.
    Myopic,
    /// Drawn at random.
    Random,
    /// The whole encoder on every device: FedAvg.
    FullModelFederated,
    /// One cut, one device after another.
    SplitLearning,
    /// One cut, all devices at once.
    SplitFed,
    /// The best with all states known beforehand; needs feature `milp`.
    Offline,
}

/// What the names with a number begin with.
const FIXED_MICRO_BATCH: &str = "fixed-micro-batch-";

/// A name that no policy has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy {name:?}: must be {}", PolicyKind::names())]
#[non_exhaustive]
pub struct UnknownPolicy {
    /// The name.
    pub name: String,
}

impl Blamed for UnknownPolicy {
    fn blame(&self) -> Blame {
        Blame::Input
    }

    fn field(&self) -> Option<FieldError> {
        Some(FieldError::new("policy", format!("{:?}", self.name), PolicyKind::names()))
    }
}

impl PolicyKind {
    /// All of them that take no number.
    pub const ALL: &[Self] = &[
        Self::Exact,
        Self::Alternating,
        Self::UniformSegments,
        Self::ProportionalSpeed,
        Self::ProportionalMemory,
        Self::FixedRadio,
        Self::NoPipeline,
        Self::FixedPlan,
        Self::FixedSegments,
        Self::LatencyOnly,
        Self::Myopic,
        Self::Random,
        Self::FullModelFederated,
        Self::SplitLearning,
        Self::SplitFed,
        Self::Offline,
    ];

    /// All names, for help and errors.
    #[must_use]
    pub fn names() -> String {
        let names: Vec<String> = Self::ALL.iter().map(ToString::to_string).collect();
        format!("{} or {FIXED_MICRO_BATCH}M (M micro-batches, as in {FIXED_MICRO_BATCH}4)", names.join(", "))
    }

    /// Whether its rounds are decisions of the slot problem, so that optima and bounds of the problem say something about them.
    #[must_use]
    pub const fn decides_slot_problem(self) -> bool {
        !matches!(self, Self::FullModelFederated | Self::SplitLearning | Self::SplitFed)
    }

    /// What it does, in a few words.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Exact => {
                "plan, devices, segments, bandwidths and powers together, to the optimum of every slot at the prices of the queues"
            }
            Self::Alternating => "the same, one kind of variable at a time (our reading of block-coordinate descent)",
            Self::UniformSegments => "equal segments on all devices, the best radio for them",
            Self::ProportionalSpeed => "segments in proportion to the devices' speeds, the best radio for them",
            Self::ProportionalMemory => "segments in proportion to the devices' memories, the best radio for them",
            Self::FixedRadio => "equal shares of the band at full power, the best segments for them",
            Self::FixedMicroBatch { .. } => "a number of micro-batches set by hand, all else optimal",
            Self::NoPipeline => "one micro-batch, so that devices compute one after the other, all else optimal",
            Self::FixedPlan => "decided once, at the start, and kept",
            Self::FixedSegments => {
                "segments decided once, at the start, and kept; the best radio for them in every slot"
            }
            Self::LatencyOnly => "the fastest round, whatever energy it takes",
            Self::Myopic => {
                "the fastest round found in which every node keeps its budget in this very slot; no round if there is none"
            }
            Self::Random => "segments and plan drawn at random, equal shares of the band",
            Self::FullModelFederated => "every device trains the whole encoder on its share of the batch (FedAvg)",
            Self::SplitLearning => "one cut between devices and edge server, one device after another",
            Self::SplitFed => "one cut between devices and edge server, all devices at once",
            Self::Offline => "the best mixture of rounds within all budgets, all slots known beforehand",
        }
    }

    /// The policy, ready to play. `settings` are those of the exact solver where a policy asks it; `seed` is for
    /// policies that draw.
    ///
    /// # Errors
    /// [`RunError`] for settings out of range, and for a policy that this build is without.
    pub fn build(self, settings: Settings, seed: u64) -> Result<Box<dyn Policy>, RunError> {
        settings.validate()?;
        let policy: Box<dyn Policy> = match self {
            Self::Exact => Box::new(ExactPolicy::new(settings)?),
            #[cfg(feature = "milp")]
            Self::Alternating => Box::new(super::AlternatingPolicy::new(settings)?),
            #[cfg(feature = "milp")]
            Self::Offline => Box::new(super::Offline::new(settings)?),
            #[cfg(not(feature = "milp"))]
            Self::Alternating | Self::Offline => {
                let reason = "this build is without linear programs; build with feature milp".into();
                return Err(RunError::Policy { policy: self.to_string(), reason });
            }
            Self::UniformSegments => Box::new(UniformSegments::new(settings)?),
            Self::ProportionalSpeed => Box::new(ProportionalSegments::new(Proportion::Speed, settings)?),
            Self::ProportionalMemory => Box::new(ProportionalSegments::new(Proportion::Memory, settings)?),
            Self::FixedRadio => Box::new(FixedRadio::new()),
            Self::FixedMicroBatch { micro_batches } => Box::new(FixedMicroBatch::new(micro_batches, settings)?),
            Self::NoPipeline => Box::new(FixedMicroBatch::no_pipeline(settings)?),
            Self::FixedPlan => Box::new(PlannedOnce::new(Kept::All, settings)?),
            Self::FixedSegments => Box::new(PlannedOnce::new(Kept::Segments, settings)?),
            Self::LatencyOnly => Box::new(LatencyOnly::new(settings)?),
            Self::Myopic => Box::new(Myopic::new(settings)?),
            Self::Random => Box::new(Random::new(seed)),
            Self::FullModelFederated => Box::new(FullModelFederated),
            Self::SplitLearning => Box::new(SplitLearning),
            Self::SplitFed => Box::new(SplitFed),
        };
        Ok(policy)
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Exact => "exact",
            Self::Alternating => "alternating",
            Self::UniformSegments => "uniform-segments",
            Self::ProportionalSpeed => "proportional-speed",
            Self::ProportionalMemory => "proportional-memory",
            Self::FixedRadio => "fixed-radio",
            Self::FixedMicroBatch { micro_batches } => return write!(f, "{FIXED_MICRO_BATCH}{micro_batches}"),
            Self::NoPipeline => "no-pipeline",
            Self::FixedPlan => "fixed-plan",
            Self::FixedSegments => "fixed-segments",
            Self::LatencyOnly => "latency-only",
            Self::Myopic => "myopic",
            Self::Random => "random",
            Self::FullModelFederated => "full-model-federated",
            Self::SplitLearning => "split-learning",
            Self::SplitFed => "split-fed",
            Self::Offline => "offline",
        })
    }
}

impl FromStr for PolicyKind {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        let unknown = || UnknownPolicy { name: name.into() };
        if let Some(number) = name.strip_prefix(FIXED_MICRO_BATCH) {
            let micro_batches = number.parse().ok().filter(|&m| m > 0).ok_or_else(unknown)?;
            return Ok(Self::FixedMicroBatch { micro_batches });
        }
        Self::ALL.iter().copied().find(|kind| kind.to_string() == name).ok_or_else(unknown)
    }
}

impl TryFrom<String> for PolicyKind {
    type Error = UnknownPolicy;

    fn try_from(name: String) -> Result<Self, UnknownPolicy> {
        name.parse()
    }
}

impl From<PolicyKind> for String {
    fn from(kind: PolicyKind) -> Self {
        kind.to_string()
    }
}
