//! Hand-written backward passes against central differences, and what splitting a batch or a model may not change.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use collapipe::model::{Family, Head, ModelPreset, Optimizer as StateKind, Transformer, TransformerSpec};
use collapipe_engine::nn::{IGNORED, Loss, Model, Optimizer, Real, Rule, Shape};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn spec(width: u32, heads: u32, feed_forward: u32, layers: u32, tokens: u32, classes: u32) -> TransformerSpec {
    let mut spec = ModelPreset::BertTiny.spec(tokens);
    (spec.width, spec.heads, spec.feed_forward, spec.layers) = (width, heads, feed_forward, layers);
    spec.family = Family::Encoder { vocabulary: 11, max_positions: tokens, token_types: 2, pooler: true };
    spec.head = Head::Classifier { classes };
    spec
}

/// The kinds of models that are trained, by what they are asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Classes,
    Masked,
    NextToken,
    LastToken,
    Translation { layers: u32, target: u32 },
}

impl Kind {
    fn all(layers: u32, target: u32) -> [Self; 5] {
        [Self::Classes, Self::Masked, Self::NextToken, Self::LastToken, Self::Translation { layers, target }]
    }

    /// The same sizes for a model of this kind.
    fn of(self, mut spec: TransformerSpec, pooler: bool) -> TransformerSpec {
        let (vocabulary, max_positions) = (11, spec.sequence_length);
        let encoder = Family::Encoder { vocabulary, max_positions, token_types: u32::from(pooler), pooler };
        let decoder = Family::Decoder { vocabulary, max_positions };
        let language = Head::LanguageModel {};
        (spec.family, spec.head) = match self {
            Self::Classes => (encoder, spec.head),
            Self::Masked => (encoder, language),
            Self::NextToken => (decoder, language),
            Self::LastToken => (decoder, spec.head),
            Self::Translation { layers, target } => {
                (Family::EncoderDecoder { vocabulary, decoder_layers: layers, target_length: target }, language)
            }
        };
        spec
    }
}

/// All parameters of a model, by part.
struct Parts<T> {
    embedding: Vec<T>,
    blocks: Vec<Vec<T>>,
    head: Vec<T>,
}

impl<T: Real> Parts<T> {
    /// Numbers of size 1 rather than the small ones and zeros that training begins with, where many terms would vanish; scales of
    /// normalizations are around 1.
    fn draw(model: &Model, seed: u64) -> Self {
        let mut at = 0_u64;
        let mut spread = |mut part: Vec<T>| {
            for value in &mut part {
                at += 1;
                let unit = (hash(at, seed) % 20_001) as f64 / 10_000.0 - 1.0;
                let around = if *value == T::one() { 1.0 } else { 0.0 };
                *value = T::of(around + 0.7 * unit);
            }
            part
        };
        Self {
            embedding: spread(model.draw_embedding(seed)),
            blocks: (0..model.blocks).map(|block| spread(model.draw_block(seed, block))).collect(),
            head: spread(model.draw_head(seed)),
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

fn counted(targets: &[u32]) -> usize {
    targets.iter().filter(|target| **target != IGNORED).count()
}

fn loss<T: Real>(model: &Model, parts: &Parts<T>, tokens: &[u32], targets: &[u32]) -> Loss {
    let shape = Shape { samples: tokens.len() / model.tokens, tokens: model.tokens };
    let (mut at, _) = model.embedding.forward(&parts.embedding, tokens.to_vec(), shape);
    for block in &parts.blocks {
        at = model.block.forward(block, at, shape).0;
    }
    model.head.forward(&parts.head, &at, targets, counted(targets), shape).0
}

/// Loss and gradients of some samples of a batch with so many targets.
fn learn<T: Real>(
    model: &Model,
    parts: &Parts<T>,
    tokens: &[u32],
    targets: &[u32],
    counted: usize,
    gradients: &mut Parts<T>,
) -> Loss {
    let shape = Shape { samples: tokens.len() / model.tokens, tokens: model.tokens };
    let (mut at, of_embedding) = model.embedding.forward(&parts.embedding, tokens.to_vec(), shape);
    let mut of_blocks = Vec::new();
    for block in &parts.blocks {
        let (next, saved) = model.block.forward(block, at, shape);
        of_blocks.push(saved);
        at = next;
    }
    let (loss, of_head) = model.head.forward(&parts.head, &at, targets, counted, shape);
    let mut back = model.head.backward(&parts.head, &of_head, shape, &mut gradients.head);
    for ((block, saved), gradients) in parts.blocks.iter().zip(&of_blocks).zip(&mut gradients.blocks).rev() {
        back = model.block.backward(block, saved, back, shape, gradients);
    }
    model.embedding.backward(&parts.embedding, &of_embedding, back, shape, &mut gradients.embedding);
    loss
}

/// A number that follows from both, and looks like no other one.
fn hash(at: u64, seed: u64) -> u64 {
    let mixed = (at ^ seed.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)) >> 33
}

fn samples(model: &Model, count: usize, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let mix = |at: usize| hash(at as u64, seed);
    let tokens = (0..count * model.tokens).map(|at| (mix(at) % model.embedding.vocabulary() as u64) as u32).collect();
    let target = |at: usize| (mix(at + 7_777) % model.classes as u64) as u32;
    // Of several targets per sample some are not asked for.
    let ignored = |at: usize| model.targets() > 1 && mix(at + 55_555).is_multiple_of(3);
    let targets = (0..count * model.targets()).map(|at| if ignored(at) { IGNORED } else { target(at) });
    (tokens, targets.collect())
}

/// Every coordinate's gradient within 1e-8 of a central difference, relative to the largest coordinate.
fn check_gradients(spec: &TransformerSpec, count: usize, seed: u64) {
    let model = Model::new(spec).expect("a model");
    let mut parts = Parts::<f64>::draw(&model, seed);
    let (tokens, mut targets) = samples(&model, count, seed);
    targets[0] = 1;
    let mut gradients = Parts::zeros(&model);
    let _ = learn(&model, &parts, &tokens, &targets, counted(&targets), &mut gradients);
    let gradients = gradients.flat();
    let scale = gradients.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    assert!(scale > 1e-3, "gradients that vanish prove nothing: {scale}");
    for (place, gradient) in gradients.iter().enumerate() {
        let mut at = |offset: f64| {
            let value = parts.all().nth(place).expect("a parameter");
            let before = *value;
            *value += offset;
            let mean = loss(&model, &parts, &tokens, &targets).mean();
            *parts.all().nth(place).expect("a parameter") = before;
            mean
        };
        // Of fourth order. A long step suffers from curvature, which is sharp where few numbers are normalized, a short one
        // from rounding: one of them is near the truth.
        let errors = [2e-3, 4e-4, 8e-5, 1.6e-5, 3.2e-6].map(|step| {
            let difference = (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step);
            (gradient - difference).abs() / scale
        });
        let error = errors.into_iter().fold(f64::INFINITY, f64::min);
        assert!(error <= 1e-8, "parameter {place}: {gradient} is off by {errors:?} of {scale}");
    }
}

#[test]
fn every_gradient_is_the_difference_quotient() {
    for kind in Kind::all(2, 4) {
        println!("{kind:?}");
        check_gradients(&kind.of(spec(4, 2, 6, 2, 3, 3), true), 2, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]

    #[test]
    fn of_any_shape(
        kind in prop_oneof![
            Just(Kind::Classes),
            Just(Kind::Masked),
            Just(Kind::NextToken),
            Just(Kind::LastToken),
            (1_u32..3, 1_u32..5).prop_map(|(layers, target)| Kind::Translation { layers, target }),
        ],
        pooler: bool,
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
        let spec = spec(heads * size, heads, feed_forward, layers, tokens, classes);
        check_gradients(&kind.of(spec, pooler), count, seed);
    }
}

/// What stands behind a place, in the sample or in another one, has no part in what the place is asked.
#[test]
fn nobody_looks_ahead() {
    for kind in [Kind::NextToken, Kind::Translation { layers: 2, target: 5 }] {
        let model = Model::new(&kind.of(spec(8, 2, 16, 2, 5, 3), false)).expect("a model");
        let parts = Parts::<f64>::draw(&model, 4);
        let (tokens, _) = samples(&model, 3, 9);
        let translated = matches!(kind, Kind::Translation { .. });
        // Of the second sample, what the answer at one place costs when those before it are known.
        let asked = |place: usize, tokens: &[u32], answer: u32| {
            let mut targets = vec![IGNORED; 15];
            targets[5..5 + place].fill(7);
            let before = loss(&model, &parts, tokens, &targets).sum;
            targets[5 + place] = answer;
            loss(&model, &parts, tokens, &targets).sum - before
        };
        for place in 0..5 {
            let expected = asked(place, &tokens, 3);
            for changed in 0..15 {
                let mut tokens = tokens.clone();
                tokens[changed] = (tokens[changed] + 1) % 11;
                let seen = (5..if translated { 10 } else { 6 + place }).contains(&changed);
                let difference = (asked(place, &tokens, 3) - expected).abs();
                assert_eq!(difference > 1e-9, seen, "{kind:?}: place {place}, token {changed}: {difference}");
            }
            // A decoder is told every answer at the next place: if an earlier one saw it, these were no probabilities.
            let sum: f64 = (0..11).map(|answer| (-asked(place, &tokens, answer)).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{kind:?}: place {place}: {sum}");
        }
    }
}

/// The tokens before a place have a part in it, and so has the source.
#[test]
fn a_decoder_looks_at_what_it_was_told_and_at_the_source() {
    let model = Model::new(&Kind::Translation { layers: 1, target: 4 }.of(spec(8, 2, 16, 1, 3, 3), false)).unwrap();
    let parts = Parts::<f64>::draw(&model, 4);
    let of_last = |source: &[u32], told: u32| {
        let all = loss(&model, &parts, source, &[5, told, 6, 2]).sum;
        all - loss(&model, &parts, source, &[5, told, 6, IGNORED]).sum
    };
    let expected = of_last(&[3, 4, 5], 7);
    assert!((of_last(&[3, 4, 6], 7) - expected).abs() > 1e-6);
    assert!((of_last(&[3, 4, 5], 8) - expected).abs() > 1e-6);
}

#[test]
fn micro_batches_add_up_to_the_batch() {
    fn run<T: Real>(model: &Model, tokens: &[u32], targets: &[u32], pieces: usize) -> (Vec<f64>, f64) {
        let parts = Parts::<T>::draw(model, 5);
        let (mut gradients, mut sum) = (Parts::zeros(model), Loss::default());
        let size = tokens.len() / model.tokens / pieces;
        let chunks = tokens.chunks(size * model.tokens).zip(targets.chunks(size * model.targets()));
        for (tokens, of_chunk) in chunks {
            sum += learn(model, &parts, tokens, of_chunk, counted(targets), &mut gradients);
        }
        (gradients.flat().into_iter().map(Real::to_f64).collect(), sum.mean())
    }
    for (kind, pieces) in Kind::all(2, 6).into_iter().flat_map(|kind| [2, 4, 8].map(|pieces| (kind, pieces))) {
        let model = Model::new(&kind.of(spec(8, 2, 16, 2, 5, 3), true)).expect("a model");
        let (tokens, targets) = samples(&model, 8, 3);
        let check = |(whole, loss): (Vec<f64>, f64), (split, of_split): (Vec<f64>, f64), tolerance: f64| {
            let norm = |of: &mut dyn Iterator<Item = f64>| of.map(|value| value * value).sum::<f64>().sqrt();
            let error = norm(&mut whole.iter().zip(&split).map(|(a, b)| a - b)) / norm(&mut whole.iter().copied());
            assert!(error <= tolerance, "{kind:?}, {pieces} pieces: {error:e} of the gradient's norm");
            assert!((loss - of_split).abs() <= tolerance * loss.abs());
        };
        check(run::<f64>(&model, &tokens, &targets, 1), run::<f64>(&model, &tokens, &targets, pieces), 1e-14);
        check(run::<f32>(&model, &tokens, &targets, 1), run::<f32>(&model, &tokens, &targets, pieces), 1e-6);
    }
}

#[test]
fn allocated_parameters_are_those_that_the_planner_counts() {
    let encoders =
        [ModelPreset::BertTiny, ModelPreset::BertMini, ModelPreset::BertBase, ModelPreset::Distilbert].map(|preset| {
            let classifier = (preset, Head::Classifier { classes: 4 });
            [classifier, (preset, Head::LanguageModel {})]
        });
    let decoders = [(ModelPreset::Gpt2, Head::LanguageModel {}), (ModelPreset::Gpt2, Head::Classifier { classes: 4 })];
    let both = [(ModelPreset::TransformerBase, Head::LanguageModel {})];
    for (preset, head) in encoders.into_iter().flatten().chain(decoders).chain(both) {
        let mut spec = preset.spec(16);
        spec.head = head;
        let model = Model::new(&spec).expect("a model");
        let costs = Transformer::new(spec).expect("a model").costs();
        assert_eq!(model.block.count() as u64, costs.parameters.per_block, "{preset:?}");
        assert_eq!(model.embedding.count() as u64, costs.embedding.parameters, "{preset:?}");
        assert_eq!(model.head.count() as u64, costs.decoder.parameters, "{preset:?}, {head:?}");
        let state = Optimizer::<f32>::new(Rule::AdamW { rate: 1e-3, decay: 0.0 }, model.block.count());
        let per_parameter = StateKind::AdamW.state_bytes_per_parameter(Default::default());
        // The count of steps is one number more.
        assert_eq!(state.bytes(), per_parameter * model.block.count() as u64 + 4);
    }
}

/// The same numbers, whichever way they were drawn: an edge server's copy of the table is the control unit's.
#[test]
fn fresh_tables_are_equal_on_both_ends() {
    for kind in [Kind::Masked, Kind::NextToken, Kind::Translation { layers: 1, target: 3 }] {
        let model = Model::new(&kind.of(spec(4, 2, 6, 1, 3, 3), true)).expect("a model");
        let (embedding, head) = (model.draw_embedding::<f32>(3), model.draw_head::<f32>(3));
        assert_eq!(embedding.len(), model.embedding.count());
        assert_eq!(head.len(), model.head.count());
        let table = &embedding[..11 * 4];
        assert!(head.windows(table.len()).any(|part| part == table), "{kind:?}");
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
    for preset in [ModelPreset::T5Small, ModelPreset::VitBase] {
        let error = refused(&preset.spec(preset.default_sequence_length()));
        assert!(error.contains("model.family") && error.contains("\"encoder-decoder\""), "{error}");
    }
    let mut spec = spec(4, 2, 6, 1, 3, 3);
    spec.heads = 3;
    assert!(refused(&spec).contains("width"));
    spec.heads = 2;
    spec.family = Family::EncoderDecoder { vocabulary: 1, decoder_layers: 1, target_length: 2 };
    spec.head = Head::LanguageModel {};
    assert!(refused(&spec).contains("at least 2"));
    for rule in [
        Rule::Sgd { rate: 0.0, momentum: 0.0 },
        Rule::Sgd { rate: f64::NAN, momentum: 0.0 },
        Rule::Sgd { rate: 0.1, momentum: 1.0 },
        Rule::AdamW { rate: 0.1, decay: -1.0 },
    ] {
        assert!(rule.validate().is_err(), "{rule:?}");
    }
}
