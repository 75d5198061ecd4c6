//! What tests of several rooms need. Every binary of tests has this module; none uses all of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

pub mod browser;
pub mod examples;
pub mod pages;
#[cfg(feature = "cli")]
pub mod pictures;
#[cfg(feature = "cli")]
pub mod scenario;

/// The path in the shared folder (named by `COLLAPIPE_SHARED`, default `../shared`), or `None` (said on standard output)
/// where it is absent and the folder was not asked for.
pub fn shared(path: &str) -> Option<PathBuf> {
    let asked = std::env::var_os("COLLAPIPE_SHARED");
    let root = asked.as_ref().map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    assert!(asked.is_none(), "COLLAPIPE_SHARED is set: no {}", path.display());
    println!("skipped: {} is absent", path.display());
    None
}

/// A fresh folder for one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
