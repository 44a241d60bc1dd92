//! A file for results, which is there only if they are.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::Failure;

/// A file that is opened before the work, so that it is known that it can be written, and filled after it. If it is
/// never filled, a new one goes again, and one that was there stays as it was.
pub(super) struct NewFile {
    path: PathBuf,
    file: Option<File>,
    is_new: bool,
}

impl NewFile {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let (file, is_new) = match OpenOptions::new().write(true).create_new(true).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                (OpenOptions::new().write(true).open(path), false)
            }
            file => (file, true),
        };
        let file = file.map_err(|error| cannot_write(path, &error))?;
        Ok(Self { path: path.to_owned(), file: Some(file), is_new })
    }

    /// Writes what it is for.
    pub(super) fn fill(mut self, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> Result<(), Failure> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        let written = emptied(file).and_then(|()| write(&mut writer)).and_then(|()| writer.flush());
        // What could not be flushed is not tried again.
        drop(writer.into_parts());
        written.map_err(|error| cannot_write(&self.path, &error))?;
        self.file = None;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.take().is_some() && self.is_new {
            // There is nobody left to tell that it could not be removed.
            let _removed = fs::remove_file(&self.path);
        }
    }
}

/// Two results cannot share a file.
pub(super) fn differ(one: Option<&Path>, other: Option<&Path>) -> Result<(), Failure> {
    match one {
        Some(path) if one == other => Err(format!("{} is named twice: name a file for each result", path.display())),
        _ => Ok(()),
    }
}

/// Devices and pipes have no length.
fn emptied(file: &File) -> io::Result<()> {
    if file.metadata()?.is_file() { file.set_len(0) } else { Ok(()) }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    format!("cannot write {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("rmc-new-file-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_file_that_is_never_filled_leaves_everything_as_it_was() {
        let path = path("never");
        drop(NewFile::open(&path).expect("it can be made"));
        assert!(!path.exists());
        fs::write(&path, "old").expect("it can be written");
        drop(NewFile::open(&path).expect("it can be opened"));
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "old");
        fs::remove_file(&path).expect("it can be removed");
    }

    #[test]
    fn what_is_filled_has_nothing_of_what_was_there() {
        let path = path("filled");
        fs::write(&path, "something longer").expect("it can be written");
        let file = NewFile::open(&path).expect("it can be opened");
        file.fill(|out| out.write_all(b"new")).expect("it can be filled");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "new");
        fs::remove_file(&path).expect("it can be removed");
    }

    #[test]
    fn what_fails_half_way_leaves_no_new_file() {
        let path = path("half");
        let file = NewFile::open(&path).expect("it can be made");
        let failed = file.fill(|out| out.write_all(b"half").and(Err(io::Error::other("full"))));
        assert!(failed.is_err_and(|error| error.contains("full")));
        assert!(!path.exists());
    }
}
