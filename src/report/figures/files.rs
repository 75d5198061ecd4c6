//! Figures as files.

use std::path::PathBuf;

use crate::drawing::FigureStyle;
use crate::drawing::figure::Figure;
use crate::report::ReportError;

/// The files of figures that are called `NAME.svg`: these, and for documents `NAME.pdf` beside each, in builds that can write
/// them. `path` says where a file will be, for errors.
pub(crate) fn files<'a>(
    figures: impl Iterator<Item = (&'a str, Figure)>,
    style: FigureStyle,
    path: impl Fn(&str) -> PathBuf,
) -> Result<Vec<(String, Vec<u8>)>, ReportError> {
    let (mut svgs, mut pdfs) = (Vec::new(), Vec::new());
    for (name, figure) in figures {
        let drawn = figure.draw(style);
        svgs.push((name.to_owned(), drawn.svg().into_bytes()));
        if style.is_for_documents() {
            pdf(&drawn, &name.replace(".svg", ".pdf"), &path, &mut pdfs)?;
        }
    }
    svgs.append(&mut pdfs);
    Ok(svgs)
}

#[cfg(feature = "pdf")]
fn pdf(
    drawn: &crate::drawing::sheet::Drawn,
    name: &str,
    path: &dyn Fn(&str) -> PathBuf,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), ReportError> {
    let pdf = drawn.pdf().map_err(|cause| ReportError::Figure { path: path(name), cause })?;
    files.push((name.into(), pdf));
    Ok(())
}

/// A build without PDF writes the SVG alone, as its documentation says.
#[cfg(not(feature = "pdf"))]
fn pdf(
    _: &crate::drawing::sheet::Drawn,
    _: &str,
    _: &dyn Fn(&str) -> PathBuf,
    _: &mut [(String, Vec<u8>)],
) -> Result<(), ReportError> {
    Ok(())
}
