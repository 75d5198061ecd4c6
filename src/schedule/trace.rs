//! Timelines as traces that Perfetto and Chrome's tracing page open.

use serde::Serialize;

use super::account::{Memory, StageMemory};
use super::machine::Machine;
use super::operation::{Operation, OperationKind};
use super::timeline::{Event, Timeline};
use crate::ground::check::FieldError;

/// The process that all rows belong to.
const PROCESS: u32 = 1;

/// Microseconds, in whole nanoseconds: what follows another operation at once then begins where that ends, to the last
/// digit, and readers that count in nanoseconds see no overlap.
fn microseconds(time_s: f64) -> f64 {
    (time_s * 1e9).round() / 1e3
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    display_time_unit: &'static str,
    trace_events: Vec<TraceEvent>,
}

/// One event of the Trace Event Format; times in microseconds.
#[derive(Serialize)]
struct TraceEvent {
    name: String,
    ph: &'static str,
    pid: u32,
    tid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    /// A flow ends in the slice around its time, not in the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Args>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Args {
    Name { name: String },
    SortIndex { sort_index: u32 },
    Level { held: f64 },
    Operation { micro_batch: u32, slice: u32, position: u32, critical: bool },
}

fn event(name: String, ph: &'static str, tid: u32) -> TraceEvent {
    TraceEvent { name, ph, pid: PROCESS, tid, ts: None, dur: None, cat: None, id: None, bp: None, args: None }
}

fn metadata(name: &str, tid: u32, args: Args) -> TraceEvent {
    TraceEvent { args: Some(args), ..event(name.into(), "M", tid) }
}

/// What an operation does, as a category to filter by.
fn category(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Forward => "forward",
        OperationKind::Backward => "backward",
        OperationKind::Weight => "weight",
        OperationKind::SendForward | OperationKind::SendBackward => "message",
    }
}

/// What it takes, such that beginning and length add up to the end.
fn length(of: &Event) -> f64 {
    ((of.end_s * 1e9).round() - (of.start_s * 1e9).round()) / 1e3
}

/// Where an operation is drawn: row, start and end.
type Drawn = (u32, Event);

impl Timeline {
    /// The last run as JSON in the Trace Event Format: a row per machine, an arrow per message, a counter of memory per
    /// stage. <https://ui.perfetto.dev> and `chrome://tracing` open it.
    ///
    /// # Errors
    /// As [`memory`](Self::memory), and [`FieldError`] for an infinite makespan.
    ///
    /// ```
    /// use collapipe::schedule::{Memory, ScheduleSpec};
    /// let spec = ScheduleSpec::from_json(r#"{
    ///     "schedule": "forward-only", "stages": 1, "micro_batches": 1, "durations": {"forward": [0.25]}
    /// }"#)?;
    /// let trace = spec.play()?.0.to_chrome_trace(&Memory::counting(1))?;
    /// assert!(trace.contains(r#"{"name":"F0@0","ph":"X","pid":1,"tid":1,"ts":0.0,"dur":250000.0,"cat":"forward""#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_chrome_trace(&self, memory: &Memory) -> Result<String, FieldError> {
        self.check_finite()?;
        let memory = self.memory(memory)?;
        let critical = self.on_critical_path();
        let mut events = vec![metadata("process_name", 0, Args::Name { name: "pipeline".into() })];
        let mut flows = Flows { timeline: self, messages: Vec::new() };
        for ((machine, run), tid) in self.machines().zip(1..) {
            events.push(metadata("thread_name", tid, Args::Name { name: machine.to_string() }));
            events.push(metadata("thread_sort_index", tid, Args::SortIndex { sort_index: tid }));
            for of in run {
                let Operation { kind, position, micro_batch, slice } = of.operation;
                let critical = critical.contains(&of.operation);
                events.push(TraceEvent {
                    ts: Some(microseconds(of.start_s)),
                    dur: Some(length(&of)),
                    cat: Some(category(kind)),
                    args: Some(Args::Operation { micro_batch, slice, position, critical }),
                    ..event(of.operation.to_string(), "X", tid)
                });
                flows.meet((tid, of), machine);
            }
        }
        flows.write(&mut events);
        events.extend(memory.iter().flat_map(counters));
        let trace = Trace { display_time_unit: "ms", trace_events: events };
        serde_json::to_string(&trace).map_err(|error| FieldError::new("trace", error, "values that JSON can write"))
    }
}

fn counters(of: &StageMemory) -> impl Iterator<Item = TraceEvent> + '_ {
    of.levels.iter().map(|&(time_s, held)| TraceEvent {
        ts: Some(microseconds(time_s)),
        args: Some(Args::Level { held }),
        ..event(format!("memory of stage {}", of.stage), "C", 0)
    })
}

/// Messages between stages.
struct Flows<'a> {
    timeline: &'a Timeline,
    /// Where each operation is drawn first, in the order of the rows.
    messages: Vec<Drawn>,
}

impl Flows<'_> {
    fn meet(&mut self, drawn: Drawn, machine: Machine) {
        // A transmission that two radios show is one message: the sender's row has it.
        let operation = drawn.1.operation;
        // Arrows hang on slices that have a length.
        if length(&drawn.1) == 0.0 {
            return;
        }
        let sender = self.timeline.shape().stage_of(operation);
        if !matches!(machine, Machine::Radio(stage) if stage != sender) {
            self.messages.push(drawn);
        }
    }

    /// An arrow from each computation over its transmission, where that is drawn, to the one that needs it.
    fn write(mut self, events: &mut Vec<TraceEvent>) {
        let shape = self.timeline.shape();
        self.messages.sort_by_key(|(_, event)| event.operation);
        let find = |operation: Operation| {
            let found = self.messages.binary_search_by_key(&operation, |(_, event)| event.operation);
            found.ok().and_then(|index| self.messages.get(index))
        };
        let mut id = 0;
        for (row, to) in self.messages.iter().filter(|(_, event)| !event.operation.kind.is_send()) {
            let Some(send) = shape.need_of(to.operation).filter(|need| need.kind.is_send()) else { continue };
            let Some((sender, from)) = shape.need_of(send).and_then(find) else { continue };
            id += 1;
            let arrow = |ph, tid: u32, time_s: f64| TraceEvent {
                ts: Some(microseconds(time_s)),
                cat: Some("message"),
                id: Some(id),
                bp: (ph == "f").then_some("e"),
                ..event(send.to_string(), ph, tid)
            };
            events.push(arrow("s", *sender, from.start_s));
            events.extend(find(send).map(|(link, on_way)| arrow("t", *link, on_way.start_s)));
            events.push(arrow("f", *row, to.start_s));
        }
    }
}
