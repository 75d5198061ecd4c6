//! Which name was probably meant.

/// The name of a list that is nearest to `name`, where one is near: at most a third of its characters differ, case,
/// `-` and `_` aside.
///
/// ```
/// use collapipe::text::nearest;
/// let names = ["bandwidth_hz", "batch_size"];
/// assert_eq!(nearest("bandwith_hz", &names), Some("bandwidth_hz"));
/// assert_eq!(nearest("Batch-Size", &names), Some("batch_size"));
/// assert_eq!(nearest("latency", &names), None);
/// ```
#[must_use]
pub fn nearest<'a, N: AsRef<str>>(name: &str, names: &'a [N]) -> Option<&'a str> {
    // Distances of long names take long to compute, and nobody mistypes one.
    const LONGEST: usize = 100;
    if name.len() > LONGEST {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let name = plain(name);
    let distance = |other: &str| {
        let other = plain(other);
        // A name without its unit, or with one it does not have, is a likely slip, too.
        let extended =
            name.len() >= 3 && (other.starts_with(&format!("{name}_")) || name.starts_with(&format!("{other}_")));
        if extended { 1 } else { strsim::damerau_levenshtein(&name, &other) }
    };
    let near = names.iter().map(|other| (distance(other.as_ref()), other.as_ref()));
    let (distance, best) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= name.chars().count().max(best.chars().count()) / 3).then_some(best)
}

/// A message of serde's about a name that it does not know ("unknown field `a`, expected one of `b`, `c`"), with the
/// name that was probably meant.
pub(crate) fn with_suggestion(message: &str) -> String {
    let of = |kind: &str| message.find(kind).and_then(|start| message.get(start + kind.len()..));
    let Some(rest) = of("unknown field `").or_else(|| of("unknown variant `")) else {
        return message.to_owned();
    };
    let Some((name, expected)) = rest.split_once("`, expected ") else { return message.to_owned() };
    let names: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    match nearest(name, &names) {
        Some(best) => {
            let kind = if message.contains("unknown field") { "unknown field" } else { "unknown variant" };
            message.replacen(
                &format!("{kind} `{name}`, expected"),
                &format!("{kind} `{name}`: did you mean `{best}`? Expected"),
                1,
            )
        }
        None => message.to_owned(),
    }
}
