//! What this machine's times become: a device that scenarios can name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::ops::ControlFlow;
use std::path::PathBuf;

use collapipe::model::Transformer;
use collapipe::scenario::ScenarioFile;
use collapipe::simulation::PolicyKind;
use collapipe::solver::Settings;
use collapipe_engine::data::languages;
use collapipe_engine::emulate::Clock;
use collapipe_engine::nn::Rule;
use collapipe_engine::profile::{BlockTime, ProfileError, fit, measure};
use collapipe_engine::reproduce::LANGUAGES;
use collapipe_engine::roles::{Pace, Threads};
use collapipe_engine::training::{TrainingSettings, members, train};
use collapipe_engine::work::{LearningSpec, UpdateRule, model_of};

fn parsed(text: &str, folder: &std::path::Path) -> ScenarioFile {
    ScenarioFile::parse(text, folder).expect("a scenario")
}

#[test]
fn exact_times_give_the_numbers_that_they_were_made_of() {
    let file = parsed(LANGUAGES, "".as_ref());
    let costs = Transformer::new(model_of(&file.spec.model).expect("a model")).expect("a model").costs();
    let time = |samples: usize| BlockTime {
        samples,
        forward_s: 2e-4 + 1e-3 * samples as f64,
        backward_s: 2e-4 + 3e-3 * samples as f64,
    };
    let profile = fit([1, 2, 4, 8].map(time).to_vec(), &costs).expect("a profile");
    for (found, expected) in [
        (profile.block_overhead_s, 2e-4),
        (profile.forward_s_per_sample, 1e-3),
        (profile.backward_s_per_sample, 3e-3),
        (profile.forward_flops_per_second, costs.block.forward_flops_per_sample.0 / 1e-3),
        (profile.backward_flops_per_second, costs.block.backward_flops_per_sample.0 / 3e-3),
    ] {
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
    }
    assert!(profile.largest_error < 1e-9);
    // No negative overhead: a line through 0 instead.
    let time = |samples: usize| BlockTime {
        samples,
        forward_s: time(samples).forward_s - 4e-4,
        backward_s: time(samples).backward_s - 4e-4,
    };
    assert_eq!(fit([1, 2, 4, 8].map(time).to_vec(), &costs).expect("a profile").block_overhead_s, 0.0);
    let flat = |samples: usize| BlockTime { samples, forward_s: 1.0 / samples as f64, backward_s: 1.0 };
    assert_eq!(fit([1, 2].map(flat).to_vec(), &costs), Err(ProfileError::Flat));
}

#[test]
fn settings_out_of_range_are_named() {
    let spec = model_of(&parsed(LANGUAGES, "".as_ref()).spec.model).expect("a model");
    for (samples, repeats, field) in
        [(vec![], 1, "samples"), (vec![4, 4], 1, "samples"), (vec![0, 4], 1, "samples"), (vec![1, 2], 0, "repeats")]
    {
        let error = measure(&spec, &samples, repeats).expect_err("refused").to_string();
        assert!(error.contains(field), "{error}");
    }
}

/// Plan with what was measured, predict, execute without emulation, measure: the stages take about as long as predicted. About,
/// because other tests and programs run on the same cores.
#[test]
fn stages_take_about_as_long_as_a_profile_of_this_machine_predicts() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("profile");
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = parsed(LANGUAGES, "".as_ref());
    let profile = measure(&model_of(&file.spec.model).expect("a model"), &[2, 4, 8, 16], 9).expect("a profile");
    println!("{}", profile.text());
    std::fs::write(folder.join("device.toml"), profile.preset_toml("this-machine")).expect("written");
    // Devices that say nothing of rates and overheads themselves; what is calibrated comes before a preset.
    let head = LANGUAGES.split("[[clusters.devices]]").next().expect("a head");
    let device = |name: &str, y: u32| {
        format!(
            "[[clusters.devices]]\nname = \"{name}\"\npreset = \"jetson-nano-4gb\"\nposition = {{ x_m = 4.0, y_m = {y}.0 }}\n\
             calibrated = {{ file = \"device.toml\", name = \"this-machine\" }}\n"
        )
    };
    let text = format!("{head}{}{}", device("left", 1), device("right", 4));
    let mut file = parsed(&text, &folder);
    file.spec.slots = 2;
    let scenario = file.build().expect("a scenario");
    let device = &scenario.spec().clusters[0].devices[0];
    assert_eq!(device.forward_flops_per_second.expect("a rate").0, profile.forward_flops_per_second);
    assert_eq!(device.block_overhead_s.expect("an overhead").0, profile.block_overhead_s);
    let samples = languages().expect("sentences").split(1).0.samples(16);
    let mut settings = TrainingSettings::default();
    settings.pace = Pace::Free;
    settings.learning = Some(LearningSpec {
        model: model_of(&scenario.spec().model).expect("a model"),
        seed: 1,
        rule: Rule::Sgd { rate: 0.1, momentum: 0.0 },
        update: UpdateRule::PerBatch,
        batch: 32,
        samples: Some((samples.numbers, samples.targets)),
    });
    let policy = PolicyKind::Exact.build(Settings::default(), 1).expect("a policy");
    let mut threads = Threads::start(&members(&scenario), Clock::real()).expect("threads");
    let coordinator = threads.coordinator().expect("a run");
    let trained = train(&scenario, policy, coordinator, &settings, |_, _| ControlFlow::Continue(())).expect("a run");
    assert!(trained.ended.is_none(), "{:?}", trained.ended);
    let best = trained.rounds.iter().flat_map(|round| &round.comparison.parts).filter(|part| part.part == "stages");
    let ratio = best.map(|part| part.measured_s / part.predicted_s).fold(f64::INFINITY, f64::min);
    println!("stages: measured {ratio:.3} times what was predicted");
    // A wrong unit, or samples and batches confused, are off by more.
    assert!((0.2..6.0).contains(&ratio), "{ratio}");
}
