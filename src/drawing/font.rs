//! How wide text is in DejaVu Sans, in which figures are laid out: so wide that most others fit as well.

/// Family names for viewers that do not have it.
pub(super) const FAMILY: &str = "'DejaVu Sans', Verdana, Arial, sans-serif";

/// Advance widths of the characters from the space to the tilde, in thousandths of the size (DejaVu Sans 2.37, `hmtx`).
const ASCII: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863,
    748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635,
    615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
    337, 636, 838,
];

/// Height of capital letters and digits over the size.
const CAPITALS: f64 = 0.73;

/// From the middle of a line of text to its baseline, over the size.
pub(super) const MIDDLE: f64 = CAPITALS / 2.0;

fn advance(character: char) -> f64 {
    let ascii = usize::try_from(u32::from(character).wrapping_sub(32)).ok().and_then(|place| ASCII.get(place));
    match (ascii, u32::from(character)) {
        (Some(thousandths), _) => f64::from(*thousandths) / 1000.0,
        // Accented letters are no wider than M; arrows, signs and the ellipsis no wider than 1.
        (None, 0xc0..=0x24f | 0x370..=0x52f) => 0.87,
        (None, 0xb2 | 0xb3 | 0xb9 | 0xb7) => 0.401,
        (None, _) => 1.0,
    }
}

/// Width of a line of text; never less than it is, for characters that the font has.
pub(super) fn width(text: &str, size: f64) -> f64 {
    size * text.chars().map(advance).sum::<f64>()
}

/// Lines at most this wide, broken at spaces; a word that is wider is cut short.
pub(super) fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let longer = lines.last().map(|line| format!("{line} {word}")).filter(|longer| width(longer, size) <= room);
        match (longer, lines.last_mut()) {
            (Some(longer), Some(last)) => *last = longer,
            _ => lines.push(fit(word, size, room)),
        }
    }
    lines
}

/// The text, or as much of its beginning as has room, with an ellipsis.
pub(super) fn fit(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.into();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if width(&kept, size) + size > room {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_wider_than_their_room() {
        let text = "Overspend of the worst node: mean of E/budget over all slots";
        for room in [60.0, 100.0, 1000.0] {
            let lines = wrap(text, 8.0, room);
            assert!(lines.iter().all(|line| width(line, 8.0) <= room), "{lines:?}");
        }
        assert_eq!(wrap(text, 8.0, 1000.0), [text]);
        assert_eq!(wrap(text, 8.0, 100.0).join(" "), text);
        assert!(fit("a-very-long-name-of-a-node", 8.0, 50.0).ends_with('…'));
    }

    #[cfg(feature = "pdf")]
    #[test]
    fn widths_are_those_of_the_font() {
        use skrifa::MetadataProvider;
        let font = skrifa::FontRef::new(dejavu::sans::regular()).unwrap();
        let metrics = font.glyph_metrics(skrifa::instance::Size::new(1000.0), skrifa::instance::LocationRef::default());
        let own = |c: char| f64::from(metrics.advance_width(font.charmap().map(c).unwrap()).unwrap());
        for character in ' '..='~' {
            assert!((width(&character.to_string(), 1000.0) - own(character)).abs() < 0.6, "{character}");
        }
        for character in "→µ−≤≥²·ε∇…×–∞ΣσμÄäéß°¹³ĒȲ".chars() {
            assert!(width(&character.to_string(), 1000.0) > own(character) - 0.6, "{character}");
        }
    }
}
