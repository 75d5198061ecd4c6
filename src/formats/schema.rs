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
        let Some((_, rest)) = text.split_once(open) else { continue };
        let Some(end) = rest.find([']', ')']) else { continue };
        let Some((low, high)) = rest.get(..end).and_then(|inside| inside.split_once(", ")) else { continue };
        let most = if rest.get(end..=end) == Some("]") { "maximum" } else { "exclusiveMaximum" };
        if let (Some(low), Some(high)) = (number(low), number(high)) {
            range.insert(least.into(), low);
            range.insert(most.into(), high);
            return Some(range);
        }
    }
    for (sign, least) in [("> 0", "exclusiveMinimum"), ("≥ 1", "minimum")] {
        if text.contains(sign) {
            range.insert(least.into(), number(sign.trim_start_matches(['>', '≥', ' ']))?);
            return Some(range);
        }
    }
    None
}

/// A whole number without a point.
fn as_json(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { Value::from(number as i64) } else { Value::from(number) }
}

/// Puts a range where the numbers of a field are: of the field, or of each element of a list.
fn add_range(members: &mut Map<String, Value>, range: &Map<String, Value>) {
    let holds = |kind: &Value, name: &str| match kind {
        Value::String(one) => one == name,
        Value::Array(several) => several.iter().any(|one| one == name),
        _ => false,
    };
    let kind = members.get("type").cloned().unwrap_or_default();
    if holds(&kind, "number") || holds(&kind, "integer") {
        members.extend(range.clone());
    }
}
