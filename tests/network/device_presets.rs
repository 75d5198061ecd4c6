//! Device and edge-server presets: sanity of every sheet, names, and the documented tables.

use approx::assert_relative_eq;
use collapipe::network::device::{
    DevicePreset, DeviceProfile, EdgeServerPreset, EdgeServerProfile, FigureOrigin, device_table, edge_server_table,
    provenance_table,
};

#[test]
fn every_number_is_usable_in_a_slot_problem() {
    for &preset in DevicePreset::ALL {
        let p = preset.profile();
        for number in [
            p.forward_flops_per_second.value(),
            p.backward_flops_per_second.value(),
            p.joules_per_flop.value(),
            p.memory_bytes.value(),
            p.stage_overhead_s.value(),
            p.block_overhead_s.value(),
            p.idle_power_w.value(),
            p.max_power_w.value(),
            p.circuit_power_w.value(),
        ] {
            assert!(number.is_finite() && number > 0.0, "{preset}: {number}");
        }
        assert!(p.load_power_w > p.idle_power_w, "{preset}");
        assert!(p.amplifier_efficiency > 0.0 && p.amplifier_efficiency <= 1.0, "{preset}");
        // From a phone's CPU to a GPU board: anything outside would be a slip of units.
        assert!((1e9..1e12).contains(&p.forward_flops_per_second.value()), "{preset}");
        assert!((1e-11..1e-8).contains(&p.joules_per_flop.value()), "{preset}");
        assert!((0.5e9..32e9).contains(&p.memory_bytes.value()), "{preset}");
    }
}

#[test]
fn energy_of_a_block_is_extra_power_times_its_time() {
    for &preset in DevicePreset::ALL {
        let p = preset.profile();
        let forward = 1.862e9;
        let time = forward / p.forward_flops_per_second.value() + 2.0 * forward / p.backward_flops_per_second.value();
        let extra = (p.load_power_w - p.idle_power_w).value() * time;
        assert_relative_eq!(p.joules_per_flop.value() * 3.0 * forward, extra, max_relative = 1e-12);
    }
}

#[test]
fn sheets_and_profiles_agree_and_name_their_sources() {
    for &preset in DevicePreset::ALL {
        let figures = preset.sheet().figures();
        let profile = serde_json::to_value(preset.profile()).unwrap();
        for (field, value) in profile.as_object().unwrap() {
            let figure = figures.iter().find(|figure| figure.field == field).expect(field);
            assert_eq!(Some(figure.value), value.as_f64(), "{preset} {field}");
            assert!(figure.provenance.source().len() > 20, "{preset} {field}: {}", figure.provenance);
        }
        let back: DeviceProfile = serde_json::from_value(profile).unwrap();
        assert_eq!(back, preset.profile());
    }
}

#[test]
fn rates_nobody_measured_are_not_called_measured() {
    for (preset, forward, backward) in [
        (DevicePreset::RaspberryPi4, "measured", "measured"),
        (DevicePreset::JetsonNano4Gb, "measured", "measured"),
        (DevicePreset::RaspberryPi5, "derived", "derived"),
        (DevicePreset::JetsonXavierNx8Gb, "derived", "derived"),
        (DevicePreset::JetsonOrinNano8Gb, "measured", "assumed"),
        (DevicePreset::MinnowboardE3845, "measured", "assumed"),
        (DevicePreset::PhoneSd778g, "assumed", "assumed"),
    ] {
        let sheet = preset.sheet();
        assert_eq!(sheet.forward_flops_per_second.provenance.kind(), forward, "{preset}");
        assert_eq!(sheet.backward_flops_per_second.provenance.kind(), backward, "{preset}");
    }
    assert!(matches!(EdgeServerPreset::A100.sheet().utilisation.provenance, FigureOrigin::Assumed { .. }));
}

#[test]
fn edge_servers() {
    for &preset in EdgeServerPreset::ALL {
        let EdgeServerProfile { forward_flops_per_second, backward_flops_per_second, max_power_w } = preset.profile();
        assert_eq!(forward_flops_per_second, backward_flops_per_second);
        assert_eq!(forward_flops_per_second, preset.sheet().flops_per_second());
        let fastest_device = DevicePreset::ALL.iter().map(|d| d.profile().forward_flops_per_second.value());
        assert!(forward_flops_per_second.value() > fastest_device.fold(0.0, f64::max));
        assert_relative_eq!(10.0 * (max_power_w.value() * 1e3).log10(), 46.0, max_relative = 1e-12);
        assert_eq!(preset.sheet().figures().len(), 3);
    }
}

#[test]
fn names_round_trip() {
    for &preset in DevicePreset::ALL {
        assert_eq!(preset.name().parse(), Ok(preset));
        assert_eq!(serde_json::to_string(&preset).unwrap(), format!("\"{preset}\""));
    }
    for &preset in EdgeServerPreset::ALL {
        assert_eq!(preset.name().parse(), Ok(preset));
        assert_eq!(serde_json::from_str::<EdgeServerPreset>(&format!("\"{preset}\"")).unwrap(), preset);
    }
    let error = "raspberry-pi-6".parse::<DevicePreset>().unwrap_err();
    assert!(error.to_string().starts_with("unknown device \"raspberry-pi-6\"; allowed: raspberry-pi-4, "));
    let error = "tpu".parse::<EdgeServerPreset>().unwrap_err();
    assert!(error.to_string().starts_with("unknown edge server \"tpu\"; allowed: v100-16gb, "));
    assert!(serde_json::from_str::<DevicePreset>("\"pi\"").is_err());
}

#[test]
fn the_documented_tables_are_the_computed_ones() {
    let docs = include_str!("../../docs/devices.md");
    for table in [device_table(), edge_server_table(), provenance_table()] {
        assert!(docs.contains(&table), "docs/devices.md must contain:\n{table}");
    }
}
