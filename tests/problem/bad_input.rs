//! One test per kind of bad problem, decision and file: the error names path, value and allowed range.

use collapipe::problem::*;
use collapipe::units::*;
use nalgebra::DMatrix;

use crate::small::{decision, spec};

/// The error of the changed problem.
fn problem_error(change: impl FnOnce(&mut SlotSpec)) -> String {
    let mut s = spec();
    change(&mut s);
    SlotProblem::new(s).unwrap_err().to_string()
}

fn decision_error(change: impl FnOnce(&mut Decision)) -> String {
    let mut d = decision();
    change(&mut d);
    evaluate(&SlotProblem::new(spec()).unwrap(), &d).unwrap_err().to_string()
}

/// Sets one number of the exchange format, named by its JSON pointer.
fn with(pointer: &str, value: serde_json::Value) -> SlotSpec {
    let mut json = serde_json::to_value(spec()).unwrap();
    *json.pointer_mut(pointer).unwrap_or_else(|| panic!("no field {pointer}")) = value;
    serde_json::from_value(json).unwrap()
}

/// `/clusters/0/devices/1/memory_bytes` as `clusters[0].devices[1].memory_bytes`.
fn path_of(pointer: &str) -> String {
    pointer.split('/').skip(1).fold(String::new(), |path, key| match key.parse::<usize>() {
        Ok(index) => format!("{path}[{index}]"),
        Err(_) if path.is_empty() => key.to_owned(),
        Err(_) => format!("{path}.{key}"),
    })
}

const POSITIVE: [&str; 13] = [
    "/latency_weight",
    "/encoder/forward_flops_per_sample",
    "/encoder/backward_flops_per_sample",
    "/encoder/boundary_bits_per_sample",
    "/uplink/bandwidth_hz",
    "/clusters/0/bandwidth_hz",
    "/clusters/0/control_unit/max_power_w",
    "/clusters/0/edge_server/max_power_w",
    "/clusters/0/devices/1/forward_flops_per_second",
    "/clusters/0/devices/1/backward_flops_per_second",
    "/clusters/0/devices/1/max_power_w",
    "/clusters/0/devices/1/amplifier_efficiency",
    "/clusters/0/control_unit/amplifier_efficiency",
];

const NON_NEGATIVE: [&str; 20] = [
    "/encoder/parameter_bits_per_block",
    "/encoder/resident_bytes_per_block",
    "/encoder/activation_bytes_per_sample",
    "/clusters/0/fixed_seconds",
    "/clusters/0/upload_bits",
    "/clusters/0/hop_latency_s",
    "/clusters/0/embedding/forward_seconds_per_sample",
    "/clusters/0/embedding/backward_seconds_per_sample",
    "/clusters/0/decoder/forward_seconds_per_sample",
    "/clusters/0/decoder/backward_seconds_per_sample",
    "/clusters/0/control_unit/energy_price",
    "/clusters/0/control_unit/circuit_power_w",
    "/clusters/0/devices/1/joules_per_flop",
    "/clusters/0/devices/1/memory_bytes",
    "/clusters/0/devices/1/stage_overhead_s",
    "/clusters/0/devices/1/block_overhead_s",
    "/clusters/0/devices/1/energy_price",
    "/clusters/0/devices/1/circuit_power_w",
    "/clusters/0/gain_to_noise_hz_per_w/1/2",
    "/clusters/0/gain_to_noise_hz_per_w/2/2",
];

#[test]
fn every_number_is_covered() {
    fn numbers(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Number(n) if n.is_f64() => found.push(path.to_owned()),
            serde_json::Value::Object(map) => {
                map.iter().for_each(|(key, v)| numbers(v, &format!("{path}/{key}"), found));
            }
            serde_json::Value::Array(list) => {
                list.iter().enumerate().for_each(|(i, v)| numbers(v, &format!("{path}/{i}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    numbers(&serde_json::to_value(spec()).unwrap(), "", &mut found);
    found.retain(|p| !p.contains("devices/0") && !p.contains("gain_to_noise") && !p.ends_with("penalty"));
    for path in &found {
        let times = POSITIVE.iter().chain(&NON_NEGATIVE).filter(|p| *p == path).count();
        assert_eq!(times, 1, "{path} is not in the lists of this test");
    }
    assert_eq!(found.len() + 2, POSITIVE.len() + NON_NEGATIVE.len());
}

#[test]
fn numbers_out_of_range() {
    for (pointer, zero_allowed) in POSITIVE.map(|p| (p, false)).into_iter().chain(NON_NEGATIVE.map(|p| (p, true))) {
        for (value, shown) in [(-1.0, "-1.0"), (1e-31, "1e-31"), (1.1e30, "1.1e30"), (0.0, "0.0")] {
            let result = SlotProblem::new(with(pointer, value.into()));
            if value == 0.0 && zero_allowed {
                assert!(result.is_ok(), "{pointer}");
                continue;
            }
            let message = result.unwrap_err().to_string();
            let start = format!("{} = {shown}: must be ", path_of(pointer));
            assert!(message.starts_with(&start), "{message}");
            assert!(message.contains("a finite number in [1e-30, 1"), "{message}");
        }
    }
}

#[test]
fn not_a_number_and_infinity() {
    let message = problem_error(|s| s.clusters[0].devices[1].memory_bytes = Bytes(f64::NAN));
    assert_eq!(message, "clusters[0].devices[1].memory_bytes = NaN: must be 0 or a finite number in [1e-30, 1e30]");
    let message = problem_error(|s| s.latency_weight = f64::INFINITY);
    assert_eq!(message, "latency_weight = inf: must be a finite number in [1e-30, 1e30]");
    let message = problem_error(|s| s.plans[0].penalty = f64::NEG_INFINITY);
    assert_eq!(message, "plans[0].penalty = -inf: must be 0 or a finite number of magnitude in [1e-30, 1e30]");
    let message = problem_error(|s| s.clusters[0].gain_to_noise_hz_per_w.0[(3, 3)] = f64::NAN);
    assert!(message.starts_with("clusters[0].gain_to_noise_hz_per_w[3][3] = NaN: "), "{message}");
}

#[test]
fn penalty_may_have_any_sign() {
    for penalty in [0.0, -0.0, -1e30, 1e30, 1e-30, -1e-30] {
        assert!(SlotProblem::new(with("/plans/0/penalty", penalty.into())).is_ok(), "{penalty}");
    }
    for penalty in [1e31, -1e31, 1e-31] {
        assert!(SlotProblem::new(with("/plans/0/penalty", penalty.into())).is_err(), "{penalty}");
    }
}

#[test]
fn efficiency_above_one() {
    let message = problem_error(|s| s.clusters[0].devices[0].amplifier_efficiency = 1.5);
    let expected = "clusters[0].devices[0].amplifier_efficiency = 1.5: must be a finite number in [1e-30, 1]";
    assert_eq!(message, expected);
}

#[test]
fn counts_out_of_range() {
    for (pointer, max) in [
        ("/encoder/blocks", MAX_BLOCKS),
        ("/plans/0/local_iterations", MAX_LOCAL_ITERATIONS),
        ("/plans/0/micro_batches", MAX_BATCH_SIZE),
        ("/clusters/0/batch_size", MAX_BATCH_SIZE),
    ] {
        for value in [0, max + 1] {
            let message = SlotProblem::new(with(pointer, value.into())).unwrap_err().to_string();
            assert_eq!(message, format!("{} = {value}: must be an integer in [1, {max}]", path_of(pointer)));
        }
    }
}

#[test]
fn micro_batches_that_do_not_divide_a_batch() {
    let message = problem_error(|s| {
        s.clusters.push(s.clusters[0].clone());
        s.clusters[1].batch_size = 12;
        s.plans.push(CandidatePlan { micro_batches: 8, ..s.plans[0] });
    });
    assert_eq!(message, "plans[1].micro_batches = 8: must be a divisor of clusters[1].batch_size = 12");
    let message = problem_error(|s| s.plans[0].micro_batches = 16);
    assert_eq!(message, "plans[0].micro_batches = 16: must be a divisor of clusters[0].batch_size = 8");
}

#[test]
fn empty_and_too_long_lists() {
    assert_eq!(problem_error(|s| s.plans.clear()), "plans = a list of 0: must be a list of 1 to 1000000");
    assert_eq!(problem_error(|s| s.clusters.clear()), "clusters = a list of 0: must be a list of 1 to 10000000");
    let message = problem_error(|s| s.clusters[0].devices.clear());
    assert_eq!(message, "clusters[0].devices = a list of 0: must be a list of 1 to 65536");
    let message = problem_error(|s| s.plans = vec![s.plans[0]; MAX_PLANS + 1]);
    assert_eq!(message, "plans = a list of 1000001: must be a list of 1 to 1000000");
    let message = problem_error(|s| s.clusters[0].devices = vec![s.clusters[0].devices[0].clone(); MAX_DEVICES + 1]);
    assert_eq!(message, "clusters[0].devices = a list of 65537: must be a list of 1 to 65536");
}

#[test]
fn gain_matrix_of_the_wrong_size() {
    for (rows, columns) in [(3, 4), (4, 3), (5, 5), (0, 0)] {
        let message = problem_error(|s| s.clusters[0].gain_to_noise_hz_per_w = Gains(DMatrix::zeros(rows, columns)));
        let expected = format!(
            "clusters[0].gain_to_noise_hz_per_w = a {rows} x {columns} matrix: \
             must be a 4 x 4 matrix (control unit, 2 devices, edge server)"
        );
        assert_eq!(message, expected);
    }
}

#[test]
fn costs_stay_finite_at_the_limits() {
    let mut s = spec();
    s.latency_weight = MAX_MAGNITUDE;
    s.encoder.equal_mut().unwrap().forward_flops_per_sample = Flops(MAX_MAGNITUDE);
    s.encoder.equal_mut().unwrap().boundary_bits_per_sample = Bits(MAX_MAGNITUDE);
    s.encoder.equal_mut().unwrap().parameter_bits_per_block = Bits(MAX_MAGNITUDE);
    s.plans[0] = CandidatePlan {
        local_iterations: MAX_LOCAL_ITERATIONS,
        micro_batches: 500_000_000,
        penalty: MAX_MAGNITUDE,
        ..CandidatePlan::default()
    };
    let cluster = &mut s.clusters[0];
    cluster.batch_size = MAX_BATCH_SIZE;
    cluster.gain_to_noise_hz_per_w.0.fill(MIN_MAGNITUDE);
    for device in &mut cluster.devices {
        device.forward_flops_per_second = FlopsPerSecond(MIN_MAGNITUDE);
        device.joules_per_flop = JoulesPerFlop(MAX_MAGNITUDE);
        device.energy_price = MAX_MAGNITUDE;
        device.circuit_power_w = Watts(MAX_MAGNITUDE);
        device.amplifier_efficiency = MIN_MAGNITUDE;
        device.max_power_w = Watts(MIN_MAGNITUDE);
    }
    let mut d = decision();
    let link = Link { bandwidth_hz: Hertz(MIN_MAGNITUDE), power_w: Watts(MIN_MAGNITUDE) };
    d.clusters[0].forward.fill(Some(link));
    d.clusters[0].backward.fill(Some(link));
    let e = evaluate(&SlotProblem::new(s).unwrap(), &d).unwrap();
    assert!(e.objective.is_finite(), "{e:?}");
}

#[test]
fn decision_that_does_not_fit() {
    let cluster = |change: fn(&mut ClusterDecision)| decision_error(|d| change(&mut d.clusters[0]));
    assert_eq!(decision_error(|d| d.plan = 1), "plan = 1: must be below 1, the number of plans");
    let message = decision_error(|d| d.clusters.clear());
    assert_eq!(message, "clusters = a list of 0: must be a list of 1, the number of clusters");
    let message = cluster(|c| c.active.clear());
    assert_eq!(message, "clusters[0].active = []: must be a list of at least one device");
    assert_eq!(cluster(|c| c.active[1] = DeviceId(7)), "clusters[0].active[1] = 7: must be below 2");
    let message = cluster(|c| c.active = vec![DeviceId(1), DeviceId(0)]);
    assert_eq!(message, "clusters[0].active[1] = 0: must be above 1, the entry before it");
    assert!(cluster(|c| c.active = vec![DeviceId(1); 2]).starts_with("clusters[0].active[1] = 1: must be above 1"));
    let message = cluster(|c| c.sizes.push(1));
    assert_eq!(message, "clusters[0].sizes = a list of 3: must be a list of 2, the number of active devices");
    let message = cluster(|c| c.forward.truncate(2));
    assert_eq!(message, "clusters[0].forward = a list of 2: must be a list of 3, one more than active devices");
    assert!(cluster(|c| c.backward.clear()).starts_with("clusters[0].backward = a list of 0: "));
    assert!(cluster(|c| c.collection_power_w.clear()).starts_with("clusters[0].collection_power_w = a list of 0: "));
    assert!(cluster(|c| c.distribution_power_w.clear()).starts_with("clusters[0].distribution_power_w = a list of 0"));
    let message = cluster(|c| c.forward[1].as_mut().unwrap().power_w = Watts(f64::NAN));
    assert_eq!(message, "clusters[0].forward[1].power_w = NaN: must be a finite number >= 0");
    let message = cluster(|c| c.backward[2].as_mut().unwrap().bandwidth_hz = Hertz(-1.0));
    assert_eq!(message, "clusters[0].backward[2].bandwidth_hz = -1.0: must be a finite number >= 0");
    assert!(
        cluster(|c| c.collection_power_w[1] = Some(Watts(f64::INFINITY)))
            .starts_with("clusters[0].collection_power_w[1]")
    );
    assert!(
        cluster(|c| c.distribution_power_w[0] = Some(Watts(-1.0))).starts_with("clusters[0].distribution_power_w[0]")
    );
    assert!(
        cluster(|c| c.upload.as_mut().unwrap().bandwidth_hz = Hertz(f64::NAN))
            .starts_with("clusters[0].upload.bandwidth_hz = NaN")
    );
}

/// The error of reading the problem with `from` replaced by `to` in its text.
fn text_error(from: &str, to: &str) -> JsonError {
    let text = SlotProblem::new(spec()).unwrap().to_json().unwrap();
    assert!(text.contains(from), "{from} is not in the text");
    SlotProblem::from_json(&text.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn malformed_problem_files() {
    for (from, to, expected) in [
        ("slot-problem/1", "slot-problem/3", "`collapipe.slot-problem/1` or `collapipe.slot-problem/2` (line 2"),
        ("\"hop_latency_s\"", "\"hop_latency\"", "unknown field `hop_latency`"),
        ("\"latency_weight\": 10.0,", "", "missing field `latency_weight`"),
        ("\"latency_weight\": 10.0,", "\"latency_weight\": 1e999,", "number out of range (line 5"),
        ("\"latency_weight\": 10.0,", "\"latency_weight\": NaN,", "latency_weight = NaN: must be a finite number"),
        ("\"latency_weight\": 10.0,", "\"latency_weight\": null,", "latency_weight = null: must be a number (line 5"),
        ("\"batch_size\": 8", "\"batch_size\": -8", "batch_size = -8: must be a whole number"),
        ("\"batch_size\": 8", "\"batch_size\": 8.5", "batch_size = 8.5: must be a whole number"),
        ("\"full\"", "\"half\"", "unknown variant `half`, expected `full` or `none`"),
        ("\"all\"", "\"some\"", "unknown variant `some`, expected `all` or `select`"),
        ("        [\n          1000000.0,", "        [", "matrix row 1 has 4 entries, row 0 has 3"),
        ("{", "", "must be an object with named fields"),
    ] {
        let error = text_error(from, to);
        assert!(matches!(error, JsonError::Format(_)), "{error:?}");
        assert!(error.to_string().contains(expected), "{error} does not say {expected}");
        assert!(error.to_string().contains("line "), "{error}");
    }
}

#[test]
fn invalid_numbers_in_a_file_name_their_path() {
    let error = text_error("\"latency_weight\": 10.0", "\"latency_weight\": -10");
    assert!(matches!(error, JsonError::Problem(ProblemError::Field(_))), "{error:?}");
    assert_eq!(error.to_string(), "latency_weight = -10.0: must be a finite number in [1e-30, 1e30]");
    // Also through serde alone.
    let mut json = serde_json::to_value(spec()).unwrap();
    json["uplink"]["bandwidth_hz"] = 0.into();
    let error = serde_json::from_value::<SlotProblem>(json).unwrap_err().to_string();
    assert_eq!(error, "uplink.bandwidth_hz = 0.0: must be a finite number in [1e-30, 1e30]");
}

#[test]
fn answers_and_decisions() {
    let bare = decision().to_json().unwrap();
    assert_eq!(Decision::from_answer_json(&bare).unwrap(), decision());
    let answer = format!("{{\"status\": \"optimal\", \"decision\": {bare}, \"seconds\": 3}}");
    assert_eq!(Decision::from_answer_json(&answer).unwrap(), decision());
    assert_eq!(Decision::from_answer_json(&format!("{{\"decision\": {bare}}}")).unwrap(), decision());
    assert!(Answer::from_json(&answer).unwrap_err().to_string().contains("unknown field `seconds`"));
    for none in ["{\"status\": \"infeasible\"}", "{\"status\": \"infeasible\", \"decision\": null}"] {
        assert!(matches!(Decision::from_answer_json(none), Err(JsonError::NoDecision)));
        assert_eq!(Answer::from_json(none).unwrap().status, Status::Infeasible);
    }
    let misspelt = answer.replacen("\"active\"", "\"activ\"", 1);
    let error = Decision::from_answer_json(&misspelt).unwrap_err().to_string();
    assert!(error.contains("unknown field `activ`") && error.contains("line 5"), "{error}");
    for text in ["", "[]", "3", "{}", "{\"plan\": -1, \"clusters\": []}"] {
        assert!(matches!(Decision::from_answer_json(text), Err(JsonError::Format(_))), "{text}");
    }
}
