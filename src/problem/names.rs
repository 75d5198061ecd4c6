//! What clusters and devices are called, for messages that count them.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::slot::SlotSpec;
use crate::ground::check::FieldError;

/// The names of a problem's clusters and devices, in its order; empty where nothing has a name.
///
/// Messages speak of fields by their paths, which count from 0; [`Names::explain`] says who that is.
///
/// ```
/// use collapipe::problem::Names;
/// let names = Names::new([(Some("lab".into()), vec![Some("pi-1".into()), None])]);
/// let message = "clusters[0].devices[0].memory_bytes holds no block; clusters[0].forward[1]: node 1 sends";
/// let explained = "clusters[0].devices[0].memory_bytes (lab/pi-1) holds no block; \
///                  clusters[0].forward[1] (lab): node 1 (pi-1) sends";
/// assert_eq!(names.explain(message), explained);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Names {
    clusters: Vec<ClusterNames>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterNames {
    name: Option<String>,
    devices: Vec<Option<String>>,
}

impl Names {
    /// The names of clusters, each with those of its devices.
    pub fn new(clusters: impl IntoIterator<Item = (Option<String>, Vec<Option<String>>)>) -> Self {
        let clusters: Vec<_> = clusters.into_iter().map(|(name, devices)| ClusterNames { name, devices }).collect();
        let named = |of: &ClusterNames| of.name.is_some() || of.devices.iter().any(Option::is_some);
        if clusters.iter().any(named) { Self { clusters } } else { Self::default() }
    }

    /// Those of a problem.
    #[must_use]
    pub fn of(spec: &SlotSpec) -> Self {
        let names = spec
            .clusters
            .iter()
            .map(|cluster| (cluster.name.clone(), cluster.devices.iter().map(|device| device.name.clone()).collect()));
        Self::new(names)
    }

    /// Whether nothing has a name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }

    /// A cluster's name.
    #[must_use]
    pub fn cluster(&self, cluster: usize) -> Option<&str> {
        self.clusters.get(cluster)?.name.as_deref()
    }

    /// A device's name.
    #[must_use]
    pub fn device(&self, cluster: usize, device: usize) -> Option<&str> {
        self.clusters.get(cluster)?.devices.get(device)?.as_deref()
    }

    /// A node's name; control unit and edge server are called so.
    fn node(&self, cluster: usize, node: usize) -> Option<&str> {
        let devices = self.clusters.get(cluster)?.devices.len();
        match node.checked_sub(1) {
            None => Some("control-unit"),
            Some(k) if k == devices => Some("edge-server"),
            Some(k) => self.device(cluster, k),
        }
    }

    /// Whose field stands at a path that begins with `clusters[n]`, as `lab/pi-1` or `lab`.
    fn owner(&self, path: &str) -> Option<String> {
        let (cluster, rest) = index(path.strip_prefix("clusters[")?)?;
        let name = self.cluster(cluster);
        if let Some((k, _)) = rest.strip_prefix(".devices[").and_then(index)
            && let Some(device) = self.device(cluster, k)
        {
            return Some(name.map_or_else(|| device.into(), |name| format!("{name}/{device}")));
        }
        let ends = rest.strip_prefix(".gain_to_noise_hz_per_w[").and_then(index);
        let ends = ends.and_then(|(from, rest)| Some((from, index(rest.strip_prefix('[')?)?.0)));
        if let Some((from, to)) = ends
            && let (Some(from), Some(to)) = (self.node(cluster, from), self.node(cluster, to))
        {
            return Some(name.map_or_else(|| format!("{from} to {to}"), |name| format!("{name}: {from} to {to}")));
        }
        name.map(Into::into)
    }

    /// Says in an error whose field it is about.
    pub(crate) fn own(&self, mut error: FieldError) -> FieldError {
        error.owner = error.owner.or_else(|| self.owner(&error.path).map(Into::into));
        error
    }

    /// A message with the names after the paths `clusters[n]…` and after the `node k` and `device k` of the cluster spoken
    /// of last.
    #[must_use]
    pub fn explain(&self, message: &str) -> String {
        let mut explained = String::with_capacity(message.len());
        if self.is_empty() {
            explained.push_str(message);
            return explained;
        }
        let mut cluster = None;
        let mut rest = message;
        while !rest.is_empty() {
            let boundary = !explained.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
            let (token, name) = match boundary.then(|| self.token(rest, cluster)).flatten() {
                Some((token, name, spoken_of)) => {
                    cluster = Some(spoken_of);
                    (token, name)
                }
                None => (rest.chars().next().map_or(rest.len(), char::len_utf8), None),
            };
            let (said, left) = rest.split_at(token);
            explained.push_str(said);
            if let Some(name) = name {
                // Writing to a string does not fail.
                let _ = write!(explained, " ({name})");
            }
            rest = left;
        }
        explained
    }

    /// A path, a node or a device at the beginning of a text: its length, its name, and its cluster.
    fn token(&self, text: &str, cluster: Option<usize>) -> Option<(usize, Option<String>, usize)> {
        if let Some((n, _)) = text.strip_prefix("clusters[").and_then(index) {
            let part = |c: char| c.is_ascii_alphanumeric() || "_.[]".contains(c);
            let length = text.find(|c| !part(c)).unwrap_or(text.len());
            let path = text.split_at(length).0.trim_end_matches('.');
            return Some((path.len(), self.owner(path), n));
        }
        let n = cluster?;
        let number = |word: &str| {
            let digits = text.strip_prefix(word)?;
            let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            Some((word.len() + length, digits.split_at(length).0.parse::<usize>().ok()?))
        };
        if let Some((length, k)) = number("device ") {
            return Some((length, self.device(n, k).map(Into::into), n));
        }
        let (length, node) = number("node ")?;
        Some((length, self.node(n, node).map(Into::into), n))
    }
}

/// The index at the beginning of a text that goes on behind its bracket.
fn index(text: &str) -> Option<(usize, &str)> {
    let (digits, rest) = text.split_once(']')?;
    Some((digits.parse().ok()?, rest))
}
