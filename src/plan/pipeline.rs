//! One batch of a plan, event by event: drawn, traced.

use super::report::{Pipeline, PlanReport};
use crate::problem::FieldError;
use crate::schedule::{Drawing, Memory, Schedule, Timeline};

impl PlanReport {
    /// One batch of a cluster as a timeline; none for a cluster that there is not, or a pipeline with too many events.
    ///
    /// # Errors
    /// [`FieldError`] for durations that were changed to what is none.
    pub fn timeline(&self, cluster: usize) -> Result<Option<Timeline>, FieldError> {
        let Some(Pipeline { durations, sending, .. }) =
            self.clusters.get(cluster).and_then(|cluster| cluster.pipeline.as_ref())
        else {
            return Ok(None);
        };
        let too_long = |error: &dyn std::fmt::Display| FieldError::new("schedule", self.schedule, error.to_string());
        let schedule = Schedule::of(self.schedule, durations.forward.len(), self.micro_batches)
            .map_err(|error| too_long(&error))?;
        let mut timeline = Timeline::new(&schedule, *sending).map_err(|error| too_long(&error))?;
        timeline.run(durations)?;
        Ok(Some(timeline))
    }

    /// A Gantt chart (SVG) of one batch of a cluster; stages are numbered in the order of [`Pipeline::stages`].
    ///
    /// # Errors
    /// As [`timeline`](Self::timeline).
    pub fn to_svg(&self, cluster: usize, drawing: Drawing) -> Result<Option<String>, FieldError> {
        self.timeline(cluster)?.map(|timeline| timeline.to_svg(drawing)).transpose()
    }

    /// The same chart as PDF.
    ///
    /// # Errors
    /// As [`timeline`](Self::timeline).
    #[cfg(feature = "pdf")]
    pub fn to_pdf(&self, cluster: usize, drawing: Drawing) -> Result<Option<Vec<u8>>, FieldError> {
        self.timeline(cluster)?.map(|timeline| timeline.to_pdf(drawing)).transpose()
    }

    /// One batch of a cluster in the Trace Event Format (Perfetto, chrome://tracing).
    ///
    /// # Errors
    /// As [`timeline`](Self::timeline).
    pub fn to_chrome_trace(&self, cluster: usize) -> Result<Option<String>, FieldError> {
        let timeline = self.timeline(cluster)?;
        let trace = |timeline: Timeline| {
            let memory = Memory::counting(timeline.shape().positions());
            timeline.to_chrome_trace(&memory)
        };
        timeline.map(trace).transpose()
    }
}
