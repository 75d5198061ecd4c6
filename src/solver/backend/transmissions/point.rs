//! Durations and bandwidths, and the decision they make.

use super::{Band, RadioProgram, RadioUse};
use crate::ground::units::{Hertz, Watts};
use crate::problem::{ClusterDecision, Decision, Link, Phase, Transfer};
use crate::solver::backend::RadioFor;

/// What is decided about every transmission. The feasible points are a convex set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::solver::backend) struct RadioPoint {
    /// Per transmission [s].
    pub time: Vec<f64>,
    /// Per transmission [Hz].
    pub band: Vec<f64>,
}

impl RadioUse {
    /// Energy radiated by one use at time t on bandwidth w: (w/γ)(e^s − 1) t.
    pub fn radiated(&self, time: f64, band: f64) -> f64 {
        self.power(time, band) * time
    }

    /// p = (w/γ)(e^s − 1), s = d/(t w).
    pub fn power(&self, time: f64, band: f64) -> f64 {
        band / self.gain * (self.nats / (time * band)).exp_m1()
    }

    /// d/(w ln(1 + pγ/w)): time at power p.
    pub fn time_at(&self, power: f64, band: f64) -> f64 {
        self.nats / (band * (power * self.gain / band).ln_1p())
    }
}

impl RadioProgram {
    /// A feasible point next to the given one: shared bands filled, no transmission faster than full power. `None`
    /// where the point has a time or bandwidth that is not positive and finite.
    pub fn made_feasible(&self, point: &RadioPoint) -> Option<RadioPoint> {
        let mut point = point.clone();
        let usable = |value: &f64| value.is_finite() && *value > 0.0;
        let mut filled = vec![0.0; self.bands.len()];
        for (j, sent) in self.transmissions.iter().enumerate() {
            match sent.band {
                Band::Whole(width) => point.band[j] = width,
                Band::Shared(index) => filled[index] += point.band[j],
            }
        }
        for (j, sent) in self.transmissions.iter().enumerate() {
            if let Band::Shared(index) = sent.band {
                let band = self.bands[index];
                // The sum must not exceed the band by rounding either.
                let rounding = 1.0 - 2.0 * f64::EPSILON * band.sharers as f64;
                point.band[j] *= band.width / filled[index] * rounding;
            }
            if !usable(&point.band[j]) || !usable(&point.time[j]) {
                return None;
            }
            point.time[j] = point.time[j].max(sent.time_at(sent.max_power, point.band[j]));
        }
        Some(point)
    }

    /// The decision at a feasible point.
    pub fn decision(&self, question: &RadioFor, point: &RadioPoint) -> Decision {
        let nothing = Link { bandwidth_hz: Hertz(0.0), power_w: Watts(0.0) };
        let clusters = question.clusters.iter().map(|segments| {
            let active = segments.active.len();
            ClusterDecision {
                active: segments.active.clone(),
                sizes: segments.sizes.clone(),
                forward: vec![Some(nothing); active + 1],
                backward: vec![Some(nothing); active + 1],
                collection_power_w: vec![Some(Watts(0.0)); active],
                distribution_power_w: vec![Some(Watts(0.0)); active],
                upload: Some(nothing),
                ..ClusterDecision::default()
            }
        });
        let mut decision = Decision { plan: question.plan, clusters: clusters.collect() };
        for (j, sent) in self.transmissions.iter().enumerate() {
            let power = Watts(sent.power(point.time[j], point.band[j]).min(sent.max_power));
            let link = Link { bandwidth_hz: Hertz(point.band[j]), power_w: power };
            let choice = &mut decision.clusters[sent.cluster];
            match sent.transfer {
                Transfer::Hop { phase: Phase::Forward, hop } => choice.forward[hop] = Some(link),
                Transfer::Hop { phase: Phase::Backward, hop } => choice.backward[hop] = Some(link),
                Transfer::Collection { position } => choice.collection_power_w[position] = Some(power),
                Transfer::Distribution { position } => choice.distribution_power_w[position] = Some(power),
                Transfer::Upload => choice.upload = Some(link),
            }
        }
        decision
    }

    /// Durations and bandwidths of a decision that has the question's integers.
    #[cfg(feature = "smooth")]
    pub fn point(&self, decision: &Decision) -> RadioPoint {
        let mut point = RadioPoint::default();
        for sent in &self.transmissions {
            let link = sent.link(decision);
            let nats_per_second =
                crate::problem::shannon_rate(link.bandwidth_hz, link.power_w, sent.gain) * std::f64::consts::LN_2;
            point.band.push(link.bandwidth_hz.0);
            point.time.push(sent.nats / nats_per_second);
        }
        point
    }
}

#[cfg(feature = "smooth")]
impl RadioUse {
    /// The transmission's part of a decision.
    fn link(&self, decision: &Decision) -> Link {
        let choice = &decision.clusters[self.cluster];
        let upload = choice.upload.unwrap_or_default();
        let whole = |power_w: Option<Watts>| match self.band {
            Band::Whole(width) => Link { bandwidth_hz: Hertz(width), power_w: power_w.unwrap_or_default() },
            Band::Shared(_) => upload,
        };
        match self.transfer {
            Transfer::Hop { phase: Phase::Forward, hop } => choice.forward[hop].unwrap_or_default(),
            Transfer::Hop { phase: Phase::Backward, hop } => choice.backward[hop].unwrap_or_default(),
            Transfer::Collection { position } => whole(choice.collection_power_w[position]),
            Transfer::Distribution { position } => whole(choice.distribution_power_w[position]),
            Transfer::Upload => upload,
        }
    }
}
