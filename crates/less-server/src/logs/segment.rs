//! One segment that is being written, and its index.
//!
//! In: lines. Out: records, and an index entry whenever a block is full. It decides nothing about when to stop: see
//! `folder`. The layout is in `format`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::Line;
use super::format::{self, Frames, LOG_HEAD, Record};
use super::index::Block;

pub(super) struct Segment {
    pub(super) number: u64,
    /// Ms since 1970.
    pub(super) created: i64,
    /// Of its lines' times.
    pub(super) latest: i64,
    log: File,
    index: File,
    len: u64,
    index_len: u64,
    /// Records that no index entry covers yet.
    block: Block,
}

impl Segment {
    pub(super) fn create(dir: &Path, number: u64, created: i64) -> io::Result<Self> {
        // Truncating: a name that is free is at most the rest of a creation that failed.
        let log = write_anew(&format::log_file(dir, number), &format::log_head(created))?;
        let index = write_anew(&format::index_file(dir, number), format::index_head())?;
        let block = Block::new(LOG_HEAD);
        Ok(Self { number, created, latest: i64::MIN, log, index, len: LOG_HEAD, index_len: format::INDEX_HEAD, block })
    }

    /// Opens a segment to append to it: cuts a torn end and writes the index anew. `None` when this version cannot
    /// read it, or when it has gone: then lines go to the next.
    pub(super) fn recover(dir: &Path, number: u64) -> io::Result<Option<Self>> {
        let path = format::log_file(dir, number);
        let mut log = match OpenOptions::new().read(true).append(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let Some(created) = format::read_log_head(&mut log)? else { return Ok(None) };
        let measured = log.metadata()?.len();
        let mut entries = format::index_head().to_vec();
        let Scan { block, latest, len } = scan(Frames::new(log.try_clone()?), measured, &mut entries)?;
        if len < measured {
            tracing::warn!(file = %path.display(), bytes = measured - len, "cut the torn end of a log");
            log.set_len(len)?;
        }
        let index = write_anew(&format::index_file(dir, number), &entries)?;
        Ok(Some(Self { number, created, latest, log, index, len, index_len: entries.len() as u64, block }))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == LOG_HEAD
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes on disk, the index included.
    pub(super) fn size(&self) -> u64 {
        self.len + self.index_len
    }

    /// Writes lines until the segment is `full` bytes long, at least one, and returns how many.
    ///
    /// After an error none of them is stored, and the segment must be recovered before it is used again.
    pub(super) fn append(&mut self, lines: &[Line], full: u64) -> io::Result<usize> {
        let (mut records, mut entries, mut taken) = (Vec::new(), Vec::new(), 0);
        let start = self.len;
        for line in lines {
            format::put_record(&mut records, line);
            self.block.add(format::hash(format::stored_path(&line.path)), line.time, start + records.len() as u64);
            self.latest = self.latest.max(line.time);
            self.block.close_if_full(&mut entries);
            taken += 1;
            if start + records.len() as u64 >= full {
                break;
            }
        }
        if let Err(error) = self.log.write_all(&records) {
            // What is left of a half-written batch would show lines of which the log says that they were left out.
            self.log.set_len(start)?;
            return Err(error);
        }
        self.len += records.len() as u64;
        self.write_index(&entries);
        Ok(taken)
    }

    /// Indexes what is not yet indexed; nothing more is appended.
    pub(super) fn close(&mut self) {
        let mut entries = Vec::new();
        self.block.close(&mut entries);
        self.write_index(&entries);
    }

    /// A gap in the index makes reading slower, not wrong, so it is no reason to refuse lines.
    fn write_index(&mut self, entries: &[u8]) {
        self.index_len += entries.len() as u64;
        if let Err(error) = self.index.write_all(entries) {
            tracing::warn!(segment = self.number, %error, "cannot write the index of a log");
        }
    }
}

struct Scan {
    /// The records that did not fill a block.
    block: Block,
    latest: i64,
    /// Where the last whole record ends.
    len: u64,
}

/// Indexes all whole records.
fn scan(mut records: Frames, measured: u64, entries: &mut Vec<u8>) -> io::Result<Scan> {
    let (mut block, mut latest, mut len) = (Block::new(LOG_HEAD), i64::MIN, LOG_HEAD);
    records.seek(LOG_HEAD..measured)?;
    while let Some(record) = records.next()?.and_then(Record::read) {
        let (path, time) = (format::hash(record.path), record.time);
        len = records.at();
        latest = latest.max(time);
        block.add(path, time, len);
        block.close_if_full(entries);
    }
    Ok(Scan { block, latest, len })
}

fn write_anew(path: &Path, content: &[u8]) -> io::Result<File> {
    File::create(path)?.write_all(content)?;
    OpenOptions::new().read(true).append(true).open(path)
}
