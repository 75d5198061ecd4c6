//! What a run proves as text for the terminal: one sentence per certificate.

use std::fmt::{self, Write};

use super::table::number;
use crate::lyapunov::certificate::{CertificateName, Claim, Standing};
use crate::lyapunov::{OfflineBounds, Omission};
use crate::text::escaped;

/// What the sentences call things.
pub(super) struct Words<'a> {
    /// What is minimized, as in "mean latency".
    pub(super) penalty: &'a str,
    pub(super) penalty_unit: &'a str,
    /// As in "mean overspend".
    pub(super) violation: &'a str,
    pub(super) violation_unit: &'a str,
    /// What is to be kept, as in "within the budgets".
    pub(super) limits: &'a str,
    /// What other policies do in every slot, as in "that plays a round in every slot".
    pub(super) acts: &'a str,
    /// At what cost, as in "and spends no more".
    pub(super) no_more: &'a str,
}

impl Words<'_> {
    fn penalty(&self, value: f64) -> String {
        with_unit(value, self.penalty_unit)
    }

    /// What a claim promises, and of which runs.
    fn sentence(&self, claim: &Claim, offline: Option<&OfflineBounds>) -> String {
        let Self { penalty, violation, limits, acts, no_more, .. } = self;
        let queues = |value| with_unit(value, self.violation_unit);
        let (value, bound) = (claim.value, claim.bound);
        match claim.name {
            CertificateName::C1 => {
                let of = claim.constraint.as_deref().unwrap_or("every constraint");
                format!("the mean {violation} of {of}, {}, is at most {}, by its queue", queues(value), queues(bound))
            }
            CertificateName::C2 => format!(
                "the mean {penalty} is at most {} on average over runs like this one, in slots that are independent and identically distributed",
                self.penalty(bound)
            ),
            CertificateName::C3 => {
                let upper = offline
                    .and_then(|of| of.upper_estimate)
                    .map_or_else(String::new, |upper| format!(", which has {} within {limits},", self.penalty(upper)));
                format!(
                    "the mean {penalty} of this run, {}, is at most {}, by comparison with the best mixture of the decisions looked at{upper} in the same slots",
                    self.penalty(value),
                    self.penalty(bound)
                )
            }
            CertificateName::C4 => format!(
                "the norm of all queues at the end of this run, {}, is at most {}, by the prices of D and that mixture",
                queues(value),
                queues(bound)
            ),
            CertificateName::C5 => format!(
                "the norm of all queues at the end of every frame of this run, up to {}, is at most {}, by decisions that keep {limits} with slack",
                queues(value),
                queues(bound)
            ),
            CertificateName::C7 => format!(
                "the mean {penalty} of this run, {}, is at most {}, by policies that keep {limits} in every frame and know it in advance",
                self.penalty(value),
                self.penalty(bound)
            ),
            CertificateName::D => format!(
                "no policy {acts} and {no_more}, even one that knows the future, has a mean {penalty} below {}: this run, with {}, is within {} of all of them",
                self.penalty(value),
                self.penalty(bound),
                self.penalty(bound - value)
            ),
        }
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{} {unit}", number(value)).trim_end().to_string()
}

/// Under which assumption a claim may be relied on.
fn standing(claim: &Claim) -> String {
    let violated = claim.assumptions.iter().find(|of| of.standing == Standing::Violated);
    match (violated, claim.holds, claim.is_verified()) {
        (Some(assumption), ..) => format!("NOT PROVED (assumed {}): ", assumption.statement),
        (None, true, true) => "proved: ".into(),
        (None, false, true) => "BROKEN: ".into(),
        (None, true, false) => "proved if slots are so: ".into(),
        (None, false, false) => "proved if slots are so (this run exceeds it): ".into(),
    }
}

/// Of each claim its name and a sentence, C1 of single constraints aside, which tables have; then, without a name, what is not given
/// and what was possible.
pub(super) fn sentences<'a>(
    words: &Words,
    claims: impl Iterator<Item = &'a Claim>,
    omissions: &[Omission],
    offline: Option<OfflineBounds>,
) -> Vec<(String, String)> {
    let mut said: Vec<(String, String)> = claims
        .filter(|claim| claim.name != CertificateName::C1)
        .map(|claim| {
            (claim.name.to_string(), format!("{}{}.", standing(claim), words.sentence(claim, offline.as_ref())))
        })
        .collect();
    let mut omitted: Vec<(String, &str)> = Vec::new();
    for omission in omissions {
        match omitted.iter_mut().find(|(_, reason)| *reason == omission.reason) {
            Some((names, _)) => *names += &format!(", {}", omission.name),
            None => omitted.push((omission.name.to_string(), &omission.reason)),
        }
    }
    said.extend(omitted.into_iter().map(|(names, reason)| (String::new(), format!("Not given: {names}: {reason}."))));
    if let Some(OfflineBounds { lower_bound, upper_estimate, .. }) = offline {
        let Words { penalty, limits, .. } = words;
        let upper = upper_estimate.map_or_else(String::new, |upper| format!("; {} can be had", words.penalty(upper)));
        let lower = words.penalty(lower_bound);
        said.push((
            String::new(),
            format!("Within {limits}, all slots known in advance: no mean {penalty} below {lower}{upper}."),
        ));
    }
    said
}

/// The same as text, a line each.
pub(super) fn write_certificates(said: &[(String, String)], f: &mut String) -> fmt::Result {
    if said.iter().any(|(name, _)| !name.is_empty()) {
        writeln!(f, "\nWhat the run proves")?;
    }
    for (name, sentence) in said {
        let sentence = escaped(sentence);
        match name.as_str() {
            "" => writeln!(f, "  {sentence}")?,
            name => writeln!(f, "  {name:<4}{sentence}")?,
        }
    }
    Ok(())
}
