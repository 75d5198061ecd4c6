//! Values in place of those of a scenario file: `clusters.0.devices.1.budget_j_per_round=50`.

use std::fmt;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;
use crate::text::nearest;

/// A field of a scenario file and the value that it is to have.
///
/// The path's steps are separated by dots. An element of a list is named by its place, from 0, by its `name`, or by `*`
/// for all elements; a step with a dot in it stands in quotation marks. The value is TOML; what is no TOML is taken as a
/// string, so that quotation marks may be left out.
///
/// ```
/// use collapipe::scenario::{Assignment, BUILTIN, ScenarioFile};
/// let set: Vec<Assignment> = vec![
///     "clusters.workshop.devices.nano-a.budget_j_per_round=50".parse()?,
///     "clusters.*.bandwidth_hz=10e6".parse()?,
///     "participation=all".parse()?,
/// ];
/// let file = ScenarioFile::parse_with(BUILTIN, "".as_ref(), &set)?;
/// assert_eq!(file.spec.clusters[0].devices[0].budget_j_per_round.map(|budget| budget.0), Some(50.0));
/// assert!(file.spec.clusters.iter().all(|cluster| cluster.bandwidth_hz.0 == 10e6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    path: Vec<String>,
    shown_path: String,
    value: String,
}

/// Why a value cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssignmentError {
    /// Not of the form `path=value`.
    #[error("{text}: must be path=value, as clusters.0.batch_size=16 or clusters.*.bandwidth_hz=10e6")]
    Form {
        /// What was given.
        text: String,
    },
    /// A value that begins like TOML, but is none.
    #[error("{assignment}: the value is not TOML: {message}")]
    Value {
        /// What was given.
        assignment: String,
        /// What is wrong.
        message: String,
    },
    /// A list that has no such element.
    #[error("{assignment}: {list} has no element {step}; must be {allowed}{}", did_you_mean(.near))]
    Element {
        /// What was given.
        assignment: String,
        /// Path of the list.
        list: String,
        /// What was asked for.
        step: String,
        /// What there is; completes "must be".
        allowed: String,
        /// Which name was probably meant.
        near: Option<String>,
    },
    /// A field that holds a single value.
    #[error("{assignment}: {path} holds {found}: there is no {step} in it")]
    Single {
        /// What was given.
        assignment: String,
        /// The field.
        path: String,
        /// What it holds.
        found: &'static str,
        /// What was asked for.
        step: String,
    },
}

fn did_you_mean(near: &Option<String>) -> String {
    near.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

impl Blamed for AssignmentError {
    fn blame(&self) -> Blame {
        match self {
            Self::Form { .. } | Self::Value { .. } | Self::Element { .. } | Self::Single { .. } => Blame::Input,
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Element { list, step, allowed, .. } => Some(FieldError::new(list, step, allowed)),
            Self::Form { .. } | Self::Value { .. } | Self::Single { .. } => None,
        }
    }
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.shown_path, self.value)
    }
}

impl FromStr for Assignment {
    type Err = AssignmentError;

    fn from_str(text: &str) -> Result<Self, AssignmentError> {
        let bad_form = || AssignmentError::Form { text: text.into() };
        let (path, value) = text.split_once('=').ok_or_else(bad_form)?;
        if value.trim().is_empty() {
            return Err(bad_form());
        }
        Self::new(path, value)
    }
}

impl Assignment {
    /// The value for the field at `path`.
    ///
    /// # Errors
    /// [`AssignmentError::Form`] for an empty path or step, [`AssignmentError::Value`] for a value that is not closed.
    pub fn new(path: &str, value: &str) -> Result<Self, AssignmentError> {
        let (path, value) = (path.trim(), value.trim());
        let shown = || format!("{path}={value}");
        let steps = steps(path).filter(|steps| !steps.is_empty() && steps.iter().all(|step| !step.is_empty()));
        let steps = steps.ok_or_else(|| AssignmentError::Form { text: shown() })?;
        let assignment = Self { path: steps, shown_path: path.into(), value: value.into() };
        match DeValue::parse(value) {
            Err(error) if value.starts_with(['"', '\'', '[', '{']) => Err(AssignmentError::Value {
                assignment: assignment.to_string(),
                message: error.message().split_whitespace().collect::<Vec<_>>().join(" "),
            }),
            _ => Ok(assignment),
        }
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.shown_path
    }

    /// The value as it was given.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Sets the value, and says where: several paths where a step was `*`.
    pub(super) fn apply<'a>(&'a self, root: &mut DeTable<'a>) -> Result<Vec<String>, AssignmentError> {
        let value = match DeValue::parse(&self.value) {
            Ok(value) => value.into_inner(),
            Err(_) => DeValue::String(self.value.as_str().into()),
        };
        let mut places = Vec::new();
        self.in_table(root, &self.path, String::new(), &value, &mut places)?;
        Ok(places)
    }

    fn in_table<'a>(
        &'a self,
        table: &mut DeTable<'a>,
        steps: &'a [String],
        path: String,
        value: &DeValue<'a>,
        places: &mut Vec<String>,
    ) -> Result<(), AssignmentError> {
        let Some((step, rest)) = steps.split_first() else { return Ok(()) };
        let path = if path.is_empty() { step.clone() } else { format!("{path}.{step}") };
        if !table.contains_key(step.as_str()) {
            // A field that was left out; one that does not exist is refused when the scenario is read.
            table.insert(Spanned::new(0..0, step.as_str().into()), Spanned::new(0..0, DeValue::Table(DeTable::new())));
        }
        match table.get_mut(step.as_str()) {
            Some(entry) => self.in_value(entry, rest, path, value, places),
            None => Ok(()),
        }
    }

    fn in_value<'a>(
        &'a self,
        entry: &mut Spanned<DeValue<'a>>,
        steps: &'a [String],
        path: String,
        value: &DeValue<'a>,
        places: &mut Vec<String>,
    ) -> Result<(), AssignmentError> {
        let Some((step, rest)) = steps.split_first() else {
            *entry.get_mut() = value.clone();
            places.push(path);
            return Ok(());
        };
        match entry.get_mut() {
            DeValue::Table(table) => self.in_table(table, steps, path, value, places),
            DeValue::Array(list) => {
                for index in self.elements(list, step, &path)? {
                    if let Some(element) = list.get_mut(index) {
                        self.in_value(element, rest, format!("{path}[{index}]"), value, places)?;
                    }
                }
                Ok(())
            }
            single => Err(AssignmentError::Single {
                assignment: self.to_string(),
                path,
                found: article(single.type_str()),
                step: step.clone(),
            }),
        }
    }

    /// The elements of a list that a step names.
    fn elements(&self, list: &DeArray, step: &str, path: &str) -> Result<Vec<usize>, AssignmentError> {
        if step == "*" {
            return Ok((0..list.len()).collect());
        }
        let names: Vec<&str> =
            list.iter().filter_map(|element| element.get_ref().get("name")?.get_ref().as_str()).collect();
        let named = |element: &Spanned<DeValue>| {
            element.get_ref().get("name").is_some_and(|name| name.get_ref().as_str() == Some(step))
        };
        // A name that is a number is a name first.
        let found = list.iter().position(named).or_else(|| step.parse().ok().filter(|index| *index < list.len()));
        found.map(|index| vec![index]).ok_or_else(|| {
            let places = match list.len() {
                0 => "none: the list is empty".to_owned(),
                1 => "0".to_owned(),
                length => format!("0 to {}", length - 1),
            };
            AssignmentError::Element {
                assignment: self.to_string(),
                list: path.into(),
                step: step.into(),
                allowed: if names.is_empty() { places } else { format!("{places}, or a name: {}", names.join(", ")) },
                near: nearest(step, &names).map(str::to_owned),
            }
        })
    }
}

fn article(kind: &'static str) -> &'static str {
    match kind {
        "integer" => "a whole number",
        "float" => "a number",
        "boolean" => "true or false",
        "string" => "a string",
        _ => "a single value",
    }
}

/// The steps of a path: separated by dots, `[0]` stands for `.0`, quotation marks hold what may have dots in it. None
/// where a quotation mark is not closed.
fn steps(path: &str) -> Option<Vec<String>> {
    let mut steps = vec![String::new()];
    let mut quoted = false;
    for c in path.chars() {
        match (c, steps.last_mut()) {
            ('"', _) => quoted = !quoted,
            ('.' | '[', _) if !quoted => steps.push(String::new()),
            (']', _) if !quoted => {}
            (_, Some(step)) => step.push(c),
            (_, None) => {}
        }
    }
    (!quoted).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str, assignment: &str) -> Result<Vec<String>, AssignmentError> {
        let assignment: Assignment = assignment.parse()?;
        let mut table = DeTable::parse(text).map_err(|_| AssignmentError::Form { text: text.into() })?;
        assignment.apply(table.get_mut())
    }

    const TEXT: &str = "a = 1\n[[n]]\nname = \"x\"\nk = { d = 2 }\n[[n]]\nname = \"y.z\"\n";

    #[test]
    fn places_of_paths() {
        for (assignment, places) in [
            ("a=2", vec!["a"]),
            ("b.c=2", vec!["b.c"]),
            ("n.0.k.d=3", vec!["n[0].k.d"]),
            ("n[0].k.d=3", vec!["n[0].k.d"]),
            ("n.x.k.d=3", vec!["n[0].k.d"]),
            ("n.\"y.z\".k.d=3", vec!["n[1].k.d"]),
            ("n.*.q=true", vec!["n[0].q", "n[1].q"]),
        ] {
            assert_eq!(set(TEXT, assignment), Ok(places.into_iter().map(str::to_owned).collect()), "{assignment}");
        }
    }

    #[test]
    fn a_text_with_values_reads_as_the_text_and_the_values_do() {
        use crate::scenario::{BUILTIN, ScenarioFile};
        let set = ["clusters.*.bandwidth_hz=1.5e7", "latency_weight=0.3", "participation=all"];
        let set = set.map(|text| text.parse::<Assignment>().unwrap());
        let written = ScenarioFile::text_with(BUILTIN, &set).unwrap();
        let read = |text: &str, set: &[Assignment]| ScenarioFile::parse_with(text, "".as_ref(), set).unwrap().spec;
        assert_eq!(read(&written, &[]), read(BUILTIN, &set));
        assert_ne!(read(&written, &[]), read(BUILTIN, &[]));
        assert_eq!(ScenarioFile::text_with(BUILTIN, &[]).unwrap(), BUILTIN);
        let unknown: Assignment = "clusters.nowhere.bandwidth_hz=1".parse().unwrap();
        let error = ScenarioFile::text_with(BUILTIN, &[unknown]).unwrap_err();
        assert_eq!(error.field().map(|field| (field.path, field.value)), Some(("clusters".into(), "nowhere".into())));
    }

    #[test]
    fn faults_of_paths() {
        for (assignment, message) in [
            ("a", "a: must be path=value"),
            ("a=", "a=: must be path=value"),
            ("=1", "=1: must be path=value"),
            ("a..b=1", "a..b=1: must be path=value"),
            ("a=[1", "a=[1: the value is not TOML"),
            ("a.b=1", "a.b=1: a holds a whole number: there is no b in it"),
            ("n.2.k=1", "n.2.k=1: n has no element 2; must be 0 to 1, or a name: x, y.z"),
            ("n.y-z.k=1", "n has no element y-z; must be 0 to 1, or a name: x, y.z; did you mean y.z?"),
        ] {
            let error = set(TEXT, assignment).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|error| error.contains(message)), "{assignment}: {error:?}");
        }
    }
}
