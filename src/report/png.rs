//! SVG figures as PNG, the same on every machine.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::ground::blame::{Blame, Blamed};

/// Pixels of the picture per pixel of the figure, of which an inch has 96.
const FINE: f32 = 3.125;

/// DejaVu Sans (Bitstream Vera licence, free to embed) and nothing of the machine's own fonts.
fn fonts() -> Arc<fontdb::Database> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(dejavu::sans::regular().to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    };
    Arc::clone(FONTS.get_or_init(load))
}

/// Why a text is not a figure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no picture of this SVG: {0}")]
pub struct PngError(String);

impl Blamed for PngError {
    fn blame(&self) -> Blame {
        Blame::Input
    }
}

/// The picture of a figure, given as SVG: 300 pixels in an inch, its letters in DejaVu Sans.
///
/// ```
/// let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"/>"#;
/// assert!(collapipe::report::png(svg)?.starts_with(b"\x89PNG"));
/// assert!(collapipe::report::png("no figure").is_err());
/// # Ok::<(), collapipe::report::PngError>(())
/// ```
///
/// # Errors
/// [`PngError`] where the text is no SVG or has no size.
pub fn png(svg: &str) -> Result<Vec<u8>, PngError> {
    let failed = |error: &dyn std::fmt::Display| PngError(error.to_string());
    let options = Options { fontdb: fonts(), font_family: "DejaVu Sans".into(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| failed(&error))?;
    let size = tree.size().to_int_size().scale_by(FINE).ok_or_else(|| failed(&"no size"))?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(|| failed(&"no size"))?;
    resvg::render(&tree, Transform::from_scale(FINE, FINE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(&error))
}
