//! What the commands take that are about files and the program itself.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::Shell;

use super::args::Format;

/// Print a commented scenario to start from, or write it to a file. It runs as it is.
#[derive(Clone, Debug, Args)]
pub struct InitArguments {
    /// Which kind of network
    #[arg(value_enum, value_name = "KIND", default_value_t)]
    pub template: TemplateName,
    /// Write it to this file, and beside it the schema by which editors complete it and files that it reads; nothing is
    /// overwritten
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Kinds of scenarios.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TemplateName {
    /// Boards and phones over a licensed radio, gains from positions; the built-in scenario.
    #[default]
    Radio,
    /// Boards on one Wi-Fi.
    Wifi,
    /// Boards on Ethernet.
    Ethernet,
    /// Links that replay measured rates, with a table of rates to be replaced.
    Trace,
    /// GPUs in two servers of a machine room.
    Gpus,
}

/// Say all that is wrong or odd in files, each with its line and what was probably meant.
///
/// Scenarios (TOML), slot problems, answers, decisions and run records (JSON) are told apart by their `schema` or their
/// fields. The exit code is 2 if a file has an error; warnings and notes do not count.
#[derive(Clone, Debug, Args)]
pub struct ValidateArguments {
    /// Files, folders of runs, or `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// For reading or for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Print the JSON Schema of a file format, or its fields as tables.
///
/// Editors complete and check with it: Taplo by a first line `#:schema ./scenario.schema.json` in a scenario, others by a
/// member `"$schema"` in JSON.
#[derive(Clone, Debug, Args)]
pub struct SchemaArguments {
    /// The format
    #[arg(value_enum)]
    pub kind: SchemaName,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: SchemaFormat,
}

/// Formats with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// A long-term problem.
    Scenario,
    /// One slot's problem.
    Problem,
    /// What a solver answers.
    Answer,
    /// A decision without an answer around it.
    Decision,
    /// What a run leaves.
    Record,
    /// Rows of the table that `calibrate` reads.
    Timings,
}

/// How a schema is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaFormat {
    /// JSON Schema, draft 7.
    #[default]
    Json,
    /// Tables of fields with unit, default and range.
    Markdown,
}

/// Print a script that completes commands, options and their values in a shell.
///
/// For bash: collapipe completions bash > ~/.local/share/bash-completion/completions/collapipe
#[derive(Clone, Debug, Args)]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Print a manual page, or write all of them to a folder.
///
/// To read one: collapipe man run | man -l -
#[derive(Clone, Debug, Args)]
pub struct ManArguments {
    /// Command whose page is printed; the program's own if left out
    #[arg(conflicts_with = "out")]
    pub command: Option<String>,
    /// Write all pages to this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
