//! A run that is ended and taken up again gives what one that was never interrupted gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use collapipe::scenario::{Scenario, ScenarioFile};
use collapipe::simulation::PolicyKind;
use collapipe::solver::Settings;
use collapipe_engine::data::{VOCABULARY, languages};
use collapipe_engine::emulate::Clock;
use collapipe_engine::nn::Rule;
use collapipe_engine::reproduce::LANGUAGES;
use collapipe_engine::roles::Threads;
use collapipe_engine::training::{Checkpoint, CheckpointError, TrainError, Trained, TrainingSettings, members, train};
use collapipe_engine::work::{LearningSpec, UpdateRule};

fn scenario(seed: u64, absences: bool) -> Scenario {
    let mut text = LANGUAGES.replace("width = 32", "width = 8").replace("feed_forward = 64", "feed_forward = 8");
    if absences {
        // So that queues and states matter.
        let slow = "name = \"slow\"";
        text = text.replace(slow, &format!("{slow}\nabsence_probability = 0.4\nbudget_j_per_round = 0.01"));
    }
    let mut file = ScenarioFile::parse(&text, Path::new("")).expect("a scenario");
    (file.spec.slots, file.spec.seed) = (4, seed);
    file.build().expect("a scenario")
}

fn run(scenario: &Scenario, policy: PolicyKind, file: Option<&Path>, slots: usize) -> Result<Trained, TrainError> {
    let mut settings = TrainingSettings::default();
    settings.checkpoint = file.map(Path::to_owned);
    let model = scenario.spec().model.transformer.clone().expect("a model");
    assert_eq!(model.sequence_length, 16);
    let samples = languages().expect("sentences").split(1).0.samples(16);
    assert!(samples.numbers.iter().all(|token| (*token as usize) < VOCABULARY));
    settings.learning = Some(LearningSpec {
        model,
        seed: 5,
        rule: Rule::AdamW { rate: 1e-2, decay: 0.01 },
        update: UpdateRule::PerBatch,
        batch: 32,
        samples: Some((samples.numbers, samples.targets)),
    });
    let policy = policy.build(Settings::default(), 1).expect("a policy");
    let mut threads = Threads::start(&members(scenario), Clock::pretended()).expect("threads");
    let mut left = slots;
    train(scenario, policy, threads.coordinator().expect("a run"), &settings, |_, _| {
        left = left.saturating_sub(1);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

fn bits(trained: &Trained) -> Vec<u32> {
    trained.parts.values().flatten().map(|number| number.to_bits()).collect()
}

fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("checkpoint-{name}"));
    let _ = std::fs::remove_file(&path);
    path
}

#[test]
fn ended_and_taken_up_again_gives_the_same_bits() {
    for policy in [PolicyKind::Exact, PolicyKind::FullModelFederated] {
        // Three devices do not divide the batch.
        let scenario = scenario(3, policy == PolicyKind::Exact);
        let path = file(&format!("resumed-{policy}"));
        let whole = run(&scenario, policy, None, 4).expect("a run");
        assert!(whole.ended.is_none(), "{:?}", whole.ended);
        let begun = run(&scenario, policy, Some(&path), 1).expect("a run");
        assert_ne!(bits(&begun), bits(&whole), "the model learns");
        drop(begun);
        let second = run(&scenario, policy, Some(&path), 1).expect("a run");
        assert_eq!(second.record.slots.len(), 2);
        let resumed = run(&scenario, policy, Some(&path), 4).expect("a run");
        assert_eq!(bits(&resumed), bits(&whole));
        assert_eq!(resumed.record.slots.len(), whole.record.slots.len());
        for (resumed, whole) in resumed.record.slots.iter().zip(&whole.record.slots) {
            assert_eq!((&resumed.outcome, &resumed.queues), (&whole.outcome, &whole.queues));
            let loss = |slot: &collapipe::simulation::SlotRecord| slot.measured.as_ref().and_then(|found| found.loss);
            assert_eq!(loss(resumed), loss(whole));
        }
    }
}

#[test]
fn a_batch_that_the_devices_do_not_divide_is_refused_by_name() {
    let text =
        LANGUAGES.replace("batch_size = 32", "batch_size = 30").replace("micro_batches = 4", "micro_batches = 3");
    let text = text.replace("micro_batches = 8", "micro_batches = 5");
    let scenario = ScenarioFile::parse(&text, Path::new("")).expect("a scenario").build().expect("a scenario");
    let trained = run(&scenario, PolicyKind::FullModelFederated, None, 1).expect("a run");
    let error = trained.ended.expect("refused").to_string();
    assert!(error.contains("clusters[0].batch_size = 30") && error.contains("a multiple of"), "{error}");
}

#[test]
fn what_is_no_checkpoint_of_the_run_is_refused_by_name() {
    let path = file("refused");
    drop(run(&scenario(3, true), PolicyKind::Exact, Some(&path), 1).expect("a run"));
    let bytes = std::fs::read(&path).expect("a file");
    let error = |content: &[u8], seed| {
        std::fs::write(&path, content).expect("written");
        match run(&scenario(seed, true), PolicyKind::Exact, Some(&path), 1) {
            Err(TrainError::Checkpoint(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    for length in [0, 10, 100, bytes.len() - 1] {
        let found = error(&bytes[..length], 3);
        assert!(matches!(found, CheckpointError::Truncated { .. }), "{length}: {found}");
        assert!(found.to_string().contains("refused"), "{found}");
    }
    for place in [0, 30, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[place] ^= 4;
        assert!(matches!(error(&damaged, 3), CheckpointError::Damaged { .. }), "byte {place}");
    }
    assert!(matches!(error(&[&bytes[..], &[0]].concat(), 3), CheckpointError::Damaged { .. }));
    assert!(matches!(error(&bytes, 4), CheckpointError::OtherRun { .. }));
    std::fs::write(&path, &bytes).expect("written");
    let kept = Checkpoint::read(&path).expect("a checkpoint").expect("a file");
    assert_eq!((kept.slots.len(), kept.parts.len()), (1, 2));
    assert_eq!(Checkpoint::read(&path.with_extension("missing")).expect("no file"), None);
    // A slot that this program plans otherwise.
    let mut other = kept;
    other.slots[0].queues[0] += 1.0;
    other.write(&path).expect("written");
    let found = run(&scenario(3, true), PolicyKind::Exact, Some(&path), 1);
    assert!(matches!(found, Err(TrainError::Checkpoint(CheckpointError::Differs { slot: 0, .. }))), "{found:?}");
    // Nothing is left beside it.
    let own = path.file_name().expect("a name").to_string_lossy().into_owned();
    let all = std::fs::read_dir(path.parent().expect("a folder")).expect("a folder");
    let beside = all.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    assert_eq!(beside.filter(|name| name.starts_with(&own)).collect::<Vec<_>>(), [own]);
}
