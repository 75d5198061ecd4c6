//! What was asked for: enough to list the same cells again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::catalogue;
use super::cell::Cell;
use super::error::ExperimentError;
use super::experiment::{Described, Setup};
use super::own::OwnExperiment;
use crate::ground::files::FileError;
use crate::ground::kept::{KeptFolder, foreign};
use crate::problem::FieldError;
use crate::simulation::MOST_COMPARED;
use crate::solver::Settings;

/// Most seeds of an experiment.
pub const MAX_SEEDS: u64 = 1000;

/// File that keeps the request in the folder of its results.
const FILE: &str = "request.json";

/// Name and version of a request's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RequestSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.reproduce-request/1")]
    V1,
}

/// Which experiments to play, and how large.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Format.
    pub schema: RequestSchema,
    /// Names of the experiments, in the catalogue's order.
    pub experiments: Vec<String>,
    /// Few values of what is varied, short runs, two seeds.
    pub quick: bool,
    /// Slots of a run, in [1, [`MOST_COMPARED`]]: the offline policy keeps all that was possible in them.
    pub slots: u64,
    /// How many seeds, in [1, [`MAX_SEEDS`]].
    pub seeds: u64,
    /// Folder of rate traces; none to leave out what needs them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<PathBuf>,
    /// An experiment of the user's own, whose name is then the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnExperiment>,
}

/// An experiment with its runs.
pub(super) struct Listed {
    pub about: Described,
    pub skipped: Option<String>,
    pub cells: Vec<Cell>,
}

impl Request {
    /// A request from JSON.
    ///
    /// # Errors
    /// The first fault, with line and column.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// An experiment of the user's own, with runs of this many slots and seeds.
    #[must_use]
    pub fn of_own(own: OwnExperiment, slots: u64, seeds: u64) -> Self {
        Self {
            schema: RequestSchema::V1,
            experiments: vec![own.name.clone()],
            quick: false,
            slots,
            seeds,
            traces: None,
            own: Some(own),
        }
    }

    /// The experiments of these names (all if there are none) at full or quick size.
    ///
    /// # Errors
    /// [`ExperimentError::Unknown`] lists the names there are.
    pub fn new(names: &[String], quick: bool) -> Result<Self, ExperimentError> {
        for name in names {
            catalogue::find(name)?;
        }
        let chosen = catalogue::ALL.iter().map(|experiment| experiment.name);
        let chosen = chosen.filter(|name| names.is_empty() || names.iter().any(|wanted| wanted == name));
        let (slots, seeds) = if quick { (10, 2) } else { (100, 5) };
        Ok(Self {
            schema: RequestSchema::V1,
            experiments: chosen.map(str::to_owned).collect(),
            quick,
            slots,
            seeds,
            traces: None,
            own: None,
        })
    }

    /// The request that the results in `folder` answer.
    ///
    /// # Errors
    /// [`ExperimentError::NoRequest`] where there is none, [`ExperimentError::Kept`] where it is not readable.
    pub fn of_folder(folder: &Path) -> Result<Self, ExperimentError> {
        Self::in_folder(folder)?.ok_or_else(|| ExperimentError::NoRequest { path: folder.join(FILE) })
    }

    /// The request of a folder; none where it is not one of ours.
    fn in_folder(folder: &Path) -> Result<Option<Self>, ExperimentError> {
        let kept: Option<Self> = KeptFolder::existing(folder).read(FILE)?;
        if let Some(Err(error)) = kept.as_ref().map(Self::resolve) {
            return Err(foreign(folder.join(FILE), error.to_string()).into());
        }
        Ok(kept)
    }

    /// This request with the rate traces that a folder's results were made with, unless it names some itself.
    ///
    /// # Errors
    /// [`ExperimentError::OtherSize`] where the folder holds runs of another size, [`ExperimentError::Kept`] where it
    /// holds what is not ours.
    pub fn going_on_in(&self, folder: &Path) -> Result<Self, ExperimentError> {
        let traces = self.with_those_of(folder)?.traces;
        Ok(Self { traces, ..self.clone() })
    }

    /// This request with the experiments that the folder's request names, which have to be of the same size.
    ///
    /// # Errors
    /// As [`Request::going_on_in`].
    pub(super) fn with_those_of(&self, folder: &Path) -> Result<Self, ExperimentError> {
        let Some(kept) = Self::in_folder(folder)? else {
            self.finds_nothing_of_others(folder)?;
            return Ok(self.clone());
        };
        let own = |request: &Self| request.own.as_ref().map(|own| own.name.clone());
        if own(&kept) != own(self) {
            let kept = kept.experiments.join(", ");
            return Err(ExperimentError::OtherExperiment { path: folder.join(FILE), kept });
        }
        if (kept.quick, kept.slots, kept.seeds) != (self.quick, self.slots, self.seeds) {
            return Err(ExperimentError::OtherSize { path: folder.join(FILE), kept: kept.size(), asked: self.size() });
        }
        if self.own.is_some() {
            return Ok(self.clone());
        }
        let either = |name: &&str| self.experiments.iter().chain(&kept.experiments).any(|known| known == name);
        let experiments = catalogue::ALL.iter().map(|experiment| experiment.name).filter(either);
        Ok(Self {
            experiments: experiments.map(str::to_owned).collect(),
            traces: self.traces.clone().or(kept.traces),
            ..self.clone()
        })
    }

    fn size(&self) -> String {
        format!("{}--slots {} --seeds {}", if self.quick { "--quick " } else { "" }, self.slots, self.seeds)
    }

    /// Files where results would be written, in a folder without a request, are somebody else's.
    fn finds_nothing_of_others(&self, folder: &Path) -> Result<(), FileError> {
        let results = self.experiments.iter().map(|name| folder.join(name)).chain([folder.join("report.html")]);
        match results.into_iter().find(|path| path.symlink_metadata().is_ok()) {
            Some(path) => Err(foreign(path, format!("is not ours, because there is no {FILE} beside it"))),
            None => Ok(()),
        }
    }

    pub(super) fn keep(&self, folder: &Path) -> Result<(), ExperimentError> {
        Ok(KeptFolder::new(folder)?.keep(FILE, self)?)
    }

    /// Accuracy of the solves: a gap of 1e-4 cannot be seen in any figure.
    pub(super) fn settings(&self) -> Settings {
        Settings { gap: 1e-4, ..Settings::default() }
    }

    /// The experiments with their runs.
    pub(super) fn resolve(&self) -> Result<Vec<Listed>, ExperimentError> {
        let setup = Setup {
            slots: in_range("slots", self.slots, MOST_COMPARED as u64)?,
            seeds: in_range("seeds", self.seeds, MAX_SEEDS)?,
            quick: self.quick,
            traces: self.traces.clone(),
        };
        if let Some(own) = &self.own {
            return Ok(vec![Listed { about: own.described()?, skipped: None, cells: own.cells(&setup)? }]);
        }
        let experiments = self.experiments.iter().map(|name| catalogue::find(name)).collect::<Result<Vec<_>, _>>()?;
        let mut names = HashSet::new();
        if experiments.is_empty() || !experiments.iter().all(|experiment| names.insert(experiment.name)) {
            let allowed = "at least one name, and each once";
            return Err(FieldError::new("experiments", format!("{:?}", self.experiments), allowed).into());
        }
        let listed = experiments.into_iter().map(|experiment| {
            let skipped = (experiment.skipped)(&setup);
            let cells = if skipped.is_none() { (experiment.cells)(&setup)? } else { Vec::new() };
            Ok(Listed { about: experiment.described(), skipped, cells })
        });
        listed.collect()
    }
}

fn in_range(path: &str, value: u64, most: u64) -> Result<u64, FieldError> {
    match (1..=most).contains(&value) {
        true => Ok(value),
        false => Err(FieldError::new(path, value.to_string(), format!("an integer in [1, {most}]"))),
    }
}
