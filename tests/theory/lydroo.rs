//! Slots that LyDROO recorded (`checks/` of the folder named by `COLLAPIPE_SHARED`, default `../shared`), as a problem
//! of the engine.
#![allow(non_snake_case, reason = "names of the file's fields")]
mod slots;

use collapipe::lyapunov::{Certificate, DriftRecord, DriftSlot, Engine, History, Queues, Step};
use collapipe::nalgebra::DVector;
use slots::{CandidatePlan, File, SCALE, State};

const USERS: usize = 10;

/// The file's objective, to be maximized: Σ (Q + V w) r − 10 Y e.
fn objective(file: &File, queues: &[f64], rate: &[f64], energy: &[f64]) -> f64 {
    let of = |i: usize| (queues[i] + file.v * file.weights[i]) * rate[i] - 10.0 * SCALE * queues[USERS + i] * energy[i];
    (0..USERS).map(of).sum()
}

/// A slot's problem at given queues, through the engine: warm start, one state.
fn decide(file: &File, slot: usize, queues: &[f64]) -> (CandidatePlan, f64) {
    let engine = Engine::new(file.problem(), [file.state(slot)], file.v).unwrap().warm_start(queues).unwrap();
    let mut record = engine.run().unwrap();
    let gap = record.history().unwrap().steps()[0].gap.unwrap();
    (record.slots.remove(0).action, gap)
}

fn relative(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected.abs().max(f64::MIN_POSITIVE)
}

/// Every constraint of the file's README.
fn assert_possible(file: &File, slot: usize, queues: &[f64], plan: &CandidatePlan) {
    let State { gain, offload, .. } = file.state(slot);
    let shares: f64 = plan.share.iter().sum();
    assert!(shares <= 1.0 + 1e-12 && plan.share.iter().all(|share| *share >= 0.0), "slot {slot}: {shares}");
    for i in 0..USERS {
        let (r, e, share) = (plan.rate[i], plan.energy[i], plan.share[i]);
        let room = 1.0 + 1e-12;
        assert!((0.0..=queues[i] * room).contains(&r) && e >= 0.0, "slot {slot}, user {i}");
        if offload[i] {
            let most = if share > 0.0 { share * 2.0 / 1.1 * (gain[i] * e / share).ln_1p() / 2f64.ln() } else { 0.0 };
            assert!(e <= 0.1 * share * room && r <= most * room, "slot {slot}, user {i}");
        } else {
            let clock = 100.0 * r;
            assert!(clock <= 300.0 * room && share == 0.0 && relative(e, 1e-8 * clock.powi(3)) <= 1e-12 || r == 0.0);
        }
    }
}

/// Slots whose recorded plan is not optimal: it leaves part of the uplink's time unused.
const IMPROVED: [usize; 2] = [3, 18];

/// The least share of the uplink that carries a recorded rate with a recorded energy.
fn share_needed(gain: f64, rate: f64, energy: f64) -> f64 {
    let carried = |share: f64| share * 2.0 / 1.1 * (gain * energy / share).ln_1p() / 2f64.ln();
    let mut low = (energy / 0.1).max(f64::MIN_POSITIVE);
    if carried(low) >= rate {
        return low;
    }
    let mut high = 2.0;
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if carried(middle) >= rate { high = middle } else { low = middle }
    }
    high
}

/// Each slot at the recorded queues: possible, within a certified gap of 1e-9 of the best, and the recorded objective
/// to 1e-6, where the recorded plan is one that could not be improved. What the recorded rates and energies come to is
/// the recorded objective in every slot.
#[test]
fn objectives_of_recorded_slots() {
    let Some(file) = File::read() else { return };
    let (mut worst, mut widest, mut off, mut better) = (0.0f64, 0.0f64, 0.0f64, Vec::new());
    for slot in 0..file.objective.len() {
        let queues = file.queues(slot);
        let (plan, gap) = decide(&file, slot, &queues);
        assert_possible(&file, slot, &queues, &plan);
        let (found, recorded) = (objective(&file, &queues, &plan.rate, &plan.energy), file.objective[slot]);
        let of_record = objective(&file, &queues, &file.rate[slot], &file.energy[slot]);
        // All three are rounded to six decimals.
        let ones = [1.0; USERS];
        let rounding = 0.5e-6 * (1.0 + objective(&file, &queues, &ones, &ones.map(|one| -one)));
        assert!((of_record - recorded).abs() <= rounding, "slot {slot}: {of_record}, recorded {recorded}");
        if recorded == 0.0 {
            assert_eq!(found, 0.0, "slot {slot}");
            continue;
        }
        off = off.max(relative(of_record, recorded));
        widest = widest.max(gap / found);
        assert!(found >= recorded * (1.0 - 1e-6), "slot {slot}: {found} < {recorded}");
        if IMPROVED.contains(&slot) {
            better.push((found - recorded) / recorded);
            let State { gain, offload, .. } = file.state(slot);
            let senders = (0..USERS).filter(|&i| offload[i]);
            let used: f64 = senders.map(|i| share_needed(gain[i], file.rate[slot][i], file.energy[slot][i])).sum();
            assert!(used < 1.0 - 1e-4, "slot {slot}: {used}");
            assert!((plan.share.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        } else {
            worst = worst.max(relative(found, recorded));
        }
    }
    println!("objective: largest relative difference {worst:.1e}; largest certified relative gap {widest:.1e}");
    println!("what was recorded comes to the recorded objective within its six decimals: {off:.1e} at most");
    println!("slots {IMPROVED:?}: better than recorded by {better:?} (relative)");
    assert!(worst <= 1e-6, "{worst:e}");
    assert!(widest <= 1e-9, "{widest:e}");
    // More than rounding, or these slots are as good as the others.
    assert!(better.iter().all(|by| (1e-6..1e-4).contains(by)), "{better:?}");
}

/// The recorded rates and energies move our queues as the file's moved: 1e-9 on every queue after every slot.
#[test]
fn queue_laws_of_recorded_slots() {
    let Some(file) = File::read() else { return };
    let slots = file.objective.len();
    let mut queues = Queues::new(DVector::from_vec(file.queues(0))).unwrap();
    let mut steps = Vec::new();
    let mut worst = 0.0f64;
    for slot in 0..slots - 1 {
        let data = (0..USERS).map(|i| file.arrival[slot][i] - file.rate[slot][i]);
        let energy = (0..USERS).map(|i| 100.0 * (file.energy[slot][i] - file.energy_threshold_J));
        let violations: Vec<f64> = data.chain(energy).collect();
        queues.update(&DVector::from_column_slice(&violations)).unwrap();
        let after = file.queues(slot + 1);
        for (own, recorded) in queues.backlog().iter().zip(&after) {
            worst = worst.max((own - recorded).abs() / recorded.max(1.0));
        }
        let penalty = -(0..USERS).map(|i| file.weights[i] * file.rate[slot][i]).sum::<f64>();
        steps.push(Step { penalty, violations, queue_after: after, gap: None });
    }
    println!("queues: largest difference {worst:.1e}, relative to the queue and 1");
    assert!(worst <= 1e-9, "{worst:e}");
    // The recorded run is a history in the standard form, and has C1.
    let history = History::new(file.v, file.queues(0), steps).unwrap();
    for index in 0..2 * USERS {
        assert!(Certificate::of(&history, index).unwrap().holds(), "constraint {index}");
    }
}

/// The engine's own run on all recorded states, from empty queues: deterministic, C1 for every constraint, and as much
/// rate for as much energy as was recorded.
///
/// It cannot follow the file to 1e-6 in every slot. About the optimum the objective is flat, so that the recorded rates
/// and energies are off the maximizer by a few 1e-3 Mbit and 1e-4 J where their objective is right to 1e-7; an energy
/// moves its queue 1000-fold, and the next slots are others.
#[test]
fn run_from_empty_queues() {
    let Some(file) = File::read() else { return };
    let play = || Engine::new(file.problem(), file.states(), file.v).unwrap().run().unwrap();
    let record: DriftRecord<CandidatePlan> = play();
    assert_eq!(play(), record);
    let history = record.history().unwrap();
    let mut apart = Vec::new();
    for (slot, played) in record.slots.iter().enumerate() {
        let queues = history.queue_before(slot).unwrap();
        assert_possible(&file, slot, queues, &played.action);
        let found = objective(&file, queues, &played.action.rate, &played.action.energy);
        if file.objective[slot] == 0.0 {
            assert_eq!(found, 0.0, "slot {slot}");
        } else {
            apart.push(relative(found, file.objective[slot]));
        }
    }
    let first = apart.iter().take(2).copied().fold(0.0, f64::max);
    apart.sort_by(f64::total_cmp);
    let (median, worst) = (apart[apart.len() / 2], apart[apart.len() - 1]);
    println!(
        "objectives of the run differ by {first:.1e} in the first slots, {median:.1e} in the median, {worst:.1e} at most"
    );
    assert!(first <= 1e-6 && median <= 1e-3 && worst <= 5e-2);
    let slots = record.slots.len() as f64;
    let rate = -record.slots.iter().map(|slot| slot.penalty).sum::<f64>() / slots;
    let weighted = |rates: &Vec<f64>| rates.iter().zip(&file.weights).map(|(r, w)| r * w).sum::<f64>();
    let recorded_rate = file.rate.iter().map(weighted).sum::<f64>() / slots;
    let energy = record.slots.iter().flat_map(|slot| &slot.action.energy).sum::<f64>() / slots;
    let recorded_energy = file.energy.iter().flatten().sum::<f64>() / slots;
    println!(
        "mean weighted rate {rate:.4} Mbit, recorded {recorded_rate:.4}; energy {energy:.5} J, recorded {recorded_energy:.5}"
    );
    assert!(relative(rate, recorded_rate) <= 1e-3 && relative(energy, recorded_energy) <= 1e-3);
    let proofs = record.proofs(None).unwrap();
    assert_eq!(proofs.claims.len(), 2 * USERS);
    assert!(proofs.claims.iter().all(|claim| claim.holds && claim.is_verified()));
}

/// A worse plan than the minimizer's has a gap as large as it is worse: the bound is one of the problem, not of the
/// answer.
#[test]
fn bounds_hold_for_other_plans() {
    let Some(file) = File::read() else { return };
    for slot in [1, 17, 60, 119] {
        let queues = file.queues(slot);
        let best = {
            let record = Engine::new(file.problem(), [file.state(slot)], file.v).unwrap();
            record.warm_start(&queues).unwrap().run().unwrap()
        };
        let bound = best.slots[0].lower_bound.unwrap();
        let cost = |slot: &DriftSlot<CandidatePlan>| {
            file.v * slot.penalty + queues.iter().zip(&slot.violations).map(|(q, g)| q * g).sum::<f64>()
        };
        // Decided for other queues, all of them smaller, so that the plans are possible here too.
        for factor in [0.2, 0.5, 0.9] {
            let smaller: Vec<f64> = queues.iter().map(|queue| factor * queue).collect();
            let other = Engine::new(file.problem(), [file.state(slot)], file.v).unwrap();
            let other = other.warm_start(&smaller).unwrap().run().unwrap();
            assert!(cost(&other.slots[0]) >= bound - 1e-9 * bound.abs(), "slot {slot}, {factor}");
        }
    }
}
