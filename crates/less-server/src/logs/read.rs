//! Reads a project's lines from its segments, as they were stored, in constant memory.
//!
//! It works on the files alone and holds nothing of the writer: a segment that goes while it is read is read to its
//! end if it is open, and passed over if it is not. It stops at an end that the writer has told, beyond which records
//! may be half written, and goes on from there when it is told a later one. A record that is torn all the same (a disk's
//! fault) ends its part.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::format::{self, Frames, Record};
use super::index::{Parts, Wanted};
use super::{Cursor, Line, Query};

/// The lines that answer a [`Query`], each with the cursor by which to go on after it. Reads files: not for an async task.
pub struct Reader {
    dir: PathBuf,
    wanted: Wanted,
    after: Cursor,
    /// Nothing beyond it is read.
    end: Cursor,
    /// Still to be read.
    numbers: VecDeque<u64>,
    segment: Option<OpenSegment>,
}

struct OpenSegment {
    number: u64,
    /// Nothing that begins before is wanted.
    from: u64,
    parts: Parts,
    records: Frames,
}

impl Reader {
    pub(super) fn open(dir: &Path, query: &Query, end: Cursor) -> io::Result<Self> {
        let mut numbers = VecDeque::from(format::segments(dir)?);
        // A cursor beyond the end comes from an earlier life of this log, of which nothing is left.
        let newest = numbers.back().copied().unwrap_or(0);
        let after = query.after.filter(|after| after.segment <= newest).unwrap_or_default();
        numbers.retain(|number| (after.segment..=end.segment).contains(number));
        let wanted = Wanted::new(query.path.as_deref(), query.since);
        Ok(Self { dir: dir.into(), wanted, after, end, numbers, segment: None })
    }

    pub(super) fn end(&self) -> Cursor {
        self.end
    }

    /// From now on it reads up to a later `end`.
    pub(super) fn go_on(&mut self, end: Cursor) -> io::Result<()> {
        if end.segment > self.end.segment {
            let known = self.end.segment;
            let fresh = format::segments(&self.dir)?.into_iter().filter(|number| *number > known);
            self.numbers.extend(fresh.filter(|number| *number <= end.segment));
        }
        self.end = end;
        if let Some(segment) = &mut self.segment {
            segment.parts.reach(reach(segment.number, segment.records.file_len()?, end));
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<Option<(Line, Cursor)>> {
        loop {
            if let Some(segment) = &mut self.segment
                && let Some(found) = segment.read(&self.wanted)?
            {
                return Ok(Some(found));
            }
            let Some(number) = self.numbers.pop_front() else { return Ok(None) };
            let from = if number == self.after.segment { self.after.offset } else { 0 };
            self.segment = OpenSegment::open(&self.dir, number, from, self.end)?;
        }
    }
}

impl Iterator for Reader {
    type Item = io::Result<(Line, Cursor)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl OpenSegment {
    /// `None` when it is gone, or of a newer version.
    fn open(dir: &Path, number: u64, from: u64, end: Cursor) -> io::Result<Option<Self>> {
        let mut log = match File::open(format::log_file(dir, number)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        if format::read_log_head(&mut log)?.is_none() {
            return Ok(None);
        }
        let len = reach(number, log.metadata()?.len(), end);
        let parts = Parts::new(format::open_index(dir, number)?, from, len);
        Ok(Some(Self { number, from, parts, records: Frames::new(log) }))
    }

    fn read(&mut self, wanted: &Wanted) -> io::Result<Option<(Line, Cursor)>> {
        loop {
            let start = self.records.at();
            match self.records.next()? {
                Some(body) => {
                    let line = Record::read(body).filter(|record| start >= self.from && wanted.is(record));
                    if let Some(line) = line.map(|record| record.to_line()) {
                        return Ok(Some((line, Cursor { segment: self.number, offset: self.records.at() })));
                    }
                }
                None => match self.parts.next(wanted)? {
                    Some(part) => self.records.seek(part)?,
                    None => return Ok(None),
                },
            }
        }
    }
}

/// Up to where a segment of this length is read: one that is not the last is never written again.
fn reach(number: u64, len: u64, end: Cursor) -> u64 {
    if number == end.segment { len.min(end.offset) } else { len }
}
