//! Which blocks of a segment are worth reading.
//!
//! In: the lines of a block, one by one. Out: its index entry; and for a query, the parts of a segment to read. It
//! reads no record itself. The layout is in `format`.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;

use super::format::{self, Frames, LOG_HEAD, Record};

/// A block is closed by the record that makes it this long.
const BLOCK_BYTES: u64 = 64 << 10;

/// What lies in a part of a segment.
pub(super) struct Block {
    range: Range<u64>,
    earliest: i64,
    latest: i64,
    paths: BTreeSet<u64>,
}

impl Block {
    pub(super) fn new(start: u64) -> Self {
        Self { range: start..start, earliest: i64::MAX, latest: i64::MIN, paths: BTreeSet::new() }
    }

    /// Counts in a record that ends at `end`; `path` is the hash of its path.
    pub(super) fn add(&mut self, path: u64, time: i64, end: u64) {
        self.range.end = end;
        self.earliest = self.earliest.min(time);
        self.latest = self.latest.max(time);
        self.paths.insert(path);
    }

    /// Writes its entry and begins the next block, once it is full.
    pub(super) fn close_if_full(&mut self, index: &mut Vec<u8>) {
        if self.range.end - self.range.start >= BLOCK_BYTES {
            self.close(index);
        }
    }

    /// Writes its entry and begins the next block, unless nothing lies in it.
    pub(super) fn close(&mut self, index: &mut Vec<u8>) {
        if self.range.is_empty() {
            return;
        }
        format::put_frame(index, |out| {
            out.extend(self.range.start.to_le_bytes());
            out.extend(((self.range.end - self.range.start) as u32).to_le_bytes());
            out.extend(self.earliest.to_le_bytes());
            out.extend(self.latest.to_le_bytes());
            out.extend(self.paths.iter().flat_map(|path| path.to_le_bytes()));
        });
        *self = Self::new(self.range.end);
    }

    fn read(body: &[u8]) -> Option<Self> {
        let (start, rest) = body.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (earliest, rest) = rest.split_first_chunk()?;
        let (latest, rest) = rest.split_first_chunk()?;
        let start = u64::from_le_bytes(*start);
        Some(Self {
            range: start..start.checked_add(u64::from(u32::from_le_bytes(*length)))?,
            earliest: i64::from_le_bytes(*earliest),
            latest: i64::from_le_bytes(*latest),
            paths: rest.as_chunks().0.iter().map(|path| u64::from_le_bytes(*path)).collect(),
        })
    }
}

/// Which lines a reader asked for.
pub(super) struct Wanted {
    path: Option<(Vec<u8>, u64)>,
    since: i64,
}

impl Wanted {
    pub(super) fn new(path: Option<&str>, since: Option<i64>) -> Self {
        let path = path.map(|path| (format::stored_path(path).to_vec(), format::hash(format::stored_path(path))));
        Self { path, since: since.unwrap_or(i64::MIN) }
    }

    pub(super) fn is(&self, record: &Record<'_>) -> bool {
        record.time >= self.since && self.path.as_ref().is_none_or(|(path, _)| path == record.path)
    }

    fn may_be_in(&self, block: &Block) -> bool {
        block.latest >= self.since && self.path.as_ref().is_none_or(|(_, hash)| block.paths.contains(hash))
    }
}

/// The parts of one segment in which wanted lines may be, in order.
pub(super) struct Parts {
    index: Option<Frames>,
    /// Up to here the segment has been met.
    at: u64,
    /// Nothing that ends here or earlier is wanted.
    from: u64,
    /// The segment's length.
    end: u64,
}

impl Parts {
    pub(super) fn new(index: Option<Frames>, from: u64, end: u64) -> Self {
        Self { index, at: LOG_HEAD, from, end }
    }

    /// The segment has grown. Its index is not read again: what has come is met as it is.
    pub(super) fn reach(&mut self, end: u64) {
        self.end = end;
    }

    pub(super) fn next(&mut self, wanted: &Wanted) -> io::Result<Option<Range<u64>>> {
        while let Some(block) = self.next_block()? {
            self.at = block.range.end;
            if self.at > self.from && wanted.may_be_in(&block) {
                return Ok(Some(block.range));
            }
        }
        let rest = self.at..self.end;
        self.at = self.end;
        Ok((!rest.is_empty() && self.end > self.from).then_some(rest))
    }

    /// The latest time in the segment; `None` when the index does not cover all of it.
    pub(super) fn latest(mut self) -> io::Result<Option<i64>> {
        let mut latest = i64::MIN;
        while let Some(block) = self.next_block()? {
            self.at = block.range.end;
            latest = latest.max(block.latest);
        }
        Ok((self.at == self.end).then_some(latest))
    }

    fn next_block(&mut self) -> io::Result<Option<Block>> {
        let Some(index) = &mut self.index else { return Ok(None) };
        let block = index.next()?.and_then(Block::read);
        // An entry out of place is not believed, and neither is what follows it.
        let block = block.filter(|block| block.range.start == self.at && block.range.end <= self.end);
        if block.is_none() {
            self.index = None;
        }
        Ok(block)
    }
}
