//! Bad input gets a typed error that names the field; problems without a plan say what cannot be placed.

use collapipe::partition::{
    DeviceOrder, DeviceUse, Layer, Links, NoPartition, PartitionDevice, PartitionError, PartitionObjective,
    PartitionPlan, PartitionProblem, PartitionReadError, PartitionSettings, PartitionSpec, PerPair, PlanError, Rates,
    ScheduleKind, Sending, Stage, StageCount, evaluate_plan, proportional_layers, solve_partition,
};
use collapipe::{Blame, Blamed};

/// Two devices, three layers.
fn spec() -> PartitionSpec {
    let device = |slowness| PartitionDevice::scaled("", &[1.0, 2.0, 1.0], &[], slowness).with_memory(10.0);
    let layer = Layer { output_bytes: 1.0, resident_bytes: 2.0, ..Layer::default() };
    let spec = PartitionSpec::new(vec![device(1.0), device(2.0)], PartitionObjective::Bottleneck);
    PartitionSpec { layers: vec![layer; 3], ..spec }
}

/// Asserts that the field is refused.
fn refused(path: &str, change: impl FnOnce(&mut PartitionSpec)) {
    let mut bad = spec();
    change(&mut bad);
    let error = PartitionProblem::new(bad).unwrap_err();
    assert_eq!(error.path, path, "{error}");
    assert_eq!(error.blame(), Blame::Input);
}

fn infeasible(change: impl FnOnce(&mut PartitionSpec)) -> NoPartition {
    let mut bad = spec();
    change(&mut bad);
    let error = solve_partition(&PartitionProblem::new(bad).unwrap(), &PartitionSettings::default()).unwrap_err();
    assert_eq!(error.blame(), Blame::Infeasible);
    match error {
        PartitionError::Infeasible(reason) => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn the_bad_field_is_named() {
    let scheduled = |micro_batches, schedule| PartitionObjective::Schedule {
        schedule,
        micro_batches,
        sending: Sending::Overlapped,
    };
    let one = ScheduleKind::OneForwardOneBackward;
    refused("layers", |spec| spec.layers.clear());
    refused("layers", |spec| spec.layers = vec![Layer::default(); 1024]);
    refused("devices", |spec| spec.devices.clear());
    refused("devices", |spec| spec.devices = vec![spec.devices[0].clone(); 65]);
    refused("input_bytes", |spec| spec.input_bytes = -1.0);
    for bad in [f64::NAN, f64::INFINITY, -1.0, 1e-300, 1e300] {
        refused("layers[2].output_bytes", |spec| spec.layers[2].output_bytes = bad);
        refused("layers[0].gradient_bytes", |spec| spec.layers[0].gradient_bytes = bad);
        refused("layers[1].resident_bytes", |spec| spec.layers[1].resident_bytes = bad);
        refused("devices[1].forward_seconds[2]", |spec| spec.devices[1].forward_seconds[2] = bad);
        refused("devices[0].backward_seconds[1]", |spec| spec.devices[0].backward_seconds = vec![0.0, bad, 0.0]);
        refused("devices[0].memory_bytes", |spec| spec.devices[0].memory_bytes = Some(bad));
        refused("links.bits_per_second.same", |spec| spec.links = Links::same(bad));
        refused("links.bits_per_second.per_device[1]", |spec| {
            spec.links.bits_per_second = Rates::PerDevice(vec![1.0, bad])
        });
        refused("links.bits_per_second.pairs[0][1]", |spec| {
            spec.links.bits_per_second = Rates::Pairs(vec![vec![0.0, bad], vec![1.0, 0.0]]);
        });
        refused("links.overhead_s", |spec| spec.links.overhead_s = PerPair::Same(bad));
        refused("links.latency_s[1][0]", |spec| {
            spec.links.latency_s = PerPair::Pairs(vec![vec![0.0; 2], vec![bad, 0.0]])
        });
        refused("memory.input_copies", |spec| spec.memory.input_copies = bad);
        refused("memory.last_output_copies", |spec| spec.memory.last_output_copies = Some(bad));
    }
    refused("links.bits_per_second.same", |spec| spec.links = Links::same(0.0));
    refused("devices[0].forward_seconds", |spec| spec.devices[0].forward_seconds.truncate(2));
    refused("devices[1].backward_seconds", |spec| spec.devices[1].backward_seconds = vec![1.0]);
    refused("devices[1].max_layers", |spec| spec.devices[1].max_layers = Some(0));
    refused("devices[1].min_layers", |spec| {
        (spec.devices[1].min_layers, spec.devices[1].max_layers) = (Some(3), Some(2))
    });
    refused("links.overhead_s", |spec| spec.links.overhead_s = PerPair::Pairs(vec![vec![0.0; 2]]));
    refused("links.latency_s[1]", |spec| spec.links.latency_s = PerPair::Pairs(vec![vec![0.0; 2], vec![0.0]]));
    refused("data_host", |spec| spec.data_host = Some(2));
    refused("stages.exactly", |spec| spec.stages = StageCount::Exactly(0));
    refused("stages.at-most", |spec| spec.stages = StageCount::AtMost(usize::MAX));
    refused("objective.micro_batches", |spec| spec.objective = PartitionObjective::SumPlusMax { micro_batches: 0 });
    refused("objective.micro_batches", |spec| spec.objective = scheduled(4097, one));
    refused("data_host", |spec| (spec.objective, spec.data_host) = (scheduled(4, one), Some(0)));
    refused("objective.schedule", |spec| {
        spec.devices[0].backward_seconds = vec![1.0; 3];
        spec.objective = scheduled(4, ScheduleKind::ForwardOnly);
    });
}

#[test]
fn what_cannot_be_placed_is_named() {
    assert_eq!(infeasible(|spec| spec.layers[1].resident_bytes = 11.0), NoPartition::Layer { layer: 1 });
    assert_eq!(
        infeasible(|spec| spec.devices.iter_mut().for_each(|device| device.max_layers = Some(1))),
        NoPartition::Chain { placed: 2, layers: 3 }
    );
    assert_eq!(
        infeasible(|spec| spec.stages = StageCount::Exactly(3)),
        NoPartition::FewDevices { devices: 2, stages: 3 }
    );
    let both_in_one =
        |spec: &mut PartitionSpec| (spec.use_devices, spec.stages) = (DeviceUse::All, StageCount::AtMost(1));
    assert_eq!(infeasible(both_in_one), NoPartition::FewStages { devices: 2, stages: 1 });
    let many = |spec: &mut PartitionSpec| {
        spec.devices = vec![spec.devices[0].clone(); 4];
        spec.use_devices = DeviceUse::All;
    };
    assert_eq!(infeasible(many), NoPartition::FewLayers { layers: 3, stages: 4 });
    // Device 0 has all the data, device 1 the only memory, and there is no way back.
    let one_way = |spec: &mut PartitionSpec| {
        spec.data_host = Some(0);
        spec.devices[0].memory_bytes = Some(1.0);
        spec.links.bits_per_second = Rates::Pairs(vec![vec![0.0, 1.0], vec![0.0, 0.0]]);
    };
    assert_eq!(infeasible(one_way), NoPartition::Ends { layers: 3 });
    for objective in [
        PartitionObjective::Latency,
        PartitionObjective::SumPlusMax { micro_batches: 4 },
        PartitionObjective::Schedule {
            schedule: ScheduleKind::FillDrain,
            micro_batches: 4,
            sending: Sending::Overlapped,
        },
    ] {
        let no_memory = |spec: &mut PartitionSpec| (spec.objective, spec.layers[0].resident_bytes) = (objective, 11.0);
        assert_eq!(infeasible(no_memory), NoPartition::Layer { layer: 0 });
    }
}

#[test]
fn what_is_too_large_says_so() {
    let device = |slowness: usize| PartitionDevice::scaled("", &[1.0; 70], &[], 1.0 + slowness as f64);
    let solve = |count: usize, of: &dyn Fn(usize) -> PartitionDevice, objective, order| {
        let spec = PartitionSpec { order, ..PartitionSpec::new((0..count).map(of).collect(), objective) };
        solve_partition(&PartitionProblem::new(spec).unwrap(), &PartitionSettings::default())
    };
    let error = solve(40, &device, PartitionObjective::Bottleneck, DeviceOrder::Free).unwrap_err();
    assert!(matches!(error, PartitionError::TooLarge { .. }), "{error}");
    assert_eq!(error.blame(), Blame::Input);
    let error = solve(16, &device, PartitionObjective::Latency, DeviceOrder::Free).unwrap_err();
    assert!(matches!(error, PartitionError::TooLarge { .. }), "{error}");
    // The same numbers in a given order, or on equal devices, are no trouble.
    solve(40, &device, PartitionObjective::Bottleneck, DeviceOrder::Given).unwrap();
    let best =
        solve(64, &|_| device(0), PartitionObjective::SumPlusMax { micro_batches: 8 }, DeviceOrder::Free).unwrap();
    assert_eq!(best.value_s, 70.0 + 7.0 * 2.0);
}

#[test]
fn plans_that_are_no_chain_are_refused() {
    let problem = PartitionProblem::new(spec()).unwrap();
    let of = |stages: &[(usize, usize, usize)]| {
        let stage = |&(device, first, past): &(usize, usize, usize)| Stage { device, first, past };
        evaluate_plan(&problem, &PartitionPlan { stages: stages.iter().map(stage).collect() })
    };
    assert_eq!(of(&[]), Err(PlanError::Empty));
    assert_eq!(of(&[(2, 0, 3)]), Err(PlanError::Device { stage: 0, device: 2, devices: 2 }));
    for bad in [&[(0, 0, 2)][..], &[(0, 1, 3)], &[(0, 0, 4)], &[(0, 0, 1), (1, 2, 3)], &[(0, 0, 0), (1, 0, 3)]] {
        assert!(matches!(of(bad), Err(PlanError::Layers { .. })), "{bad:?}");
    }
    // A chain that breaks rules is evaluated, and the rules are named.
    let evaluation = of(&[(1, 0, 2), (0, 2, 3)]).unwrap();
    assert_eq!(evaluation.bottleneck_s, 6.0);
    assert_eq!(evaluation.violations, ["device 0 stands out of the given order"]);
    assert_eq!(of(&[(0, 0, 2), (0, 2, 3)]).unwrap().violations, ["device 0 holds a second stage"]);
}

#[test]
fn texts_are_read_with_the_place_of_what_is_wrong() {
    let text = PartitionProblem::new(spec()).unwrap().to_json().unwrap();
    assert_eq!(PartitionProblem::from_json(&text).unwrap().into_spec(), spec());
    let error = PartitionProblem::from_json(&text.replacen("1.0", "NaN", 1)).unwrap_err();
    assert!(error.to_string().contains("layers[0].output_bytes = NaN"), "{error}");
    let error = PartitionProblem::from_json(&text.replace("\"output_bytes\"", "\"output_byte\"")).unwrap_err();
    assert!(matches!(&error, PartitionReadError::Format(_)) && error.to_string().contains("output_byte"), "{error}");
    let error = PartitionProblem::from_json(&text.replace("partition-problem/1", "partition-problem/2")).unwrap_err();
    assert!(error.to_string().contains("schema"), "{error}");
}

#[test]
fn shares_by_memory_refuse_what_cannot_be_shared() {
    assert_eq!(proportional_layers(&[], 3).unwrap_err().path, "weights");
    assert_eq!(proportional_layers(&[1.0, 0.0], 3).unwrap_err().path, "weights[1]");
    assert_eq!(proportional_layers(&[1.0, f64::NAN], 3).unwrap_err().path, "weights[1]");
    assert_eq!(proportional_layers(&[1.0, 1.0], 1).unwrap_err().path, "layers");
    // Tiny shares still get a layer each, which the largest gives up.
    assert_eq!(proportional_layers(&[1.0, 1e-9, 1e-9], 3).unwrap(), [1, 1, 1]);
    assert_eq!(proportional_layers(&[1e30, 1e-30], 1000).unwrap(), [999, 1]);
}

#[test]
fn a_limit_of_no_work_is_refused() {
    let problem = PartitionProblem::new(spec()).unwrap();
    let error = solve_partition(&problem, &PartitionSettings { work_limit: Some(0) }).unwrap_err();
    assert!(error.to_string().starts_with("work_limit = 0"), "{error}");
}
