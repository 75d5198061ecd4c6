//! All faults of a text rather than the first: what is wrong is taken out, and the rest read again.

use std::ops::Range;

use super::MOST_LISTED;
use super::json::message_of;
use super::suggest::with_suggestion;

/// A parsed text from which a value can be read and parts can be taken.
pub(crate) trait Tree {
    /// Reads the value.
    ///
    /// # Errors
    /// The first fault.
    fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, TreeFault>;

    /// Takes a field or an element out; false where it is not there.
    fn remove(&mut self, path: &str) -> bool;
}

/// A fault that serde reports.
pub(crate) struct TreeFault {
    /// The field; empty for the whole.
    pub path: String,
    /// serde's message.
    pub message: String,
    /// Where it is, if the format knows.
    pub place: Option<Range<usize>>,
}

/// A value with the faults of the text it is from.
pub(crate) struct Repaired<T> {
    /// What is left without the parts that are wrong; none where too much is missing.
    pub value: Option<T>,
    /// The faults, at most twenty.
    pub faults: Vec<TreeFault>,
    /// Fields that were taken out.
    pub removed: Vec<String>,
}

/// Reads a value as often as there are faults. What is wrong is removed, so that the next one is seen; a field that is
/// missing takes along the element of a list that should have it.
pub(crate) fn repaired<T: serde::de::DeserializeOwned>(mut tree: impl Tree) -> Repaired<T> {
    let (mut faults, mut removed) = (Vec::new(), Vec::new());
    let mut whole = true;
    while faults.len() < MOST_LISTED {
        let mut fault = match tree.read() {
            Ok(value) => {
                without_misspelled(&mut faults);
                return Repaired { value: whole.then_some(value), faults, removed };
            }
            Err(fault) => fault,
        };
        let missing = missing(&fault);
        // What is taken out: the field, or the element that lacks one. Nothing can be read without the rest.
        let victim = match &missing {
            None => fault.path.clone(),
            Some(_) => fault.path.rfind(']').and_then(|end| fault.path.get(..=end)).unwrap_or_default().to_owned(),
        };
        let stands = |path: &str| before(&removed, path);
        let known = missing.as_ref().is_some_and(|path| removed.contains(&stands(path)));
        let standing = stands(&victim);
        whole &= missing.is_none();
        fault.path = stands(&fault.path);
        if !known {
            faults.push(fault);
        }
        if victim.is_empty() || !tree.remove(&victim) {
            break;
        }
        removed.push(standing);
    }
    without_misspelled(&mut faults);
    Repaired { value: None, faults, removed }
}

/// A field is not missing where it is misspelled.
fn without_misspelled(faults: &mut Vec<TreeFault>) {
    let meant = |fault: &TreeFault| {
        let message = with_suggestion(&fault.message);
        let name = message.split_once("did you mean `")?.1.split('`').next()?;
        let holder = fault.path.rsplit_once('.').map_or("", |(holder, _)| holder);
        Some(join(holder, name))
    };
    let meant: Vec<String> = faults.iter().filter_map(meant).collect();
    faults.retain(|fault| missing(fault).is_none_or(|path| !meant.contains(&path)));
}

/// The field that a fault says is missing.
fn missing(fault: &TreeFault) -> Option<String> {
    let name = fault.message.strip_prefix("missing field `")?.split('`').next()?;
    Some(join(&fault.path, name))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A path as it was before elements of lists were removed, whose followers moved up.
fn before(removed: &[String], path: &str) -> String {
    let mut path = path.to_owned();
    let mut elements: Vec<(&str, usize)> = removed.iter().filter_map(|path| element(path)).collect();
    elements.sort_unstable();
    for (list, gone) in elements {
        let rest = path.strip_prefix(list).and_then(|rest| rest.strip_prefix('['));
        let Some((index, rest)) = rest.and_then(|rest| rest.split_once(']')) else { continue };
        let Ok(index) = index.parse::<usize>() else { continue };
        if index >= gone {
            path = format!("{list}[{}]{rest}", index + 1);
        }
    }
    path
}

/// List and place of an element.
fn element(path: &str) -> Option<(&str, usize)> {
    let (list, index) = path.strip_suffix(']')?.rsplit_once('[')?;
    Some((list, index.parse().ok()?))
}

/// The steps of a path as `clusters[0].devices[1].name`: names, and places in lists.
pub(crate) fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty())
}

impl Tree for serde_json::Value {
    fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, TreeFault> {
        // As text: what reads a type from text is there already, and a reader of every type takes a while to compile.
        let text = self.to_string();
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&text)).map_err(|error| {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            TreeFault { path, message: message_of(error.inner()), place: None }
        })
    }

    fn remove(&mut self, path: &str) -> bool {
        let mut steps: Vec<&str> = steps(path).collect();
        let Some(last) = steps.pop() else { return false };
        let holder = steps.into_iter().try_fold(self, |value, step| match value {
            Self::Object(members) => members.get_mut(step),
            Self::Array(elements) => elements.get_mut(step.parse::<usize>().ok()?),
            _ => None,
        });
        match holder {
            Some(Self::Object(members)) => members.remove(last).is_some(),
            Some(Self::Array(elements)) => match last.parse::<usize>() {
                Ok(index) if index < elements.len() => {
                    elements.remove(index);
                    true
                }
                _ => false,
            },
            _ => false,
        }
    }
}
