//! The documentation's examples, compared with the program or written anew.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;

use crate::examples::{Shell, difference, documents, shortened};

/// Compare the examples in README.md and docs/*.md with what the program prints, or write them anew
///
/// What an example leaves out by a line `...` stays left out. The program is built with optimization unless one is given.
#[derive(Args)]
pub struct Arguments {
    /// Write what the program prints into the documents
    #[arg(long)]
    write: bool,
    /// The long examples as well: `run`, `tradeoff` and `recommend` of the built-in scenario
    #[arg(long)]
    long: bool,
    /// The program to run
    #[arg(long)]
    program: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no repository around xtask")?;
    let program = match &arguments.program {
        Some(program) => program.canonicalize()?,
        None => built(root)?,
    };
    let folder = root.join("target/doc-examples");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut stale = 0;
    for document in documents(root)? {
        let name = document.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = folder.join(&name);
        let shell = Shell { program: &program, folder: &folder };
        shell.prepare(root)?;
        let mut outputs = Vec::with_capacity(document.steps.len());
        for step in &document.steps {
            if step.is_long() && !arguments.long {
                println!("{name}:{}: not run: $ {}", step.at, step.command);
                outputs.push(step.printed.clone());
                continue;
            }
            let output = shell.output(step)?;
            let differs = difference(&step.printed, &output);
            if let Some(differs) = &differs {
                stale += 1;
                println!("{name}:{}: stale: $ {}\n        {differs}", step.at, step.command);
            }
            // Where only rounding differs the example stays as it is.
            outputs.push(if differs.is_some() { shortened(&step.printed, &output) } else { step.printed.clone() });
        }
        if arguments.write {
            fs::write(&document.path, document.with_outputs(&outputs))?;
        }
    }
    println!("{stale} examples {}", if arguments.write { "written anew" } else { "are stale" });
    Ok(if stale == 0 || arguments.write { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The program, built with optimization.
fn built(root: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let built = Command::new("cargo").args(["build", "--release", "--bin", "collapipe"]).current_dir(root).status()?;
    if !built.success() {
        return Err("the program could not be built".into());
    }
    Ok(root.join("target/release/collapipe"))
}
