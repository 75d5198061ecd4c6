//! Bad problems and files of schema 2, and what schema 1 must not hold.

use collapipe::problem::*;
use collapipe::schedule::ScheduleKind;
use collapipe::units::*;
use nalgebra::DMatrix;
use serde_json::{Value, json};

use crate::schema2::spec;
use crate::small;

fn error(change: impl FnOnce(&mut SlotSpec)) -> String {
    let mut s = spec();
    change(&mut s);
    SlotProblem::new(s).unwrap_err().to_string()
}

/// The error of reading the problem with a field of its JSON set or added.
fn text_error(problem: SlotSpec, pointer: &str, field: &str, value: Value) -> String {
    let mut json = serde_json::to_value(problem).unwrap();
    json.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"))[field] = value;
    SlotProblem::from_json(&json.to_string()).unwrap_err().to_string()
}

#[test]
fn schema_1_holds_no_field_of_schema_2() {
    let later = "given: must be left out in collapipe.slot-problem/1; only collapipe.slot-problem/2 has it";
    let cases = [
        ("", "order", json!("given"), "order"),
        ("", "deadline_s", json!(3.0), "deadline_s"),
        ("/plans/0", "schedule", json!("fill-drain"), "plans[0].schedule"),
        ("/plans/0", "stash_weights", json!(false), "plans[0].stash_weights"),
        ("/clusters/0", "hop_overhead_s", json!(0.0), "clusters[0].hop_overhead_s"),
        ("/clusters/0", "staging_s_per_byte", json!(0.0), "clusters[0].staging_s_per_byte"),
        ("/clusters/0", "medium", json!("bands"), "clusters[0].medium"),
        ("/clusters/0", "fixed_links", json!([]), "clusters[0].fixed_links"),
        ("/clusters/0/devices/1", "min_blocks", json!(1), "clusters[0].devices[1].min_blocks"),
        ("/clusters/0/devices/1", "max_blocks", json!(9), "clusters[0].devices[1].max_blocks"),
    ];
    for (pointer, field, value, path) in cases {
        assert_eq!(text_error(small::spec(), pointer, field, value), format!("{path} = {later}"));
    }
    let message = text_error(small::spec(), "/clusters/0", "embedding", Value::Null);
    assert!(message.starts_with("clusters[0].embedding = null: must be an object with named fields in "), "{message}");
    let message = text_error(small::spec(), "/clusters/0", "hop_latency_s", json!([[0.0]]));
    assert!(message.starts_with("clusters[0].hop_latency_s = a 1 x 1 matrix: must be a number"), "{message}");
    let chain = serde_json::to_value(spec()).unwrap()["encoder"].take();
    let message = text_error(small::spec(), "", "encoder", chain);
    assert!(message.starts_with("encoder.blocks = a list of 4: must be the number of equal blocks in "), "{message}");
    // In memory too.
    let mut s = small::spec();
    s.order = Order::Free;
    assert!(serde_json::to_string(&s).unwrap_err().to_string().starts_with("order = given: must be left out"));
    assert!(SlotProblem::new(s).unwrap_err().to_string().starts_with("order = given: must be left out"));
}

#[test]
fn forms_of_schema_2() {
    let equal = serde_json::to_value(small::spec()).unwrap()["encoder"].take();
    let message = text_error(spec(), "", "encoder", equal);
    assert_eq!(message, "encoder.blocks = 4: must be a list of blocks in collapipe.slot-problem/2");
    let read = |pointer, field, value| text_error(spec(), pointer, field, value);
    assert!(read("", "schema", json!("collapipe.slot-problem/3")).contains("`collapipe.slot-problem/2`"));
    assert!(read("", "order", json!("any")).contains("unknown variant `any`, expected `given` or `free`"));
    assert!(read("/plans/0", "schedule", json!("gpipe")).contains("`fill-drain`"));
    assert!(read("/encoder/blocks/1", "blocks", json!(3)).contains("unknown field `blocks`"));
    assert!(read("/encoder", "parameter_bits_per_block", json!(3)).contains("in a list each block has its own"));
    assert!(read("/clusters/0", "fixed_link", json!([])).contains("unknown field `fixed_link`"));
    assert!(read("/clusters/0", "hop_latency_s", json!("0.1")).contains("must be a number, without quotation marks"));
    assert!(read("/clusters/0", "hop_latency_s", json!(null)).contains("hop_latency_s = null: must be a number"));
    assert!(read("/clusters/0", "hop_latency_s", json!([[0.0], [0.0, 1.0]])).contains("rows must be equally long"));
    // Null and missing differ.
    let mut json = serde_json::to_value(spec()).unwrap();
    json["clusters"][0].as_object_mut().unwrap().remove("decoder");
    let message = SlotProblem::from_json(&json.to_string()).unwrap_err().to_string();
    assert!(message.contains("missing field `decoder`"), "{message}");
}

#[test]
fn numbers_lists_and_nodes() {
    let positive = "a finite number in [1e-30, 1e30]";
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(error(|s| s.deadline_s = Some(Seconds(bad))), format!("deadline_s = {bad:?}: must be {positive}"));
    }
    let message = error(|s| s.clusters[0].hop_overhead_s = Seconds(-1.0).into());
    assert_eq!(message, "clusters[0].hop_overhead_s = -1.0: must be 0 or a finite number in [1e-30, 1e30]");
    let message = error(|s| s.clusters[0].hop_latency_s = PerPair::Pairs(DMatrix::from_element(3, 4, Seconds(0.0))));
    let expected = "clusters[0].hop_latency_s = a 3 x 4 matrix: must be a number or a 4 x 4 matrix (control unit, 2 \
                    devices, edge server)";
    assert_eq!(message, expected);
    let message = error(|s| {
        let mut matrix = DMatrix::from_element(4, 4, Seconds(0.0));
        matrix[(2, 1)] = Seconds(f64::NAN);
        s.clusters[0].hop_overhead_s = PerPair::Pairs(matrix);
    });
    assert!(message.starts_with("clusters[0].hop_overhead_s[2][1] = NaN: must be 0 or"), "{message}");

    assert_eq!(
        error(|s| s.encoder = Chain::default().into()),
        "encoder.blocks = a list of 0: must be a list of 1 to 65536"
    );
    let chain = |change: fn(&mut Chain)| {
        error(|s| {
            let block = s.encoder.equal().unwrap().block();
            let mut chain = Chain { input_bits_per_sample: Bits(1.0), blocks: vec![block; 4] };
            change(&mut chain);
            s.encoder = chain.into();
        })
    };
    assert!(chain(|c| c.input_bits_per_sample.0 = -1.0).starts_with("encoder.input_bits_per_sample = -1.0: must be 0"));
    let message = chain(|c| c.blocks[3].parameter_bits.0 = f64::NAN);
    assert!(message.starts_with("encoder.blocks[3].parameter_bits = NaN: must be 0 or"), "{message}");

    let table = |forward: usize, backward: f64| {
        error(|s| {
            s.clusters[0].devices[1].block_seconds_per_sample =
                Some(BlockSeconds { forward: vec![Seconds(0.1); forward], backward: vec![Seconds(backward); 4] });
        })
    };
    let path = "clusters[0].devices[1].block_seconds_per_sample";
    assert_eq!(table(3, 0.1), format!("{path}.forward = a list of 3: must be a list of 4, one entry per block"));
    assert!(table(4, -0.1).starts_with(&format!("{path}.backward[0] = -0.1: must be 0 or")));

    let message =
        error(|s| (s.clusters[0].devices[0].min_blocks, s.clusters[0].devices[0].max_blocks) = (Some(3), Some(2)));
    assert_eq!(message, "clusters[0].devices[0].min_blocks = 3: must be at most max_blocks = 2");
    let message = error(|s| s.clusters[0].devices[0].max_blocks = Some(70_000));
    assert_eq!(message, "clusters[0].devices[0].max_blocks = 70000: must be an integer in [0, 65536]");
}

#[test]
fn links() {
    let link = |change: fn(&mut FixedLink)| {
        error(|s| {
            let mut link = FixedLink {
                from: NodeId(0),
                to: NodeId(1),
                bits_per_second: BitsPerSecond(1e6),
                ..FixedLink::default()
            };
            s.clusters[0].fixed_links = vec![link];
            change(&mut link);
            s.clusters[0].fixed_links.push(link);
        })
    };
    let path = "clusters[0].fixed_links[1]";
    assert_eq!(link(|_| ()), format!("{path}.to = 1: must be another node: fixed_links[0] joins 0 and 1 already"));
    assert_eq!(
        link(|l| l.to = NodeId(4)),
        format!("{path}.to = 4: must be a node in [0, 3] (control unit, devices, edge server)")
    );
    assert_eq!(link(|l| l.to = NodeId(0)), format!("{path}.to = 0: must be another node than from"));
    assert!(
        link(|l| (l.to, l.bits_per_second) = (NodeId(2), BitsPerSecond(0.0)))
            .starts_with(&format!("{path}.bits_per_second = 0.0: must be "))
    );
    assert!(
        link(|l| (l.to, l.joules_per_bit) = (NodeId(2), JoulesPerBit(-1.0)))
            .starts_with(&format!("{path}.joules_per_bit = -1.0: must be 0 or"))
    );
}

#[test]
fn schedules_with_too_many_events() {
    let message = error(|s| {
        s.clusters[0].batch_size = 1_000_000;
        s.plans[0] =
            CandidatePlan { micro_batches: 500_000, schedule: ScheduleKind::OneForwardOneBackward, ..s.plans[0] };
    });
    let expected = "plans[0].micro_batches = 500000: must be at most 250000 with schedule \"1f1b\" on up to 4 stages";
    assert_eq!(message, expected);
}

#[test]
fn decisions_of_other_shapes() {
    let problem = SlotProblem::new(spec()).unwrap();
    let message = |change: fn(&mut ClusterDecision)| {
        let mut decision = small::decision();
        change(&mut decision.clusters[0]);
        evaluate(&problem, &decision).unwrap_err().to_string()
    };
    assert_eq!(
        message(|d| d.active = vec![DeviceId(1); 2]),
        "clusters[0].active[1] = 1: must be another device than active[0]"
    );
    let text = message(|d| d.upload = None);
    assert_eq!(text, "clusters[0].upload = null: must be given: node 0 sends 10000000 bit to node 3");
    assert!(
        message(|d| d.collection_power_w[1] = None)
            .starts_with("clusters[0].collection_power_w[1] = null: must be given")
    );

    let mut inference = spec();
    inference.plans[0].schedule = ScheduleKind::ForwardOnly;
    inference.clusters[0].decoder = None;
    let inference = SlotProblem::new(inference).unwrap();
    let mut decision = small::decision();
    let text = evaluate(&inference, &decision).unwrap_err().to_string();
    assert_eq!(text, "clusters[0].forward = a list of 3: must be a list of 2, the number of hops");
    decision.clusters[0].forward.pop();
    let text = evaluate(&inference, &decision).unwrap_err().to_string();
    assert_eq!(text, "clusters[0].backward = a list of 3: must be a list of 0, because there is no backward work");
}
