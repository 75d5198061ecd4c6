//! Privacy of a scenario: noise that the convergence constraint pays for.

use collapipe::bounds::{BatchSampling, SubsampledGaussian};
use collapipe::report::summary;
use collapipe::simulation::Run;
use collapipe::solver::Settings;

use crate::support::scenario::{changed, read};

const CONVERGENCE: &str = "[convergence]\ntarget = 0.6\ninitial_gap = 0.2\nstep_size = 0.05\nsmoothness = 1.5\n\
    sample_variance = 6.0\nheterogeneity = 0.3\nupdate = \"per-batch\"\nestimated = [\"smoothness\"]\n\n";

fn with(privacy: &str) -> String {
    changed("[uplink]", &format!("{CONVERGENCE}{privacy}\n[uplink]"))
}

fn private(epsilon: f64) -> String {
    with(&format!(
        "[privacy]\nepsilon = {epsilon:?}\ndelta = 1e-5\nclip_norm = 0.5\ndimension = 100\nsamples = [4000]\n"
    ))
}

#[test]
fn noise_is_a_price_in_what_is_learned() {
    let of = |text: &str| read(text).unwrap().convergence().unwrap().clone();
    let (free, loose, strict) = (of(&with("")), of(&private(2.0)), of(&private(0.5)));
    let variance = |of: &collapipe::bounds::ConvergenceConstraint| of.learning.sample_variance[0];
    assert_eq!(variance(&free), 6.0);
    assert!(variance(&free) < variance(&loose) && variance(&loose) < variance(&strict));
    // By the formula: batches of 8 of 4000, one step a round in 20 rounds, sensitivity 2 C / B.
    for (constraint, epsilon) in [(&loose, 2.0), (&strict, 0.5)] {
        let deviation = ((variance(constraint) - 6.0) / (8.0 * 100.0)).sqrt();
        let releases = SubsampledGaussian {
            sampling: BatchSampling::WithoutReplacement,
            sampling_rate: 8.0 / 4000.0,
            noise_multiplier: deviation / (2.0 * 0.5 / 8.0),
            steps: 20,
        };
        let spent = releases.epsilon(1e-5).unwrap();
        assert!(spent <= epsilon && spent > 0.98 * epsilon, "{spent} of {epsilon}");
    }
    // Every plan promises less of it.
    for plan in read(&with("")).unwrap().plans() {
        let g = [&free, &loose, &strict].map(|constraint| constraint.violation(plan).unwrap());
        assert!(g[0] < g[1] && g[1] < g[2], "{g:?}");
    }
}

/// Under 1F1B an update per micro-batch is a release of its own: M times as many, of an M-th of the samples.
#[test]
fn updates_per_micro_batch_are_paid_for() {
    let plans_of_small =
        "[[plans]]\nlocal_iterations = 1\nmicro_batches = 2\n\n[[plans]]\nlocal_iterations = 1\nmicro_batches = 4\n";
    let text = |plans: &str| {
        let text = private(2.0).replace("update = \"per-batch\"", "update = \"per-micro-batch\"");
        assert!(text.contains(plans_of_small));
        text.replace(plans_of_small, plans)
    };
    let plan = |micro_batches: u32| {
        format!("[[plans]]\nlocal_iterations = 1\nmicro_batches = {micro_batches}\nschedule = \"1f1b\"\n")
    };
    let scenario = read(&text(&plan(4))).unwrap();
    assert!(scenario.plans()[0].stash_weights);
    let variance = scenario.convergence().unwrap().learning.sample_variance[0];
    // Micro-batches of 2 of 4000, four a round in 20 rounds, sensitivity 2 C / 2.
    let deviation = ((variance - 6.0) / (2.0 * 100.0)).sqrt();
    let releases = SubsampledGaussian {
        sampling: BatchSampling::WithoutReplacement,
        sampling_rate: 2.0 / 4000.0,
        noise_multiplier: deviation / (2.0 * 0.5 / 2.0),
        steps: 80,
    };
    let spent = releases.epsilon(1e-5).unwrap();
    assert!(spent <= 2.0 && spent > 0.98 * 2.0, "{spent}");
    let error = read(&text(&format!("{}\n{}", plan(4), plan(2)))).unwrap_err().to_string();
    assert!(error.contains("privacy = given, with 2 updates per batch in plans[1] and 4 in plans[0]"), "{error}");
}

#[test]
fn outputs_say_what_it_rests_on() {
    let scenario = read(&private(2.0)).unwrap();
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let slots = run.by_ref().take(3).collect::<Result<Vec<_>, _>>().unwrap();
    let printed = summary(&run.record(slots)).to_string();
    assert!(printed.contains("(2, 0.00001)-private") && printed.contains("clip_norm"), "{printed}");
    assert!(printed.contains("smoothness were estimated") || printed.contains("smoothness was estimated"), "{printed}");
}

#[test]
fn bad_privacy_is_refused() {
    for (from, to, words) in [
        ("epsilon = 2.0", "epsilon = 0.0", "privacy.epsilon = 0.0"),
        ("epsilon = 2.0", "epsilon = nan", "privacy.epsilon = NaN"),
        ("delta = 1e-5", "delta = 0.0", "privacy.delta = 0.0"),
        ("delta = 1e-5", "delta = 1.0", "privacy.delta = 1.0"),
        ("clip_norm = 0.5", "clip_norm = -1.0", "privacy.clip_norm = -1.0"),
        ("dimension = 100", "dimension = 0", "privacy.dimension = 0"),
        ("samples = [4000]", "samples = [7]", "privacy.samples[0] = 7: must be at least the batch size 8"),
        ("samples = [4000]", "samples = [4000, 4000]", "privacy.samples"),
        ("samples = [4000]", "samples = [4000]\nsecret = 1", "secret"),
    ] {
        let text = private(2.0);
        assert!(text.contains(from));
        let error = read(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let alone = private(2.0).replace(CONVERGENCE, "");
    let error = read(&alone).unwrap_err().to_string();
    assert!(error.contains("privacy = given: must be left out without [convergence]"), "{error}");
}
