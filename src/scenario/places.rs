//! Where in a text a field stands.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where the field `path` (as `clusters[1].devices[0].memory_bytes`) stands, in bytes: key to value. Where it is missing,
/// the innermost thing around it that exists.
pub(super) fn place_of(root: &DeTable, path: &str) -> Option<Range<usize>> {
    let mut place = None;
    let mut table: Option<&DeTable> = Some(root);
    for step in path.split('.') {
        let (key, indices) = step.split_once('[').map_or((step, None), |(key, rest)| (key, Some(rest)));
        let Some((name, value)) = table.and_then(|table| table.iter().find(|(name, _)| name.get_ref() == key)) else {
            break;
        };
        // The span of a table's value is elsewhere: its key or heading says where it is.
        place = Some(match value.get_ref() {
            DeValue::Table(_) | DeValue::Array(_) => name.span(),
            _ => name.span().start..value.span().end,
        });
        let mut value: &Spanned<DeValue> = value;
        for index in indices.into_iter().flat_map(|rest| rest.split('[')) {
            let index = index.trim_end_matches(']').parse::<usize>().ok();
            let Some(element) = index.and_then(|index| value.get_ref().as_array()?.get(index)) else { break };
            place = Some(element.span());
            value = element;
        }
        table = value.get_ref().as_table();
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::position;

    #[test]
    fn lines_of_paths() {
        let text = "a = 1\n[b]\nc = { d = 2 }\n[[n]]\nx = 1\n[[n]]\ny = 1\n  [[n.k]]\n  z = [[1,\n 2], [3]]\n";
        let root = DeTable::parse(text).map(Spanned::into_inner).unwrap_or_default();
        for (path, line, shown) in [
            ("a", Some(1), "a = 1"),
            ("b.c.d", Some(3), "d = 2"),
            ("b.missing", Some(2), "b"),
            ("n[0].x", Some(5), "x = 1"),
            ("n[1].y", Some(7), "y = 1"),
            ("n[1].k[0].z", Some(9), "z"),
            ("n[1].k[0].z[0][1]", Some(10), "2"),
            ("n[1].k[0].missing", Some(8), "[[n.k]]"),
            ("nowhere.at[3].all", None, ""),
        ] {
            let place = place_of(&root, path);
            assert_eq!(place.clone().map(|place| position(text, place.start).0), line, "{path}");
            assert_eq!(place.and_then(|place| text.get(place)).unwrap_or_default(), shown, "{path}");
        }
    }
}
