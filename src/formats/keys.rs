//! The fields of a format as tables for reading, made of its schema.

use std::fmt::Write as _;

use serde_json::Value;

use super::FileKind;

/// An object that a field holds: the path to it, the name of its kind, its schema, and where else it is held.
struct Held<'a> {
    path: String,
    label: String,
    object: &'a Value,
    also: Vec<String>,
}

impl<'a> Held<'a> {
    /// Kinds without a name are where they stand, and nowhere else.
    fn new(path: String, label: String, object: &'a Value) -> Self {
        let label = if label.is_empty() { path.clone() } else { label };
        Self { path, label, object, also: Vec::new() }
    }
}

impl FileKind {
    /// Every field of the format with its unit, default and range, in Markdown: one table for each kind of object.
    #[must_use]
    pub fn keys(self) -> String {
        let schema = self.schema();
        let article = if self == Self::Answer { "an" } else { "a" };
        let mut page = format!(
            "# Fields of {article} {}\n\nMade from the schema: `collapipe schema {}`.",
            self.name(),
            self.word()
        );
        if matches!(self, Self::Scenario | Self::Problem) {
            page.push_str(" Numbers are finite and, where no range is given, 0 or of a magnitude in [1e-30, 1e30].");
        }
        page.push('\n');
        let mut sections: Vec<Held> = Vec::new();
        let mut open = vec![Held::new(String::new(), "root".into(), &schema)];
        while let Some(next) = open.pop() {
            if let Some(known) = sections.iter_mut().find(|section| section.label == next.label) {
                known.also.push(next.path);
                continue;
            }
            open.extend(held(&schema, &next).into_iter().rev());
            sections.push(next);
        }
        sections.iter().for_each(|section| write(&mut page, &schema, section));
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

/// Kinds of which a field holds one: each is a value, or an object with one member, or with a tag.
fn kinds(object: &Value) -> Option<&Vec<Value>> {
    ["oneOf", "anyOf"].into_iter().find_map(|key| object.get(key)?.as_array())
}

fn fields(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let fields = object.get("properties").and_then(Value::as_object).into_iter().flatten();
    fields.filter(|(name, _)| *name != "$schema")
}

/// What the fields of an object hold that has fields itself.
fn held<'a>(root: &'a Value, of: &Held<'a>) -> Vec<Held<'a>> {
    let own = [of.object];
    let kinds = kinds(of.object).filter(|_| of.object.get("properties").is_none());
    let objects: Vec<&Value> = kinds.map_or(own.to_vec(), |kinds| kinds.iter().collect());
    let mut inner = Vec::new();
    for (name, field) in objects.into_iter().flat_map(fields) {
        let (target, list, label) = resolve(root, field);
        if target.get("properties").is_some() || target.get("oneOf").is_some_and(has_objects) {
            inner.push(Held::new(step(&of.path, name, list), label, target));
        }
    }
    inner
}

/// One section.
fn write(page: &mut String, root: &Value, of: &Held) {
    // Writing to a string does not fail.
    if !of.path.is_empty() {
        let _ = write!(page, "\n## `{}`\n", of.path);
    }
    let about = text(of.object, "description");
    if !about.is_empty() {
        let _ = write!(page, "\n{about}\n");
    }
    if !of.also.is_empty() {
        let also: Vec<String> = of.also.iter().map(|path| format!("`{path}`")).collect();
        let _ = write!(page, "\nThe same fields: {}.\n", also.join(", "));
    }
    if of.object.get("properties").is_some() {
        return table(page, root, of.object);
    }
    let Some(kinds) = kinds(of.object) else { return };
    page.push_str("\nOne of\n\n");
    for kind in kinds {
        let _ = writeln!(page, "* {}", described(root, kind));
    }
    // Of kinds with a tag the other fields.
    for kind in kinds.iter().filter(|kind| tag(kind).is_some() && fields(kind).count() > 1) {
        let _ = write!(page, "\nFields of {}:\n", kind_name(root, kind));
        table(page, root, kind);
    }
}

/// A kind with its meaning.
fn described(root: &Value, kind: &Value) -> String {
    let scalar = fields(kind).next().filter(|_| tag(kind).is_none()).map(|(_, field)| type_of(root, field));
    let scalar = scalar.filter(|kind| kind == "number" || kind == "integer");
    let with = scalar.map_or(String::new(), |scalar| format!(" with a {scalar}"));
    match line(text(kind, "description")) {
        about if about.is_empty() => format!("{}{with}", kind_name(root, kind)),
        about => format!("{}{with}: {about}", kind_name(root, kind)),
    }
}

fn tag(kind: &Value) -> Option<&Value> {
    kind.pointer("/properties/kind/const")
}

/// On one line.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// More values than that have a list of their own (`collapipe presets`).
const FEW: usize = 8;

fn table(page: &mut String, root: &Value, object: &Value) {
    let required: Vec<&str> =
        object.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    page.push_str("\n| key | type | unit | default | range | meaning |\n|---|---|---|---|---|---|\n");
    for (name, field) in fields(object) {
        let (target, _, _) = resolve(root, field);
        let own = text(field, "description");
        let meaning = line(if own.is_empty() { text(target, "description") } else { own });
        let default = match field.get("default") {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            None | Some(Value::Null) => if_left_out(&meaning),
            Some(value) => format!("`{value}`"),
        };
        // Values that are tables have a section of their own, where all of them stand.
        let all = |kinds: &Vec<Value>| kinds.iter().all(|kind| kind.get("const").is_some());
        let values = kinds(target).filter(|kinds| (2..=FEW).contains(&kinds.len()) && all(kinds));
        let values: Vec<String> = values.into_iter().flatten().map(|kind| described(root, kind)).collect();
        let meaning = [vec![meaning], values].concat().join("<br>");
        let cells = [
            format!("`{name}`"),
            type_of(root, field),
            unit_of(root, field).unwrap_or_default().to_owned(),
            default,
            range_of(root, field),
            meaning,
        ];
        let _ = writeln!(page, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
}

/// What a description says to hold where the field is left out: of `Sent by all; none if left out.` it is `none`.
fn if_left_out(meaning: &str) -> String {
    let Some((before, _)) = meaning.split_once(" if left out") else { return String::new() };
    let from = before.rfind(['.', ';', ',', ':']).map_or(0, |place| place + 1);
    before.get(from..).unwrap_or_default().trim().to_owned()
}

/// The unit of a number, or of those in a list or matrix.
fn unit_of<'a>(root: &'a Value, field: &'a Value) -> Option<&'a str> {
    let own = text(field, "x-unit");
    if !own.is_empty() {
        return Some(own);
    }
    if let Some(items) = field.get("items") {
        return unit_of(root, items);
    }
    let (target, _, _) = resolve(root, field);
    if !std::ptr::eq(target, field) {
        return unit_of(root, target);
    }
    kinds(target)?.iter().find_map(|kind| unit_of(root, kind))
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
    let tagged = tag(kind).map(|tag| format!("a table of kind `{tag}`"));
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

/// As `[1, 10]` or `> 0`, of a number or of those in a list.
fn range_of(root: &Value, field: &Value) -> String {
    if let Some(items) = field.get("items") {
        return range_of(root, items);
    }
    let whole = type_of(root, field) == "integer";
    let bound =
        |key: &str| field.get(key).map(|bound| bound.as_f64().map_or(bound.to_string(), |bound| shown(bound, whole)));
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

/// A number of a range; of whole numbers every digit.
fn shown(number: f64, whole: bool) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-3..1e7).contains(&size) && !whole { format!("{number:e}") } else { number.to_string() }
}
