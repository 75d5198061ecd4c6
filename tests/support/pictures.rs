//! What holds for every figure, in every style: sizes in inches, text as text, all of it on the page and apart, units on axes, and
//! nothing that only colour tells apart. SVG is read by a library for it, PDF by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use collapipe::report::FigureStyle;
use resvg::usvg::{Node, Options, Tree, fontdb};
use roxmltree::{Document, Node as Element};

/// Titles of axes without a unit: numbers, ratios and names, which say so.
const WITHOUT_UNIT: &[&str] = &[
    "Slot",
    "Energy / budget",
    "Number of encoder blocks",
    "Certified mean of E|∇F|² / ε",
    "Mean number of micro-batches",
    "Mean encoder blocks on a device",
    "Time of a decision, exact solver = 1",
    "clusters",
    "clusters that share the edge server",
    "devices per cluster",
    "micro-batches per batch",
    "relative spread of the devices' speeds",
    "budgets relative to those of the base scenario",
    "bandwidth relative to the scenario's",
    "probability that a device is absent in a slot",
    "share of the edge server's speed that a cluster has",
    "encoder blocks of BERT-base's size",
];

/// Room for rounding, and for what fonts reserve above and below letters [pt].
const SLACK: f32 = 0.6;

fn options() -> &'static Options<'static> {
    static OPTIONS: OnceLock<Options<'static>> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(dejavu::sans::regular().to_vec());
        Options { fontdb: Arc::new(fonts), font_family: "DejaVu Sans".into(), ..Options::default() }
    })
}

/// Checks all of it of an SVG.
pub fn assert_svg(name: &str, svg: &str, style: FigureStyle) {
    assert_svg_of(name, svg, style, style.width_in());
}

/// The same of one with a width of its own [in].
pub fn assert_svg_of(name: &str, svg: &str, style: FigureStyle, width_in: f64) {
    for word in ["NaN", "inf\"", "inf ", ">-0<"] {
        assert!(!svg.contains(word), "{name}: {word:?}");
    }
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{name}: {error}"));
    let root = document.root_element();
    let (width, height) = assert_size(name, root, width_in);
    let least = style.text_pt();
    let usual: f64 = root.attribute("font-size").unwrap().parse().unwrap();
    let texts: Vec<Element> = root.descendants().filter(|node| node.has_tag_name("text")).collect();
    assert!(!texts.is_empty(), "{name}: blank");
    for text in &texts {
        let size = text.attribute("font-size").map_or(usual, |size| size.parse().unwrap());
        assert!(size >= least, "{name}: {:?} is {size} pt", text.text());
        assert!(text.text().is_some_and(|text| !text.trim().is_empty()), "{name}: an empty text");
    }
    let titles = texts.iter().filter(|text| text.attribute("font-size").is_some()).count();
    let wanted = matches!(style, FigureStyle::Screen | FigureStyle::Slides);
    assert!(wanted || titles == 0, "{name}: a title inside");
    assert_apart(name, svg, (width, height));
    let panels: Vec<Element> = with_class(root, "panel").collect();
    for panel in &panels {
        assert_axes(name, *panel);
        let drawn = panel.descendants().filter(|node| node.has_tag_name("path") || node.has_tag_name("circle"));
        assert!(drawn.count() > 3, "{name}: an empty panel");
    }
    for legend in with_class(root, "legend") {
        assert_told_apart(name, svg, legend);
    }
}

fn with_class<'a, 'input>(root: Element<'a, 'input>, class: &'static str) -> impl Iterator<Item = Element<'a, 'input>> {
    root.descendants().filter(move |node| node.attribute("class") == Some(class))
}

/// Width and height in points, which are those in inches.
fn assert_size(name: &str, root: Element, width_in: f64) -> (f32, f32) {
    let inches = |of: &str| -> f64 {
        let text = root.attribute(of).unwrap();
        text.strip_suffix("in").unwrap_or_else(|| panic!("{name}: {text} is not in inches")).parse().unwrap()
    };
    let view: Vec<f64> = root.attribute("viewBox").unwrap().split(' ').map(|number| number.parse().unwrap()).collect();
    assert_eq!(view[..2], [0.0, 0.0], "{name}");
    assert!((inches("width") - width_in).abs() < 0.006, "{name}: {} in", inches("width"));
    for (of, points) in [("width", view[2]), ("height", view[3])] {
        assert!((72.0 * inches(of) - points).abs() < 0.4, "{name}: {of}: a unit is not a point");
    }
    assert!(inches("height") < 14.0 && inches("height") > 0.4, "{name}: {} in high", inches("height"));
    (view[2] as f32, view[3] as f32)
}

/// All that is drawn lies on the page, and no text on another.
fn assert_apart(name: &str, svg: &str, (width, height): (f32, f32)) {
    let tree = Tree::from_str(svg, options()).unwrap_or_else(|error| panic!("{name}: {error}"));
    // The page is measured in pixels, of which an inch has 96.
    let scale = tree.size().width() / width;
    let mut boxes = Vec::new();
    visit(tree.root(), &mut |node| {
        let bounds = node.abs_bounding_box();
        let [left, top, right, bottom] =
            [bounds.left(), bounds.top(), bounds.right(), bounds.bottom()].map(|edge| edge / scale);
        let inside = left >= -SLACK && top >= -SLACK && right <= width + SLACK && bottom <= height + SLACK;
        let what = match node {
            Node::Text(text) => text.chunks().iter().map(|chunk| chunk.text()).collect(),
            _ => String::from("a shape"),
        };
        assert!(inside, "{name}: {what:?} is cut: {left} {top} {right} {bottom} of {width} {height}");
        if matches!(node, Node::Text(_)) {
            boxes.push((what, [left, top, right, bottom]));
        }
    });
    for (index, (one, a)) in boxes.iter().enumerate() {
        for (other, b) in &boxes[index + 1..] {
            let wide = a[2].min(b[2]) - a[0].max(b[0]);
            let high = a[3].min(b[3]) - a[1].max(b[1]);
            // Boxes of text reach from the ascent to the descent of the font: a third of that is empty.
            let deep = 0.3 * (a[3] - a[1]).min(b[3] - b[1]).min((a[2] - a[0]).min(b[2] - b[0]));
            assert!(wide <= SLACK || high <= deep || wide <= deep, "{name}: {one:?} lies on {other:?}: {a:?} {b:?}");
        }
    }
}

fn visit(group: &resvg::usvg::Group, of: &mut dyn FnMut(&Node)) {
    for node in group.children() {
        match node {
            Node::Group(inner) => visit(inner, of),
            node => of(node),
        }
    }
}

/// Every axis has a unit, or is one of a number or a name.
fn assert_axes(name: &str, panel: Element) {
    for upright in [false, true] {
        let lines: Vec<&str> = with_class(panel, "axis")
            .filter(|text| text.has_attribute("transform") == upright)
            .filter_map(|text| text.text())
            .collect();
        let title = lines.join(" ");
        let quantity = title.trim_end_matches(" (log)");
        let unit = quantity.contains('[') && quantity.contains(']');
        assert!(unit || quantity.is_empty() || WITHOUT_UNIT.contains(&quantity), "{name}: {title:?} has no unit");
    }
    // What is written beside an axis is a number, or names rows.
    assert!(with_class(panel, "tick").count() >= 1, "{name}: an axis without numbers");
}

/// No two samples of a legend are alike where all colours are one.
fn assert_told_apart(name: &str, svg: &str, legend: Element) {
    let mut known = BTreeMap::new();
    for entry in with_class(legend, "sample") {
        let inner: String = entry.children().map(|child| &svg[child.range()]).collect();
        let of = entry.next_sibling_element().and_then(|text| text.text()).unwrap_or_default();
        if let Some(other) = known.insert(grey(&inner), of) {
            panic!("{name}: {of:?} and {other:?} are told apart by colour alone: {inner}");
        }
    }
}

/// Colours as greys of three steps: what print leaves of them for sure.
fn grey(text: &str) -> String {
    let hex = |from: usize| text.get(from..from + 6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let mut out = String::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let starts = matches!(character, '#' | '-');
        match starts.then(|| hex(at + 1)).flatten() {
            Some(rgb) => {
                let channel = |shift: u32| f64::from((rgb >> shift) & 255);
                let light = 0.299 * channel(16) + 0.587 * channel(8) + 0.114 * channel(0);
                out += if light > 250.0 {
                    "white"
                } else if light > 190.0 {
                    "light"
                } else {
                    "dark"
                };
                at += 7;
            }
            None => {
                out.push(character);
                at += character.len_utf8();
            }
        }
    }
    out
}

/// The texts of an SVG, in their order.
fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.filter_map(|node| node.text()).map(String::from).collect()
}

/// Checks a PDF: it can be read, has one page of the size of the SVG, one font, which is in it, and the same texts as text.
pub fn assert_pdf(name: &str, pdf: &[u8], svg: &str) {
    assert!(pdf.starts_with(b"%PDF-1.") && pdf.trim_ascii_end().ends_with(b"%%EOF"), "{name}");
    let find = |what: &str, from: usize| {
        pdf[from..].windows(what.len()).position(|bytes| bytes == what.as_bytes()).map(|at| at + from)
    };
    let count = |what: &str| pdf.windows(what.len()).filter(|bytes| *bytes == what.as_bytes()).count();
    let line = |from: usize| -> &str {
        let end = pdf[from..].iter().position(|byte| *byte == b'\n').map_or(pdf.len(), |end| from + end);
        std::str::from_utf8(&pdf[from..end]).unwrap().trim()
    };
    // The table of objects says where each begins.
    let start = pdf.windows(9).rposition(|bytes| bytes == b"startxref").unwrap();
    let table: usize = line(start + 10).parse().unwrap();
    assert_eq!(line(table), "xref", "{name}");
    let (mut at, mut number) = (table + 5, 0);
    let objects: usize = line(at).split(' ').nth(1).unwrap().parse().unwrap();
    at += line(at).len() + 1;
    while number < objects {
        let entry = line(at);
        if entry.ends_with('n') {
            let offset: usize = entry.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(line(offset), format!("{number} 0 obj"), "{name}");
        }
        at += 20;
        number += 1;
    }
    // One page, one font, embedded.
    let one = [("/Type /Page\n", 1), ("/FontFile2 ", 1), ("/Type /Font\n", 2), ("/Type0", 1), ("/ToUnicode", 1)];
    for (what, times) in one {
        assert_eq!(count(what), times, "{name}: {what}");
    }
    assert_eq!(count("/FontFile "), 0, "{name}");
    let view: Vec<f64> = svg
        .split_once("viewBox=\"0 0 ")
        .unwrap()
        .1
        .split('"')
        .next()
        .unwrap()
        .split(' ')
        .map(|n| n.parse().unwrap())
        .collect();
    let page = line(find("/MediaBox [", 0).unwrap());
    let page: Vec<f64> =
        page.trim_start_matches("/MediaBox [").trim_end_matches(']').split(' ').map(|n| n.parse().unwrap()).collect();
    assert!((page[2] - view[0]).abs() < 0.02 && (page[3] - view[1]).abs() < 0.02, "{name}: {page:?} {view:?}");
    // The font is a whole file of its own: TrueType, with outlines.
    let font = find("/Length1", 0).unwrap();
    let font = find("stream\n", font).unwrap() + 7;
    assert_eq!(pdf[font..font + 4], [0, 1, 0, 0], "{name}: no TrueType font");
    let letters = letters(pdf);
    let written: Vec<String> = shown(pdf)
        .into_iter()
        .map(|glyphs| {
            glyphs.iter().map(|glyph| letters.get(glyph).unwrap_or_else(|| panic!("{name}: {glyph}"))).collect()
        })
        .collect();
    assert_eq!(written, texts(svg), "{name}: other texts");
}

/// What each glyph is called in the table for copying text.
fn letters(pdf: &[u8]) -> BTreeMap<u16, char> {
    let text = String::from_utf8_lossy(pdf);
    let mut letters = BTreeMap::new();
    for part in text.split("beginbfchar").skip(1) {
        for line in part.split("endbfchar").next().unwrap().trim().lines() {
            let (glyph, letter) = line.trim_start_matches('<').trim_end_matches('>').split_once("> <").unwrap();
            let units: Vec<u16> = letter
                .as_bytes()
                .chunks(4)
                .map(|unit| u16::from_str_radix(std::str::from_utf8(unit).unwrap(), 16).unwrap())
                .collect();
            letters.insert(
                u16::from_str_radix(glyph, 16).unwrap(),
                String::from_utf16(&units).unwrap().chars().next().unwrap(),
            );
        }
    }
    letters
}

/// The glyphs of every text that is shown.
fn shown(pdf: &[u8]) -> Vec<Vec<u16>> {
    let mut texts = Vec::new();
    for end in pdf.windows(4).enumerate().filter(|(_, bytes)| *bytes == b" Tj\n").map(|(at, _)| at) {
        let bytes: Vec<u8> = match pdf[end - 1] {
            b'>' => {
                let start = pdf[..end].iter().rposition(|byte| *byte == b'<').unwrap();
                let hex = std::str::from_utf8(&pdf[start + 1..end - 1]).unwrap();
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
            }
            _ => literal(&pdf[..end]),
        };
        texts.push(bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect());
    }
    texts
}

/// The bytes of a string in parentheses at the end of these.
fn literal(pdf: &[u8]) -> Vec<u8> {
    // It follows the matrix of the text.
    let start = pdf.windows(5).rposition(|bytes| bytes == b" Tm\n(").unwrap() + 5;
    let mut bytes = Vec::new();
    let mut rest = pdf[start..pdf.len() - 1].iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().unwrap() {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 8,
                b'f' => 12,
                digit @ b'0'..=b'7' => {
                    let mut octal = || rest.next().unwrap() - b'0';
                    let (second, third) = (octal(), octal());
                    (digit - b'0') * 64 + second * 8 + third
                }
                other => *other,
            },
            other => *other,
        });
    }
    bytes
}

/// Checks all of a folder's figures in a style: `NAME.svg`, and `NAME.pdf` where there is to be one. Returns their names.
pub fn assert_folder(folder: &std::path::Path, style: FigureStyle) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "svg") {
            let svg = std::fs::read_to_string(&path).unwrap();
            let name = format!("{} ({style:?})", path.display());
            assert_svg(&name, &svg, style);
            match std::fs::read(path.with_extension("pdf")) {
                Ok(pdf) => {
                    assert!(style.is_for_documents(), "{name}: a PDF");
                    assert_pdf(&name, &pdf, &svg);
                }
                Err(error) => assert!(!style.is_for_documents(), "{name}: no PDF: {error}"),
            }
            names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    names.sort();
    names
}
