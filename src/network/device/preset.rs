//! The names of the presets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{DeviceProfile, DeviceSheet, catalogue};

/// No preset has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown {what} \"{name}\"; allowed: {allowed}")]
#[non_exhaustive]
pub struct UnknownPreset {
    /// What the name was for: `device` or `edge server`.
    pub what: &'static str,
    /// The name given.
    pub name: String,
    /// The names that exist.
    pub allowed: String,
}

/// An enum of presets, each with one name for serde, `Display` and `FromStr`.
macro_rules! presets {
    ($(#[$doc:meta])* $type:ident, $what:literal, $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$variant_doc])* #[serde(rename = $name)] $variant,)*
        }

        impl $type {
            /// Every preset.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in scenario files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownPreset;
            fn from_str(name: &str) -> Result<Self, UnknownPreset> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(UnknownPreset {
                        what: $what,
                        name: name.to_owned(),
                        allowed: [$($name),*].join(", "),
                    }),
                }
            }
        }
    };
}
pub(super) use presets;

presets! {
    /// A real board, phone or laptop for which a training rate is known or can be derived.
    ///
    /// ```
    /// use collapipe::network::device::DevicePreset;
    /// let device: DevicePreset = "jetson-nano-4gb".parse()?;
    /// assert_eq!(device, DevicePreset::JetsonNano4Gb);
    /// # Ok::<(), collapipe::network::device::UnknownPreset>(())
    /// ```
    DevicePreset, "device",
    /// Raspberry Pi 4 Model B, 4 GB, on its four cores.
    RaspberryPi4 = "raspberry-pi-4",
    /// Raspberry Pi 5, 8 GB, on its four cores.
    RaspberryPi5 = "raspberry-pi-5",
    /// NVIDIA Jetson Nano, 4 GB, on its GPU.
    JetsonNano4Gb = "jetson-nano-4gb",
    /// NVIDIA Jetson Xavier NX, 8 GB, on the CUDA cores of its GPU.
    JetsonXavierNx8Gb = "jetson-xavier-nx-8gb",
    /// NVIDIA Jetson AGX Xavier, 32 GB, on the CUDA cores of its GPU.
    JetsonAgxXavier32Gb = "jetson-agx-xavier-32gb",
    /// NVIDIA Jetson Orin Nano, 8 GB, on its GPU.
    JetsonOrinNano8Gb = "jetson-orin-nano-8gb",
    /// A phone with Snapdragon 778G (Hi nova 9 Pro), 8 GB, on its CPU.
    PhoneSd778g = "phone-sd778g",
    /// Google Nexus 6, 3 GB, on its CPU.
    PhoneNexus6 = "phone-nexus6",
    /// Xiaomi Redmi Note 8, 4 GB, on its CPU.
    PhoneRedmiNote8 = "phone-redmi-note8",
    /// Samsung Galaxy Note 10, 8 GB, on its CPU.
    PhoneNote10 = "phone-note10",
    /// MinnowBoard with an Atom E3845, 2 GB, on its four cores.
    MinnowboardE3845 = "minnowboard-e3845",
    /// Apple MacBook with M1, 8 GB, on its CPU.
    MacbookM1 = "macbook-m1-8gb",
}

impl DevicePreset {
    /// The figures, each with its provenance.
    #[must_use]
    pub fn sheet(self) -> DeviceSheet {
        catalogue::sheet(self)
    }

    /// The numbers alone.
    #[must_use]
    pub fn profile(self) -> DeviceProfile {
        self.sheet().profile()
    }
}
