//! Schedules of the user's own: what is wrong with one is said by the name of the operation.

use collapipe::schedule::*;
use proptest::prelude::*;

/// A specification with these fields, all durations 1.
fn spec(fields: &str, positions: usize) -> Result<ScheduleSpec, SpecError> {
    let list = |number: usize| format!("{:?}", vec![1.0; number]);
    let (stages, links) = (list(positions), list(positions - 1));
    ScheduleSpec::from_json(&format!(
        r#"{{"schedule": "own", {fields}, "durations": {{"forward": {stages}, "backward": {stages},
            "forward_link": {links}, "backward_link": {links}}}}}"#
    ))
}

fn fault(fields: &str) -> String {
    match spec(fields, 2).and_then(|spec| spec.play().map(|played| played.1)) {
        Err(error) => error.to_string(),
        Ok(makespan) => panic!("{fields} was played in {makespan} s"),
    }
}

#[test]
fn faults_name_the_operation() {
    let two = |programs: &str| fault(&format!(r#""stages": 2, "micro_batches": 2, "programs": {programs}"#));
    for (programs, message) in [
        (r#"[["F0", "F1", "B0", "B1"], ["F0", "B0", "F1"]]"#, "B1@1 is missing: stage 1 must run it once"),
        (
            r#"[["F0", "F1", "B0", "B1", "F0"], ["F0", "B0", "F1", "B1"]]"#,
            "F0@0 stands twice: on stage 0 and on stage 0; take one out",
        ),
        (
            r#"[["F0", "F1", "B0", "B2"], ["F0", "B0", "F1", "B1"]]"#,
            "B2@0 on stage 0 is impossible: micro-batches are 0 to 1",
        ),
        (
            r#"[["F0", "F1@1", "B0", "B1"], ["F0", "B0", "F1", "B1"]]"#,
            "F1@1 on stage 0 is impossible: position 1 lies on stage 1",
        ),
        (
            r#"[["F0", "F1.1", "B0", "B1"], ["F0", "B0", "F1", "B1"]]"#,
            "F1.1@0 on stage 0 is impossible: slices are 0 to 0",
        ),
        (
            r#"[["F0", "F1", "B0", "B1", "W7@5"], ["F0", "B0", "F1", "B1"]]"#,
            "W7@5 on stage 0 is impossible: micro-batches are 0 to 1",
        ),
        (
            r#"[["F0", "B0", "F1", "B1"], ["F1", "B1", "F0", "B0"]]"#,
            "deadlock: F1@0 waits for B0@0 waits for b0@0 waits for B0@1 waits for F0@1 waits for B1@1 waits for F1@1 waits for f1@0 waits for F1@0",
        ),
        (
            r#"[["B0", "F0", "F1", "B1"], ["F0", "B0", "F1", "B1"]]"#,
            "deadlock: F0@0 waits for B0@0 waits for b0@0 waits for B0@1 waits for F0@1 waits for f0@0 waits for F0@0",
        ),
        (r#"[["F0", "F1", "B0", "B1"]]"#, "programs = a list of 1: must be a list of 2, one per stage"),
        (r#"[["F0", "f0", "F1", "B0", "B1"], ["F0", "B0", "F1", "B1"]]"#, "f1@0 is missing: stage 0 must run it once"),
        (
            r#"[["F0", "F1", "B0", "B1"], ["F0", "f0@0", "f1@0", "B0", "F1", "B1"]]"#,
            "f0@0 on stage 1 is impossible: stage 0 sends it",
        ),
        (
            r#"[["F0", "G1"], ["F0"]]"#,
            "programs[0][1] = G1: must be the name of an operation, as F3, B3, W3, f3 or b3, with .slice and @position where needed",
        ),
        (
            r#"[["F0", "F+1"], ["F0"]]"#,
            "programs[0][1] = F+1: must be the name of an operation, as F3, B3, W3, f3 or b3, with .slice and @position where needed",
        ),
    ] {
        assert_eq!(two(programs), message);
    }
    let split = r#""stages": 2, "micro_batches": 1, "programs": [["F0", "W0", "B0"], ["F0", "B0", "W0"]]"#;
    assert_eq!(fault(split), "deadlock: B0@0 waits for W0@0 waits for B0@0");
    let slices = r#""stages": 2, "micro_batches": 1, "slices": 2, "programs": [["F0", "F0.1"], ["F0.1", "F0"]]"#;
    assert_eq!(fault(slices), "F0.1@1 on stage 1 is impossible: F0@1 must stand before it");
    let back = r#""stages": 2, "micro_batches": 1, "slices": 2,
        "programs": [["F0", "F0.1", "B0", "B0.1"], ["F0", "F0.1", "B0.1", "B0"]]"#;
    assert_eq!(fault(back), "B0@0 on stage 0 is impossible: B0.1@0 must stand before it");
    for (placement, message) in [
        ("[0, 2]", "placement[1] = 2: must be a stage below 2, the number of positions"),
        ("[1, 1]", "placement = [1, 1]: must be such that every stage up to 1 holds a position: 0 holds none"),
        ("[0, 0]", "placement = [0, 0]: must be such that all 2 stages hold a position"),
    ] {
        let fields = r#""stages": 2, "micro_batches": 1, "programs": [["F0@0"], ["F0@1"]]"#;
        assert_eq!(fault(&format!(r#"{fields}, "placement": {placement}"#)), message);
    }
}

#[test]
fn what_a_schedule_has_no_use_for_is_refused() {
    let fault = |text: &str| match ScheduleSpec::from_json(text).and_then(|spec| spec.play().map(|played| played.1)) {
        Err(error) => error.to_string(),
        Ok(makespan) => panic!("{text} was played in {makespan} s"),
    };
    let with = |fields: &str| {
        fault(&format!(
            r#"{{"stages": 1, "micro_batches": 2, "durations": {{"forward": [1], "backward": [2]}}, {fields}}}"#
        ))
    };
    let start = "chunks = 2: must be 1: \"1f1b\" has no use for it";
    assert_eq!(with(r#""schedule": "1f1b", "chunks": 2"#), start);
    assert!(with(r#""schedule": "zero-bubble-h1", "slices": 2"#).starts_with("slices = 2: must be 1"));
    assert!(
        with(r#""schedule": "fill-drain", "programs": [["F0"]]"#).starts_with("programs = a list of 1: must be absent")
    );
    assert!(with(r#""schedule": "zero-bubble-h1""#).starts_with("durations.weight = a list of 0: must be a list of 1"));
    assert!(with(r#""schedule": "2f2b""#).contains("unknown variant `2f2b`"));
    assert!(with(r#""schedule": "1f1b", "stage": 1"#).contains("unknown field `stage`"));
    let sent = with(r#""schedule": "own", "programs": [["F0", "F1"]], "links": [["f0@0"]], "sending": "blocking""#);
    assert!(sent.starts_with("sending = blocking: must be absent"), "{sent}");
}

/// A pipeline in the shape of a V: the first stage holds the first and the last part, and messages between parts on the
/// same stage need no link.
#[test]
fn parts_may_lie_anywhere() {
    let programs = r#"[["F0@0", "F0@3", "B0@3", "B0@0"], ["F0@1", "F0@2", "B0@2", "B0@1"]]"#;
    let fields = format!(r#""stages": 2, "micro_batches": 1, "placement": [0, 1, 1, 0], "programs": {programs}"#);
    let spec = spec(&fields, 4).unwrap();
    let (mut timeline, makespan) = spec.play().unwrap();
    // Eight computations and four messages, one after another.
    assert_eq!(makespan, 12.0);
    assert_eq!(timeline.critical_path().len(), 12);
    let account = timeline.account(&spec.memory()).unwrap();
    assert_eq!(account.memory.iter().map(|held| held.peak).collect::<Vec<_>>(), [2.0, 2.0]);
    assert_eq!(account.least_makespan_s, 12.0);
}

/// A stage that sends when it likes, and a machine for what comes back.
#[test]
fn transmissions_may_be_programmed() {
    let late = r#""stages": 2, "micro_batches": 2, "links": [["b0@0", "b1@0"]],
        "programs": [["F0", "F1", "f0", "f1", "B0", "B1"], ["F0", "F1", "B0", "B1"]]"#;
    let (timeline, makespan) = spec(late, 2).unwrap().play().unwrap();
    // F0 F1 f0 f1 | F1 B0 B1 on stage 1 from 4 on | b1 | B1.
    assert_eq!(makespan, 4.0 + 3.0 + 1.0 + 1.0);
    assert_eq!(timeline.machines().count(), 3);
    let twice =
        r#""stages": 2, "micro_batches": 1, "links": [["f0@0"], ["f0@0"], ["f0@0"]], "programs": [["F0"], ["F0"]]"#;
    assert_eq!(fault(twice), "f0@0 stands twice: on machine 0 and on machine 2; take one out");
}

proptest! {
    /// Any order of the work of every stage is either played or refused for a deadlock, never anything else; and what
    /// `of` builds reads back from names.
    #[test]
    fn any_order_is_played_or_deadlocks(order in Just((0..6_u32).collect::<Vec<_>>()).prop_shuffle()) {
        let shape = Shape::plain(2, 3);
        let kinds = [OperationKind::Forward, OperationKind::Backward];
        let first = order.iter().map(|index| Operation {
            kind: kinds[(*index % 2) as usize],
            position: 0,
            micro_batch: index / 2,
            slice: 0,
        });
        let first: Vec<Operation> = first.collect();
        for operation in &first {
            prop_assert_eq!(Operation::parse(&operation.to_string(), None), Some(*operation));
        }
        let second = Schedule::of(ScheduleKind::OneForwardOneBackward, 2, 3).unwrap().programs()[1].clone();
        // Stage 1 runs F0 B0 F1 B1 F2 B2: stage 0 must keep that order of each kind, and forwards before their backwards.
        let at = |kind, micro_batch| {
            first.iter().position(|op| op.kind == kind && op.micro_batch == micro_batch).unwrap()
        };
        let (f, b) = (|m| at(OperationKind::Forward, m), |m| at(OperationKind::Backward, m));
        // Sent in the order of stage 0, needed in that of stage 1.
        let possible = f(0) < b(0) && f(1) < b(1) && f(2) < b(2) && f(0) < b(1) && f(0) < b(2) && f(1) < b(2);
        match Schedule::own(shape, vec![first, second]) {
            Ok(_) => prop_assert!(possible),
            Err(ScheduleError::Deadlock { cycle }) => {
                prop_assert!(!possible);
                prop_assert!(cycle.len() >= 2);
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}
