//! A record's certificates as its slots come, with none of them kept.

use super::form::StandardForm;
use super::record::{RunRecord, SlotRecord};
use super::record_error::RecordError;
use crate::lyapunov::{Certificate, RunningCertificate, Step, check_step};

/// What [`RunRecord::history`] checks of a record, slot by slot, and C1 of every constraint.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    form: StandardForm,
    queues: Vec<f64>,
    certificates: Vec<RunningCertificate>,
    slots: usize,
}

impl Ledger {
    /// Before the first slot of a record that begins so.
    pub(crate) fn new(head: &RunRecord) -> Result<Self, RecordError> {
        let form = head.standard_form()?;
        let queues = head.initial_in(&form)?;
        let certificates = queues.iter().map(|queue| RunningCertificate::new(*queue)).collect();
        Ok(Self { form, queues, certificates, slots: 0 })
    }

    /// Takes the next slot of the record that begins with `head`.
    ///
    /// # Errors
    /// [`RecordError`] for lists that do not fit, numbers out of range, and queues that did not follow their law.
    pub(crate) fn take(&mut self, head: &RunRecord, slot: &SlotRecord) -> Result<Step, RecordError> {
        let index = self.slots;
        head.check_slot(index, slot)?;
        let step = head.step_in(&self.form, index, slot, &self.queues)?;
        check_step(index, &self.queues, &step)?;
        for (certificate, (g, queue)) in self.certificates.iter_mut().zip(step.violations.iter().zip(&step.queue_after))
        {
            certificate.take(Some((*g, *queue)));
        }
        self.queues.clone_from(&step.queue_after);
        self.slots += 1;
        Ok(step)
    }

    /// C1 of every constraint, in the order of [`RunRecord::constraint_names`].
    pub(crate) fn certificates(&self) -> impl Iterator<Item = Option<Certificate>> {
        self.certificates.iter().map(RunningCertificate::certificate)
    }
}
