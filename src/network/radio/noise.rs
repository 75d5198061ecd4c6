//! From path loss to gain-to-noise ratios.

use serde::{Deserialize, Serialize};

/// Thermal noise at 290 K as 3GPP rounds it (kT is -173.975 dBm/Hz).
pub const THERMAL_NOISE_DBM_PER_HZ: f64 = -174.0;
/// Noise figure of a user terminal in dB (TR 36.942; the default of ns-3's LTE module).
pub const TERMINAL_NOISE_FIGURE_DB: f64 = 9.0;
/// Noise figure of a base station in dB (the default of ns-3's LTE module).
pub const BASE_STATION_NOISE_FIGURE_DB: f64 = 5.0;

/// Noise at a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Density at the antenna.
    pub density_dbm_per_hz: f64,
    /// What the receiver adds.
    pub figure_db: f64,
}

impl Noise {
    /// Thermal noise at a receiver of this noise figure.
    #[must_use]
    pub const fn thermal(figure_db: f64) -> Self {
        Self { density_dbm_per_hz: THERMAL_NOISE_DBM_PER_HZ, figure_db }
    }

    /// N0 in W/Hz: `10^((density + figure - 30)/10)`.
    #[must_use]
    pub fn density_w_per_hz(&self) -> f64 {
        from_db(self.density_dbm_per_hz + self.figure_db - 30.0)
    }

    /// γ = |h|²/N0 in Hz/W of a link of this path gain (antennas included, a loss being negative), without fading.
    ///
    /// ```
    /// use collapipe::network::radio::Noise;
    /// // 100 dB of loss, 9 dB noise figure: -100 - (-174 + 9 - 30) = 95 dB.
    /// let gain = Noise::thermal(9.0).gain_to_noise_hz_per_w(-100.0);
    /// assert!((gain / 10f64.powf(9.5) - 1.0).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn gain_to_noise_hz_per_w(&self, path_gain_db: f64) -> f64 {
        from_db(path_gain_db - (self.density_dbm_per_hz + self.figure_db - 30.0))
    }
}

/// A power ratio from decibels: `10^(x/10)`.
#[must_use]
pub fn from_db(decibels: f64) -> f64 {
    10f64.powf(decibels / 10.0)
}
