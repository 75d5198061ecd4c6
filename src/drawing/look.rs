//! Colours, dashes, marks and hatching: everything that tells one thing from another, also without colour.

/// A colour in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// This colour and white, `share` of it this one.
    pub fn tint(self, share: f64) -> Self {
        let channel = |value: u8| (255.0 - share * (255.0 - f64::from(value))).round() as u8;
        Self(channel(self.0), channel(self.1), channel(self.2))
    }
}

pub(crate) const WHITE: Rgb = Rgb(255, 255, 255);
pub(crate) const INK: Rgb = Rgb(30, 30, 30);
pub(crate) const FAINT: Rgb = Rgb(90, 90, 90);
pub(crate) const GRID: Rgb = Rgb(226, 226, 226);
pub(crate) const BLUE: Rgb = Rgb(0, 114, 178);
pub(crate) const SKY: Rgb = Rgb(86, 180, 233);
pub(crate) const VERMILLION: Rgb = Rgb(213, 94, 0);

/// Okabe and Ito's colours (2008, *Color Universal Design*) without black, which the axes use, and without yellow, too
/// light for a line on white. Neighbours in this order differ in lightness also in grey print.
const OKABE_ITO: [Rgb; 6] = [BLUE, Rgb(230, 159, 0), Rgb(0, 158, 115), VERMILLION, SKY, Rgb(204, 121, 167)];

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dash {
    Solid,
    Long,
    Short,
    Mixed,
    Dots,
}

impl Dash {
    /// Lengths of strokes and gaps, in widths of the line.
    pub fn lengths(self) -> &'static [f64] {
        match self {
            Self::Solid => &[],
            Self::Long => &[6.0, 2.5],
            Self::Short => &[3.0, 2.0],
            Self::Mixed => &[6.0, 2.0, 1.2, 2.0],
            Self::Dots => &[1.2, 2.0],
        }
    }

    const fn at(index: usize) -> Self {
        match index % 4 {
            0 => Self::Solid,
            1 => Self::Long,
            2 => Self::Short,
            _ => Self::Mixed,
        }
    }
}

/// Outline of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    Circle,
    Square,
    Up,
    Diamond,
    Down,
    Plus,
    Cross,
    Star,
}

/// What is inside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Inside {
    Full,
    Hollow,
    Dotted,
}

/// Marks that differ, whatever their colours.
pub(crate) const MARKS: usize = 18;

/// A mark that stands for one series or category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark {
    pub colour: Rgb,
    pub shape: Shape,
    pub inside: Inside,
}

impl Mark {
    /// The one at this place in a list; after [`MARKS`] of them they begin again.
    pub fn at(index: usize) -> Self {
        use Inside::{Dotted, Full, Hollow};
        use Shape::{Circle, Cross, Diamond, Down, Plus, Square, Star, Up};
        let (shape, inside) = match index % MARKS {
            0 => (Circle, Full),
            1 => (Up, Hollow),
            2 => (Square, Full),
            3 => (Diamond, Hollow),
            4 => (Down, Full),
            5 => (Circle, Hollow),
            6 => (Cross, Full),
            7 => (Up, Full),
            8 => (Square, Hollow),
            9 => (Diamond, Full),
            10 => (Plus, Full),
            11 => (Down, Hollow),
            12 => (Circle, Dotted),
            13 => (Square, Dotted),
            14 => (Star, Full),
            15 => (Up, Dotted),
            16 => (Diamond, Dotted),
            _ => (Down, Dotted),
        };
        Self { colour: colour(index), shape, inside }
    }
}

fn colour(index: usize) -> Rgb {
    OKABE_ITO.get(index % OKABE_ITO.len()).copied().unwrap_or(FAINT)
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look {
    pub colour: Rgb,
    pub dash: Dash,
    pub mark: Option<Mark>,
    /// Width [pt], before the style's factor.
    pub stroke: f64,
}

impl Look {
    /// A line without marks.
    pub const fn plain(colour: Rgb, dash: Dash, stroke: f64) -> Self {
        Self { colour, dash, mark: None, stroke }
    }

    /// The same in the colour of another place.
    pub fn coloured(self, place: usize) -> Self {
        let colour = colour(place);
        Self { colour, mark: self.mark.map(|mark| Mark { colour, ..mark }), ..self }
    }

    /// That of the series at this place in a list: colour, dash and mark.
    pub fn at(index: usize) -> Self {
        Self { colour: colour(index), dash: Dash::at(index), mark: Some(Mark::at(index)), stroke: 1.4 }
    }
}

/// Colours that differ.
pub(crate) const COLOURS: usize = OKABE_ITO.len();

/// Devices of a cluster that get a look of their own.
pub(crate) const LOOKS: usize = 12;

/// Look of a cluster's device; those beyond [`LOOKS`] share one.
pub(crate) fn device_look(index: usize) -> Look {
    if index < LOOKS { Look::at(index) } else { Look::plain(FAINT, Dash::Solid, 0.6) }
}

/// Look of a control unit.
pub(crate) const CONTROL_UNIT: Look = Look::plain(INK, Dash::Dots, 1.4);

/// Look of an edge server.
pub(crate) const EDGE_SERVER: Look = Look::plain(INK, Dash::at(1), 1.4);

/// What is the same for all.
pub(crate) const ALIKE: Look = Look::plain(INK, Dash::Solid, 1.4);

/// Where budgets and the like end.
pub(crate) const LIMIT: Look = Look::plain(FAINT, Dash::Solid, 1.1);

/// Lines over an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Hatch {
    /// None: all in one colour.
    Plain,
    Rising,
    Falling,
    Level,
    Upright,
    Lattice,
    Grid,
}

/// How an area is filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fill {
    pub ground: Rgb,
    pub hatch: Hatch,
    /// Of the lines.
    pub lines: Rgb,
    /// Of the whole, in (0, 1].
    pub opacity: f64,
}

impl Fill {
    pub const fn plain(ground: Rgb) -> Self {
        Self { ground, hatch: Hatch::Plain, lines: ground, opacity: 1.0 }
    }

    pub const fn hatched(ground: Rgb, hatch: Hatch, lines: Rgb) -> Self {
        Self { ground, hatch, lines, opacity: 1.0 }
    }

    /// What is seen through it remains.
    pub const fn veil(ground: Rgb, opacity: f64) -> Self {
        Self { opacity, ..Self::plain(ground) }
    }

    /// That of the area at this place in a list: hatching, dark lines on light ground or white ones on dark. Areas beyond
    /// [`LOOKS`] share one.
    pub fn at(index: usize) -> Self {
        let own = colour(index);
        let light = |hatch| Self::hatched(own.tint(0.35), hatch, own);
        let dark = |hatch| Self::hatched(own, hatch, WHITE);
        match index {
            0 => Self::plain(own),
            1 => light(Hatch::Rising),
            2 => light(Hatch::Level),
            3 => Self::plain(own.tint(0.35)),
            4 => light(Hatch::Falling),
            5 => light(Hatch::Upright),
            6 => dark(Hatch::Lattice),
            7 => dark(Hatch::Grid),
            8 => dark(Hatch::Rising),
            9 => dark(Hatch::Level),
            10 => dark(Hatch::Falling),
            11 => dark(Hatch::Upright),
            _ => Self::hatched(FAINT.tint(0.2), Hatch::Lattice, FAINT),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_marks_or_areas_are_alike_without_colour() {
        let marks: HashSet<_> = (0..MARKS).map(Mark::at).map(|mark| (mark.shape, mark.inside)).collect();
        assert_eq!(marks.len(), MARKS);
        // Of the same hatching one has white lines, and of plain areas one is light.
        let grey = |c: Rgb| 0.299 * f64::from(c.0) + 0.587 * f64::from(c.1) + 0.114 * f64::from(c.2);
        let fills: Vec<Fill> = (0..=LOOKS).map(Fill::at).collect();
        for (index, a) in fills.iter().enumerate() {
            for b in fills.iter().skip(index + 1).filter(|b| b.hatch == a.hatch) {
                let apart = (grey(a.lines) - grey(b.lines)).abs();
                assert!(apart > 60.0, "{a:?} {b:?}: {apart}");
            }
        }
    }
}
