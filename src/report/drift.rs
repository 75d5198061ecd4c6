//! A run of a user's own problem in numbers.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use super::claims::{Words, sentences, write_certificates};
use super::table::{Table, number, or_dash};
use crate::lyapunov::certificate::Claim;
use crate::lyapunov::{
    Certificate, Comparison, DriftRecord, DriftRecordError, History, Labels, OfflineBounds, Omission, Proofs,
};
use crate::text::{WIDTH, wrapped};

/// A constraint over all slots, in the unit of [`Labels::violation_unit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConstraintSummary {
    /// Its name.
    pub name: String,
    /// Q(R).
    pub final_queue: f64,
    /// Certificate C1; none without slots.
    pub certificate: Option<Certificate>,
}

/// A run of a user's own problem in numbers; prints as a table for the terminal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DriftSummary {
    /// Names and units.
    pub labels: Labels,
    /// V.
    pub penalty_weight: f64,
    /// Slots played.
    pub slots: u64,
    /// avg p; none without slots.
    pub mean_penalty: Option<f64>,
    /// Largest C, in units of V·p; none without slots, and where it is not known for some slot.
    pub largest_gap: Option<f64>,
    /// One entry per constraint.
    pub constraints: Vec<ConstraintSummary>,
    /// What the run proves.
    pub certificates: Vec<Claim>,
    /// Certificates that cannot be given, and why.
    pub omitted_certificates: Vec<Omission>,
    /// What was possible; none for a run that was not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflineBounds>,
}

/// Sums up a run of a user's own problem: C1 of every constraint, and with a comparison all other certificates.
///
/// ```
/// use collapipe::lyapunov::DriftRecord;
/// use collapipe::report::drift_summary;
/// let json = r#"{"schema": "collapipe.drift-record/1", "version": "0.1.0", "penalty_weight": 2.0, "initial_queues": [0.0],
///     "labels": {"penalty": "cost", "penalty_unit": "EUR", "constraints": ["budget"]},
///     "slots": [{"slot": 0, "penalty": 1.0, "violations": [0.5], "queues": [0.5], "lower_bound": 2.0, "action": null}]}"#;
/// let record: DriftRecord = DriftRecord::from_json(json)?;
/// let summary = drift_summary(&record, None)?;
/// assert!(summary.certified());
/// assert!(summary.to_string().contains("cost 1.000 EUR"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`DriftRecordError`] for a record that is not that of a run.
pub fn drift_summary<A>(
    record: &DriftRecord<A>,
    comparison: Option<&Comparison>,
) -> Result<DriftSummary, DriftRecordError> {
    let history = record.history()?;
    let Proofs { claims, omissions, offline } = record.proofs(comparison)?;
    let constraint = |(index, name): (usize, &String)| ConstraintSummary {
        name: name.clone(),
        final_queue: history.final_queue().get(index).copied().unwrap_or_default(),
        certificate: Certificate::of(&history, index),
    };
    Ok(DriftSummary {
        labels: record.labels.clone(),
        penalty_weight: record.penalty_weight,
        slots: record.slots.len() as u64,
        mean_penalty: history.mean_penalty(),
        largest_gap: largest_gap(&history),
        constraints: record.labels.constraints.iter().enumerate().map(constraint).collect(),
        certificates: claims,
        omitted_certificates: omissions,
        offline,
    })
}

fn largest_gap(history: &History) -> Option<f64> {
    let gaps = history.steps().iter().map(|step| step.gap).collect::<Option<Vec<f64>>>()?;
    gaps.into_iter().reduce(f64::max)
}

impl DriftSummary {
    /// Whether everything that is proved of a drift-plus-penalty run holds: C1 of every constraint, and each
    /// certificate whose assumptions were all verified.
    #[must_use]
    pub fn certified(&self) -> bool {
        self.certificates.iter().all(|claim| claim.holds || !claim.is_verified())
    }
}

impl fmt::Display for DriftSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = f.width().unwrap_or(WIDTH);
        let mut text = String::new();
        self.write(width, &mut text)?;
        f.write_str(&wrapped(&text, width))
    }
}

impl DriftSummary {
    fn write(&self, width: usize, f: &mut String) -> fmt::Result {
        let Labels { penalty, penalty_unit, violation_unit, .. } = &self.labels;
        let mean = self
            .mean_penalty
            .map_or_else(String::new, |mean| format!(" | mean {penalty} {} {penalty_unit}", number(mean)));
        writeln!(f, "{} slots at V = {}{}", self.slots, self.penalty_weight, mean.trim_end())?;
        if let Some(gap) = self.largest_gap {
            match gap == 0.0 {
                true => writeln!(f, "  By the minimizer's own word every decision has its slot's least V p + Q g.")?,
                false => writeln!(
                    f,
                    "  By the minimizer's own bounds every decision is within {gap:.1e} of its slot's least V p + Q g."
                )?,
            }
        }
        if !self.constraints.is_empty() {
            let headers: [&[&str]; 2] = [
                &["Constraint", "queue", "mean violation", "C1 bound", "C1"],
                &["", violation_unit, violation_unit, violation_unit, ""],
            ];
            let mut table = Table::new(if violation_unit.is_empty() { &headers[..1] } else { &headers });
            for constraint in &self.constraints {
                let certificate = constraint.certificate;
                table.push(vec![
                    constraint.name.clone(),
                    number(constraint.final_queue),
                    or_dash(certificate, |c| number(c.mean_violation)),
                    or_dash(certificate, |c| number(c.bound)),
                    or_dash(certificate, |c| if c.holds() { "holds" } else { "BROKEN" }.into()),
                ]);
            }
            write!(f, "\n{table:width$}")?;
        }
        let words = Words {
            penalty,
            penalty_unit,
            violation: "violation",
            violation_unit,
            limits: "the constraints",
            acts: "with an action in every slot",
            no_more: "no larger violations",
        };
        write_certificates(&sentences(&words, self.certificates.iter(), &self.omitted_certificates, self.offline), f)
    }
}
