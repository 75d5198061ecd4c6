//! JSON Schemas: generated from the types, and as strict as the readers where a schema can be.

use std::fs;
use std::path::{Path, PathBuf};

use collapipe::calibration::{Timing, TimingColumn};
use collapipe::formats::{FileKind, Template};
use collapipe::scenario::{Assignment, BUILTIN, ScenarioFile};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::program::{code, run, run_with_input, stdout};
use crate::support::folder;
use crate::support::scenario::SMALL;

fn validator(kind: FileKind) -> Validator {
    jsonschema::validator_for(&kind.schema()).unwrap()
}

/// What is wrong with a value by the schema.
fn faults(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn of_toml(text: &str) -> Value {
    let table: toml::Table = text.parse().unwrap();
    serde_json::to_value(table).unwrap()
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

#[test]
fn scenarios_fit_their_schema() {
    let validator = validator(FileKind::Scenario);
    let mut texts = vec![BUILTIN.to_owned(), SMALL.to_owned()];
    texts.extend(Template::ALL.map(|template| template.scenario().to_owned()));
    texts.extend(files("docs/scenarios", "toml").iter().map(|path| fs::read_to_string(path).unwrap()));
    for text in &texts {
        assert_eq!(faults(&validator, &of_toml(text)), [""; 0]);
    }
    for (path, value) in [
        ("/slots", json!(0)),
        ("/slots", json!(1.5)),
        ("/slots", json!("20")),
        ("/schema", json!("collapipe.scenario/9")),
        ("/participation", json!("some")),
        ("/latency_weight", json!(0)),
        ("/clusters/0/devices/0/absence_probability", json!(1.1)),
        ("/clusters/0/devices/0/budget_j_per_round", json!(0)),
        ("/clusters/0/devices/0/preset", json!("jetson-nano-5gb")),
        ("/channel/geometric/device_links/fading", json!({ "rician": {} })),
    ] {
        let mut scenario = of_toml(BUILTIN);
        let (holder, name) = path.rsplit_once('/').unwrap();
        scenario.pointer_mut(holder).unwrap()[name] = value;
        assert!(!validator.is_valid(&scenario), "{path}");
    }
    for (holder, name) in [("", "colour"), ("/model", "layer"), ("/clusters/0/devices/1", "memory")] {
        let mut scenario = of_toml(BUILTIN);
        scenario.pointer_mut(holder).unwrap()[name] = json!(1);
        assert!(!validator.is_valid(&scenario), "{holder}/{name}");
    }
    for (holder, name) in [("", "slots"), ("/clusters/0", "name"), ("/plans/0", "micro_batches")] {
        let mut scenario = of_toml(BUILTIN);
        scenario.pointer_mut(holder).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        assert!(!validator.is_valid(&scenario), "{holder}/{name}");
    }
}

#[test]
fn problems_answers_and_records_fit_their_schemas() {
    let problem = validator(FileKind::Problem);
    let read = |path: &PathBuf| serde_json::from_str::<Value>(&fs::read_to_string(path).unwrap()).unwrap();
    let problems = files("tests/problems", "json");
    assert!(problems.len() > 10);
    for path in &problems {
        // A regression holds a problem, alone or beside what was found.
        let value = read(path);
        let value = value.get("problem").unwrap_or(&value);
        assert_eq!(faults(&problem, value), [""; 0], "{}", path.display());
        let mut bad = value.clone();
        bad["clusters"][0]["batch_size"] = json!(-1);
        assert!(!problem.is_valid(&bad));
        let mut bad = value.clone();
        bad["clusters"][0]["devices"][0]["speed"] = json!(1);
        assert!(!problem.is_valid(&bad));
        let mut bad = value.clone();
        bad["plans"][0].as_object_mut().unwrap().remove("penalty").unwrap();
        assert!(!problem.is_valid(&bad));
    }
    let folder = folder("schemas_record");
    let arguments = ["run", "-", "--slots", "3", "--out", folder.to_str().unwrap()];
    assert_eq!(code(&run_with_input(&arguments, SMALL)), 0);
    let slot = run_with_input(&["problem", "-", "--slot", "0"], SMALL);
    let slot_problem: Value = serde_json::from_str(&stdout(&slot)).unwrap();
    assert_eq!(faults(&problem, &slot_problem), [""; 0]);
    let answer: Value = serde_json::from_str(&stdout(&run_with_input(&["solve", "-"], &stdout(&slot)))).unwrap();
    let record: Value = serde_json::from_str(&fs::read_to_string(folder.join("record.json")).unwrap()).unwrap();
    for (kind, value) in [
        (FileKind::Answer, &answer),
        (FileKind::Answer, &json!({ "status": "infeasible", "reason": "memory" })),
        (FileKind::Decision, &answer["decision"]),
        (FileKind::Record, &record),
    ] {
        let validator = validator(kind);
        assert_eq!(faults(&validator, value), [""; 0], "{}", kind.word());
        let mut hinted = value.clone();
        hinted["$schema"] = json!("./collapipe.schema.json");
        assert!(validator.is_valid(&hinted), "{}", kind.word());
        let mut unknown = value.clone();
        unknown["colour"] = json!(1);
        assert!(!validator.is_valid(&unknown), "{}", kind.word());
        assert!(!validator.is_valid(&json!({})), "{}", kind.word());
    }
}

/// Paths of the numbers of a scenario, as assignments take them, with the bounds that the schema states.
fn bounds(root: &Value, schema: &Value, path: &str, found: &mut Vec<(String, f64)>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/definitions/")) {
        return bounds(root, &root["definitions"][name], path, found);
    }
    for key in ["anyOf", "allOf", "oneOf"] {
        schema[key].as_array().into_iter().flatten().for_each(|kind| bounds(root, kind, path, found));
    }
    if schema["items"].is_object() {
        bounds(root, &schema["items"], &format!("{path}.0"), found);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        bounds(root, field, format!("{path}.{name}").trim_start_matches('.'), found);
    }
    let step = |bound: f64, by: f64| if bound == 0.0 { by } else { bound + by * bound.abs() };
    for (key, outside) in [("minimum", -0.5), ("exclusiveMinimum", 0.0), ("maximum", 0.5), ("exclusiveMaximum", 0.0)] {
        if let Some(bound) = schema[key].as_f64() {
            found.push((path.to_owned(), step(bound, outside)));
        }
    }
}

#[test]
fn stated_ranges_are_those_that_are_checked() {
    let schema = FileKind::Scenario.schema();
    let mut found = Vec::new();
    bounds(&schema, &schema, "", &mut found);
    assert!(found.len() > 40, "{found:?}");
    let mut refused = 0;
    for (path, value) in found {
        // Parts that the built-in scenario does not have would be incomplete.
        let foreign = ["channel.trace", "channel.constant", "model.transformer", "model.head", "convergence"];
        if foreign.iter().any(|part| path.contains(part)) || path.contains("clusters.0.channel") {
            continue;
        }
        let whole = value.fract() == 0.0 && value.abs() < 1e12;
        let value = if whole { format!("{value:.0}") } else { format!("{value:e}") };
        let set = [Assignment::new(&path, &value).unwrap()];
        let read = ScenarioFile::parse_with(BUILTIN, "".as_ref(), &set).and_then(ScenarioFile::build);
        assert!(read.is_err(), "{path} = {value} is read, but not within the schema");
        refused += 1;
    }
    assert!(refused > 30, "{refused}");
}

#[test]
fn pages_of_keys_are_current_and_whole() {
    for kind in ["scenario", "record"] {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/{kind}-keys.md"));
        let printed = stdout(&run(&["schema", kind, "--format", "markdown"]));
        let kept = fs::read_to_string(page).unwrap();
        assert_eq!(kept, printed, "collapipe schema {kind} --format markdown > docs/{kind}-keys.md");
        // Every field of the schema, however deep, and every kind of what has kinds.
        let schema: Value = serde_json::from_str(&stdout(&run(&["schema", kind]))).unwrap();
        let mut named = Vec::new();
        names(&schema, &mut named);
        assert!(named.len() > 60, "{named:?}");
        for name in named {
            assert!(printed.contains(&format!("`{name}`")), "{kind}: {name}");
        }
        // Whole numbers have all their digits, and tables as many cells as headings.
        for row in printed.lines().filter(|line| line.starts_with("| `")) {
            let row = row.replace("\\|", "");
            let cells: Vec<&str> = row.split(" | ").collect();
            assert_eq!(cells.len(), 6, "{row}");
            assert!(cells[1] != "integer" || !cells[4].contains('e'), "{row}");
        }
    }
}

/// Names of all fields, and constants of all kinds, of a schema.
fn names(schema: &Value, named: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(fields)) = members.get("properties") {
                // A tag is told by its values, and `$schema` is for editors.
                let told = fields.iter().filter(|(name, field)| *name != "$schema" && field.get("const").is_none());
                named.extend(told.map(|(name, _)| name.clone()));
            }
            named.extend(members.get("const").map(ToString::to_string));
            members.values().for_each(|value| names(value, named));
        }
        Value::Array(elements) => elements.iter().for_each(|value| names(value, named)),
        _ => {}
    }
}

#[test]
fn schemas_are_printed() {
    for (word, kind) in [
        ("scenario", FileKind::Scenario),
        ("problem", FileKind::Problem),
        ("answer", FileKind::Answer),
        ("decision", FileKind::Decision),
        ("record", FileKind::Record),
    ] {
        let printed: Value = serde_json::from_str(&stdout(&run(&["schema", word]))).unwrap();
        assert_eq!(printed, kind.schema());
        assert!(!printed.to_string().contains("[`"), "links of the code");
    }
}

/// A table of timings as objects, empty entries left out.
fn rows(table: &str) -> Vec<Value> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        let entries = header.iter().zip(record.iter()).filter(|(_, entry)| !entry.is_empty());
        Value::Object(entries.map(|(name, entry)| (name.to_owned(), json!(entry))).collect())
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

#[test]
fn timings_fit_their_schema() {
    let printed: Value = serde_json::from_str(&stdout(&run(&["schema", "timings"]))).unwrap();
    assert_eq!(printed, TimingColumn::schema());
    let validator = jsonschema::validator_for(&printed).unwrap();
    let good = "devices,blocks,samples,stage_seconds,send_seconds,micro_batches,schedule,replicas,seconds\n\
                nano pi,8 4,2,,,4,1f1b,2,3.25\nnano,12,0.5,,,1,,,1e-3\n,,,0.5 .25,1e-2 0,8,,,3.\n";
    assert_eq!(Timing::from_csv(good).unwrap().len(), 3);
    for row in rows(good) {
        assert_eq!(faults(&validator, &row), [""; 0], "{row}");
    }
    for bad in [
        "devices,blocks,samples,micro_batches,seconds\nnano,eight,2,4,1\n",
        "devices,blocks,samples,micro_batches,seconds\nnano,8,2,4.5,1\n",
        "devices,blocks,samples,micro_batches,seconds\nnano,8,two,4,1\n",
        "devices,blocks,samples,micro_batches,seconds\nnano,8,2,4,\n",
        "devices,blocks,samples,micro_batches,seconds,schedule\nnano,8,2,4,1,zigzag\n",
        "devices,samples,micro_batches,seconds\nnano,2,4,1\n",
        "stage_seconds,micro_batches,seconds\n0.5,4,1\n",
        "devices,blocks,samples,stage_seconds,send_seconds,micro_batches,seconds\nnano,8,2,0.5,0,4,1\n",
        "micro_batches,seconds\n4,1\n",
        "devices,blocks,samples,micro_batches,seconds,colour\nnano,8,2,4,1,red\n",
    ] {
        assert!(Timing::from_csv(bad).is_err(), "{bad}");
        assert!(rows(bad).iter().any(|row| !validator.is_valid(row)), "{bad}");
    }
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/calibrate.md")).unwrap();
    let columns = stdout(&run(&["schema", "timings", "--format", "markdown"]));
    assert!(page.contains(&columns), "collapipe schema timings --format markdown, in docs/calibrate.md");
}
