//! Who is compared in a scenario where nobody is named.

use crate::scenario::Scenario;
use crate::simulation::{PolicyKind, Rounds, RunError};
use crate::solver::Settings;

const USUAL: [PolicyKind; 5] = [
    PolicyKind::Exact,
    PolicyKind::UniformSegments,
    PolicyKind::ProportionalSpeed,
    PolicyKind::FixedRadio,
    PolicyKind::NoPipeline,
];

/// The usual policies, without those that do not know what a scenario asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Who can play the scenario.
    pub policies: Vec<PolicyKind>,
    /// Who cannot, and why, in words.
    pub left_out: Vec<(PolicyKind, String)>,
}

impl Compared {
    /// Those of a scenario.
    ///
    /// # Errors
    /// As [`Rounds::with_policy`], for a scenario that nobody can play.
    pub fn of(scenario: &Scenario) -> Result<Self, RunError> {
        let mut compared = Self { policies: Vec::new(), left_out: Vec::new() };
        for kind in USUAL {
            let policy = kind.build(Settings::default(), scenario.spec().seed)?;
            match Rounds::with_policy(scenario, policy) {
                Ok(_) => compared.policies.push(kind),
                Err(RunError::Policy { reason, .. }) => compared.left_out.push((kind, reason)),
                Err(error) => return Err(error),
            }
        }
        Ok(compared)
    }

    /// Who is left out and why, in one line: those with the same reason together. None where nobody is.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let mut groups: Vec<(Vec<String>, &str)> = Vec::new();
        for (kind, reason) in &self.left_out {
            match groups.iter_mut().find(|(_, of)| of == reason) {
                Some((kinds, _)) => kinds.push(kind.to_string()),
                None => groups.push((vec![kind.to_string()], reason)),
            }
        }
        let shown: Vec<String> =
            groups.iter().map(|(kinds, reason)| format!("{} ({reason})", kinds.join(", "))).collect();
        (!shown.is_empty()).then(|| format!("left out: {}", shown.join("; ")))
    }
}
