//! Small-scale fading, correlated from slot to slot.
//!
//! The scattered part of a link is a complex Gauss-Markov process,
//! `g(0) = z(0)`, `g(t) = a g(t-1) + sqrt(1 - a²) z(t)`, with z(t) independent, circular and of unit power: every g(t)
//! has exactly the stationary law, and lag-1 correlation a. Fading is constant within a slot (block fading).

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::noise::from_db;
use super::path_loss::{SPEED_OF_LIGHT_M_PER_S, Sight};
use super::seed::{LinkId, Purpose, generator};
use super::{check, field_error};
use crate::problem::FieldError;
use crate::units::{Hertz, Seconds};

/// The law of a link's power gain |h|², of mean 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fading {
    /// |h|² = 1 always.
    #[default]
    None,
    /// Scattered paths only: |h|² is exponential.
    Rayleigh,
    /// Also a direct path: `h = sqrt(K/(K+1)) + g/sqrt(K+1)`.
    ///
    /// K is a property of the direct path: links without line of sight fade as Rayleigh.
    Rician {
        /// K in dB, in [-100, 100]: power of the direct path over that of the scattered ones.
        k_factor_db: f64,
    },
}

impl Fading {
    /// Checks the K factor: in [-100, 100] dB.
    ///
    /// # Errors
    /// It is not; the error names the field below `path`.
    pub fn validate(&self, path: &str) -> Result<(), FieldError> {
        match *self {
            Self::None | Self::Rayleigh => Ok(()),
            Self::Rician { k_factor_db } => {
                check(&format!("{path}.rician.k_factor_db"), k_factor_db, -100.0..=100.0, "dB")
            }
        }
    }

    /// |h|² where the scattered part is g.
    #[must_use]
    pub fn power(&self, sight: Sight, scattered: Scattered) -> f64 {
        match (*self, sight) {
            (Self::None, _) => 1.0,
            (Self::Rician { k_factor_db }, Sight::Los) => {
                let k = from_db(k_factor_db);
                let (direct, spread) = ((k / (k + 1.0)).sqrt(), (1.0 / (k + 1.0)).sqrt());
                (direct + spread * scattered.re).powi(2) + (spread * scattered.im).powi(2)
            }
            (Self::Rayleigh, _) | (Self::Rician { .. }, Sight::Nlos) => scattered.power(),
        }
    }
}

/// How fading is correlated from one slot to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Correlation {
    /// The coefficient a itself, in [-1, 1]: 0 independent slots, 1 one draw for all slots.
    Coefficient(f64),
    /// a = J0(2π f_d τ) with Doppler shift f_d = v f_c / c and slot length τ (Jakes).
    Jakes {
        /// v: relative speed of the antennas (or of what scatters around them), in [0, 1000] m/s.
        doppler_speed_m_per_s: f64,
        /// τ: time from one slot to the next.
        slot_seconds: Seconds,
    },
}

impl Default for Correlation {
    fn default() -> Self {
        Self::Coefficient(0.0)
    }
}

impl Correlation {
    /// Checks the ranges: coefficient in [-1, 1], speed in [0, 1000] m/s, slot in (0, 1e9] s.
    ///
    /// # Errors
    /// A field is out of range; the error names it below `path`.
    pub fn validate(&self, path: &str) -> Result<(), FieldError> {
        match *self {
            Self::Coefficient(a) => check(&format!("{path}.coefficient"), a, -1.0..=1.0, ""),
            Self::Jakes { doppler_speed_m_per_s, slot_seconds } => {
                check(&format!("{path}.jakes.doppler_speed_m_per_s"), doppler_speed_m_per_s, 0.0..=1000.0, "m/s")?;
                if slot_seconds.0 > 0.0 && slot_seconds.0 <= 1e9 {
                    return Ok(());
                }
                Err(field_error(&format!("{path}.jakes.slot_seconds"), slot_seconds.0, "in (0, 1e9] s"))
            }
        }
    }

    /// The coefficient a at a carrier frequency.
    ///
    /// ```
    /// use collapipe::network::radio::Correlation;
    /// use collapipe::units::{Hertz, Seconds};
    /// let walking = Correlation::Jakes { doppler_speed_m_per_s: 1.0, slot_seconds: Seconds(0.01) };
    /// assert!((walking.coefficient(Hertz(2e9)) - 0.9571).abs() < 1e-3);
    /// ```
    #[must_use]
    pub fn coefficient(&self, carrier: Hertz) -> f64 {
        match *self {
            Self::Coefficient(a) => a,
            Self::Jakes { doppler_speed_m_per_s, slot_seconds } => {
                let doppler_hz = doppler_speed_m_per_s * carrier.0 / SPEED_OF_LIGHT_M_PER_S;
                libm::j0(std::f64::consts::TAU * doppler_hz * slot_seconds.0)
            }
        }
    }
}

/// The scattered part g of a link's complex gain; of unit mean power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scattered {
    /// In phase.
    pub re: f64,
    /// In quadrature.
    pub im: f64,
}

impl Scattered {
    /// |g|².
    #[must_use]
    pub fn power(self) -> f64 {
        self.re * self.re + self.im * self.im
    }

    fn draw(generator: &mut impl Rng) -> Self {
        let mut part = || std::f64::consts::FRAC_1_SQRT_2 * generator.sample::<f64, _>(StandardNormal);
        Self { re: part(), im: part() }
    }
}

/// The scattered part of one link over the slots; both directions share it.
///
/// Slot t uses random numbers of its own (hashed from seed, cluster, link and t), so the path is a function of the
/// seed alone. Reaching slot t takes O(t) steps, or one where a = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct FadingProcess {
    coefficient: f64,
    seed: u64,
    cluster: u64,
    link: LinkId,
    slot: u64,
    state: Scattered,
}

impl FadingProcess {
    /// The process at slot 0, with the coefficient a in [-1, 1].
    #[must_use]
    pub fn new(coefficient: f64, seed: u64, cluster: u64, link: LinkId) -> Self {
        let state = Scattered::draw(&mut generator(seed, cluster, link, Purpose::Fading, 0));
        Self { coefficient, seed, cluster, link, slot: 0, state }
    }

    /// The slot it is at.
    #[must_use]
    pub const fn slot(&self) -> u64 {
        self.slot
    }

    /// g at that slot.
    #[must_use]
    pub const fn state(&self) -> Scattered {
        self.state
    }

    /// Goes to a slot, earlier or later; the same g as stepping there one by one.
    pub fn seek(&mut self, slot: u64) {
        if self.coefficient == 0.0 {
            self.slot = slot;
            self.state = self.innovation(slot);
            return;
        }
        if slot < self.slot {
            *self = Self::new(self.coefficient, self.seed, self.cluster, self.link);
        }
        let spread = (1.0 - self.coefficient * self.coefficient).sqrt();
        while self.slot < slot {
            self.slot += 1;
            let fresh = self.innovation(self.slot);
            self.state.re = self.coefficient * self.state.re + spread * fresh.re;
            self.state.im = self.coefficient * self.state.im + spread * fresh.im;
        }
    }

    fn innovation(&self, slot: u64) -> Scattered {
        Scattered::draw(&mut generator(self.seed, self.cluster, self.link, Purpose::Fading, slot))
    }
}
