//! The presets as Markdown tables.

use std::fmt::Write as _;

use super::{DevicePreset, EdgeServerPreset, Figure};

// Writing to a String cannot fail; its results are dropped.

/// One row per device preset; m, r, d or a after a number says measured, rated, derived or assumed.
#[must_use]
pub fn device_table() -> String {
    let mut table = String::from(
        "| device | forward GFLOP/s | backward GFLOP/s | idle W | load W | nJ/FLOP | memory GiB (share) | overhead ms \
         (stage / block) | radio W max | circuit W | η |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for &preset in DevicePreset::ALL {
        let sheet = preset.sheet();
        let number = |field: &str, unit: f64| match sheet.figures().into_iter().find(|f| f.field == field) {
            Some(Figure { value, provenance, .. }) => {
                let kind = provenance.kind().get(..1).unwrap_or_default();
                format!("{} {kind}", significant(value / unit))
            }
            None => String::new(),
        };
        let _ = writeln!(
            table,
            "| {preset} | {} | {} | {} | {} | {} | {} ({}) | {} / {} | {} | {} | {} |",
            number("forward_flops_per_second", 1e9),
            number("backward_flops_per_second", 1e9),
            number("idle_power_w", 1.0),
            number("load_power_w", 1.0),
            number("joules_per_flop", 1e-9),
            number("memory_bytes", 1_073_741_824.0),
            number("usable_memory_share", 1.0),
            number("stage_overhead_s", 1e-3),
            number("block_overhead_s", 1e-3),
            number("max_power_w", 1.0),
            number("circuit_power_w", 1.0),
            number("amplifier_efficiency", 1.0),
        );
    }
    table
}

/// One row per edge-server preset.
#[must_use]
pub fn edge_server_table() -> String {
    let mut table = String::from(
        "| edge server | matrix products TFLOP/s | utilisation | training TFLOP/s | radio W max |\n|---|--:|--:|--:|--:|\n",
    );
    for &preset in EdgeServerPreset::ALL {
        let sheet = preset.sheet();
        let _ = writeln!(
            table,
            "| {preset} | {} | {} | {} | {} |",
            significant(sheet.matrix_product_flops_per_second.value.value() / 1e12),
            significant(sheet.utilisation.value),
            significant(sheet.flops_per_second().value() / 1e12),
            significant(sheet.max_power_w.value.value()),
        );
    }
    table
}

/// Where every number comes from: one row per field and source, with the presets that share it.
#[must_use]
pub fn provenance_table() -> String {
    let mut rows: Vec<(Figure, Vec<&str>)> = Vec::new();
    let mut add = |name, figures: &[Figure]| {
        for figure in figures {
            match rows.iter_mut().find(|(f, _)| f.field == figure.field && f.provenance == figure.provenance) {
                Some((_, names)) => names.push(name),
                None => rows.push((*figure, vec![name])),
            }
        }
    };
    for &preset in DevicePreset::ALL {
        add(preset.name(), &preset.sheet().figures());
    }
    for &preset in EdgeServerPreset::ALL {
        add(preset.name(), &preset.sheet().figures());
    }
    // Stable: within a field the presets keep their order.
    rows.sort_by_key(|(figure, _)| figure.field);
    let mut table = String::from("| field | kind | presets | source |\n|---|---|---|---|\n");
    for (Figure { field, provenance, .. }, names) in rows {
        let everyone = names.len() == DevicePreset::ALL.len();
        let names = if everyone { "all devices".to_owned() } else { names.join(", ") };
        let _ = writeln!(table, "| `{field}` | {} | {names} | {} |", provenance.kind(), provenance.source());
    }
    table
}

/// Three significant digits, without an exponent for the sizes that occur here.
fn significant(value: f64) -> String {
    let digits_before_point = if value == 0.0 { 1.0 } else { value.abs().log10().floor() + 1.0 };
    let decimals = (3.0 - digits_before_point).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
