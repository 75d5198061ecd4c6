//! Device presets against the measurements (`data/` of the folder named by `COLLAPIPE_SHARED`, default `../shared`).

use std::collections::HashMap;

use approx::assert_relative_eq;
use collapipe::model::{ModelPreset, Transformer};
use collapipe::network::device::{DevicePreset, EdgeServerPreset};

use crate::support::shared;

type Row = HashMap<String, String>;

/// Rows of a table of the shared data, or `None` (said on standard output) where it is absent and was not asked for.
fn rows(name: &str) -> Option<Vec<Row>> {
    let mut reader = csv::Reader::from_path(shared(&format!("data/{name}"))?).unwrap();
    Some(reader.deserialize().map(|row| row.unwrap()).collect())
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap()
}

fn find<'a>(rows: &'a [Row], key: &[(&str, &str)]) -> &'a Row {
    rows.iter().find(|row| key.iter().all(|(column, value)| row[*column] == *value)).expect("a row for the key")
}

/// Forward and backward rate of a preset in GFLOP/s.
fn rates(preset: DevicePreset) -> (f64, f64) {
    let p = preset.profile();
    (p.forward_flops_per_second.value() / 1e9, p.backward_flops_per_second.value() / 1e9)
}

#[test]
fn vgg19_training_rates() {
    let (Some(parts), Some(totals)) =
        (rows("devices/edge_training_totals.csv"), rows("devices/vgg19_training_achieved.csv"))
    else {
        return;
    };
    for (preset, device) in [
        (DevicePreset::RaspberryPi4, "d1"),
        (DevicePreset::JetsonNano4Gb, "jetson-gpu"),
        (DevicePreset::MacbookM1, "laptop"),
    ] {
        let row = find(&parts, &[("model", "vgg19"), ("dataset", "CIFAR"), ("device", device)]);
        let (forward, backward) = rates(preset);
        let work = 0.796 * 128.0;
        assert_relative_eq!(work / forward, number(row, "forward_s"), max_relative = 1e-12);
        assert_relative_eq!(2.0 * work / backward, number(row, "backward_s"), max_relative = 1e-12);
        // With the weight update, the parts give the achieved rate of the whole batch.
        let total = find(&totals, &[("device", device)]);
        let batch = work / forward + 2.0 * work / backward + number(row, "update_s");
        assert_relative_eq!(batch, number(total, "batch_time_s"), max_relative = 1e-3);
        assert_relative_eq!(
            3.0 * work / batch,
            number(total, "achieved_gflops (3*0.796 GFLOP*128/time)"),
            max_relative = 2e-3
        );
    }
}

#[test]
fn hpl_ratio_and_wall_power() {
    let Some(table) = rows("devices/energy_per_flop_and_kappa.csv") else { return };
    let pi4 = find(&table, &[("device", "RaspberryPi4 (BCM2711, A72)")]);
    let pi5 = find(&table, &[("device", "RaspberryPi5 8GB (BCM2712, A76)")]);
    let ratio = number(pi5, "hpl_fp64_gflops") / number(pi4, "hpl_fp64_gflops");
    let ((f4, b4), (f5, b5)) = (rates(DevicePreset::RaspberryPi4), rates(DevicePreset::RaspberryPi5));
    assert_relative_eq!(f5 / f4, ratio, max_relative = 1e-12);
    assert_relative_eq!(b5 / b4, ratio, max_relative = 1e-12);
    assert_eq!(DevicePreset::RaspberryPi4.profile().load_power_w.value(), number(pi4, "wall_power_w"));
    assert_eq!(DevicePreset::RaspberryPi5.profile().load_power_w.value(), number(pi5, "wall_power_w"));
}

#[test]
fn phone_rates() {
    let (Some(lstm), Some(lora)) =
        (rows("devices/flash_lstm_achieved_gflops.csv"), rows("devices/lora_training_steps_edge.csv"))
    else {
        return;
    };
    for (preset, device) in [
        (DevicePreset::PhoneNexus6, "nexus6"),
        (DevicePreset::PhoneRedmiNote8, "redmi_note8"),
        (DevicePreset::PhoneNote10, "sumsung_note10"),
    ] {
        let median = number(find(&lstm, &[("device", device)]), "median_gflops");
        assert_relative_eq!(rates(preset).0, median, max_relative = 1e-12);
        assert_relative_eq!(rates(preset).1, median, max_relative = 1e-12);
    }
    let nova: Vec<f64> = lora
        .iter()
        .filter(|row| row["device"].contains("778G"))
        .map(|row| number(row, "achieved_gflops_est (4*N*tokens/step)"))
        .collect();
    assert_eq!(nova.len(), 5);
    assert_relative_eq!(rates(DevicePreset::PhoneSd778g).0, nova.iter().sum::<f64>() / 5.0, max_relative = 1e-12);
}

#[test]
fn boards_from_catalogue_and_power_measurements() {
    let (Some(catalogue), Some(orin), Some(vit), Some(mlperf)) = (
        rows("devices/device_catalogue.csv"),
        rows("devices/orin_nano_power.csv"),
        rows("devices/pipeedge_vit_sublayer_profile.csv"),
        rows("devices/mlperf_bert_large_jetson.csv"),
    ) else {
        return;
    };
    // Installed memory of every preset that is in the catalogue.
    let mut found = 0;
    for &preset in DevicePreset::ALL {
        let Some(row) = catalogue.iter().find(|row| row["device"] == preset.name()) else { continue };
        let gib = preset.sheet().installed_memory_bytes.value.value() / 1_073_741_824.0;
        assert_eq!(gib, number(row, "mem_gb"), "{preset}");
        if let Ok(idle) = row["idle_w"].parse::<f64>() {
            assert!((preset.profile().idle_power_w.value() - idle).abs() < 0.05, "{preset}");
        }
        found += 1;
    }
    assert_eq!(found, DevicePreset::ALL.len() - 1, "all but the Redmi Note 8");

    // Peaks scaled by the Jetson Nano's utilisation.
    let peak = |name| number(find(&catalogue, &[("device", name)]), "peak_fp32_gflops");
    let nano = rates(DevicePreset::JetsonNano4Gb);
    for preset in [DevicePreset::JetsonXavierNx8Gb, DevicePreset::JetsonAgxXavier32Gb] {
        let factor = peak(preset.name()) / peak("jetson-nano-4gb");
        assert_relative_eq!(rates(preset).0, nano.0 * factor, max_relative = 1e-12);
        assert_relative_eq!(rates(preset).1, nano.1 * factor, max_relative = 1e-12);
    }
    for (preset, system) in [
        (DevicePreset::JetsonXavierNx8Gb, "Xavier_NX_TRT_MaxQ"),
        (DevicePreset::JetsonAgxXavier32Gb, "AGX_Xavier_TRT_MaxQ"),
    ] {
        let offline = mlperf.iter().filter(|row| row["system"] == system && row["scenario"] == "Offline");
        let wall = offline.map(|row| number(row, "mean_wall_power_w")).fold(0.0, f64::max);
        assert_relative_eq!(preset.profile().load_power_w.value(), wall, max_relative = 2e-3);
    }

    let run = find(&orin, &[("workload", "YOLOv8n 640 batch 1 PyTorch FP32")]);
    let profile = DevicePreset::JetsonOrinNano8Gb.profile();
    assert_eq!(rates(DevicePreset::JetsonOrinNano8Gb).0, number(run, "achieved_gflops"));
    assert_eq!(profile.load_power_w.value(), number(run, "mean_input_w"));
    let idle = find(&orin, &[("gpu_load", "idle (0 %)")]);
    assert_eq!(profile.idle_power_w.value(), number(idle, "mean_input_w"));

    // ViT-B/16 forward: the model's work over the sum of the measured sub-layer times.
    let seconds: f64 = vit
        .iter()
        .filter(|row| row["device"] == "Minnowboard-E3845" && row["model"] == "google/vit-base-patch16-224")
        .map(|row| number(row, "forward_time_s"))
        .sum();
    let block = Transformer::new(ModelPreset::VitBase.spec(197)).unwrap().costs().block;
    let rate = 8.0 * 12.0 * block.forward_flops_per_sample.value() / seconds;
    assert_relative_eq!(rates(DevicePreset::MinnowboardE3845).0, rate / 1e9, max_relative = 1e-9);
}

#[test]
fn radio_and_server_figures() {
    let (Some(fit), Some(gemm)) =
        (rows("radio/sigcomm21_power_linear_fit.csv"), rows("devices/gemm_achieved_tflops.csv"))
    else {
        return;
    };
    for (preset, network) in [(DevicePreset::PhoneNexus6, "LTE"), (DevicePreset::PhoneSd778g, "NSALow")] {
        let row = find(&fit, &[("network", network), ("direction", "uplink")]);
        let circuit = number(row, "intercept_mw") / 1e3 - 2.3;
        assert_relative_eq!(preset.profile().circuit_power_w.value(), circuit, max_relative = 1e-12);
    }
    for (preset, device) in [
        (EdgeServerPreset::V100, "NVIDIA Tesla V100-SXM2-16GB"),
        (EdgeServerPreset::Rtx2080Ti, "NVIDIA GeForce RTX 2080 Ti 22GB"),
        (EdgeServerPreset::Rtx3090, "NVIDIA GeForce RTX 3090"),
        (EdgeServerPreset::A100, "NVIDIA A100 40GB"),
        (EdgeServerPreset::H100, "NVIDIA H100 80GB HBM3"),
    ] {
        let measured = number(find(&gemm, &[("device", device)]), "fp32_tflops") * 1e12;
        assert_relative_eq!(
            preset.sheet().matrix_product_flops_per_second.value.value(),
            measured,
            max_relative = 1e-12
        );
    }
}
