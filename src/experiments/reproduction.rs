//! Playing the cells of several experiments, and gathering what was played elsewhere.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::catalogue;
use super::cell::{Cell, FinishedCell};
use super::drawn::DrawnExperiment;
use super::effort;
use super::error::ExperimentError;
use super::experiment::{Described, missing};
use super::job_array::ListedRun;
use super::output;
use super::request::{Listed, Request};
use super::table::ResultTable;
use crate::drawing::FigureStyle;
use crate::ground::kept::KeptFolder;
use crate::problem::FieldError;
use crate::report::ReportError;
use crate::simulation::PolicyKind;

/// The part of the cells that one machine of several plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// Part `index` of `count`, from 1. The cells are dealt out by their effort, the longest first, each to the part that has
    /// the least so far: the same on every machine.
    ///
    /// # Errors
    /// An index that is not in [1, count].
    pub fn new(index: usize, count: usize) -> Result<Self, FieldError> {
        match (1..=count).contains(&index) {
            true => Ok(Self { index, count }),
            false => Err(FieldError::new("shard", format!("{index}/{count}"), "i/n with 1 <= i <= n")),
        }
    }

    /// Its number and that of all parts.
    #[must_use]
    pub const fn of(self) -> (usize, usize) {
        (self.index, self.count)
    }

    /// Which cells of these efforts it holds.
    fn holds(self, efforts: &[u64]) -> Vec<bool> {
        Self::dealt(efforts, self.count).into_iter().map(|part| part == self.index).collect()
    }

    /// Which of `count` parts, from 1, holds each cell of these efforts.
    fn dealt(efforts: &[u64], count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..efforts.len()).collect();
        // A stable sort: the order is the same everywhere.
        order.sort_by_key(|&place| Reverse(efforts[place]));
        // Parts beyond the number of cells have none.
        let parts = count.min(efforts.len());
        let mut least: BinaryHeap<Reverse<(u64, usize)>> = (0..parts).map(|part| Reverse((0, part))).collect();
        let mut dealt = vec![0; efforts.len()];
        for place in order {
            let Some(Reverse((load, part))) = least.pop() else { break };
            dealt[place] = part + 1;
            // A cell without effort takes its time as well.
            least.push(Reverse((load.saturating_add(efforts[place].max(1)), part)));
        }
        dealt
    }
}

/// An experiment with its cells.
#[derive(Debug)]
struct Part {
    about: Described,
    skipped: Option<String>,
    cells: Vec<Cell>,
}

/// The cells of a request.
#[derive(Debug)]
pub struct Reproduction {
    request: Request,
    parts: Vec<Part>,
    figures: FigureStyle,
    /// Of all cells; not before somebody asks.
    efforts: OnceLock<Vec<u64>>,
}

/// What [`Reproduction::write`] wrote.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Written {
    /// Results of the experiments that were asked for.
    pub tables: Vec<ResultTable>,
    /// The files.
    pub files: Vec<PathBuf>,
    /// Experiments of the folder that are not in the report, and why.
    pub left_out: Vec<String>,
}

/// A table, and the commits of the programs that played its cells.
struct Table {
    table: ResultTable,
    commits: Vec<String>,
}

/// Called with the effort of each finished cell, and whether it was played now rather than found; from any thread.
pub type CellProgress<'a> = dyn Fn(u64, bool) + Sync + 'a;

impl Reproduction {
    /// Lists and validates the cells of a request.
    ///
    /// # Errors
    /// [`ExperimentError`] for an unknown name, an option out of range, or traces that cannot be read.
    pub fn new(request: Request) -> Result<Self, ExperimentError> {
        let mut parts = Vec::new();
        for Listed { about, skipped, cells } in request.resolve()? {
            let mut names = HashSet::new();
            if let Some(cell) = cells.iter().map(Cell::name).find(|name| !names.insert(name.clone())) {
                return Err(ExperimentError::Twice { experiment: about.name, cell });
            }
            parts.push(Part { about, skipped, cells });
        }
        Ok(Self { request, parts, figures: FigureStyle::default(), efforts: OnceLock::new() })
    }

    /// The same, with figures for a paper, a screen or slides. The page of all experiments shows them as on a screen.
    #[must_use]
    pub fn with_figures(self, figures: FigureStyle) -> Self {
        Self { figures, ..self }
    }

    /// Why policies are left out: this build lacks what they need. Empty where it has all of them.
    #[must_use]
    pub fn left_out(&self) -> Vec<String> {
        PolicyKind::ALL.iter().filter_map(|&policy| missing(policy)).collect()
    }

    /// How many cells a shard (all if none) has, and their effort, in the unit in which [`Reproduction::play`] reports
    /// progress.
    #[must_use]
    pub fn size(&self, shard: Option<Shard>) -> (usize, u64) {
        let weighed = self.weighed(shard);
        (weighed.len(), weighed.iter().map(|(_, _, effort)| effort).sum())
    }

    /// How many cells of a shard (all if none) a folder does not hold yet.
    ///
    /// # Errors
    /// [`ExperimentError::Kept`] for files of other runs.
    pub fn missing(&self, folder: &Path, shard: Option<Shard>) -> Result<usize, ExperimentError> {
        let mut missing = 0;
        for (part, cell) in self.chosen(shard) {
            missing += usize::from(self.finished(folder, part, cell)?.is_none());
        }
        Ok(missing)
    }

    /// Every cell, and which of so many parts plays it.
    pub(super) fn listed(&self, parts: usize) -> Vec<ListedRun> {
        let dealt = Shard::dealt(self.efforts(), parts);
        let listed = self.weighed(None).into_iter().zip(dealt).map(|((of, cell, effort), part)| ListedRun {
            experiment: of.about.name.clone(),
            run: cell.name(),
            effort,
            part,
        });
        listed.collect()
    }

    /// Plays what `folder` does not hold yet, on the threads of the current rayon pool, longest cells first, and keeps
    /// every cell there as soon as it is finished. False where `stop` was raised: cells that were running then were
    /// finished and kept.
    ///
    /// # Errors
    /// [`ExperimentError`]; files of other runs in the folder are found before anything is played or written.
    pub fn play(
        &self,
        folder: &Path,
        shard: Option<Shard>,
        stop: &AtomicBool,
        progress: &CellProgress<'_>,
    ) -> Result<bool, ExperimentError> {
        let united = self.request.with_those_of(folder)?;
        let mut open = Vec::new();
        for (part, cell, effort) in self.weighed(shard) {
            match self.finished(folder, part, cell)? {
                Some(_) => progress(effort, false),
                None => open.push((part, cell, effort)),
            }
        }
        // Not before all files were found to be our own.
        united.keep(folder)?;
        // A stable sort: the order is the same everywhere.
        open.sort_by_key(|(_, _, effort)| Reverse(*effort));
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let halt = || stop.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed);
        let ended: Vec<Result<(), ExperimentError>> = rayon::broadcast(|_| {
            while !halt() {
                let Some((part, cell, effort)) = open.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                if let Err(error) = self.play_cell(folder, part, cell) {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
                progress(*effort, true);
            }
            Ok(())
        });
        ended.into_iter().collect::<Result<(), _>>()?;
        Ok(next.into_inner() >= open.len())
    }

    /// Copies the cells that were played into `folders` to `to`.
    ///
    /// # Errors
    /// [`ExperimentError::OtherRequest`] for a folder of another request, [`ExperimentError::Missing`] for cells that
    /// are in none of the folders, [`ExperimentError::Kept`] for files of other experiments.
    pub fn gather(&self, folders: &[PathBuf], to: &Path) -> Result<(), ExperimentError> {
        for folder in folders {
            let own = Request::of_folder(folder)?;
            // Traces may lie elsewhere on another machine: what counts is their content, which is in the fingerprints.
            if (Request { traces: self.request.traces.clone(), ..own }) != self.request {
                let first = folders.first().cloned().unwrap_or_default();
                return Err(ExperimentError::OtherRequest { path: folder.clone(), first });
            }
        }
        let united = self.request.with_those_of(to)?;
        let chosen = self.chosen(None);
        let mut missing = Vec::new();
        let mut found = Vec::with_capacity(chosen.len());
        for (part, cell) in &chosen {
            // What is there already must be our own, and is left alone.
            if self.finished(to, part, cell)?.is_some() {
                continue;
            }
            let kept = folders.iter().find_map(|folder| self.finished(folder, part, cell).transpose());
            match kept.transpose()? {
                Some(kept) => found.push((part, cell, kept)),
                None => missing.push((*part, *cell)),
            }
        }
        all_there(&missing, chosen.len())?;
        united.keep(to)?;
        for (part, cell, kept) in found {
            KeptFolder::new(&cells(to, part))?.keep(&file(cell), &kept)?;
        }
        Ok(())
    }

    /// Writes data, provenance and figures of the experiments asked for, whose cells are in `folder`, and a report of
    /// these and of all other experiments that the folder holds whole.
    ///
    /// # Errors
    /// [`ExperimentError::Missing`] where a cell is not there; files that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<Written, ExperimentError> {
        let own = self.parts.iter().map(|part| self.table(folder, part)).collect::<Result<Vec<_>, _>>()?;
        // Again, in case that another command has written to the folder meanwhile.
        let united = self.request.with_those_of(folder)?;
        united.keep(folder)?;
        let (others, left_out) = self.others(&united, folder);
        let (mut drawn, drawn_others) = (draw(&own, self.figures)?, draw(&others, self.figures)?);
        let mut files = Vec::new();
        for ((part, figure), Table { commits, .. }) in self.parts.iter().zip(&drawn).zip(&own) {
            let provenance = output::provenance(&self.request, &part.cells, commits.clone());
            files.extend(output::write(figure, provenance, &folder.join(&part.about.name))?);
        }
        drawn.extend(drawn_others);
        drawn.sort_by_key(|own| catalogue::ALL.iter().position(|known| known.name == own.table().name));
        let commits: BTreeSet<&str> =
            own.iter().chain(&others).flat_map(|own| &own.commits).map(String::as_str).collect();
        files.extend(output::write_report(&drawn, &self.request, &commits, folder)?);
        Ok(Written { tables: own.into_iter().map(|own| own.table).collect(), files, left_out })
    }

    /// The tables of experiments that were not asked for but are in the folder's request, and why some are not.
    fn others(&self, united: &Request, folder: &Path) -> (Vec<Table>, Vec<String>) {
        let (mut tables, mut left_out) = (Vec::new(), Vec::new());
        for name in united.experiments.iter().filter(|name| !self.request.experiments.contains(name)) {
            let request = Request { experiments: vec![name.clone()], ..united.clone() };
            let table = Self::new(request).and_then(|other| {
                other.parts.iter().map(|part| other.table(folder, part)).collect::<Result<Vec<_>, _>>()
            });
            match table {
                Ok(own) => tables.extend(own),
                Err(reason) => left_out.push(format!("{name}: not in the report: {reason}")),
            }
        }
        (tables, left_out)
    }

    fn table(&self, folder: &Path, part: &Part) -> Result<Table, ExperimentError> {
        let (mut rows, mut commits) = (Vec::new(), BTreeSet::new());
        let mut missing = Vec::new();
        for cell in &part.cells {
            match self.finished(folder, part, cell)? {
                Some(finished) => {
                    rows.extend(finished.rows);
                    commits.extend(finished.commit);
                }
                None => missing.push((part, cell)),
            }
        }
        all_there(&missing, part.cells.len())?;
        let Described { name, title, question, expectation, caption, plots, contrast } = part.about.clone();
        let slots = |cell: &Cell| cell.scenario.spec().slots;
        let first = part.cells.first().map(slots);
        let table = ResultTable {
            name,
            title,
            question,
            expectation,
            caption,
            plots,
            skipped: part.skipped.clone(),
            slots: first.filter(|first| part.cells.iter().all(|cell| slots(cell) == *first)),
            contrast,
            rows,
        };
        Ok(Table { table, commits: commits.into_iter().collect() })
    }

    /// The cells of a shard, in the order of the list.
    fn chosen(&self, shard: Option<Shard>) -> Vec<(&Part, &Cell)> {
        let all = self.parts.iter().flat_map(|part| part.cells.iter().map(move |cell| (part, cell)));
        match shard {
            None => all.collect(),
            Some(shard) => {
                all.zip(shard.holds(self.efforts())).filter_map(|(cell, held)| held.then_some(cell)).collect()
            }
        }
    }

    /// The same with their efforts.
    fn weighed(&self, shard: Option<Shard>) -> Vec<(&Part, &Cell, u64)> {
        let efforts = self.efforts();
        let held = shard.map_or_else(|| vec![true; efforts.len()], |shard| shard.holds(efforts));
        let all = self.chosen(None).into_iter().zip(efforts).zip(held);
        all.filter_map(|(((part, cell), effort), held)| held.then_some((part, cell, *effort))).collect()
    }

    fn efforts(&self) -> &[u64] {
        self.efforts.get_or_init(|| {
            let cells: Vec<&Cell> = self.chosen(None).into_iter().map(|(_, cell)| cell).collect();
            effort::efforts(&cells)
        })
    }

    fn finished(&self, folder: &Path, part: &Part, cell: &Cell) -> Result<Option<FinishedCell>, ExperimentError> {
        let fingerprint = cell.fingerprint(&self.request.settings());
        let ours = |found: &FinishedCell| found.fingerprint == fingerprint;
        Ok(KeptFolder::existing(&cells(folder, part)).read_own(&file(cell), ours)?)
    }

    fn play_cell(&self, folder: &Path, part: &Part, cell: &Cell) -> Result<(), ExperimentError> {
        let settings = self.request.settings();
        let experiment = part.about.name.clone();
        let failed = |source| ExperimentError::Run { experiment, cell: cell.name(), source: Box::new(source) };
        let rows = cell.play(settings).map_err(failed)?;
        let finished = FinishedCell::new(cell.fingerprint(&settings), rows);
        Ok(KeptFolder::new(&cells(folder, part))?.keep(&file(cell), &finished)?)
    }
}

fn draw(tables: &[Table], style: FigureStyle) -> Result<Vec<DrawnExperiment<'_>>, ReportError> {
    tables.iter().map(|own| DrawnExperiment::styled(&own.table, style)).collect()
}

/// An error that names the missing cells, the first of many.
fn all_there(missing: &[(&Part, &Cell)], cells: usize) -> Result<(), ExperimentError> {
    const NAMED: usize = 10;
    if missing.is_empty() {
        return Ok(());
    }
    let named = missing.iter().take(NAMED).map(|(part, cell)| format!("{}/cells/{}", part.about.name, file(cell)));
    Err(ExperimentError::Missing { missing: missing.len(), cells, named: named.collect() })
}

fn cells(folder: &Path, part: &Part) -> PathBuf {
    folder.join(&part.about.name).join("cells")
}

fn file(cell: &Cell) -> String {
    format!("{}.json", cell.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(efforts: &[u64], count: usize) -> Vec<u64> {
        let mut times = vec![0; efforts.len()];
        let loads = (1..=count).map(|index| {
            let held = Shard::new(index, count).unwrap().holds(efforts);
            times.iter_mut().zip(&held).for_each(|(times, held)| *times += usize::from(*held));
            efforts.iter().zip(&held).filter_map(|(effort, held)| held.then_some(effort)).sum()
        });
        let loads = loads.collect();
        assert!(times.iter().all(|times| *times == 1), "every cell is in one part: {times:?}");
        loads
    }

    /// By Graham's bound no part has more than the mean and the longest cell.
    #[test]
    fn parts_are_dealt_by_effort() {
        for (name, quick) in [(None, false), (None, true), (Some("v"), false)] {
            let names: Vec<String> = name.into_iter().map(str::to_owned).collect();
            let reproduction = Reproduction::new(Request::new(&names, quick).unwrap()).unwrap();
            let efforts = reproduction.efforts();
            let (total, longest) = (efforts.iter().sum::<u64>(), efforts.iter().max().unwrap());
            for count in [1, 2, 7, 8, 70, efforts.len() + 3] {
                let most = loads(efforts, count).into_iter().max().unwrap();
                assert!(most <= total / count as u64 + longest, "{count} parts: {most} of {total}");
            }
            let eight = loads(efforts, 8).into_iter().max().unwrap();
            let every_eighth = (0..8).map(|i| efforts.iter().skip(i).step_by(8).sum::<u64>()).max().unwrap();
            assert!(eight <= every_eighth && 8 * eight <= total + total / 20 + 8 * longest);
        }
        assert_eq!(Shard::new(usize::MAX, usize::MAX).unwrap().holds(&[3, 1]), [false, false]);
    }
}
