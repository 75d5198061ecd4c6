//! Answers of other people's planners, by value: several plans may tie.

use collapipe::partition::{
    DeviceOrder, Layer, Links, MemoryRule, Partition, PartitionDevice, PartitionObjective, PartitionPlan,
    PartitionProblem, PartitionSettings, PartitionSpec, PartitionStatus, PerPair, PlanEvaluation, Rates, ScheduleKind,
    Sending, Stage, StageCount, evaluate_plan, proportional_layers, solve_partition,
};
use serde_json::Value;

use crate::support::shared;

const MIB: f64 = 1_048_576.0;

fn checks(file: &str) -> Option<Value> {
    let path = shared(&format!("checks/{file}"))?;
    Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn cases(file: &Value) -> &Vec<Value> {
    file["cases"].as_array().unwrap()
}

/// Solves, and checks the proof and the independent evaluation on the way.
fn solve(spec: PartitionSpec) -> Result<Partition, String> {
    let problem = PartitionProblem::new(spec).unwrap();
    let best = solve_partition(&problem, &PartitionSettings::default()).map_err(|error| error.to_string())?;
    assert_eq!(best.status, PartitionStatus::Optimal);
    assert!(best.gap() < 1e-10, "gap {:e}", best.gap());
    let evaluation = evaluate_plan(&problem, &best.plan).unwrap();
    assert!(evaluation.violations.is_empty(), "{:?}", evaluation.violations);
    assert_eq!(evaluation.value_s, best.value_s);
    Ok(best)
}

fn assert_value(found: f64, expected: f64, case: &str) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{case}: {found} against {expected}");
}

/// The answers of one planner, counted.
struct Agreement {
    planner: &'static str,
    values: usize,
    infeasible: usize,
    largest_difference: f64,
}

impl Agreement {
    fn with(planner: &'static str) -> Self {
        Self { planner, values: 0, infeasible: 0, largest_difference: 0.0 }
    }

    fn value(&mut self, found: f64, expected: f64, case: &str) {
        assert_value(found, expected, &format!("{}, {case}", self.planner));
        self.values += 1;
        self.largest_difference = self.largest_difference.max((found - expected).abs() / expected.abs());
    }

    fn print(&self) {
        assert!(self.values > 0, "{}: no answers", self.planner);
        let Self { planner, values, infeasible, largest_difference } = self;
        println!(
            "{planner}: {values} values, largest relative difference {largest_difference:.1e}; {infeasible} infeasible"
        );
    }
}

/// PipeEdge's profile of a Vision Transformer on these devices, with its rule of memory.
fn pipe_edge(profiles: &Value, case: &Value, links: Links, objective: PartitionObjective) -> PartitionSpec {
    let model = &profiles["models"][case["model"].as_str().unwrap()];
    let bytes = |values: f64| 4.0 * values;
    let outputs = list(&model["parameters_out"]).into_iter();
    let layers = outputs.zip(list(&model["mem_MB"])).map(|(output, memory)| Layer {
        output_bytes: bytes(output) * 8.0,
        resident_bytes: memory * MIB,
        ..Layer::default()
    });
    let device = |device: &Value| {
        let seconds = list(&profiles["base_times"][device["base"].as_str().unwrap()][case["model"].as_str().unwrap()]);
        PartitionDevice::scaled("", &seconds, &[], device["scale"].as_f64().unwrap())
            .with_memory(device["mem_MB"].as_f64().unwrap() * MIB)
    };
    let devices = case["devices"].as_array().unwrap().iter().map(device).collect();
    PartitionSpec {
        layers: layers.collect(),
        input_bytes: bytes(model["parameters_in"].as_f64().unwrap()) * 8.0,
        links,
        memory: MemoryRule::PIPE_EDGE,
        ..PartitionSpec::new(devices, objective)
    }
}

/// Bits per second of a rate in the profile's Mbit, which are 2²⁰ bits.
fn rate(value: &Value) -> f64 {
    value.as_f64().unwrap() * MIB
}

#[test]
fn pipe_edge_one_host_per_type() {
    let Some(file) = checks("pipeedge_one_host_per_type.json") else { return };
    let mut agreement = Agreement::with("PipeEdge, one host per type");
    // Layers in proportion to memory, devices in the order of the list: how often that fits, and what it costs.
    let (mut fits, mut ratios) = (0, Vec::new());
    for (index, case) in cases(&file).iter().enumerate() {
        let rates = case["devices"].as_array().unwrap().iter().map(|device| rate(&device["bw_Mbps"])).collect();
        let links = Links { bits_per_second: Rates::PerDevice(rates), ..Links::none() };
        let spec = pipe_edge(&file, case, links, PartitionObjective::Bottleneck);
        let spec = PartitionSpec { order: DeviceOrder::Free, ..spec };
        let problem = PartitionProblem::new(spec.clone()).unwrap();
        let found = solve(spec);
        match case["bottleneck_s"].as_f64() {
            Some(expected) => {
                let best = found.unwrap().value_s;
                agreement.value(best, expected, &format!("case {index}"));
                let by_memory = by_memory(&problem);
                fits += usize::from(by_memory.violations.is_empty());
                ratios.push(by_memory.value_s / best);
            }
            None => {
                assert!(found.unwrap_err().starts_with("infeasible: "));
                agreement.infeasible += 1;
            }
        }
    }
    assert!(agreement.infeasible > 0);
    agreement.print();
    ratios.sort_by(f64::total_cmp);
    // A plan that breaks rules may do with less.
    let (least, median, most) = (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
    assert!(least > 0.9 && median > 1.0);
    println!(
        "exo's rule on the same: fits {fits} of {}, {least:.2} to {most:.2} times the least, median {median:.2}",
        ratios.len()
    );
}

/// The plan that shares layers in proportion to memory.
fn by_memory(problem: &PartitionProblem) -> PlanEvaluation {
    let memory: Vec<f64> = problem.devices.iter().map(|device| device.memory_bytes.unwrap()).collect();
    let mut past = 0;
    let stage = |(device, layers): (usize, usize)| {
        let first = past;
        past += layers;
        Stage { device, first, past }
    };
    let stages =
        proportional_layers(&memory, problem.layers.len()).unwrap().into_iter().enumerate().map(stage).collect();
    evaluate_plan(problem, &PartitionPlan { stages }).unwrap()
}

#[test]
fn pipe_edge_pairwise_links_and_a_data_host() {
    let Some(file) = checks("pipeedge_revauct_pairwise.json") else { return };
    let Some(profiles) = checks("pipeedge_one_host_per_type.json") else { return };
    let mut agreement = Agreement::with("PipeEdge, reverse auction");
    for (index, case) in cases(&file).iter().enumerate() {
        let rates = case["bw_Mbps"].as_array().unwrap().iter();
        let rates = rates.map(|row| row.as_array().unwrap().iter().map(rate).collect()).collect();
        let links = Links { bits_per_second: Rates::Pairs(rates), ..Links::none() };
        let objectives = [("latency_s", PartitionObjective::Latency), ("throughput_s", PartitionObjective::Bottleneck)];
        for (name, objective) in objectives {
            let spec = pipe_edge(&profiles, case, links.clone(), objective);
            let host = case["data_host"].as_u64().unwrap() as usize;
            let best = solve(PartitionSpec { data_host: Some(host), ..spec }).unwrap();
            agreement.value(best.value_s, case[name].as_f64().unwrap(), &format!("case {index}, {name}"));
        }
    }
    agreement.print();
}

fn equal_devices(seconds: &[f64], backward: &[f64], devices: usize, objective: PartitionObjective) -> PartitionSpec {
    let device = PartitionDevice::scaled("", seconds, backward, 1.0);
    PartitionSpec {
        order: DeviceOrder::Free,
        stages: StageCount::Exactly(devices),
        ..PartitionSpec::new(vec![device; devices], objective)
    }
}

#[test]
fn alpa_sum_plus_max() {
    let Some(file) = checks("alpa_sum_plus_max.json") else { return };
    let mut agreement = Agreement::with("Alpa");
    for (index, case) in cases(&file).iter().enumerate() {
        let stages = case["stages"].as_u64().unwrap() as usize;
        let objective = PartitionObjective::SumPlusMax { micro_batches: case["micro"].as_u64().unwrap() as u32 };
        let spec = equal_devices(&list(&case["layers"]), &[], stages, objective);
        let best = solve(spec.clone()).unwrap();
        agreement.value(best.value_s, case["cost"].as_f64().unwrap(), &format!("case {index}"));
        // Where all are alike, the order of the list does as well as any.
        let given = solve(PartitionSpec { order: DeviceOrder::Given, ..spec }).unwrap();
        assert_value(given.value_s, best.value_s, &format!("case {index} in given order"));
    }
    agreement.print();
}

#[test]
fn pipe_dream_straight_pipelines() {
    let Some(file) = checks("pipedream_straight.json") else { return };
    let mut agreement = Agreement::with("PipeDream");
    for (index, case) in cases(&file).iter().enumerate() {
        let profile = &file["profiles"][case["model"].as_str().unwrap()];
        let stages = case["stages"].as_u64().unwrap() as usize;
        // Differences of measured sums, two of which are below zero by rounding.
        let seconds: Vec<f64> = list(&profile["layer_s"]).into_iter().map(|second| second.max(0.0)).collect();
        let layer = |bytes| Layer { output_bytes: bytes, gradient_bytes: bytes, ..Layer::default() };
        let layers = list(&profile["activation_bytes"]).into_iter().map(layer).collect();
        let links = Links::same(8.0 * case["bandwidth_Bps"].as_f64().unwrap());
        let spec = equal_devices(&seconds, &[], stages, PartitionObjective::Bottleneck);
        let best = solve(PartitionSpec { layers, links, ..spec }).unwrap();
        agreement.value(best.value_s, case["time_per_stage"].as_f64().unwrap(), &format!("case {index}"));
    }
    agreement.print();
}

#[test]
fn exo_shares_layers_by_memory() {
    let Some(file) = checks("small_published.json") else { return };
    let cases = file["exo"]["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let held = proportional_layers(&list(&case[0]), case[1].as_u64().unwrap() as usize).unwrap();
        let expected: Vec<usize> = list(&case[2]).into_iter().map(|layers| layers as usize).collect();
        assert_eq!(held, expected, "{case}");
    }
}

#[test]
fn pytorch_balances_the_slowest_stage() {
    let Some(file) = checks("small_published.json") else { return };
    let mut agreement = Agreement::with("PyTorch, slowest stage");
    for case in file["pytorch"]["min_max"].as_array().unwrap() {
        let forward = list(&case["fwd"]);
        let backward: Vec<f64> = forward.iter().map(|work| 2.0 * work).collect();
        let best = solve(equal_devices(&forward, &backward, 4, PartitionObjective::Bottleneck)).unwrap();
        let mut rest = forward.iter();
        let expected = list(&case["expect"]);
        let stages = expected.iter().map(|layers| 3.0 * rest.by_ref().take(*layers as usize).sum::<f64>());
        agreement.value(best.value_s, stages.fold(0.0, f64::max), &case.to_string());
    }
    agreement.print();
}

#[test]
fn pytorch_iteration_of_the_best_split() {
    let Some(file) = checks("small_published.json") else { return };
    let mut agreement = Agreement::with("PyTorch, 1F1B iteration");
    for case in file["pytorch"]["iteration"].as_array().unwrap() {
        let throughput = case["throughput"].as_f64().unwrap();
        let forward: Vec<f64> = list(&case["fwd"]).into_iter().map(|work| work / throughput).collect();
        let backward: Vec<f64> = forward.iter().map(|seconds| 2.0 * seconds).collect();
        let spec = equal_devices(&forward, &backward, 4, one_forward_one_backward(8));
        let links = Links { overhead_s: PerPair::Same(case["link"].as_f64().unwrap()), ..Links::none() };
        let best = solve(PartitionSpec { links, ..spec }).unwrap();
        agreement.value(best.value_s, case["iter_time"].as_f64().unwrap(), &case.to_string());
    }
    agreement.print();
}

fn one_forward_one_backward(micro_batches: u32) -> PartitionObjective {
    let sending = Sending::Overlapped;
    PartitionObjective::Schedule { schedule: ScheduleKind::OneForwardOneBackward, micro_batches, sending }
}

/// A layer for each stage, over links that delay messages and are never busy; beside it the closed form that the file
/// calls wrong.
#[test]
fn zero_bubble_one_forward_one_backward() {
    let Some(file) = checks("zb_1f1b_makespans.json") else { return };
    let mut agreement = Agreement::with("zero-bubble, 1F1B and its closed form");
    for (index, case) in cases(&file).iter().enumerate() {
        let (forward, backward) = (list(&case["f"]), list(&case["b"]));
        let micro_batches = case["micro"].as_u64().unwrap() as u32;
        let latency_s = PerPair::Same(case["link"].as_f64().unwrap());
        let links = Links { latency_s, ..Links::none() };
        for (name, objective) in [
            ("makespan", one_forward_one_backward(micro_batches)),
            ("closed_form", PartitionObjective::SumPlusMax { micro_batches }),
        ] {
            let spec = equal_devices(&forward, &backward, forward.len(), objective);
            let best = solve(PartitionSpec { order: DeviceOrder::Given, links: links.clone(), ..spec }).unwrap();
            agreement.value(best.value_s, case[name].as_f64().unwrap(), &format!("case {index}, {name}"));
        }
    }
    agreement.print();
}

/// One layer per device, and so on: what the formula says of a pipeline that is given.
#[test]
fn heteropipe_pure_latency() {
    let Some(file) = checks("small_published.json") else { return };
    let mut agreement = Agreement::with("heteropipe");
    for case in file["heteropipe"]["cases"].as_array().unwrap() {
        let seconds = list(&case["tau"]);
        let stages = seconds.len();
        let micro_batches = case["M"].as_u64().unwrap() as u32;
        let mut latency = vec![vec![0.0; stages]; stages];
        for (hop, seconds) in case.get("d").map(list).unwrap_or_default().into_iter().enumerate() {
            latency[hop][hop + 1] = seconds;
        }
        let links = Links { latency_s: PerPair::Pairs(latency), ..Links::none() };
        let spec = equal_devices(&seconds, &[], stages, PartitionObjective::SumPlusMax { micro_batches });
        let best = solve(PartitionSpec { order: DeviceOrder::Given, links, ..spec }).unwrap();
        assert_eq!(best.plan.layers(), vec![1; stages]);
        agreement.value(best.value_s, case["async_"].as_f64().unwrap(), &case.to_string());
        // Its GPipe estimate: every stage as slow as the slowest, and its messages for nothing.
        if let Some(gpipe) = case["gpipe"].as_f64() {
            let slots = f64::from(micro_batches) + stages as f64 - 1.0;
            agreement.value(slots * best.evaluation.bottleneck_s, gpipe, &case.to_string());
        }
        // The same by its timeline; and where senders wait for their messages, of which the last stage's has no link
        // here.
        let Some(seconds_of_links) = case.get("d").map(list) else { continue };
        for (name, sending) in [("async_", Sending::Delay), ("block", Sending::Blocking)] {
            let mut overhead = vec![vec![0.0; stages]; stages];
            for (hop, seconds) in seconds_of_links.iter().enumerate() {
                overhead[hop][hop + 1] = *seconds;
            }
            let links = Links { overhead_s: PerPair::Pairs(overhead), ..Links::none() };
            let objective =
                PartitionObjective::Schedule { schedule: ScheduleKind::ForwardOnly, micro_batches, sending };
            let spec = equal_devices(&seconds, &[], stages, objective);
            let best = solve(PartitionSpec { order: DeviceOrder::Given, links, ..spec }).unwrap();
            agreement.value(best.value_s, case[name].as_f64().unwrap(), &format!("{name}, {case}"));
        }
    }
    agreement.print();
}
