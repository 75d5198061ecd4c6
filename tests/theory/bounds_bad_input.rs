//! Bad parameters of bounds: a typed error that names field, value and what is allowed; never a panic or a number.

use collapipe::bounds::{
    BoundError, BoundRequest, Boundary, BoundedGradients, CompressedActivations, ConvergenceConstraint, Form,
    GaussianMechanism, LocalSteps, LocalUpdates, MAX_STEPS, MiniBatchSgd, PartialParticipation, PlayedRounds, Sampling,
    StepChoice, StronglyConvexFedAvg, TimedPlan, UpdateRule, privacy_delta, privacy_epsilon, rank_plans,
    rounding_error_norm,
};
use collapipe::problem::CandidatePlan;
use collapipe::schedule::ScheduleKind;
use collapipe::units::Seconds;
use serde_json::{Value, json};

use crate::schedules::{learning, one_step, two_clusters};

/// The error names the field, and says what it must be.
fn refused<T: std::fmt::Debug>(result: Result<T, BoundError>, path: &str) {
    let error = result.unwrap_err();
    assert!(matches!(error, BoundError::Field(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("{path} = ")) && text.contains("must be "), "{path} is not blamed in: {text}");
}

#[test]
fn every_field_of_local_steps() {
    let bad = |path: &str, change: &dyn Fn(&mut LocalSteps)| {
        let mut schedule = two_clusters();
        change(&mut schedule);
        refused(schedule.bound(), path);
        refused(schedule.largest_step_size(), path);
        refused(schedule.rounds_for(2.0, Form::Tight), path);
        refused(schedule.best_step_size(Form::Simple), path);
    };
    for value in [f64::NAN, f64::INFINITY, -1.0, 1e31, 1e-31] {
        bad("initial_gap", &|s| s.initial_gap = value);
        bad("step_size", &|s| s.step_size = value);
        bad("server_steps", &|s| s.server_steps = value);
        bad("smoothness", &|s| s.smoothness = value);
        bad("noise_variance[1]", &|s| s.noise_variance[1] = value);
        bad("heterogeneity", &|s| s.heterogeneity = value);
        bad("dissimilarity", &|s| s.dissimilarity = value);
    }
    for value in [f64::NAN, -0.1, 1.1] {
        bad("weights[0]", &|s| s.weights[0] = value);
    }
    bad("step_size", &|s| s.step_size = 0.0);
    bad("smoothness", &|s| s.smoothness = 0.0);
    bad("dissimilarity", &|s| s.dissimilarity = 0.999);
    bad("weights", &|s| s.weights = vec![0.25, 0.75 + 2e-9]);
    bad("weights", &|s| s.weights = vec![]);
    bad("noise_variance", &|s| s.noise_variance = vec![1.0]);
    bad("local_steps", &|s| s.local_steps = vec![1, 2, 3]);
    bad("local_steps[0]", &|s| s.local_steps[0] = 0);
    bad("local_steps[1]", &|s| s.local_steps[1] = MAX_STEPS + 1);
    bad("rounds", &|s| s.rounds = 0);
    bad("rounds", &|s| s.rounds = u64::MAX);
    refused(LocalSteps { initial_gap: 0.0, ..two_clusters() }.best_step_size(Form::Tight), "initial_gap");
    for target in [0.0, -1.0, f64::NAN] {
        refused(two_clusters().rounds_for(target, Form::Tight), "target");
        refused(two_clusters().rounds_for_at_best_step_size(target, Form::Tight), "target");
    }
    // The tolerance of the sum.
    assert!(LocalSteps { weights: vec![0.25, 0.75 + 5e-10], ..two_clusters() }.bound().is_ok());
}

/// By how much, and which step size would do: ητL = 8η against 1/2; q = 96η² against 1/4.
#[test]
fn broken_assumptions() {
    let error = LocalSteps { step_size: 0.125, ..two_clusters() }.bound().unwrap_err();
    let text = error.to_string();
    // 96/64 = 1.5 is 6 times 1/4.
    for word in ["step_size = 0.125", "is 1.5, 6.000000 times its limit 0.25", "at most 0.0510310363"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    let text = LocalSteps { step_size: 0.75, ..one_step() }.bound().unwrap_err().to_string();
    for word in ["step_size * server_steps * smoothness <= 1/2", "1.500000 times", "at most 0.5"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    let heterogeneous = LocalSteps { dissimilarity: 101.0, ..one_step() };
    let error = PartialParticipation { participants: 1, sampling: Sampling::WithReplacement, schedule: heterogeneous }
        .bound()
        .unwrap_err();
    // 1/(12·100)
    assert!(error.to_string().contains("at most 0.00083333333333"), "{error}");
}

/// Extremes of every range give a number or a typed error.
#[test]
fn extremes_do_not_overflow_unnoticed() {
    let ends = [1e-30, 1.0, 1e30];
    for initial_gap in ends {
        for smoothness in ends {
            for dissimilarity in [1.0, 1e30] {
                for (server_steps, steps, noise) in [(1e-30, 1, 1e30), (1e30, MAX_STEPS, 1e30), (1.0, MAX_STEPS, 0.0)] {
                    let mut schedule = LocalSteps {
                        initial_gap,
                        smoothness,
                        server_steps,
                        dissimilarity,
                        local_steps: vec![steps],
                        noise_variance: vec![noise],
                        rounds: MAX_STEPS,
                        heterogeneity: 1e30,
                        ..one_step()
                    };
                    schedule.step_size = schedule.largest_step_size().unwrap();
                    match schedule.bound() {
                        Ok(bound) => assert!(bound.simple.is_finite() && bound.tight <= bound.simple * (1.0 + 1e-12)),
                        // The largest step size may itself be out of range.
                        Err(error) => {
                            assert!(matches!(error, BoundError::Field(_) | BoundError::Overflow { .. }), "{error}")
                        }
                    }
                    for form in [Form::Simple, Form::Tight] {
                        schedule.step_size = 1.0;
                        if let Ok(best) = schedule.best_step_size(form) {
                            assert!(best.bound.is_finite() && best.step_size > 0.0, "{best:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn other_bounds() {
    let sgd = MiniBatchSgd {
        initial_gap: 1.0,
        step_size: 0.5,
        steps: 16,
        smoothness: 1.0,
        sample_variance: 4.0,
        batch_size: 8,
    };
    refused(MiniBatchSgd { sample_variance: f64::NAN, ..sgd }.bound(), "sample_variance");
    refused(MiniBatchSgd { batch_size: 0, ..sgd }.bound(), "batch_size");
    refused(MiniBatchSgd { steps: 0, ..sgd }.bound(), "steps");
    let error = MiniBatchSgd { step_size: 1.5, ..sgd }.bound().unwrap_err();
    assert!(matches!(error, BoundError::StepSize { largest: 1.0, .. }), "{error}");

    let bounded = BoundedGradients {
        initial_gap: 1.0,
        step_size: 0.5,
        steps: 16,
        period: 2,
        smoothness: 1.0,
        weights: vec![1.0],
        noise_variance: vec![1.0],
        second_moment: 1.0,
    };
    refused(BoundedGradients { period: 0, ..bounded.clone() }.bound(), "period");
    refused(BoundedGradients { second_moment: -1.0, ..bounded.clone() }.bound(), "second_moment");
    refused(BoundedGradients { noise_variance: vec![], ..bounded }.bound(), "noise_variance");

    let convex = StronglyConvexFedAvg {
        strong_convexity: 1.0,
        smoothness: 2.0,
        steps: 1,
        period: 1,
        weights: vec![1.0],
        noise_variance: vec![1.0],
        second_moment: 1.0,
        optimum_gap: 0.0,
        initial_distance_squared: 1.0,
    };
    refused(StronglyConvexFedAvg { strong_convexity: 2.5, ..convex.clone() }.bound(), "strong_convexity");
    refused(StronglyConvexFedAvg { optimum_gap: f64::NAN, ..convex }.bound(), "optimum_gap");

    refused(
        PartialParticipation { participants: 0, sampling: Sampling::WithReplacement, schedule: one_step() }.bound(),
        "participants",
    );
    let schedule = LocalSteps { smoothness: -1.0, ..one_step() };
    refused(
        PartialParticipation { participants: 1, sampling: Sampling::WithReplacement, schedule }.bound(),
        "schedule.smoothness",
    );

    let mechanism = GaussianMechanism {
        initial_gap: 1.0,
        step_size: 0.5,
        steps: 16,
        smoothness: 1.0,
        sample_variance: 4.0,
        batch_size: 8,
        dimension: 10,
        noise_std: 1.0,
        clip_norm: 1.0,
        uses_per_sample: 4,
        delta: 1e-5,
    };
    refused(GaussianMechanism { noise_std: 0.0, ..mechanism }.bound(), "noise_std");
    refused(GaussianMechanism { dimension: 0, ..mechanism }.bound(), "dimension");
    refused(GaussianMechanism { uses_per_sample: 17, ..mechanism }.bound(), "uses_per_sample");
    refused(GaussianMechanism { batch_size: 0, ..mechanism }.bound(), "batch_size");
    for delta in [0.0, 1.0, -1.0, f64::NAN] {
        refused(GaussianMechanism { delta, ..mechanism }.bound(), "delta");
    }
    refused(privacy_delta(0.0, 1.0), "gaussian_mu");
    refused(privacy_delta(1.0, f64::NAN), "epsilon");
    refused(privacy_epsilon(f64::INFINITY, 0.1), "gaussian_mu");

    let compressed = |boundaries| CompressedActivations {
        initial_gap: 1.0,
        step_size: 0.5,
        steps: 16,
        smoothness: 1.0,
        sample_variance: 4.0,
        batch_size: 8,
        boundaries,
    };
    refused(compressed(vec![]).bound(), "boundaries");
    let bad = Boundary { sensitivity: 1.0, error_norm: f64::NAN };
    refused(compressed(vec![bad]).bound(), "boundaries[0].error_norm");
    refused(rounding_error_norm(0, 1.0), "entries");
}

#[test]
fn plans_and_constraints() {
    refused(LocalUpdates::per_batch(0, 8, 1.0), "local_iterations");
    refused(LocalUpdates::per_micro_batch(1, 3, 8, 1.0), "micro_batches");
    refused(LocalUpdates::of_plan(UpdateRule::PerBatch, &plan(1, 3), 8, 1.0), "micro_batches");
    refused(LocalUpdates::per_batch(1, 8, f64::NAN), "sample_variance");
    let inference = CandidatePlan { schedule: ScheduleKind::ForwardOnly, ..plan(1, 1) };
    refused(LocalUpdates::of_plan(UpdateRule::PerBatch, &inference, 8, 1.0), "schedule");

    let rank = |plan: CandidatePlan, seconds: f64, budget: f64| {
        let candidates = [TimedPlan { plan, round_seconds: Seconds(seconds) }];
        rank_plans(&learning(), &candidates, Seconds(budget), StepChoice::Best, Form::Tight)
    };
    refused(rank(plan(1, 1), 0.0, 1.0), "candidates[0].round_seconds");
    refused(rank(plan(1, 1), 1.0, f64::NAN), "budget");
    refused(rank(plan(1, 3), 1.0, 1.0), "candidates[0].plan.micro_batches");
    refused(rank_plans(&learning(), &[], Seconds(1.0), StepChoice::Best, Form::Tight), "candidates");
    let mut short = learning();
    short.batch_size = vec![8];
    refused(short.schedule(&plan(1, 1), 0.1, 1), "batch_size");
    short.batch_size = vec![8, 0];
    refused(short.schedule(&plan(1, 1), 0.1, 1), "batch_size[1]");
    // No plan fits: no best one.
    assert_eq!(rank(plan(1, 1), 2.0, 1.0).unwrap().best, None);

    let constraint =
        ConvergenceConstraint { learning: learning(), step_size: 0.125, rounds: 10, target: 1.0, form: Form::Simple };
    let played = PlayedRounds { rounds: 5, progress: 5.0, violation_sum: 0.0 };
    refused(constraint.certified_mean(&PlayedRounds { rounds: 11, ..played }), "played.rounds");
    refused(constraint.certified_mean(&PlayedRounds { rounds: 0, ..played }), "played.rounds");
    for progress in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(constraint.certified_mean(&PlayedRounds { progress, ..played }), "played.progress");
    }
    refused(constraint.reached(&[(plan(1, 1), 0)]), "played");
    let stale = ConvergenceConstraint { form: Form::SharpConvex, ..constraint.clone() };
    refused(stale.violation(&plan(1, 2)), "form");
    assert!(stale.violation(&plan(1, 1)).is_ok());
    refused(constraint.certified_mean(&PlayedRounds { violation_sum: f64::NAN, ..played }), "played.violation_sum");
    let zero = ConvergenceConstraint { target: 0.0, ..constraint.clone() };
    refused(zero.violation(&plan(1, 1)), "target");
    let zero = ConvergenceConstraint { rounds: 0, ..constraint };
    refused(zero.violation(&plan(1, 1)), "rounds");
}

fn plan(local_iterations: u32, micro_batches: u32) -> CandidatePlan {
    let schedule = ScheduleKind::OneForwardOneBackward;
    CandidatePlan { local_iterations, micro_batches, schedule, ..CandidatePlan::default() }
}

#[test]
fn json() {
    let good = json!({"bound": "local-steps", "initial_gap": 1, "step_size": 0.0625, "server_steps": 2, "rounds": 64,
        "smoothness": 1, "weights": [0.5, 0.5], "noise_variance": [1, 1], "local_steps": [2, 2], "heterogeneity": 0.25,
        "dissimilarity": 1});
    let changed = |field: &str, value: Option<Value>| {
        let mut object = good.as_object().unwrap().clone();
        match value {
            Some(value) => object.insert(field.into(), value),
            None => object.remove(field),
        };
        BoundRequest::from_json(&Value::Object(object).to_string())
    };
    let request = changed("rounds", Some(64.into())).unwrap();
    let report = serde_json::to_value(request.evaluate().unwrap()).unwrap();
    assert_eq!((&report["simple"], &report["largest_step_size"]), (&json!(0.6484375), &json!(0.25)));
    // A request is written as it is read.
    assert_eq!(serde_json::to_value(&request).unwrap()["bound"], "local-steps");
    let written = serde_json::to_string(&request).unwrap();
    assert_eq!(BoundRequest::from_json(&written).unwrap(), request);

    for field in good.as_object().unwrap().keys() {
        let error = changed(field, None).unwrap_err().to_string();
        assert!(error.contains(&format!("missing field `{field}`")), "{error}");
    }
    let says = |field: &str, value: Value, words: &str| {
        let error = changed(field, Some(value)).unwrap_err().to_string();
        assert!(error.contains(words), "{words:?} is not in {error}");
    };
    says("bound", json!("sgd"), "unknown variant `sgd`, expected one of `local-steps`");
    says("step", json!(1), "unknown field `step`");
    says("rounds", json!(1.5), "must be a whole number");
    says("rounds", json!(-1), "must be a whole number");
    says("smoothness", json!("1"), "must be a number, without quotation marks");
    says("weights", json!(1), "must be a list");
    for text in ["", "{", "[]", "null", "{\"bound\": 1}", &good.to_string().replace("0.0625", "NaN")] {
        assert!(BoundRequest::from_json(text).is_err(), "{text}");
    }
    let twice = good.to_string().replacen('{', "{\"rounds\": 3, ", 1);
    assert!(BoundRequest::from_json(&twice).unwrap_err().to_string().contains("duplicate field `rounds`"));
}
