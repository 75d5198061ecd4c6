//! The table of the page.

/// A row: a room and what it may import.
pub struct Room {
    /// The module, without `crate`.
    pub path: Vec<String>,
    pub may_import: MayImport,
    /// Of the page, from 1.
    pub line: usize,
}

pub enum MayImport {
    /// Rows, each with whether its name is in italics.
    These(Vec<(usize, bool)>),
    /// Every room above.
    AllAbove,
}

impl Room {
    pub fn name(&self) -> String {
        self.path.join("::")
    }
}

impl MayImport {
    /// Whether the room in row `from`, whose permissions these are, may import that in row `to`.
    pub fn allows(&self, to: usize, from: usize) -> bool {
        match self {
            Self::These(named) => named.iter().any(|&(row, _)| row == to),
            Self::AllAbove => to < from,
        }
    }
}

/// Cells of a row.
fn cells(line: &str) -> Option<Vec<&str>> {
    Some(line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect())
}

/// What stands between two marks.
fn between(text: &str, mark: char) -> Option<&str> {
    text.strip_prefix(mark)?.strip_suffix(mark)
}

/// The rows of the table that has columns `Room` and `May import`.
///
/// A cell of the latter is `nobody`, `all above`, or names in backticks with commas between them; those in italics are
/// rows below.
pub fn rooms(page: &str) -> Result<Vec<Room>, String> {
    let lines: Vec<&str> = page.lines().collect();
    let column = |line: &str, name| cells(line)?.iter().position(|cell| *cell == name);
    let heads = lines
        .iter()
        .enumerate()
        .find_map(|(at, line)| column(line, "Room").zip(column(line, "May import")).map(|columns| (at, columns)));
    let Some((head, (room, imports))) = heads else {
        return Err("no table with columns `Room` and `May import`".into());
    };
    let mut rows = Vec::new();
    for (at, line) in lines.iter().enumerate().skip(head + 2) {
        let Some(cells) = cells(line) else { break };
        let (Some(room), Some(imports)) = (cells.get(room), cells.get(imports)) else {
            return Err(format!("line {}: a row with too few cells", at + 1));
        };
        let name = between(room, '`').ok_or_else(|| format!("line {}: {room}: must be in backticks", at + 1))?;
        rows.push((at + 1, name, *imports));
    }
    let mut rooms = Vec::new();
    for (place, &(line, name, imports)) in rows.iter().enumerate() {
        if rows[..place].iter().any(|&(_, other, _)| other == name) {
            return Err(format!("line {line}: {name}: has a row already"));
        }
        let may_import = match imports {
            "nobody" => MayImport::These(Vec::new()),
            "all above" => MayImport::AllAbove,
            names => {
                let named = names.split(',').map(|word| {
                    let word = word.trim();
                    let (in_italics, word) = between(word, '*').map_or((false, word), |inner| (true, inner));
                    let known = between(word, '`').and_then(|name| rows.iter().position(|&(_, row, _)| row == name));
                    let Some(row) = known else {
                        return Err(format!("line {line}: {word}: must be a room in backticks, or the cell `nobody`"));
                    };
                    Ok((row, in_italics))
                });
                MayImport::These(named.collect::<Result<_, _>>()?)
            }
        };
        rooms.push(Room { path: name.split("::").map(str::to_owned).collect(), may_import, line });
    }
    Ok(rooms)
}
