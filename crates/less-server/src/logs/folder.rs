//! All segments of one project: which one is written, and which ones have to go.
//!
//! In: lines and the time. It keeps at least `age` of lines within `bytes`; one segment is closed when it is full or a
//! seventh of `age` old, and removed whole, by the time of its latest line.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::format;
use super::index::Parts;
use super::segment::Segment;
use super::{Cursor, Line, LogLimits};

pub(super) struct Folder {
    dir: PathBuf,
    limits: LogLimits,
    /// Oldest first; each is full and never written again.
    closed: VecDeque<Closed>,
    /// None after a failed write, until it is opened again.
    active: Option<Segment>,
    last_number: u64,
}

struct Closed {
    number: u64,
    /// With its index.
    bytes: u64,
    /// The time of its latest line, and no later than its successor's creation: a handler's clock may run ahead.
    latest: i64,
}

/// Lines that the disk refused.
#[derive(Debug)]
pub(super) struct Refused {
    /// How many of the lines were stored before.
    pub(super) stored: usize,
    pub(super) cause: io::Error,
}

impl Folder {
    pub(super) fn open(dir: &Path, limits: LogLimits, now: i64) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let numbers = format::segments(dir)?;
        let last_number = numbers.last().copied().unwrap_or(0);
        let mut folder = Self { dir: dir.into(), limits, closed: VecDeque::new(), active: None, last_number };
        let mut next_created = now;
        for number in numbers.into_iter().rev() {
            if number == last_number {
                folder.active = Segment::recover(dir, number)?;
            }
            match &folder.active {
                Some(active) if active.number == number => next_created = active.created,
                _ => next_created = folder.take_in(number, next_created)?,
            }
        }
        folder.retain(now);
        Ok(folder)
    }

    /// Notes a full segment, mends its index, and returns when it was created.
    fn take_in(&mut self, number: u64, next_created: i64) -> io::Result<i64> {
        let mut log = File::open(format::log_file(&self.dir, number))?;
        let created = format::read_log_head(&mut log)?;
        let mut latest = Parts::new(format::open_index(&self.dir, number)?, 0, log.metadata()?.len()).latest()?;
        if latest.is_none()
            && let Some(mut segment) = Segment::recover(&self.dir, number)?
        {
            segment.close();
            latest = Some(segment.latest);
        }
        let latest = latest.map_or(next_created, |latest| latest.min(next_created));
        let index_bytes = fs::metadata(format::index_file(&self.dir, number)).map_or(0, |file| file.len());
        let bytes = log.metadata()?.len() + index_bytes;
        self.closed.push_front(Closed { number, bytes, latest });
        Ok(created.unwrap_or(next_created))
    }

    /// Stores lines in order.
    pub(super) fn append(&mut self, lines: &[Line], now: i64) -> Result<(), Refused> {
        let mut stored = 0;
        while stored < lines.len() {
            stored += self.append_some(&lines[stored..], now).map_err(|cause| Refused { stored, cause })?;
        }
        Ok(())
    }

    fn append_some(&mut self, lines: &[Line], now: i64) -> io::Result<usize> {
        let mut segment = self.segment_with_room(now)?;
        // Dropped on error: the next append recovers it from what is on disk.
        let taken = segment.append(lines, self.limits.segment_bytes)?;
        self.active = Some(segment);
        Ok(taken)
    }

    /// Where the stored lines end.
    pub(super) fn end(&self) -> Cursor {
        match &self.active {
            Some(segment) => Cursor { segment: segment.number, offset: segment.len() },
            None => Cursor { segment: self.last_number, offset: u64::MAX },
        }
    }

    /// Takes the active segment out; whoever has written to it puts it back.
    fn segment_with_room(&mut self, now: i64) -> io::Result<Segment> {
        let active = match self.active.take() {
            None if self.last_number > 0 && !self.is_closed(self.last_number) => {
                Segment::recover(&self.dir, self.last_number)?
            }
            active => active,
        };
        match active {
            Some(segment) if !self.is_over(&segment, now) => Ok(segment),
            ended => self.rotate(ended, now),
        }
    }

    fn is_closed(&self, number: u64) -> bool {
        self.closed.back().is_some_and(|closed| closed.number == number)
    }

    fn is_over(&self, segment: &Segment, now: i64) -> bool {
        let old = now.saturating_sub(segment.created) >= self.age() / 7;
        !segment.is_empty() && (old || segment.len() >= self.limits.segment_bytes)
    }

    fn rotate(&mut self, ended: Option<Segment>, now: i64) -> io::Result<Segment> {
        let number =
            self.last_number.checked_add(1).ok_or_else(|| io::Error::other("no segment can come after the last"));
        let next = number.and_then(|number| Segment::create(&self.dir, number, now));
        if let Some(mut segment) = ended {
            segment.close();
            let latest = segment.latest.min(now);
            self.closed.push_back(Closed { number: segment.number, bytes: segment.size(), latest });
        }
        let next = next?;
        self.last_number = next.number;
        self.retain(now);
        Ok(next)
    }

    /// Removes what is too old, and the oldest while there would be too much once the active segment is full.
    pub(super) fn retain(&mut self, now: i64) {
        let oldest = now.saturating_sub(self.age());
        let room = self.limits.bytes.saturating_sub(self.limits.segment_bytes);
        let mut kept: u64 = self.closed.iter().map(|closed| closed.bytes).sum();
        while let Some(first) = self.closed.front()
            && (first.latest < oldest || kept > room)
        {
            kept -= first.bytes;
            for file in [format::log_file(&self.dir, first.number), format::index_file(&self.dir, first.number)] {
                remove(&file);
            }
            self.closed.pop_front();
        }
    }

    /// What time alone makes due: a quiet log's lines must go, too.
    pub(super) fn tidy(&mut self, now: i64) -> io::Result<()> {
        if let Some(active) = &self.active
            && self.is_over(active, now)
        {
            let ended = self.active.take();
            self.active = Some(self.rotate(ended, now)?);
        }
        self.retain(now);
        Ok(())
    }

    fn age(&self) -> i64 {
        i64::try_from(self.limits.age.as_millis()).unwrap_or(i64::MAX)
    }
}

fn remove(file: &Path) {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(file = %file.display(), %error, "cannot remove an old log; trying again at the next start");
        }
        _ => {}
    }
}
