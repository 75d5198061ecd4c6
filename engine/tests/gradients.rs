//! Hand-written backward passes against central differences, and what splitting a batch or a model may not change.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use collapipe::model::{Family, Head, ModelPreset, Optimizer as StateKind, Transformer, TransformerSpec};
use collapipe_engine::nn::{Loss, Model, Optimizer, Real, Rule, Shape};
use proptest::prelude::*;

fn spec(width: u32, heads: u32, feed_forward: u32, layers: u32, tokens: u32, classes: u32) -> TransformerSpec {
    let mut spec = ModelPreset::BertTiny.spec(tokens);
    (spec.width, spec.heads, spec.feed_forward, spec.layers) = (width, heads, feed_forward, layers);
    spec.family = Family::Encoder { vocabulary: 11, max_positions: tokens, token_types: 2, pooler: true };
    spec.head = Head::Classifier { classes };
    spec
}

/// All parameters of a model, by part.
struct Parts<T> {
    embedding: Vec<T>,
    blocks: Vec<Vec<T>>,
    head: Vec<T>,
}

impl<T: Real> Parts<T> {
    /// Numbers of size 1 rather than the small ones that training begins with, where many terms would vanish.
    fn draw(model: &Model, seed: u64) -> Self {
        let spread = |mut part: Vec<T>, factor: f64| {
            // The scales of normalizations stay 1.
            part.iter_mut().filter(|value| **value != T::one()).for_each(|value| *value *= T::of(factor));
            part
        };
        Self {
            embedding: spread(model.draw_embedding(seed), 50.0),
            blocks: (0..model.blocks).map(|block| spread(model.draw_block(seed, block), 20.0)).collect(),
            head: spread(model.draw_head(seed), 20.0),
        }
    }

    fn zeros(model: &Model) -> Self {
        Self {
            embedding: vec![T::zero(); model.embedding.count()],
            blocks: vec![vec![T::zero(); model.block.count()]; model.blocks],
            head: vec![T::zero(); model.head.count()],
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut T> {
        self.embedding.iter_mut().chain(self.blocks.iter_mut().flatten()).chain(&mut self.head)
    }

    fn flat(mut self) -> Vec<T> {
        self.all().map(|value| *value).collect()
    }
}

fn loss<T: Real>(model: &Model, parts: &Parts<T>, tokens: &[u32], classes: &[u32]) -> Loss {
    let shape = Shape { samples: classes.len(), tokens: model.tokens };
    let (mut at, _) = model.embedding.forward(&parts.embedding, tokens.to_vec(), shape);
    for block in &parts.blocks {
        at = model.block.forward(block, at, shape).0;
    }
    model.head.forward(&parts.head, &at, classes, classes.len(), shape).0
}

/// Loss and gradients of some samples of a batch of `batch`.
fn learn<T: Real>(
    model: &Model,
    parts: &Parts<T>,
    tokens: &[u32],
    classes: &[u32],
    batch: usize,
    gradients: &mut Parts<T>,
) -> Loss {
    let shape = Shape { samples: classes.len(), tokens: model.tokens };
    let (mut at, of_embedding) = model.embedding.forward(&parts.embedding, tokens.to_vec(), shape);
    let mut of_blocks = Vec::new();
    for block in &parts.blocks {
        let (next, saved) = model.block.forward(block, at, shape);
        of_blocks.push(saved);
        at = next;
    }
    let (loss, of_head) = model.head.forward(&parts.head, &at, classes, batch, shape);
    let mut back = model.head.backward(&parts.head, &of_head, shape, &mut gradients.head);
    for ((block, saved), gradients) in parts.blocks.iter().zip(&of_blocks).zip(&mut gradients.blocks).rev() {
        back = model.block.backward(block, saved, back, shape, gradients);
    }
    model.embedding.backward(&parts.embedding, &of_embedding, back, shape, &mut gradients.embedding);
    loss
}

fn samples(model: &Model, count: usize, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let mix = |at: usize| (at as u64).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed) >> 33;
    let tokens = (0..count * model.tokens).map(|at| (mix(at) % model.embedding.vocabulary() as u64) as u32).collect();
    let classes = (0..count).map(|at| (mix(at + 7_777) % model.classes as u64) as u32).collect();
    (tokens, classes)
}

/// Every coordinate's gradient within 1e-8 of a central difference, relative to the largest coordinate.
fn check_gradients(spec: &TransformerSpec, count: usize, seed: u64) {
    let model = Model::new(spec).expect("a model");
    let mut parts = Parts::<f64>::draw(&model, seed);
    let (tokens, classes) = samples(&model, count, seed);
    let mut gradients = Parts::zeros(&model);
    let _ = learn(&model, &parts, &tokens, &classes, count, &mut gradients);
    let gradients = gradients.flat();
    let scale = gradients.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    assert!(scale > 1e-3, "gradients that vanish prove nothing: {scale}");
    for (place, gradient) in gradients.iter().enumerate() {
        let mut at = |offset: f64| {
            let value = parts.all().nth(place).expect("a parameter");
            let before = *value;
            *value += offset;
            let mean = loss(&model, &parts, &tokens, &classes).mean();
            *parts.all().nth(place).expect("a parameter") = before;
            mean
        };
        // Of fourth order. A long step suffers from curvature, a short one from rounding: one of them is near the truth.
        let errors = [2e-3, 4e-4, 8e-5].map(|step| {
            let difference = (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step);
            (gradient - difference).abs() / scale
        });
        let error = errors.into_iter().fold(f64::INFINITY, f64::min);
        assert!(error <= 1e-8, "parameter {place}: {gradient} is off by {errors:?} of {scale}");
    }
}

#[test]
fn every_gradient_is_the_difference_quotient() {
    check_gradients(&spec(4, 2, 6, 2, 3, 3), 2, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn of_any_shape(
        (heads, size) in (1_u32..4, 1_u32..4),
        feed_forward in 1_u32..7,
        layers in 1_u32..3,
        tokens in 1_u32..5,
        classes in 2_u32..4,
        count in 1_usize..4,
        seed: u64,
    ) {
        // One number per token is always normalized to 0, whatever it was.
        prop_assume!(heads * size > 2);
        check_gradients(&spec(heads * size, heads, feed_forward, layers, tokens, classes), count, seed);
    }
}

#[test]
fn micro_batches_add_up_to_the_batch() {
    let model = Model::new(&spec(8, 2, 16, 2, 5, 3)).expect("a model");
    let (tokens, classes) = samples(&model, 8, 3);
    fn run<T: Real>(model: &Model, tokens: &[u32], classes: &[u32], pieces: usize) -> (Vec<f64>, f64) {
        let parts = Parts::<T>::draw(model, 5);
        let (mut gradients, mut sum) = (Parts::zeros(model), Loss::default());
        let size = classes.len() / pieces;
        for (tokens, classes) in tokens.chunks(size * model.tokens).zip(classes.chunks(size)) {
            sum += learn(model, &parts, tokens, classes, 8, &mut gradients);
        }
        (gradients.flat().into_iter().map(Real::to_f64).collect(), sum.mean())
    }
    for (pieces, [double, single]) in [(2, [1e-14, 1e-6]), (4, [1e-14, 1e-6]), (8, [1e-14, 1e-6])] {
        let check = |(whole, loss): (Vec<f64>, f64), (split, of_split): (Vec<f64>, f64), tolerance: f64| {
            let norm = |of: &mut dyn Iterator<Item = f64>| of.map(|value| value * value).sum::<f64>().sqrt();
            let error = norm(&mut whole.iter().zip(&split).map(|(a, b)| a - b)) / norm(&mut whole.iter().copied());
            assert!(error <= tolerance, "{pieces} pieces: {error:e} of the gradient's norm");
            assert!((loss - of_split).abs() <= tolerance * loss.abs());
        };
        check(run::<f64>(&model, &tokens, &classes, 1), run::<f64>(&model, &tokens, &classes, pieces), double);
        check(run::<f32>(&model, &tokens, &classes, 1), run::<f32>(&model, &tokens, &classes, pieces), single);
    }
}

#[test]
fn allocated_parameters_are_those_that_the_planner_counts() {
    for preset in [ModelPreset::BertTiny, ModelPreset::BertMini, ModelPreset::BertBase] {
        let mut spec = preset.spec(16);
        spec.head = Head::Classifier { classes: 4 };
        let model = Model::new(&spec).expect("a model");
        let costs = Transformer::new(spec).expect("a model").costs();
        assert_eq!(model.block.count() as u64, costs.parameters.per_block, "{preset:?}");
        assert_eq!(model.embedding.count() as u64, costs.embedding.parameters, "{preset:?}");
        assert_eq!(model.head.count() as u64, costs.decoder.parameters, "{preset:?}");
        let state = Optimizer::<f32>::new(Rule::AdamW { rate: 1e-3, decay: 0.0 }, model.block.count());
        let per_parameter = StateKind::AdamW.state_bytes_per_parameter(Default::default());
        // The count of steps is one number more.
        assert_eq!(state.bytes(), per_parameter * model.block.count() as u64 + 4);
    }
}

#[test]
fn updates_are_the_published_ones() {
    // SGD with momentum by hand: m = 1, then 0.9 + 2.
    let mut of = vec![1.0_f64];
    let mut sgd = Optimizer::new(Rule::Sgd { rate: 0.1, momentum: 0.9 }, 1);
    sgd.step(&mut of, &[1.0]);
    sgd.step(&mut of, &[2.0]);
    assert!((of[0] - (1.0 - 0.1 - 0.29)).abs() < 1e-15);
    // AdamW: the first step is the rate whatever the gradient's size, beside the decay of 0.1 · 0.01 · 1.
    for gradient in [1e-3, 5.0] {
        let mut of = vec![1.0_f64];
        Optimizer::new(Rule::AdamW { rate: 0.1, decay: 0.01 }, 1).step(&mut of, &[gradient]);
        assert!((of[0] - (1.0 - 0.1 - 0.001)).abs() < 1e-6, "{}", of[0]);
    }
    // Two steps with gradients 1 and 3, worked out from the paper's algorithm.
    let mut of = vec![0.0_f64];
    let mut adam = Optimizer::new(Rule::AdamW { rate: 1.0, decay: 0.0 }, 1);
    adam.step(&mut of, &[1.0]);
    adam.step(&mut of, &[3.0]);
    let (mean, square) = ((0.9 * 0.1 + 0.1 * 3.0) / (1.0 - 0.81), (0.999 * 0.001 + 0.001 * 9.0) / (1.0 - 0.998_001));
    assert!((of[0] - (-1.0 - mean / f64::sqrt(square))).abs() < 1e-6, "{}", of[0]);
}

proptest! {
    /// Parameters and gradients cut at any place, each piece with an optimizer of its own: the same bits as uncut.
    #[test]
    fn updates_do_not_depend_on_the_cut(
        numbers in prop::collection::vec((-2.0_f32..2.0, -1.0_f32..1.0), 1..40),
        place in any::<prop::sample::Index>(),
        rule in prop_oneof![
            Just(Rule::Sgd { rate: 0.1, momentum: 0.0 }),
            Just(Rule::Sgd { rate: 0.1, momentum: 0.9 }),
            Just(Rule::AdamW { rate: 0.01, decay: 0.1 }),
        ],
    ) {
        let cut = place.index(numbers.len() + 1);
        let (mut whole, gradients): (Vec<f32>, Vec<f32>) = numbers.into_iter().unzip();
        let (mut left, mut right) = (whole[..cut].to_vec(), whole[cut..].to_vec());
        let mut of_whole = Optimizer::new(rule, whole.len());
        let (mut of_left, mut of_right) = (Optimizer::new(rule, left.len()), Optimizer::new(rule, right.len()));
        for _ in 0..3 {
            of_whole.step(&mut whole, &gradients);
            of_left.step(&mut left, &gradients[..cut]);
            of_right.step(&mut right, &gradients[cut..]);
        }
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&whole), bits(&[left, right].concat()));
    }
}

#[test]
fn a_state_goes_with_its_part() {
    let rule = Rule::AdamW { rate: 0.01, decay: 0.1 };
    let (mut one, mut parameters) = (Optimizer::<f32>::new(rule, 3), vec![0.1_f32, 0.2, 0.3]);
    one.step(&mut parameters, &[1.0, -1.0, 0.5]);
    let mut other = Optimizer::<f32>::new(rule, 3);
    assert!(other.restore(&one.state()));
    assert_eq!(one.state().len(), Optimizer::<f32>::state_len(rule, 3));
    let mut copy = parameters.clone();
    one.step(&mut parameters, &[0.3, 0.2, 0.1]);
    other.step(&mut copy, &[0.3, 0.2, 0.1]);
    assert_eq!(parameters, copy);
    assert!(!other.restore(&[1.0]));
}

#[test]
fn what_is_not_trained_here_is_refused_by_name() {
    let refused = |spec: &TransformerSpec| Model::new(spec).map(|_| ()).unwrap_err().to_string();
    assert!(refused(&ModelPreset::Gpt2.spec(16)).contains("model.family"));
    let mut spec = spec(4, 2, 6, 1, 3, 3);
    spec.head = Head::LanguageModel {};
    assert!(refused(&spec).contains("model.head"));
    spec.heads = 3;
    assert!(refused(&spec).contains("width"));
    for rule in [
        Rule::Sgd { rate: 0.0, momentum: 0.0 },
        Rule::Sgd { rate: f64::NAN, momentum: 0.0 },
        Rule::Sgd { rate: 0.1, momentum: 1.0 },
        Rule::AdamW { rate: 0.1, decay: -1.0 },
    ] {
        assert!(rule.validate().is_err(), "{rule:?}");
    }
}
