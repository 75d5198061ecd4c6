//! Where panels stand, and what is above and below them.

use super::axes::{self, Frame};
use super::figure::{Figure, Height, Panel};
use super::font::{width, wrap};
use super::legend;
use super::look::{FAINT, INK, Rgb};
use super::sheet::{Anchor, Drawn, Text};
use super::style::Measures;
use super::{font, layers};

/// A panel in its place.
struct Cell<'f> {
    panel: &'f Panel,
    row: usize,
    column: usize,
    /// Whether the names of rows are written; beside a panel with the same ones they are not.
    names: bool,
    /// Whether the horizontal axis is written; above a panel with the same one it is not.
    foot: bool,
    /// Height of the data.
    height: f64,
}

/// Room that a column takes left and right of its data.
#[derive(Clone, Copy, Default)]
struct Sides {
    left: f64,
    right: f64,
}

pub(super) fn draw(figure: &Figure, measures: &Measures) -> Drawn {
    let mut page = Page::new(figure, measures);
    page.head(figure);
    match figure.panels.is_empty() {
        true => page.nothing(&figure.nothing),
        false => page.panels(figure),
    }
    page.finish(figure)
}

struct Page<'m> {
    measures: &'m Measures,
    drawn: Drawn,
    /// Room left and right of all.
    margin: f64,
    /// How far down the page is filled.
    top: f64,
}

impl<'m> Page<'m> {
    fn new(figure: &Figure, measures: &'m Measures) -> Self {
        let margin = 0.5 * measures.text;
        let parts = [&figure.subtitle, &figure.note, &figure.nothing];
        let description: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let drawn = Drawn {
            size: (measures.width, 0.0),
            text: measures.text,
            title: figure.title.clone(),
            description: description.join(". "),
            items: Vec::new(),
        };
        Self { measures, drawn, margin, top: margin }
    }

    /// Width between the margins.
    fn width(&self) -> f64 {
        self.measures.width - 2.0 * self.margin
    }

    /// Lines of text from here on, at one side of the page.
    fn lines(&mut self, content: &str, size: f64, colour: Rgb, anchor: Anchor) {
        let x = match anchor {
            Anchor::Start => self.margin,
            Anchor::Middle => self.measures.width / 2.0,
            Anchor::End => self.measures.width - self.margin,
        };
        for content in wrap(content, size, self.width()) {
            let at = (x, self.top + 0.625 * size);
            self.drawn.text(Text { content, at, size, colour, anchor, upright: false, class: "" });
            self.top += 1.25 * size;
        }
    }

    fn head(&mut self, figure: &Figure) {
        let Some(size) = self.measures.title else { return };
        self.lines(&figure.title, size, INK, Anchor::Start);
        self.top += self.measures.gap() / 2.0;
        self.lines(&figure.subtitle, self.measures.text, FAINT, Anchor::Start);
        self.top += self.measures.gap();
    }

    fn nothing(&mut self, reason: &str) {
        let room = 3.0 * self.measures.text;
        self.top += room;
        self.lines(reason, self.measures.text, FAINT, Anchor::Middle);
        self.top += room;
    }

    /// Height of what is below the panels.
    fn tail(&self, figure: &Figure) -> f64 {
        let measures = self.measures;
        let lines = wrap(&figure.note, measures.text, self.width()).len() as f64;
        let note = if measures.title.is_some() && lines > 0.0 { measures.gap() + lines * measures.line() } else { 0.0 };
        note + self.margin
    }

    fn finish(mut self, figure: &Figure) -> Drawn {
        if self.measures.title.is_some() && !figure.note.is_empty() {
            self.top += self.measures.gap();
            self.lines(&figure.note, self.measures.text, FAINT, Anchor::End);
        }
        self.drawn.size.1 = (self.top + self.margin).max(self.measures.least);
        self.drawn
    }

    fn panels(&mut self, figure: &Figure) {
        let measures = self.measures;
        let beside = measures.beside && !figure.side_by_side && !figure.has_rows();
        // Rows have names on one side alone, so that two panels with the same ones take less room than one below the other.
        let two = figure.side_by_side && (measures.beside || figure.has_rows());
        let columns = measures.columns.max(if two { 2 } else { 1 }).min(figure.panels.len()).max(1);
        let common = !beside && figure.shares_legend();
        if common && let Some(panel) = figure.panels.first() {
            let at = (self.margin, self.top);
            let room = self.width();
            self.top += legend::above(&mut self.drawn, measures, at, room, &panel.legend);
        }
        let mut cells = cells(figure, columns, measures);
        let sides = sides(&cells, columns, measures, beside);
        let taken: f64 = sides.iter().map(|sides| sides.left + sides.right).sum();
        let data = ((self.width() - taken) / columns as f64).max(4.0 * measures.text);
        let lefts: Vec<f64> = sides
            .iter()
            .scan(self.margin, |x, sides| {
                let left = *x + sides.left;
                *x = left + data + sides.right;
                Some(left)
            })
            .collect();
        let place = |cell: &Cell| {
            (lefts.get(cell.column).copied().unwrap_or_default(), sides.get(cell.column).copied().unwrap_or_default())
        };
        let above = |cell: &Cell| self.above(cell.panel, place(cell).1.left + data, beside || common);
        let below = |cell: &Cell| axes::foot(cell.panel, data, cell.foot, measures);
        let rows = cells.iter().map(|cell| cell.row + 1).max().unwrap_or_default();
        let of_row = |cells: &[Cell], row: usize, what: &dyn Fn(&Cell) -> f64| {
            cells.iter().filter(|cell| cell.row == row).map(what).fold(0.0, f64::max)
        };
        let heads: Vec<f64> = (0..rows).map(|row| of_row(&cells, row, &above)).collect();
        let feet: Vec<f64> = (0..rows).map(|row| of_row(&cells, row, &below)).collect();
        let height = |cells: &[Cell]| (0..rows).map(|row| of_row(cells, row, &|cell| cell.height)).sum::<f64>();
        let others = self.top + heads.iter().chain(&feet).sum::<f64>() + self.tail(figure);
        // What is missing to the least height goes to the data.
        let spare = (measures.least - others - height(&cells)).max(0.0) / rows.max(1) as f64;
        for cell in cells.iter_mut().filter(|cell| cell.panel.height == Height::Usual) {
            cell.height += spare;
        }
        for (row, (head, foot)) in heads.into_iter().zip(feet).enumerate() {
            for cell in cells.iter().filter(|cell| cell.row == row) {
                let (left, sides) = place(cell);
                let top = self.top + head;
                let frame = Frame {
                    left,
                    right: left + data,
                    top,
                    bottom: top + cell.height,
                    x: &cell.panel.x.scale,
                    y: &cell.panel.y.scale,
                    measures,
                };
                let start = left - sides.left;
                self.panel(cell, &frame, (start, left + data + sides.right), (beside, common));
            }
            self.top += head + of_row(&cells, row, &|cell| cell.height) + foot;
        }
    }

    /// Room above a panel's data: its heading and its legend.
    fn above(&self, panel: &Panel, room: f64, elsewhere: bool) -> f64 {
        let measures = self.measures;
        let heading = if panel.heading.is_empty() { 0.0 } else { measures.line() + 0.4 * measures.text };
        let legend = if elsewhere { 0.0 } else { legend::height(measures, room, &panel.legend) };
        heading + legend + 0.6 * measures.text
    }

    fn panel(&mut self, cell: &Cell, frame: &Frame, (start, end): (f64, f64), (beside, common): (bool, bool)) {
        let (panel, measures) = (cell.panel, self.measures);
        self.drawn.group("panel", (0.0, 0.0), "", |drawn| {
            axes::draw(drawn, frame, panel, cell.names, cell.foot, (start, end));
            layers::draw(drawn, frame, &panel.layers);
            let mut top = frame.top - 0.6 * measures.text;
            if beside {
                legend::beside(drawn, frame, end, &panel.legend);
            } else if !common {
                let room = frame.right - start;
                top -= legend::height(measures, room, &panel.legend);
                legend::above(drawn, measures, (start, top), room, &panel.legend);
            }
            if !panel.heading.is_empty() {
                let content = font::fit(&panel.heading, measures.text, frame.right - start);
                let at = (start, top - 0.5 * measures.line());
                let size = measures.text;
                drawn.text(Text { content, at, size, colour: INK, anchor: Anchor::Start, upright: false, class: "" });
            }
        });
    }
}

impl Figure {
    /// Whether all panels have the same names for the same looks.
    fn shares_legend(&self) -> bool {
        let Some((first, others)) = self.panels.split_first().filter(|(_, others)| !others.is_empty()) else {
            return false;
        };
        let same = |panel: &Panel| {
            panel.legend.len() == first.legend.len()
                && panel.legend.iter().zip(&first.legend).all(|(a, b)| (&a.name, &a.sample) == (&b.name, &b.sample))
        };
        others.iter().all(same)
    }

    fn has_rows(&self) -> bool {
        self.panels.iter().any(|panel| panel.height != Height::Usual)
    }
}

fn cells<'f>(figure: &'f Figure, columns: usize, measures: &Measures) -> Vec<Cell<'f>> {
    let panels = &figure.panels;
    let usual = if panels.len() > columns { measures.panel } else { measures.single };
    let cell = |(index, panel): (usize, &'f Panel)| {
        let beside = index.checked_sub(1).filter(|_| index % columns > 0).and_then(|other| panels.get(other));
        let below = panels.get(index + columns);
        let (low, high) = panel.y.scale.range();
        let height = match panel.height {
            Height::Usual => usual,
            Height::Lines(lines) => (high - low).abs() * lines * measures.text,
        };
        let names = beside.is_none_or(|other| !panel.y.scale.has_names() || other.y != panel.y);
        let foot = below.is_none_or(|other| other.x != panel.x);
        Cell { panel, row: index / columns, column: index % columns, names, foot, height }
    };
    panels.iter().enumerate().map(cell).collect()
}

fn sides(cells: &[Cell], columns: usize, measures: &Measures, beside: bool) -> Vec<Sides> {
    let of = |column: usize| {
        let mut own = Sides::default();
        for cell in cells.iter().filter(|cell| cell.column == column) {
            let panel = cell.panel;
            own.left = own.left.max(axes::left(panel, cell.height, cell.names, measures));
            let over = axes::overhang(panel, 0.6 * measures.width / columns as f64, measures);
            let names = if beside { legend::beside_width(measures, &panel.legend) } else { 0.0 };
            own.right = own.right.max(over).max(names);
        }
        // Columns do not touch.
        own.right += if column + 1 < columns { measures.text } else { 0.0 };
        own
    };
    (0..columns).map(of).collect()
}

/// Width of the widest of some texts.
pub(super) fn widest<'t>(texts: impl Iterator<Item = &'t str>, size: f64) -> f64 {
    texts.map(|text| width(text, size)).fold(0.0, f64::max)
}
