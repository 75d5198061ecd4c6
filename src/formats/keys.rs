//! The fields of a format as tables for reading, made of its schema.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::FileKind;

impl FileKind {
    /// Every field of the format with its unit, default and range, in Markdown: one table for each kind of object.
    #[must_use]
    pub fn keys(self) -> String {
        let schema = self.schema();
        let mut page =
            format!("# Fields of a {}\n\nMade from the schema: `collapipe schema {}`.\n", self.name(), self.word());
        let mut seen = BTreeSet::new();
        let mut open = vec![(String::new(), &schema)];
        while let Some((path, object)) = open.pop() {
            let mut inner = Vec::new();
            table(&mut page, &schema, &path, object, &mut inner);
            inner.retain(|(_, name, _)| seen.insert(name.clone()));
            open.extend(inner.into_iter().rev().map(|(path, _, object)| (path, object)));
        }
        page
    }

    /// As the command line has it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::Problem => "problem",
            Self::Answer => "answer",
            Self::Decision => "decision",
            Self::Record => "record",
        }
    }
}

/// An object that a field holds: the path to it, the name of its kind, its schema.
type Inner<'a> = (String, String, &'a Value);

fn table<'a>(page: &mut String, root: &'a Value, path: &str, object: &'a Value, inner: &mut Vec<Inner<'a>>) {
    // Writing to a string does not fail.
    if !path.is_empty() {
        let _ = write!(page, "\n## `{path}`\n");
    }
    let about = text(object, "description");
    if !about.is_empty() {
        let _ = write!(page, "\n{about}\n");
    }
    // Kinds of which a file holds one: each is an object with one member, or with a tag.
    let kinds = ["oneOf", "anyOf"].into_iter().find_map(|key| object.get(key)?.as_array());
    let Some(fields) = object.get("properties").and_then(Value::as_object) else {
        for kind in kinds.into_iter().flatten() {
            let named = kind.get("properties").and_then(Value::as_object).into_iter().flatten();
            for (name, field) in named {
                let (field, list, label) = resolve(root, field);
                if field.get("properties").is_some() {
                    inner.push((step(path, name, list), label, field));
                }
            }
        }
        if let Some(kinds) = kinds {
            let shown: Vec<String> = kinds.iter().map(|kind| kind_name(root, kind)).collect();
            let _ = write!(page, "\nOne of {}.\n", shown.join(", "));
        }
        return;
    };
    let required: Vec<&str> =
        object.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    page.push_str("\n| key | type | unit | default | range | meaning |\n|---|---|---|---|---|---|\n");
    for (name, field) in fields.iter().filter(|(name, _)| *name != "$schema") {
        let (target, list, label) = resolve(root, field);
        if target.get("properties").is_some() || target.get("oneOf").is_some_and(has_objects) {
            inner.push((step(path, name, list), label, target));
        }
        let default = match field.get("default") {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            None | Some(Value::Null) => String::new(),
            Some(value) => format!("`{value}`"),
        };
        let own = text(field, "description");
        let meaning = if own.is_empty() { text(target, "description") } else { own };
        let unit = text(field, "x-unit");
        let cells = [
            format!("`{name}`"),
            type_of(root, field),
            unit.to_owned(),
            default,
            range_of(field),
            meaning.split_whitespace().collect::<Vec<_>>().join(" "),
        ];
        let _ = writeln!(page, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
}

fn has_objects(kinds: &Value) -> bool {
    kinds.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind.get("properties").is_some()))
}

fn step(path: &str, name: &str, list: bool) -> String {
    let list = if list { "[]" } else { "" };
    if path.is_empty() { format!("{name}{list}") } else { format!("{path}.{name}{list}") }
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What a field refers to, whether it is a list of that, and the name of its kind.
fn resolve<'a>(root: &'a Value, field: &'a Value) -> (&'a Value, bool, String) {
    if let Some(items) = field.get("items") {
        let (target, _, label) = resolve(root, items);
        return (target, true, label);
    }
    if let Some(name) = text(field, "$ref").strip_prefix("#/definitions/") {
        return (root.pointer(&format!("/definitions/{name}")).unwrap_or(field), false, name.to_owned());
    }
    // A kind or null, or a kind with a description of its own.
    let first = ["anyOf", "allOf"].into_iter().find_map(|key| field.get(key)?.as_array()?.first());
    match first {
        Some(first) if field.get("properties").is_none() && text(first, "$ref").starts_with("#/definitions/") => {
            resolve(root, first)
        }
        _ => (field, false, text(field, "title").to_owned()),
    }
}

fn kind_name(root: &Value, kind: &Value) -> String {
    if let Some(value) = kind.get("const") {
        return format!("`{value}`");
    }
    if let Some(values) = kind.get("enum").and_then(Value::as_array) {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    let tagged = kind.pointer("/properties/kind/const").map(|tag| format!("a table of kind `{tag}`"));
    let single = || Some(format!("a table `{}`", kind.get("properties")?.as_object()?.keys().next()?));
    tagged.or_else(single).unwrap_or_else(|| type_of(root, kind))
}

/// As `number`, `list of tables`, or the values there are.
fn type_of(root: &Value, field: &Value) -> String {
    if let Some(items) = field.get("items") {
        return format!("list of {}", type_of(root, items));
    }
    let (target, _, _) = resolve(root, field);
    if target.get("properties").is_some() {
        return "table".into();
    }
    if let Some(kinds) = ["oneOf", "anyOf"].into_iter().find_map(|key| target.get(key)?.as_array()) {
        let kinds = kinds.iter().filter(|kind| text(kind, "type") != "null");
        return kinds.map(|kind| kind_name(root, kind)).collect::<Vec<_>>().join(", ");
    }
    if target.get("enum").is_some() || target.get("const").is_some() {
        return kind_name(root, target);
    }
    match target.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}

/// As `[1, 10]` or `> 0`.
fn range_of(field: &Value) -> String {
    let bound = |key: &str| field.get(key).map(|bound| bound.as_f64().map_or(bound.to_string(), shown));
    let low = (bound("minimum"), bound("exclusiveMinimum"));
    let high = (bound("maximum"), bound("exclusiveMaximum"));
    match (low, high) {
        ((Some(low), _), (Some(high), _)) => format!("[{low}, {high}]"),
        ((_, Some(low)), (Some(high), _)) => format!("({low}, {high}]"),
        ((Some(low), _), (_, Some(high))) => format!("[{low}, {high})"),
        ((Some(low), _), _) => format!("≥ {low}"),
        ((_, Some(low)), _) => format!("> {low}"),
        ((None, None), (Some(high), _)) => format!("≤ {high}"),
        _ => String::new(),
    }
}

fn shown(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-3..1e7).contains(&size) { format!("{number:e}") } else { number.to_string() }
}
