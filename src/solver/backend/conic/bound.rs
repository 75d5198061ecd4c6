//! A lower bound from prices alone, whoever proposed them: weak duality.
//!
//! For weights V_n ≥ 0 with Σ V_n = V, cap prices ν_j ≥ 0 with Σ ν_j ≤ A_c = V_n I (M−1) for each pace c, and band
//! prices λ_b ≥ 0, no feasible decision costs less than
//!
//! ```text
//! constant + Σ_n V_n constant_n + Σ_c [Σ_j ν_j offset_j + (A_c − Σ_j ν_j) floor_c] − Σ_b λ_b W_b
//!          + Σ_j min_{t,w} [(a_j + V_n m_j + ν_j) t + z_j p_j t + λ_b w]
//! ```
//!
//! because T ≥ T_n, u_c ≥ offset_j + t_j, u_c ≥ floor_c and Σ w ≤ W hold for it. Each minimum is a search in one
//! dimension ([`hop`](super::hop)).

use super::hop::{CheapestMessage, PricedMessage, minimize};
use crate::problem::ShadowPrices;
use crate::solver::backend::transmissions::{Band, RadioPoint, RadioProgram, RadioUse};

/// ConePrices of what the transmissions share.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ConePrices {
    /// λ: per shared band, in the order of [`RadioProgram::bands`] [1/Hz].
    pub band: Vec<f64>,
    /// V_n: price of a second of each cluster's latency.
    pub latency: Vec<f64>,
    /// ν: per transmission, 0 where it has no pace [1/s].
    pub cap: Vec<f64>,
    /// Per pace: price of its floor [1/s].
    pub floor: Vec<f64>,
}

impl ConePrices {
    /// Without prices of constraints that the point leaves slack by more than a thousandth of what they limit: an
    /// interior-point method keeps all prices above zero, and a little price times much slack is a weak bound.
    pub fn complementary(mut self, radio: &RadioProgram, point: &RadioPoint) -> Self {
        const SLACK: f64 = 1e-3;
        for (index, pace) in radio.paces.iter().enumerate() {
            let excess = |j: usize| {
                let sent = &radio.transmissions[j];
                sent.pace.map_or(0.0, |(_, offset)| (offset - pace.floor) + point.time[j])
            };
            // Paces are compared by their differences to the floor, beside which times on air may vanish.
            let slowest = radio.members(index).map(excess).fold(0.0, f64::max);
            let longest = radio.members(index).map(|j| point.time[j]).fold(0.0, f64::max);
            for j in radio.members(index) {
                if slowest - excess(j) > SLACK * point.time[j] {
                    self.cap[j] = 0.0;
                }
            }
            if slowest > SLACK * longest {
                self.floor[index] = 0.0;
            }
        }
        self
    }

    /// The same prices, within the bounds that weak duality asks for: negative ones cut, sums scaled to what they must
    /// be.
    pub fn made_valid(mut self, radio: &RadioProgram) -> Self {
        let clean = |prices: &mut Vec<f64>| {
            for price in prices {
                *price = if price.is_finite() { price.max(0.0) } else { 0.0 };
            }
        };
        clean(&mut self.band);
        clean(&mut self.latency);
        clean(&mut self.cap);
        clean(&mut self.floor);
        let sum: f64 = self.latency.iter().sum();
        if sum > 0.0 {
            self.latency.iter_mut().for_each(|price| *price *= radio.latency_price / sum);
        } else {
            let share = radio.latency_price / self.latency.len() as f64;
            self.latency.fill(share);
        }
        for (index, pace) in radio.paces.iter().enumerate() {
            let members = || radio.members(index);
            let spent: f64 = members().map(|j| self.cap[j]).sum::<f64>() + self.floor[index];
            let price = self.latency[pace.cluster] * pace.latency_uses;
            if spent > 0.0 {
                members().for_each(|j| self.cap[j] *= price / spent);
                self.floor[index] *= price / spent;
            } else {
                self.floor[index] = price;
            }
        }
        self
    }
}

impl RadioProgram {
    /// The transmissions of a pace.
    pub fn members(&self, pace: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.transmissions.len())
            .filter(move |&j| self.transmissions[j].pace.is_some_and(|(index, _)| index == pace))
    }

    /// The transmission's minimum at prices.
    fn best(&self, j: usize, prices: &ConePrices) -> Option<CheapestMessage> {
        let sent = &self.transmissions[j];
        let time = sent.time_price + prices.latency[sent.cluster] * sent.latency_uses + prices.cap[j];
        match sent.band {
            Band::Whole(width) => sent.at(time).on_band(width),
            Band::Shared(band) => sent.at(time).on_shared_band(prices.band[band]),
        }
    }

    /// What a transmission with this minimum adds to the bound.
    fn share(&self, j: usize, prices: &ConePrices, best: &CheapestMessage) -> f64 {
        best.cost + self.transmissions[j].pace.map_or(0.0, |(_, offset)| prices.cap[j] * offset)
    }

    /// The value of the dual at valid prices, and the times and bandwidths that attain the minima. `None` where a
    /// search failed or the value is not finite.
    pub(super) fn dual(&self, prices: &ConePrices) -> Option<(f64, RadioPoint)> {
        let latency: f64 = self.latency.iter().zip(&prices.latency).map(|(time, price)| time * price).sum();
        let floors: f64 = self.paces.iter().zip(&prices.floor).map(|(pace, price)| pace.floor * price).sum();
        let bands: f64 = self.bands.iter().zip(&prices.band).map(|(band, price)| band.width * price).sum();
        let mut value = self.constant + latency + floors - bands;
        let mut point = RadioPoint::default();
        for j in 0..self.transmissions.len() {
            let best = self.best(j, prices)?;
            value += self.share(j, prices, &best);
            point.time.push(best.time);
            point.band.push(best.band);
        }
        value.is_finite().then_some((value, point))
    }

    /// Moves each band price to where its part of the dual is largest, the other prices kept.
    pub(super) fn improve_band_prices(&self, prices: &ConePrices) -> ConePrices {
        let mut better = prices.clone();
        for (index, band) in self.bands.iter().enumerate() {
            let start = prices.band[index];
            if start <= 0.0 || band.sharers == 0 {
                continue;
            }
            let members: Vec<usize> =
                (0..self.transmissions.len()).filter(|&j| self.transmissions[j].band == Band::Shared(index)).collect();
            let part = |price: f64| {
                let mut at = prices.clone();
                at.band[index] = price;
                let share = |&j: &usize| self.best(j, &at).map_or(f64::NEG_INFINITY, |best| self.share(j, &at, &best));
                members.iter().map(share).sum::<f64>() - price * band.width
            };
            // The search minimizes positive functions: the loss against a value that is never reached.
            let here = part(start);
            let most = here.abs().max(start * band.width) * 4.0;
            let loss = |price: f64| (most - part(price)).max(0.0);
            if let Some(price) = minimize(loss, (start / 30.0, start * 30.0))
                && part(price) > here
            {
                better.band[index] = price;
            }
        }
        better
    }

    /// The prices in the names of the answer.
    pub(super) fn shadow_prices(&self, prices: &ConePrices) -> ShadowPrices {
        let clusters = self.latency.len();
        ShadowPrices {
            forward_band_per_hz: (0..clusters).map(|n| prices.band[2 * n]).collect(),
            backward_band_per_hz: (0..clusters).map(|n| prices.band[2 * n + 1]).collect(),
            uplink_per_hz: prices.band[self.uplink()],
            latency_share: prices.latency.iter().map(|price| price / self.latency_price).collect(),
            ..ShadowPrices::default()
        }
    }
}

impl RadioUse {
    /// The transmission at a price of its time, everything included.
    pub(super) fn at(&self, time_price: f64) -> PricedMessage {
        PricedMessage {
            nats: self.nats,
            gain: self.gain,
            max_power: self.max_power,
            time: time_price,
            energy: self.energy_price,
        }
    }
}
