//! All bounds as JSON: parameters in, bound out.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    BoundError, BoundedGradients, BoundedGradientsBound, CompressedActivations, CompressedActivationsBound, Form,
    Forms, GaussianMechanism, GaussianMechanismBound, LocalSteps, LocalStepsBound, MiniBatchSgd, MiniBatchSgdBound,
    PartialParticipation, PartialParticipationBound, StepSizeChoice, StronglyConvexBound, StronglyConvexFedAvg,
};
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
}

/// A bound; the field `name` holds the name of the request's field `bound`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BoundReport {
    /// Of [`BoundRequest::LocalSteps`].
    LocalSteps(LocalStepsReport),
    /// Of [`BoundRequest::PartialParticipation`].
    PartialParticipation(PartialParticipationBound),
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
}

/// The bound for local steps, with the largest and the best step sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LocalStepsReport {
    /// The bound at the step size given.
    #[serde(flatten)]
    pub bound: LocalStepsBound,
    /// Largest step size that the assumptions allow, in par²/loss.
    pub largest_step_size: f64,
    /// The step size of least bound, of each form; `None` where `initial_gap` is 0.
    pub best_step_size: Option<Forms<StepSizeChoice>>,
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
        })
    }

    /// The bound.
    ///
    /// # Errors
    /// [`BoundError`] of the bound asked for.
    pub fn evaluate(&self) -> Result<BoundReport, BoundError> {
        Ok(match self {
            Self::LocalSteps(parameters) => {
                let bound = parameters.bound()?;
                let best = |form| parameters.best_step_size(form);
                let best_step_size = if parameters.initial_gap > 0.0 {
                    Some(Forms { simple: best(Form::Simple)?, tight: best(Form::Tight)? })
                } else {
                    None
                };
                let largest_step_size = parameters.largest_step_size()?;
                BoundReport::LocalSteps(LocalStepsReport { bound, largest_step_size, best_step_size })
            }
            Self::PartialParticipation(parameters) => BoundReport::PartialParticipation(parameters.bound()?),
            Self::MiniBatchSgd(parameters) => BoundReport::MiniBatchSgd(parameters.bound()?),
            Self::LocalSgdBoundedGradients(parameters) => BoundReport::LocalSgdBoundedGradients(parameters.bound()?),
            Self::StronglyConvexFedavg(parameters) => BoundReport::StronglyConvexFedavg(parameters.bound()?),
            Self::GaussianMechanism(parameters) => BoundReport::GaussianMechanism(parameters.bound()?),
            Self::CompressedActivations(parameters) => BoundReport::CompressedActivations(parameters.bound()?),
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
