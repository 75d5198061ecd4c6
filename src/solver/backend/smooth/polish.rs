//! TermSearch without derivatives, in coordinates that keep all constraints.

use argmin::core::{CostFunction, Error, Executor};
use argmin::solver::neldermead::NelderMead;
use nalgebra::DVector;

use super::{SmoothSettings, TermSearch, WORST};
use crate::problem::Decision;
use crate::solver::backend::transmissions::{Band, RadioPoint};

/// Size of the first simplex, in logits.
const STEP: f64 = 0.05;
/// A power within e^−30 of its limit, or of zero, is at it.
const LOGIT: f64 = 30.0;

struct Cost<'a, 'b>(&'a TermSearch<'b>);

impl CostFunction for Cost<'_, '_> {
    type Param = DVector<f64>;
    type Output = f64;

    fn cost(&self, at: &DVector<f64>) -> Result<f64, Error> {
        let total = self.0.decoded(at).map_or(WORST, |decision| self.0.total(&decision));
        Ok(if total.is_finite() { total } else { WORST })
    }
}

impl TermSearch<'_> {
    /// Nelder-Mead around the best decision; whether it ended by itself, without an improvement beyond the tolerance.
    pub(super) fn polish(&mut self, settings: &SmoothSettings) -> bool {
        if settings.polish_iterations == 0 {
            return true;
        }
        let start = self.encoded();
        let corners = (0..start.len()).map(|axis| {
            let mut corner = start.clone();
            // Away from the limits, along which nothing changes.
            corner[axis] -= STEP * corner[axis].signum();
            corner
        });
        let simplex: Vec<DVector<f64>> = std::iter::once(start.clone()).chain(corners).collect();
        let spread = settings.tolerance * self.best.total.abs();
        let Ok(search) = NelderMead::new(simplex).with_sd_tolerance(spread) else { return false };
        let run = Executor::new(Cost(self), search)
            .configure(|state| state.max_iters(settings.polish_iterations))
            .timer(false)
            .run();
        let Ok(result) = run else { return false };
        let found = result.state.best_param.filter(|_| result.state.best_cost.is_finite());
        let gain = found.and_then(|best| self.decoded(&best)).map_or(0.0, |decision| self.take(decision));
        gain <= settings.tolerance
    }

    /// Logits of the shares of shared bands, then logits of the powers' fractions of their limits.
    fn encoded(&self) -> DVector<f64> {
        let point = self.radio.point(&self.best.decision);
        let shares = self.shared().map(|(j, width)| (point.band[j] / width).ln());
        let fractions = self.radio.transmissions.iter().enumerate().map(|(j, sent)| {
            let fraction = sent.power(point.time[j], point.band[j]) / sent.max_power;
            (fraction / (1.0 - fraction).max(0.0)).ln().clamp(-LOGIT, LOGIT)
        });
        DVector::from_vec(shares.chain(fractions).collect())
    }

    /// Transmissions on shared bands, with the band's width.
    fn shared(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.radio.transmissions.iter().enumerate().filter_map(|(j, sent)| match sent.band {
            Band::Shared(band) => Some((j, self.radio.bands[band].width)),
            Band::Whole(_) => None,
        })
    }

    fn decoded(&self, at: &DVector<f64>) -> Option<Decision> {
        let transmissions = &self.radio.transmissions;
        let mut point = RadioPoint { time: vec![0.0; transmissions.len()], band: vec![0.0; transmissions.len()] };
        let mut coordinates = at.iter();
        for (j, width) in self.shared() {
            point.band[j] = width * coordinates.next()?.exp();
        }
        for (j, sent) in transmissions.iter().enumerate() {
            if let Band::Whole(width) = sent.band {
                point.band[j] = width;
            }
            // Filled later; the time is set from the power on the final bandwidth.
            point.time[j] = f64::MIN_POSITIVE;
        }
        let mut point = self.radio.made_feasible(&point)?;
        for (j, sent) in transmissions.iter().enumerate() {
            let logit = coordinates.next()?;
            let power = sent.max_power / (1.0 + (-logit).exp());
            point.time[j] = sent.time_at(power, point.band[j]).max(point.time[j]);
        }
        Some(self.radio.decision(self.question, &point))
    }
}
