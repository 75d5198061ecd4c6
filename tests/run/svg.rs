//! What holds for every figure: valid files, everything on the canvas, no number that is none.

/// Checks all of it.
pub fn assert_figure(name: &str, svg: &str) {
    assert!(svg.starts_with("<svg width=\"800\"") && svg.trim_end().ends_with("</svg>"), "{name}");
    for word in ["NaN", "inf", ">\n-0\n"] {
        assert!(!svg.contains(word), "{word:?} in {name}");
    }
    assert_xml(svg);
    assert_on_canvas(svg);
}

pub fn assert_shows(svg: &str, words: &[&str]) {
    for word in words {
        assert!(svg.contains(word), "{word:?} is missing");
    }
}

/// Tags must close in order, attributes be quoted, text be escaped.
fn assert_xml(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(!text.contains('>'), "a bare > in {text:?}");
        for (at, _) in text.match_indices('&') {
            let entity = text[at..].split(';').next().unwrap();
            assert!(["&lt", "&gt", "&amp", "&quot", "&apos"].contains(&entity), "a bare & in {text:?}");
        }
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap());
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty() && rest.trim().is_empty());
}

/// Numbers of the attributes that place things; all must lie on the canvas, give or take a label's slope.
fn assert_on_canvas(svg: &str) {
    let view = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split('"').next().unwrap();
    let size: Vec<f64> = view.split(' ').map(|number| number.parse().unwrap()).collect();
    for points in svg.split("points=\"").skip(1).map(|part| part.split('"').next().unwrap()) {
        for point in points.split_whitespace() {
            let (x, y) = point.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!((-8.0..=size[0]).contains(&x) && (-8.0..=size[1]).contains(&y), "({x}, {y}) of {size:?}");
        }
    }
}
