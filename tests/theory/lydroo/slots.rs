//! The off-loading problem of LyDROO (Bi et al. 2021) as an own slot problem, with an exact minimizer.
//!
//! Units: Mbit, MHz, J. Ten users; each computes locally (mode 0) or shares the uplink's time (mode 1). Backlogs of
//! data are queues Q with g = arrival − r; the energy queues of the file, Y ← max(Y + 1000 (e − 0.08), 0), enter as
//! Y/10 with g = 100 (e − 0.08), because the objective weighs 10 Y e and the standard form needs queue · g. Nobody
//! processes more than his backlog, r ≤ Q: here the set of actions depends on the queues.

use std::convert::Infallible;

use collapipe::lyapunov::{DriftProblem, Labels, Minimum, Weights};
use lambert_w::lambert_w0;
use serde::{Deserialize, Serialize};

use crate::support::shared;

/// Scale of the energy queues.
pub const SCALE: f64 = 10.0;
/// Local rate per MHz, energy per MHz³.
const BITS_PER_CYCLE: f64 = 1.0 / 100.0;
const CUBIC: f64 = 1e-8;

#[derive(Deserialize)]
pub struct File {
    #[serde(rename = "V")]
    pub v: f64,
    pub weights: Vec<f64>,
    pub energy_threshold_J: f64,
    pub energy_queue_factor: f64,
    pub vu: f64,
    #[serde(rename = "W_MHz")]
    pub bandwidth_mhz: f64,
    #[serde(rename = "N0_dBm_per_Hz")]
    pub noise_dbm_per_hz: f64,
    #[serde(rename = "P_max_W")]
    pub power_w: f64,
    pub f_max_MHz: f64,
    pub cycles_per_bit: f64,
    pub h: Vec<Vec<f64>>,
    #[serde(rename = "Q")]
    pub q: Vec<Vec<f64>>,
    #[serde(rename = "Y")]
    pub y: Vec<Vec<f64>>,
    pub arrival: Vec<Vec<f64>>,
    pub mode: Vec<Vec<u8>>,
    pub rate: Vec<Vec<f64>>,
    pub energy: Vec<Vec<f64>>,
    pub objective: Vec<f64>,
}

impl File {
    /// The recorded slots, or `None` (said on standard output) where they are absent and were not asked for.
    pub fn read() -> Option<Self> {
        let text = std::fs::read_to_string(shared("checks/lydroo_slots.json")?).unwrap();
        let file: Self = serde_json::from_str(&text).unwrap();
        // What the constants of this module stand for.
        assert_eq!((file.cycles_per_bit, file.energy_queue_factor), (1.0 / BITS_PER_CYCLE, 100.0 * SCALE));
        Some(file)
    }

    pub fn problem(&self) -> Lydroo {
        Lydroo {
            weights: self.weights.clone(),
            rate_factor: self.bandwidth_mhz / self.vu,
            threshold: self.energy_threshold_J,
            power: self.power_w,
            clock: self.f_max_MHz,
        }
    }

    pub fn state(&self, slot: usize) -> State {
        // N0 W in watts: the density is in dBm/Hz.
        let noise = self.bandwidth_mhz * 1e6 * 10f64.powf(self.noise_dbm_per_hz / 10.0) * 1e-3;
        State {
            gain: self.h[slot].iter().map(|h| h / noise).collect(),
            arrival: self.arrival[slot].clone(),
            offload: self.mode[slot].iter().map(|mode| *mode == 1).collect(),
        }
    }

    pub fn states(&self) -> impl Iterator<Item = State> {
        (0..self.h.len()).map(|slot| self.state(slot))
    }

    /// Q and Y/10 as a slot was decided.
    pub fn queues(&self, slot: usize) -> Vec<f64> {
        self.q[slot].iter().copied().chain(self.y[slot].iter().map(|y| y / SCALE)).collect()
    }
}

/// Channels, arrivals, and who off-loads.
pub struct State {
    /// g = h/(N0 W), per watt.
    pub gain: Vec<f64>,
    pub arrival: Vec<f64>,
    pub offload: Vec<bool>,
}

/// What every user does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidatePlan {
    pub rate: Vec<f64>,
    pub energy: Vec<f64>,
    /// Of the uplink; 0 for a user who computes.
    pub share: Vec<f64>,
}

pub struct Lydroo {
    weights: Vec<f64>,
    /// W/vu, in MHz.
    rate_factor: f64,
    threshold: f64,
    power: f64,
    clock: f64,
}

impl DriftProblem for Lydroo {
    type State = State;
    type Action = CandidatePlan;
    type Error = Infallible;

    fn labels(&self) -> Labels {
        let users = 1..=self.weights.len();
        let data = users.clone().map(|user| format!("data {user}"));
        Labels::new("minus weighted rate", "Mbit", data.chain(users.map(|user| format!("energy {user}"))))
    }

    fn minimize(&mut self, state: &State, weights: Weights) -> Result<Minimum<CandidatePlan>, Infallible> {
        let users = self.weights.len();
        let (backlogs, energy_queues) = weights.queues.split_at(users);
        // max Σ a r − y e
        let value: Vec<f64> = (0..users).map(|i| backlogs[i] + weights.penalty * self.weights[i]).collect();
        let price: Vec<f64> = energy_queues.iter().map(|queue| 100.0 * queue).collect();
        let mut plan = CandidatePlan { rate: vec![0.0; users], energy: vec![0.0; users], share: vec![0.0; users] };
        let mut upper = 0.0;
        let mut senders = Vec::new();
        for i in 0..users {
            if state.offload[i] {
                senders.push(Sender {
                    user: i,
                    value: value[i],
                    price: price[i],
                    gain: state.gain[i],
                    backlog: backlogs[i],
                    factor: self.rate_factor,
                    power: self.power,
                });
            } else {
                // a f/100 − y 1e-8 f³, a concave function.
                let best = (value[i] * BITS_PER_CYCLE / (3.0 * CUBIC * price[i])).sqrt();
                let clock = best.min(backlogs[i] / BITS_PER_CYCLE).min(self.clock);
                plan.rate[i] = clock * BITS_PER_CYCLE;
                plan.energy[i] = CUBIC * clock.powi(3);
                upper += value[i] * plan.rate[i] - price[i] * plan.energy[i];
            }
        }
        let (shares, dual) = share_out(&senders);
        upper += dual;
        for (sender, share) in senders.iter().zip(shares) {
            (plan.rate[sender.user], plan.energy[sender.user]) = sender.use_of(share);
            plan.share[sender.user] = share;
        }
        let penalty = -(0..users).map(|i| self.weights[i] * plan.rate[i]).sum::<f64>();
        let data = (0..users).map(|i| state.arrival[i] - plan.rate[i]);
        let energy = plan.energy.iter().map(|e| 100.0 * (e - self.threshold));
        let violations: Vec<f64> = data.chain(energy).collect();
        // The part of V p + Q g that nobody can change, less an upper bound on what can be gained.
        let fixed: f64 =
            (0..users).map(|i| backlogs[i] * state.arrival[i] - energy_queues[i] * 100.0 * self.threshold).sum();
        Ok(Minimum::new(plan, penalty, violations).with_lower_bound(fixed - upper))
    }
}

/// A user who off-loads, for a given share τ of the uplink: max a r − y e, r ≤ Q, r ≤ τ k ln(1 + g e/τ), e ≤ P τ.
struct Sender {
    user: usize,
    value: f64,
    price: f64,
    gain: f64,
    backlog: f64,
    factor: f64,
    power: f64,
}

impl Sender {
    /// Mbit per share and neper.
    fn per_neper(&self) -> f64 {
        self.factor / std::f64::consts::LN_2
    }

    /// The best power where the backlog does not bind: a k g/(1 + g ρ) = y.
    fn free_power(&self) -> f64 {
        (self.value * self.per_neper() / self.price - 1.0 / self.gain).clamp(0.0, self.power)
    }

    /// Rate and energy of the best use of a share.
    fn use_of(&self, share: f64) -> (f64, f64) {
        if share <= 0.0 {
            return (0.0, 0.0);
        }
        let rate = share * self.free().0;
        if rate <= self.backlog {
            return (rate, share * self.free_power());
        }
        let needed = (self.backlog / (share * self.per_neper())).exp_m1() / self.gain;
        (self.backlog, share * needed)
    }

    fn gain_of(&self, share: f64) -> f64 {
        let (rate, energy) = self.use_of(share);
        self.value * rate - self.price * energy
    }

    /// Rate per share where the backlog does not bind, and what a share then gains.
    fn free(&self) -> (f64, f64) {
        let power = self.free_power();
        let speed = self.per_neper() * (self.gain * power).ln_1p();
        (speed, self.value * speed - self.price * power)
    }

    /// The share in [0, 1] that is best at a price λ of shares.
    fn share_at(&self, price: f64) -> f64 {
        let (speed, gain) = self.free();
        if self.backlog <= 0.0 || speed <= 0.0 || gain <= price {
            return 0.0;
        }
        // From here on the backlog is emptied, and a larger share saves energy: with x = Q/(k τ) the gain's slope is
        // (y/g) ((x − 1) eˣ + 1).
        let emptied = self.backlog / speed;
        let saving = if self.price > 0.0 {
            self.backlog / (self.per_neper() * exponent(price * self.gain / self.price))
        } else {
            0.0
        };
        saving.max(emptied).min(1.0)
    }

    /// Slopes of the gain left and right of a share.
    fn slopes(&self, share: f64) -> (f64, f64) {
        let (speed, gain) = self.free();
        if self.backlog <= 0.0 || speed <= 0.0 {
            return (0.0, 0.0);
        }
        let emptied = self.backlog / speed;
        let saving = self.price / self.gain * saved(self.backlog / (self.per_neper() * share.max(emptied)));
        // The kink, give or take the rounding of the share.
        let room = 4.0 * f64::EPSILON * emptied;
        (if share <= emptied + room { gain } else { saving }, if share >= emptied - room { saving } else { gain })
    }

    /// An upper bound on gain − λ τ over [0, 1], by concavity, from any share: exact where that is the best one.
    fn most(&self, price: f64, share: f64) -> f64 {
        let (left, right) = self.slopes(share);
        let beyond = ((right - price) * (1.0 - share)).max((price - left) * share).max(0.0);
        self.gain_of(share) - price * share + beyond
    }
}

/// (x − 1) eˣ + 1, without cancellation in the ones.
fn saved(x: f64) -> f64 {
    (x - 1.0) * x.exp_m1() + x
}

/// x ≥ 0 with (x − 1) eˣ + 1 = z: Lambert's W, refined by Newton's steps because its branch point is at z = 0.
fn exponent(z: f64) -> f64 {
    if z <= 0.0 {
        return 0.0;
    }
    let closed = 1.0 + lambert_w0((z - 1.0) / std::f64::consts::E);
    let mut x = if z > 1e-3 && closed.is_finite() { closed } else { (2.0 * z).sqrt() };
    for _ in 0..4 {
        x = (x - (saved(x) - z) / (x * x.exp())).max(f64::MIN_POSITIVE);
    }
    x
}

/// Shares that sum to at most 1, and a bound on what any such shares gain: λ + Σ max (gain − λ τ) at a price λ of
/// shares.
fn share_out(senders: &[Sender]) -> (Vec<f64>, f64) {
    let at = |price: f64| -> Vec<f64> { senders.iter().map(|sender| sender.share_at(price)).collect() };
    let dual = |price: f64, shares: &[f64]| {
        price + senders.iter().zip(shares).map(|(sender, share)| sender.most(price, *share)).sum::<f64>()
    };
    let sum = |shares: &[f64]| shares.iter().sum::<f64>();
    let (mut low, mut high) = (0.0, 1.0);
    let free = at(low);
    if sum(&free) <= 1.0 {
        let bound = dual(0.0, &free);
        return (free, bound);
    }
    while sum(&at(high)) > 1.0 {
        high *= 2.0;
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if sum(&at(middle)) > 1.0 { low = middle } else { high = middle }
    }
    // A gain that is linear in the share jumps at its price; what lies between is as good.
    let (more, less) = (at(low), at(high));
    let part = (1.0 - sum(&less)) / (sum(&more) - sum(&less));
    let shares: Vec<f64> = more.iter().zip(&less).map(|(more, less)| less + part * (more - less)).collect();
    (shares, dual(high, &less))
}
