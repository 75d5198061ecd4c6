//! The rooms of the library: which imports which, held against the table in `docs/architecture.md`.
//!
//! A room is a module at the top of the crate, or a module below one that has a row of its own. Tests may import
//! whatever they like. An import that the table does not allow is a violation, and so is one that it allows and nobody
//! makes: what the page says is what the code does.

mod imports;
mod page;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use page::{MayImport, Room};

const PAGE: &str = "docs/architecture.md";

/// Where lines are counted.
const FOLDERS: [&str; 5] = ["benches", "examples", "src", "tests", "xtask/src"];
const MOST_LINES: usize = 500;

/// A source file; its path is relative to the repository.
struct Source {
    path: String,
    text: String,
}

/// Prints what breaks the rules of the page; fails if anything does.
pub fn run() -> Result<ExitCode, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = root.join(PAGE);
    let page = fs::read_to_string(&page).map_err(|error| format!("{}: {error}", page.display()))?;
    let rooms = page::rooms(&page).map_err(|error| format!("{PAGE}: {error}"))?;
    let mut sources = Vec::new();
    for folder in FOLDERS {
        read(&root, folder, &mut sources)?;
    }
    let mut violations = against_table(&rooms, &sources)?;
    violations.extend(too_long(&sources));
    for violation in &violations {
        println!("{violation}");
    }
    println!("{} files, {} rooms, {} violations", sources.len(), rooms.len(), violations.len());
    Ok(ExitCode::from(u8::from(!violations.is_empty())))
}

/// The Rust files of a folder and of those below it, by name.
fn read(root: &Path, folder: &str, sources: &mut Vec<Source>) -> Result<(), Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(folder)).map_err(|error| format!("{folder}: {error}"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names {
        let path = format!("{folder}/{name}");
        if root.join(&path).is_dir() {
            read(root, &path, sources)?;
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}

fn too_long(sources: &[Source]) -> Vec<String> {
    let lines = sources.iter().map(|source| (source.path.as_str(), source.text.lines().count()));
    lines
        .filter(|(_, n)| *n > MOST_LINES)
        .map(|(path, n)| format!("{path}:{n}: more than {MOST_LINES} lines"))
        .collect()
}

/// The module that a file of the library is; `None` for the crate's roots, for tests and for files elsewhere.
fn module(path: &str) -> Option<Vec<String>> {
    let mut names: Vec<&str> = path.strip_prefix("src/")?.strip_suffix(".rs")?.split('/').collect();
    if names.last() == Some(&"mod") {
        names.pop();
    }
    let is_root = matches!(names[..], ["lib" | "main"]);
    (!is_root && !names.contains(&"tests")).then(|| names.into_iter().map(str::to_owned).collect())
}

/// The room with the longest name that the path begins with.
fn room_of(rooms: &[Room], path: &[String]) -> Option<usize> {
    let within = |room: &Room| path.len() >= room.path.len() && path[..room.path.len()] == room.path[..];
    (0..rooms.len()).filter(|&room| within(&rooms[room])).max_by_key(|&room| rooms[room].path.len())
}

fn against_table(rooms: &[Room], sources: &[Source]) -> Result<Vec<String>, Box<dyn Error>> {
    let mut violations = Vec::new();
    let mut has_files = BTreeSet::new();
    // Where one room imports another: path and line.
    let mut found: BTreeMap<(usize, usize), BTreeSet<(&str, usize)>> = BTreeMap::new();
    let root = sources.iter().find(|source| source.path == "src/lib.rs").map_or("", |source| source.text.as_str());
    let aliases = imports::aliases(root).map_err(|error| format!("src/lib.rs: {error}"))?;
    for Source { path, text } in sources {
        let Some(module) = module(path) else { continue };
        let Some(from) = room_of(rooms, &module) else {
            violations.push(format!("{path}:1: `{}` is in no room of {PAGE}", module.join("::")));
            continue;
        };
        has_files.insert(from);
        for import in imports::imports(text, &module).map_err(|error| format!("{path}: {error}"))? {
            let alias = import.path.first().and_then(|name| aliases.get(name));
            match room_of(rooms, alias.unwrap_or(&import.path)) {
                Some(to) if to == from => {}
                Some(to) => {
                    found.entry((from, to)).or_default().insert((path, import.line));
                }
                None => {
                    let name = import.path.join("::");
                    violations.push(format!("{path}:{}: `crate::{name}` is in no room of {PAGE}", import.line));
                }
            }
        }
    }
    for (&(from, to), places) in &found {
        if !rooms[from].may_import.allows(to, from) {
            let text = format!("`{}` may not import `{}`", rooms[from].name(), rooms[to].name());
            violations.extend(places.iter().map(|(path, line)| format!("{path}:{line}: {text}")));
        }
    }
    for (from, room) in rooms.iter().enumerate() {
        let place = format!("{PAGE}:{}", room.line);
        if !has_files.contains(&from) {
            violations.push(format!("{place}: `{}` has no file", room.name()));
        }
        let MayImport::These(named) = &room.may_import else { continue };
        for &(to, in_italics) in named {
            let (name, other) = (room.name(), rooms[to].name());
            if !found.contains_key(&(from, to)) {
                violations.push(format!("{place}: `{name}` may import `{other}` and does not: take it out"));
            }
            if in_italics != (to > from) {
                let how = if in_italics { "above: no italics" } else { "below: in italics" };
                violations.push(format!("{place}: `{other}` stands {how}"));
            }
        }
    }
    Ok(violations)
}
