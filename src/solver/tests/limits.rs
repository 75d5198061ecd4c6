//! Limits of time and work, the stop flag, and gaps that are asked for: whatever ends a solve, it has a decision and a
//! bound.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::invariants::full;
use super::*;
use crate::problem::Participation;
use crate::strategies::{ProblemParameters, slot_problems};

/// A stopped solve has a feasible decision, a finite bound below `optimum` (to rounding), and a status that fits.
fn stands(solution: &Solution, gap: f64, optimum: &Certified, ended: Status) {
    let best = solution.certified().unwrap();
    assert!(best.evaluation.feasibility.is_feasible(1e-9), "{}", best.evaluation.feasibility);
    let size = optimum.evaluation.terms.magnitude();
    assert!(best.lower_bound.is_finite());
    assert!(
        best.lower_bound <= optimum.objective() + 1e-11 * size,
        "bound {} above {}",
        best.lower_bound,
        optimum.objective()
    );
    assert!(
        best.objective() >= optimum.lower_bound - 1e-11 * size,
        "{} below the bound {}",
        best.objective(),
        optimum.lower_bound
    );
    let expected = if best.gap <= gap { Status::Optimal } else { ended };
    assert_eq!(solution.status, expected, "gap {:e}", best.gap);
}

fn limited(problem: &SlotProblem, work: u64) -> Solution {
    solve(problem, &Settings { work_limit: Some(work), ..Settings::default() }).unwrap()
}

fn stopped(problem: &SlotProblem) -> Solution {
    let stop = Stop::default();
    stop.raise();
    Solver::new(Settings::default()).unwrap().solve_until(problem, &stop).unwrap()
}

fn large(devices: usize, clusters: usize, participation: Participation) -> SlotProblem {
    InstanceSize { devices, blocks: 24, plans: 8, participation, clusters }.sample(5).unwrap()
}

proptest! {
    #![proptest_config(super::seeded(96))]

    #[test]
    fn whatever_ends_a_solve_the_bound_holds(
        problem in slot_problems(ProblemParameters { devices: 1..=5, blocks: 1..=10, ..full(1) }), decades in 0.0..7.0,
    ) {
        let optimum = solved(&problem);
        stands(&limited(&problem, 10f64.powf(decades) as u64), 1e-7, &optimum, Status::WorkLimit);
        stands(&stopped(&problem), 1e-7, &optimum, Status::Interrupted);
    }

    #[test]
    fn the_same_in_networks(
        problem in slot_problems(ProblemParameters { devices: 1..=3, blocks: 1..=6, ..full(3) }), decades in 0.0..7.0,
    ) {
        let settings = Settings { gap: 1e-4, ..Settings::default() };
        let optimum = solve(&problem, &settings).unwrap().outcome.unwrap();
        stands(&limited(&problem, 10f64.powf(decades) as u64), 1e-7, &optimum, Status::WorkLimit);
        stands(&stopped(&problem), 1e-7, &optimum, Status::Interrupted);
    }

    #[test]
    fn a_wide_gap_is_kept(
        problem in slot_problems(ProblemParameters { devices: 1..=5, blocks: 1..=10, ..full(1) }), gap in 1e-3..1.0,
    ) {
        let optimum = solved(&problem);
        let found = solved_to(&problem, gap);
        let size = optimum.evaluation.terms.magnitude();
        prop_assert!(found.lower_bound <= optimum.objective() + 1e-11 * size);
        prop_assert!(found.gap <= gap, "{} asked, {}", gap, found.gap);
    }
}

/// Many more devices than a solve without a limit would go through here.
#[test]
fn every_kind_of_problem_keeps_its_limit_of_work() {
    for (devices, clusters) in [(60, 1), (20, 4)] {
        for participation in [Participation::All, Participation::Select] {
            let devices = if participation == Participation::All { 12 } else { devices };
            let problem = large(devices, clusters, participation);
            let mut last = f64::NEG_INFINITY;
            for work in [1, 1_000_000, 30_000_000] {
                let solution = limited(&problem, work);
                let best = solution.certified().unwrap();
                assert!(best.evaluation.feasibility.is_feasible(1e-9));
                assert!(best.lower_bound.is_finite() && best.lower_bound > 0.0);
                assert!(best.gap <= 1e-7 || solution.status == Status::WorkLimit, "{:?}", solution.status);
                assert!(best.lower_bound >= last * (1.0 - 1e-6), "{} after {last}", best.lower_bound);
                last = best.lower_bound;
                assert_eq!(solution, limited(&problem, work), "not the same again");
            }
        }
    }
}

/// Whatever a longer limit begins and does not finish: the best decision of a shorter one stands.
#[test]
fn a_longer_limit_never_gives_a_worse_decision() {
    for (devices, clusters, seed) in [(3, 30, 1), (3, 30, 2), (8, 12, 1), (4, 2, 1), (4, 2, 2)] {
        let size = InstanceSize { devices, blocks: 12, plans: 4, participation: Participation::Select, clusters };
        let mut spec = sample(size, seed);
        // Next to no upload: the decision at equal weights is far from the best.
        spec.clusters.iter_mut().for_each(|cluster| cluster.upload_bits.0 *= 1e-6);
        let problem = built(spec);
        let mut last = f64::INFINITY;
        for exponent in 0..14 {
            let solution = limited(&problem, 1000 << (2 * exponent).min(24));
            let best = solution.certified().unwrap();
            assert!(best.objective() <= last * (1.0 + 1e-9), "{} after {last}: {exponent}", best.objective());
            assert!(best.lower_bound.is_finite());
            last = best.objective();
        }
    }
}

#[test]
fn a_limit_of_work_gives_the_same_answer_on_any_number_of_threads() {
    let problem = large(6, 5, Participation::Select);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| [10_000, 3_000_000, 100_000_000].map(|work| limited(&problem, work)))
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn no_time_at_all_is_enough_for_a_decision() {
    for (devices, clusters) in [(100, 1), (10, 10)] {
        for participation in [Participation::All, Participation::Select] {
            let devices = if participation == Participation::All { devices.min(24) } else { devices };
            let problem = large(devices, clusters, participation);
            let settings = Settings { time_limit: Some(Duration::ZERO), ..Settings::default() };
            let begun = Instant::now();
            let solution = solve(&problem, &settings).unwrap();
            println!("{devices} devices in {clusters}, {participation:?}: {:?}", begun.elapsed());
            let best = solution.certified().unwrap();
            assert!(best.evaluation.feasibility.is_feasible(1e-9));
            assert!(best.lower_bound.is_finite() && best.lower_bound > 0.0);
            assert_eq!(solution.status, Status::TimeLimit);
        }
    }
}

/// The time limit ends a search that would go on for long. The allowance is for slow builds and busy machines.
#[test]
fn a_limit_of_time_ends_long_searches() {
    let problem = large(100, 1, Participation::Select);
    for millis in [1, 20, 100] {
        let settings = Settings { time_limit: Some(Duration::from_millis(millis)), ..Settings::default() };
        let begun = Instant::now();
        let solution = solve(&problem, &settings).unwrap();
        let late = begun.elapsed().saturating_sub(Duration::from_millis(millis));
        println!("{millis} ms: {late:?} late, gap {:e}", solution.certified().unwrap().gap);
        assert!(late < Duration::from_secs(2), "{late:?} late");
        assert_eq!(solution.status, Status::TimeLimit);
    }
}

#[test]
fn a_flag_ends_a_search_from_another_thread() {
    let problem = large(100, 1, Participation::Select);
    let stop = Stop::default();
    let raiser = stop.clone();
    let solution = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            raiser.raise();
        });
        Solver::new(Settings::default()).unwrap().solve_until(&problem, &stop).unwrap()
    });
    assert!(stop.is_raised());
    assert_eq!(solution.status, Status::Interrupted);
    assert!(solution.certified().unwrap().lower_bound > 0.0);
}

#[test]
fn a_flag_ends_whatever_solves_on_the_thread() {
    let problem = large(100, 1, Participation::Select);
    let stop = Stop::default();
    let raiser = stop.clone();
    let ended = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            raiser.raise();
        });
        stop.during(|| solve(&problem, &Settings::default()))
    });
    assert!(matches!(ended, Err(SolveError::NoDecision { .. })), "{ended:?}");
    let small = large(3, 1, Participation::All);
    let within = stop.during(|| {
        // A flag of its own is what a solve watches; another scope within has its own as well, and puts this one back.
        let own = Solver::new(Settings::default()).unwrap().solve_until(&small, &Stop::default()).unwrap();
        let inner = Stop::default().during(|| solve(&small, &Settings::default())).unwrap();
        assert_eq!(own.outcome, inner.outcome);
        solve(&small, &Settings::default())
    });
    assert!(within.is_err());
    assert_eq!(solve(&small, &Settings::default()).unwrap().status, Status::Optimal);
}

/// What a stopped solve leaves behind does not show in the next one.
#[test]
fn a_solver_goes_on_after_it_was_stopped() {
    for participation in [Participation::All, Participation::Select] {
        let problem = large(8, 1, participation);
        let mut solver = Solver::new(Settings::default()).unwrap();
        let stop = Stop::default();
        stop.raise();
        assert_eq!(solver.solve_until(&problem, &stop).unwrap().status, Status::Interrupted);
        assert_eq!(solver.solve(&problem).unwrap().outcome, solve(&problem, &Settings::default()).unwrap().outcome);
    }
}

#[test]
fn a_wide_gap_takes_less_work() {
    let problem = large(24, 1, Participation::Select);
    let work = |gap| {
        let solution = solve(&problem, &Settings { gap, ..Settings::default() }).unwrap();
        assert!(solution.certified().unwrap().gap <= gap);
        solution.work.nodes
    };
    let (wide, narrow) = (work(0.5), work(1e-7));
    assert!(5 * wide <= narrow, "{wide} nodes against {narrow}");
}

/// The work that is spent and the time that is over are told apart, whichever is seen first.
#[test]
fn a_meter_tells_work_from_time() {
    let settings = Settings { work_limit: Some(10), ..Settings::default() };
    let mut meter = Meter::start(&settings, None);
    meter.spend(9);
    assert!(!meter.ended() && !meter.expired() && meter.left() == Some(1) && meter.cause().is_none());
    meter.spend(1);
    assert!(meter.ended() && !meter.expired() && meter.left() == Some(0));
    assert_eq!(meter.cause(), Some(Cause::Work));
    assert!(!meter.untiring().ended());
    let late = Settings { time_limit: Some(Duration::ZERO), ..settings };
    let mut meter = Meter::start(&late, None);
    assert!(meter.expired(), "the time is over before it is asked for");
    meter.spend(10);
    assert!(meter.ended() && meter.cause() == Some(Cause::Work));
    assert!(meter.expired(), "the work is spent and the time is over");
    assert!(meter.untiring().ended());
    let mut meter = Meter::start(&Settings { time_limit: Some(Duration::ZERO), ..Settings::default() }, None);
    assert!(meter.ended() && meter.cause() == Some(Cause::Time));
    // A search that has reached a limit of its own ends nothing else, and is what the gap comes from.
    let mut meter = Meter::default();
    assert!(meter.is_unlimited() && !Meter::start(&settings, None).is_unlimited());
    meter.cut();
    assert!(!meter.ended() && meter.cause() == Some(Cause::Work));
}

#[test]
fn settings_read_and_write() {
    let settings = Settings { gap: 1e-3, work_limit: Some(7), time_limit: Some(Duration::from_millis(250)) };
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(text, r#"{"gap":0.001,"work_limit":7,"time_limit_s":0.25}"#);
    assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
    for bad in [r#"{"time_limit_s":-1}"#, r#"{"time_limit_s":1e300}"#, r#"{"nodes":7}"#] {
        assert!(serde_json::from_str::<Settings>(bad).is_err(), "{bad}");
    }
}
