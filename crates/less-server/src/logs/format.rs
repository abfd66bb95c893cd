//! What a project's log looks like on disk. Version 1; integers little-endian; times in ms since 1970.
//!
//! ```text
//! <20 digits>.log   "LESSLOG" · u8 version · i64 time of creation · records
//!   record          frame: i64 time · u8 stream (0 out, 1 error, 2 less) · 16 B invocation (zeros: none)
//!                          · u16 path length · path · text (the rest), both UTF-8
//! <20 digits>.idx   "LESSIDX" · u8 version · entries, one per block of about 64 KiB of records
//!   entry           frame: u64 where the block begins · u32 its length · i64 earliest time · i64 latest time
//!                          · u64 hash of a path that occurs in it, once for each
//! frame             u32 checksum of all that follows · u32 length of the body (at most 1 MiB) · body
//! ```
//! The checksum is FNV-1a (64 bit, both halves xored), a path's hash FNV-1a (64 bit). Segments are numbered from 1,
//! never twice in a folder's life.
//!
//! **A torn write** (a power cut; after `kill -9` the page cache still has all that was written) leaves a frame that
//! is short or fails its checksum at the end of the last segment. Opening cuts the segment there and writes its index
//! anew. Nothing is synced: a log may lose its last seconds in a power cut, a message never does (that is the store's).
//!
//! **The index is a hint.** What it does not cover, from the first entry that is torn or does not adjoin its forerunner
//! on, is read as if every path occurred there. A missing or short index of a full segment is rebuilt at opening.
//!
//! **A newer version** of either file, or a file that is no such file, is left alone: not read, not cut, not appended
//! to; lines go to a segment with the next number. It counts for its age and size as every other does.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{Line, Stream};

/// Where a segment's first record begins.
pub(super) const LOG_HEAD: u64 = 16;
/// Where an index's first entry begins.
pub(super) const INDEX_HEAD: u64 = 8;

const LOG_MAGIC: &[u8; 8] = b"LESSLOG\x01";
const INDEX_MAGIC: &[u8; 8] = b"LESSIDX\x01";
const FRAME_HEAD: usize = 8;
const MAX_BODY: usize = 1 << 20;

pub(super) fn log_file(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}.log"))
}

pub(super) fn index_file(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}.idx"))
}

/// The numbers of the segments in a folder, oldest first.
pub(super) fn segments(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".log")?.parse::<u64>().ok());
        // `1.log` is somebody else's: nothing but a segment has the name of one.
        numbers.extend(number.filter(|number| log_file(dir, *number).file_name() == Some(&name)));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

pub(super) fn log_head(created: i64) -> Vec<u8> {
    [LOG_MAGIC.as_slice(), &created.to_le_bytes()].concat()
}

pub(super) fn index_head() -> &'static [u8] {
    INDEX_MAGIC
}

/// When the segment was created; `None` when this version cannot read it.
pub(super) fn read_log_head(file: &mut File) -> io::Result<Option<i64>> {
    let mut head = [0; LOG_HEAD as usize];
    file.seek(SeekFrom::Start(0))?;
    match file.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
        Ok(()) => {
            let created = head.last_chunk::<8>().map(|bytes| i64::from_le_bytes(*bytes));
            Ok(created.filter(|_| head.starts_with(LOG_MAGIC)))
        }
    }
}

/// The index, ready to read; `None` when there is none that this version can read.
pub(super) fn open_index(dir: &Path, number: u64) -> io::Result<Option<Frames>> {
    let mut file = match File::open(index_file(dir, number)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut magic = [0; INDEX_HEAD as usize];
    if file.read_exact(&mut magic).is_err() || magic != *INDEX_MAGIC {
        return Ok(None);
    }
    let end = file.metadata()?.len();
    let mut frames = Frames::new(file);
    frames.seek(INDEX_HEAD..end)?;
    Ok(Some(frames))
}

pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn checksum(bytes: &[u8]) -> u32 {
    let hash = hash(bytes);
    (hash ^ (hash >> 32)) as u32
}

/// Appends a frame whose body `write` appends.
pub(super) fn put_frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend([0; FRAME_HEAD]);
    write(out);
    let length = (out.len() - at - FRAME_HEAD) as u32;
    out[at + 4..at + 8].copy_from_slice(&length.to_le_bytes());
    let sum = checksum(&out[at + 4..]);
    out[at..at + 4].copy_from_slice(&sum.to_le_bytes());
}

/// Reads the frames of a part of a file, in constant memory, and ends at the first that is torn.
pub(super) struct Frames {
    file: BufReader<File>,
    /// What is still to be read; at least one whole frame, or nothing.
    range: Range<u64>,
    body: Vec<u8>,
}

impl Frames {
    pub(super) fn new(file: File) -> Self {
        Self { file: BufReader::with_capacity(64 << 10, file), range: 0..0, body: Vec::new() }
    }

    /// Reads this part from now on. Its start must be the start of a frame.
    pub(super) fn seek(&mut self, range: Range<u64>) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(range.start))?;
        self.range = range;
        Ok(())
    }

    /// How long the file is by now.
    pub(super) fn file_len(&self) -> io::Result<u64> {
        Ok(self.file.get_ref().metadata()?.len())
    }

    /// Where the next frame begins: after the last one that was whole.
    pub(super) fn at(&self) -> u64 {
        self.range.start
    }

    /// The next whole frame's body.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let room = self.range.end.saturating_sub(self.range.start);
        let mut head = [0; FRAME_HEAD];
        if room < FRAME_HEAD as u64 || !read_whole(&mut self.file, &mut head)? {
            return Ok(None);
        }
        let [a, b, c, d, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_BODY || (FRAME_HEAD + length) as u64 > room {
            return Ok(None);
        }
        self.body.clear();
        self.body.extend_from_slice(&head[4..]);
        self.body.resize(4 + length, 0);
        if !read_whole(&mut self.file, &mut self.body[4..])? || checksum(&self.body) != u32::from_le_bytes([a, b, c, d])
        {
            return Ok(None);
        }
        self.range.start += (FRAME_HEAD + length) as u64;
        Ok(Some(&self.body[4..]))
    }
}

/// False at the end of the file: it may have been cut since it was measured.
fn read_whole(file: &mut impl BufRead, out: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(out) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// A record as it lies in a frame's body.
pub(super) struct Record<'a> {
    pub(super) time: i64,
    pub(super) path: &'a [u8],
    stream: Stream,
    invocation: Uuid,
    text: &'a [u8],
}

impl<'a> Record<'a> {
    /// `None` when the body is no record: whole by its checksum, so it was never written by this version.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let (time, rest) = body.split_first_chunk()?;
        let (stream, rest) = rest.split_first()?;
        let (invocation, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (path, text) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        let stream = match stream {
            0 => Stream::Out,
            1 => Stream::Error,
            2 => Stream::Less,
            _ => return None,
        };
        Some(Self { time: i64::from_le_bytes(*time), path, stream, invocation: Uuid::from_bytes(*invocation), text })
    }

    pub(super) fn to_line(&self) -> Line {
        Line {
            time: self.time,
            path: String::from_utf8_lossy(self.path).into(),
            stream: self.stream,
            invocation: self.invocation,
            text: String::from_utf8_lossy(self.text).into_owned(),
        }
    }
}

pub(super) fn put_record(out: &mut Vec<u8>, line: &Line) {
    put_frame(out, |out| {
        out.extend(line.time.to_le_bytes());
        out.push(match line.stream {
            Stream::Out => 0,
            Stream::Error => 1,
            Stream::Less => 2,
        });
        out.extend(line.invocation.as_bytes());
        let path = stored_path(&line.path);
        out.extend((path.len() as u16).to_le_bytes());
        out.extend(path);
        out.extend(line.text.as_bytes());
    });
}

/// A path as its record has it. A handler's identity is never this long; the format must hold all the same.
pub(super) fn stored_path(path: &str) -> &[u8] {
    &path.as_bytes()[..path.len().min(usize::from(u16::MAX))]
}
