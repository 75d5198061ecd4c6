//! A cluster's part of a plan: stages, messages, memory, and what each device is up against.

use super::report::{ClusterNames, ClusterReport, DeviceReport, HopReport, Limit, Part, Pipeline, Step};
use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::{DeviceId, Route};
use crate::problem::program::{PlanProgram, Sent, segments};
use crate::problem::{ClusterDecision, ClusterEvaluation, FieldError, ServerUse};
use crate::schedule::{MAX_DRAWN, Machine, Schedule, Timeline};

/// Rounding of a power that is at its limit, relative to it.
const AT_LIMIT: f64 = 1e-6;

pub(super) struct Described<'a> {
    pub program: PlanProgram<'a>,
    pub route: Route<'a>,
    pub choice: &'a ClusterDecision,
    pub names: ClusterNames<'a>,
    pub evaluation: Option<&'a ClusterEvaluation>,
}

impl Described<'_> {
    pub fn report(&self, _index: usize) -> Result<ClusterReport, FieldError> {
        let hops = self.program.sent_hops(self.route, self.choice);
        let played = self.pipeline(&hops)?;
        let (pipeline, busy, bottleneck) = match played {
            Some((pipeline, busy, bottleneck)) => (Some(pipeline), busy, bottleneck),
            None => (None, Vec::new(), (String::from("unknown: too many events"), 0.0)),
        };
        let parts = self.evaluation.map(|of| of.parts).unwrap_or_default();
        let part = |step, seconds: crate::units::Seconds| Part { step, seconds: seconds.0 };
        let parts = vec![
            part(Step::Fixed, parts.fixed),
            part(Step::Distribution, parts.distribution),
            part(Step::Forward, parts.forward),
            part(Step::Backward, parts.backward),
            part(Step::Collection, parts.collection),
            part(Step::Upload, parts.upload),
        ];
        Ok(ClusterReport {
            name: self.names.cluster(),
            latency_s: self.evaluation.map_or(0.0, |of| of.latency.0),
            parts,
            devices: self.devices(&hops, &busy, &bottleneck.0),
            bottleneck: bottleneck.0,
            bottleneck_busy: bottleneck.1,
            absent: self.names.absent(),
            hops: Phase::BOTH
                .iter()
                .flat_map(|phase| {
                    let part = if *phase == Phase::Forward { Step::Forward } else { Step::Backward };
                    hops[*phase].iter().map(move |hop| self.message(part, hop))
                })
                .collect(),
            transfers: self.transfers(),
            edge_server: self.evaluation.map_or_else(ServerUse::default, |of| of.edge_server),
            pipeline,
        })
    }

    /// What is sent before and after the pipeline; what has no bits is not.
    fn transfers(&self) -> Vec<HopReport> {
        let once = self.program.sent_once(self.choice);
        let lists = [
            (Step::Distribution, once.distribution.as_slice()),
            (Step::Collection, once.collection.as_slice()),
            (Step::Upload, std::slice::from_ref(&once.upload)),
        ];
        let all = lists.into_iter().flat_map(|(part, list)| list.iter().map(move |sent| (part, sent)));
        all.filter(|(_, sent)| sent.sent.bits.0 > 0.0).map(|(part, sent)| self.message(part, sent)).collect()
    }

    fn message(&self, part: Step, Sent { sent, link, air }: &Sent) -> HopReport {
        let devices = self.program.at.cluster.devices.len();
        let radio = sent.is_decided();
        HopReport {
            part,
            from: self.names.node(sent.sender, devices),
            to: self.names.node(sent.receiver, devices),
            bandwidth_hz: radio.then_some(link.bandwidth_hz.0),
            power_w: (radio && sent.wire.is_none()).then_some(link.power_w.0),
            bits_per_second: (sent.bits.0 > 0.0).then(|| sent.rate(*link)),
            air_s: air.0,
            uses: sent.uses,
            energy_j: sent.uses * sent.energy(*link, *air).0,
        }
    }

    /// One batch through the pipeline, for which share of it every stage is busy, and the busiest machine.
    #[allow(clippy::type_complexity, reason = "one caller, which takes it apart")]
    fn pipeline(&self, hops: &PerPhase<Vec<Sent>>) -> Result<Option<(Pipeline, Vec<f64>, (String, f64))>, FieldError> {
        let plan = self.program.plan;
        let durations = self.program.durations(self.route, &self.choice.sizes, hops);
        let stages = durations.forward.len();
        let operations = (plan.micro_batches as usize).saturating_mul(4 * stages);
        let endless = durations.forward_link.iter().chain(&durations.backward_link).any(|time| !time.is_finite());
        if operations > MAX_DRAWN || endless {
            return Ok(None);
        }
        let too_long = |error: &dyn std::fmt::Display| FieldError::new("plan", plan.schedule, error.to_string());
        let schedule = Schedule::of(plan.schedule, stages, plan.micro_batches).map_err(|error| too_long(&error))?;
        let sending = self.program.at.sending();
        let mut timeline = Timeline::new(&schedule, sending).map_err(|error| too_long(&error))?;
        let makespan_s = timeline.run(&durations)?;
        let names = self.stage_names();
        let name = |machine: Machine| match machine {
            Machine::Stage(stage) => names.get(stage as usize).cloned().unwrap_or_default(),
            Machine::Link { from, to } => {
                let end = |stage: u32| names.get(stage as usize).map_or("", String::as_str);
                format!("link {} \u{2192} {}", end(from), end(to))
            }
            Machine::Radio(stage) => {
                format!("radio of {}", names.get(stage as usize).map_or("", String::as_str))
            }
            Machine::Medium => "the medium".into(),
            other => format!("{other:?}"),
        };
        let (mut busy, mut busiest) = (vec![0.0; stages], (String::new(), 0.0));
        for of in timeline.machine_use() {
            let share = if makespan_s > 0.0 { of.busy_s / makespan_s } else { 0.0 };
            if let Machine::Stage(stage) = of.machine
                && let Some(busy) = busy.get_mut(stage as usize)
            {
                *busy = share;
            }
            if share > busiest.1 {
                busiest = (name(of.machine), share);
            }
        }
        let bubble = 1.0 - busy.iter().sum::<f64>() / stages.max(1) as f64;
        let least_makespan_s = timeline.least_makespan_s();
        let pipeline = Pipeline { stages: names, sending, durations, makespan_s, least_makespan_s, bubble };
        Ok(Some((pipeline, busy, busiest)))
    }

    fn stage_names(&self) -> Vec<String> {
        let cluster = self.program.at.cluster;
        let first = cluster.embedding.map(|_| "control unit".to_owned());
        let last = cluster.decoder.map(|_| "edge server".to_owned());
        let devices = self.choice.active.iter().map(|device| self.names.device(device.0));
        first.into_iter().chain(devices).chain(last).collect()
    }

    fn devices(&self, hops: &PerPhase<Vec<Sent>>, busy: &[f64], bottleneck: &str) -> Vec<DeviceReport> {
        let cluster = self.program.at.cluster;
        let mut placed: Vec<_> = self.choice.active.iter().zip(segments(&self.choice.sizes)).enumerate().collect();
        placed.sort_by_key(|(_, (device, _))| **device);
        let mut placed = placed.into_iter().peekable();
        let mut devices = Vec::with_capacity(cluster.devices.len());
        for (index, device) in cluster.devices.iter().enumerate() {
            let name = self.names.device(index);
            let energy = self.evaluation.and_then(|of| of.device_energy.get(index)).copied().unwrap_or_default();
            let mut report = DeviceReport {
                blocks: None,
                memory_bytes: 0.0,
                memory_limit_bytes: device.memory_bytes.0,
                stage_s: [0.0; 2],
                busy: 0.0,
                energy_j: [energy.compute.0, energy.transmit.0],
                energy_budget_j: self.names.budget_j(index),
                energy_price: device.energy_price,
                limits: Vec::new(),
                name,
            };
            if let Some((position, (_, segment))) = placed.next_if(|(_, (active, _))| active.0 == index) {
                let active = self.choice.active.len();
                let memory = |segment: &std::ops::Range<u32>| self.program.segment_memory(position, active, segment);
                report.blocks = Some([segment.start, segment.end]);
                report.memory_bytes = memory(&segment);
                report.stage_s = Phase::BOTH.map(|phase| self.program.segment_time(phase, device, &segment).0);
                report.busy = busy.get(position + self.program.at.stages_before()).copied().unwrap_or_default();
                let more = segment.start..(segment.end + 1).min(self.program.at.spec.encoder.blocks());
                let longer = if more.end > segment.end { more } else { segment.start.saturating_sub(1)..segment.end };
                let full = memory(&longer) > device.memory_bytes.0;
                let most = device.max_blocks.is_some_and(|most| segment.end - segment.start >= most);
                let loud = hops.as_ref().map(|hops| hops.iter().any(|hop| self.is_loud(hop, DeviceId(index))));
                let limits = [
                    (Limit::Memory, full && longer.len() > segment.len()),
                    (Limit::MaxBlocks, most),
                    (Limit::Power, loud.forward || loud.backward),
                    (Limit::Energy, device.energy_price > 0.0),
                    (Limit::Pace, report.name == bottleneck),
                ];
                report.limits = limits.into_iter().filter_map(|(limit, there)| there.then_some(limit)).collect();
            }
            devices.push(report);
        }
        devices
    }

    /// Whether a device sends a message at its largest power.
    fn is_loud(&self, hop: &Sent, device: DeviceId) -> bool {
        hop.sent.sender == device.node()
            && hop.sent.is_decided()
            && hop.sent.wire.is_none()
            && hop.link.power_w.0 >= (1.0 - AT_LIMIT) * hop.sent.transmitter.max_power.0
    }
}
