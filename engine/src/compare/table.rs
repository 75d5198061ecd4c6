//! A comparison as a table.

use std::fmt::Write;

use super::parts::Comparison;

/// The comparison as text.
#[must_use]
pub fn text(comparison: &Comparison) -> String {
    let mut text = format!("{:<9}{:<14}{:>14}{:>14}{:>10}\n", "cluster", "part", "predicted s", "measured s", "error");
    for part in &comparison.parts {
        let cluster = part.cluster.map_or("all".into(), |cluster| cluster.to_string());
        let error = part.relative_error().map_or("-".into(), |error| format!("{:+.2} %", 100.0 * error));
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{cluster:<9}{:<14}{:>14.6}{:>14.6}{error:>10}",
            part.part, part.predicted_s, part.measured_s
        );
    }
    let late = match comparison.late {
        0 => "Nothing ended later than planned: the comparison is valid.".into(),
        late => format!(
            "{late} operations ended late, the worst by {:.1} ms: this machine was too slow or too busy, the comparison \
             is not valid.",
            1e3 * comparison.latest_s
        ),
    };
    let _ = writeln!(text, "\n{late}\n{} bytes were sent.", comparison.sent_bytes);
    text
}
