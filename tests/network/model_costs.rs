//! Model costs against published closed forms, and descriptions that must be rejected.

use approx::assert_relative_eq;
use collapipe::model::{
    Checkpointing, Family, Head, ModelCosts, ModelError, ModelPreset, Optimizer, Precision, Precisions, Transformer,
    TransformerSpec, preset_table,
};

fn costs(spec: TransformerSpec) -> ModelCosts {
    Transformer::new(spec).unwrap().costs()
}

/// Work of all blocks and the language-model head per sample, forward and backward.
fn iteration_flops(spec: TransformerSpec) -> f64 {
    let layers = f64::from(spec.layers);
    let c = costs(spec);
    let blocks = c.block.forward_flops_per_sample + c.block.backward_flops_per_sample;
    (blocks * layers + c.decoder.forward_flops_per_sample + c.decoder.backward_flops_per_sample).value()
}

#[test]
fn narayanan_and_korthikanti_flops_per_iteration() {
    for preset in [ModelPreset::Gpt2, ModelPreset::Gpt2Medium, ModelPreset::Gpt2Xl] {
        for length in [64_u32, 1024] {
            let mut spec = preset.spec(length);
            let [s, l, h, v] = [f64::from(length), f64::from(spec.layers), f64::from(spec.width), 50_257.0];
            let without = 72.0 * s * l * h * h * (1.0 + s / (6.0 * h) + v / (12.0 * l * h));
            assert_relative_eq!(iteration_flops(spec.clone()), without, max_relative = 1e-12);
            spec.checkpointing = Checkpointing::Full;
            let with = 96.0 * s * l * h * h * (1.0 + s / (6.0 * h) + v / (16.0 * l * h));
            assert_relative_eq!(iteration_flops(spec), with, max_relative = 1e-12);
        }
    }
}

#[test]
fn narayanan_parameter_formula_up_to_the_final_norm() {
    for preset in [ModelPreset::Gpt2, ModelPreset::Gpt2Medium, ModelPreset::Gpt2Large, ModelPreset::Gpt2Xl] {
        let spec = preset.spec(1024);
        let [l, h] = [f64::from(spec.layers), f64::from(spec.width)];
        let formula = 12.0 * l * h * h * (1.0 + 13.0 / (12.0 * h) + (50_257.0 + 1024.0) / (12.0 * l * h));
        // The formula leaves out the 2h parameters of the final norm.
        assert_relative_eq!(costs(spec).parameters.total() as f64, formula + 2.0 * h, max_relative = 1e-14);
    }
}

/// Kaplan et al. 2020 count 2·N with N = 12·l·h² and, of the attention matrices, one of the two products.
#[test]
fn kaplan_forward_flops_up_to_half_the_attention() {
    let spec = ModelPreset::Gpt2.spec(1024);
    let [l, s, h] = [f64::from(spec.layers), 1024.0, f64::from(spec.width)];
    let kaplan = 2.0 * 12.0 * l * h * h + 2.0 * l * s * h;
    let ours = l * costs(spec).block.forward_flops_per_sample.value() / s;
    assert_relative_eq!(ours, kaplan + 2.0 * l * s * h, max_relative = 1e-13);
}

#[test]
fn activations_by_checkpointing_and_precision() {
    let [s, h, a] = [128.0, 768.0, 12.0];
    let bytes = |checkpointing, precision| {
        let mut spec = ModelPreset::BertBase.spec(128);
        spec.checkpointing = checkpointing;
        spec.precision = Precisions::uniform(precision);
        costs(spec).block.activation_bytes_per_sample.value()
    };
    // Korthikanti et al. 2022, eq. 1 and table 2.
    assert_eq!(bytes(Checkpointing::None, Precision::Bf16), s * h * (34.0 + 5.0 * a * s / h));
    assert_eq!(bytes(Checkpointing::Selective, Precision::Fp16), 34.0 * s * h);
    assert_eq!(bytes(Checkpointing::Full, Precision::Fp16), 2.0 * s * h);
    // In 32 bits every value doubles and the one-byte masks stay: 2·32 + 2 = 66, 2·4 + 1 = 9.
    assert_eq!(bytes(Checkpointing::None, Precision::Fp32), s * h * (66.0 + 9.0 * a * s / h));
    assert_eq!(bytes(Checkpointing::Selective, Precision::Fp32), 66.0 * s * h);
    assert_eq!(bytes(Checkpointing::Full, Precision::Fp32), 4.0 * s * h);
}

#[test]
fn backward_repeats_what_checkpointing_drops() {
    let mut spec = ModelPreset::BertBase.spec(128);
    let forward = costs(spec.clone()).block.forward_flops_per_sample.value();
    let mut backward = |checkpointing| {
        spec.checkpointing = checkpointing;
        costs(spec.clone()).block.backward_flops_per_sample.value()
    };
    assert_eq!(backward(Checkpointing::None), 2.0 * forward);
    assert_eq!(backward(Checkpointing::Selective), 2.0 * forward + 4.0 * 128.0 * 128.0 * 768.0);
    assert_eq!(backward(Checkpointing::Full), 3.0 * forward);
}

#[test]
fn resident_bytes_per_parameter() {
    for (optimizer, precision, per_parameter) in [
        (Optimizer::Sgd, Precision::Fp32, 8),
        (Optimizer::Momentum, Precision::Fp32, 12),
        (Optimizer::Adam, Precision::Fp32, 16),
        (Optimizer::AdamW, Precision::Fp32, 16),
        (Optimizer::Sgd, Precision::Bf16, 8),
        (Optimizer::Momentum, Precision::Fp16, 12),
        (Optimizer::AdamW, Precision::Fp16, 16),
    ] {
        let mut spec = ModelPreset::BertTiny.spec(16);
        spec.optimizer = optimizer;
        spec.precision.parameters = precision;
        assert_eq!(costs(spec).block.resident_bytes_per_block.value(), 198_272.0 * f64::from(per_parameter));
    }
}

#[test]
fn each_precision_scales_its_own_quantity() {
    let base = costs(ModelPreset::BertBase.spec(128));
    let with = |change: fn(&mut Precisions)| {
        let mut spec = ModelPreset::BertBase.spec(128);
        change(&mut spec.precision);
        costs(spec)
    };
    let halved = with(|p| p.wire_parameters = Precision::Bf16);
    assert_eq!(halved.block.parameter_bits_per_block.value(), 16.0 * 7_087_872.0);
    assert_eq!(halved.encoder_parameter_bits().value(), 12.0 * 16.0 * 7_087_872.0);
    assert_eq!(halved.embedding.parameter_bits * 2.0, base.embedding.parameter_bits);
    assert_eq!(halved.block.boundary_bits_per_sample, base.block.boundary_bits_per_sample);
    assert_eq!(halved.block.resident_bytes_per_block, base.block.resident_bytes_per_block);
    let halved = with(|p| p.wire_activations = Precision::Fp16);
    assert_eq!(halved.block.boundary_bits_per_sample * 2.0, base.block.boundary_bits_per_sample);
    assert_eq!(halved.block.activation_bytes_per_sample, base.block.activation_bytes_per_sample);
    assert_eq!(halved.block.parameter_bits_per_block, base.block.parameter_bits_per_block);
}

#[test]
fn end_stages_closed_forms() {
    // BERT base, 128 tokens: three tables added, norm, dropout; pooler and two classes on one token.
    let bert = costs(ModelPreset::BertBase.spec(128));
    assert_eq!(bert.embedding.forward_flops_per_sample.value(), 128.0 * 768.0 * 10.0);
    assert_eq!(bert.embedding.backward_flops_per_sample.value(), 128.0 * 768.0 * 18.0);
    assert_eq!(bert.decoder.forward_flops_per_sample.value(), 2.0 * 768.0 * 768.0 + 2.0 * 768.0 * 2.0);
    assert_eq!(bert.decoder.parameters, 590_592 + 769 * 2);
    // DistilBERT's head brings its own dense layer: same work, same parameters in another place.
    let distil = costs(ModelPreset::Distilbert.spec(128));
    assert_eq!(distil.decoder.forward_flops_per_sample, bert.decoder.forward_flops_per_sample);
    assert_eq!(distil.decoder.parameters, bert.decoder.parameters);
    assert_eq!(distil.parameters.head, 590_592 + 769 * 2);
    // Masked language model: dense layer and vocabulary on every token, on top of the pooler.
    let mut spec = ModelPreset::BertBase.spec(128);
    spec.head = Head::LanguageModel {};
    let mlm = costs(spec);
    let h = 768.0;
    let work = 2.0 * h * h + 128.0 * (2.0 * h * h + 2.0 * h * 30_522.0);
    assert_eq!(mlm.decoder.forward_flops_per_sample.value(), work);
    assert_eq!(mlm.parameters.head, 590_592 + 2 * 768 + 30_522);
    assert_eq!(mlm.parameters.tied, 30_522 * 768);
    // ViT: 196 patches of 768 values projected; no gradient for the image.
    let vit = costs(ModelPreset::VitBase.spec(197));
    let projection = 2.0 * 196.0 * 768.0 * 768.0;
    assert_eq!(vit.embedding.forward_flops_per_sample.value(), projection + 3.0 * 197.0 * 768.0);
    assert_eq!(vit.embedding.backward_flops_per_sample.value(), projection + 3.0 * 197.0 * 768.0);
    assert_eq!(vit.decoder.forward_flops_per_sample.value(), 2.0 * 768.0 * (768.0 + 1000.0));
}

#[test]
fn vaswani_decoder_work() {
    // Twelve h² weights of a block on both sides and, for cross attention, 2h² on either side.
    let spec = ModelPreset::TransformerBase.spec(100);
    let [s, h, v] = [100.0, 512.0, 37_000.0];
    let block = 2.0 * s * 16.0 * h * h + 2.0 * 4.0 * s * s * h;
    let forward = 6.0 * block + 2.0 * s * h * v + 3.0 * s * h;
    let c = costs(spec.clone());
    assert_relative_eq!(c.decoder.forward_flops_per_sample.value(), forward, max_relative = 1e-14);
    assert_eq!(c.decoder.parameters, 6 * 4_204_032 + 37_000 * 512);
    // A target of one token leaves the encoder's keys and values to project.
    let mut short = spec;
    short.family = Family::EncoderDecoder { vocabulary: 37_000, decoder_layers: 1, target_length: 1 };
    let one = 2.0 * (4.0 + 8.0) * h * h + 2.0 * 101.0 * 2.0 * h * h + 4.0 * h + 4.0 * 100.0 * h;
    let head = 2.0 * h * v + 3.0 * h;
    assert_relative_eq!(costs(short).decoder.forward_flops_per_sample.value(), one + head, max_relative = 1e-14);
}

fn rejected(change: impl FnOnce(&mut TransformerSpec)) -> ModelError {
    let mut spec = ModelPreset::BertBase.spec(128);
    change(&mut spec);
    Transformer::new(spec).unwrap_err()
}

#[test]
fn out_of_range_sizes_are_named() {
    let encoder = |vocabulary, max_positions, token_types| Family::Encoder {
        vocabulary,
        max_positions,
        token_types,
        pooler: true,
    };
    let vision = |image_size, patch_size, channels| Family::Vision { image_size, patch_size, channels, pooler: true };
    let cases: Vec<(&str, u32, ModelError)> = vec![
        ("layers", 0, rejected(|s| s.layers = 0)),
        ("layers", u32::MAX, rejected(|s| s.layers = u32::MAX)),
        ("width", 0, rejected(|s| s.width = 0)),
        ("width", u32::MAX, rejected(|s| s.width = u32::MAX)),
        ("feed_forward", 0, rejected(|s| s.feed_forward = 0)),
        ("feed_forward", u32::MAX, rejected(|s| s.feed_forward = u32::MAX)),
        ("heads", 0, rejected(|s| s.heads = 0)),
        ("heads", 769, rejected(|s| s.heads = 769)),
        ("sequence_length", 0, rejected(|s| s.sequence_length = 0)),
        ("sequence_length", 513, rejected(|s| s.sequence_length = 513)),
        ("sequence_length", u32::MAX, rejected(|s| s.sequence_length = u32::MAX)),
        ("family.vocabulary", 0, rejected(|s| s.family = encoder(0, 512, 2))),
        ("family.max_positions", 0, rejected(|s| s.family = encoder(30_522, 0, 2))),
        ("family.token_types", u32::MAX, rejected(|s| s.family = encoder(30_522, 512, u32::MAX))),
        ("family.image_size", 0, rejected(|s| s.family = vision(0, 16, 3))),
        ("family.image_size", u32::MAX, rejected(|s| s.family = vision(u32::MAX, 16, 3))),
        ("family.patch_size", 0, rejected(|s| s.family = vision(224, 0, 3))),
        ("family.channels", 0, rejected(|s| s.family = vision(224, 16, 0))),
        ("family.vocabulary", 0, rejected(|s| s.family = Family::Decoder { vocabulary: 0, max_positions: 512 })),
        ("sequence_length", 128, rejected(|s| s.family = Family::Decoder { vocabulary: 9, max_positions: 127 })),
        (
            "family.decoder_layers",
            0,
            rejected(|s| {
                s.family = Family::EncoderDecoder { vocabulary: 9, decoder_layers: 0, target_length: 128 };
            }),
        ),
        (
            "family.target_length",
            0,
            rejected(|s| {
                s.family = Family::T5 { vocabulary: 9, decoder_layers: 1, target_length: 0, relative_buckets: 32 };
            }),
        ),
        (
            "family.relative_buckets",
            0,
            rejected(|s| {
                s.family = Family::T5 { vocabulary: 9, decoder_layers: 1, target_length: 8, relative_buckets: 0 };
            }),
        ),
        ("head.classes", 0, rejected(|s| s.head = Head::Classifier { classes: 0 })),
    ];
    for (expected, expected_value, error) in cases {
        match error {
            ModelError::OutOfRange { field, value, min, max } => {
                assert_eq!((field, value), (expected, expected_value));
                assert!(min <= max && !(min..=max).contains(&value));
            }
            other => panic!("{expected}: {other}"),
        }
    }
}

#[test]
fn inconsistent_sizes_are_named() {
    let error = rejected(|s| s.heads = 7);
    assert_eq!(error.to_string(), "`width` is 768; allowed: multiples of `heads` = 7");
    let patches = rejected(|s| {
        s.family = Family::Vision { image_size: 224, patch_size: 15, channels: 3, pooler: false };
    });
    assert!(matches!(patches, ModelError::NotDivisible { field: "family.image_size", value: 224, divisor: 15, .. }));
    let error = Transformer::new(ModelPreset::VitBase.spec(128)).unwrap_err();
    assert_eq!(error, ModelError::SequenceLength { value: 128, expected: 197 });
}

#[test]
fn heads_a_family_does_not_have_are_rejected() {
    let mut vit = ModelPreset::VitBase.spec(197);
    vit.head = Head::LanguageModel {};
    assert!(matches!(Transformer::new(vit), Err(ModelError::Head { family: "vision", .. })));
    for (preset, name) in [(ModelPreset::TransformerBase, "encoder-decoder"), (ModelPreset::T5Small, "t5")] {
        let mut spec = preset.spec(128);
        spec.head = Head::Classifier { classes: 2 };
        assert!(matches!(Transformer::new(spec), Err(ModelError::Head { family, .. }) if family == name));
    }
}

#[test]
fn the_largest_accepted_model_has_finite_exact_counts() {
    let c = costs(TransformerSpec {
        layers: 4096,
        width: 65_536,
        feed_forward: 1 << 20,
        heads: 65_536,
        sequence_length: 1 << 20,
        family: Family::EncoderDecoder { vocabulary: 1 << 24, decoder_layers: 4096, target_length: 1 << 20 },
        ..ModelPreset::TransformerBase.spec(1)
    });
    assert!(c.parameters.total() > 4096 * c.parameters.per_block);
    for number in [c.block.backward_flops_per_sample.value(), c.decoder.backward_flops_per_sample.value()] {
        assert!(number.is_finite() && number > 0.0);
    }
}

#[cfg(feature = "cli")] // for the TOML reader
#[test]
fn specifications_in_toml() {
    let text = r#"
        layers = 12
        width = 768
        feed_forward = 3072
        heads = 12
        sequence_length = 128
        family = { kind = "encoder", vocabulary = 30522, max_positions = 512, token_types = 2, pooler = true }
        head = { kind = "classifier", classes = 2 }
    "#;
    let model: Transformer = toml::from_str(text).unwrap();
    assert_eq!(model.clone().into_spec(), ModelPreset::BertBase.spec(128));
    let back: Transformer = toml::from_str(&toml::to_string(&model).unwrap()).unwrap();
    assert_eq!(back, model);

    let bad = |from: &str, to: &str| toml::from_str::<Transformer>(&text.replace(from, to)).unwrap_err().to_string();
    assert!(bad("heads = 12", "heads = 7").contains("`width` is 768"));
    assert!(bad("heads = 12", "heads = -1").contains("heads"));
    assert!(bad("heads = 12", "heads = 12\nnoheads = 1").contains("noheads"));
    assert!(bad("pooler = true", "pooler = true, poler = true").contains("poler"));
    assert!(bad("classes = 2", "clases = 2").contains("clases"));
    assert!(bad("\"classifier\", classes = 2", "\"language-model\", classes = 2").contains("classes"));
    assert!(bad("\"encoder\"", "\"encodr\"").contains("encodr"));
    assert!(bad("heads = 12", "heads = 12\nprecision = { wire = \"fp16\" }").contains("wire"));
    assert!(bad("heads = 12", "heads = 12\noptimizer = \"adamm\"").contains("adamm"));
}

#[test]
fn preset_names_round_trip() {
    for preset in ModelPreset::ALL {
        assert_eq!(preset.name().parse(), Ok(preset));
        assert_eq!(serde_json::to_string(&preset).unwrap(), format!("\"{preset}\""));
        Transformer::new(preset.spec(preset.default_sequence_length())).unwrap();
    }
    let error = "bert".parse::<ModelPreset>().unwrap_err();
    assert!(error.to_string().contains("unknown model \"bert\"") && error.to_string().contains("bert-large"));
}

#[test]
fn the_documented_table_is_the_computed_one() {
    let docs = include_str!("../../docs/models.md");
    let table = preset_table().unwrap();
    assert!(docs.contains(&table), "docs/models.md must contain:\n{table}");
}
