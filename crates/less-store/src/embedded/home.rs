//! Opens the file of a home and brings it to where the writer can begin.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::catalog::pending_ids;
use super::failure::{Reach, Sql, at_opening, damaged, failed, reach};
use super::lock::{Lock, lock};
use super::reserve::Reserve;
use super::schema;
use super::tidy::truncate;
use crate::{Error, Result, Timestamp};

/// No store has come this far.
const LAST: i64 = i64::MAX / 2;

/// A locked home with its file, ready to be written.
pub(super) struct Home {
    pub(super) conn: Connection,
    pub(super) file: PathBuf,
    pub(super) wal: PathBuf,
    pub(super) next_seq: i64,
    pub(super) lock: Lock,
}

impl Home {
    pub(super) fn open(dir: &Path, now: Timestamp) -> Result<Self> {
        let (file, wal) = (dir.join("topics.db"), dir.join("topics.db-wal"));
        if !file.exists() {
            create(dir).map_err(|error| failed(format!("cannot create {}", dir.display()), error))?;
        }
        let lock = lock(dir)?;
        let unclean = std::fs::metadata(&wal).is_ok_and(|wal| wal.len() > 0);
        if unclean {
            write_again(&wal).map_err(|error| failed(format!("cannot bring {} to the disk", wal.display()), error))?;
        }
        let reserve = Reserve::new(dir.join("reserve"));
        let mut opened = if reserve.is_needed() { Err(Error::Full) } else { ready(&file, unclean, now, false) };
        if let Err(Error::Full) = opened {
            // The writer puts it by again.
            reserve.give();
            opened = ready(&file, unclean, now, true).inspect_err(|_| _ = reserve.take());
        }
        let (conn, last) = opened?;
        if last > LAST {
            return Err(damaged(&format!("a message has the number {last}")));
        }
        let next_seq = last + 1;
        Ok(Self { conn, file, wal, next_seq, lock })
    }
}

/// The file, fit for the writer, and the last `seq` in it. `is_short`: the disk is full or was a moment ago, so the log first
/// gives its room back.
fn ready(file: &Path, unclean: bool, now: Timestamp, is_short: bool) -> Result<(Connection, i64)> {
    let broken = |error| at_opening(format!("cannot open {}", file.display()), error);
    let conn = Connection::open(file).map_err(broken)?;
    schema::prepare(&conn)?;
    if unclean {
        schema::check(&conn)?;
    }
    schema::bring_up_to_date(&conn)?;
    if is_short
        && let Err(error) = truncate(&conn)
        && reach(&error) != Reach::Commit
    {
        return Err(broken(error));
    }
    let last = recover(&conn, now).map_err(broken)?;
    Ok((conn, last))
}

/// `SQLite` syncs the folder of its file, but nobody the folders above, without which it is lost as well;
/// also where somebody else made them, perhaps just now.
pub(super) fn create(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    dir.canonicalize()?.ancestors().filter_map(|folder| File::open(folder).ok()).try_for_each(|folder| sync(&folder))
}

fn sync(folder: &File) -> io::Result<()> {
    match folder.sync_all() {
        // A file system that cannot sync a folder: one that nobody writes to.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// A sync may have failed before: what it left out is in the kernel's memory and counts as clean, so that no later
/// sync would write it, and the next power cut would take it out of the middle of what was promised since.
fn write_again(wal: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(wal)?;
    let (mut bytes, mut at) = (vec![0; 1 << 20], 0);
    loop {
        let read = file.read_at(&mut bytes, at)?;
        if read == 0 {
            return file.sync_data();
        }
        file.write_all_at(&bytes[..read], at)?;
        at += read as u64;
    }
}

/// What was in memory when the store stopped takes the form that lasts, and so is due at once. Never
/// more than the bounded `recent`: a backlog is not touched. Returns the last `seq`.
fn recover(conn: &Connection, now: Timestamp) -> Sql<i64> {
    let tx = conn.unchecked_transaction()?;
    // Never one that a dead letter has, or that an error or an origin was kept for: they are found by `seq`.
    let last: i64 = tx.query_row(
        "SELECT max(coalesce((SELECT max(seq) FROM recent), 0), coalesce((SELECT max(seq) FROM message), 0),
            coalesce((SELECT max(seq) FROM dead_letter), 0), coalesce((SELECT max(seq) FROM attempt_error), 0),
            coalesce((SELECT max(seq) FROM origin), 0))",
        [],
        |row| row.get(0),
    )?;
    spread(&tx, now)?;
    tx.execute(
        "INSERT INTO message(seq, left, topic, id, trace, cause, published_at, payload)
         SELECT seq, length(pending) / 4, topic, id, trace, cause, published_at, payload
         FROM recent WHERE length(pending) > 0",
        [],
    )?;
    tx.execute("DELETE FROM body WHERE seq IN (SELECT seq FROM recent WHERE length(pending) = 0)", [])?;
    tx.execute("DELETE FROM recent", [])?;
    tx.commit()?;
    Ok(last)
}

/// A row of `delivery` for each that is pending; due `now` should the clock have gone back since.
fn spread(conn: &Connection, now: Timestamp) -> Sql<()> {
    let mut insert =
        conn.prepare("INSERT INTO delivery(subscriber, due_at, seq, attempts, alone) VALUES(?, ?, ?, 0, 0)")?;
    let mut recent = conn.prepare("SELECT seq, published_at, pending FROM recent")?;
    let mut rows = recent.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, published_at): (i64, Timestamp) = (row.get(0)?, row.get(1)?);
        for subscriber in pending_ids(row.get_ref(2)?.as_blob()?) {
            insert.execute((subscriber.0, published_at.min(now), seq))?;
        }
    }
    Ok(())
}
