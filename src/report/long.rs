//! Files of a run that is too long to be kept: written as its slots come.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;

use super::digest::Digest;
use super::error::ReportError;
use super::figures::{self, RunView};
use super::folder::{RunFolder, texts_beside};
use super::page::{Shown, Typical, run_page};
use super::summary::Summary;
use super::tally::RunTally;
use super::tidy::{self, Csv, Sink, Tell, Told};
use crate::drawing::figure::Figure;
use crate::ground::files::{Content, Draft, FileError, Kept, Staged};
use crate::simulation::{RecordReader, RecordWriter, RunRecord, SlotRecord};

/// Name of a long run's record as long as the run goes on.
const UNFINISHED: &str = "record.unfinished.json";

/// Rounds that are kept to show one of about median latency: half of the most.
const SAMPLES: usize = 64;

/// A run of more slots is written as its slots come by `collapipe run`; a shorter one is kept in memory.
pub const LONG_RUN: u64 = 10_000;

/// The record that a run left that was killed: its slots need not be played again.
pub type UnfinishedRun = RecordReader<BufReader<File>>;

enum Record {
    /// Not yet to be found by another run.
    Draft(RecordWriter<Draft>),
    Kept(RecordWriter<Kept>),
}

enum Table {
    Csv(Csv<Draft>),
    #[cfg(feature = "parquet")]
    Parquet(super::parquet::Grouped<Draft>),
}

impl Table {
    fn sink(&mut self) -> &mut dyn Sink {
        match self {
            Self::Csv(csv) => csv,
            #[cfg(feature = "parquet")]
            Self::Parquet(parquet) => parquet,
        }
    }

    fn finish(self) -> io::Result<Draft> {
        match self {
            Self::Csv(csv) => csv.finish(),
            #[cfg(feature = "parquet")]
            Self::Parquet(parquet) => parquet.finish(),
        }
    }
}

struct OpenTable {
    path: PathBuf,
    name: String,
    tell: Tell,
    table: Table,
}

/// A run whose slots are written as they come, and not kept: record, tables, figures and page of any number of slots in memory
/// that grows by 16 bytes a slot.
///
/// Tables have no columns of what was measured in executed rounds; the record has it. Made by [`RunFolder::begin`]. The record grows in `record.unfinished.json`, a line per slot; when the run
/// [ends](Self::finish) it becomes `record.json`, and all other files come with it. A program that is killed leaves the
/// unfinished record, which [`RunFolder::unfinished`] finds.
pub struct LongRun<'a> {
    folder: &'a RunFolder,
    record: Record,
    tables: Vec<OpenTable>,
    tally: RunTally,
    digest: Digest,
    samples: Vec<SlotRecord>,
    /// Of so many rounds one is a sample.
    stride: u64,
    rounds: u64,
}

impl std::fmt::Debug for LongRun<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LongRun").field("rounds", &self.rounds).finish_non_exhaustive()
    }
}

impl RunFolder {
    /// What is left of the run that begins with `head` and was killed, or ended before its last slot; none where there is
    /// nothing. To be asked before [`begin`](Self::begin).
    ///
    /// # Errors
    /// [`FileError::Foreign`] for what is left of another run, unless it may be overwritten; [`FileError::Read`].
    pub fn unfinished(&self, head: &RunRecord) -> Result<Option<UnfinishedRun>, FileError> {
        let path = self.folder.path(UNFINISHED);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(self.interrupted(head)),
            Err(source) => return Err(FileError::Read { path, source }),
        };
        let foreign = |reason: String| {
            let remedy = "repeat the command that began it, which goes on with it; or remove it, choose another folder, or ask \
                          to overwrite (command line: --out, --overwrite)";
            Err(FileError::Foreign { path, reason, remedy })
        };
        match RecordReader::new(BufReader::with_capacity(1 << 16, file)) {
            Ok(reader) if *reader.head() == head.without_slots() => Ok(Some(reader)),
            _ if self.folder.overwrites() => Ok(None),
            Ok(_) => foreign("is what another run left when it was killed".into()),
            Err(error) => foreign(format!("is not what a run left when it was killed: {error}")),
        }
    }

    /// The record of the same run, if it was ended before its last slot.
    fn interrupted(&self, head: &RunRecord) -> Option<UnfinishedRun> {
        let open =
            || File::open(self.folder.path(RunFolder::RECORD)).ok().map(|file| BufReader::with_capacity(1 << 16, file));
        let reader = RecordReader::new(open()?).ok()?;
        let planned = head.provenance.slots_planned;
        // A line each, between that of the head and the last one.
        let fewer = || lines(open()?).ok().filter(|lines| *lines < planned.saturating_add(2));
        (*reader.head() == head.without_slots()).then(fewer)?.map(|_| reader)
    }

    /// Begins a run whose slots are not kept.
    ///
    /// # Errors
    /// [`ReportError::Run`] for a head whose lists do not fit together; [`ReportError::File`].
    pub fn begin(&self, head: &RunRecord) -> Result<LongRun<'_>, ReportError> {
        let tally = RunTally::new(head.without_slots())?;
        let draft = self.folder.draft(UNFINISHED)?;
        let record = RecordWriter::new(head, draft).map_err(|source| self.failed(UNFINISHED, source))?;
        let mut tables = Vec::new();
        for (name, tell) in tidy::TABLES {
            let csv = format!("{name}.csv");
            let table = Table::Csv(Csv::new(self.folder.draft(&csv)?));
            tables.push(OpenTable { path: self.folder.path(&csv), name: csv, tell, table });
            #[cfg(feature = "parquet")]
            if self.parquet {
                let name = format!("{name}.parquet");
                let table = Table::Parquet(super::parquet::Grouped::new(self.folder.draft(&name)?));
                tables.push(OpenTable { path: self.folder.path(&name), name, tell, table });
            }
        }
        for OpenTable { path, tell, table, .. } in &mut tables {
            tell.head(&Told { record: head, is_measured: false }, table.sink())
                .map_err(|source| FileError::Write { path: path.clone(), source })?;
        }
        let digest = Digest::bounded(head);
        let record = Record::Draft(record);
        Ok(LongRun { folder: self, record, tables, tally, digest, samples: Vec::new(), stride: 1, rounds: 0 })
    }

    fn failed(&self, name: &str, source: io::Error) -> FileError {
        FileError::Write { path: self.folder.path(name), source }
    }
}

fn lines(mut file: impl BufRead) -> io::Result<u64> {
    let mut lines = 0;
    loop {
        let bytes = file.fill_buf()?;
        let read = bytes.len();
        if read == 0 {
            return Ok(lines);
        }
        lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        file.consume(read);
    }
}

impl LongRun<'_> {
    /// Takes the next slot.
    ///
    /// # Errors
    /// [`FileError::Write`], as where the disk is full.
    pub fn take(&mut self, slot: &SlotRecord) -> Result<(), FileError> {
        let written = match &mut self.record {
            Record::Draft(record) => record.slot(slot),
            Record::Kept(record) => record.slot(slot),
        };
        written.map_err(|source| self.folder.failed(UNFINISHED, source))?;
        for OpenTable { path, tell, table, .. } in &mut self.tables {
            let told = tell.rows(&Told { record: self.tally.head(), is_measured: false }, slot, table.sink());
            told.map_err(|source| FileError::Write { path: path.clone(), source })?;
        }
        let penalty = self.tally.step(slot);
        self.digest.take(slot, penalty);
        if slot.planned().is_some() {
            if self.rounds.is_multiple_of(self.stride) {
                self.samples.push(slot.clone());
            }
            self.rounds += 1;
            if self.samples.len() > 2 * SAMPLES {
                self.stride *= 2;
                let mut place = 0;
                self.samples.retain(|_| {
                    place += 1;
                    place % 2 == 1
                });
            }
        }
        Ok(())
    }

    /// From now on [`RunFolder::unfinished`] finds what was taken so far, and all that comes, in place of what an earlier run
    /// left: to be called when what that one left has been taken.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn keep(self) -> Result<Self, FileError> {
        let Self { folder, record, .. } = self;
        let record = match record {
            Record::Draft(record) => Record::Kept(record.map(|draft| draft.keep())?),
            kept @ Record::Kept(_) => kept,
        };
        Ok(Self { folder, record, ..self })
    }

    /// The summary of the slots so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.tally.summary()
    }

    /// Ends the run: its files replace those of an earlier one. Returns their paths.
    ///
    /// # Errors
    /// [`ReportError`]; what could not be written leaves the earlier files, and the unfinished record.
    pub fn finish(self) -> Result<Vec<PathBuf>, ReportError> {
        let Self { folder, record, tables, mut tally, digest, samples, .. } = self;
        let failed = |source| folder.failed(UNFINISHED, source);
        let place = || folder.folder.path(RunFolder::RECORD);
        let record = match record {
            Record::Draft(record) => record.finish().map_err(failed)?.keep()?.finish(place())?,
            Record::Kept(record) => record.finish().map_err(failed)?.finish(place())?,
        };
        let mut staged: Vec<Staged> = vec![record];
        let mut names = Vec::new();
        for OpenTable { path, name, table, .. } in tables {
            let draft = table.finish().map_err(|source| FileError::Write { path, source })?;
            staged.push(draft.finish()?);
            names.push(name);
        }
        let summary = tally.summary();
        let median = summary.latency.map_or(f64::NAN, |latency| latency.p50_s.0);
        let latencies = tally.sorted_latencies().to_vec();
        let view = RunView { record: tally.head(), digest: &digest, latencies: &latencies };
        let figures: Vec<(&str, Figure)> = figures::ALL.iter().map(|(name, draw)| (*name, draw(&view))).collect();
        let beside = texts_beside(names.iter().map(String::as_str), &figures);
        let typical = Typical::near(&samples, median);
        let page = run_page(&view, &summary, typical.as_ref(), &Shown::all(&figures), &beside);
        let texts: [(&str, &Content); 2] = [
            ("summary.json", &|out| serde_json::to_writer_pretty(out, &summary).map_err(Into::into)),
            ("report.html", &|out: &mut dyn Write| out.write_all(page.as_bytes())),
        ];
        super::folder::put(&folder.folder, (staged, &texts), figures.into_iter(), folder.style)
    }
}
