//! Where payloads are written to.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Stdout, Write as _, stdout};
use std::path::{Path, PathBuf};

use crate::Failure;

/// A file, standard output, or nowhere.
pub(crate) enum Output {
    Nowhere,
    Stdout(BufWriter<Stdout>),
    File { path: PathBuf, writer: BufWriter<File> },
}

impl Output {
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::Nowhere) };
        if path == Path::new("-") {
            return Ok(Self::Stdout(BufWriter::with_capacity(1 << 16, stdout())));
        }
        let file = File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(Self::File { path: path.to_owned(), writer: BufWriter::with_capacity(1 << 20, file) })
    }

    pub(crate) fn write(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let written = match self {
            Self::Nowhere => Ok(()),
            Self::Stdout(writer) => writer.write_all(payload),
            Self::File { writer, .. } => writer.write_all(payload),
        };
        self.named(written)
    }

    /// The stream begins anew: what a file has of the former one goes. Standard output, a pipe or a device cannot take
    /// anything back.
    pub(crate) fn restart(&mut self) -> Result<(), Failure> {
        let restarted = match self {
            Self::Nowhere | Self::Stdout(_) => Ok(()),
            Self::File { writer, .. } => empty(writer),
        };
        self.named(restarted)
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let flushed = match self {
            Self::Nowhere => Ok(()),
            Self::Stdout(writer) => writer.flush(),
            Self::File { writer, .. } => writer.flush(),
        };
        self.named(flushed)
    }

    fn named(&self, result: io::Result<()>) -> Result<(), Failure> {
        result.map_err(|error| match self {
            Self::File { path, .. } => format!("cannot write {}: {error}", path.display()),
            Self::Nowhere | Self::Stdout(_) => format!("cannot write to standard output: {error}"),
        })
    }
}

fn empty(writer: &mut BufWriter<File>) -> io::Result<()> {
    writer.flush()?;
    let file = writer.get_ref();
    if !file.metadata()?.is_file() {
        return Ok(());
    }
    file.set_len(0)?;
    writer.seek(io::SeekFrom::Start(0)).map(drop)
}
