//! A scenario's rounds train a model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::ops::ControlFlow;
use std::path::Path;

use collapipe::model::{Family, Head, ModelPreset};
use collapipe::scenario::{BUILTIN, ScenarioFile};
use collapipe::simulation::PolicyKind;
use collapipe::solver::Settings;
use collapipe_engine::data::VOCABULARY;
use collapipe_engine::emulate::Clock;
use collapipe_engine::nn::Rule;
use collapipe_engine::roles::Threads;
use collapipe_engine::training::{TrainingSettings, members, train};
use collapipe_engine::work::{LearningSpec, UpdateRule};

#[test]
fn clusters_train_on_their_own_data_and_share_one_model() {
    let mut file = ScenarioFile::parse(BUILTIN, Path::new("")).expect("the built-in scenario");
    file.spec.slots = 2;
    let scenario = file.build().expect("a scenario");
    let mut model = ModelPreset::BertTiny.spec(6);
    (model.layers, model.width, model.heads, model.feed_forward) = (scenario.blocks(), 8, 2, 16);
    model.family = Family::Encoder { vocabulary: VOCABULARY as u32, max_positions: 6, token_types: 0, pooler: true };
    model.head = Head::Classifier { classes: 2 };
    // The class is the first token's parity.
    let numbers: Vec<u32> = (0..400_u32).flat_map(|i| [2 + i % 2, 3 + i % 7, 5, 6, 7, 8]).collect();
    let classes = (0..400).map(|i| i % 2).collect();
    let rule = Rule::Sgd { rate: 0.1, momentum: 0.0 };
    let mut settings = TrainingSettings::default();
    settings.learning = Some(LearningSpec {
        model,
        seed: 1,
        rule,
        update: UpdateRule::PerBatch,
        batch: 1,
        samples: Some((numbers, classes)),
    });
    let policy = PolicyKind::Exact.build(Settings::default(), 1).expect("a policy");
    let mut threads = Threads::start(&members(&scenario), Clock::pretended()).expect("threads");
    let coordinator = threads.coordinator().expect("a run");
    let trained = train(&scenario, policy, coordinator, &settings, |_, _| ControlFlow::Continue(())).expect("a run");
    assert!(trained.ended.is_none(), "{:?}", trained.ended);
    for slot in trained.record.slots.iter().filter(|slot| slot.planned().is_some()) {
        let measured = slot.measured.as_ref().expect("executed");
        assert!(measured.loss.is_some_and(f64::is_finite), "{measured:?}");
        let planned_s = slot.planned().expect("planned").latency_s.0;
        assert!((measured.latency_s.0 / planned_s - 1.0).abs() < 1e-9);
    }
    let units: Vec<&Vec<f32>> =
        trained.parts.iter().filter(|(node, _)| node.node == 0).map(|(_, values)| values).collect();
    assert_eq!(units.len(), 2);
    assert_eq!(units[0], units[1]);
    assert!(units[0].iter().all(|value| value.is_finite()));
}
