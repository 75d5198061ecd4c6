//! Pictures: one axis system for all figures and charts, in the sizes of papers, screens and slides.
//!
//! A [`Figure`](figure::Figure) says what there is to see: panels with axes, layers and a legend. A [`FigureStyle`] says
//! where it will be seen. Together they make a [`Drawn`](sheet::Drawn), which is written as SVG and, with the feature `pdf`, as
//! PDF. Nothing here knows what is drawn; nothing drawn knows how large it will be.

mod axes;
pub(crate) mod figure;
mod font;
mod layers;
mod layout;
mod legend;
pub(crate) mod look;
#[cfg(feature = "pdf")]
mod pdf;
pub(crate) mod scale;
pub(crate) mod sheet;
mod style;
mod svg;

pub use style::FigureStyle;
