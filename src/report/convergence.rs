//! The convergence constraint in a run's summary, computed from the record alone.

use serde::{Deserialize, Serialize};

use crate::bounds::UpdateRule;
use crate::lyapunov::certificate::{Assumption, Standing};
use crate::lyapunov::{Certificate, RunningCertificate, certified_mean, local_steps};
use crate::model::Optimizer;
use crate::problem::CandidatePlan;
use crate::simulation::{ConvergenceRecord, RunRecord, SlotRecord};

/// What a run proves about what was learned.
///
/// Bounds are on the mean of E|∇F|² over the rounds, weighted by their progress
/// ([`PlanGuarantee`](crate::bounds::PlanGuarantee)), in loss²/par²; they hold whatever the channel did, if the
/// constants do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConvergenceSummary {
    /// ε: the bound wanted.
    pub target: f64,
    /// When the pipelines update.
    pub update: UpdateRule,
    /// Σ K: local steps of all rounds, in each cluster.
    pub local_steps: u64,
    /// H(R): the queue at the end, in units of `scale`.
    pub final_queue: f64,
    /// G: unit of the queue, in loss.
    pub scale: f64,
    /// Certificate C1 of the queue, in units of `scale`, recomputed from the record; none without slots.
    pub certificate: Option<Certificate>,
    /// The bound that C1 certifies through the final queue; none without a round.
    pub certified_mean: Option<f64>,
    /// The bound from Σ g itself, at most the former; none without a round.
    pub certified_mean_of_sum: Option<f64>,
    /// The bound of the rounds played, whatever the target: never above the former; none without a round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<f64>,
    /// g of every candidate plan, in loss: a target is within reach only if some of them are negative.
    pub plan_violations: Vec<f64>,
    /// What the bounds rest on. With one that is violated nothing is proved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<Assumption>,
}

impl ConvergenceSummary {
    /// Whether no assumption is known to be false.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.assumptions.iter().all(|assumption| assumption.standing != Standing::Violated)
    }
}

/// What the record can say of the theorem's assumptions.
fn assumptions(record: &RunRecord) -> Vec<Assumption> {
    let optimizer = record.scenario.as_ref().map(|scenario| {
        let model = &scenario.model;
        let described = model.transformer.as_ref().map(|transformer| transformer.optimizer);
        model.optimizer.or(described).unwrap_or_default()
    });
    let steps = "every step is plain SGD with an unbiased gradient";
    let (statement, of_steps): (String, fn(String) -> Assumption) = match optimizer {
        None => (steps.into(), Assumption::assumed),
        Some(Optimizer::Sgd) => (format!("{steps}: the scenario's optimizer"), Assumption::recorded),
        Some(other) => (format!("{steps}: the scenario's optimizer is {other:?}"), Assumption::violated),
    };
    let mut assumptions = vec![
        of_steps(statement),
        Assumption::assumed(
            "smoothness bounds the curvature wherever the run goes: estimates from gradients are lower ones",
        ),
        Assumption::assumed("sample_variance, heterogeneity and dissimilarity hold wherever the run goes"),
        Assumption::recorded(
            "plans follow channels and queues, not training samples: the rounds' weights are not random",
        ),
    ];
    if let Some(privacy) = record.scenario.as_ref().and_then(|scenario| scenario.privacy.as_ref()) {
        let (epsilon, delta) = (privacy.epsilon, privacy.delta);
        assumptions.push(Assumption::assumed(format!(
            "the samples of every update are drawn without replacement and their mean gradient gets the noise that makes the run ({epsilon}, {delta})-private, counted in sample_variance; no sample's gradient is longer than clip_norm"
        )));
    }
    let spec = record.scenario.as_ref().and_then(|scenario| scenario.convergence.as_ref());
    let estimated: Vec<&str> = spec.iter().flat_map(|of| &of.estimated).map(|constant| constant.key()).collect();
    if !estimated.is_empty() {
        let statement =
            format!("{} were estimated on some samples and are no bounds by themselves", estimated.join(", "));
        assumptions.push(Assumption::assumed(statement));
    }
    assumptions
}

/// What was learned, slot by slot.
#[derive(Clone, Debug)]
pub(super) struct Learned {
    /// Local steps and progress of a round with each plan; none where the constants have no bound for it.
    of_plans: Vec<Option<(u64, f64)>>,
    counts: Vec<(CandidatePlan, u64)>,
    certificate: RunningCertificate,
    slots: u64,
    rounds: u64,
    steps: u64,
    progress: f64,
    sum: f64,
    final_queue: f64,
    /// A slot without its part of the constraint, or of a plan without a bound.
    unknown: bool,
}

impl Learned {
    pub(super) fn new(of: &ConvergenceRecord, plans: &[CandidatePlan]) -> Self {
        let constraint = &of.constraint;
        let of_plan = |plan| Some((local_steps(constraint, plan).ok()?, constraint.guarantee(plan).ok()?.progress));
        Self {
            of_plans: plans.iter().map(of_plan).collect(),
            counts: plans.iter().map(|plan| (*plan, 0)).collect(),
            certificate: RunningCertificate::new(of.initial_queue),
            slots: 0,
            rounds: 0,
            steps: 0,
            progress: 0.0,
            sum: 0.0,
            final_queue: of.initial_queue,
            unknown: false,
        }
    }

    pub(super) fn take(&mut self, of: &ConvergenceRecord, slot: &SlotRecord) {
        self.certificate.take(slot.convergence.map(|own| (own.violation / of.scale, own.queue)));
        let Some(of_slot) = slot.convergence else {
            self.unknown = true;
            return;
        };
        self.slots += 1;
        self.sum += of_slot.violation;
        self.final_queue = of_slot.queue;
        let played = slot.planned().map(|planned| planned.plan);
        match played.and_then(|plan| self.of_plans.get(plan).zip(self.counts.get_mut(plan))) {
            Some((Some((own_steps, own_progress)), count)) => {
                count.1 += 1;
                self.rounds += 1;
                self.steps = self.steps.saturating_add(*own_steps);
                self.progress += own_progress;
            }
            Some((None, _)) => self.unknown = true,
            None => {}
        }
    }

    pub(super) fn summary(self, head: &RunRecord, of: &ConvergenceRecord) -> Option<ConvergenceSummary> {
        let ConvergenceRecord { constraint, scale, violations, initial_queue } = of;
        let Self { slots, rounds, progress, final_queue, .. } = self;
        // A record with impossible numbers certifies nothing.
        let certified =
            |violation_sum| certified_mean(constraint, slots, rounds, progress, violation_sum).ok().flatten();
        (!self.unknown).then(|| ConvergenceSummary {
            target: constraint.target,
            update: constraint.learning.update,
            local_steps: self.steps,
            final_queue,
            scale: *scale,
            certificate: self.certificate.certificate(),
            certified_mean: certified(scale * (final_queue - initial_queue)),
            certified_mean_of_sum: certified(self.sum),
            reached: if rounds > 0 { constraint.reached(&self.counts).ok() } else { None },
            plan_violations: violations.clone(),
            assumptions: assumptions(head),
        })
    }
}
