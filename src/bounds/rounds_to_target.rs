//! How many rounds of a plan reach a target, by the best theorem that applies.
//!
//! A2 ([`LocalSteps`](super::LocalSteps)) covers any number of clusters: a round's updates are one long step, and drift within it costs. Of one cluster
//! plain SGD and theorem C ([`PipelineDepth`]) count updates instead of rounds: nothing is averaged, so that nothing drifts apart, and a round is as
//! many steps of plain SGD ([`MiniBatchSgd`]) as it has updates, or, where gradients are as old as the schedule and the number of stages make
//! them, of theorem C. As C is proved without the factor 2 − x of the former, it asks for up to four times as many updates where
//! noise decides: what it says in favour of updates per micro-batch is cautious.

use super::{BoundError, Form, LearningProblem, MiniBatchSgd, PipelineDepth, StepModel, StepSizeChoice, largest_age};
use crate::problem::CandidatePlan;

impl LearningProblem {
    /// The least number of rounds of `plan` after which the mean of E|∇F|² is proved to be at most `target` ε, each theorem at
    /// its best step size (the answer's `step_size` is that of an update; a batch's M updates at one iterate are M such).
    ///
    /// `stages` P is the number of stages of the pipeline, both ends included; it decides how old gradients are. A2 speaks of the
    /// mean over the rounds' beginnings, C of that over all updates.
    ///
    /// ```
    /// use collapipe::bounds::{LearningProblem, UpdateRule};
    /// use collapipe::{problem::CandidatePlan, schedule::ScheduleKind};
    /// let learning = LearningProblem {
    ///     initial_gap: 1.0, smoothness: 1.0, weights: vec![1.0], sample_variance: vec![0.01], batch_size: vec![32],
    ///     heterogeneity: 0.0, dissimilarity: 1.0, update: UpdateRule::PerMicroBatch,
    /// };
    /// let plan = |schedule| CandidatePlan { local_iterations: 1, micro_batches: 32, schedule, ..CandidatePlan::default() };
    /// let flushed = learning.rounds_to_target(&plan(ScheduleKind::FillDrain), 4, 0.05)?;
    /// let stashed = learning.rounds_to_target(&plan(ScheduleKind::OneForwardOneBackward), 4, 0.05)?;
    /// // Where noise is low, 32 updates per batch need far fewer batches than one.
    /// assert!(3 * stashed.rounds < flushed.rounds, "{stashed:?} {flushed:?}");
    /// # Ok::<(), collapipe::bounds::BoundError>(())
    /// ```
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range, an initial gap of 0 among them (no step size is best then);
    /// [`BoundError::TooManyRounds`].
    pub fn rounds_to_target(
        &self,
        plan: &CandidatePlan,
        stages: usize,
        target: f64,
    ) -> Result<StepSizeChoice, BoundError> {
        let own = self.schedule(plan, 1.0, 1)?;
        let by_rounds = own.schedule.rounds_for_at_best_step_size(target, own.form(Form::Sharp)?);
        let by_rounds = by_rounds.map(|of| StepSizeChoice { step_size: of.step_size / own.step_factor, ..of });
        let (&[steps], &[update_variance]) = (&own.schedule.local_steps[..], &own.schedule.noise_variance[..]) else {
            return by_rounds;
        };
        let by_updates = match own.model {
            StepModel::Current | StepModel::Convex => MiniBatchSgd {
                initial_gap: self.initial_gap,
                step_size: 1.0,
                steps: 1,
                smoothness: self.smoothness,
                sample_variance: update_variance,
                batch_size: 1,
            }
            .steps_for_at_best_step_size(target),
            StepModel::AnyAges => PipelineDepth {
                initial_gap: self.initial_gap,
                step_size: 1.0,
                steps: 1,
                smoothness: self.smoothness,
                update_variance,
                largest_age: u64::from(largest_age(plan.schedule, stages, plan.micro_batches)),
            }
            .steps_for_at_best_step_size(target),
        };
        let by_updates = by_updates.map(|of| StepSizeChoice {
            step_size: of.step_size / own.step_factor,
            rounds: of.rounds.div_ceil(steps),
            bound: of.bound,
        });
        match (by_rounds, by_updates) {
            (Ok(a), Ok(b)) => Ok(if b.rounds < a.rounds { b } else { a }),
            (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
            (Err(error), Err(_)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::{MiniBatchSgd, UpdateRule};
    use crate::schedule::ScheduleKind;

    fn learning(clusters: usize, sample_variance: f64, update: UpdateRule) -> LearningProblem {
        LearningProblem {
            initial_gap: 1.0,
            smoothness: 1.0,
            weights: vec![1.0 / clusters as f64; clusters],
            sample_variance: vec![sample_variance; clusters],
            batch_size: vec![32; clusters],
            heterogeneity: 0.5,
            dissimilarity: 1.0,
            update,
        }
    }

    fn plan(micro_batches: u32, schedule: ScheduleKind) -> CandidatePlan {
        CandidatePlan { local_iterations: 2, micro_batches, schedule, ..CandidatePlan::default() }
    }

    /// One cluster that flushes is mini-batch SGD of I steps a round: its closed form needs no fewer rounds, at any step size.
    #[test]
    fn flushed_pipeline_is_mini_batch_sgd() {
        let target = 0.1;
        let least =
            learning(1, 100.0, UpdateRule::PerBatch).rounds_to_target(&plan(4, ScheduleKind::FillDrain), 5, target);
        let least = least.unwrap();
        let needed = (1..2000).filter_map(|i| {
            let eta = f64::from(i) / 2000.0;
            // 2Δ/(ηT) + Lησ²/B ≤ ε(2 − Lη).
            let rest = target * (2.0 - eta) - eta * 100.0 / 32.0;
            (rest > 0.0).then(|| (2.0 / (eta * rest) / 2.0).ceil() as u64)
        });
        let closed = needed.min().unwrap();
        assert!(least.rounds <= closed && least.rounds + closed / 50 + 1 >= closed, "{least:?} {closed}");
        let sgd = MiniBatchSgd {
            initial_gap: 1.0,
            step_size: least.step_size,
            steps: 2 * least.rounds,
            smoothness: 1.0,
            sample_variance: 100.0,
            batch_size: 32,
        };
        assert!(sgd.bound().unwrap().tight <= target * (1.0 + 1e-12));
    }

    /// With one cluster and little noise rounds fall like 1/M under 1F1B, and not at all under fill-drain; with much noise,
    /// or several clusters, updates per micro-batch gain nothing by theory.
    #[test]
    fn where_micro_batches_learn_faster() {
        let rounds = |clusters, variance, batches, schedule| {
            learning(clusters, variance, UpdateRule::PerMicroBatch)
                .rounds_to_target(&plan(batches, schedule), 4, 0.02)
                .unwrap()
                .rounds
        };
        let (flush, stash) = (ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward);
        assert_eq!(rounds(1, 1e-3, 8, flush), rounds(1, 1e-3, 1, flush));
        assert!(rounds(1, 1e-3, 32, stash) * 5 < rounds(1, 1e-3, 1, flush));
        assert!(rounds(1, 100.0, 8, stash) as f64 >= 0.999 * rounds(1, 100.0, 1, flush) as f64);
        assert!(rounds(2, 100.0, 8, stash) >= rounds(2, 100.0, 1, flush));
    }

    #[test]
    fn bad_input_is_named() {
        let flat = MiniBatchSgd {
            initial_gap: 1.0,
            step_size: 1.0,
            steps: 5,
            smoothness: 0.0,
            sample_variance: 1.0,
            batch_size: 1,
        };
        assert!(matches!(flat.best_step_size(), Err(BoundError::Field(field)) if field.path == "smoothness"));
        let none = MiniBatchSgd { smoothness: 1.0, steps: 0, ..flat };
        assert!(matches!(none.best_step_size(), Err(BoundError::Field(field)) if field.path == "steps"));
        let good = learning(1, 1.0, UpdateRule::PerBatch);
        let plan = plan(4, ScheduleKind::FillDrain);
        assert!(
            matches!(good.rounds_to_target(&plan, 4, 0.0), Err(BoundError::Field(field)) if field.path == "target")
        );
        let settled = LearningProblem { initial_gap: 0.0, ..good.clone() };
        assert!(
            matches!(settled.rounds_to_target(&plan, 4, 0.1), Err(BoundError::Field(field)) if field.path == "initial_gap")
        );
        assert!(matches!(good.rounds_to_target(&plan, 4, 1e-20), Err(BoundError::TooManyRounds { .. })));
    }
}
