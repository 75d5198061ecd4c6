//! The convergence constraint in scenarios and runs, against formulas written out here.

use collapipe::report::summary;
use collapipe::scenario::{PerCluster, ScenarioSpec};
use collapipe::simulation::{Outage, OutageCause, Run, RunRecord, SlotOutcome};
use collapipe::solver::Settings;

use crate::support::scenario::{SMALL, changed, line_of, read};

const SECTION: &str = "[convergence]\ntarget = 0.6\ninitial_gap = 0.2\nstep_size = 0.05\nsmoothness = 1.5\n\
    sample_variance = 6.0\nheterogeneity = 0.3\nupdate = \"per-micro-batch\"\n";

/// The small scenario with the section, after some other change.
fn with(section: &str, text: &str) -> String {
    text.replacen("[uplink]", &format!("{section}\n[uplink]"), 1)
}

fn play(text: &str) -> RunRecord {
    let scenario = read(text).unwrap();
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    run.record(slots)
}

/// The sharp form of a single step, as the documentation states it. Fill-drain: the M updates of a batch are one of size
/// Mη with the noise of the whole batch. With γ = MηL: Mη(1 − γ/2) E|∇F|² ≤ F − E F⁺ + Mη(γ/2)σ²/B.
fn progress(micro_batches: f64) -> f64 {
    let step = 0.05 * micro_batches;
    step * (1.0 - 0.5 * 1.5 * step)
}

/// g of such a round.
fn violation(target: f64, micro_batches: f64, rounds: f64) -> f64 {
    let (gap, variance, batch, step) = (0.2, 6.0, 8.0, 0.05 * micro_batches);
    step * (0.5 * 1.5 * step) * variance / batch - target * progress(micro_batches) + gap / rounds
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1.0)
}

/// Recomputes the constraint's part of a record from the plans alone; returns Σ g and the progress.
fn check(record: &RunRecord, target: f64) -> (f64, f64) {
    let rounds = record.provenance.slots_planned as f64;
    let g: Vec<f64> = record.plans.iter().map(|p| violation(target, f64::from(p.micro_batches), rounds)).collect();
    let scale = g.iter().fold(0.0f64, |most, g| most.max(g.abs()));
    let of_run = record.convergence.as_ref().unwrap();
    assert!(close(of_run.scale, scale) && of_run.violations.iter().zip(&g).all(|(a, b)| close(*a, *b)));
    let (mut queue, mut sum, mut weight, mut steps) = (0.0, 0.0, 0.0, 0);
    for slot in &record.slots {
        let mine = match &slot.outcome {
            SlotOutcome::Planned(planned) => {
                let plan = &record.plans[planned.plan];
                assert!(close(planned.terms.plan_penalty, plan.penalty + queue * g[planned.plan] / scale));
                assert_eq!(plan.local_iterations, 1);
                steps += 1;
                weight += progress(f64::from(plan.micro_batches));
                g[planned.plan]
            }
            // Nothing is learned: ψ and K are 0.
            _ => 0.2 / rounds,
        };
        sum += mine;
        queue = f64::max(queue + mine / scale, 0.0);
        let of_slot = slot.convergence.unwrap();
        assert!(close(of_slot.violation, mine) && close(of_slot.queue, queue), "{of_slot:?} {mine} {queue}");
        assert!(sum <= scale * queue + 1e-12);
    }
    let summary = summary(record).convergence.unwrap();
    assert!(summary.certificate.unwrap().holds());
    assert_eq!(summary.local_steps, steps);
    if steps > 0 {
        let left = 0.2 * (1.0 - record.slots.len() as f64 / rounds);
        let certified = |sum: f64| target + (sum + left) / weight;
        let (by_queue, by_sum) = (summary.certified_mean.unwrap(), summary.certified_mean_of_sum.unwrap());
        assert!((by_queue - certified(scale * queue)).abs() < 1e-9, "{by_queue} {}", certified(scale * queue));
        assert!((by_sum - certified(sum)).abs() < 1e-9, "{by_sum} {}", certified(sum));
        assert!(by_sum <= by_queue + 1e-12);
        // A single step is linear in |∇F|²: no tangent says more than another.
        assert!((summary.reached.unwrap() - certified(sum)).abs() < 1e-9);
    }
    (sum, weight)
}

#[test]
fn queue_penalties_and_certified_mean_are_those_of_the_formulas() {
    for target in [0.3, 0.6, 1.0, 3.0] {
        let section = SECTION.replace("target = 0.6", &format!("target = {target:?}"));
        let record = play(&with(&section, SMALL).replace("slots = 20", "slots = 120"));
        check(&record, target);
        // A record from a file gives the same summary.
        let text = serde_json::to_string(&record).unwrap();
        let again: RunRecord = serde_json::from_str(&text).unwrap();
        assert_eq!((summary(&again), &again), (summary(&record), &record));
    }
}

#[test]
fn the_target_moves_the_plans() {
    let chosen = |target: &str| {
        let section = SECTION.replace("target = 0.6", target);
        let text = with(&section, SMALL).replace("slots = 20", "slots = 150");
        let record = play(&text.replace("latency_weight = 0.5", "latency_weight = 0.01"));
        summary(&record).plans.iter().map(|plan| plan.rounds).collect::<Vec<_>>()
    };
    let (strict, loose) = (chosen("target = 0.08"), chosen("target = 9.0"));
    assert_ne!(strict, loose);
}

#[test]
fn outages_and_interruptions_are_accounted_for() {
    let text = with(SECTION, SMALL)
        .replace("name = \"pi\"", "name = \"pi\"\nabsent_slots = [2, 3, 7]")
        .replace("name = \"phone\"", "name = \"phone\"\nabsent_slots = [2, 3, 7]");
    let record = play(&text);
    assert_eq!(summary(&record).planned, 17);
    check(&record, 0.6);
    // Stopped early: what is missing of the horizon is charged.
    let mut cut = record.clone();
    cut.slots.truncate(9);
    check(&cut, 0.6);
    // All slots an outage: nothing to certify.
    let mut none = record;
    none.slots = none.slots[2..4].to_vec();
    let of_none = summary(&none).convergence.unwrap();
    assert_eq!((of_none.certified_mean, of_none.local_steps), (None, 0));
}

/// Q(0) of the convergence queue prices the plans of the first slot, and every certificate takes it off again.
#[test]
fn a_warm_start_of_the_queue_is_accounted_for() {
    let scenario = read(&with(SECTION, SMALL)).unwrap();
    let cold = play(&with(SECTION, SMALL));
    assert!(!serde_json::to_string(&cold).unwrap().contains("initial_queue"));
    let mut run = Run::new(&scenario, Settings::default()).unwrap().warm_start(&[0.0, 0.0, 0.0, 2.5]).unwrap();
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    let record = run.record(slots);
    let of_run = record.convergence.as_ref().unwrap();
    assert_eq!((of_run.initial_queue, record.initial_queues.len()), (2.5, 0));
    let first = record.slots[0].planned().unwrap();
    assert!(close(first.terms.plan_penalty, 2.5 * of_run.violations[first.plan] / of_run.scale));
    assert_eq!(record.history().unwrap().initial(), [0.0, 0.0, 2.5]);

    let sum: f64 = record.slots.iter().map(|slot| slot.convergence.unwrap().violation / of_run.scale).sum();
    let last = record.slots.last().unwrap().convergence.unwrap().queue;
    let of_summary = summary(&record).convergence.unwrap();
    let c1 = of_summary.certificate.unwrap();
    assert!(c1.holds() && close(c1.mean_violation, sum / 20.0) && close(c1.bound, (last - 2.5) / 20.0), "{c1:?}");
    // Of the queue's growth, not of the queue: no better than the sum itself, and not spoilt by where it started.
    let (by_queue, by_sum) = (of_summary.certified_mean.unwrap(), of_summary.certified_mean_of_sum.unwrap());
    assert!(by_sum <= by_queue + 1e-12, "{by_sum} {by_queue}");
    let plans = record.slots.iter().filter_map(|slot| slot.planned()).map(|round| &record.plans[round.plan]);
    let charged: f64 = plans.map(|plan| progress(f64::from(plan.micro_batches))).sum();
    assert!((by_queue - by_sum - of_run.scale * (last - 2.5 - sum) / charged).abs() < 1e-9, "{by_queue} {by_sum}");
    let again: RunRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    assert_eq!(again, record);

    let refused = |start: &[f64]| Run::new(&scenario, Settings::default()).unwrap().warm_start(start).unwrap_err();
    assert_eq!(refused(&[0.0; 3]).to_string(), "warm start: 3 violations for 4 queues: must be equal in number");
    assert!(refused(&[0.0, 0.0, 0.0, f64::NAN]).to_string().starts_with("warm start"));
    let mut elsewhere = record;
    elsewhere.convergence = cold.convergence;
    assert!(elsewhere.history().unwrap_err().to_string().contains("max(Q + g, 0)"));
}

/// The cause of an outage, not its words, decides what is known of the slot.
#[test]
fn the_cause_of_an_outage_decides_its_gap() {
    let text = with(SECTION, SMALL)
        .replace("name = \"pi\"", "name = \"pi\"\nabsent_slots = [6, 7, 8, 9]")
        .replace("name = \"phone\"", "name = \"phone\"\nabsent_slots = [6, 7, 8, 9]")
        .replace("target = 0.6", "target = 3.0");
    let record = play(&text);
    let of_run = record.convergence.as_ref().unwrap();
    let queue = record.slots[8].convergence.unwrap().queue;
    assert!(queue > 0.0);
    let least = of_run.violations.iter().copied().fold(f64::INFINITY, f64::min);
    let any_round = queue * (0.2 / 20.0 - least) / of_run.scale;
    assert!(any_round > 0.0);
    let gap = |cause: Option<OutageCause>| {
        let mut other = record.clone();
        // The words of a solver that gave up.
        let reason = collapipe::solver::SolveError::Numerical.to_string();
        let mut outage = Outage::no_round(reason);
        outage.cause = cause;
        other.slots[9].outcome = SlotOutcome::Outage(outage);
        other.history().unwrap().steps()[9].gap.unwrap()
    };
    for cause in [OutageCause::NoDevices, OutageCause::Infeasible] {
        assert_eq!(gap(Some(cause)), 0.0);
    }
    // A record from before causes were recorded says nothing.
    for cause in [Some(OutageCause::Numerical), Some(OutageCause::NoRound), None] {
        assert!(close(gap(cause), any_round), "{cause:?}: {} {any_round}", gap(cause));
    }
    let old: SlotOutcome = serde_json::from_str(r#"{"outage": {"reason": "long ago"}}"#).unwrap();
    let SlotOutcome::Outage(old) = old else { panic!("{old:?}") };
    assert_eq!((old.reason.as_str(), old.cause), ("long ago", None));
    let json = serde_json::to_value(&record.slots[9].outcome).unwrap();
    assert_eq!(json["outage"]["cause"], "no_devices");
}

/// What does not fit is an error that names the field, not a zero.
#[test]
fn records_whose_lists_do_not_fit_are_refused() {
    let good = play(&with(SECTION, SMALL));
    let refused = |change: &dyn Fn(&mut RunRecord)| {
        let mut record = good.clone();
        change(&mut record);
        record.history().unwrap_err().to_string()
    };
    assert_eq!(refused(&|r| r.initial_queues = vec![0.0; 2]), "initial_queues: 2 entries, must be 3");
    assert_eq!(refused(&|r| r.slots[4].queues.clear()), "slots[4].queues: 0 entries, must be 3");
    assert_eq!(refused(&|r| r.slots[4].energy_j.truncate(2)), "slots[4].energy_j: 2 entries, must be 3");
    assert_eq!(refused(&|r| r.slots[4].energy_prices.truncate(2)), "slots[4].energy_prices: 2 entries, must be 3");
    let plans = refused(&|r| r.convergence.as_mut().unwrap().violations.truncate(1));
    assert_eq!(plans, "convergence.violations: 1 entries, must be 2");
    assert!(refused(&|r| r.slots[4].convergence = None).starts_with("slots[4].convergence: missing"));
    assert!(refused(&|r| r.convergence = None).starts_with("slots[0].convergence: given"));
    let violation = refused(&|r| r.slots[4].convergence.as_mut().unwrap().violation += 1.0);
    assert!(violation.starts_with("slots[4].convergence.violation = "), "{violation}");
    let plan = refused(&|r| {
        let SlotOutcome::Planned(planned) = &mut r.slots[4].outcome else { panic!("an outage") };
        planned.plan = 7;
    });
    assert_eq!(plan, "slots[4]: plan 7: must be below 2, the number of candidate plans");
    assert!(refused(&|r| r.nodes[0].budget_j = Some(collapipe::units::Joules(0.0))).starts_with("budgets[0] = 0.0 J"));
}

#[test]
fn own_penalties_add() {
    let text = with(SECTION, SMALL).replacen("micro_batches = 2\n", "micro_batches = 2\npenalty = 0.125\n", 1);
    let record = play(&text);
    assert_eq!(record.plans[0].penalty, 0.125);
    check(&record, 0.6);
}

#[test]
fn a_target_out_of_reach_is_said_not_hidden() {
    let section = SECTION.replace("target = 0.6", "target = 1e-3");
    let record = play(&with(&section, SMALL));
    let of_run = summary(&record).convergence.unwrap();
    assert!(of_run.plan_violations.iter().all(|g| *g > 0.0));
    assert!(of_run.certified_mean.unwrap() > 1e-3 && of_run.final_queue > 1.0);
    let text = format!("{:120}", summary(&record));
    assert!(text.contains("NOT PROVED: every step is plain SGD") && text.contains("AdamW"), "{text}");
    assert!(!of_run.stands());
    assert!(text.contains("certified mean") && text.contains("|grad F|^2   0.001000"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
}

#[test]
fn without_the_section_nothing_changes() {
    let record = play(SMALL);
    assert!(record.convergence.is_none() && record.slots.iter().all(|slot| slot.convergence.is_none()));
    assert!(!serde_json::to_string(&record).unwrap().contains("convergence"));
    assert!(!serde_json::to_string(&summary(&record)).unwrap().contains("convergence"));
}

#[test]
fn a_constraint_that_is_always_kept_changes_no_decision() {
    let slack = play(&with(&SECTION.replace("target = 0.6", "target = 1e3"), SMALL));
    for (slot, free) in slack.slots.iter().zip(&play(SMALL).slots) {
        assert_eq!(slot.convergence.unwrap().queue, 0.0);
        assert_eq!((&slot.outcome, &slot.energy_j), (&free.outcome, &free.energy_j));
    }
}

#[test]
fn defaults_and_lists() {
    let scenario = read(&with(SECTION, SMALL)).unwrap();
    let constraint = scenario.convergence().unwrap();
    assert_eq!((constraint.rounds, &constraint.learning.weights), (20, &vec![1.0]));
    assert_eq!((constraint.learning.dissimilarity, &constraint.learning.batch_size), (1.0, &vec![8]));
    let list = read(&with(&SECTION.replace("= 6.0", "= [6.0]"), SMALL)).unwrap();
    assert_eq!(list.convergence(), scenario.convergence());
    let spec: ScenarioSpec = serde_json::from_str(&serde_json::to_string(list.spec()).unwrap()).unwrap();
    assert_eq!(spec.convergence.unwrap().sample_variance, PerCluster::Each(vec![6.0]));
}

#[test]
fn bad_sections_are_refused_with_line_and_field() {
    for (from, to, words) in [
        ("target = 0.6", "target = 0.0", &["convergence.target = 0.0", "[1e-30, 1e30]"][..]),
        ("target = 0.6", "target = nan", &["convergence.target = NaN"]),
        ("target = 0.6", "target = -1.0", &["convergence.target = -1.0"]),
        ("initial_gap = 0.2", "initial_gap = -0.2", &["convergence.initial_gap = -0.2"]),
        ("initial_gap = 0.2", "initial_gap = inf", &["convergence.initial_gap = inf"]),
        ("step_size = 0.05", "step_size = 0.0", &["convergence.step_size = 0.0"]),
        (
            "step_size = 0.05",
            "step_size = 0.4",
            &["convergence.step_size = 0.4", "at most", "plans[1]", "M = 4", "drop"],
        ),
        ("smoothness = 1.5", "smoothness = 0.0", &["convergence.smoothness = 0.0"]),
        ("sample_variance = 6.0", "sample_variance = -6.0", &["convergence.sample_variance[0] = -6.0"]),
        (
            "sample_variance = 6.0",
            "sample_variance = [6.0, 6.0]",
            &["convergence.sample_variance = a list of 2", "list of 1"],
        ),
        ("sample_variance = 6.0", "sample_variance = []", &["convergence.sample_variance = a list of 0"]),
        ("sample_variance = 6.0", "sample_variance = \"much\"", &["a number, or a list with one number per cluster"]),
        ("heterogeneity = 0.3", "heterogeneity = -0.3", &["convergence.heterogeneity = -0.3"]),
        ("heterogeneity = 0.3", "dissimilarity = 0.5", &["convergence.dissimilarity = 0.5"]),
        ("heterogeneity = 0.3", "weights = [0.5]", &["convergence.weights", "sum 0.5"]),
        ("heterogeneity = 0.3", "weights = [0.5, 0.5]", &["convergence.weights = a list of 2", "list of 1"]),
        ("heterogeneity = 0.3", "colour = \"red\"", &["unknown field `colour`"]),
        ("per-micro-batch", "per-month", &["unknown variant `per-month`"]),
    ] {
        let text = with(&SECTION.replacen(from, to, 1), SMALL);
        let error = read(&text).unwrap_err().to_string();
        let line = line_of(&text, to);
        assert!(error.starts_with(&format!("line {line}")), "{to}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        for word in words {
            assert!(error.contains(word), "{word:?} is not in {error}");
        }
    }
    for field in ["target", "initial_gap", "step_size", "smoothness", "sample_variance", "update"] {
        let section: String =
            SECTION.lines().filter(|line| !line.starts_with(field)).map(|line| format!("{line}\n")).collect();
        let error = read(&with(&section, SMALL)).unwrap_err().to_string();
        assert!(error.contains(&format!("missing field `{field}`")), "{error}");
    }
    let extreme = SECTION.replace("0.05", "1e-30").replace("0.2", "1e30");
    let record = play(&with(&extreme, &changed("slots = 20", "slots = 2")));
    assert!(summary(&record).convergence.unwrap().certified_mean.is_none_or(f64::is_finite));
}

#[test]
fn the_documented_scenario_is_valid() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scenarios/convergence.toml")).unwrap();
    let scenario = read(&text).unwrap();
    // Each candidate suits some target: none is out of reach within the horizon at any.
    let constraint = scenario.convergence().unwrap();
    assert!(scenario.plans().iter().any(|plan| constraint.violation(plan).unwrap() < 0.0));
    assert!(scenario.plans().iter().any(|plan| constraint.violation(plan).unwrap() > 0.0));
}
