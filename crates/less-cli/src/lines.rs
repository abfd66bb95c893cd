//! Reads what a server streams: one JSON value a line.

use std::io::{BufRead, BufReader, Read};

use anyhow::Context;
use serde::de::DeserializeOwned;

/// What a stream brings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard<T> {
    Line(T),
    /// The next line is not here yet, and may take long: the time to flush.
    Pause,
}

/// How a stream came to its end.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The server had no more, or its reader had enough.
    Complete,
    Broke(anyhow::Error),
}

impl Ended {
    /// For streams that must not break.
    pub(crate) fn complete(self) -> anyhow::Result<()> {
        match self {
            Self::Complete => Ok(()),
            Self::Broke(error) => Err(error),
        }
    }
}

/// Hands on each line for as long as `each` wants more. The error is that of `each`, or of a line that is not understood.
pub(crate) fn lines<T: DeserializeOwned>(
    stream: impl Read,
    mut each: impl FnMut(Heard<T>) -> anyhow::Result<bool>,
) -> anyhow::Result<Ended> {
    let mut stream = BufReader::with_capacity(64 << 10, stream);
    let mut line = Vec::new();
    loop {
        if !stream.buffer().contains(&b'\n') && !each(Heard::Pause)? {
            return Ok(Ended::Complete);
        }
        line.clear();
        match stream.read_until(b'\n', &mut line) {
            Ok(0) => return Ok(Ended::Complete),
            Ok(_) if line.ends_with(b"\n") => {}
            Ok(_) => return Ok(Ended::Broke(anyhow::anyhow!("the connection to the server ended within a line"))),
            Err(error) => {
                return Ok(Ended::Broke(anyhow::Error::new(error).context("the connection to the server broke")));
            }
        }
        let value = serde_json::from_slice(&line).context("the server's answer cannot be understood")?;
        if !each(Heard::Line(value))? {
            return Ok(Ended::Complete);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(stream: &[u8]) -> (Vec<Heard<u32>>, Ended) {
        let mut all = Vec::new();
        let ended = lines(stream, |heard| {
            all.push(heard);
            Ok(all.len() < 10)
        });
        (all, ended.unwrap())
    }

    #[test]
    fn a_pause_comes_before_each_wait_and_not_between_lines_that_are_here() {
        let (all, ended) = heard(b"1\n2\n3\n");
        assert_eq!(all, [Heard::Pause, Heard::Line(1), Heard::Line(2), Heard::Line(3), Heard::Pause]);
        assert!(matches!(ended, Ended::Complete));
    }

    #[test]
    fn a_line_without_its_end_is_none() {
        let (all, ended) = heard(b"1\n2");
        assert_eq!(all, [Heard::Pause, Heard::Line(1), Heard::Pause]);
        assert!(matches!(ended, Ended::Broke(_)));
    }

    #[test]
    fn who_has_had_enough_is_told_no_more() {
        let many = "1\n".repeat(50);
        assert_eq!(heard(many.as_bytes()).0.len(), 10);
    }
}
