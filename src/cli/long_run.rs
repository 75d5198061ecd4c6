//! `collapipe run` of more slots than are kept in memory.

use std::sync::atomic::{AtomicBool, Ordering};

use collapipe::report::{LongRun, RunFolder, RunTally, Summary};
use collapipe::simulation::{MOST_COMPARED, Run, RunError, SlotRecord};

use super::args::{CertificateEffort, RunArguments};
use super::progress::Progress;
use super::run::{told, wrote};
use super::{Done, Failure, io};

/// Where the slots go.
enum Out<'a> {
    Files(Box<LongRun<'a>>),
    Numbers(Box<RunTally>),
}

impl Out<'_> {
    fn take(&mut self, slot: &SlotRecord) -> Result<(), Failure> {
        match self {
            Self::Files(run) => run.take(slot)?,
            Self::Numbers(tally) => tally.take(slot),
        }
        Ok(())
    }

    fn summary(&self) -> Summary {
        match self {
            Self::Files(run) => run.summary(),
            Self::Numbers(tally) => tally.summary(),
        }
    }
}

pub fn play(
    arguments: &RunArguments,
    mut run: Run,
    folder: Option<&RunFolder>,
    stop: &AtomicBool,
) -> Result<Done, Failure> {
    let head = run.record(Vec::new());
    let planned = head.provenance.slots_planned;
    let bar = Progress::new(planned, true);
    let mut out = match folder {
        None => Out::Numbers(Box::new(RunTally::new(head)?)),
        Some(folder) => {
            // Asked in any case: what another run left is not overwritten.
            let earlier = folder.unfinished(&head)?.filter(|_| !run.policy().remembers());
            let mut long = folder.begin(&head)?;
            for slot in earlier.into_iter().flatten() {
                let slot = slot.map_err(|error| io::bad_input(&arguments.out, &error))?;
                run.resume(&slot)?;
                long.take(&slot)?;
                bar.add(1);
            }
            if run.played() > 0 {
                io::note(&format!("goes on after {} slots that an earlier run left", run.played()));
            }
            Out::Files(Box::new(long.keep()?))
        }
    };
    let mut failed: Option<RunError> = None;
    while !stop.load(Ordering::Relaxed) {
        match run.next() {
            Some(Ok(slot)) => out.take(&slot)?,
            Some(Err(error)) => {
                failed = Some(error);
                break;
            }
            None => break,
        }
        bar.add(1);
    }
    bar.finish();
    if let Some(error) = failed.take_if(|_| run.played() == 0) {
        return Err(error.into());
    }
    // Whoever stopped the run does not ask for more.
    let ended = failed.is_none() && !stop.load(Ordering::Relaxed);
    if ended && arguments.certificates != CertificateEffort::Off {
        let error = RunError::TooLong { slots: usize::try_from(planned).unwrap_or(usize::MAX), most: MOST_COMPARED };
        io::note(&format!("certificates beyond C1 are left out: {error}"));
    }
    let summary = out.summary();
    let written = match out {
        Out::Files(run) => Some(wrote(&arguments.out, &run.finish()?)),
        Out::Numbers(_) => None,
    };
    told(arguments, &summary, planned, written, failed)
}
