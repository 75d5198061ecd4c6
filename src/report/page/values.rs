//! What figures tell below a pointer.

use super::put;
use crate::text::rounded;

/// A line's name and values.
pub(super) type Line = (String, Vec<Option<f64>>);

/// Values of figures slot by slot: of each figure its lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    pub slots: Vec<u64>,
    /// Name of the figure's values, then of each line its name and values.
    pub figures: Vec<(&'static str, Vec<Line>)>,
}

/// Writes values for figures to tell.
pub(super) fn values(page: &mut String, values: &Values) {
    let digits = |value: &Option<f64>| value.filter(|value| value.is_finite()).map(|value| rounded(value, 4));
    let line = |(name, values): &Line| serde_json::json!({"name": name, "values": values.iter().map(digits).collect::<Vec<_>>()});
    let figures = values
        .figures
        .iter()
        .map(|(name, lines)| ((*name).to_owned(), serde_json::Value::Array(lines.iter().map(line).collect())));
    let all = serde_json::json!({"slots": values.slots, "series": figures.collect::<serde_json::Map<_, _>>()});
    // No name can end the element.
    let text = all.to_string().replace('<', "\\u003c");
    put(page, format_args!("<script type=\"application/json\" id=\"values\">{text}</script>\n"));
}
