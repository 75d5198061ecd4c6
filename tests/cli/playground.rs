//! The playground, by mouse and keyboard in a browser, against the command on the file that it saves.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::{code, run, stderr, stdout};
use crate::support::browser::{Page, browser};
use crate::support::folder;

/// The page of this checkout, or one that was just built.
fn file() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/playground/index.html");
    std::env::var_os("COLLAPIPE_PLAYGROUND").map_or_else(own, PathBuf::from)
}

fn open(browser: &str, name: &str, size: (u32, u32), dark: bool) -> Page {
    let mut page = Page::open(browser, &folder(name).join("profile"), &file(), size, dark);
    settled(&mut page);
    page
}

/// Waits for the plan at the energy prices that settle after the last change.
fn settled(page: &mut Page) {
    page.until("typeof state === 'object' && state.asked > 0 && state.shown === state.asked && state.settled === true");
}

/// The plan that is shown, and the scenario that it is of.
fn report(page: &mut Page) -> Value {
    page.value("state.report")
}

fn scenario(page: &mut Page) -> Value {
    page.value("state.scenario")
}

/// Fields that are the difference of two optima: what a variant costs, how much longer its round is, what more of something saves.
const DIFFERENCES: [&str; 3] = ["cost_s", "latency_change_s", "saves_s"];

/// Two plans that only differ in how two processors round: the same words and whole numbers, and numbers that agree in nine digits. Of
/// a difference of two optima the digits are counted from those of the optima: each is known to a share of itself, however
/// little they differ.
fn assert_same(own: &Value, other: &Value, path: &str) {
    let optimum_s = own["objective"].as_f64().unwrap() / own["latency_weight"].as_f64().unwrap();
    assert_agree(own, other, path, 1.0, optimum_s);
}

/// `size` is the least that a number is taken for, `optimum_s` that of a difference.
fn assert_agree(own: &Value, other: &Value, path: &str, size: f64, optimum_s: f64) {
    match (own, other) {
        (Value::Object(own), Value::Object(other)) => {
            assert!(own.keys().eq(other.keys()), "{path}: {own:?} {other:?}");
            for (key, value) in own {
                let size = if DIFFERENCES.contains(&key.as_str()) { optimum_s } else { size };
                assert_agree(value, &other[key], &format!("{path}.{key}"), size, optimum_s);
            }
        }
        (Value::Array(own), Value::Array(other)) => {
            assert_eq!(own.len(), other.len(), "{path}");
            for (at, (own, other)) in own.iter().zip(other).enumerate() {
                assert_agree(own, other, &format!("{path}[{at}]"), size, optimum_s);
            }
        }
        (Value::Number(own), Value::Number(other)) => {
            let (own, other) = (own.as_f64().unwrap(), other.as_f64().unwrap());
            assert!((own - other).abs() <= 1e-9 * own.abs().max(size), "{path}: {own} {other}");
        }
        _ => assert_eq!(own, other, "{path}"),
    }
}

/// Whether what is shown, of which every change only changed what differs, is what would be shown had it been made from nothing.
fn assert_as_from_nothing(page: &mut Page) {
    let same = "(() => {
        const shown = document.getElementById('plan'), fresh = document.createElement('div');
        const charts = part => [...part.querySelectorAll('plan-chart')];
        const all = part => [part.innerHTML, ...charts(part).map(chart => chart.shadowRoot.innerHTML)].join();
        fresh.append(...state.report.clusters.map((cluster, index) => ofCluster(cluster, index, charts(shown)[index].svg)));
        document.body.append(fresh);
        const same = all(shown) === all(fresh);
        fresh.remove();
        return same;
    })()";
    assert_eq!(page.value(same), true);
}

/// Saves by the button, and asks the command about the file.
fn command_on_saved_file(page: &mut Page, folder: &Path) -> Value {
    let saved = folder.join("playground.toml");
    if saved.exists() {
        fs::remove_file(&saved).unwrap();
    }
    page.send("Browser.setDownloadBehavior", json!({ "behavior": "allow", "downloadPath": folder }));
    let button = page.middle("#save");
    page.click(button);
    for _ in 0..500 {
        if fs::metadata(&saved).is_ok_and(|file| file.len() > 0) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let output = run(&["plan", saved.to_str().unwrap(), "--static", "--format", "json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn page_is_one_file_of_the_parts_in_the_repository() {
    let page = fs::read_to_string(file()).unwrap();
    let parts = Path::new(env!("CARGO_MANIFEST_DIR")).join("playground/page");
    for part in fs::read_dir(parts).unwrap() {
        let part = part.unwrap().path();
        if part.extension().is_some_and(|extension| extension == "js" || extension == "css") {
            let text = fs::read_to_string(&part).unwrap();
            assert!(page.contains(text.trim_end()), "{}: the page is older: .ci/playground builds it", part.display());
        }
    }
    let links = page.matches("://").count();
    assert_eq!(links, page.matches("http://www.w3.org/2000/svg").count(), "the page asks for something from elsewhere");
}

#[test]
fn what_the_mouse_changes_is_planned_as_the_command_plans_it() {
    let Some(browser) = browser() else { return };
    let saves = folder("playground-saved");
    let mut page = open(browser, "playground-mouse", (1280, 900), false);
    assert_same(&report(&mut page), &command_on_saved_file(&mut page, &saves), "as it begins");
    let node = "#map [data-key='0/orin-nano']";

    // The device that holds most is dragged away: its node follows the mouse, the plan is another one, and worse.
    let before = report(&mut page);
    let [x, y] = page.middle(node);
    page.mouse("mousePressed", [x, y]);
    let of_node = format!("document.querySelector(\"{node}\")");
    page.value(&format!("globalThis.before = {of_node}, 0"));
    let (mut drawn, mut explained) = (Vec::new(), Vec::new());
    for step in 1..=12 {
        let at = f64::from(step);
        page.mouse("mouseMoved", [x + 8.0 * at, y + 6.0 * at]);
        for (what, times) in [("drawn", &mut drawn), ("explained", &mut explained)] {
            page.until(&format!("JSON.parse(document.body.dataset.{what} ?? '{{}}').asked === state.asked"));
            let seen = page.value(&format!("JSON.parse(document.body.dataset.{what}).milliseconds"));
            times.push(seen.as_f64().unwrap());
        }
    }
    let [shown_x, shown_y] = page.middle_as_it_is(node);
    assert!((shown_x - x - 96.0).abs() < 3.0 && (shown_y - y - 72.0).abs() < 3.0, "{shown_x} {shown_y} from {x} {y}");
    assert_eq!(page.value(&format!("before === {of_node}")), true, "a node that moves is made again");
    page.mouse("mouseReleased", [x + 96.0, y + 72.0]);
    page.mouse("mouseMoved", [x, y]);
    settled(&mut page);
    let moved = report(&mut page);
    assert_eq!(scenario(&mut page)["clusters"][0]["devices"][3]["name"], "orin-nano");
    let position = scenario(&mut page)["clusters"][0]["devices"][3]["position"].clone();
    assert!(position["x_m"].as_f64().unwrap() > 17.0 && position["y_m"].as_f64().unwrap() < -2.0, "{position}");
    let objective = |report: &Value| report["objective"].as_f64().unwrap();
    assert!(objective(&moved) > objective(&before), "farther from all others, and no worse");
    assert_same(&moved, &command_on_saved_file(&mut page, &saves), "dragged");
    assert_as_from_nothing(&mut page);
    for (what, times) in [("plan", &mut drawn), ("why", &mut explained)] {
        times.sort_by(f64::total_cmp);
        println!(
            "from the mouse to the picture, six devices: {:.0} ms to the {what} in the middle, {:.0} ms at most",
            times[6], times[11]
        );
    }

    // A quarter of the way up its slider the band is narrower, and narrower is never better.
    let slider = page.value(
        "(() => { const box = document.getElementById('band-0').getBoundingClientRect(); return box.width; })()",
    );
    let [x, y] = page.middle("#band-0");
    page.click([x - slider.as_f64().unwrap() / 4.0, y]);
    settled(&mut page);
    let narrow = scenario(&mut page)["clusters"][0]["bandwidth_hz"].as_f64().unwrap();
    assert!((2e6..6e6).contains(&narrow), "{narrow}");
    assert!(objective(&report(&mut page)) > objective(&moved));
    // A second is worth more: energy prices count less, and V is what the plan was made for.
    let [x, y] = page.middle("#v");
    page.click([x + slider.as_f64().unwrap() / 10.0, y]);
    settled(&mut page);
    let price = scenario(&mut page)["latency_weight"].as_f64().unwrap();
    assert!(price > 0.1 && report(&mut page)["latency_weight"] == price, "{price}");
    assert_same(&report(&mut page), &command_on_saved_file(&mut page, &saves), "sliders");

    // A budget below what a round takes gets a price.
    let budget = "input[aria-label='orin-nano: budget in J per round']";
    let at = page.middle(budget);
    page.click(at);
    page.value("document.activeElement.select()");
    page.send("Input.insertText", json!({ "text": "8" }));
    settled(&mut page);
    assert!(page.value("state.prices['room/orin-nano']").as_f64().unwrap() > 0.0);
    assert_same(&report(&mut page), &command_on_saved_file(&mut page, &saves), "budget");
    // What is no budget is marked, and changes nothing.
    let asked = page.value("state.asked");
    let at = page.middle(budget);
    page.click(at);
    page.value("document.activeElement.select()");
    page.send("Input.insertText", json!({ "text": "-3" }));
    assert_eq!(page.value(&format!("document.querySelector(\"{budget}\").getAttribute('aria-invalid')")), "true");
    assert_eq!(
        (page.value("state.asked"), &scenario(&mut page)["clusters"][0]["devices"][3]["budget_j_per_round"]),
        (asked, &json!(8))
    );

    // The arrow keys move what has the focus, by a metre.
    let at = page.middle("#map [data-key='0/nano-a']");
    page.click(at);
    let x = scenario(&mut page)["clusters"][0]["devices"][0]["position"]["x_m"].as_f64().unwrap();
    page.key("ArrowRight");
    page.key("ArrowRight");
    settled(&mut page);
    let moved = scenario(&mut page)["clusters"][0]["devices"][0]["position"]["x_m"].as_f64().unwrap();
    assert!((moved - x - 2.0).abs() < 0.11, "{x} {moved}");
    assert_eq!(page.value("document.activeElement.dataset.key"), "0/nano-a");
    assert!(
        page.value("document.querySelectorAll('#results tr.chosen').length").as_u64().unwrap() >= 2,
        "its rows are marked"
    );

    // A device more, and one less.
    let add = page.middle("#clusters section > button");
    page.click(add);
    settled(&mut page);
    assert_eq!(report(&mut page)["clusters"][0]["devices"].as_array().unwrap().len(), 7);
    let remove = page.middle("button[aria-label='Remove pi5']");
    page.click(remove);
    settled(&mut page);
    assert!(!report(&mut page).to_string().contains("pi5"));
    assert_same(&report(&mut page), &command_on_saved_file(&mut page, &saves), "devices");
    assert_as_from_nothing(&mut page);
    assert_eq!(page.complaints, [""; 0]);
}

#[test]
fn files_are_opened_and_faults_are_told() {
    let Some(browser) = browser() else { return };
    let saves = folder("playground-opened");
    let mut page = open(browser, "playground-files", (1280, 900), false);
    let own =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scenarios/six-devices.toml")).unwrap();
    let give = |page: &mut Page, text: &str| {
        let path = saves.join("given.toml");
        fs::write(&path, text).unwrap();
        let document = page.send("DOM.getDocument", json!({}));
        let input =
            page.send("DOM.querySelector", json!({ "nodeId": document["root"]["nodeId"], "selector": "#open" }));
        page.send("DOM.setFileInputFiles", json!({ "files": [path], "nodeId": input["nodeId"] }));
    };
    give(&mut page, &own.replace("batch_size = 32", "batch_size = 0"));
    page.until("document.getElementById('verdict').classList.contains('none')");
    let told = page.value("document.getElementById('verdict').textContent");
    assert!(
        told.as_str().is_some_and(|told| told.contains("clusters[0].batch_size") && told.contains("line ")),
        "{told}"
    );
    // No plan: a model that no device holds any part of.
    let small =
        own.replace("preset = \"jetson-", "memory_bytes = 1e3\npreset = \"jetson-").replace("\"select\"", "\"all\"");
    give(&mut page, &small);
    page.until("document.getElementById('verdict').textContent.startsWith('no plan')");
    // And back: two clusters.
    let renamed = own.replace("name = \"nano-a\"", "name = \"<b>a & b</b>\"");
    give(&mut page, &renamed);
    page.until("state.scenario.clusters[0].devices[0].name.startsWith('<b>') && state.report !== undefined");
    settled(&mut page);
    assert_eq!(page.value("document.querySelectorAll('main td b, #map b').length"), 0, "names are texts");
    assert_same(&report(&mut page), &command_on_saved_file(&mut page, &saves), "opened");
    assert_eq!(page.complaints, [""; 0]);
}

#[test]
fn page_fits_a_phone_and_the_dark() {
    let Some(browser) = browser() else { return };
    let mut page = open(browser, "playground-phone", (390, 844), true);
    let width = page.value("document.documentElement.scrollWidth").as_u64().unwrap();
    assert!(width <= 390, "{width} px on a phone of 390");
    let ink = page.value("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]");
    assert_eq!(ink, json!(["rgb(228, 235, 242)", "rgb(20, 25, 31)"]));
    // What an empty field says is seen whole: without arrows all of it is room.
    let clipped = "[...document.querySelectorAll('input[placeholder]')].filter(field => {
        const style = getComputedStyle(field), pen = document.createElement('canvas').getContext('2d');
        pen.font = `${style.fontSize} ${style.fontFamily}`;
        const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        return style.appearance !== 'textfield' || pen.measureText(field.placeholder).width > room;
    }).length";
    assert_eq!(page.value(clipped), 0);
    // All that can be changed has a name.
    let nameless = "[...document.querySelectorAll('input, select, button')].filter(field => !(field.labels?.length || field.ariaLabel || field.textContent.trim())).length";
    assert_eq!(page.value(nameless), 0);
    assert_eq!(page.complaints, [""; 0]);
}
