//! What a model learns does not depend on how its training was planned.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use collapipe::instances::InstanceSize;
use collapipe::model::{Family, Head, ModelPreset, TransformerSpec};
use collapipe::problem::SlotProblem;
use collapipe::schedule::{ScheduleKind, Sending};
use collapipe::solver::{Settings, solve};
use collapipe_engine::data::{Samples, VOCABULARY};
use collapipe_engine::emulate::Clock;
use collapipe_engine::nn::{IGNORED, Loss, Model, Optimizer, Rule};
use collapipe_engine::roles::{Pace, Parts, RoundOrder, Threads};
use collapipe_engine::wire::Address;
use collapipe_engine::work::{LearningSpec, UpdateRule, WorkSpec};

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
    LearningSpec {
        model: transformer(),
        seed: 3,
        rule: RULE,
        update: UpdateRule::PerBatch,
        batch: BATCH,
        samples: Some(samples()),
    }
}

/// Masked tokens, next tokens, and translation: with targets that are not asked for, of which micro-batches have different numbers.
fn other_heads() -> [LearningSpec; 3] {
    let (vocabulary, max_positions) = (VOCABULARY as u32, TOKENS);
    let families = [
        Family::Encoder { vocabulary, max_positions, token_types: 0, pooler: true },
        Family::Decoder { vocabulary, max_positions },
        Family::EncoderDecoder { vocabulary, decoder_layers: 2, target_length: 5 },
    ];
    families.map(|family| {
        let model = TransformerSpec { family, head: Head::LanguageModel {}, ..transformer() };
        let (numbers, _) = samples();
        let count = numbers.len() / TOKENS as usize * Model::new(&model).expect("a model").targets();
        let target = |i: usize| if (i * i / 7).is_multiple_of(3) { IGNORED } else { (i * i + i / 2) as u32 % 50 };
        let samples = Some((numbers, (0..count).map(target).collect()));
        LearningSpec { model, samples, ..learning() }
    })
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

/// What one machine does, part by part: parameters, and the state of every optimizer.
struct Machine {
    model: Model,
    parts: Vec<Vec<f32>>,
    optimizers: Vec<Optimizer<f32>>,
}

impl Machine {
    fn new(spec: &LearningSpec) -> Self {
        let model = Model::new(&spec.model).expect("a model");
        let parts: Vec<Vec<f32>> = model.draw(spec.seed);
        let optimizers = parts.iter().map(|part| Optimizer::new(spec.rule, part.len())).collect();
        Self { model, parts, optimizers }
    }

    fn step(&mut self, gradients: &[Vec<f32>]) {
        for ((part, optimizer), gradient) in self.parts.iter_mut().zip(&mut self.optimizers).zip(gradients) {
            optimizer.step(part, gradient);
        }
    }

    /// As a pipeline's ends give it after so many batches: control unit, then edge server.
    fn numbers(&self, batches: f32) -> Vec<f32> {
        let of = self.parts.iter().zip(&self.optimizers).map(|(part, of)| [part.clone(), of.state()].concat());
        let mut all: Vec<Vec<f32>> = of.collect();
        let head = all.pop().expect("a head");
        [all.concat(), vec![batches], head, vec![batches]].concat()
    }
}

fn data_of(spec: &LearningSpec) -> Samples {
    let (numbers, targets) = spec.samples.clone().expect("samples");
    Samples { tokens: TOKENS as usize, numbers, targets }
}

fn data() -> Samples {
    data_of(&learning())
}

fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_pipeline_does_what_one_machine_does() {
    let mut machine = Machine::new(&learning());
    for batch in 0..6 {
        let (tokens, classes) = data().batch(batch, BATCH);
        let (_, gradients) = machine.model.gradient(&machine.parts, &tokens, &classes).expect("all parts");
        machine.step(&gradients);
    }
    let expected = machine.numbers(6.0);
    for (micro_batches, tolerance) in [(1, 1e-7), (4, 1e-5)] {
        let (found, _) =
            trained(&order(&[1, 3], ScheduleKind::OneForwardOneBackward, Sending::Overlapped, micro_batches));
        let largest = largest_difference(&found, &expected);
        assert!(largest < tolerance, "M = {micro_batches}: {largest}");
    }
}

/// The same of heads over tokens: what the edge server is told of a batch, and a decoder's gradient of the encoder's output, are in it.
#[test]
fn so_do_language_models_and_translators() {
    for spec in other_heads() {
        let data = data_of(&spec);
        let mut machine = Machine::new(&spec);
        let mut last = 0.0;
        for batch in 0..6 {
            let (tokens, targets) = data.batch(batch, BATCH);
            let (loss, gradients) = machine.model.gradient(&machine.parts, &tokens, &targets).expect("all parts");
            machine.step(&gradients);
            last = loss.mean();
        }
        let expected = machine.numbers(6.0);
        let train = |sizes: &[u32], kind, sending, micro_batches| {
            let mut order = order(sizes, kind, sending, micro_batches);
            order.work = vec![WorkSpec::Learning(Box::new(spec.clone()))];
            trained(&order)
        };
        let one_by_one = ScheduleKind::OneForwardOneBackward;
        for (micro_batches, tolerance) in [(1, 1e-7), (4, 1e-5)] {
            let (found, loss) = train(&[1, 3], one_by_one, Sending::Overlapped, micro_batches);
            let largest = largest_difference(&found, &expected);
            assert!(largest < tolerance, "{:?}, M = {micro_batches}: {largest}", spec.model.family);
            assert!((loss - last).abs() < 1e-5, "{:?}: {loss} {last}", spec.model.family);
        }
        // Bit for bit over segments, schedules and overlaps, alone on the machine or beside others.
        let (expected, _) = train(&[2, 2], ScheduleKind::FillDrain, Sending::Overlapped, 4);
        let plans = [
            (&[4][..], ScheduleKind::FillDrain, Sending::Blocking),
            (&[1, 3], one_by_one, Sending::Overlapped),
            (&[3, 1], ScheduleKind::EagerOneForwardOneBackward, Sending::Medium),
            (&[1, 1, 1, 1], one_by_one, Sending::Blocking),
        ];
        let train = &train;
        std::thread::scope(|threads| {
            let beside = plans.map(|(sizes, kind, sending)| {
                (threads.spawn(move || train(sizes, kind, sending, 4)), format!("{sizes:?}, {kind}, {sending}"))
            });
            for (thread, plan) in beside {
                let (found, _) = thread.join().expect("a run");
                assert_eq!(found.len(), expected.len());
                let same = found.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{:?}: {plan}", spec.model.family);
            }
        });
    }
}

/// With one forward, one backward, stage p of P has min(P − 1 − p, M − 1) micro-batches ahead: the forward pass of
/// micro-batch m, and so its gradient, uses the parameters of so many updates before.
#[test]
fn updates_per_micro_batch_use_stashed_parameters_of_the_schedules_ages() {
    const M: u32 = 4;
    let spec = LearningSpec { update: UpdateRule::PerMicroBatch, ..learning() };
    let mut order = order(&[1, 3], ScheduleKind::OneForwardOneBackward, Sending::Overlapped, M);
    order.work = vec![WorkSpec::Learning(Box::new(spec.clone()))];
    let (found, _) = trained(&order);
    let mut machine = Machine::new(&spec);
    // Embedding; block 0; blocks 1 to 3; head.
    let stage_of = [0, 1, 2, 2, 2, 3];
    for batch in 0..6 {
        let (tokens, classes) = data().batch(batch, BATCH);
        let samples = BATCH / M as usize;
        let mut versions = vec![machine.parts.clone()];
        for m in 0..M as usize {
            let parts: Vec<Vec<f32>> = (0..machine.parts.len())
                .map(|part| versions[m.saturating_sub((3_usize - stage_of[part]).min(M as usize - 1))][part].clone())
                .collect();
            let tokens = &tokens[m * samples * TOKENS as usize..(m + 1) * samples * TOKENS as usize];
            let of = &classes[m * samples..(m + 1) * samples];
            let (_, gradients) = machine.model.gradient(&parts, tokens, of).expect("all parts");
            machine.step(&gradients);
            versions.push(machine.parts.clone());
        }
    }
    let largest = largest_difference(&found, &machine.numbers(6.0));
    assert!(largest < 1e-6, "{largest}");
    let (flushed, _) = trained(&self::order(&[1, 3], ScheduleKind::OneForwardOneBackward, Sending::Overlapped, M));
    assert!(largest_difference(&found, &flushed) > 1e-3, "updates per micro-batch are not those per batch");
}

/// All gradients of a batch are taken at its first parameters: M updates are one of M times the size.
#[test]
fn fill_drain_makes_one_large_update_of_those_per_micro_batch() {
    let with = |rate: f64, update| {
        let rule = Rule::Sgd { rate, momentum: 0.0 };
        let mut order = order(&[2, 2], ScheduleKind::FillDrain, Sending::Overlapped, 4);
        order.work = vec![WorkSpec::Learning(Box::new(LearningSpec { rule, update, ..learning() }))];
        let (numbers, _) = trained(&order);
        // The number of updates differs.
        numbers.into_iter().filter(|number| *number != 6.0 && *number != 24.0).collect::<Vec<_>>()
    };
    let largest = largest_difference(&with(0.05, UpdateRule::PerMicroBatch), &with(0.2, UpdateRule::PerBatch));
    assert!(largest < 1e-5, "{largest}");
}

/// Where micro-batches have different numbers of targets, each update is by the mean over its own.
#[test]
fn updates_per_micro_batch_are_means_over_its_own_targets() {
    const M: usize = 4;
    for spec in other_heads() {
        let rule = Rule::Sgd { rate: 0.05, momentum: 0.0 };
        let spec = LearningSpec { update: UpdateRule::PerMicroBatch, rule, ..spec };
        let mut order = order(&[2, 2], ScheduleKind::FillDrain, Sending::Overlapped, M as u32);
        order.work = vec![WorkSpec::Learning(Box::new(spec.clone()))];
        let (found, _) = trained(&order);
        let mut machine = Machine::new(&spec);
        for batch in 0..6 {
            let (tokens, targets) = data_of(&spec).batch(batch, BATCH);
            let first = machine.parts.clone();
            for (tokens, targets) in tokens.chunks(tokens.len() / M).zip(targets.chunks(targets.len() / M)) {
                let (_, gradients) = machine.model.gradient(&first, tokens, targets).expect("all parts");
                machine.step(&gradients);
            }
        }
        let largest = largest_difference(&found, &machine.numbers(6.0));
        assert!(largest < 1e-5, "{:?}: {largest}", spec.model.family);
    }
}

#[test]
fn whole_models_become_the_mean_of_what_each_device_learns_alone() {
    let size = InstanceSize { devices: 2, clusters: 1, blocks: BLOCKS, ..InstanceSize::default() };
    let problem = size.sample(1).expect("an instance");
    let mut spec = problem.into_spec();
    spec.clusters[0].batch_size = BATCH as u32;
    spec.plans.truncate(1);
    let problem = SlotProblem::new(spec).expect("a problem");
    let mut order = RoundOrder::whole_models(&problem, 0, Pace::Emulated { scale: 1.0 }).expect("an order");
    (order.clusters[0].plan.micro_batches, order.clusters[0].plan.local_iterations) = (2, 3);
    for spec in std::iter::once(learning()).chain(other_heads()) {
        order.work = vec![WorkSpec::Learning(Box::new(spec.clone()))];
        becomes_the_mean(&order, &spec);
    }
}

fn becomes_the_mean(order: &RoundOrder, spec: &LearningSpec) {
    let (found, loss) = trained(order);
    let mut mean = Machine::new(spec);
    let mut last = [Loss::default(); 2];
    for round in 0..2 {
        let devices: Vec<Machine> = (0..2)
            .map(|device| {
                let data = data_of(spec).part(device, 2);
                let mut own = Machine {
                    model: mean.model.clone(),
                    parts: mean.parts.clone(),
                    optimizers: mean.optimizers.clone(),
                };
                for iteration in 0..3 {
                    let (tokens, classes) = data.batch(3 * round + iteration, BATCH / 2);
                    let (loss, gradients) = own.model.gradient(&own.parts, &tokens, &classes).expect("all parts");
                    own.step(&gradients);
                    last[device] = loss;
                }
                own
            })
            .collect();
        let half = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| 0.5 * (a + b)).collect::<Vec<f32>>();
        for part in 0..mean.parts.len() {
            mean.parts[part] = half(&devices[0].parts[part], &devices[1].parts[part]);
            let state = half(&devices[0].optimizers[part].state(), &devices[1].optimizers[part].state());
            assert!(mean.optimizers[part].restore(&state));
        }
    }
    // The control unit has the whole model, the edge server nothing of its own.
    let of = mean.parts.iter().zip(&mean.optimizers).map(|(part, of)| [part.clone(), of.state()].concat());
    let mut expected: Vec<f32> = of.flatten().collect();
    // Both know how far the devices are in their data.
    expected.extend([6.0, 0.0]);
    let largest = largest_difference(&found, &expected);
    assert!(largest < 5e-6, "{largest}");
    let counted = (last[0].counted + last[1].counted) as f64;
    assert!((loss - (last[0].sum + last[1].sum) / counted).abs() < 1e-6, "{loss} {last:?}");
}
