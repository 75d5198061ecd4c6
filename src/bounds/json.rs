//! All bounds as JSON: parameters in, bound out.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    BoundError, BoundedGradients, BoundedGradientsBound, CertifiedBound, CompressedActivations,
    CompressedActivationsBound, GaussianMechanism, GaussianMechanismBound, LocalSteps, LocalStepsReport, MiniBatchSgd,
    MiniBatchSgdBound, PartialParticipation, PartialParticipationReport, PipelineDepth, PipelineDepthBound, PlanTable,
    PlanTableReport, StronglyConvexBound, StronglyConvexFedAvg, VirtualAverage, VirtualAverageBound,
};
use crate::ground::check::FieldError;
use crate::text::{JsonFault, from_json};

/// The field that names the bound.
const TAG: &str = "bound";

/// A bound asked for: the parameters, with the name of the bound in the field `bound`.
///
/// ```
/// use collapipe::bounds::BoundRequest;
/// let request = BoundRequest::from_json(
///     r#"{"bound": "mini-batch-sgd", "initial_gap": 1, "step_size": 0.5, "steps": 16, "smoothness": 1,
///         "sample_variance": 4, "batch_size": 8}"#,
/// )?;
/// let report = serde_json::to_value(request.evaluate()?)?;
/// assert_eq!(report["simple"], 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "bound", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BoundRequest {
    /// Several local steps per cluster, then averaging.
    LocalSteps(LocalSteps),
    /// Local steps with a sample of the clusters.
    PartialParticipation(PartialParticipation),
    /// Mini-batch SGD.
    MiniBatchSgd(MiniBatchSgd),
    /// Local steps with bounded gradients.
    LocalSgdBoundedGradients(BoundedGradients),
    /// Federated averaging of strongly convex losses.
    StronglyConvexFedavg(StronglyConvexFedAvg),
    /// Noise added for privacy.
    GaussianMechanism(GaussianMechanism),
    /// Quantized boundary activations.
    CompressedActivations(CompressedActivations),
    /// The average of local steps.
    VirtualAverage(VirtualAverage),
    /// A pipeline that updates per micro-batch.
    PipelineDepth(PipelineDepth),
    /// Several plans side by side.
    Plans(PlanTable),
}

/// The names alone, so that the parameters can be read by themselves, with line and column in their errors.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    LocalSteps,
    PartialParticipation,
    MiniBatchSgd,
    LocalSgdBoundedGradients,
    StronglyConvexFedavg,
    GaussianMechanism,
    CompressedActivations,
    VirtualAverage,
    PipelineDepth,
    Plans,
}

/// A bound; the field `name` holds the name of the request's field `bound`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BoundReport {
    /// Of [`BoundRequest::LocalSteps`].
    LocalSteps(Box<LocalStepsReport>),
    /// Of [`BoundRequest::PartialParticipation`].
    PartialParticipation(PartialParticipationReport),
    /// Of [`BoundRequest::MiniBatchSgd`].
    MiniBatchSgd(MiniBatchSgdBound),
    /// Of [`BoundRequest::LocalSgdBoundedGradients`].
    LocalSgdBoundedGradients(BoundedGradientsBound),
    /// Of [`BoundRequest::StronglyConvexFedavg`].
    StronglyConvexFedavg(StronglyConvexBound),
    /// Of [`BoundRequest::GaussianMechanism`].
    GaussianMechanism(GaussianMechanismBound),
    /// Of [`BoundRequest::CompressedActivations`].
    CompressedActivations(CompressedActivationsBound),
    /// Of [`BoundRequest::VirtualAverage`].
    VirtualAverage(VirtualAverageBound),
    /// Of [`BoundRequest::PipelineDepth`].
    PipelineDepth(PipelineDepthBound),
    /// Of [`BoundRequest::Plans`].
    Plans(PlanTableReport),
}

impl BoundRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// [`JsonFault`] with path, line and column: invalid JSON, an unknown name, an unknown, missing or repeated field,
    /// a number out of range.
    pub fn from_json(text: &str) -> Result<Self, JsonFault> {
        #[derive(Deserialize)]
        struct Tag {
            bound: Name,
        }
        fn read<T: DeserializeOwned>(text: &str) -> Result<T, JsonFault> {
            from_json(text, |_, found| JsonFault::not_numbers(found, |_| None))
        }
        fn parameters<T: DeserializeOwned>(text: &str) -> Result<T, JsonFault> {
            Ok(read::<Untagged<T>>(text)?.0)
        }
        Ok(match read::<Tag>(text)?.bound {
            Name::LocalSteps => Self::LocalSteps(parameters(text)?),
            Name::PartialParticipation => Self::PartialParticipation(parameters(text)?),
            Name::MiniBatchSgd => Self::MiniBatchSgd(parameters(text)?),
            Name::LocalSgdBoundedGradients => Self::LocalSgdBoundedGradients(parameters(text)?),
            Name::StronglyConvexFedavg => Self::StronglyConvexFedavg(parameters(text)?),
            Name::GaussianMechanism => Self::GaussianMechanism(parameters(text)?),
            Name::CompressedActivations => Self::CompressedActivations(parameters(text)?),
            Name::VirtualAverage => Self::VirtualAverage(parameters(text)?),
            Name::PipelineDepth => Self::PipelineDepth(parameters(text)?),
            Name::Plans => Self::Plans(parameters(text)?),
        })
    }

    /// The bound by performance estimation ([`LocalSteps::certified`]).
    ///
    /// # Errors
    /// As there; [`BoundError::Field`] for any other bound than that for local steps.
    pub fn certify(&self) -> Result<CertifiedBound, BoundError> {
        match self {
            Self::LocalSteps(parameters) => parameters.certified(),
            _ => Err(FieldError::new(TAG, "another bound", "\"local-steps\" to be certified").into()),
        }
    }

    /// The bound.
    ///
    /// # Errors
    /// [`BoundError`] of the bound asked for.
    pub fn evaluate(&self) -> Result<BoundReport, BoundError> {
        Ok(match self {
            Self::LocalSteps(parameters) => BoundReport::LocalSteps(Box::new(parameters.report()?)),
            Self::PartialParticipation(parameters) => BoundReport::PartialParticipation(parameters.report()?),
            Self::MiniBatchSgd(parameters) => BoundReport::MiniBatchSgd(parameters.bound()?),
            Self::LocalSgdBoundedGradients(parameters) => BoundReport::LocalSgdBoundedGradients(parameters.bound()?),
            Self::StronglyConvexFedavg(parameters) => BoundReport::StronglyConvexFedavg(parameters.bound()?),
            Self::GaussianMechanism(parameters) => BoundReport::GaussianMechanism(parameters.bound()?),
            Self::CompressedActivations(parameters) => BoundReport::CompressedActivations(parameters.bound()?),
            Self::VirtualAverage(parameters) => BoundReport::VirtualAverage(parameters.bound()?),
            Self::PipelineDepth(parameters) => BoundReport::PipelineDepth(parameters.bound()?),
            Self::Plans(parameters) => BoundReport::Plans(parameters.report()?),
        })
    }
}

/// A structure read from an object that has the field `bound` besides its own.
struct Untagged<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Untagged<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parameters<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parameters<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the parameters of a bound")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(WithoutTag(map)))
            }
        }

        deserializer.deserialize_map(Parameters(PhantomData)).map(Self)
    }
}

/// An object's fields without `bound`.
struct WithoutTag<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithoutTag<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.0.next_key::<String>()? {
            if key != TAG {
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            self.0.next_value::<IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}
