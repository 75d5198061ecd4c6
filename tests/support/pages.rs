//! Pages as a browser shows them: at a desk, on a phone, and in the dark.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::folder;

/// What a page looked like.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// `desk`, `phone`, `dark` or `dark-phone`.
    pub name: &'static str,
    /// Figures that are drawn, and large enough to be seen.
    pub drawn: usize,
    /// Width of the page and of its window; equal where nothing sticks out.
    pub width: (u32, u32),
    /// Colour of the page.
    pub paper: String,
    /// Least height of letters in figures [px].
    pub least_text: f64,
    /// Headings of tables that were pressed and sorted their tables both ways.
    pub sorted: usize,
    /// Figures that told their values where a pointer was.
    pub told: usize,
    /// Least contrast of text with what it stands on, figures aside.
    pub contrast: f64,
}

/// Measures a page in all four ways; what the console says is a fault.
pub fn seen(browser: &str, name: &str, page: &str) -> Vec<Seen> {
    let folder = folder(&format!("browser-{name}"));
    let measured = folder.join("measured.html");
    fs::write(&measured, page.replace("</body>", &format!("<script>{MEASURE}</script></body>"))).unwrap();
    // A phone is narrower than a window may be: a frame, whose page tells what it has seen.
    let phone = folder.join("phone.html");
    let frame = "<!doctype html><link rel=\"icon\" href=\"data:,\"><body>\
        <script>onmessage=e=>document.body.setAttribute('data-seen',e.data)</script>\
        <iframe src=\"measured.html\" style=\"width:390px;height:800px;border:0\"></iframe></body>";
    fs::write(&phone, frame).unwrap();
    let dark = "--blink-settings=preferredColorScheme=0";
    let ways: [(&'static str, &Path, &[&str]); 4] = [
        ("desk", &measured, &[]),
        ("phone", &phone, &[]),
        ("dark", &measured, &[dark]),
        ("dark-phone", &phone, &[dark]),
    ];
    ways.map(|(way, file, flags)| {
        let (dom, console) = opened(browser, file, &folder.join(format!("profile-{way}")), flags);
        assert!(!console.contains("CONSOLE"), "{name}, {way}: {console}");
        let (_, rest) = dom.split_once("data-seen=\"").expect("the page was loaded and measured");
        let said = rest.split('"').next().unwrap_or_default().replace("&quot;", "\"");
        let of: serde_json::Value = serde_json::from_str(&said).unwrap();
        let whole = |key: &str| of[key].as_u64().unwrap_or_else(|| panic!("{key}: {said}"));
        let width = |key: &str| u32::try_from(whole(key)).unwrap();
        let count = |key: &str| usize::try_from(whole(key)).unwrap();
        Seen {
            name: way,
            drawn: count("drawn"),
            width: (width("wide"), width("window")),
            paper: of["paper"].as_str().unwrap().into(),
            least_text: of["text"].as_f64().unwrap_or(f64::INFINITY),
            sorted: count("sorted"),
            told: count("told"),
            contrast: of["contrast"].as_f64().unwrap(),
        }
    })
    .to_vec()
}

/// What must hold of every page.
pub fn check(seen: &[Seen], figures: usize) {
    assert_eq!(seen.iter().map(|of| of.name).collect::<Vec<_>>(), ["desk", "phone", "dark", "dark-phone"]);
    for of in seen {
        assert_eq!(of.drawn, figures, "{of:?}");
        assert_eq!(of.width.0, of.width.1, "the page is wider than its window: {of:?}");
        let (phone, dark) = (of.name.ends_with("phone"), of.name.starts_with("dark"));
        assert_eq!(of.width.1 <= 390, phone, "{of:?}");
        assert_eq!(of.paper, if dark { "rgb(22, 24, 27)" } else { "rgb(255, 255, 255)" }, "{of:?}");
        assert!(!phone || of.least_text >= 7.0, "letters too small for a phone: {of:?}");
        assert!(of.contrast >= 4.5, "text that is hard to read (WCAG 2.2, 1.4.3): {of:?}");
    }
}

/// The document after a script of ours has measured it, and what the console says.
fn opened(browser: &str, page: &Path, profile: &Path, flags: &[&str]) -> (String, String) {
    let out = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(["--window-size=1280,900"])
        .args(flags)
        .args(["--virtual-time-budget=4000", "--dump-dom"])
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    (String::from_utf8_lossy(&out.stdout).into_owned(), String::from_utf8_lossy(&out.stderr).into_owned())
}

const MEASURE: &str = r"addEventListener('load', () => {
  const root = document.documentElement, seen = element => element.getBoundingClientRect();
  const shown = svg => seen(svg).width > 100 && seen(svg).height > 50 && getComputedStyle(svg).visibility === 'visible';
  const svgs = [...document.querySelectorAll('figure svg')].filter(shown);
  const letters = svgs.flatMap(svg => [...svg.querySelectorAll('text')]).map(text => Math.min(seen(text).height, seen(text).width * 3)).filter(h => h > 0);
  let sorted = 0;
  for (const heading of document.querySelectorAll('th button')) {
    const table = heading.closest('table'), column = heading.parentNode.cellIndex;
    const cells = () => [...table.tBodies[0].rows].map(row => row.cells[column].textContent.trim());
    const numbers = list => list.map(parseFloat).filter(x => !isNaN(x));
    const before = [...cells()].sort().join('|');
    heading.click();
    const up = numbers(cells());
    heading.click();
    const down = numbers(cells());
    const ordered = up.every((x, i) => !i || up[i - 1] <= x) && down.every((x, i) => !i || down[i - 1] >= x);
    if (ordered && before === [...cells()].sort().join('|')) sorted += 1;
  }
  let told = 0;
  for (const figure of document.querySelectorAll('figure[data-of]')) {
    const art = figure.querySelector('.art'), box = seen(art);
    art.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width * .4, clientY: box.top + 20, bubbles: true}));
    const first = figure.querySelector('.tip').textContent;
    art.dispatchEvent(new KeyboardEvent('keydown', {key: 'End', bubbles: true}));
    const last = figure.querySelector('.tip').textContent;
    if (/^Slot \d+: .*\d/.test(first) && /^Slot \d+: /.test(last) && first !== last && figure.querySelector('.at')) told += 1;
  }
  const rgb = text => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let contrast = 21;
  for (const element of document.querySelectorAll('p,li,th,td,dt,dd,h1,h2,h3,a,summary,caption,figcaption,button,pre,.parts span')) {
    if (!element.textContent.trim()) continue;
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    contrast = Math.min(contrast, (a + .05) / (b + .05));
  }
  const all = JSON.stringify({drawn: svgs.length, wide: root.scrollWidth, window: root.clientWidth,
    paper: getComputedStyle(document.body).backgroundColor, text: letters.length ? Math.min(...letters) : null, sorted, told, contrast});
  document.body.setAttribute('data-seen', all);
  parent.postMessage(all, '*');
});";
