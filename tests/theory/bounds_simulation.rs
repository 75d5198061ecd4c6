//! Every bound against simulated training: a smaller sample of what `cargo xtask bounds-check` runs.

use crate::training::adversary::{TARGETS, search};
use crate::training::{CHECKS, Outcome, Row, Verdict, run};

fn rows(name: &str, count: u64) -> Vec<Row> {
    let check = CHECKS.iter().position(|(known, _)| *known == name).unwrap();
    // Other seeds than that program's.
    run(check, 1_000_000, count).unwrap()
}

/// Asserts that no form is broken and that at most `unresolved` configurations are too close to tell.
fn kept(name: &str, count: u64, unresolved: usize) {
    for row in rows(name, count) {
        assert_eq!(row.configurations as u64, count);
        assert!(row.broken.is_empty(), "{name} ({}) is broken at {:?}", row.form, row.broken);
        assert!(row.unresolved.len() <= unresolved, "{name} ({}) is open at {:?}", row.form, row.unresolved);
    }
}

#[test]
fn local_steps() {
    kept("local-steps", 60, 0);
}

#[test]
fn sharp_local_steps() {
    // Met closely where a single step has little noise.
    kept("local-steps-sharp", 60, 3);
    kept("local-steps-sharp-any-ages", 60, 3);
    kept("local-steps-sharp-convex", 60, 3);
}

#[test]
fn averages_and_pipelines() {
    kept("virtual-average", 30, 3);
    kept("pipeline-depth", 30, 1);
}

#[test]
fn partial_participation() {
    kept("partial-participation", 30, 0);
    kept("without-replacement", 30, 1);
}

/// A short version of the adversarial search: above no bound, and close to those that are attained.
#[test]
fn adversary() {
    for target in 0..TARGETS.len() {
        let found = search(target, 7, 6, 400).unwrap();
        assert!(found.ratio < 1.0 + 1e-9, "{} ({}) is refuted: {}", found.theorem, found.family, found.ratio);
        assert!(found.ratio > 0.2, "{} ({}): {} is not much of a search", found.theorem, found.family, found.ratio);
    }
}

#[test]
fn constraint() {
    kept("constraint", 30, 0);
}

#[test]
fn mini_batch_sgd() {
    // Met within a few per cent where noise dominates: one in ten is closer than the repetitions resolve.
    kept("mini-batch-sgd", 30, 3);
}

#[test]
fn bounded_gradients() {
    kept("local-sgd-bounded-gradients", 30, 0);
}

#[test]
fn strongly_convex() {
    kept("strongly-convex-fedavg", 30, 0);
}

#[test]
fn privacy() {
    kept("gaussian-mechanism", 30, 3);
    kept("privacy-delta", 20, 0);
}

#[test]
fn compressed_activations() {
    kept("compressed-activations", 30, 0);
}

/// The check can fail: bounds divided by twice their least factor over the mean are noticed.
#[test]
fn a_bound_that_is_too_small_is_noticed() {
    for name in ["local-steps", "partial-participation", "mini-batch-sgd", "compressed-activations"] {
        let check = CHECKS.iter().position(|(known, _)| *known == name).unwrap();
        let factor = rows(name, 20)[0].quantile(0.0) * 2.0;
        let noticed = (1_000_000..1_000_020).any(|seed| {
            let outcome = (CHECKS[check].1)(seed).unwrap();
            let bounds = outcome.bounds.iter().map(|&(form, bound)| (form, bound / factor)).collect();
            Outcome { bounds, ..outcome }.verdict(0) == Verdict::Broken
        });
        assert!(noticed, "{name}: a bound {factor} times too small passes");
    }
}
