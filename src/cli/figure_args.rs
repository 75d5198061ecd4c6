//! Where figures will be seen.

use clap::{Args, ValueEnum};
use collapipe::report::FigureStyle;

/// Styles of figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Figures {
    /// One column of a paper: 3.5 inches wide, text of 8 pt, no title inside; SVG and PDF.
    Paper,
    /// Both columns: 7.16 inches, panels side by side; SVG and PDF.
    PaperWide,
    /// A page on a screen: 8 inches, with a title and numbers beside the lines; SVG.
    #[default]
    Screen,
    /// A slide: 10 inches, text of 14 pt; SVG and PDF.
    Slides,
}

impl Figures {
    pub fn style(self) -> FigureStyle {
        match self {
            Self::Paper => FigureStyle::Paper,
            Self::PaperWide => FigureStyle::PaperWide,
            Self::Screen => FigureStyle::Screen,
            Self::Slides => FigureStyle::Slides,
        }
    }
}

/// The option of commands that write figures.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct FigureArguments {
    /// Where figures will be seen
    #[arg(long, value_name = "STYLE", value_enum, default_value_t)]
    pub figures: Figures,
}

impl FigureArguments {
    pub fn style(&self) -> FigureStyle {
        self.figures.style()
    }
}
