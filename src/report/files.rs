//! Whole files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The folder is missing and cannot be made.
    #[error("cannot create the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be written; what was there before is unchanged.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The record is none of a run; nothing was written.
    #[error("no report of this record: {source}")]
    Record {
        /// What is wrong.
        source: Box<crate::lyapunov::DriftRecordError>,
    },
    /// A figure cannot be drawn.
    #[error("cannot draw {}: {cause}", path.display())]
    Figure {
        /// The file it was meant for.
        path: PathBuf,
        /// What the drawing library says.
        cause: String,
    },
}

pub(crate) type Content<'a> = dyn Fn(&mut dyn Write) -> io::Result<()> + 'a;

/// Writes a file under a temporary name, then renames it: whoever reads a file of that name reads a whole one.
pub(crate) fn write_whole(folder: &Path, name: &str, content: &Content) -> Result<PathBuf, ReportError> {
    let path = folder.join(name);
    // The process number keeps two runs into one folder apart.
    let temporary = folder.join(format!(".{name}.{}.part", std::process::id()));
    let write = || {
        let mut out = BufWriter::new(File::create(&temporary)?);
        content(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temporary, &path)
    };
    match write() {
        Ok(()) => Ok(path),
        Err(source) => {
            // The first error is the one to report; a leftover that cannot be removed either is hidden by its name.
            let _ = fs::remove_file(&temporary);
            Err(ReportError::File { path, source })
        }
    }
}
