//! Ratio objectives, power budgets and the choice of V on finite problems and on slot problems.

use collapipe::instances::InstanceSize;
use collapipe::lyapunov::certificate::against_policy;
use collapipe::lyapunov::recommend::{Goal, Measured, RecommendError, recommend};
use collapipe::lyapunov::{
    Action, Certificate, Duration, History, PowerController, Queues, RatioError, RatioStep, Step, minimize_ratio,
};
use collapipe::problem::{SlotProblem, evaluate};
use collapipe::solver::{Settings, solve};
use collapipe::units::{Joules, Seconds, Watts};
use nalgebra::DVector;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(2026), cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn minimizer(actions: &[(f64, f64)]) -> impl FnMut(f64) -> Result<RatioStep, String> {
    move |theta| {
        let priced = |action: &(f64, f64)| action.0 - theta * action.1;
        let best = actions.iter().min_by(|a, b| priced(a).total_cmp(&priced(b))).ok_or("no action")?;
        Ok(RatioStep { numerator: best.0, denominator: best.1, lower_bound: priced(best) })
    }
}

proptest! {
    #![proptest_config(seeded(300))]

    /// Dinkelbach finds the least ratio of a list, from any start, negative numerators included.
    #[test]
    fn least_ratio_of_a_list(
        actions in prop::collection::vec((-10.0..10.0, 0.5..4.0), 1..20), start in -20.0..20.0,
    ) {
        let least = actions.iter().map(|(p, n)| p / n).fold(f64::INFINITY, f64::min);
        let ratio = minimize_ratio(minimizer(&actions), start, 0.5, 1e-12).unwrap();
        prop_assert!((ratio.value - least).abs() <= 1e-9 * least.abs().max(1.0), "{ratio:?}, least {least}");
        prop_assert!(ratio.lower_bound <= least + 1e-9 * least.abs().max(1.0));
        prop_assert!(ratio.lower_bound >= least - 1e-9 * least.abs().max(1.0));
    }

    /// The gap B/(V n_min) of drift plus penalty with penalty p − θ'n, θ' the ratio of any stationary policy that keeps
    /// the constraint: on a sample path, with the terms of C3.
    #[test]
    fn ratio_by_drift_plus_penalty(seed in any::<u64>(), weight in 0.5..50.0f64, slots in 1usize..200) {
        let mut rng = Pcg64::seed_from_u64(seed);
        let actions: Vec<(f64, f64, f64)> = (0..6)
            .map(|_| (rng.random_range(0.0..5.0), rng.random_range(0.5..3.0), rng.random_range(-1.0..1.0)))
            .chain([(4.0, 1.0, -0.5)])
            .collect();
        let kept = actions.iter().filter(|a| a.2 <= 0.0).map(|a| a.0 / a.1).fold(f64::INFINITY, f64::min);
        let mut queue = 0.0f64;
        let (mut p, mut n, mut drift) = (0.0, 0.0, 0.0);
        for _ in 0..slots {
            let cost = |a: &(f64, f64, f64)| weight * (a.0 - kept * a.1) + queue * a.2;
            let best = *actions.iter().min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap();
            (p, n, drift) = (p + best.0, n + best.1, drift + 0.5 * best.2 * best.2);
            queue = (queue + best.2).max(0.0);
        }
        let bound = kept + drift / slots as f64 / (weight * 0.5);
        prop_assert!(p / n <= bound + 1e-9, "{} {bound}", p / n);
    }

    /// V'T + Σ Z E is V T + Σ Q g, for any energies and times; C1 bounds the power drawn.
    #[test]
    fn power_prices_are_the_queues(
        seed in any::<u64>(), slots in 1usize..40, weight in 0.01..10.0f64, reference in 1.0..100.0f64,
    ) {
        let mut rng = Pcg64::seed_from_u64(seed);
        let budgets = [Some(Watts(2.0)), None, Some(Watts(0.5))];
        let mut controller =
            PowerController::new(budgets.to_vec(), weight, Seconds(reference), Seconds(500.0)).unwrap();
        let (mut elapsed, mut spent) = (0.0, [0.0; 3]);
        for _ in 0..slots {
            let (time, energy) = (rng.random_range(1.0..50.0), [0, 1, 2].map(|_| rng.random_range(0.0..100.0)));
            let queues = [0, 2].map(|k| controller.queue(k).unwrap());
            let violations = [(0, 2.0), (2, 0.5)].map(|(k, budget)| (energy[k] / budget - time) / reference);
            let plain = weight * time + queues[0] * violations[0] + queues[1] * violations[1];
            let prices: f64 = (0..3).map(|k| controller.energy_price(k) * energy[k]).sum();
            let latency_weight = weight - (queues[0] + queues[1]) / reference;
            prop_assert!((plain - (latency_weight * time + prices)).abs() <= 1e-9 * (plain.abs() + prices));
            match controller.duration() {
                Duration::Hurry { latency_weight: found } => {
                    prop_assert!(found > 0.0 && (found - latency_weight).abs() <= 1e-12 * weight.max(queues[0] + queues[1]));
                }
                Duration::Rest { until } => prop_assert!(until.0 == 500.0 && latency_weight <= 1e-12 * weight),
                _ => prop_assert!(false, "unknown duration"),
            }
            controller.play(&energy.map(Joules), Seconds(time)).unwrap();
            elapsed += time;
            for k in 0..3 {
                spent[k] += energy[k];
            }
            for (k, budget) in [(0, 2.0), (2, 0.5)] {
                let bound = controller.overspend_bound(k, Seconds(elapsed)).unwrap().0;
                prop_assert!(spent[k] / elapsed - budget <= bound + 1e-9 * spent[k]);
            }
            prop_assert!(controller.overspend_bound(1, Seconds(elapsed)).is_none());
        }
    }
}

/// Resting keeps a power budget that rounds at full speed would break.
#[test]
fn rest_keeps_the_power_budget() {
    let mut controller = PowerController::new(vec![Some(Watts(1.0))], 1.0, Seconds(10.0), Seconds(40.0)).unwrap();
    let (mut elapsed, mut spent) = (0.0, 0.0);
    for _ in 0..2000 {
        let time = match controller.duration() {
            Duration::Rest { until } => until.0,
            _ => 10.0,
        };
        controller.play(&[Joules(20.0)], Seconds(time)).unwrap();
        (elapsed, spent) = (elapsed + time, spent + 20.0);
    }
    assert!(spent / elapsed <= 1.01, "{}", spent / elapsed);
    // Not slower than needed: 20 J a round at 1 W is a round in 20 s.
    assert!(elapsed / 2000.0 <= 20.2, "{}", elapsed / 2000.0);
    for bad in [0.0, -1.0, f64::NAN] {
        assert!(PowerController::new(vec![Some(Watts(bad))], 1.0, Seconds(1.0), Seconds(1.0)).is_err());
        assert!(PowerController::new(vec![], 1.0, Seconds(bad), Seconds(1.0)).is_err());
    }
    assert!(controller.play(&[Joules(f64::NAN)], Seconds(1.0)).is_err());
    assert!(controller.play(&[], Seconds(1.0)).is_err());
}

/// Budgets in watts with the exact solver in the loop: slots at V' with the controller's prices are a
/// drift-plus-penalty run, and its certificates hold for the violations in watts.
#[test]
fn power_budgets_of_a_slot_problem() {
    const V: f64 = 0.05;
    const SLOTS: usize = 120;
    let base = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(4).unwrap();
    let solved = |weight: f64, prices: &[f64]| {
        let mut spec = (*base).clone();
        spec.latency_weight = weight;
        spec.plans.iter_mut().for_each(|plan| plan.penalty = 0.0);
        spec.clusters[0].control_unit.energy_price = prices[0];
        for (device, price) in spec.clusters[0].devices.iter_mut().zip(&prices[1..]) {
            device.energy_price = *price;
        }
        let solution = solve(&SlotProblem::new(spec).unwrap(), &Settings::default()).unwrap();
        let best = solution.certified().unwrap();
        let costs = &best.evaluation.clusters[0];
        let energy: Vec<Joules> = std::iter::once(costs.control_unit_energy)
            .chain(costs.device_energy.iter().map(|cost| cost.total()))
            .collect();
        (best.evaluation.round_latency.0, energy, best.objective(), best.lower_bound)
    };
    // Nine tenths of the power that rounds at full speed draw.
    let (fast, spent, ..) = solved(V, &[0.0; 4]);
    let budgets: Vec<Option<Watts>> = spent.iter().map(|e| (e.0 > 0.0).then(|| Watts(0.9 * e.0 / fast))).collect();
    let longest = 4.0 * fast;
    let mut controller = PowerController::new(budgets.clone(), V, Seconds(fast), Seconds(longest)).unwrap();
    let violations = |energy: &[Joules], time: f64| -> Vec<f64> {
        budgets.iter().zip(energy).filter_map(|(p, e)| Some((e.0 / (*p)?.0 - time) / fast)).collect()
    };
    let limited: Vec<usize> = (0..4).filter(|&k| budgets[k].is_some()).collect();
    let queues = |of: &PowerController| limited.iter().map(|&k| of.queue(k).unwrap()).collect::<Vec<_>>();
    let (mut steps, mut elapsed, mut used, mut rests) = (Vec::new(), 0.0, [0.0; 4], 0);
    for _ in 0..SLOTS {
        let prices: Vec<f64> = (0..4).map(|k| controller.energy_price(k)).collect();
        let (time, energy, gap) = match controller.duration() {
            Duration::Hurry { latency_weight } => {
                let (time, energy, objective, lower) = solved(latency_weight, &prices);
                (time, energy, (objective - lower).max(0.0))
            }
            Duration::Rest { until } => {
                rests += 1;
                let small = 1e-6 * V;
                let (time, energy, _, lower) = solved(small, &prices);
                assert!(time <= until.0);
                let cost: f64 = prices.iter().zip(&energy).map(|(z, e)| z * e.0).sum();
                (until.0, energy, (cost - lower + small * until.0).max(0.0))
            }
            _ => unreachable!(),
        };
        controller.play(&energy, Seconds(time)).unwrap();
        steps.push(Step {
            penalty: time,
            violations: violations(&energy, time),
            queue_after: queues(&controller),
            gap: Some(gap),
        });
        elapsed += time;
        for (sum, e) in used.iter_mut().zip(&energy) {
            *sum += e.0;
        }
    }
    let history = History::new(V, vec![0.0; limited.len()], steps).unwrap();
    // Full speed, and full speed with a rest that keeps every budget.
    for time in [fast, fast / 0.9] {
        let other = Action { penalty: time, violations: violations(&spent, time) };
        let c3 = against_policy(&history, &vec![other; SLOTS]).unwrap();
        assert!(c3.holds && c3.is_verified(), "{c3:?}");
    }
    for (index, &node) in limited.iter().enumerate() {
        assert!(Certificate::of(&history, index).unwrap().holds());
        let bound = controller.overspend_bound(node, Seconds(elapsed)).unwrap().0;
        let overspend = used[node] / elapsed - budgets[node].unwrap().0;
        assert!(overspend <= bound * (1.0 + 1e-9) + 1e-9 * used[node] / elapsed, "{node}: {overspend} {bound}");
    }
    // The budgets bind: keeping them takes rest or slower rounds.
    assert!(elapsed / SLOTS as f64 > fast && rests < SLOTS, "{elapsed} {rests}");
}

/// Seconds per local step of a slot problem: the certified solver as minimizer, the plans' penalties as −θ·n.
#[test]
fn latency_per_local_step_of_a_slot_problem() {
    let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(4).unwrap();
    let steps: Vec<f64> =
        problem.plans.iter().map(|plan| f64::from(plan.local_iterations * plan.micro_batches)).collect();
    let least_steps = steps.iter().copied().fold(f64::INFINITY, f64::min);
    let at = |theta: f64| {
        let mut spec = (*problem).clone();
        for (plan, steps) in spec.plans.iter_mut().zip(&steps) {
            plan.penalty = -theta * steps;
        }
        SlotProblem::new(spec).map_err(|error| error.to_string())
    };
    let minimize = |theta: f64| {
        let priced = at(theta)?;
        let solution = solve(&priced, &Settings::default()).map_err(|error| error.to_string())?;
        let best = solution.certified().ok_or("infeasible")?;
        let own = evaluate(&problem, &best.decision).map_err(|error| error.to_string())?;
        let denominator = steps[best.decision.plan];
        let numerator = own.objective - problem.plans[best.decision.plan].penalty;
        Ok::<_, String>(RatioStep { numerator, denominator, lower_bound: best.lower_bound })
    };
    let ratio = minimize_ratio(minimize, 0.0, least_steps, 1e-6).unwrap();
    assert!(ratio.lower_bound <= ratio.value && ratio.value - ratio.lower_bound <= 1e-6 * ratio.value, "{ratio:?}");
    // Every plan on its own is no better.
    for (index, steps) in steps.iter().enumerate() {
        let mut spec = (*problem).clone();
        spec.plans = vec![spec.plans[index]];
        spec.plans[0].penalty = 0.0;
        let alone = solve(&SlotProblem::new(spec).unwrap(), &Settings::default()).unwrap();
        assert!(alone.certified().unwrap().objective() / steps >= ratio.value * (1.0 - 1e-6));
    }
}

#[test]
fn ratios_refuse_bad_input() {
    let actions = [(1.0, 1.0)];
    assert!(matches!(minimize_ratio(minimizer(&actions), f64::NAN, 1.0, 1e-9), Err(RatioError::Argument { .. })));
    assert!(matches!(minimize_ratio(minimizer(&actions), 0.0, 0.0, 1e-9), Err(RatioError::Argument { .. })));
    assert!(matches!(minimize_ratio(minimizer(&actions), 0.0, 2.0, 1e-9), Err(RatioError::Answer { .. })));
    assert!(matches!(minimize_ratio(minimizer(&[]), 0.0, 1.0, 1e-9), Err(RatioError::Minimizer(_))));
}

/// The V recommended keeps what it promises on a problem whose B and μ are known: penalty 1 or 3, g = 1 or −1, half of
/// each.
#[test]
fn recommended_weights_keep_their_promise() {
    let measured = Measured { drift: 0.5, multiplier_norm: 1.0 };
    let play = |weight: f64, slots: u64| {
        let mut queues = Queues::empty(1);
        let mut penalty = 0.0;
        for _ in 0..slots {
            let queue = queues.backlog()[0];
            let (p, g) = if weight + queue <= 3.0 * weight - queue { (1.0, 1.0) } else { (3.0, -1.0) };
            penalty += p;
            queues.update(&DVector::from_element(1, g)).unwrap();
        }
        (penalty / slots as f64, queues.certificate(0).unwrap().mean_violation)
    };
    for tolerance in [0.01, 0.1, 1.0] {
        let choice = recommend(&measured, Goal::Penalty(tolerance), Some(500)).unwrap();
        assert!(play(choice.penalty_weight, 500).0 <= 2.0 + tolerance + 1e-12);
        assert!((choice.penalty_bound - tolerance).abs() < 1e-12);
    }
    for tolerance in [0.1, 0.3] {
        let choice = recommend(&measured, Goal::Violation(tolerance), Some(500)).unwrap();
        assert!((choice.violation_bound.unwrap() - tolerance).abs() < 1e-12);
        assert!(play(choice.penalty_weight, 500).1 <= tolerance);
    }
    // V(t) = v sqrt(t+1): both errors within their bounds at any time.
    let choice = recommend(&measured, Goal::Penalty(0.1), None).unwrap();
    let mut queues = Queues::empty(1);
    let mut penalty = 0.0;
    for t in 0..20_000u64 {
        let weight = choice.penalty_weight * ((t + 1) as f64).sqrt();
        let queue = queues.backlog()[0];
        let (p, g) = if weight + queue <= 3.0 * weight - queue { (1.0, 1.0) } else { (3.0, -1.0) };
        penalty += p;
        queues.update(&DVector::from_element(1, g)).unwrap();
        let rounds = (t + 1) as f64;
        assert!(penalty / rounds <= 2.0 + 2.0 * 0.5 / (choice.penalty_weight * rounds.sqrt()) + 1e-9);
    }
    let short = recommend(&measured, Goal::Violation(0.1), Some(100)).unwrap_err();
    assert_eq!(short, RecommendError::TooShort { slots: 100, tolerance: 0.1, least: 101.0 });
    assert_eq!(recommend(&measured, Goal::Violation(0.1), None), Err(RecommendError::NoHorizon));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(recommend(&measured, Goal::Penalty(bad), Some(10)).is_err());
        assert!(recommend(&Measured { drift: bad, ..measured }, Goal::Penalty(1.0), Some(10)).is_err());
    }
    assert!(recommend(&measured, Goal::Penalty(1.0), Some(0)).is_err());
}
