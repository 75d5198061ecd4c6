//! Scenarios to start from.

use crate::scenario::{BUILTIN, preset};

/// A commented scenario that runs as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Template {
    /// Boards and phones over a licensed radio whose gains follow from positions: the built-in scenario.
    Radio,
    /// Boards on one Wi-Fi.
    Wifi,
    /// Boards on Ethernet.
    Ethernet,
    /// Boards whose links replay measured rates.
    Trace,
    /// GPUs in two servers of a machine room.
    Gpus,
}

/// A file that belongs to a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateFile {
    /// Its name, as the scenario has it.
    pub name: &'static str,
    /// What it holds.
    pub text: &'static str,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Radio, Self::Wifi, Self::Ethernet, Self::Trace, Self::Gpus];

    /// As the command line has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Radio => "radio",
            Self::Wifi => "wifi",
            Self::Ethernet => "ethernet",
            Self::Trace => "trace",
            Self::Gpus => "gpus",
        }
    }

    /// The scenario (TOML).
    #[must_use]
    pub fn scenario(self) -> &'static str {
        match self {
            Self::Radio => BUILTIN,
            Self::Wifi | Self::Ethernet => preset(self.name()).unwrap_or_default(),
            Self::Trace => include_str!("templates/trace.toml"),
            Self::Gpus => include_str!("templates/gpus.toml"),
        }
    }

    /// Files that the scenario reads, to be kept beside it.
    #[must_use]
    pub const fn files(self) -> &'static [TemplateFile] {
        match self {
            Self::Radio | Self::Wifi | Self::Ethernet | Self::Gpus => &[],
            Self::Trace => &[TemplateFile { name: "rates.csv", text: include_str!("templates/rates.csv") }],
        }
    }
}
