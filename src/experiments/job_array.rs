//! What a job array has to do, as a file that every job reads: the request, its runs, and which part plays which.

use serde::{Deserialize, Serialize};

use super::error::ExperimentError;
use super::reproduction::{Reproduction, Shard};
use super::request::Request;
use crate::problem::FieldError;
use crate::text::describe;

/// Name and version of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum JobArraySchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.job-array/1")]
    V1,
}

/// A request whose runs are dealt out to the jobs of an array. It holds all that was asked for, so that a job needs no other
/// argument than its number; rate traces and measured tables are read from where they are.
///
/// ```
/// use collapipe::experiments::{JobArray, Request};
/// let array = JobArray::new(Request::new(&["headline".into()], true)?, 8)?;
/// assert!(array.runs.iter().all(|run| (1..=8).contains(&run.part)));
/// assert_eq!(JobArray::from_json(&serde_json::to_string(&array)?)?, array);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct JobArray {
    /// Format.
    pub schema: JobArraySchema,
    /// What is played.
    pub request: Request,
    /// Number of parts, ≥ 1.
    pub parts: usize,
    /// Every run, in the order of the results.
    pub runs: Vec<ListedRun>,
}

/// A run of an array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListedRun {
    /// Its experiment.
    pub experiment: String,
    /// Its name, and that of its file.
    pub run: String,
    /// How long it may take, in no unit.
    pub effort: u64,
    /// Which part plays it, from 1.
    pub part: usize,
}

impl JobArray {
    /// Lists the runs of a request and deals them out to `parts`.
    ///
    /// # Errors
    /// As [`Reproduction::new`]; no part.
    pub fn new(request: Request, parts: usize) -> Result<Self, ExperimentError> {
        if parts == 0 {
            return Err(FieldError::new("parts", "0", "an integer >= 1").into());
        }
        let runs = Reproduction::new(request.clone())?.listed(parts);
        Ok(Self { schema: JobArraySchema::V1, request, parts, runs })
    }

    /// Reads an array.
    ///
    /// # Errors
    /// [`ExperimentError::Description`] for a text that is none, or one of a program that lists other runs: jobs must agree on
    /// who plays what.
    pub fn from_json(text: &str) -> Result<Self, ExperimentError> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let array: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            ExperimentError::Description { message: describe(&error.path().to_string(), &error.inner().to_string()) }
        })?;
        if Self::new(array.request.clone(), array.parts)? != array {
            let message =
                "runs: are not those that this version lists for the request; write the file again with --plan".into();
            return Err(ExperimentError::Description { message });
        }
        Ok(array)
    }

    /// Part `index` of it, from 1.
    ///
    /// # Errors
    /// An index that is not in [1, parts].
    pub fn shard(&self, index: usize) -> Result<Shard, FieldError> {
        Shard::new(index, self.parts)
    }
}
