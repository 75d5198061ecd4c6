//! What a model learns does not depend on how its training was planned.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use collapipe::instances::InstanceSize;
use collapipe::model::{Family, Head, ModelPreset, TransformerSpec};
use collapipe::schedule::{ScheduleKind, Sending};
use collapipe::solver::{Settings, solve};
use collapipe_engine::data::VOCABULARY;
use collapipe_engine::emulate::Clock;
use collapipe_engine::nn::{Model, Optimizer, Rule, Shape};
use collapipe_engine::roles::{Pace, Parts, RoundOrder, Threads};
use collapipe_engine::wire::Address;
use collapipe_engine::work::{LearningSpec, WorkSpec};

const BATCH: usize = 8;
const TOKENS: u32 = 6;
const BLOCKS: u32 = 4;
const RULE: Rule = Rule::Sgd { rate: 0.05, momentum: 0.9 };

fn transformer() -> TransformerSpec {
    let mut spec = ModelPreset::BertTiny.spec(TOKENS);
    (spec.layers, spec.width, spec.heads, spec.feed_forward) = (BLOCKS, 8, 2, 16);
    spec.family =
        Family::Encoder { vocabulary: VOCABULARY as u32, max_positions: TOKENS, token_types: 0, pooler: true };
    spec.head = Head::Classifier { classes: 3 };
    spec
}

fn samples() -> (Vec<u32>, Vec<u32>) {
    let count = 40_u32;
    let numbers = (0..count * TOKENS).map(|i| (i * i + 7 * i / 3) % 60).collect();
    (numbers, (0..count).map(|i| (i * i / 5) % 3).collect())
}

fn learning() -> LearningSpec {
    LearningSpec { model: transformer(), seed: 3, rule: RULE, batch: BATCH, samples: Some(samples()) }
}

/// A pipeline with these segments.
fn order(sizes: &[u32], kind: ScheduleKind, sending: Sending, micro_batches: u32) -> RoundOrder {
    let size = InstanceSize { devices: sizes.len(), clusters: 1, blocks: BLOCKS, ..InstanceSize::default() };
    let problem = size.sample(1).expect("an instance");
    let solution = solve(&problem, &Settings::default()).expect("a solution");
    let mut decision = solution.certified().expect("feasible").decision.clone();
    decision.clusters[0].sizes = sizes.to_vec();
    let mut order = RoundOrder::synthetic(&problem, &decision, Pace::Emulated { scale: 1.0 }).expect("an order");
    let plan = &mut order.clusters[0].plan;
    (plan.schedule, plan.micro_batches, plan.local_iterations) = (kind, micro_batches, 3);
    order.work = vec![WorkSpec::Learning(Box::new(learning()))];
    order.sending(sending)
}

/// All parameters (and states of optimizers) after two rounds, and the loss of the last batch.
fn trained(order: &RoundOrder) -> (Vec<f32>, f64) {
    let mut threads = Threads::start(&order.members(), Clock::pretended()).expect("threads");
    let coordinator = threads.coordinator().expect("a run");
    coordinator.round(order, &Parts::new()).expect("a round");
    let round = coordinator.round(order, &Parts::new()).expect("a round");
    let server = order.clusters[0].upload.to.0;
    let ends = [0, server].map(|node| Address { cluster: 0, node });
    let parts = coordinator.gather(order, &ends).expect("a model");
    (parts.into_values().flatten().collect(), round.learned().expect("a loss").loss)
}

#[test]
fn parameters_are_the_same_bits_for_all_segments_schedules_and_overlaps() {
    let (expected, loss) = trained(&order(&[2, 2], ScheduleKind::FillDrain, Sending::Overlapped, 4));
    assert!(loss.is_finite() && expected.iter().all(|value| value.is_finite()));
    let schedules =
        [ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward, ScheduleKind::EagerOneForwardOneBackward];
    for sizes in [&[4][..], &[1, 3], &[3, 1], &[1, 1, 1, 1]] {
        for (kind, sending) in schedules.into_iter().zip([Sending::Blocking, Sending::Overlapped, Sending::Medium]) {
            let (found, _) = trained(&order(sizes, kind, sending, 4));
            assert_eq!(found.len(), expected.len());
            let same = found.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{sizes:?}, {kind}, {sending}");
        }
    }
}

#[test]
fn micro_batches_change_parameters_by_rounding_alone() {
    let (expected, _) = trained(&order(&[2, 2], ScheduleKind::FillDrain, Sending::Overlapped, 1));
    for micro_batches in [2, 4, 8] {
        let (found, _) = trained(&order(&[2, 2], ScheduleKind::FillDrain, Sending::Overlapped, micro_batches));
        let largest = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 1e-5, "M = {micro_batches}: {largest}");
    }
}

#[test]
fn a_pipeline_does_what_one_machine_does() {
    let model = Model::new(&transformer()).expect("a model");
    let spec = learning();
    let fresh = |parameters: Vec<f32>| {
        let (gradients, optimizer) = (vec![0.0_f32; parameters.len()], Optimizer::new(RULE, parameters.len()));
        (parameters, gradients, optimizer)
    };
    let mut parts = vec![fresh(model.draw_embedding(spec.seed))];
    parts.extend((0..model.blocks).map(|block| fresh(model.draw_block(spec.seed, block))));
    parts.push(fresh(model.draw_head(spec.seed)));
    let (numbers, classes) = samples();
    let data = collapipe_engine::data::Samples { tokens: TOKENS as usize, numbers, classes };
    let shape = Shape { samples: BATCH, tokens: TOKENS as usize };
    for batch in 0..6 {
        let (tokens, classes) = data.batch(batch, BATCH);
        let [embedding, blocks @ .., head] = parts.as_mut_slice() else { panic!("three parts") };
        let (mut at, of_embedding) = model.embedding.forward(&embedding.0, tokens, shape);
        let mut saved = Vec::new();
        for block in blocks.iter() {
            let (next, of_block) = model.block.forward(&block.0, at, shape);
            saved.push(of_block);
            at = next;
        }
        let (_, of_head) = model.head.forward(&head.0, &at, &classes, BATCH, shape);
        let mut back = model.head.backward(&head.0, &of_head, shape, &mut head.1);
        for (block, saved) in blocks.iter_mut().zip(&saved).rev() {
            back = model.block.backward(&block.0, saved, back, shape, &mut block.1);
        }
        model.embedding.backward(&embedding.0, &of_embedding, back, shape, &mut embedding.1);
        for (parameters, gradients, optimizer) in &mut parts {
            optimizer.step(parameters, gradients);
            gradients.fill(0.0);
        }
    }
    let numbers = |part: &(Vec<f32>, Vec<f32>, Optimizer<f32>)| [part.0.clone(), part.2.state()].concat();
    let (head, others) = parts.split_last().expect("parts");
    let mut expected: Vec<f32> = others.iter().flat_map(numbers).collect();
    expected.push(6.0);
    expected.extend(numbers(head));
    expected.push(6.0);
    for (micro_batches, tolerance) in [(1, 1e-7), (4, 1e-5)] {
        let (found, _) =
            trained(&order(&[1, 3], ScheduleKind::OneForwardOneBackward, Sending::Overlapped, micro_batches));
        assert_eq!(found.len(), expected.len());
        let largest = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < tolerance, "M = {micro_batches}: {largest}");
    }
}
