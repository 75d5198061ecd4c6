use super::imports::{aliases, imports};
use super::page::rooms;
use super::{Source, against_table, module, too_long};

const PAGE: &str = "\
| Room | What it knows | May import |
|---|---|---|
| `ground` | units | nobody |
| `problem` | slots | `ground` |
| `problem::json` | files | `ground`, `problem` |
| `solver` | optima | `problem`, *`report`* |
| `report` | tables | `problem`, `solver` |
| `cli` | arguments | all above |

After it.
";

/// Paths with their lines.
fn found(text: &str, module: &[&str]) -> Vec<String> {
    let module: Vec<String> = module.iter().map(ToString::to_string).collect();
    imports(text, &module).unwrap().iter().map(|import| format!("{}:{}", import.path.join("::"), import.line)).collect()
}

#[test]
fn every_form_of_an_import_is_found() {
    for (text, expected) in [
        ("use crate::a::B;", vec!["a::B:1"]),
        ("use crate::a::*;\n\nuse crate::b as c;", vec!["a:1", "b:3"]),
        ("use crate::{a::{self, B}, c, d::*};", vec!["a:1", "a::B:1", "c:1", "d:1"]),
        ("use crate::{\n    a::b,\n    c as d,\n};", vec!["a::b:2", "c:3"]),
        ("fn f(x: &crate::a::B<crate::c::D>) -> u8 { crate::e::f::<u8>(x) }", vec!["a::B:1", "c::D:1", "e::f:1"]),
        ("fn f() { println!(\"{}\", [crate::a::B { x: 1 }]) }", vec!["a::B:1"]),
        ("macro_rules! m { () => { $crate::a::b() } }", vec!["a::b:1"]),
        ("use collapipe::a::B; pub(crate) fn f() {} pub(in crate::c) fn g() {}", vec!["a::B:1", "c:1"]),
        ("//! use crate::a;\n/// crate::b\nfn f() { \"crate::c\"; /* crate::d */ }", vec![]),
        ("use super::a::B; use super::super::c::D; use self::x::Y;", vec!["room::a::B:1", "c::D:1"]),
        ("mod inner { use super::super::super::c::{D, E}; } use super::f;", vec!["c::D:1", "c::E:1", "room::f:1"]),
    ] {
        assert_eq!(found(text, &["room", "file"]), expected, "{text}");
    }
}

#[test]
fn what_only_tests_have_is_passed_over() {
    for (text, expected) in [
        ("#[cfg(test)] mod tests { use crate::a; } use crate::b;", vec!["b:1"]),
        ("#[cfg(test)] use crate::a::{B, C}; use crate::b;", vec!["b:1"]),
        ("#[cfg(test)] #[allow(dead_code)] fn f() { crate::a::b() } use crate::b;", vec!["b:1"]),
        ("#[cfg(all(test, feature = \"x\"))] use crate::a; use crate::b;", vec!["b:1"]),
        ("#[cfg(any(test, feature = \"x\"))] use crate::a;", vec!["a:1"]),
        ("#[cfg(not(test))] use crate::a;", vec!["a:1"]),
        ("#[cfg(feature = \"test\")] use crate::a;", vec!["a:1"]),
        ("mod inner { #[cfg(test)] mod tests { use crate::a; } fn f() { crate::b::c() } }", vec!["b::c:1"]),
    ] {
        assert_eq!(found(text, &["room"]), expected, "{text}");
    }
}

#[test]
fn the_root_gives_names() {
    let root = "mod a;\npub use a::b;\npub use a::{c, d::E};\n/// Doc.\npub use nalgebra;\nfn f() { g(); }";
    let names: Vec<String> =
        aliases(root).unwrap().iter().map(|(name, path)| format!("{name} {}", path.join("::"))).collect();
    assert_eq!(names, ["E a::d::E", "b a::b", "c a::c"]);
}

#[test]
fn files_are_modules() {
    let name = |path| module(path).map(|names| names.join("::"));
    assert_eq!(name("src/solver/mod.rs").unwrap(), "solver");
    assert_eq!(name("src/units.rs").unwrap(), "units");
    assert_eq!(name("src/solver/select/links.rs").unwrap(), "solver::select::links");
    let others = ["src/lib.rs", "src/main.rs", "src/solver/tests.rs", "src/solver/tests/milp.rs", "tests/run/main.rs"];
    assert!(others.iter().all(|path| module(path).is_none()));
}

/// Violations of a small library with other text in one file.
fn violations(page: &str, path: &str, text: &str) -> Vec<String> {
    let mut files = vec![
        ("src/lib.rs", "pub mod ground; pub use nalgebra; pub use ground::{self, units}; #[doc = \"\"] struct S;"),
        ("src/ground.rs", ""),
        ("src/problem/mod.rs", "use crate::ground::Check;"),
        ("src/problem/json.rs", "use super::Slot; use crate::ground::Check;"),
        ("src/problem/tests.rs", "use crate::report::Table;"),
        ("src/solver.rs", "use crate::{problem::Slot, report::Table};"),
        ("src/report/mod.rs", "use crate::{problem::Slot, solver::Solution};"),
        ("src/cli/mod.rs", "use collapipe::{report::Table, solver::Solution};"),
    ];
    files.retain(|file| file.0 != path);
    files.push((path, text));
    let sources: Vec<Source> =
        files.into_iter().map(|(path, text)| Source { path: path.into(), text: text.into() }).collect();
    against_table(&rooms(page).unwrap(), &sources).unwrap()
}

#[test]
fn violations_name_place_and_rooms() {
    assert_eq!(violations(PAGE, "src/ground.rs", ""), [""; 0]);
    let page = "docs/architecture.md";
    for (path, text, expected) in [
        ("src/ground.rs", "\nuse crate::cli::{Args, run};", "src/ground.rs:2: `ground` may not import `cli`".into()),
        (
            "src/problem/shape.rs",
            "use super::json::Text;",
            "src/problem/shape.rs:1: `problem` may not import `problem::json`".into(),
        ),
        (
            "src/problem/json.rs",
            "use crate::units::Bits;",
            format!("{page}:5: `problem::json` may import `problem` and does not: take it out"),
        ),
        (
            "src/ground.rs",
            "use crate::nalgebra::X;",
            format!("src/ground.rs:1: `crate::nalgebra::X` is in no room of {page}"),
        ),
        ("src/attic.rs", "", format!("src/attic.rs:1: `attic` is in no room of {page}")),
        (
            "src/solver.rs",
            "use crate::problem::Slot;",
            format!("{page}:6: `solver` may import `report` and does not: take it out"),
        ),
    ] {
        assert_eq!(violations(PAGE, path, text), [expected], "{path}: {text}");
    }
    let more = PAGE.replacen("| `ground` |", "| `attic` | old | nobody |\n| `ground` |", 1);
    assert_eq!(violations(&more, "src/ground.rs", ""), [format!("{page}:3: `attic` has no file")]);
    for (from, to, expected) in [
        ("*`report`*", "`report`", "6: `report` stands below: in italics"),
        ("`ground`, `problem`", "*`ground`*, `problem`", "5: `ground` stands above: no italics"),
    ] {
        assert_eq!(violations(&PAGE.replace(from, to), "src/ground.rs", ""), [format!("{page}:{expected}")]);
    }
}

#[test]
fn tables_that_say_nothing_clear_are_refused() {
    let error = |page: &str| rooms(page).err().unwrap();
    assert_eq!(error("# Rooms\n"), "no table with columns `Room` and `May import`");
    assert_eq!(error(&PAGE.replace("| `ground` |", "| ground |")), "line 3: ground: must be in backticks");
    assert_eq!(
        error(&PAGE.replace("| `report` |", "| `solver` |")),
        "line 6: `report`: must be a room in backticks, or the cell `nobody`"
    );
    assert_eq!(error(&PAGE.replace("nobody", "")), "line 3: : must be a room in backticks, or the cell `nobody`");
    let twice = PAGE.replace("| `cli` |", "| `ground` |");
    assert_eq!(error(&twice), "line 8: ground: has a row already");
    assert_eq!(
        error(&PAGE.replace("| `ground` | units | nobody |", "| `ground` |")),
        "line 3: a row with too few cells"
    );
}

#[test]
fn long_files_are_named() {
    let source = |lines| Source { path: format!("src/{lines}.rs"), text: "\n".repeat(lines) };
    assert_eq!(too_long(&[source(500), source(501)]), ["src/501.rs:501: more than 500 lines"]);
}
