//! Text that fits a screen.

/// Columns of a line where nobody says how wide the screen is.
pub const WIDTH: usize = 80;

/// Spaces by which the rest of a broken line stands further in than its beginning.
const HANG: usize = 2;

/// The same text in lines of at most `width` characters: longer ones are broken at spaces. What follows stands below the text
/// behind a mark (a first word that two spaces set apart), or two columns further in than the line. Only a word that is longer than
/// the room for it makes a longer line.
///
/// ```
/// use collapipe::text::wrapped;
/// assert_eq!(wrapped("  C2  proved for all runs\n", 16), "  C2  proved for\n      all runs\n");
/// assert_eq!(wrapped("note: short\n", 80), "note: short\n");
/// ```
#[must_use]
pub fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
        wrap(content, width, &mut out);
        out.push_str(end);
    }
    out
}

fn wrap(line: &str, width: usize, out: &mut String) {
    if line.chars().count() <= width {
        out.push_str(line);
        return;
    }
    let indent = hanging(line).min(width / 2);
    let (mut column, mut first) = (0, true);
    for word in line.split(' ') {
        let length = word.chars().count();
        if !first && column + 1 + length > width && !word.is_empty() {
            // Spaces before a break are not part of any line.
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if !first {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        first = false;
    }
}

/// Where the rest of a line begins.
fn hanging(line: &str) -> usize {
    let indent = line.chars().take_while(|c| *c == ' ').count();
    let behind = line.get(indent..).unwrap_or_default();
    let mark = behind.chars().take_while(|c| *c != ' ').count();
    let spaces = behind.chars().skip(mark).take_while(|c| *c == ' ').count();
    if spaces >= 2 { indent + mark + spaces } else { indent + HANG }
}

/// The parts of a cell in lines of at most `width` characters, broken at spaces, behind what joins words, or where nothing else
/// is left.
pub(super) fn broken(cell: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut room = width;
    for piece in cell.split_inclusive([' ', '/', '-', '>', ',']) {
        let length = piece.trim_end().chars().count();
        if length > room && room < width {
            lines.push(String::new());
            room = width;
        }
        for (place, c) in piece.chars().enumerate() {
            if room == 0 && (c != ' ' || place < length) {
                lines.push(String::new());
                room = width;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            room = room.saturating_sub(1);
        }
    }
    lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_words_and_their_width() {
        let text = "Budgets: kept. Tightest: workshop/nano-a, 99.1 % used.\n\n  C1: after every slot, average overspend so far.\n";
        for width in [12, 20, 40, 60, 200] {
            let out = wrapped(text, width);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&out), words(text));
            let longest = words(text).iter().map(|word| word.chars().count()).max().unwrap();
            let most = width.max(longest + width / 2);
            assert!(out.lines().all(|line| line.chars().count() <= most && !line.ends_with(' ')), "{width}: {out}");
            assert_eq!(out.matches("\n\n").count(), 1);
        }
        assert_eq!(wrapped(text, 200), text);
        assert_eq!(wrapped("a bc d", 4), "a bc\n  d");
    }

    #[test]
    fn cells_are_broken_where_words_end() {
        assert_eq!(broken("exact against", 8), ["exact", "against"]);
        assert_eq!(broken("workshop/control-unit", 12), ["workshop/", "control-unit"]);
        assert_eq!(broken("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(broken("", 3), [""]);
        for width in 1..12 {
            let lines = broken("a long-winded/name of 17 > words", width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:?}");
            let letters = |text: &str| text.replace(' ', "");
            assert_eq!(letters(&lines.concat()), letters("a long-winded/name of 17 > words"));
        }
    }
}
