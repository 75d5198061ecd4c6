//! `collapipe bound`: JSON in, JSON out, exit codes.

use std::fs;

use serde_json::Value;

use crate::program::{code, refused, run, run_with_input, stderr, stdout};
use crate::support::folder;

const LOCAL_STEPS: &str = r#"{"bound": "local-steps", "initial_gap": 1, "step_size": 0.0625, "server_steps": 2, "rounds": 64,
  "smoothness": 1, "weights": [0.5, 0.5], "noise_variance": [1, 1], "local_steps": [2, 2], "heterogeneity": 0.25,
  "dissimilarity": 1}"#;

#[test]
fn prints_the_bound_from_file_and_standard_input() {
    let file = folder("bound").join("b.json");
    fs::write(&file, LOCAL_STEPS).unwrap();
    let from_file = run(&["bound", file.to_str().unwrap()]);
    assert_eq!(code(&from_file), 0, "{}", stderr(&from_file));
    assert_eq!(stdout(&from_file), stdout(&run_with_input(&["bound", "-"], LOCAL_STEPS)));
    let report: Value = serde_json::from_str(&stdout(&from_file)).unwrap();
    assert_eq!(report["simple"], 0.6484375);
    // 63/248 + 63/992 + 1/248 + 1/248
    let tight = report["tight"].as_f64().unwrap();
    assert!((tight - (63.0 / 248.0 + 63.0 / 992.0 + 2.0 / 248.0)).abs() < 1e-15);
    assert_eq!(report["terms"]["simple"]["noise"], 0.125);
    assert!(report["best_step_size"]["tight"]["bound"].as_f64().unwrap() < tight);
}

/// The table of docs/theory/convergence-sharp.md.
#[test]
fn prints_plans_side_by_side() {
    let output = run(&["bound", concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/plan-bounds.json")]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    for (form, expected) in [
        ("simple", [0.4640, 0.3342, 0.3930, 0.7345, 1.7876]),
        ("tight", [0.2319, 0.1660, 0.1917, 0.3576, 1.1025]),
        ("sharp", [0.1122, 0.0752, 0.0793, 0.1471, 0.4153]),
        ("sharp_any_ages", [0.1122, 0.0754, 0.0804, 0.1529, 0.4497]),
        ("sharp_fill_drain", [0.1122, 0.0724, 0.0697, 0.1112, 0.2505]),
    ] {
        for (plan, expected) in expected.into_iter().enumerate() {
            let found = report["plans"][plan][form].as_f64().unwrap();
            // The table has four decimals, and one of its numbers lies between two of them.
            assert!((found - expected).abs() <= 5.1e-5, "{form}, plan {plan}: {found}, {expected} expected");
        }
    }
}

/// What only the closed forms need makes them null; without any bound the step size is refused.
#[test]
fn the_sharp_form_asks_for_less() {
    let output = run_with_input(&["bound", "-"], &LOCAL_STEPS.replace("0.0625", "0.3"));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(report["simple"].is_null() && report["tight"].is_null());
    assert!(report["sharp"].as_f64().unwrap() > 0.0);
    let reason = report["missing"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("step_size * server_steps * smoothness <= 1/2"), "{reason}");
    refused(&run_with_input(&["bound", "-"], &LOCAL_STEPS.replace("0.0625", "1")), &["step_size = 1.0", "at most 0."]);
}

#[test]
fn certifies_small_schedules() {
    let output = run_with_input(&["bound", "-", "--certify"], LOCAL_STEPS);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let (certified, sharp) = (report["certified"]["bound"].as_f64().unwrap(), report["sharp"].as_f64().unwrap());
    assert!(certified <= sharp && certified > 0.6 * sharp, "{report}");
    let many = LOCAL_STEPS.replace("[2, 2]", "[20, 20]").replace("0.0625", "0.001");
    refused(&run_with_input(&["bound", "-", "--certify"], &many), &["local_steps", "at most 40"]);
}

#[test]
fn prints_every_bound() {
    for (request, field, value) in [
        (
            r#"{"bound": "mini-batch-sgd", "initial_gap": 1, "step_size": 0.5, "steps": 16, "smoothness": 1,
                "sample_variance": 4, "batch_size": 8}"#,
            "/simple",
            0.5,
        ),
        (
            r#"{"bound": "local-sgd-bounded-gradients", "initial_gap": 1, "step_size": 0.25, "steps": 32, "period": 2,
                "smoothness": 1, "weights": [0.5, 0.5], "noise_variance": [1, 1], "second_moment": 4}"#,
            "/tight",
            0.5,
        ),
        (
            r#"{"bound": "strongly-convex-fedavg", "strong_convexity": 1, "smoothness": 2, "steps": 48, "period": 2,
                "weights": [0.5, 0.5], "noise_variance": [2, 2], "second_moment": 1, "optimum_gap": 0.25,
                "initial_distance_squared": 4}"#,
            "/tight",
            1.0,
        ),
        (
            r#"{"bound": "partial-participation", "participants": 3, "schedule": {"initial_gap": 1, "step_size": 0.125,
                "server_steps": 1, "rounds": 64, "smoothness": 1, "weights": [0.5, 0.5], "noise_variance": [1, 1],
                "local_steps": [1, 1], "heterogeneity": 0.25, "dissimilarity": 1}}"#,
            "/bound",
            0.53125,
        ),
        (
            r#"{"bound": "virtual-average", "initial_gap": 1, "step_size": 0.5, "rounds": 8, "local_steps": 4, "smoothness": 1,
                "weights": [1], "noise_variance": [0.5], "heterogeneity": 0.25}"#,
            "/bound",
            0.25,
        ),
        (
            r#"{"bound": "pipeline-depth", "initial_gap": 3, "step_size": 0.25, "steps": 100, "smoothness": 2,
                "update_variance": 4, "largest_age": 1}"#,
            "/staleness",
            2.0,
        ),
        (
            r#"{"bound": "gaussian-mechanism", "initial_gap": 1, "step_size": 0.5, "steps": 16, "smoothness": 1,
                "sample_variance": 4, "batch_size": 8, "dimension": 100, "noise_std": 0.5, "clip_norm": 1,
                "uses_per_sample": 4, "delta": 1e-5}"#,
            "/privacy/gaussian_mu",
            1.0,
        ),
        (
            r#"{"bound": "compressed-activations", "initial_gap": 1, "step_size": 0.5, "steps": 16, "smoothness": 1,
                "sample_variance": 2, "batch_size": 8, "boundaries": [{"sensitivity": 2, "error_norm": 0.125}]}"#,
            "/bound",
            0.59375,
        ),
    ] {
        let output = run_with_input(&["bound", "-"], request);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(report.pointer(field).unwrap(), value, "{report}");
    }
}

#[test]
fn refuses_bad_input() {
    let changed = |from: &str, to: &str| run_with_input(&["bound", "-"], &LOCAL_STEPS.replace(from, to));
    refused(&changed("0.0625", "1.5"), &["standard input: step_size = 1.5", "times its limit", "at most 0."]);
    refused(&changed("local-steps", "sgd"), &["unknown variant `sgd`", "`local-steps`", "line 1"]);
    refused(&changed("\"rounds\"", "\"round\""), &["unknown field `round`", "line 1"]);
    refused(&changed("\"dissimilarity\": 1", "\"dissimilarity\": 0.5"), &["dissimilarity = 0.5: must be"]);
    refused(&changed("[0.5, 0.5]", "[0.5, 0.6]"), &["weights", "sum 1.1", "1 within 1e-9"]);
    refused(&changed("0.25", "NaN"), &["line 2"]);
    refused(&changed("\"noise_variance\": [1, 1]", "\"noise_variance\": []"), &["noise_variance", "a list of 2"]);
    refused(&run(&["bound", "/nonexistent/b.json"]), &["b.json"]);
}
