//! Gives space back: free pages to the file system in small steps, and a long WAL when nothing else
//! is to do.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tracing::warn;

use super::failure::{Fatal, Reach, Sql, reach};
use super::writer::Writer;

/// Free pages of 4 KiB that a busy store keeps: it will want them again.
const KEPT_BUSY: i64 = 2048;
/// Those that an idle one keeps.
const KEPT_IDLE: i64 = 64;
/// Pages given back in one step, a few milliseconds' work.
const STEP: i64 = 256;
/// Between two steps, for publishers to come through.
const PAUSE: Duration = Duration::from_millis(20);
/// Without a commit for this long the store is idle.
const IDLE: Duration = Duration::from_secs(1);
/// A WAL longer than this is emptied when idle.
const WAL_KEPT: u64 = 4 << 20;

#[derive(Debug)]
pub(super) struct Tidy {
    wal: PathBuf,
    at: Option<Instant>,
    last_commit: Instant,
    /// Pages were freed, and the file is shorter only after a checkpoint.
    shortened: bool,
}

impl Tidy {
    pub(super) fn new(wal: PathBuf) -> Self {
        let now = Instant::now();
        Self { wal, at: Some(now + IDLE), last_commit: now, shortened: false }
    }

    /// When there may be something to tidy.
    pub(super) fn at(&self) -> Option<Instant> {
        self.at
    }

    pub(super) fn committed(&mut self) {
        self.last_commit = Instant::now();
        self.at.get_or_insert(self.last_commit + PAUSE);
    }
}

impl Writer<'_> {
    pub(super) fn tidy(&mut self) -> Result<(), Fatal> {
        let now = Instant::now();
        if self.full_until.is_some() || self.tidy.at.is_none_or(|at| at > now) {
            return Ok(());
        }
        match self.tidy_step(now) {
            Err(error) if reach(&error) == Reach::Full => {
                warn!("no room to give space back: the disk is full");
                self.tidy.at = Some(now + IDLE);
                Ok(())
            }
            done => done.map_err(Fatal::from),
        }
    }

    fn tidy_step(&mut self, now: Instant) -> Sql<()> {
        let idle_at = self.tidy.last_commit + IDLE;
        let idle = idle_at <= now;
        let free: i64 = self.conn.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        if free > if idle { KEPT_IDLE } else { KEPT_BUSY } {
            self.give_back()?;
            self.tidy.shortened = true;
            self.tidy.at = Some(Instant::now() + PAUSE);
        } else if !idle {
            self.tidy.at = Some(idle_at);
        } else {
            self.tidy.at = None;
            self.empty_wal()?;
        }
        Ok(())
    }

    fn give_back(&mut self) -> Sql<()> {
        let mut vacuum = self.conn.prepare_cached(&format!("PRAGMA incremental_vacuum({STEP})"))?;
        let mut pages = vacuum.query([])?;
        while pages.next()?.is_some() {} // each step frees one page
        Ok(())
    }

    fn empty_wal(&mut self) -> Sql<()> {
        let long = std::fs::metadata(&self.tidy.wal).is_ok_and(|wal| wal.len() > WAL_KEPT);
        if long || std::mem::take(&mut self.tidy.shortened) {
            // Busy with a reader, it stays; the next time will do.
            self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(())
    }
}
