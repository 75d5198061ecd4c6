//! Rounds as tables.

use std::fmt::Write;

use super::ExecutedRound;
use crate::compare::Comparison;

/// Head of `predicted_measured.csv`.
const HEAD: &str = "case,policy,schedule,overlap,part,predicted_s,measured_s\n";

/// The rows of one comparison: a part has the cluster's number in front, the round as a whole has none.
fn rows(text: &mut String, names: [&str; 4], comparison: &Comparison) {
    let [case, policy, schedule, overlap] = names;
    for part in &comparison.parts {
        let name = part.cluster.map_or(part.part.into(), |cluster| format!("{cluster}/{}", part.part));
        // Writing to a text cannot fail.
        let _ =
            writeln!(text, "{case},{policy},{schedule},{overlap},{name},{:e},{:e}", part.predicted_s, part.measured_s);
    }
}

/// Comparisons as CSV, each with its case, policy, schedule and overlap.
#[must_use]
pub fn csv<'a>(comparisons: impl IntoIterator<Item = ([String; 4], &'a Comparison)>) -> String {
    let mut text = String::from(HEAD);
    for (names, comparison) in comparisons {
        rows(&mut text, names.each_ref().map(String::as_str), comparison);
    }
    text
}

/// The rounds of a run, each as a case.
#[must_use]
pub fn rounds_csv(scenario: &str, policy: &str, rounds: &[ExecutedRound]) -> String {
    csv(rounds.iter().map(|round| {
        let names =
            [format!("{scenario} slot {}", round.slot), policy.into(), "as planned".into(), "as planned".into()];
        (names, &round.comparison)
    }))
}
