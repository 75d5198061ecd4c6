//! Numbers beyond all floats, as `1e999`.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Takes them as infinite, so that whoever knows a field's range says what it must be: TOML's reader only says that it
/// gave up.
pub(super) fn as_infinite(table: &mut DeTable) {
    table.iter_mut().for_each(|(_, value)| in_value(value));
}

fn in_value(value: &mut Spanned<DeValue>) {
    match value.get_mut() {
        DeValue::Table(table) => as_infinite(table),
        DeValue::Array(list) => {
            for index in 0..list.len() {
                if let Some(element) = list.get_mut(index) {
                    in_value(element);
                }
            }
        }
        DeValue::Float(number) => {
            let read = number.as_str().parse::<f64>().unwrap_or(0.0);
            if read.is_infinite() && !number.as_str().contains("inf") {
                let infinite = if read > 0.0 { "inf" } else { "-inf" };
                if let Ok(infinite) = DeValue::parse(infinite) {
                    *value.get_mut() = infinite.into_inner();
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::scenario::{Assignment, BUILTIN, ScenarioFile};

    #[test]
    fn a_number_beyond_all_floats_is_out_of_its_range() {
        let text = BUILTIN.replacen("latency_weight = 0.1", "latency_weight = 1e999", 1);
        assert_ne!(text, BUILTIN);
        let found: Vec<String> =
            ScenarioFile::inspect(&text, Path::new("")).into_iter().map(|found| found.message).collect();
        assert_eq!(found, ["latency_weight = inf: must be a finite number in [1e-30, 1e30]"]);
        let set: Assignment = "clusters.*.bandwidth_hz=-1e999".parse().unwrap();
        let error = ScenarioFile::parse_with(BUILTIN, Path::new(""), &[set]).unwrap().build().unwrap_err().to_string();
        assert!(error.contains("= -inf: must be"), "{error}");
        // What is written so stays so.
        let text = BUILTIN.replacen("latency_weight = 0.1", "latency_weight = inf", 1);
        assert!(ScenarioFile::parse(&text, Path::new("")).unwrap().build().is_err());
    }
}
