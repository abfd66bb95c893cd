//! Hears from the handlers: lines of `<order> <handler> <CLOCK_MONOTONIC ns>`, on a Unix socket to which every process
//! of a system connects.

use std::io::{ErrorKind, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The socket and those who report on it.
pub struct Completions {
    listener: UnixListener,
    path: PathBuf,
    reporters: Vec<Option<Reporter>>,
}

/// One connection; `read` holds the beginning of a line whose end is still to come.
struct Reporter {
    stream: UnixStream,
    read: Vec<u8>,
}

/// One run of a handler.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Record {
    /// The order's number.
    pub order: u64,
    /// Which handler.
    pub handler: u32,
    /// When it ended.
    pub end: u64,
}

impl Completions {
    /// Listens on `path`, which must be short enough for a socket's address.
    pub fn listen(path: &Path) -> Result<Self> {
        let listener = UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path: path.to_owned(), reporters: Vec::new() })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// To be told of new connections.
    pub fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// Takes one waiting connection; its number and stream, to be told of what it sends.
    pub fn accept(&mut self) -> Result<Option<(usize, &UnixStream)>> {
        let stream = match self.listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).context("cannot accept a handlers' process"),
        };
        stream.set_nonblocking(true)?;
        self.reporters.push(Some(Reporter { stream, read: Vec::with_capacity(128 * 1024) }));
        let number = self.reporters.len() - 1;
        Ok(self.reporters[number].as_ref().map(|reporter| (number, &reporter.stream)))
    }

    /// Reads once from connection `number` and hands over the whole lines; a connection that ended is forgotten.
    pub fn read(&mut self, number: usize, buffer: &mut [u8], mut each: impl FnMut(Record)) -> Result<()> {
        let Some(reporter) = self.reporters.get_mut(number).and_then(Option::as_mut) else { return Ok(()) };
        match reporter.stream.read(buffer) {
            Ok(0) => self.reporters[number] = None,
            Ok(count) => {
                reporter.read.extend_from_slice(&buffer[..count]);
                let used = records(&reporter.read, &mut each)?;
                reporter.read.drain(..used);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.reporters[number] = None,
        }
        Ok(())
    }
}

impl Drop for Completions {
    fn drop(&mut self) {
        // It may be gone with its folder.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Reads whole lines; returns how many bytes they were.
fn records(bytes: &[u8], each: &mut impl FnMut(Record)) -> Result<usize> {
    let mut fields = [0_u64; 3];
    let (mut field, mut used) = (0, 0);
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' if field < 3 => {
                fields[field] = fields[field].wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            }
            b' ' => field += 1,
            b'\n' if field == 2 => {
                each(Record { order: fields[0], handler: u32::try_from(fields[1])?, end: fields[2] });
                (fields, field, used) = ([0; 3], 0, at + 1);
            }
            _ => anyhow::bail!("a handlers' process reported {:?}", String::from_utf8_lossy(&bytes[used..=at])),
        }
    }
    Ok(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &str) -> (Vec<(u64, u32, u64)>, usize) {
        let mut all = Vec::new();
        let used = records(bytes.as_bytes(), &mut |record| all.push((record.order, record.handler, record.end)));
        (all, used.unwrap())
    }

    #[test]
    fn whole_lines_are_read_and_a_begun_one_waits() {
        assert_eq!(read("7 0 123\n18 7 9999999999999\n19 "), (vec![(7, 0, 123), (18, 7, 9_999_999_999_999)], 27));
        assert_eq!(read("7 0 12"), (Vec::new(), 0));
        assert_eq!(read(""), (Vec::new(), 0));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in ["7 0\n", "x", "7 0 1 2\n", "-1 0 1\n"] {
            assert!(records(bad.as_bytes(), &mut |_| {}).is_err(), "{bad:?}");
        }
    }
}
