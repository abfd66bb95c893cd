//! Opens the file of a home and brings it to where the writer can begin.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::catalog::pending_ids;
use super::failure::{Sql, failed};
use super::lock::{Lock, lock};
use super::schema;
use crate::Result;

/// A locked home with its file, ready to be written.
pub(super) struct Home {
    pub(super) conn: Connection,
    pub(super) file: PathBuf,
    pub(super) wal: PathBuf,
    pub(super) next_seq: i64,
    pub(super) lock: Lock,
}

impl Home {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        create(dir).map_err(|error| failed(format!("cannot create {}", dir.display()), error))?;
        let lock = lock(dir)?;
        let (file, wal) = (dir.join("topics.db"), dir.join("topics.db-wal"));
        let unclean = std::fs::metadata(&wal).is_ok_and(|wal| wal.len() > 0);
        let broken = |error| failed(format!("cannot open {}", file.display()), error);
        let conn = Connection::open(&file).map_err(broken)?;
        schema::prepare(&conn)?;
        if unclean {
            schema::check(&conn)?;
        }
        let next_seq = recover(&conn).map_err(broken)?;
        Ok(Self { conn, file, wal, next_seq, lock })
    }
}

/// SQLite syncs the folder of its file, but nobody the folders above, without which it is lost as well.
fn create(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(dir)?;
    let above = dir.canonicalize()?;
    above.ancestors().skip(1).filter_map(|folder| File::open(folder).ok()).try_for_each(|folder| folder.sync_all())
}

/// What was in memory when the store stopped takes the form that lasts, and so is due at once. Never
/// more than the bounded `recent`: a backlog is not touched. Returns the next free `seq`.
fn recover(conn: &Connection) -> Sql<i64> {
    let tx = conn.unchecked_transaction()?;
    // One that is there for the same `seq` as a dead letter would mix up their errors.
    let last: i64 = tx.query_row(
        "SELECT max(coalesce((SELECT max(seq) FROM recent), 0), coalesce((SELECT max(seq) FROM message), 0),
            coalesce((SELECT max(seq) FROM attempt_error), 0))",
        [],
        |row| row.get(0),
    )?;
    spread(&tx)?;
    tx.execute(
        "INSERT INTO message(seq, left, topic, id, trace, cause, published_at, payload)
         SELECT seq, length(pending) / 4, topic, id, trace, cause, published_at, payload
         FROM recent WHERE length(pending) > 0",
        [],
    )?;
    tx.execute("DELETE FROM body WHERE seq IN (SELECT seq FROM recent WHERE length(pending) = 0)", [])?;
    tx.execute("DELETE FROM recent", [])?;
    tx.commit()?;
    Ok(last + 1)
}

/// A row of `delivery` for each that is pending.
fn spread(conn: &Connection) -> Sql<()> {
    let mut insert =
        conn.prepare("INSERT INTO delivery(subscriber, due_at, seq, attempts, alone) VALUES(?, ?, ?, 0, 0)")?;
    let mut recent = conn.prepare("SELECT seq, published_at, pending FROM recent")?;
    let mut rows = recent.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, due_at): (i64, i64) = (row.get(0)?, row.get(1)?);
        for subscriber in pending_ids(row.get_ref(2)?.as_blob()?) {
            insert.execute((subscriber.0, due_at, seq))?;
        }
    }
    Ok(())
}
