//! Tables for notebooks: one row per observation, units in the column names.
//!
//! A table is told row by row to whom it may concern: a file of comma-separated values, or Parquet.

use std::io::{self, Write};

use super::series::devices;
use crate::lyapunov::{DriftRecord, History};
use crate::problem::NodeId;
use crate::simulation::{ClusterPlan, NodeRecord, NodeRole, Outage, RunRecord, SlotOutcome, SlotRecord};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Whole,
    Real,
    Text,
}

/// A value of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Whole(u64),
    Real(f64),
    Text(&'a str),
    /// There is none.
    Empty,
}

impl Cell<'_> {
    fn real(value: Option<f64>) -> Self {
        value.map_or(Cell::Empty, Cell::Real)
    }

    fn whole(value: impl TryInto<u64>) -> Self {
        value.try_into().map_or(Cell::Empty, Cell::Whole)
    }
}

/// Where a table goes: its head, then its rows.
pub(crate) trait Sink {
    fn head(&mut self, columns: &[(String, Kind)]) -> io::Result<()>;
    fn row(&mut self, cells: &[Cell]) -> io::Result<()>;
}

/// Tells a table of a run: its head, and the rows of one slot after the other. The record has all but the slots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tell {
    head: fn(&Told, &mut dyn Sink) -> io::Result<()>,
    rows: fn(&Told, &SlotRecord, &mut dyn Sink) -> io::Result<()>,
}

/// The run that tables are told of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    /// All but the slots.
    pub(crate) record: &'a RunRecord,
    /// Whether any round was executed: there are columns then of what was measured.
    pub(crate) is_measured: bool,
}

impl Tell {
    /// Tells the head.
    pub(crate) fn head(self, told: &Told, out: &mut dyn Sink) -> io::Result<()> {
        (self.head)(told, out)
    }

    /// Tells the rows of a slot.
    pub(crate) fn rows(self, told: &Told, slot: &SlotRecord, out: &mut dyn Sink) -> io::Result<()> {
        (self.rows)(told, slot, out)
    }

    /// Tells the whole table.
    pub(crate) fn all(self, record: &RunRecord, out: &mut dyn Sink) -> io::Result<()> {
        let is_measured = record.slots.iter().any(|slot| slot.measured.is_some());
        let told = Told { record, is_measured };
        self.head(&told, out)?;
        record.slots.iter().try_for_each(|slot| self.rows(&told, slot, out))
    }
}

/// The tables of a run by name.
pub(crate) const TABLES: [(&str, Tell); 6] = [
    ("slots", Tell { head: slots_head, rows: slots }),
    ("nodes", Tell { head: nodes_head, rows: nodes }),
    ("segments", Tell { head: segments_head, rows: segments }),
    ("rounds", Tell { head: rounds_head, rows: rounds }),
    ("radio", Tell { head: radio_head, rows: radio }),
    ("memory", Tell { head: memory_head, rows: memory }),
];

/// A table as comma-separated values: floats with the fewest digits that read back as the same number, an empty field for none.
pub(crate) struct Csv<W: Write>(csv::Writer<W>);

impl<W: Write> Csv<W> {
    pub(crate) fn new(out: W) -> Self {
        Self(csv::Writer::from_writer(out))
    }

    /// Writes a table of a run.
    pub(crate) fn write(tell: Tell, record: &RunRecord, out: W) -> io::Result<()> {
        let mut csv = Self::new(out);
        tell.all(record, &mut csv)?;
        csv.0.flush()
    }

    /// Gives the writer back, when all is written to it.
    pub(crate) fn finish(self) -> io::Result<W> {
        self.0.into_inner().map_err(|error| io::Error::new(error.error().kind(), error.to_string()))
    }
}

impl<W: Write> Sink for Csv<W> {
    fn head(&mut self, columns: &[(String, Kind)]) -> io::Result<()> {
        Ok(self.0.write_record(columns.iter().map(|(name, _)| name))?)
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<()> {
        for cell in cells {
            match cell {
                Cell::Whole(value) => self.0.write_field(value.to_string())?,
                Cell::Real(value) => self.0.write_field(float(*value))?,
                Cell::Text(text) => self.0.write_field(text)?,
                Cell::Empty => self.0.write_field("")?,
            }
        }
        Ok(self.0.write_record(None::<&[u8]>)?)
    }
}

fn named(columns: &[(&str, Kind)]) -> Vec<(String, Kind)> {
    columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect()
}

/// One row per slot.
fn slots_head(told: &Told, out: &mut dyn Sink) -> io::Result<()> {
    let record = told.record;
    let mut head = named(&[
        ("slot", Kind::Whole),
        ("status", Kind::Text),
        ("latency_s", Kind::Real),
        ("plan", Kind::Whole),
        ("local_iterations", Kind::Whole),
        ("micro_batches", Kind::Whole),
        ("objective", Kind::Real),
        ("lower_bound", Kind::Real),
        ("gap", Kind::Real),
        ("outage_reason", Kind::Text),
    ]);
    head.extend(record.clusters.iter().map(|name| (format!("latency_s:{name}"), Kind::Real)));
    if record.convergence.is_some() {
        head.extend(named(&[("convergence_violation_loss", Kind::Real), ("convergence_queue", Kind::Real)]));
    }
    if told.is_measured {
        head.extend(named(&[("measured_latency_s", Kind::Real), ("late_operations", Kind::Whole)]));
    }
    out.head(&head)
}

fn slots(told: &Told, slot: &SlotRecord, out: &mut dyn Sink) -> io::Result<()> {
    let record = told.record;
    let mut row = vec![Cell::Whole(slot.slot)];
    match &slot.outcome {
        SlotOutcome::Planned(planned) => {
            let plan = record.plans.get(planned.plan);
            row.extend([
                Cell::Text(planned.status.name()),
                Cell::Real(planned.latency_s.0),
                Cell::whole(planned.plan),
                plan.map_or(Cell::Empty, |plan| Cell::whole(plan.local_iterations)),
                plan.map_or(Cell::Empty, |plan| Cell::whole(plan.micro_batches)),
                Cell::Real(planned.objective),
                Cell::real(planned.lower_bound),
                Cell::real(planned.gap),
                Cell::Empty,
            ]);
            let latency = |index: usize| planned.clusters.get(index).map(|cluster| cluster.latency_s.0);
            row.extend((0..record.clusters.len()).map(|index| Cell::real(latency(index))));
        }
        SlotOutcome::Outage(Outage { reason, .. }) => {
            row.push(Cell::Text("outage"));
            row.resize(9, Cell::Empty);
            row.push(Cell::Text(reason));
            row.resize(10 + record.clusters.len(), Cell::Empty);
        }
    }
    if record.convergence.is_some() {
        row.push(Cell::real(slot.convergence.map(|of| of.violation)));
        row.push(Cell::real(slot.convergence.map(|of| of.queue)));
    }
    if told.is_measured {
        let measured = slot.measured.as_ref();
        row.push(Cell::real(measured.map(|of| of.latency_s.0)));
        row.push(measured.map_or(Cell::Empty, |of| Cell::whole(of.late)));
    }
    out.row(&row)
}

/// One row per slot and node.
fn nodes_head(told: &Told, out: &mut dyn Sink) -> io::Result<()> {
    let mut head = named(&[
        ("slot", Kind::Whole),
        ("node", Kind::Text),
        ("role", Kind::Text),
        ("energy_j", Kind::Real),
        ("budget_j", Kind::Real),
        ("queue", Kind::Real),
    ]);
    if told.is_measured {
        head.extend(named(&[("planned_energy_j", Kind::Real)]));
    }
    out.head(&head)
}

fn nodes(told: &Told, slot: &SlotRecord, out: &mut dyn Sink) -> io::Result<()> {
    let record = told.record;
    for (index, node) in record.nodes.iter().enumerate() {
        let role = match node.role {
            NodeRole::ControlUnit => "control_unit",
            NodeRole::Device => "device",
            NodeRole::EdgeServer => "edge_server",
        };
        let mut row = vec![
            Cell::Whole(slot.slot),
            Cell::Text(&node.name),
            Cell::Text(role),
            Cell::real(slot.energy_j.get(index).map(|energy| energy.0)),
            Cell::real(node.budget_j.map(|budget| budget.0)),
            Cell::real(slot.queues.get(index).copied()),
        ];
        if told.is_measured {
            let planned = slot.measured.as_ref().and_then(|measured| measured.planned_energy_j.get(index));
            row.push(Cell::real(planned.map(|energy| energy.0)));
        }
        out.row(&row)?;
    }
    Ok(())
}

/// Slot, cluster and its part of the round, if there is one.
fn parts<'a>(
    record: &'a RunRecord,
    slot: &'a SlotRecord,
) -> impl Iterator<Item = (u64, usize, &'a str, &'a ClusterPlan)> {
    slot.planned().into_iter().flat_map(move |planned| {
        let clusters = record.clusters.iter().zip(&planned.clusters).enumerate();
        clusters.map(move |(index, (name, cluster))| (slot.slot, index, name.as_str(), cluster))
    })
}

/// One row per planned slot and device.
fn segments_head(_: &Told, out: &mut dyn Sink) -> io::Result<()> {
    out.head(&named(&[("slot", Kind::Whole), ("cluster", Kind::Text), ("device", Kind::Text), ("blocks", Kind::Whole)]))
}

fn segments(told: &Told, slot: &SlotRecord, out: &mut dyn Sink) -> io::Result<()> {
    let record = told.record;
    for (slot, index, name, cluster) in parts(record, slot) {
        for ((_, device), blocks) in devices(record, index).zip(&cluster.sizes) {
            out.row(&[Cell::Whole(slot), Cell::Text(name), Cell::Text(&device.name), Cell::whole(*blocks)])?;
        }
    }
    Ok(())
}

/// One row per planned slot and cluster: where the time goes.
fn rounds_head(_: &Told, out: &mut dyn Sink) -> io::Result<()> {
    out.head(&named(&[
        ("slot", Kind::Whole),
        ("cluster", Kind::Text),
        ("latency_s", Kind::Real),
        ("fixed_s", Kind::Real),
        ("distribution_s", Kind::Real),
        ("forward_s", Kind::Real),
        ("backward_s", Kind::Real),
        ("collection_s", Kind::Real),
        ("upload_s", Kind::Real),
        ("latency_share", Kind::Real),
    ]))
}

fn rounds(told: &Told, slot: &SlotRecord, out: &mut dyn Sink) -> io::Result<()> {
    let record = told.record;
    for (slot, _, name, cluster) in parts(record, slot) {
        let of = &cluster.parts;
        let seconds = [cluster.latency_s, of.fixed, of.distribution, of.forward, of.backward, of.collection, of.upload];
        let mut row = vec![Cell::Whole(slot), Cell::Text(name)];
        row.extend(seconds.map(|seconds| Cell::Real(seconds.0)));
        row.push(Cell::real(cluster.latency_share));
        out.row(&row)?;
    }
    Ok(())
}

/// One row per planned slot and message: what is sent, over which link.
fn radio_head(_: &Told, out: &mut dyn Sink) -> io::Result<()> {
    out.head(&named(&[
        ("slot", Kind::Whole),
        ("cluster", Kind::Text),
        ("part", Kind::Text),
        ("from", Kind::Text),
        ("to", Kind::Text),
        ("bandwidth_hz", Kind::Real),
        ("power_w", Kind::Real),
        ("bits_per_second", Kind::Real),
        ("air_s", Kind::Real),
        ("times", Kind::Real),
    ]))
}

fn radio(told: &Told, slot: &SlotRecord, out: &mut dyn Sink) -> io::Result<()> {
    let record = told.record;
    for (slot, index, name, cluster) in parts(record, slot) {
        for message in &cluster.messages {
            out.row(&[
                Cell::Whole(slot),
                Cell::Text(name),
                Cell::Text(message.part.name()),
                Cell::Text(node_name(record, index, message.from)),
                Cell::Text(node_name(record, index, message.to)),
                Cell::real(message.bandwidth_hz.map(|hertz| hertz.0)),
                Cell::real(message.power_w.map(|watts| watts.0)),
                Cell::Real(message.bits_per_second),
                Cell::Real(message.air_s.0),
                Cell::Real(message.times),
            ])?;
        }
    }
    Ok(())
}

/// One row per planned slot and device that holds a segment.
fn memory_head(_: &Told, out: &mut dyn Sink) -> io::Result<()> {
    out.head(&named(&[
        ("slot", Kind::Whole),
        ("cluster", Kind::Text),
        ("device", Kind::Text),
        ("memory_bytes", Kind::Real),
        ("limit_bytes", Kind::Real),
    ]))
}

fn memory(told: &Told, slot: &SlotRecord, out: &mut dyn Sink) -> io::Result<()> {
    let record = told.record;
    for (slot, index, name, cluster) in parts(record, slot) {
        let held = devices(record, index).zip(&cluster.sizes).zip(&cluster.memory_bytes);
        for (((_, device), _), bytes) in held.filter(|((_, blocks), _)| **blocks > 0) {
            let limit = device.memory_bytes.map(|bytes| bytes.0);
            out.row(&[
                Cell::Whole(slot),
                Cell::Text(name),
                Cell::Text(&device.name),
                Cell::Real(bytes.0),
                Cell::real(limit),
            ])?;
        }
        if let Some(server) = server(record, index).filter(|_| cluster.edge_server.memory.0 > 0.0) {
            let limit = server.memory_bytes.map(|bytes| bytes.0);
            let held = Cell::Real(cluster.edge_server.memory.0);
            out.row(&[Cell::Whole(slot), Cell::Text(name), Cell::Text(&server.name), held, Cell::real(limit)])?;
        }
    }
    Ok(())
}

/// The edge server of a cluster, where it is a node of the record.
fn server(record: &RunRecord, cluster: usize) -> Option<&NodeRecord> {
    record.nodes.iter().find(|of| of.cluster == cluster && of.role == NodeRole::EdgeServer)
}

/// A node of a cluster as the tables name it; an edge server whose energy is not counted has no name of its own.
pub(super) fn node_name(record: &RunRecord, cluster: usize, node: NodeId) -> &str {
    let of_cluster = record.nodes.iter().filter(|of| of.cluster == cluster);
    of_cluster.map(|of| of.name.as_str()).nth(node.0).unwrap_or("edge-server")
}

/// One row per slot of a run of a user's own problem.
pub(super) fn drift<A>(record: &DriftRecord<A>, history: &History, out: &mut dyn Write) -> csv::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let of = |what: &'static str| record.labels.constraints.iter().map(move |name| format!("{what}:{name}"));
    let fixed = ["slot", "penalty", "lower_bound", "gap"].map(String::from);
    csv.write_record(fixed.into_iter().chain(of("violation")).chain(of("queue")))?;
    for (slot, step) in record.slots.iter().zip(history.steps()) {
        let row = [slot.slot.to_string(), float(slot.penalty), number(slot.lower_bound), number(step.gap)];
        let lists = slot.violations.iter().chain(&slot.queues).map(|value| float(*value));
        csv.write_record(row.into_iter().chain(lists))?;
    }
    csv.flush().map_err(Into::into)
}

/// Empty where there is none.
pub(crate) fn number(value: Option<f64>) -> String {
    value.map(float).unwrap_or_default()
}

/// The fewest digits that read back as the same number.
pub(crate) fn float(value: f64) -> String {
    format!("{value:?}")
}
