//! What is asked of every figure of these tests.

use collapipe::report::FigureStyle;

use crate::support::pictures::assert_svg;

/// Checks a figure for a screen.
pub fn assert_figure(name: &str, svg: &str) {
    assert_svg(name, svg, FigureStyle::Screen);
}

pub fn assert_shows(svg: &str, words: &[&str]) {
    for word in words {
        assert!(svg.contains(word), "{word:?} is missing");
    }
}
