//! JSON Schemas of the formats, generated from the types that read them.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::FileKind;
use crate::problem::{Answer, Decision, SlotSpec};
use crate::scenario::ScenarioSpec;
use crate::simulation::RunRecord;

impl FileKind {
    /// The format's JSON Schema (draft 7, which editors know best): what each field means, its unit in `x-unit`, its default
    /// and its range. What a schema cannot say, as that micro-batches divide the batch, only reading a file tells.
    ///
    /// ```
    /// use collapipe::formats::FileKind;
    /// let schema = FileKind::Scenario.schema();
    /// assert_eq!(schema["properties"]["slots"]["minimum"], 1);
    /// ```
    #[must_use]
    pub fn schema(self) -> Value {
        let mut schema = match self {
            Self::Scenario => of::<ScenarioSpec>(),
            Self::Problem => of::<SlotSpec>(),
            Self::Answer => of::<Answer>(),
            Self::Decision => of::<Decision>(),
            Self::Record => of::<RunRecord>(),
        };
        improve(&mut schema);
        if let Some(root) = schema.as_object_mut() {
            root.insert("title".into(), format!("collapipe {}", self.name()).into());
            if let Some(properties) =
                root.get_mut("properties").and_then(Value::as_object_mut).filter(|_| self.is_json())
            {
                properties.insert("$schema".into(), json!({ "type": "string" }));
            }
        }
        schema
    }

    /// Whether files of the format are JSON, where editors look for `$schema`.
    fn is_json(self) -> bool {
        self != Self::Scenario
    }
}

fn of<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    Schema::into(generator.into_root_schema_for::<T>())
}

/// Descriptions for readers of a file rather than of the code, and ranges that they state.
fn improve(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(text) = members.get("description").and_then(Value::as_str) {
                let text = plain(text);
                if let Some(range) = range(&text) {
                    add_range(members, &range);
                }
                members.insert("description".into(), text.into());
            }
            if let Some(Value::Object(fields)) = members.get_mut("properties") {
                fields.iter_mut().for_each(|(name, field)| add_unit(name, field));
            }
            // The size of an integer in memory says nothing about a file.
            if members.get("format").is_some_and(Value::is_string) {
                members.remove("format");
            }
            members.values_mut().for_each(improve);
        }
        Value::Array(elements) => elements.iter_mut().for_each(improve),
        _ => {}
    }
}

/// Text without the links of the code's documentation and without its examples.
fn plain(text: &str) -> String {
    let text = text.split("```").step_by(2).collect::<String>();
    // What a program does with it next says nothing about a file.
    let text = match text.split_once(", not yet validated: ") {
        Some((before, rest)) => {
            format!("{before}.{}", rest.find("\n\n").and_then(|end| rest.get(end..)).unwrap_or_default())
        }
        None => text,
    };
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(open) = rest.find("[`") {
        let (before, link) = rest.split_at(open);
        shown.push_str(before);
        let Some(close) = link.find("`]") else { break };
        shown.push_str(link.get(2..close).unwrap_or_default());
        rest = link.get(close + 2..).unwrap_or_default();
        // The target, where one is given.
        if let Some(target) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            rest = target.1;
        }
    }
    shown.push_str(rest);
    shown.trim().to_owned()
}

/// The numbers that a description admits: as `in [0, 1]`, `in (0, 1e9]` or `> 0`.
fn range(text: &str) -> Option<Map<String, Value>> {
    let number = |text: &str| text.trim().replace('_', "").parse::<f64>().ok().map(as_json);
    let mut range = Map::new();
    for (open, least) in [("in [", "minimum"), ("in (", "exclusiveMinimum")] {
        let Some((before, rest)) = text.split_once(open) else { continue };
        // What may also be something else, as in `0 (no link) or in [1e-30, 1e30]`, is no range.
        if before.trim_end().ends_with("or") {
            return None;
        }
        let Some(end) = rest.find([']', ')']) else { continue };
        let Some((low, high)) = rest.get(..end).and_then(|inside| inside.split_once(", ")) else { continue };
        let most = if rest.get(end..=end) == Some("]") { "maximum" } else { "exclusiveMaximum" };
        if let (Some(low), Some(high)) = (number(low), number(high)) {
            range.insert(least.into(), low);
            range.insert(most.into(), high);
            return Some(range);
        }
    }
    for (sign, least) in [("> 0", "exclusiveMinimum"), ("≥ 1", "minimum"), ("≥ 0", "minimum")] {
        if text.contains(sign) {
            range.insert(least.into(), number(sign.trim_start_matches(['>', '≥', ' ']))?);
            return Some(range);
        }
    }
    None
}

/// What names of fields end with, and the units that it means, for numbers whose type has none.
const UNITS: [(&str, &str); 14] = [
    ("_dbm_per_hz", "dBm/Hz"),
    ("_hz_per_w", "Hz/W"),
    ("_m_per_s", "m/s"),
    ("_s_per_j", "s/J"),
    ("_s_per_byte", "s/byte"),
    ("_bits_per_second", "bit/s"),
    ("_bits_per_second_by_slot", "bit/s"),
    ("_seconds", "s"),
    ("_mbps", "Mbit/s"),
    ("_dbi", "dBi"),
    ("_db", "dB"),
    ("_s", "s"),
    ("_j", "J"),
    ("latency_weight", "1/s"),
];

/// The unit that a field's name ends with, where its type does not say one.
fn add_unit(name: &str, field: &mut Value) {
    let Some(unit) = UNITS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, unit)| *unit) else { return };
    let Some(members) = field.as_object_mut() else { return };
    let numbers = |of: &Map<String, Value>| ["number", "integer"].iter().any(|kind| is(of.get("type"), kind));
    let of_list = members.get("items").and_then(Value::as_object).is_some_and(numbers);
    if (numbers(members) || of_list) && !members.contains_key("x-unit") {
        members.insert("x-unit".into(), unit.into());
    }
}

/// Whether a schema's `type` names a kind.
fn is(of: Option<&Value>, name: &str) -> bool {
    match of {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

/// A whole number without a point.
fn as_json(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { Value::from(number as i64) } else { Value::from(number) }
}

/// Puts a range where the numbers of a field are: of the field, or of each element of a list.
fn add_range(members: &mut Map<String, Value>, range: &Map<String, Value>) {
    let kind = members.get("type").cloned();
    if is(kind.as_ref(), "number") || is(kind.as_ref(), "integer") {
        members.extend(range.clone());
    } else if is(kind.as_ref(), "array")
        && let Some(Value::Object(items)) = members.get_mut("items")
    {
        add_range(items, range);
    }
}
