//! Physical quantities as newtypes over `f64`.
//!
//! A quantity is *transparent* in serde: the unit is part of the name of the field that holds it
//! (`bandwidth_hz: Hertz`). Inside the solver, where every number is scaled anyway, plain `f64` is
//! used and the comment gives the unit.
//!
//! ```
//! use collapipe::units::{Joules, Seconds, Watts};
//! let energy: Joules = Watts(2.0) * Seconds(3.0);
//! assert_eq!(energy, Joules(6.0));
//! ```

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

use serde::{Deserialize, Serialize};

macro_rules! quantity {
    ($($(#[$doc:meta])* $name:ident, $symbol:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        /// A number, with its unit in `x-unit`.
        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "number", "x-unit": $symbol })
            }
        }

        impl $name {
            /// The number, in the unit of this type.
            #[must_use]
            pub const fn value(self) -> f64 {
                self.0
            }

            /// Whether it is nothing.
            #[must_use]
            pub fn is_zero(&self) -> bool {
                self.0 == 0.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)?;
                f.write_str(concat!(" ", $symbol))
            }
        }

        impl From<f64> for $name {
            fn from(value: f64) -> Self { Self(value) }
        }
        impl From<$name> for f64 {
            fn from(of: $name) -> Self { of.0 }
        }
        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self { Self(self.0 + other.0) }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) { self.0 += other.0; }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self { Self(self.0 - other.0) }
        }
        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self { Self(self.0 * factor) }
        }
        impl Div<f64> for $name {
            type Output = Self;
            fn div(self, divisor: f64) -> Self { Self(self.0 / divisor) }
        }
        impl Div for $name {
            type Output = f64;
            fn div(self, other: Self) -> f64 { self.0 / other.0 }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self { Self(iter.map(|q| q.0).sum()) }
        }
    )*};
}

quantity! {
    /// Time in seconds.
    Seconds, "s";
    /// Bandwidth in hertz.
    Hertz, "Hz";
    /// Power in watts.
    Watts, "W";
    /// Energy in joules.
    Joules, "J";
    /// Information in bits.
    Bits, "bit";
    /// Memory in bytes.
    Bytes, "byte";
    /// Floating-point operations.
    Flops, "FLOP";
    /// Achieved compute rate in floating-point operations per second.
    FlopsPerSecond, "FLOP/s";
    /// Computing energy per floating-point operation.
    JoulesPerFlop, "J/FLOP";
    /// Rate of a link in bits per second.
    BitsPerSecond, "bit/s";
    /// Energy of sending per bit.
    JoulesPerBit, "J/bit";
    /// Time that a sender is kept busy per byte.
    SecondsPerByte, "s/byte";
    /// Distance in metres.
    Meters, "m";
}

impl Mul<Seconds> for Watts {
    type Output = Joules;
    fn mul(self, time: Seconds) -> Joules {
        Joules(self.0 * time.0)
    }
}

impl Div<FlopsPerSecond> for Flops {
    type Output = Seconds;
    fn div(self, rate: FlopsPerSecond) -> Seconds {
        Seconds(self.0 / rate.0)
    }
}

impl Div<BitsPerSecond> for Bits {
    type Output = Seconds;
    fn div(self, rate: BitsPerSecond) -> Seconds {
        Seconds(self.0 / rate.0)
    }
}

impl Mul<Bits> for JoulesPerBit {
    type Output = Joules;
    fn mul(self, amount: Bits) -> Joules {
        Joules(self.0 * amount.0)
    }
}

impl Mul<Bits> for SecondsPerByte {
    type Output = Seconds;
    fn mul(self, amount: Bits) -> Seconds {
        Seconds(self.0 * (amount.0 / 8.0))
    }
}

impl Mul<Flops> for JoulesPerFlop {
    type Output = Joules;
    fn mul(self, work: Flops) -> Joules {
        Joules(self.0 * work.0)
    }
}
