//! Path loss, line-of-sight probability and shadowing deviation of 3GPP's models.
//!
//! Constants: TR 38.901 tables 7.4.1-1 and 7.4.2-1, and TR 36.843 section A.2.1.2, as implemented in ns-3
//! (`three-gpp-propagation-loss-model.cc`, `three-gpp-channel-condition-model.cc`) and in NIST's public safety fork
//! of it (outdoor-to-outdoor and indoor-to-indoor models). `docs/radio.md` prints every formula.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::field_error;
use crate::problem::FieldError;
use crate::units::{Hertz, Meters};

/// Speed of light in m/s.
pub const SPEED_OF_LIGHT_M_PER_S: f64 = 299_792_458.0;

/// Whether the direct path between two antennas is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sight {
    /// Line of sight.
    Los,
    /// No line of sight.
    Nlos,
}

/// Where two antennas stand relative to each other.
///
/// ```
/// use collapipe::network::radio::Geometry;
/// use collapipe::units::Meters;
/// let link = Geometry::new(Meters(40.0), Meters(1.5), Meters(10.0));
/// assert_eq!(link.upper_height, Meters(10.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometry {
    /// Distance on the ground, d2D.
    pub ground_distance: Meters,
    /// Height of the higher antenna: the base station of TR 38.901.
    pub upper_height: Meters,
    /// Height of the lower antenna: the user terminal of TR 38.901.
    pub lower_height: Meters,
}

impl Geometry {
    /// Two antennas of the given heights, in either order.
    ///
    /// The higher one takes the part of the base station, so that the loss is the same both ways.
    #[must_use]
    pub fn new(ground_distance: Meters, one_height: Meters, other_height: Meters) -> Self {
        let (lower, upper) =
            if one_height.0 <= other_height.0 { (one_height, other_height) } else { (other_height, one_height) };
        Self { ground_distance, upper_height: upper, lower_height: lower }
    }

    /// Distance between the antennas in space, d3D.
    #[must_use]
    pub fn distance(&self) -> Meters {
        Meters(self.ground_distance.0.hypot(self.upper_height.0 - self.lower_height.0))
    }
}

/// A model of the mean loss between two antennas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PathLossModel {
    /// TR 38.901 urban micro cell, street canyon: base station below the rooftops (10 m).
    UmiStreetCanyon,
    /// TR 38.901 urban macro cell: base station above the rooftops (25 m).
    Uma,
    /// TR 38.901 indoor hotspot, office; line of sight as in an open office.
    InhOffice,
    /// TR 36.843 outdoor device to device: WINNER+ B1, at least free space.
    D2dOutdoor,
    /// TR 36.843 device to device inside one building.
    D2dIndoor,
}

impl fmt::Display for PathLossModel {
    /// The name in a scenario file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UmiStreetCanyon => "umi-street-canyon",
            Self::Uma => "uma",
            Self::InhOffice => "inh-office",
            Self::D2dOutdoor => "d2d-outdoor",
            Self::D2dIndoor => "d2d-indoor",
        })
    }
}

/// What a model admits. Carrier and heights out of range are errors; see [`PathLossModel::loss_db`] for distances.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Validity {
    /// Shorter distances are replaced by this one.
    pub min_distance: Meters,
    /// Beyond this distance the formula is extrapolated.
    pub max_distance: Meters,
    /// Bands of carrier frequencies, each from lowest to highest.
    pub carrier_bands: &'static [(Hertz, Hertz)],
    /// Lowest antenna.
    pub min_height: Meters,
    /// Highest lower antenna of a link.
    pub max_lower_height: Meters,
    /// Highest upper antenna of a link.
    pub max_upper_height: Meters,
}

const WIDE_BAND: &[(Hertz, Hertz)] = &[(Hertz(0.5e9), Hertz(100e9))];
const PUBLIC_SAFETY_AND_2_GHZ: &[(Hertz, Hertz)] = &[(Hertz(0.758e9), Hertz(0.798e9)), (Hertz(1.92e9), Hertz(2.17e9))];
const AROUND_2_GHZ: &[(Hertz, Hertz)] = &[(Hertz(1.92e9), Hertz(2.17e9))];

impl PathLossModel {
    /// All models.
    pub const ALL: [Self; 5] = [Self::UmiStreetCanyon, Self::Uma, Self::InhOffice, Self::D2dOutdoor, Self::D2dIndoor];

    /// What the model admits.
    #[must_use]
    pub const fn validity(self) -> Validity {
        let (min, max, carrier_bands, min_height, max_lower, max_upper) = match self {
            Self::UmiStreetCanyon => (10.0, 5000.0, WIDE_BAND, 1.5, 22.5, 50.0),
            // Above 13 m the macro cell's line of sight follows another law, which is not implemented.
            Self::Uma => (10.0, 5000.0, WIDE_BAND, 1.5, 13.0, 150.0),
            Self::InhOffice => (1.0, 150.0, WIDE_BAND, 0.0, 10.0, 10.0),
            Self::D2dOutdoor => (3.0, 5000.0, PUBLIC_SAFETY_AND_2_GHZ, 1.5, 10.0, 10.0),
            Self::D2dIndoor => (3.0, 150.0, AROUND_2_GHZ, 0.0, 10.0, 10.0),
        };
        Validity {
            min_distance: Meters(min),
            max_distance: Meters(max),
            carrier_bands,
            min_height: Meters(min_height),
            max_lower_height: Meters(max_lower),
            max_upper_height: Meters(max_upper),
        }
    }

    /// Mean path loss in dB.
    ///
    /// A ground distance below the model's minimum counts as that minimum: the formulas were not fitted to anything
    /// nearer. Beyond the maximum they are extrapolated, which [`validity`](Self::validity) lets a caller notice.
    /// Without line of sight the loss is at least that with line of sight.
    ///
    /// # Errors
    /// A distance that is negative or not finite, a carrier or a height outside [`validity`](Self::validity).
    ///
    /// ```
    /// use collapipe::network::radio::{Geometry, PathLossModel, Sight};
    /// use collapipe::units::{Hertz, Meters};
    /// let office = Geometry::new(Meters(50.0), Meters(3.0), Meters(1.5));
    /// let loss = PathLossModel::InhOffice.loss_db(Sight::Los, office, Hertz(5e9)).unwrap();
    /// assert!((loss - 75.775).abs() < 1e-3);
    /// ```
    pub fn loss_db(self, sight: Sight, link: Geometry, carrier: Hertz) -> Result<f64, FieldError> {
        self.check_distance(link.ground_distance)?;
        self.check_carrier("carrier_hz", carrier)?;
        self.check_heights("lower_height_m", "upper_height_m", link)?;
        let ground = link.ground_distance.0.max(self.validity().min_distance.0);
        let link = Geometry { ground_distance: Meters(ground), ..link };
        let carrier_ghz = carrier.0 / 1e9;
        let line_of_sight = self.los_loss_db(link, carrier_ghz);
        Ok(match sight {
            Sight::Los => line_of_sight,
            Sight::Nlos => self.nlos_loss_db(link, carrier_ghz).max(line_of_sight),
        })
    }

    /// Probability of line of sight at a ground distance, in [0, 1].
    ///
    /// Non-increasing except for TR 36.843's own step from 0.495 up to 0.5 at 37 m in [`D2dIndoor`](Self::D2dIndoor).
    ///
    /// # Errors
    /// A distance that is negative or not finite.
    pub fn los_probability(self, ground_distance: Meters) -> Result<f64, FieldError> {
        self.check_distance(ground_distance)?;
        let d = ground_distance.0;
        let street = |decay: f64| if d <= 18.0 { 1.0 } else { 18.0 / d + (-d / decay).exp() * (1.0 - 18.0 / d) };
        Ok(match self {
            Self::UmiStreetCanyon => street(36.0),
            Self::Uma => street(63.0),
            Self::InhOffice => match d {
                _ if d <= 5.0 => 1.0,
                _ if d <= 49.0 => (-(d - 5.0) / 70.8).exp(),
                _ => 0.54 * (-(d - 49.0) / 211.7).exp(),
            },
            // The same law as UMi's, written as in TR 36.843.
            Self::D2dOutdoor => {
                let far = (-d / 36.0).exp();
                if d <= 18.0 { 1.0 } else { 18.0 / d * (1.0 - far) + far }
            }
            Self::D2dIndoor => match d {
                _ if d <= 18.0 => 1.0,
                _ if d < 37.0 => (-(d - 18.0) / 27.0).exp(),
                _ => 0.5,
            },
        })
    }

    /// Standard deviation of log-normal shadowing in dB.
    ///
    /// The device-to-device values are quoted from memory of TR 36.843 and were not checked against it.
    #[must_use]
    pub const fn shadowing_std_db(self, sight: Sight) -> f64 {
        match (self, sight) {
            (Self::UmiStreetCanyon | Self::Uma, Sight::Los) => 4.0,
            (Self::UmiStreetCanyon, Sight::Nlos) => 7.82,
            (Self::Uma, Sight::Nlos) => 6.0,
            (Self::InhOffice, Sight::Los) => 3.0,
            (Self::InhOffice, Sight::Nlos) => 8.03,
            (Self::D2dOutdoor, _) => 7.0,
            (Self::D2dIndoor, Sight::Los) => 3.0,
            (Self::D2dIndoor, Sight::Nlos) => 4.0,
        }
    }

    fn los_loss_db(self, link: Geometry, carrier_ghz: f64) -> f64 {
        let distance = link.distance().0;
        match self {
            Self::UmiStreetCanyon => two_slopes(32.4, 21.0, link, carrier_ghz),
            Self::Uma => two_slopes(28.0, 22.0, link, carrier_ghz),
            Self::InhOffice => 32.4 + 17.3 * distance.log10() + 20.0 * carrier_ghz.log10(),
            Self::D2dOutdoor => {
                let (upper, lower) = (link.upper_height.0 - 1.0, link.lower_height.0 - 0.7);
                let break_point = 4.0 * upper * lower * carrier_ghz * 1e9 / SPEED_OF_LIGHT_M_PER_S;
                let urban = if distance <= break_point {
                    22.7 * distance.log10() + 27.0 + 20.0 * carrier_ghz.log10()
                } else {
                    40.0 * distance.log10() + 7.56 - 17.3 * (upper * lower).log10() + 2.7 * carrier_ghz.log10()
                };
                urban.max(free_space_db(distance, carrier_ghz))
            }
            Self::D2dIndoor => 89.5 + 16.9 * (distance / 1e3).log10(),
        }
    }

    /// The formula alone; [`loss_db`](Self::loss_db) keeps it above the loss with line of sight.
    fn nlos_loss_db(self, link: Geometry, carrier_ghz: f64) -> f64 {
        let distance = link.distance().0;
        let terminal = link.lower_height.0 - 1.5;
        match self {
            Self::UmiStreetCanyon => 22.4 + 35.3 * distance.log10() + 21.3 * carrier_ghz.log10() - 0.3 * terminal,
            Self::Uma => 13.54 + 39.08 * distance.log10() + 20.0 * carrier_ghz.log10() - 0.6 * terminal,
            Self::InhOffice => 17.3 + 38.3 * distance.log10() + 24.9 * carrier_ghz.log10(),
            Self::D2dOutdoor => {
                let height = link.upper_height.0.log10();
                let carrier_term = if carrier_ghz < 1.5 {
                    16.33 + 26.16 * carrier_ghz.log10()
                } else {
                    14.78 + 34.97 * carrier_ghz.log10()
                };
                (44.9 - 6.55 * height) * distance.log10() + 5.83 * height + carrier_term - 5.0
            }
            Self::D2dIndoor => 147.5 + 43.3 * (distance / 1e3).log10(),
        }
    }

    fn check_distance(self, distance: Meters) -> Result<(), FieldError> {
        if distance.0.is_finite() && distance.0 >= 0.0 {
            return Ok(());
        }
        Err(field_error("ground_distance_m", distance.0, "a finite number, at least 0"))
    }

    /// Whether the model admits the carrier; the error names the field `path`.
    pub(super) fn check_carrier(self, path: &str, carrier: Hertz) -> Result<(), FieldError> {
        let bands = self.validity().carrier_bands;
        if bands.iter().any(|(low, high)| (low.0..=high.0).contains(&carrier.0)) {
            return Ok(());
        }
        let allowed: Vec<_> = bands.iter().map(|(low, high)| format!("[{:e}, {:e}]", low.0, high.0)).collect();
        Err(field_error(path, carrier.0, format!("in {} Hz for path loss {self}", allowed.join(" or "))))
    }

    /// Whether the model admits the heights; the error names the field of the lower or the upper antenna.
    pub(super) fn check_heights(self, lower_path: &str, upper_path: &str, link: Geometry) -> Result<(), FieldError> {
        let Validity { min_height, max_lower_height, max_upper_height, .. } = self.validity();
        let check = |path: &str, height: Meters, max: Meters, which: &str| {
            if (min_height.0..=max.0).contains(&height.0) {
                return Ok(());
            }
            let allowed = format!("in [{}, {}] m, the {which} antenna with path loss {self}", min_height.0, max.0);
            Err(field_error(path, height.0, allowed))
        };
        check(lower_path, link.lower_height, max_lower_height, "lower")?;
        check(upper_path, link.upper_height, max_upper_height, "upper")
    }
}

/// TR 38.901's law with a break point: `slope` dB per decade before it and 40 after, continuous.
///
/// The effective environment height is 1 m: exact for UMi, and for UMa with the terminal below 13 m.
fn two_slopes(intercept: f64, slope: f64, link: Geometry, carrier_ghz: f64) -> f64 {
    let break_point =
        4.0 * (link.upper_height.0 - 1.0) * (link.lower_height.0 - 1.0) * carrier_ghz * 1e9 / SPEED_OF_LIGHT_M_PER_S;
    let distance = link.distance().0.log10();
    let near = intercept + 20.0 * carrier_ghz.log10();
    if link.ground_distance.0 <= break_point {
        return near + slope * distance;
    }
    let rise = link.upper_height.0 - link.lower_height.0;
    near + 40.0 * distance - 0.5 * (40.0 - slope) * (break_point * break_point + rise * rise).log10()
}

fn free_space_db(distance: f64, carrier_ghz: f64) -> f64 {
    20.0 * distance.log10() + 46.6 + 20.0 * (carrier_ghz / 5.0).log10()
}
