//! Gives space back: free pages to the file system in small steps, and a long WAL when nothing else
//! is to do.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tracing::warn;

use super::failure::{Fatal, Reach, Sql, reach};
use super::inbox::{Requests, Settlement};
use super::reserve::Reserve;
use super::schema::BUSY_FOR;
use super::writer::{TRY_AGAIN, Writer};

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
    reserve: Reserve,
    /// It is shorter than it should be.
    is_short: bool,
    at: Option<Instant>,
    last_commit: Instant,
    /// Pages were freed, and the file is shorter only after a checkpoint.
    shortened: bool,
    /// When the last help against a full disk began that helped nobody, or that goes on.
    helped: Option<Instant>,
}

impl Tidy {
    pub(super) fn new(wal: PathBuf) -> Self {
        let now = Instant::now();
        let reserve = Reserve::new(wal.with_file_name("reserve"));
        let is_short = reserve.take();
        Self { wal, reserve, is_short, at: Some(now + IDLE), last_commit: now, shortened: false, helped: None }
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
            Err(error) if reach(&error) == Reach::Commit => {
                warn!(%error, "space cannot be given back now");
                self.tidy.at = Some(now + IDLE);
                Ok(())
            }
            done => done.map_err(Fatal::from),
        }
    }

    /// Whether [`Writer::help`] may be of use: not so soon after it was of none.
    pub(super) fn can_help(&self) -> bool {
        self.tidy.helped.is_none_or(|at| at.elapsed() >= TRY_AGAIN)
    }

    /// A commit found the disk full. What is settled makes room, so it gets what was put by; then the log is brought to
    /// its place, and gives its own room back.
    pub(super) fn help(&mut self, settlements: Vec<Settlement>) -> Result<(), Fatal> {
        self.tidy.helped = Some(Instant::now());
        let some = !settlements.is_empty();
        self.tidy.reserve.give();
        let committed = self.commit(Requests::default(), settlements);
        let emptied = truncate(self.conn);
        self.tidy.is_short = self.tidy.reserve.take();
        committed?;
        match emptied {
            Err(error) if reach(&error) != Reach::Commit => return Err(error.into()),
            _ => {} // it is tried again with the next commit that finds no room
        }
        if some && self.carried.is_empty() {
            self.tidy.helped = None;
        }
        Ok(())
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
            self.tidy.is_short = self.tidy.is_short && self.tidy.reserve.take();
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
        if !long && !self.tidy.shortened {
            return Ok(());
        }
        if truncate(self.conn)? {
            self.tidy.shortened = false;
        } else {
            self.tidy.at = Some(Instant::now() + IDLE);
        }
        Ok(())
    }
}

/// False when somebody is reading: publishers are not to wait until they are done.
pub(super) fn truncate(conn: &Connection) -> Sql<bool> {
    conn.busy_timeout(Duration::ZERO)?;
    let busy: Sql<bool> = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    conn.busy_timeout(BUSY_FOR)?;
    busy.map(|busy| !busy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_being_read_is_emptied_later() {
        let dir = tempfile::tempdir().unwrap();
        let (file, wal) = (dir.path().join("topics.db"), dir.path().join("topics.db-wal"));
        let conn = Connection::open(&file).unwrap();
        crate::embedded::schema::prepare(&conn).unwrap();
        crate::embedded::schema::bring_up_to_date(&conn).unwrap();
        let reader = Connection::open(&file).unwrap();
        let view = reader.unchecked_transaction().unwrap();
        view.query_row("SELECT count(*) FROM recent", [], |_| Ok(())).unwrap();
        conn.execute("INSERT INTO body(seq, payload) VALUES(1, x'00')", []).unwrap();
        assert!(!truncate(&conn).unwrap());
        drop(view);
        assert!(truncate(&conn).unwrap());
        assert_eq!(std::fs::metadata(wal).unwrap().len(), 0);
        let waits: u128 =
            conn.pragma_query_value(None, "busy_timeout", |row| row.get(0)).map(i64::unsigned_abs).unwrap().into();
        assert_eq!(waits, BUSY_FOR.as_millis(), "other statements wait as before");
    }
}
