//! A plan, and what it costs: computed from the problem alone, whoever made the plan.

use serde::{Deserialize, Serialize};

use super::problem::{DeviceOrder, DeviceUse, PartitionDevice, PartitionObjective, PartitionProblem, StageCount};
use crate::schedule::{Durations, Schedule, ScheduleError, Timeline};

/// Consecutive layers on one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Index of the device.
    pub device: usize,
    /// First layer, from 0.
    pub first: usize,
    /// The layer after the last one.
    pub past: usize,
}

/// The pipeline: stages in the order in which a micro-batch goes through them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionPlan {
    /// The stages.
    pub stages: Vec<Stage>,
}

impl PartitionPlan {
    /// Number of layers of each stage.
    #[must_use]
    pub fn layers(&self) -> Vec<usize> {
        self.stages.iter().map(|stage| stage.past.saturating_sub(stage.first)).collect()
    }
}

/// What a stage of a plan takes and needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StageCost {
    /// The stage.
    #[serde(flatten)]
    pub stage: Stage,
    /// Seconds of its forward pass of one micro-batch.
    pub forward_s: f64,
    /// Seconds of its backward pass of one micro-batch.
    pub backward_s: f64,
    /// Memory it needs.
    pub needed_bytes: f64,
}

/// What a link of a plan takes; from or to the data host at the ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LinkCost {
    /// Sender, forward.
    pub from: usize,
    /// Receiver, forward.
    pub to: usize,
    /// Layers before it.
    pub cut: usize,
    /// Seconds for which it is busy, forward.
    pub forward_s: f64,
    /// Seconds for which it is busy in the backward pass.
    pub backward_s: f64,
    /// Seconds of propagation, there and, with a backward pass, back.
    pub latency_s: f64,
}

/// What a plan costs and which rules it breaks.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlanEvaluation {
    /// The problem's objective, in seconds.
    pub value_s: f64,
    /// Sum of all stages, links and latencies.
    pub sum_s: f64,
    /// Seconds of the busiest stage or link.
    pub bottleneck_s: f64,
    /// Each stage.
    pub stages: Vec<StageCost>,
    /// Each link.
    pub links: Vec<LinkCost>,
    /// Rules that the plan breaks, in words; empty for a feasible plan.
    pub violations: Vec<String>,
}

/// Why a plan means nothing for a problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A stage names a device that is not there.
    #[error("stage {stage}: device {device}: must be below {devices}, the number of devices")]
    Device {
        /// Which stage, from 0.
        stage: usize,
        /// The device named.
        device: usize,
        /// How many there are.
        devices: usize,
    },
    /// A stage does not begin where the one before ended, or holds no layer, or the last does not end with the last
    /// layer.
    #[error(
        "stage {stage} holds layers {first}..{past}: must begin with layer {begin} and end at or before {layers}; the \
         last stage ends there"
    )]
    Layers {
        /// Which stage, from 0.
        stage: usize,
        /// Its first layer.
        first: usize,
        /// The layer after its last.
        past: usize,
        /// Where it must begin.
        begin: usize,
        /// Number of layers.
        layers: usize,
    },
    /// Its timeline cannot be played.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// There is no stage.
    #[error("the plan has no stage: must have at least one")]
    Empty,
}

impl crate::ground::blame::Blamed for PlanError {
    fn blame(&self) -> crate::ground::blame::Blame {
        match self {
            Self::Device { .. } | Self::Layers { .. } | Self::Schedule(_) | Self::Empty => {
                crate::ground::blame::Blame::Input
            }
        }
    }
}

/// Seconds of a stage as its layers are added one by one, from the first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StageNeed {
    pub forward: f64,
    pub backward: f64,
}

impl StageNeed {
    pub fn add(&mut self, device: &PartitionDevice, layer: usize) {
        self.forward += device.forward_seconds[layer];
        self.backward += device.backward_seconds.get(layer).copied().unwrap_or_default();
    }
}

/// Bytes that cross a cut forward.
fn crossing(problem: &PartitionProblem, cut: usize) -> f64 {
    if cut == 0 { problem.input_bytes } else { problem.layers[cut - 1].output_bytes }
}

/// Memory that a stage needs, `resident` of it by its layers.
pub(super) fn stage_need(problem: &PartitionProblem, resident: f64, first: usize, past: usize) -> f64 {
    let rule = &problem.memory;
    let input = rule.first_input_copies.filter(|_| first == 0).unwrap_or(rule.input_copies);
    let output = rule.last_output_copies.filter(|_| past == problem.layers.len()).unwrap_or(rule.output_copies);
    resident + input * crossing(problem, first) + output * crossing(problem, past)
}

/// Seconds for which the link over a cut is busy, forward and backward. Nothing comes back over the cut before the
/// first layer.
pub(super) fn link_seconds(problem: &PartitionProblem, from: usize, to: usize, cut: usize) -> (f64, f64) {
    let forward = problem.links.busy(from, to, 8.0 * crossing(problem, cut));
    let backward = if cut > 0 && problem.has_backward() {
        problem.links.busy(to, from, 8.0 * problem.layers[cut - 1].gradient_bytes)
    } else {
        0.0
    };
    (forward, backward)
}

/// What a plan costs, step by step, and which rules of the problem it breaks.
///
/// # Errors
/// [`PlanError`] for a plan that is not a chain of all layers over the problem's devices.
pub fn evaluate_plan(problem: &PartitionProblem, plan: &PartitionPlan) -> Result<PlanEvaluation, PlanError> {
    check_shape(problem, plan)?;
    let stages: Vec<StageCost> = plan.stages.iter().map(|stage| stage_cost(problem, *stage)).collect();
    let links = links_of(problem, plan);
    let host_sends = problem.data_host.is_some_and(|host| plan.stages[0].device != host);
    // In the order in which a micro-batch passes them.
    let (mut sum, mut bottleneck) = (0.0_f64, 0.0_f64);
    let link = |link: &LinkCost, sum: &mut f64, bottleneck: &mut f64| {
        let busy = link.forward_s + link.backward_s;
        *sum += busy + link.latency_s;
        *bottleneck = bottleneck.max(busy);
    };
    let mut rest = links.iter();
    if host_sends && let Some(first) = rest.next() {
        link(first, &mut sum, &mut bottleneck);
    }
    for stage in &stages {
        let busy = stage.forward_s + stage.backward_s;
        sum += busy;
        bottleneck = bottleneck.max(busy);
        if let Some(next) = rest.next() {
            link(next, &mut sum, &mut bottleneck);
        }
    }
    let value = match problem.objective {
        PartitionObjective::Schedule { schedule, micro_batches, sending } => {
            let schedule = Schedule::of(schedule, stages.len(), micro_batches)?;
            Timeline::new(&schedule, sending)?
                .run(&durations(&stages, &links, problem, plan))
                .map_err(ScheduleError::from)?
        }
        PartitionObjective::Bottleneck => bottleneck,
        PartitionObjective::Latency => sum,
        PartitionObjective::SumPlusMax { micro_batches } => {
            sum + f64::from(micro_batches.saturating_sub(1)) * bottleneck
        }
    };
    let violations = violations(problem, plan, &stages, &links);
    Ok(PlanEvaluation { value_s: value, sum_s: sum, bottleneck_s: bottleneck, stages, links, violations })
}

/// What the timeline is played with.
fn durations(stages: &[StageCost], links: &[LinkCost], problem: &PartitionProblem, plan: &PartitionPlan) -> Durations {
    let latency = |pair: &[Stage], back: bool| {
        let (from, to) = (pair[0].device, pair[1].device);
        if back { problem.links.latency(to, from) } else { problem.links.latency(from, to) }
    };
    let latencies = |back: bool| plan.stages.windows(2).map(|pair| latency(pair, back)).collect();
    // Links that are not there break a rule, and the rest is evaluated without them.
    let seconds = |seconds: f64| if seconds.is_finite() { seconds } else { 0.0 };
    Durations {
        forward: stages.iter().map(|stage| stage.forward_s).collect(),
        backward: stages.iter().map(|stage| stage.backward_s).collect(),
        forward_link: links.iter().map(|link| seconds(link.forward_s)).collect(),
        backward_link: links.iter().map(|link| seconds(link.backward_s)).collect(),
        forward_latency: latencies(false),
        backward_latency: latencies(true),
        weight: Vec::new(),
    }
}

fn check_shape(problem: &PartitionProblem, plan: &PartitionPlan) -> Result<(), PlanError> {
    let (layers, devices) = (problem.layers.len(), problem.devices.len());
    let mut begin = 0;
    for (index, stage) in plan.stages.iter().enumerate() {
        if stage.device >= devices {
            return Err(PlanError::Device { stage: index, device: stage.device, devices });
        }
        let last = index + 1 == plan.stages.len();
        if stage.first != begin || stage.past <= begin || stage.past > layers || (last && stage.past != layers) {
            return Err(PlanError::Layers { stage: index, first: stage.first, past: stage.past, begin, layers });
        }
        begin = stage.past;
    }
    if plan.stages.is_empty() { Err(PlanError::Empty) } else { Ok(()) }
}

fn stage_cost(problem: &PartitionProblem, stage: Stage) -> StageCost {
    let (mut need, mut resident) = (StageNeed::default(), 0.0);
    for layer in stage.first..stage.past {
        need.add(&problem.devices[stage.device], layer);
        resident += problem.layers[layer].resident_bytes;
    }
    StageCost {
        stage,
        forward_s: need.forward,
        backward_s: need.backward,
        needed_bytes: stage_need(problem, resident, stage.first, stage.past),
    }
}

fn links_of(problem: &PartitionProblem, plan: &PartitionPlan) -> Vec<LinkCost> {
    let cost = |from: usize, to: usize, cut: usize| {
        let (forward_s, backward_s) = link_seconds(problem, from, to, cut);
        let back = if cut > 0 && problem.has_backward() { problem.links.latency(to, from) } else { 0.0 };
        LinkCost { from, to, cut, forward_s, backward_s, latency_s: problem.links.latency(from, to) + back }
    };
    let mut links = Vec::new();
    let (first, last) = (plan.stages[0], plan.stages[plan.stages.len() - 1]);
    if let Some(host) = problem.data_host.filter(|host| *host != first.device) {
        links.push(cost(host, first.device, 0));
    }
    links.extend(plan.stages.windows(2).map(|pair| cost(pair[0].device, pair[1].device, pair[0].past)));
    if let Some(host) = problem.data_host.filter(|host| *host != last.device) {
        links.push(cost(last.device, host, problem.layers.len()));
    }
    links
}

fn violations(
    problem: &PartitionProblem,
    plan: &PartitionPlan,
    stages: &[StageCost],
    links: &[LinkCost],
) -> Vec<String> {
    let mut found = Vec::new();
    let mut used = vec![false; problem.devices.len()];
    for (index, cost) in stages.iter().enumerate() {
        let (device, layers) = (cost.stage.device, cost.stage.past - cost.stage.first);
        let spec = &problem.devices[device];
        if std::mem::replace(&mut used[device], true) {
            found.push(format!("device {device} holds a second stage"));
        }
        if let Some(min) = spec.min_layers.filter(|min| layers < *min) {
            found.push(format!("device {device} holds {layers} layers: at least {min}"));
        }
        if let Some(max) = spec.max_layers.filter(|max| layers > *max) {
            found.push(format!("device {device} holds {layers} layers: at most {max}"));
        }
        let (needed, strict) = (cost.needed_bytes, problem.memory.strict);
        if let Some(limit) = spec.memory_bytes.filter(|limit| needed > *limit || (strict && needed >= *limit)) {
            let most = if strict { "less than" } else { "at most" };
            found.push(format!("device {device} needs {needed} bytes: {most} {limit}"));
        }
        let before = index.checked_sub(1).map(|before| stages[before].stage.device);
        if problem.order == DeviceOrder::Given && before.is_some_and(|before| before > device) {
            found.push(format!("device {device} stands out of the given order"));
        }
    }
    if problem.use_devices == DeviceUse::All {
        found.extend(
            (0..used.len()).filter(|device| !used[*device]).map(|device| format!("device {device} holds no layer")),
        );
    }
    let count = plan.stages.len();
    match problem.stages {
        StageCount::AtMost(most) if count > most => found.push(format!("{count} stages: at most {most}")),
        StageCount::Exactly(exactly) if count != exactly => found.push(format!("{count} stages: must be {exactly}")),
        StageCount::Any | StageCount::AtMost(_) | StageCount::Exactly(_) => {}
    }
    for link in links.iter().filter(|link| !(link.forward_s + link.backward_s).is_finite()) {
        found.push(format!("no link between device {} and device {}", link.from, link.to));
    }
    found
}
