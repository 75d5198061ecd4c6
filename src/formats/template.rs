//! Scenarios to start from.

use crate::scenario::BUILTIN;

/// A commented scenario that runs as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Template {
    /// Boards and phones over a licensed radio whose gains follow from positions: the built-in scenario.
    Radio,
    /// Boards whose links replay measured rates.
    Trace,
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
    pub const ALL: [Self; 2] = [Self::Radio, Self::Trace];

    /// The scenario (TOML).
    #[must_use]
    pub const fn scenario(self) -> &'static str {
        match self {
            Self::Radio => BUILTIN,
            Self::Trace => include_str!("templates/trace.toml"),
        }
    }

    /// Files that the scenario reads, to be kept beside it.
    #[must_use]
    pub const fn files(self) -> &'static [TemplateFile] {
        match self {
            Self::Radio => &[],
            Self::Trace => &[TemplateFile { name: "rates.csv", text: include_str!("templates/rates.csv") }],
        }
    }
}
