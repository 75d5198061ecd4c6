//! Records of long runs: one line per slot, written and read without ever being held as a whole.
//!
//! Such a file is a [`RunRecord`] as any other: JSON, that every reader of records reads. What is special is where its lines
//! end: the first one holds all but the slots, up to the bracket that opens their list; each of the next one slot; the last one
//! closes the list. A file that ends early, because its program was killed, holds whole slots up to its last line break.

use std::io::{self, BufRead, Write};

use serde::de::DeserializeOwned;

use super::ledger::Ledger;
use super::record::{RunRecord, SlotRecord};
use super::record_error::RecordError;
use crate::ground::blame::{Blame, Blamed};
use crate::text::{Finding, Severity};

/// How every record ends that has no comparison.
const END: &str = "]}";

/// Bytes of a head: those of thousands of nodes and plans.
const LONGEST_HEAD: u64 = 1 << 26;

/// Why a record is not read line by line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordLinesError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The first line is not the head of a record.
    #[error(
        "line 1: is not the beginning of a record with a line per slot ({0}); read the file as a whole \
         (serde_json::from_reader to a RunRecord)"
    )]
    Head(serde_json::Error),
    /// A line that is not a slot.
    #[error("line {line}: is not a slot of a record: {source}")]
    Slot {
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The slots' numbers do not follow one another.
    #[error("line {line}: slot {found}: must be {expected}, the next one")]
    Order {
        /// Its number, from 1.
        line: u64,
        /// The next slot.
        expected: u64,
        /// That of the line.
        found: u64,
    },
    /// A slot whose lists are not about the record's nodes, plans and clusters.
    #[error("line {line}: {source}")]
    Lists {
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        source: RecordError,
    },
}

impl Blamed for RecordLinesError {
    fn blame(&self) -> Blame {
        match self {
            Self::Read(_) => Blame::Machine,
            Self::Head(_) | Self::Slot { .. } | Self::Order { .. } | Self::Lists { .. } => Blame::Input,
        }
    }
}

/// Writes a record slot by slot: what is in memory is one slot.
///
/// After every slot all is handed to the system: a program that is killed loses at most the slot it is at.
#[derive(Debug)]
pub struct RecordWriter<W: Write> {
    out: W,
    line: Vec<u8>,
    slots: u64,
}

impl<W: Write> RecordWriter<W> {
    /// Begins the record that `head` is but for its slots; a comparison is left out.
    ///
    /// # Errors
    /// Of the writer.
    pub fn new(head: &RunRecord, mut out: W) -> io::Result<Self> {
        let mut line = serde_json::to_vec(&head.without_slots())?;
        // All up to the end of the empty list of slots, which is the last field.
        line.truncate(line.len().saturating_sub(END.len()));
        line.push(b'\n');
        out.write_all(&line)?;
        Ok(Self { out, line, slots: 0 })
    }

    /// Writes the next slot.
    ///
    /// # Errors
    /// Of the writer.
    pub fn slot(&mut self, slot: &SlotRecord) -> io::Result<()> {
        self.line.clear();
        if self.slots > 0 {
            self.line.push(b',');
        }
        serde_json::to_writer(&mut self.line, slot)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        self.slots += 1;
        self.out.flush()
    }

    /// The same record in another writer, which has what this one has.
    #[cfg(feature = "figures")]
    pub(crate) fn map<V: Write, E>(self, change: impl FnOnce(W) -> Result<V, E>) -> Result<RecordWriter<V>, E> {
        Ok(RecordWriter { out: change(self.out)?, line: self.line, slots: self.slots })
    }

    /// Ends the record, and gives the writer back.
    ///
    /// # Errors
    /// Of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        writeln!(self.out, "{END}")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Reads a record that [`RecordWriter`] wrote, or the part of it that a killed program left: an iterator over its slots.
#[derive(Debug)]
pub struct RecordReader<R: BufRead> {
    input: R,
    head: RunRecord,
    bytes: Vec<u8>,
    line: u64,
    next: Option<u64>,
    ended: bool,
    /// How many slots were read.
    read: usize,
}

/// As text, which other readers of the same types read too: one for bytes would take a while to compile.
fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let text = std::str::from_utf8(bytes).map_err(serde::de::Error::custom)?;
    serde_json::from_str(text)
}

impl<R: BufRead> RecordReader<R> {
    /// Reads all that precedes the slots.
    ///
    /// # Errors
    /// [`RecordLinesError::Head`] for a file that is no such record; [`RecordLinesError::Read`].
    pub fn new(mut input: R) -> Result<Self, RecordLinesError> {
        let mut bytes = Vec::new();
        // A record without line breaks is one line: it is not read to its end to find that out.
        io::Read::take(&mut input, LONGEST_HEAD).read_until(b'\n', &mut bytes)?;
        bytes.truncate(bytes.trim_ascii_end().len());
        bytes.extend_from_slice(END.as_bytes());
        let head = from_json(&bytes).map_err(RecordLinesError::Head)?;
        Ok(Self { input, head, bytes, line: 1, next: None, ended: false, read: 0 })
    }

    /// The record but for its slots.
    #[must_use]
    pub fn head(&self) -> &RunRecord {
        &self.head
    }

    /// Whether the record's end was read: otherwise its program was killed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.ended
    }

    fn read(&mut self) -> Result<Option<SlotRecord>, RecordLinesError> {
        self.bytes.clear();
        self.input.read_until(b'\n', &mut self.bytes)?;
        // What has no end is not whole.
        let Some(text) = self.bytes.strip_suffix(b"\n") else { return Ok(None) };
        self.line += 1;
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text == END.as_bytes() {
            self.ended = true;
            return Ok(None);
        }
        let line = self.line;
        let text = text.strip_prefix(b",").unwrap_or(text);
        let slot: SlotRecord = from_json(text).map_err(|source| RecordLinesError::Slot { line, source })?;
        if let Some(expected) = self.next.filter(|expected| slot.slot != *expected) {
            return Err(RecordLinesError::Order { line, expected, found: slot.slot });
        }
        self.head.check_slot(self.read, &slot).map_err(|source| RecordLinesError::Lists { line, source })?;
        self.read += 1;
        self.next = slot.slot.checked_add(1);
        Ok(Some(slot))
    }
}

impl<R: BufRead> Iterator for RecordReader<R> {
    type Item = Result<SlotRecord, RecordLinesError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl RunRecord {
    /// The first that is wrong in a record with a line per slot, none of which is kept; nothing where it is valid.
    pub fn inspect_lines<R: BufRead>(mut lines: RecordReader<R>) -> Vec<Finding> {
        let head = lines.head().clone();
        let error = |message: String| vec![Finding::new(Severity::Error, "", &message, "", None)];
        let mut ledger = match Ledger::new(&head) {
            Ok(ledger) => ledger,
            Err(fault) => return error(fault.to_string()),
        };
        for slot in lines.by_ref() {
            let fault = match slot {
                Ok(slot) => ledger.take(&head, &slot).err().map(|fault| fault.to_string()),
                Err(fault) => Some(fault.to_string()),
            };
            if let Some(fault) = fault {
                return error(fault);
            }
        }
        if lines.is_whole() {
            return Vec::new();
        }
        error(format!("ends after {} slots: the program that wrote it was killed, or is at work", lines.read))
    }

    /// The same record without its slots, and what else was possible in them.
    #[must_use]
    pub fn without_slots(&self) -> Self {
        Self {
            schema: self.schema,
            provenance: self.provenance.clone(),
            scenario: self.scenario.clone(),
            clusters: self.clusters.clone(),
            blocks: self.blocks,
            nodes: self.nodes.clone(),
            plans: self.plans.clone(),
            convergence: self.convergence.clone(),
            initial_queues: self.initial_queues.clone(),
            slots: Vec::new(),
            comparison: None,
        }
    }
}
