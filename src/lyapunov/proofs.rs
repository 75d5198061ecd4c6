//! All certificates of a history, and why some cannot be given.

use serde::{Deserialize, Serialize};

use super::certificate::{
    Assumption, CertificateError, CertificateName, Claim, Standing, against_optimum, against_policy, frames,
    queue_norm_on_path, slater, weak_duality,
};
use super::comparison::Comparison;
use super::history::squared;
use super::{Certificate, History};

/// A certificate that cannot be given, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Omission {
    /// Which certificate.
    pub name: CertificateName,
    /// Why.
    pub reason: String,
}

/// The least mean penalty that was possible with the constraints kept on average, all states known in advance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OfflineBounds {
    /// No policy, not even one that knew all states, has a smaller mean penalty within the constraints: weak duality.
    pub lower_bound: f64,
    /// That of a mixture of the actions that were examined; none where no mixture keeps the constraints.
    pub upper_estimate: Option<f64>,
    /// The Lagrangian gap avg p + μ·avg g − mean d: by how much the run's mean penalty is at most above that of any policy
    /// with an action in every slot and no larger mean violations, even one that knew all states in advance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
}

/// What a run proves.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Proofs {
    /// C1 of every constraint, then what the comparison gives.
    pub claims: Vec<Claim>,
    /// Certificates that cannot be given.
    pub omissions: Vec<Omission>,
    /// What was possible; none without a comparison, or without certified minima.
    pub offline: Option<OfflineBounds>,
}

/// Where a run was not compared, or not with its own slots.
pub(crate) const NOT_COMPARED: &str = "the run was not compared with what else was possible";

impl Proofs {
    /// No certificates: the data are not a history, for the reason given.
    pub(crate) fn none(reason: &str) -> Self {
        use CertificateName::{C1, C2, C3, C4, C5, C7, D};
        let mut proofs = Self::default();
        proofs.omit(&[C1, C2, C3, C4, C5, C7, D], reason);
        proofs
    }

    /// C1 of every constraint, by `names`.
    pub(crate) fn of_queues<'a>(history: &History, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of_certificates(
            names.into_iter().enumerate().map(|(index, name)| (name, Certificate::of(history, index))),
        )
    }

    /// These C1, by the names of their constraints.
    pub(crate) fn of_certificates<'a>(each: impl IntoIterator<Item = (&'a str, Option<Certificate>)>) -> Self {
        let claims = each.into_iter().filter_map(|(name, c1)| Some(c1?.claim(name)));
        Self { claims: claims.collect(), ..Self::default() }
    }

    /// Drops everything but C1.
    pub(crate) fn without_comparison(mut self, reason: &str) -> Self {
        use CertificateName::{C2, C3, C4, C5, C7, D};
        self.omit(&[C2, C3, C4, C5, C7, D], reason);
        self
    }

    /// All certificates of a history whose constraints have these names.
    ///
    /// C1 needs nothing else. Of the comparison C2 and C3 need the offline optimum, C4 that and the minima, C5 Slater
    /// actions, C7 frames, D the minima; each certificate that cannot be given is listed with the reason.
    #[must_use]
    pub fn new<'a>(
        history: &History,
        names: impl IntoIterator<Item = &'a str>,
        comparison: Option<&Comparison>,
    ) -> Self {
        use CertificateName::{C2, C3, C4, C5, C7, D};
        let names: Vec<&str> = names.into_iter().collect();
        let mut proofs = Self::of_queues(history, names.iter().copied());
        let Some(compared) = comparison else { return proofs.without_comparison(NOT_COMPARED) };
        let upper = compared.upper_estimate();
        // Where the multiplier is far off, the least penalty says more.
        let lower = match (compared.mean_minimum(), compared.least_penalty) {
            (Some(dual), Some(least)) => Some(dual.max(least)),
            (dual, _) => dual,
        };
        proofs.offline = lower.map(|lower_bound| OfflineBounds { lower_bound, upper_estimate: upper, distance: None });
        let text = |error: CertificateError| error.to_string();
        match (&compared.optimum, upper) {
            (Some(policy), Some(optimum)) => {
                let c2 = against_optimum(history, optimum).map(|claim| compared.in_expectation(claim));
                proofs.take(C2, c2.map_err(text));
                proofs.take(C3, against_policy(history, policy).map_err(text));
                let c4 =
                    compared.minima.as_ref().ok_or_else(|| NO_MINIMA.to_string()).and_then(|minima| {
                        queue_norm_on_path(history, &compared.multiplier, minima, policy).map_err(text)
                    });
                proofs.take(C4, c4);
            }
            _ => {
                let why = compared.without_optimum.as_deref().unwrap_or("the record has no offline optimum");
                proofs.omit(&[C2, C3, C4], why);
            }
        }
        let (frame, actions) = &compared.slater;
        proofs.take(C5, slater(history, *frame, actions).map_err(|error| compared.no_slack(error, &names)));
        let c7 = match &compared.framed {
            Some((frame, _)) if *frame >= history.steps().len() => {
                Err("the shortest frame that the decisions looked at can plan within the budgets is the whole run: C7 would be C3".into())
            }
            Some((frame, policy)) => frames(history, *frame, policy).map_err(text),
            None => Err("no frame can be planned within the budgets by the decisions looked at".into()),
        };
        proofs.take(C7, c7);
        let d = match &compared.minima {
            Some(minima) => weak_duality(history, &compared.multiplier, minima).map_err(text),
            None => Err(NO_MINIMA.into()),
        };
        let distance = d.as_ref().ok().map(|claim| claim.bound - claim.value);
        if let Some(offline) = &mut proofs.offline {
            offline.distance = distance;
        }
        proofs.take(D, d);
        proofs.drop_vacuous(history, compared.least_penalty);
        proofs
    }

    /// The claim of this name, for C1 the first one; none where it was not given.
    #[must_use]
    pub fn claim(&self, name: CertificateName) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.name == name)
    }

    /// Leaves out what says no more than is known without it.
    fn drop_vacuous(&mut self, history: &History, least_penalty: Option<f64>) {
        let known = Known::of(history, least_penalty);
        let claims = std::mem::take(&mut self.claims);
        for claim in claims {
            match known.instead_of(&claim) {
                Some(reason) => self.omit(&[claim.name], &reason),
                None => self.claims.push(claim),
            }
        }
    }

    fn omit(&mut self, names: &[CertificateName], reason: &str) {
        self.omissions.extend(names.iter().map(|&name| Omission { name, reason: reason.into() }));
    }

    fn take(&mut self, name: CertificateName, claim: Result<Claim, String>) {
        match claim {
            Ok(claim) => self.claims.push(claim),
            Err(reason) => self.omit(&[name], &reason),
        }
    }
}

const NO_MINIMA: &str = "the minimizer gave no lower bound for some slot";

/// What bounds a run without any certificate.
struct Known {
    /// No mean penalty is above the largest.
    largest_penalty: f64,
    /// |Q(0)| + Σ |g|: no queue gets longer than by what is added to it.
    all_violations: f64,
    least_penalty: Option<f64>,
}

impl Known {
    fn of(history: &History, least_penalty: Option<f64>) -> Self {
        let norms = history.steps().iter().map(|step| squared(&step.violations).sqrt());
        Self {
            largest_penalty: history.steps().iter().map(|step| step.penalty).fold(f64::NEG_INFINITY, f64::max),
            all_violations: squared(history.initial()).sqrt() + norms.sum::<f64>(),
            least_penalty,
        }
    }

    /// Why a claim says nothing; none where it says something, or does not hold.
    fn instead_of(&self, claim: &Claim) -> Option<String> {
        use CertificateName::{C3, C4, C5, C7, D};
        let above = |known: f64| claim.bound > known + Claim::TOLERANCE * known.abs();
        let bound = claim.bound;
        match claim.name {
            C3 | C7 if claim.holds && above(self.largest_penalty) => {
                let known = self.largest_penalty;
                Some(format!("its bound {bound:.4e} is above the largest penalty of any slot of the run, {known:.4e}"))
            }
            C4 | C5 if claim.holds && above(self.all_violations) => {
                let known = self.all_violations;
                Some(format!("its bound {bound:.4e} is above |Q(0)| and the sum of all |g|, {known:.4e}"))
            }
            D if claim.holds => {
                let known = self.least_penalty.filter(|least| claim.value < *least)?;
                let value = claim.value;
                Some(format!("its lower bound {value:.4e} is below {known:.4e}, which no penalty is below"))
            }
            _ => None,
        }
    }
}

impl Comparison {
    /// Why C5 cannot be given.
    fn no_slack(&self, error: CertificateError, names: &[&str]) -> String {
        let CertificateError::NoSlack { frame, constraint, violation } = error else { return error.to_string() };
        match &self.without_slack {
            Some(reason) => format!(
                "{reason}; nor do mixtures of the decisions looked at keep every budget with slack in every frame"
            ),
            None => {
                let name =
                    names.get(constraint).map_or_else(|| format!("constraint {constraint}"), |name| (*name).into());
                format!(
                    "no decisions found that keep every constraint with slack in every frame: in frame {frame} the best ones have a sum of g of {violation:.3} for {name}"
                )
            }
        }
    }

    /// Replaces the assumption on the slots by what is known of them.
    fn in_expectation(&self, mut claim: Claim) -> Claim {
        if let Some(reason) = &self.dependence {
            let assumption = claim.assumptions.iter_mut().find(|assumption| assumption.standing == Standing::Assumed);
            if let Some(assumption) = assumption {
                *assumption = Assumption::violated(format!("{}: {reason}", assumption.statement));
            }
        }
        claim
    }
}

#[cfg(test)]
mod tests;
