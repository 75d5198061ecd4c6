//! Whole files, and why they are not there.

use std::ffi::OsStr;
#[cfg(feature = "figures")]
use std::fs::File;
use std::fs::{self, DirEntry, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

use super::blame::{Blame, Blamed};

/// Why a file was not written, read or touched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
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
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that stands where one of ours belongs and is not what we would have written; it is left alone.
    #[error("{}: {reason}; {remedy}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Why it is not ours.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
}

impl Blamed for FileError {
    fn blame(&self) -> Blame {
        match self {
            // A path through a file, or to one where a folder belongs, is the caller's.
            Self::Folder { source, .. } => match source.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => Blame::Input,
                _ => Blame::Machine,
            },
            Self::Write { .. } | Self::Read { .. } => Blame::Machine,
            Self::Foreign { .. } => Blame::Input,
        }
    }
}

/// Writes a file's content.
pub(crate) type Content<'a> = dyn Fn(&mut dyn Write) -> io::Result<()> + 'a;

/// Names of files that are being written: hidden, and unlike any other program's.
const PREFIX: &str = ".collapipe-";
const SUFFIX: &str = ".part";

/// How old a file that is being written must be to count as left over by a program that was killed. Another program
/// may be writing to the same folder.
const LEFT_OVER: Duration = Duration::from_secs(3600);

/// Makes the folder where it is missing, and removes what writes that were killed have left in it.
pub(crate) fn make_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|source| FileError::Folder { path: path.into(), source })?;
    // A folder that cannot be listed, or a leftover that cannot be removed, does not prevent writing: its name hides
    // it.
    for entry in fs::read_dir(path).into_iter().flatten().flatten().filter(is_left_over) {
        let _ = fs::remove_file(entry.path());
    }
    Ok(())
}

fn is_left_over(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let ours = |name: &str| name.starts_with(PREFIX) && name.ends_with(SUFFIX);
    let age = || entry.metadata().ok().filter(fs::Metadata::is_file)?.modified().ok()?.elapsed().ok();
    name.to_str().is_some_and(ours) && age().is_some_and(|age| age >= LEFT_OVER)
}

/// A file that is being written under a random name beside its own.
#[derive(Debug)]
pub(crate) struct Draft {
    out: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl Draft {
    /// Begins the file `folder/name`.
    pub(crate) fn new(folder: &Path, name: impl AsRef<OsStr>) -> Result<Self, FileError> {
        let path = folder.join(name.as_ref());
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        if let Some(usual) = usual_permissions() {
            builder.permissions(usual);
        }
        match builder.tempfile_in(folder) {
            Ok(temporary) => Ok(Self { out: BufWriter::new(temporary), path }),
            Err(error) => Err(FileError::Write { path, source: without_path(error) }),
        }
    }

    /// All that was written is on the disk.
    pub(crate) fn finish(self) -> Result<Staged, FileError> {
        let Self { out, path } = self;
        let written = out.into_inner().map_err(io::IntoInnerError::into_error);
        match written.and_then(|temporary| temporary.as_file().sync_all().map(|()| temporary)) {
            Ok(temporary) => Ok(Staged { written: Written::Hidden(temporary), path }),
            Err(source) => Err(FileError::Write { path, source }),
        }
    }

    #[cfg(feature = "figures")]
    /// From now on what was written so far stays under its name, whatever happens to the program; more is to come.
    pub(crate) fn keep(self) -> Result<Kept, FileError> {
        let Self { out, path } = self;
        let written = out.into_inner().map_err(io::IntoInnerError::into_error);
        let kept = written.and_then(|temporary| temporary.persist(&path).map_err(|error| error.error));
        match kept {
            Ok(file) => Ok(Kept { out: BufWriter::new(file), path }),
            Err(source) => Err(FileError::Write { path, source }),
        }
    }
}

/// What the system said, without the name of a temporary file, which nobody knows.
fn without_path(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(std::error::Error::source).and_then(|inner| inner.downcast_ref::<io::Error>());
    match inner.and_then(io::Error::raw_os_error) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error,
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A file that is being written under its own name.
#[cfg(feature = "figures")]
#[derive(Debug)]
pub(crate) struct Kept {
    out: BufWriter<File>,
    path: PathBuf,
}

#[cfg(feature = "figures")]
impl Kept {
    /// All that was written is on the disk; the file will have another name.
    pub(crate) fn finish(self, path: PathBuf) -> Result<Staged, FileError> {
        let Self { out, path: from } = self;
        let written = out.into_inner().map_err(io::IntoInnerError::into_error);
        match written.and_then(|file| file.sync_all()) {
            Ok(()) => Ok(Staged { written: Written::Named(from), path }),
            Err(source) => Err(FileError::Write { path: from, source }),
        }
    }
}

#[cfg(feature = "figures")]
impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A file whose content is on the disk, but not yet under its name.
#[derive(Debug)]
pub(crate) struct Staged {
    written: Written,
    path: PathBuf,
}

#[derive(Debug)]
enum Written {
    /// Gone when the program ends.
    Hidden(NamedTempFile),
    /// Under another name, where it stays.
    #[cfg(feature = "figures")]
    Named(PathBuf),
}

impl Staged {
    /// Writes the content under a random name beside `folder/name`.
    pub(crate) fn new(folder: &Path, name: impl AsRef<OsStr>, content: &Content) -> Result<Self, FileError> {
        let mut draft = Draft::new(folder, name)?;
        match content(&mut draft) {
            Ok(()) => draft.finish(),
            Err(source) => Err(FileError::Write { path: draft.path, source }),
        }
    }

    /// Puts the file in place of what has its name.
    pub(crate) fn commit(self) -> Result<PathBuf, FileError> {
        let Self { written, path } = self;
        let put = match written {
            Written::Hidden(temporary) => temporary.persist(&path).map(drop).map_err(|error| error.error),
            #[cfg(feature = "figures")]
            Written::Named(from) => fs::rename(from, &path),
        };
        match put {
            Ok(()) => Ok(path),
            Err(source) => Err(FileError::Write { path, source }),
        }
    }
}

/// Those of any new file, less what the user masks: temporary files are for their owner alone otherwise.
#[cfg(unix)]
fn usual_permissions() -> Option<Permissions> {
    Some(std::os::unix::fs::PermissionsExt::from_mode(0o666))
}

#[cfg(not(unix))]
fn usual_permissions() -> Option<Permissions> {
    None
}

/// Writes a file under a temporary name, then renames it: whoever reads a file of that name reads a whole one.
pub(crate) fn write_whole(folder: &Path, name: impl AsRef<OsStr>, content: &Content) -> Result<PathBuf, FileError> {
    Staged::new(folder, name, content)?.commit()
}

/// Writes a text to a file, whole or not at all.
///
/// # Errors
/// [`FileError::Foreign`] where something is there that is no file, or a file that may not be overwritten, and where the
/// folder is missing;
/// [`FileError::Write`] where the system refuses. What was there before is unchanged then.
pub fn write_text(path: &Path, text: &str, overwrite: bool) -> Result<(), FileError> {
    write_bytes(path, text.as_bytes(), overwrite)
}

/// Writes bytes to a file, whole or not at all.
///
/// # Errors
/// As [`write_text`].
pub fn write_bytes(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), FileError> {
    let foreign = |reason: &str, remedy| Err(FileError::Foreign { path: path.into(), reason: reason.into(), remedy });
    match path.symlink_metadata() {
        Ok(there) if !there.is_file() => return foreign("is no regular file", "choose another name"),
        Ok(_) if !overwrite => {
            let remedy = "choose another name, or ask to overwrite it (command line: --out, --overwrite)";
            return foreign("is there already", remedy);
        }
        // What is wrong with a path that cannot be inspected shows when it is written.
        Ok(_) | Err(_) => {}
    }
    let name = path.file_name().ok_or_else(|| {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "is not the name of a file");
        FileError::Write { path: path.into(), source }
    })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.exists() {
        let remedy = "make the folder, or choose another name (command line: --out)";
        return Err(FileError::Foreign { path: folder.into(), reason: "is not there".into(), remedy });
    }
    write_whole(folder, name, &|out| out.write_all(bytes)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        write_whole(folder.path(), "a", &|out| out.write_all(b"old")).unwrap();
        let failing: &Content = &|out| {
            out.write_all(b"new")?;
            Err(io::Error::other("disk full"))
        };
        let error = write_whole(folder.path(), "a", failing).unwrap_err();
        assert!(error.to_string().ends_with("disk full"), "{error}");
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn leftovers_of_killed_writes_go_and_those_of_running_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - 2 * LEFT_OVER;
        for name in [".collapipe-old.part", ".theirs.part", "collapipe.part"] {
            File::create(folder.path().join(name)).unwrap().set_modified(long_ago).unwrap();
        }
        File::create(folder.path().join(".collapipe-new.part")).unwrap();
        make_folder(folder.path()).unwrap();
        assert_eq!(names(folder.path()), [".collapipe-new.part", ".theirs.part", "collapipe.part"]);
    }

    #[cfg(unix)]
    #[test]
    fn files_have_the_permissions_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        fs::write(&plain, "").unwrap();
        let ours = write_whole(folder.path(), "ours", &|_| Ok(())).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
