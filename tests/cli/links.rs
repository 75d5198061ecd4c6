//! Links in the documentation: each leads to a file that the crate's package has as well.

use std::fs;
use std::path::{Component, Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the package includes, and what it leaves out of that.
fn packaged() -> (Vec<String>, Vec<String>) {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let include = manifest["package"]["include"].as_array().unwrap();
    let patterns = include.iter().map(|pattern| pattern.as_str().unwrap());
    let (out, with): (Vec<&str>, Vec<&str>) = patterns.partition(|pattern| pattern.starts_with('!'));
    let path = |pattern: &&str| pattern.trim_start_matches('!').trim_start_matches('/').to_owned();
    (with.iter().map(path).collect(), out.iter().map(path).collect())
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// Targets of the links in a Markdown text, those in code aside.
fn targets(text: &str) -> Vec<String> {
    let mut code = false;
    let lines = text.lines().filter(|line| {
        code ^= line.trim_start().starts_with("```");
        !code
    });
    let ends = |line: &str| {
        let links = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        links.map(|(target, _)| target.to_owned()).collect::<Vec<_>>()
    };
    lines.flat_map(ends).collect()
}

/// A path without its `..`, relative to the package.
fn plain(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.strip_prefix(root()).ok()?.components() {
        match part {
            Component::ParentDir => drop(parts.pop()?),
            Component::CurDir => {}
            part => parts.push(part.as_os_str().to_str()?),
        }
    }
    Some(parts.join("/"))
}

fn is_packaged(path: &str, (with, out): &(Vec<String>, Vec<String>)) -> bool {
    let within = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    };
    with.iter().any(|pattern| within(pattern)) && !out.iter().any(|pattern| within(pattern))
}

#[test]
fn every_link_leads_to_a_file_of_the_package() {
    let packaged = packaged();
    let mut found = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    documents(&root().join("docs"), &mut found);
    let (mut links, mut broken) = (0, Vec::new());
    for document in found {
        for target in targets(&fs::read_to_string(&document).unwrap()) {
            // Another site, and a place on the same page.
            if target.contains("://") || target.starts_with('#') || target.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let file = target.split_once('#').map_or(target.as_str(), |(file, _)| file);
            let path = plain(&document.parent().unwrap().join(file));
            let there = path.filter(|path| root().join(path).exists() && is_packaged(path, &packaged));
            if there.is_none() {
                broken.push(format!("{}: {target}", document.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(links >= 200, "only {links} links were found");
    assert!(broken.is_empty(), "not in the package:\n{}", broken.join("\n"));
}

#[test]
fn what_the_package_leaves_out_is_known() {
    let packaged = packaged();
    for (path, included) in [
        ("README.md", true),
        ("docs/cli.md", true),
        ("src/scenario/presets/wifi.toml", true),
        ("LICENSE-MIT", true),
        ("docs/playground/index.html", false),
        ("python/examples/tune.py", false),
        ("docs2/cli.md", false),
        ("tests/cli/main.rs", false),
    ] {
        assert_eq!(is_packaged(path, &packaged), included, "{path}");
    }
    let text = "[a](b.md) and [c](d#e)\n```\n[not](this)\n```\n![f](g.svg)";
    assert_eq!(targets(text), ["b.md", "d#e", "g.svg"]);
}
