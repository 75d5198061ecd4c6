//! Finds the dictionary of crate `cmudict-fast` among its sources: the crate brings it, but its library does not hold it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Names the dictionary where it is elsewhere.
const VARIABLE: &str = "COLLAPIPE_CMUDICT";

/// Where it is in the crate.
const IN_CRATE: &str = "resources/cmudict.dict";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(cmudict)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!("cargo::rerun-if-env-changed=CARGO_HOME");
    if env::var_os("CARGO_FEATURE_PHONEMES").is_none() {
        return;
    }
    match env::var_os(VARIABLE).map(PathBuf::from).or_else(registry).or_else(metadata) {
        Some(path) if path.is_file() => {
            println!("cargo::rerun-if-changed={}", path.display());
            println!("cargo::rustc-env=CMUDICT={}", path.display());
            println!("cargo::rustc-cfg=cmudict");
        }
        // Everything else works without; who asks for phonemes is told.
        found => println!(
            "cargo::warning=no dictionary of phonemes in this build ({}): name its file in {VARIABLE}",
            found.map_or_else(|| "crate cmudict-fast was not found".into(), |path| path.display().to_string())
        ),
    }
}

/// In the folder where cargo unpacks crates.
fn registry() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    #[allow(deprecated, reason = "right since Rust 1.85")]
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")))?;
    let registries = fs::read_dir(home.join("registry").join("src")).ok()?.flatten();
    let version = "cmudict-fast-0.8.0";
    registries.map(|registry| registry.path().join(version).join(IN_CRATE)).find(|path| path.is_file())
}

/// Where cargo says that the crate is: a folder of vendored crates, for example.
fn metadata() -> Option<PathBuf> {
    let manifest = Path::new(&env::var_os("CARGO_MANIFEST_DIR")?).join("Cargo.toml");
    let mut cargo = Command::new(env::var_os("CARGO")?);
    cargo.args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &env::var("TARGET").ok()?]);
    let output = cargo.arg("--manifest-path").arg(manifest).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let paths = text.split("\"manifest_path\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let of_crate = paths.map(|path| PathBuf::from(path.replace("\\\\", "\\"))).filter_map(|path| {
        let folder = path.parent()?.to_path_buf();
        folder.file_name()?.to_str()?.starts_with("cmudict-fast").then_some(folder)
    });
    of_crate.map(|folder| folder.join(IN_CRATE)).next()
}
