//! Names of clusters and devices: they go with problem, decision and messages, and change nothing else.

use collapipe::instances::InstanceSize;
use collapipe::problem::{Decision, JsonError, Names, Participation, SlotProblem, SlotSpec, evaluate};
use collapipe::solver::{Settings, solve};
use collapipe::units::{Bytes, Watts};

use crate::small;

/// The small problem: cluster `lab` with devices `pi` and `phone`.
fn named() -> SlotSpec {
    let mut spec = small::spec();
    spec.clusters[0].name = Some("lab".into());
    for (device, name) in spec.clusters[0].devices.iter_mut().zip(["pi", "phone"]) {
        device.name = Some(name.into());
    }
    spec
}

fn refused(spec: &SlotSpec) -> String {
    SlotProblem::new(spec.clone()).unwrap_err().to_string()
}

#[test]
fn names_survive_json_and_files_without_them_stay_as_they_are() {
    let (with, without) = (SlotProblem::new(named()).unwrap(), SlotProblem::new(small::spec()).unwrap());
    assert_eq!(SlotProblem::from_json(&with.to_json().unwrap()).unwrap(), with);
    assert!(!without.to_json().unwrap().contains("\"name\""));
    let best = solve(&with, &Settings::default()).unwrap();
    let decision = best.certified().unwrap().decision.clone();
    assert_eq!(decision.clusters[0].name.as_deref(), Some("lab"));
    assert_eq!(decision.clusters[0].device_names, [Some("pi".to_owned()), Some("phone".to_owned())]);
    let text = best.to_answer().to_json().unwrap();
    assert_eq!(Decision::from_answer_json(&text).unwrap(), decision);
    let unnamed = solve(&without, &Settings::default()).unwrap().to_answer().to_json().unwrap();
    assert!(!unnamed.contains("name"), "{unnamed}");
}

#[test]
fn names_are_told_apart() {
    let mut spec = named();
    spec.clusters[0].devices[1].name = Some("pi".into());
    assert!(refused(&spec).starts_with("clusters[0].devices[1].name = \"pi\": must be"), "{}", refused(&spec));
    assert!(refused(&spec).contains("devices[0] is another device of this name"), "{}", refused(&spec));
    spec.clusters[0].devices[1].name = Some(String::new());
    assert!(refused(&spec).contains("a name that is not empty"), "{}", refused(&spec));
    let mut spec = named();
    spec.clusters.push(spec.clusters[0].clone());
    assert!(refused(&spec).starts_with("clusters[1].name = \"lab\": must be"), "{}", refused(&spec));
}

#[test]
fn messages_say_who_is_meant() {
    let mut spec = named();
    spec.clusters[0].devices[1].memory_bytes = Bytes(-1.0);
    assert!(refused(&spec).starts_with("clusters[0].devices[1].memory_bytes = -1.0: must be"));
    assert!(refused(&spec).ends_with(" (of lab/phone)"), "{}", refused(&spec));
    let text = SlotProblem::new(named()).unwrap().to_json().unwrap();
    let several = text.replace("\"memory_bytes\": 3000000.0", "\"memory_bytes\": -1.0");
    let Err(JsonError::Fields(errors)) = SlotProblem::from_json(&several) else { panic!("two bad fields") };
    assert_eq!(errors.iter().map(|e| e.owner.as_deref()).collect::<Vec<_>>(), [Some("lab/pi"), Some("lab/phone")]);

    // No decision: in the problem's names, also in the answer.
    let mut spec = named();
    spec.clusters[0].devices[1].memory_bytes = Bytes(0.0);
    spec.clusters[0].gain_to_noise_hz_per_w.0[(1, 2)] = 0.0;
    let solution = solve(&SlotProblem::new(spec).unwrap(), &Settings::default()).unwrap();
    let reason = solution.to_answer().reason.unwrap();
    assert!(reason.contains("clusters[0].devices[1].memory_bytes (lab/phone) holds no encoder block"), "{reason}");
    assert!(reason.contains("clusters[0].gain_to_noise_hz_per_w[1][2] (lab: pi to phone) = 0: no link"), "{reason}");

    // A decision that breaks a limit.
    let problem = SlotProblem::new(named()).unwrap();
    let mut decision = small::decision();
    decision.clusters[0].forward[1].as_mut().unwrap().power_w = Watts(4.0);
    decision.clusters[0].sizes = vec![0, 4];
    let report = evaluate(&problem, &decision).unwrap().feasibility;
    let text = report.to_string();
    assert!(text.contains("clusters[0].forward[1].power_w (lab): node 1 (pi) sends with 4 W"), "{text}");
    assert!(text.contains("clusters[0].devices[0] (lab/pi): active with 0 blocks"), "{text}");
    assert!(report.described().eq(text.lines().map(str::to_owned)));
}

#[test]
fn a_decision_for_somebody_else_is_refused() {
    let problem = SlotProblem::new(named()).unwrap();
    let mut decision = small::decision();
    // A decision without names is read as before.
    assert!(evaluate(&problem, &decision).is_ok());
    decision.clusters[0].device_names = vec![Some("phone".into()), Some("pi".into())];
    let error = evaluate(&problem, &decision).unwrap_err().to_string();
    assert_eq!(error, "clusters[0].device_names[0] = \"phone\": must be \"pi\", its name in the problem (of lab)");
    decision.clusters[0].device_names.pop();
    let error = evaluate(&problem, &decision).unwrap_err().to_string();
    assert!(error.contains("device_names = a list of 1"), "{error}");
    decision.clusters[0].device_names.clear();
    decision.clusters[0].name = Some("hall".into());
    assert!(
        evaluate(&problem, &decision).unwrap_err().to_string().contains("clusters[0].name = \"hall\": must be \"lab\"")
    );
}

/// Equal boards with names of their own are still equal boards.
#[test]
fn names_change_neither_answer_nor_work() {
    let size = InstanceSize { devices: 8, blocks: 12, participation: Participation::Select, ..InstanceSize::default() };
    let mut spec = size.sample(7).unwrap().into_spec();
    let cluster = &mut spec.clusters[0];
    cluster.devices = vec![cluster.devices[0].clone(); 8];
    cluster.gain_to_noise_hz_per_w.0.fill(1e7);
    let without = solve(&SlotProblem::new(spec.clone()).unwrap(), &Settings::default()).unwrap();
    for (k, device) in spec.clusters[0].devices.iter_mut().enumerate() {
        device.name = Some(format!("pi-{k}"));
    }
    let with = solve(&SlotProblem::new(spec).unwrap(), &Settings::default()).unwrap();
    assert_eq!(with.work, without.work);
    let (with, without) = (with.certified().unwrap(), without.certified().unwrap());
    assert_eq!((with.objective(), with.lower_bound), (without.objective(), without.lower_bound));
    let mut decision = with.decision.clone();
    decision.clusters[0].device_names.clear();
    assert_eq!(decision, without.decision);
}

#[test]
fn text_that_is_no_path_is_left_alone() {
    let names = Names::of(&named());
    for text in
        ["device 0", "subclusters[0].x", "clusters[..].upload", "clusters[7].devices[0] = 1", "node", "ü clusters["]
    {
        assert_eq!(names.explain(text), text);
    }
    assert_eq!(
        names.explain("clusters[0].active: device 1 stands"),
        "clusters[0].active (lab): device 1 (phone) stands"
    );
    assert_eq!(names.explain("clusters[0].devices[..]: none"), "clusters[0].devices[..] (lab): none");
    assert_eq!(
        names.explain("clusters[0]: node 0, node 3"),
        "clusters[0] (lab): node 0 (control-unit), node 3 (edge-server)"
    );
    assert_eq!(Names::default().explain("clusters[0]: x"), "clusters[0]: x");
}
