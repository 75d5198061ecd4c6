//! What a run proves as text for the terminal.

use std::fmt::{self, Formatter};

use super::table::{Table, number};
use crate::lyapunov::Omission;
use crate::lyapunov::certificate::{CertificateName, Claim};
use crate::text::escaped;

/// What a table of certificates calls things.
pub(super) struct Words<'a> {
    /// What is minimized, as in "mean latency".
    pub(super) penalty: &'a str,
    pub(super) penalty_unit: &'a str,
    /// Mean violation, as in "least mean latency with this overspend".
    pub(super) violation: &'a str,
    pub(super) violation_unit: &'a str,
    /// What is to be kept, as in "within the budgets".
    pub(super) limits: &'a str,
}

impl Words<'_> {
    /// What a claim says, and its unit.
    fn meaning(&self, claim: &Claim) -> (String, &str) {
        let Self { penalty, penalty_unit, violation, violation_unit, .. } = self;
        let of = claim.constraint.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        match claim.name {
            CertificateName::C1 => (format!("mean {violation}{of}, by its queue"), violation_unit),
            CertificateName::C2 => (format!("mean {penalty}, by the offline optimum"), penalty_unit),
            CertificateName::C3 => (format!("mean {penalty}, by the offline mixture on the same slots"), penalty_unit),
            CertificateName::C4 => ("final |Q|, by the prices of D and that mixture".into(), violation_unit),
            CertificateName::C5 => ("largest |Q|, by Slater actions".into(), violation_unit),
            CertificateName::C7 => (format!("mean {penalty}, by the best of every frame"), penalty_unit),
            CertificateName::D => (format!("least mean {penalty} with this {violation}"), penalty_unit),
        }
    }
}

/// What may be concluded from a claim.
fn verdict(claim: &Claim) -> &'static str {
    match (claim.holds, claim.is_void(), claim.is_verified()) {
        (true, false, true) => "proved",
        (false, false, true) => "BROKEN",
        (true, false, false) => "holds; in expectation",
        (false, false, false) => "exceeded by this run; in expectation",
        (true, true, _) => "holds; slots are not independent",
        (false, true, _) => "exceeded; slots are not independent",
    }
}

/// Table of claims, what is not given, and what was possible: its lower bound and its upper estimate.
pub(super) fn write_certificates(
    words: &Words,
    claims: &[&Claim],
    omissions: &[Omission],
    offline: Option<(f64, Option<f64>)>,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    if !claims.is_empty() {
        let mut table = Table::new(&[&["Certificate", "value", "bound", "unit", "value <= bound"]]);
        for claim in claims {
            let (meaning, unit) = words.meaning(claim);
            let what = format!("{:<2}  {meaning}", claim.name.to_string());
            table.push(vec![what, number(claim.value), number(claim.bound), unit.into(), verdict(claim).into()]);
        }
        write!(f, "\n{table}")?;
    }
    let mut omitted: Vec<(String, &str)> = Vec::new();
    for omission in omissions {
        match omitted.iter_mut().find(|(_, reason)| *reason == omission.reason) {
            Some((names, _)) => *names += &format!(", {}", omission.name),
            None => omitted.push((omission.name.to_string(), &omission.reason)),
        }
    }
    for (names, reason) in omitted {
        writeln!(f, "  Not given: {names}: {}", escaped(reason))?;
    }
    if let Some((lower_bound, upper_estimate)) = offline {
        let Words { penalty, penalty_unit, limits, .. } = words;
        let with_unit = |value| format!("{} {penalty_unit}", number(value)).trim_end().to_string();
        let upper = upper_estimate.map_or_else(String::new, |upper| format!("; {} can be had", with_unit(upper)));
        let lower = with_unit(lower_bound);
        writeln!(f, "  Within {limits}, all slots known in advance: no mean {penalty} below {lower}{upper}.")?;
    }
    Ok(())
}
