//! Where a figure will be seen, and the sizes that follow from it.

/// Points in an inch, the unit of all lengths here.
pub(crate) const PER_INCH: f64 = 72.0;

/// Where figures will be seen.
///
/// All look alike: what differs is the size, and that those for papers have no title, because a caption will stand below them.
///
/// ```
/// use collapipe::report::FigureStyle;
/// assert_eq!(FigureStyle::Paper.width_in(), 3.5);
/// assert_eq!(FigureStyle::PaperWide.width_in(), 7.16);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FigureStyle {
    /// One column of a paper: 3.5 inches, text of 8 pt, no title.
    Paper,
    /// Both columns of a paper: 7.16 inches, text of 8 pt, no title, panels side by side.
    PaperWide,
    /// A page on a screen: 8 inches, with a title and the numbers beside the lines.
    #[default]
    Screen,
    /// A slide: 10 inches, text of 14 pt, with a title; as high as a slide of 16:9, or higher.
    Slides,
}

impl FigureStyle {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Paper, Self::PaperWide, Self::Screen, Self::Slides];

    /// As `--figures` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::PaperWide => "paper-wide",
            Self::Screen => "screen",
            Self::Slides => "slides",
        }
    }

    /// The style of this name; none of another.
    ///
    /// ```
    /// use collapipe::report::FigureStyle;
    /// assert!(FigureStyle::ALL.iter().all(|style| FigureStyle::named(style.name()) == Some(*style)));
    /// assert_eq!(FigureStyle::named("poster"), None);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.name() == name)
    }

    /// Width of a figure, in inches.
    #[must_use]
    pub const fn width_in(self) -> f64 {
        match self {
            Self::Paper => 3.5,
            Self::PaperWide => 7.16,
            Self::Screen => 8.0,
            Self::Slides => 10.0,
        }
    }

    /// Size of the smallest text, in points.
    #[must_use]
    pub const fn text_pt(self) -> f64 {
        match self {
            Self::Paper | Self::PaperWide => 8.0,
            Self::Screen => 9.0,
            Self::Slides => 14.0,
        }
    }

    /// Whether figures are written as PDF beside the SVG: those that end up in documents are.
    #[must_use]
    pub const fn is_for_documents(self) -> bool {
        !matches!(self, Self::Screen)
    }

    pub(crate) const fn measures(self) -> Measures {
        let base = Measures {
            width: self.width_in() * PER_INCH,
            text: self.text_pt(),
            title: None,
            columns: 1,
            panel: 84.0,
            single: 125.0,
            least: 0.0,
            stroke: 0.8,
            mark: 2.5,
            beside: false,
        };
        match self {
            Self::Paper => base,
            Self::PaperWide => Measures { columns: 2, panel: 105.0, single: 150.0, ..base },
            Self::Screen => Measures {
                title: Some(12.5),
                panel: 112.0,
                single: 220.0,
                stroke: 1.0,
                mark: 3.0,
                beside: true,
                ..base
            },
            Self::Slides => Measures {
                title: Some(20.0),
                columns: 2,
                panel: 110.0,
                single: 220.0,
                least: 5.625 * PER_INCH,
                stroke: 1.6,
                mark: 4.4,
                ..base
            },
        }
    }
}

/// Sizes of a figure [pt].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measures {
    /// Of the whole figure.
    pub width: f64,
    /// Of all text but the title.
    pub text: f64,
    /// Of the title; none where there is none.
    pub title: Option<f64>,
    /// Panels side by side, at most.
    pub columns: usize,
    /// Height of the data of one of several panels, and of one alone.
    pub panel: f64,
    pub single: f64,
    /// Least height of the whole figure.
    pub least: f64,
    /// What strokes are multiplied by.
    pub stroke: f64,
    /// Half the size of a mark.
    pub mark: f64,
    /// Whether legends stand beside panels, with numbers; above, without, if not.
    pub beside: bool,
}

impl Measures {
    /// Height of a line of text.
    pub fn line(&self) -> f64 {
        1.25 * self.text
    }

    /// A small distance, between things that must not touch.
    pub fn gap(&self) -> f64 {
        0.4 * self.text
    }
}
