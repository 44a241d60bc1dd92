//! Where messages come from.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, stdin};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use super::GLANCE;
use crate::args::SendArgs;
use crate::{Failure, interrupt, message};

/// A file, standard input, or generated messages.
pub(super) struct Source {
    kind: Kind,
    size: usize,
    /// How many bytes there are, if that is known.
    pub(super) bytes: Option<u64>,
}

enum Kind {
    Generated { next: u64, count: u64 },
    Blocks(Box<dyn Read>),
    Lines(Box<dyn BufRead>),
}

impl Source {
    pub(super) fn open(options: &SendArgs) -> Result<Self, Failure> {
        let size = options.size;
        if let Some(count) = options.generate {
            return Ok(Self { kind: Kind::Generated { next: 0, count }, size, bytes: None });
        }
        let path = options.input.as_deref().unwrap_or(Path::new("-"));
        let (input, bytes): (Box<dyn Read>, _) = if path == Path::new("-") {
            (Box::new(Patient::new(stdin())?), None)
        } else {
            let file = File::open(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            match file.metadata().ok().filter(std::fs::Metadata::is_file) {
                Some(data) => (Box::new(file), Some(data.len())),
                None => (Box::new(Patient::new(file)?), None),
            }
        };
        let kind = if options.lines {
            Kind::Lines(Box::new(BufReader::new(input)))
        } else {
            Kind::Blocks(Box::new(BufReader::with_capacity(1 << 20, input)))
        };
        Ok(Self { kind, size, bytes })
    }

    /// Puts the next message into `buffer`; `false`: there is none.
    pub(super) fn next(&mut self, buffer: &mut Vec<u8>) -> Result<bool, Failure> {
        let read = |result: io::Result<bool>| result.map_err(|error| format!("cannot read the input: {error}"));
        match &mut self.kind {
            Kind::Generated { next, count } if *next == *count => Ok(false),
            Kind::Generated { next, .. } => {
                message::generate(*next, self.size, buffer);
                *next += 1;
                Ok(true)
            }
            Kind::Blocks(input) => read(next_block(input, self.size, buffer)),
            Kind::Lines(input) => read(next_line(input, buffer)),
        }
    }
}

/// Input that may keep one waiting, such as a terminal or a pipe, read on a thread of its own: a read cannot be
/// interrupted, and Ctrl-C must not wait for it. The thread is left behind in its read when the program ends.
struct Patient {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: io::Cursor<Vec<u8>>,
}

impl Patient {
    fn new(mut input: impl Read + Send + 'static) -> Result<Self, Failure> {
        // A few chunks ahead: enough to keep both sides busy.
        let (sender, chunks) = mpsc::sync_channel(4);
        let read = move || {
            let mut buffer = vec![0; 1 << 16];
            loop {
                let chunk = match input.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(read) => Ok(buffer[..read].to_vec()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let failed = chunk.is_err();
                if sender.send(chunk).is_err() || failed {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("input".to_owned())
            .spawn(read)
            .map_err(|error| format!("cannot start a thread for the input: {error}"))?;
        Ok(Self { chunks, chunk: io::Cursor::default() })
    }
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.chunks.recv_timeout(GLANCE) {
                Ok(chunk) => self.chunk = io::Cursor::new(chunk?),
                Err(RecvTimeoutError::Timeout) if interrupt::asked() => return Err(io::ErrorKind::TimedOut.into()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }
}

fn next_block(input: &mut dyn Read, size: usize, buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.clear();
    let read = input.take(size as u64).read_to_end(buffer)?;
    Ok(read > 0)
}

/// A line without its end; an empty line is an empty message.
fn next_line(input: &mut dyn BufRead, buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.clear();
    if input.read_until(b'\n', buffer)? == 0 {
        return Ok(false);
    }
    if buffer.last() == Some(&b'\n') {
        buffer.pop();
        if buffer.last() == Some(&b'\r') {
            buffer.pop();
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: bool, text: &[u8]) -> Vec<Vec<u8>> {
        let input = io::Cursor::new(text.to_vec());
        let kind = if lines { Kind::Lines(Box::new(input)) } else { Kind::Blocks(Box::new(input)) };
        let mut source = Source { kind, size: 3, bytes: None };
        let (mut messages, mut buffer) = (Vec::new(), Vec::new());
        while source.next(&mut buffer).expect("memory can be read") {
            messages.push(buffer.clone());
        }
        messages
    }

    #[test]
    fn blocks_have_the_size_but_the_last() {
        assert_eq!(all(false, b"abcdefg"), [b"abc".to_vec(), b"def".to_vec(), b"g".to_vec()]);
        assert_eq!(all(false, b"abc"), [b"abc".to_vec()]);
        assert!(all(false, b"").is_empty());
    }

    #[test]
    fn lines_lose_their_ends_and_may_be_empty() {
        assert_eq!(all(true, b"a\n\nbc\r\nd"), [b"a".to_vec(), Vec::new(), b"bc".to_vec(), b"d".to_vec()]);
    }
}
