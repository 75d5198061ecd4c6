//! Model presets against reference counts (`models/` of the folder named by `COLLAPIPE_SHARED`, default `../shared`).

use collapipe::model::{Head, ModelCosts, ModelPreset, Precision, Precisions, Transformer};

use crate::support::shared;

/// A table of the shared data, or `None` (said on standard output) where the folder is absent and was not asked for.
fn table(name: &str) -> Option<csv::Reader<std::fs::File>> {
    Some(csv::Reader::from_path(shared(&format!("data/models/{name}"))?).unwrap())
}

fn rows(name: &str) -> Vec<std::collections::HashMap<String, String>> {
    table(name).map(|mut reader| reader.deserialize().map(|row| row.unwrap()).collect()).unwrap_or_default()
}

/// Our preset for a model name of the tables; `None` for architectures that are not presets (gated feed-forward).
fn preset(model: &str) -> Option<ModelPreset> {
    let name = model.split(" (").next().unwrap();
    match name {
        "distilbert-base" => Some(ModelPreset::Distilbert),
        "vit-base-patch16-224" => Some(ModelPreset::VitBase),
        "vit-large-patch16-224" => Some(ModelPreset::VitLarge),
        _ => name.parse().ok(),
    }
}

fn costs(preset: ModelPreset, sequence_length: u32) -> ModelCosts {
    Transformer::new(preset.spec(sequence_length)).unwrap().costs()
}

fn default_costs(preset: ModelPreset) -> ModelCosts {
    costs(preset, preset.default_sequence_length())
}

#[test]
fn counts_equal_the_reference() {
    let rows = rows("reference_counts.csv");
    let mut checked = 0;
    for row in &rows {
        let (Some(preset), quantity) = (preset(&row["model"]), row["quantity"].as_str()) else { continue };
        let costs = default_costs(preset);
        let expected: f64 = row["value"].parse().unwrap_or(f64::NAN);
        let parameters = costs.parameters;
        let decoder_block = || parameters.decoder_blocks / u64::from(costs.blocks); // as many as encoder blocks
        let (ours, tolerance) = match quantity {
            "total_parameters" => (parameters.total(), 0.0),
            "parameters_per_block" | "encoder_block_parameters" => (parameters.per_block, 0.0),
            "decoder_block_parameters" => (decoder_block(), 0.0),
            "published_rounded" => {
                let percent: f64 = row["tolerance"].trim_end_matches(" %").parse().unwrap();
                (parameters.total(), expected * percent / 100.0)
            }
            "parameters_with_mlm_nsp_heads_published" => {
                let mut spec = preset.spec(128);
                spec.head = Head::LanguageModel {};
                let next_sentence = 2 * u64::from(spec.width) + 2;
                let pretraining = Transformer::new(spec).unwrap().costs().parameters;
                (pretraining.total() + pretraining.head + next_sentence, 0.05e6)
            }
            _ => continue,
        };
        assert!(
            (ours as f64 - expected).abs() <= tolerance,
            "{} {quantity}: {ours}, expected {expected}",
            row["model"]
        );
        checked += 1;
    }
    assert!(rows.is_empty() || checked >= 40, "only {checked} rows of the reference were compared");
}

#[test]
fn architectures_equal_the_reference() {
    let rows = rows("architectures.csv");
    let mut checked = 0;
    for row in &rows {
        let Some(preset) = preset(&row["model"]) else { continue };
        let number = |column: &str| row[column].parse::<f64>().unwrap();
        let spec = preset.spec(preset.default_sequence_length());
        let c = default_costs(preset);
        let p = c.parameters;
        for (column, ours) in [
            ("layers", u64::from(spec.layers)),
            ("hidden", u64::from(spec.width)),
            ("heads", u64::from(spec.heads)),
            ("ffn", u64::from(spec.feed_forward)),
            ("params_total", p.total()),
            ("params_embedding", p.embedding),
            ("params_per_block", p.per_block),
            ("params_other", p.other),
        ] {
            assert_eq!(ours as f64, number(column), "{} {column}", row["model"]);
        }
        let fraction = p.blocks as f64 / p.total() as f64;
        assert!((fraction - number("block_fraction")).abs() < 5.1e-5, "{}", row["model"]);

        let tokens = f64::from(spec.sequence_length);
        assert_eq!(c.block.boundary_bits_per_sample.value(), tokens * 8.0 * number("boundary_bytes_per_token_fp32"));
        // Vision blocks are the same blocks: compare them at the table's lengths under a text family.
        for length in [128, 512] {
            let mut at = ModelPreset::BertBase.spec(length);
            (at.layers, at.width, at.heads, at.feed_forward) = (spec.layers, spec.width, spec.heads, spec.feed_forward);
            at.precision = Precisions::uniform(Precision::Fp16);
            let block = Transformer::new(at).unwrap().costs().block;
            let per_token = block.forward_flops_per_sample.value() / f64::from(length);
            assert_eq!(per_token, number(&format!("fwd_flops_per_token_per_block_s{length}")), "{}", row["model"]);
            if length == 128 {
                let both = block.forward_flops_per_sample + block.backward_flops_per_sample;
                assert_eq!(both.value() / 128.0, number("fwd_bwd_flops_per_token_per_block_s128"));
            }
            let activations = block.activation_bytes_per_sample.value();
            assert_eq!(
                activations,
                number(&format!("korthikanti_act_bytes_per_block_b1_s{length}")),
                "{}",
                row["model"]
            );
            let cut = block.boundary_bits_per_sample.value() / (8.0 * f64::from(length));
            assert_eq!(cut, number("boundary_bytes_per_token_fp16"));
        }
        checked += 1;
    }
    assert!(rows.is_empty() || checked == 13, "{checked} architectures compared");
}

#[test]
fn encoder_decoders_equal_the_reference() {
    let rows = rows("encoder_decoder.csv");
    for row in &rows {
        let p = default_costs(preset(&row["model"]).unwrap()).parameters;
        let layers: u64 = row["dec_layers"].parse().unwrap();
        for (column, ours) in [
            ("params_total", p.total()),
            ("params_embedding", p.embedding),
            ("params_enc_block", p.per_block),
            ("params_dec_block", p.decoder_blocks / layers),
            ("params_other", p.other),
        ] {
            assert_eq!(ours.to_string(), row[column], "{} {column}", row["model"]);
        }
    }
    assert!(rows.is_empty() || rows.len() == 5);
}

#[test]
fn vaswani_is_within_three_percent_of_the_published_totals() {
    for (preset, published) in [(ModelPreset::TransformerBase, 65e6), (ModelPreset::TransformerBig, 213e6)] {
        let ours = default_costs(preset).parameters.total() as f64;
        assert!((ours / published - 1.0).abs() < 0.03, "{preset}: {ours}");
    }
}
