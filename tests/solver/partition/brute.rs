//! Small random problems against an enumeration of all plans, each evaluated step by step.

use std::cell::Cell;

use collapipe::partition::{
    DeviceOrder, DeviceUse, Layer, Links, MemoryRule, PartitionDevice, PartitionError, PartitionObjective,
    PartitionPlan, PartitionProblem, PartitionSchema, PartitionSettings, PartitionSpec, PartitionStatus, PerPair,
    Rates, ScheduleKind, Sending, Stage, StageCount, evaluate_plan, solve_partition,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngSeed, TestRunner};

/// The least value of all feasible plans: every order of every choice of devices, every way to cut.
fn enumerate(problem: &PartitionProblem) -> Option<f64> {
    fn extend(problem: &PartitionProblem, plan: &mut PartitionPlan, best: &mut Option<f64>) {
        let first = plan.stages.last().map_or(0, |stage| stage.past);
        if first == problem.layers.len() {
            let evaluation = evaluate_plan(problem, plan).unwrap();
            if evaluation.violations.is_empty() && best.is_none_or(|best| evaluation.value_s < best) {
                *best = Some(evaluation.value_s);
            }
            return;
        }
        for device in 0..problem.devices.len() {
            if plan.stages.iter().all(|stage| stage.device != device) {
                for past in first + 1..=problem.layers.len() {
                    plan.stages.push(Stage { device, first, past });
                    extend(problem, plan, best);
                    plan.stages.pop();
                }
            }
        }
    }
    let mut best = None;
    extend(problem, &mut PartitionPlan::default(), &mut best);
    best
}

/// Small whole numbers, so that values tie, or any.
fn seconds(layers: usize) -> BoxedStrategy<Vec<f64>> {
    let whole = (0..5_u8).prop_map(f64::from);
    prop_oneof![vec(whole, layers), vec(0.01..10.0, layers)].boxed()
}

fn matrix(devices: usize, zeros: bool) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let entry = if zeros { prop_oneof![1 => Just(0.0), 5 => 0.5..20.0].boxed() } else { (0.0..2.0).boxed() };
    vec(vec(entry, devices), devices)
}

fn links(devices: usize) -> impl Strategy<Value = Links> {
    let rates = prop_oneof![
        2 => Just(Rates::Unlimited),
        1 => (0.5..20.0).prop_map(Rates::Same),
        2 => vec(prop_oneof![Just(1.0), Just(8.0), 0.5..20.0], devices).prop_map(Rates::PerDevice),
        2 => matrix(devices, true).prop_map(Rates::Pairs),
    ];
    let pairs = move || {
        prop_oneof![
            2 => Just(PerPair::Same(0.0)),
            1 => (0.0..2.0).prop_map(PerPair::Same),
            1 => matrix(devices, false).prop_map(PerPair::Pairs),
        ]
    };
    (rates, pairs(), pairs()).prop_map(|(bits_per_second, overhead_s, latency_s)| Links {
        bits_per_second,
        overhead_s,
        latency_s,
    })
}

fn device(layers: usize, backward: bool) -> impl Strategy<Value = PartitionDevice> {
    let backward = if backward { seconds(layers) } else { Just(Vec::new()).boxed() };
    let limits =
        (option::weighted(0.3, 1.0..12.0), option::weighted(0.1, 1..3_usize), option::weighted(0.2, 2..5_usize));
    (seconds(layers), backward, limits).prop_map(|(forward_seconds, backward_seconds, (memory_bytes, min, max))| {
        let max_layers = max.map(|max| max.max(min.unwrap_or(1)));
        PartitionDevice {
            forward_seconds,
            backward_seconds,
            memory_bytes,
            min_layers: min,
            max_layers,
            ..PartitionDevice::default()
        }
    })
}

/// Devices, some of which are copies of others.
fn devices(count: usize, layers: usize, backward: bool) -> impl Strategy<Value = Vec<PartitionDevice>> {
    let copies = vec(option::weighted(0.4, 0..count), count);
    (vec(device(layers, backward), count), copies).prop_map(|(mut devices, copies)| {
        for (at, of) in copies.into_iter().enumerate() {
            if let Some(of) = of {
                devices[at] = devices[of].clone();
            }
        }
        devices
    })
}

fn layer() -> impl Strategy<Value = Layer> {
    let bytes = || prop_oneof![Just(0.0), Just(1.0), 0.1..4.0];
    (bytes(), bytes(), bytes(), any::<bool>()).prop_map(|(output_bytes, gradient_bytes, resident_bytes, trained)| {
        Layer {
            output_bytes,
            gradient_bytes: if trained { gradient_bytes } else { 0.0 },
            resident_bytes,
            ..Layer::default()
        }
    })
}

fn memory() -> impl Strategy<Value = MemoryRule> {
    let copies = || prop_oneof![Just(0.0), Just(1.0), 0.0..3.0];
    let end = || option::weighted(0.3, 0.0..2.0);
    (copies(), copies(), end(), end(), any::<bool>()).prop_map(|(input_copies, output_copies, first, last, strict)| {
        MemoryRule { input_copies, output_copies, first_input_copies: first, last_output_copies: last, strict }
    })
}

fn objective() -> impl Strategy<Value = PartitionObjective> {
    prop_oneof![
        Just(PartitionObjective::Bottleneck),
        Just(PartitionObjective::Latency),
        (1..20_u32).prop_map(|micro_batches| PartitionObjective::SumPlusMax { micro_batches }),
        (select(&ScheduleKind::ALL), 1..9_u32, select(&Sending::ALL)).prop_map(|(schedule, micro_batches, sending)| {
            PartitionObjective::Schedule { schedule, micro_batches, sending }
        }),
    ]
}

fn problem() -> impl Strategy<Value = PartitionSpec> {
    (1..5_usize, 1..7_usize, any::<bool>()).prop_flat_map(|(count, layers, backward)| {
        let order = prop_oneof![Just(DeviceOrder::Given), Just(DeviceOrder::Free)];
        let use_devices = prop_oneof![3 => Just(DeviceUse::Any), 1 => Just(DeviceUse::All)];
        let stages = prop_oneof![
            3 => Just(StageCount::Any),
            1 => (1..5_usize).prop_map(StageCount::AtMost),
            1 => (1..5_usize).prop_map(StageCount::Exactly),
        ];
        let chain =
            (vec(layer(), layers), prop_oneof![Just(0.0), 0.1..4.0], devices(count, layers, backward), links(count));
        let rules = (option::weighted(0.3, 0..count), order, use_devices, stages, memory(), objective());
        (chain, rules).prop_map(|((layers, input_bytes, devices, links), rules)| {
            let (data_host, order, use_devices, stages, memory, objective) = rules;
            let schema = PartitionSchema::V1;
            let spec = PartitionSpec {
                schema,
                layers,
                input_bytes,
                devices,
                links,
                data_host,
                order,
                use_devices,
                stages,
                memory,
                objective,
            };
            // A timeline has no data host, and inference no backward work.
            match objective {
                PartitionObjective::Schedule { schedule, micro_batches, sending } => {
                    let schedule = if spec.has_backward() && !schedule.has_backward() {
                        ScheduleKind::FillDrain
                    } else {
                        schedule
                    };
                    let objective = PartitionObjective::Schedule { schedule, micro_batches, sending };
                    PartitionSpec { data_host: None, objective, ..spec }
                }
                _ => spec,
            }
        })
    })
}

/// Runs a property on problems drawn from a fixed seed.
fn on_problems(cases: u32, property: impl Fn(PartitionSpec) -> Result<(), TestCaseError>) {
    let seed = RngSeed::Fixed(2026);
    let config = ProptestConfig { rng_seed: seed, cases, failure_persistence: None, ..ProptestConfig::default() };
    if let Err(error) = TestRunner::new(config).run(&problem(), property) {
        panic!("{error}");
    }
}

fn add_one(count: &Cell<u32>) {
    count.set(count.get() + 1);
}

#[test]
fn no_plan_is_better() {
    let (solved, infeasible) = (Cell::new(0), Cell::new(0));
    on_problems(4000, |spec| {
        let problem = PartitionProblem::new(spec).unwrap();
        let expected = enumerate(&problem);
        match solve_partition(&problem, &PartitionSettings::default()) {
            Ok(best) => {
                let expected = expected.expect("the enumeration finds a plan");
                let error = (best.value_s - expected).abs();
                prop_assert!(error <= 1e-10 * expected, "{} against {expected}", best.value_s);
                prop_assert!(best.lower_bound_s <= best.value_s && best.gap() <= 1e-10, "gap {}", best.gap());
                prop_assert_eq!(best.status, PartitionStatus::Optimal);
                prop_assert_eq!(&evaluate_plan(&problem, &best.plan).unwrap(), &best.evaluation);
                add_one(&solved);
            }
            Err(PartitionError::Infeasible(reason)) => {
                prop_assert_eq!(expected, None, "{}", reason);
                add_one(&infeasible);
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
        Ok(())
    });
    assert!(solved.get() >= 1000 && infeasible.get() >= 500, "{solved:?} solved, {infeasible:?} infeasible");
}

/// A limit on work ends the search with a plan and a bound that holds.
#[test]
fn the_bound_of_a_search_cut_short_holds() {
    let (limited, worse) = (Cell::new(0), Cell::new(0));
    on_problems(4000, |spec| {
        let objective = match spec.objective {
            PartitionObjective::Schedule { .. } => spec.objective,
            _ => PartitionObjective::SumPlusMax { micro_batches: 9 },
        };
        let problem = PartitionProblem::new(PartitionSpec { objective, ..spec }).unwrap();
        let cut_short = solve_partition(&problem, &PartitionSettings { work_limit: Some(1) });
        let whole = solve_partition(&problem, &PartitionSettings::default());
        prop_assert_eq!(cut_short.is_ok(), whole.is_ok());
        if let (Ok(cut_short), Ok(whole)) = (&cut_short, &whole) {
            prop_assert!(cut_short.lower_bound_s <= whole.value_s * (1.0 + 1e-10));
            prop_assert!(whole.value_s <= cut_short.value_s * (1.0 + 1e-10));
            if cut_short.status == PartitionStatus::WorkLimit {
                add_one(&limited);
                if whole.value_s < cut_short.value_s * (1.0 - 1e-9) {
                    add_one(&worse);
                }
            }
        }
        Ok(())
    });
    assert!(limited.get() >= 100 && worse.get() >= 10, "the limit hardly strikes: {limited:?}, {worse:?}");
}

/// Problems read back as they were written.
#[test]
fn problems_are_written_and_read() {
    on_problems(300, |spec| {
        let text = serde_json::to_string(&spec).unwrap();
        prop_assert_eq!(serde_json::from_str::<PartitionSpec>(&text).unwrap(), spec);
        Ok(())
    });
}
