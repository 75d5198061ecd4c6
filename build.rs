//! Tells the compiler which commit is built: `COLLAPIPE_COMMIT` where that is set, git's answer in a checkout, nothing
//! elsewhere.

use std::path::Path;
use std::process::Command;

/// What the program is made of.
const SOURCES: [&str; 4] = ["src", "Cargo.toml", "Cargo.lock", "build.rs"];

fn main() {
    println!("cargo::rerun-if-env-changed=COLLAPIPE_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let given = std::env::var("COLLAPIPE_COMMIT").ok().filter(|commit| !commit.is_empty());
    if given.is_none() {
        // An edit that is not committed; a commit; a checkout.
        let of_git = ["HEAD", "logs/HEAD"].into_iter().filter_map(|file| git(&["rev-parse", "--git-path", file]));
        for path in SOURCES.map(str::to_owned).into_iter().chain(of_git) {
            if Path::new(&path).exists() {
                println!("cargo::rerun-if-changed={path}");
            }
        }
    }
    if let Some(commit) = given.or_else(of_checkout) {
        println!("cargo::rustc-env=COLLAPIPE_COMMIT={commit}");
    }
}

/// The commit that is checked out here, with `-modified` where files of the program differ from it.
fn of_checkout() -> Option<String> {
    // Not that of a repository which merely holds this one's files.
    if !Path::new(".git").exists() {
        return None;
    }
    let commit = git(&["rev-parse", "HEAD"])?;
    let changes = git(&[&["status", "--porcelain", "--"][..], &SOURCES].concat())?;
    Some(if changes.is_empty() { commit } else { format!("{commit}-modified") })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
