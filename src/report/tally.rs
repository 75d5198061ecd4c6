//! The summary of a run as its slots come.

use super::summary::Summary;
use super::totals::Totals;
use crate::lyapunov::{NOT_COMPARED, Proofs, squared};
use crate::simulation::{Ledger, RecordError, RunRecord, SlotRecord};

/// A run's [`Summary`] as its slots come: that of the whole record, which need not be kept, but for what a comparison adds.
///
/// Of a slot two numbers are kept, latency and gap, for the quantiles.
///
/// ```
/// use collapipe::report::{RunTally, summary};
/// use collapipe::scenario::{BUILTIN, ScenarioFile};
/// use collapipe::simulation::Run;
///
/// let mut file = ScenarioFile::parse(BUILTIN, "".as_ref())?;
/// file.spec.slots = 3;
/// let mut run = Run::new(&file.build()?, Default::default())?;
/// let mut tally = RunTally::new(run.record(Vec::new()))?;
/// let mut slots = Vec::new();
/// while let Some(slot) = run.next() {
///     slots.push(slot?);
///     tally.take(slots.last().ok_or("a slot")?);
/// }
/// assert_eq!(tally.summary(), summary(&run.record(slots)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RunTally {
    head: RunRecord,
    totals: Totals,
    ledger: Ledger,
    broken: Option<RecordError>,
}

impl RunTally {
    /// Of the record that begins with `head`, whose own slots are not counted.
    ///
    /// # Errors
    /// [`RecordError`] for a head whose lists do not fit together.
    pub fn new(head: RunRecord) -> Result<Self, RecordError> {
        let head = if head.slots.is_empty() { head } else { head.without_slots() };
        let (totals, ledger) = (Totals::new(&head), Ledger::new(&head)?);
        Ok(Self { head, totals, ledger, broken: None })
    }

    /// The record but for its slots.
    #[must_use]
    pub fn head(&self) -> &RunRecord {
        &self.head
    }

    /// Takes the next slot. One that is not that of a drift-plus-penalty run takes the certificates with it, as in a whole
    /// record.
    pub fn take(&mut self, slot: &SlotRecord) {
        self.step(slot);
    }

    /// The same; gives the slot's penalty and the norm of the queues after it.
    pub(super) fn step(&mut self, slot: &SlotRecord) -> Option<(f64, f64)> {
        self.totals.take(&self.head, slot);
        if self.broken.is_some() {
            return None;
        }
        match self.ledger.take(&self.head, slot) {
            Ok(step) => Some((step.penalty, squared(&step.queue_after).sqrt())),
            Err(error) => {
                self.broken = Some(error);
                None
            }
        }
    }

    /// Why the slots so far are not those of a drift-plus-penalty run.
    #[must_use]
    pub fn broken(&self) -> Option<&RecordError> {
        self.broken.as_ref()
    }

    /// Latencies of all rounds, in increasing order.
    #[cfg(feature = "figures")]
    pub(super) fn sorted_latencies(&mut self) -> &[f64] {
        self.totals.sorted_latencies()
    }

    /// The summary of the slots so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let proofs = match &self.broken {
            Some(reason) => Proofs::none(&reason.to_string()),
            None => Proofs::of_certificates(self.head.constraint_names().into_iter().zip(self.ledger.certificates()))
                .without_comparison(NOT_COMPARED),
        };
        self.totals.clone().summary(&self.head, proofs)
    }
}
