//! The columns of a table of timings: what reads it, its schema and its documentation.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::schedule::ScheduleKind;

/// A column of a table of timings (CSV with a header).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimingColumn {
    /// Its name in the header.
    pub name: &'static str,
    /// What it is where it is left out or empty; `required`, or which columns it stands with.
    pub default: &'static str,
    /// What it means, in which unit.
    pub meaning: &'static str,
    kind: Kind,
}

/// What an entry is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Words,
    Counts,
    Seconds,
    Number,
    Count,
    Schedule,
}

const fn column(name: &'static str, default: &'static str, meaning: &'static str, kind: Kind) -> TimingColumn {
    TimingColumn { name, default, meaning, kind }
}

impl TimingColumn {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        column("devices", "", "name of each stage's device", Kind::Words),
        column("blocks", "with `devices`", "blocks on each, from 1", Kind::Counts),
        column("samples", "with `devices`", "samples of a micro-batch, > 0", Kind::Number),
        column(
            "stage_seconds",
            "instead of `devices`",
            "computing seconds of each stage per micro-batch, forward and backward together, where they are known",
            Kind::Seconds,
        ),
        column(
            "send_seconds",
            "with `stage_seconds`",
            "seconds on the link behind each stage per micro-batch, both ways together; of the last one not used",
            Kind::Seconds,
        ),
        column("micro_batches", "required", "M", Kind::Count),
        column("schedule", "`fill-drain`", "the order of the stages' work", Kind::Schedule),
        column("replicas", "1", "copies of the pipeline that wait for each other", Kind::Count),
        column("seconds", "required", "what was measured, > 0", Kind::Number),
    ];

    /// The JSON Schema (draft 7) of a row, with all entries as the texts that stand in the table and empty ones left out.
    #[must_use]
    pub fn schema() -> Value {
        let properties: Map<String, Value> =
            Self::ALL.iter().map(|column| (column.name.to_owned(), column.property())).collect();
        let with = |names: &[&str], without: &str| json!({ "required": names, "not": { "required": [without] } });
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "collapipe timings",
            "description": "A row of a table of timings (CSV with a header): one iteration. Entries of several stages are separated by spaces, in the order of the pipeline.",
            "type": "object",
            "properties": properties,
            "required": ["micro_batches", "seconds"],
            "oneOf": [
                with(&["devices", "blocks", "samples"], "stage_seconds"),
                with(&["stage_seconds", "send_seconds"], "devices"),
            ],
            "additionalProperties": false,
        })
    }

    /// The columns as a table of the documentation.
    #[must_use]
    pub fn markdown() -> String {
        let mut page = String::from("| column | default | meaning |\n|---|---|---|\n");
        for Self { name, default, meaning, kind } in Self::ALL {
            let choice = match kind {
                Kind::Schedule => format!(": {}", schedules(|name| format!("`{name}`")).join(", ")),
                _ => String::new(),
            };
            // Writing to a string does not fail.
            let _ = writeln!(page, "| `{name}` | {default} | {meaning}{choice} |");
        }
        page
    }

    fn property(&self) -> Value {
        const NUMBER: &str = r"[+]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?";
        let pattern = match self.kind {
            Kind::Words => r"^\S+( +\S+)*$".into(),
            Kind::Counts => r"^0*[1-9]\d*( +0*[1-9]\d*)*$".into(),
            Kind::Seconds => format!("^{NUMBER}( +{NUMBER})*$"),
            Kind::Number => format!("^{NUMBER}$"),
            Kind::Count => r"^0*[1-9]\d*$".into(),
            Kind::Schedule => return json!({ "description": self.meaning, "enum": schedules(str::to_owned) }),
        };
        json!({ "type": "string", "description": self.meaning, "pattern": pattern })
    }
}

fn schedules(shown: impl Fn(&str) -> String) -> Vec<String> {
    ScheduleKind::ALL.map(|kind| shown(kind.name())).to_vec()
}
