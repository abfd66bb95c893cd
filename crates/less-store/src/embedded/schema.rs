//! The file on disk, `<home>/topics.db`: SQLite in WAL mode, `user_version` = [`VERSION`].
//!
//! A message lives in one of two forms. While all its deliveries are in memory it is one row of
//! `recent`, with the ids of those not settled yet (`pending`: 4 bytes each, little endian): one row
//! written and one deleted is all that a message costs which is settled soon. Otherwise it is a row of
//! `message`, with the number of its unsettled deliveries (`left`), and a row of `delivery` for each.
//! What is `recent` when the store opens becomes the second form; going back does not happen.
//!
//! Payloads above [`INLINE`] bytes lie in `body`, so that counting down copies no payload around.
//! Times are milliseconds since 1970, ids (`id`, `trace`, `cause`) the 16 bytes of a UUID.
//! A delivery that was not tried yet is due when it was published; one that expired is found by
//! `due_at` and, once it was tried, through the index `tried`. Expiry follows the subscriber's
//! retention of today, so it is not a column.
//! Subscribers are never deleted: their ids name them as long as the file lives. A subscriber's `owner` is the
//! project that deploys it, whoever publishes; so a topic may be there that its project has not deployed.
//!
//! A message that is delayed or has an ordering key is never `recent`. Of the deliveries with one ordering key
//! (`ordered`) the first alone has a time at which it is due, the others wait at [`BEHIND`] until it is over.
//! `idempotency` keeps for a day which message a topic's key made, `origin` which message a delivery's attempt
//! published, until that delivery is over. `cron` keeps how far a cron has come, `value` the key-values: each change
//! makes a new row, whose number is the value's version, so that none is given twice in the file's life.
//!
//! `connection` keeps the clients' connections that are open, each with the topic to which its end is to be told.
//!
//! `file` names the object (`files/objects`) that holds a file's bytes, under the project and path where it is found.
//!
//! Version 2 has the five from `ordered` to `value`, and its subscribers have owners and are named by their handlers'
//! identities; version 3 has `connection` and `file`. A file of an earlier version becomes one of this when it is
//! opened, in one transaction. A newer version is refused. A torn write is the tail of the WAL without a valid checksum:
//! SQLite ends its recovery before it, at the last whole commit.

use std::time::Duration;

use rusqlite::Connection;

use super::failure::{Sql, at_opening, damaged, refused};
use crate::{Result, Timestamp};

const VERSION: i64 = 3;

/// When a delivery is due that waits for another one with its ordering key.
pub(super) const BEHIND: Timestamp = Timestamp::MAX;

/// Longer payloads have a row of their own.
pub(super) const INLINE: usize = 2048;

/// Pages of 4 KiB in the WAL after which they are copied into the database.
const CHECKPOINT_PAGES: i64 = 4000;

/// Of which a big one is checked at leisure by its owner instead: it would delay the start.
const CHECKED_BYTES: i64 = 64 << 20;

/// How long a statement waits for another program that has the file locked.
pub(super) const BUSY_FOR: Duration = Duration::from_secs(5);

const FIRST: &str = "
CREATE TABLE project(name TEXT PRIMARY KEY, id BLOB NOT NULL, version TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE topic(id INTEGER PRIMARY KEY, project TEXT NOT NULL, name TEXT NOT NULL, deployed INTEGER NOT NULL,
    UNIQUE(project, name));
CREATE TABLE subscriber(id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, name TEXT NOT NULL,
    retention INTEGER NOT NULL, deployed INTEGER NOT NULL, UNIQUE(topic, name));
CREATE TABLE recent(seq INTEGER PRIMARY KEY, pending BLOB NOT NULL, topic INTEGER NOT NULL, id BLOB NOT NULL,
    trace BLOB NOT NULL, cause BLOB, published_at INTEGER NOT NULL, payload BLOB);
CREATE TABLE message(seq INTEGER PRIMARY KEY, left INTEGER NOT NULL, topic INTEGER NOT NULL, id BLOB NOT NULL,
    trace BLOB NOT NULL, cause BLOB, published_at INTEGER NOT NULL, payload BLOB);
CREATE TABLE body(seq INTEGER PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE delivery(subscriber INTEGER NOT NULL, due_at INTEGER NOT NULL, seq INTEGER NOT NULL,
    attempts INTEGER NOT NULL, alone INTEGER NOT NULL, PRIMARY KEY(subscriber, due_at, seq)) WITHOUT ROWID;
CREATE INDEX tried ON delivery(subscriber, seq) WHERE attempts > 0;
CREATE TABLE attempt_error(seq INTEGER NOT NULL, subscriber INTEGER NOT NULL, attempt INTEGER NOT NULL,
    at INTEGER NOT NULL, error TEXT NOT NULL, PRIMARY KEY(seq, subscriber, attempt)) WITHOUT ROWID;
CREATE TABLE dead_letter(number INTEGER PRIMARY KEY, project TEXT NOT NULL, seq INTEGER NOT NULL,
    subscriber INTEGER NOT NULL, reason INTEGER NOT NULL, buried_at INTEGER NOT NULL, id BLOB NOT NULL,
    trace BLOB NOT NULL, cause BLOB, published_at INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE INDEX dead_letter_of ON dead_letter(project);
CREATE INDEX dead_letter_seq ON dead_letter(seq);
PRAGMA user_version = 1;
";

const SECOND: &str = "
CREATE TABLE owned(id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL,
    retention INTEGER NOT NULL, deployed INTEGER NOT NULL, UNIQUE(topic, owner, name));
INSERT INTO owned SELECT s.id, s.topic, t.project, 'topics/' || t.name || '/' || s.name, s.retention, s.deployed
    FROM subscriber s JOIN topic t ON t.id = s.topic;
DROP TABLE subscriber;
ALTER TABLE owned RENAME TO subscriber;
ALTER TABLE message ADD COLUMN delayed_until INTEGER;
ALTER TABLE message ADD COLUMN ordering_key TEXT;
ALTER TABLE dead_letter ADD COLUMN delayed_until INTEGER;
ALTER TABLE dead_letter ADD COLUMN ordering_key TEXT;
CREATE TABLE ordered(subscriber INTEGER NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY(subscriber, key, seq)) WITHOUT ROWID;
CREATE TABLE idempotency(topic INTEGER NOT NULL, key TEXT NOT NULL, id BLOB NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY(topic, key)) WITHOUT ROWID;
CREATE INDEX idempotency_until ON idempotency(until);
CREATE TABLE origin(seq INTEGER NOT NULL, subscriber INTEGER NOT NULL, hash BLOB NOT NULL, nth INTEGER NOT NULL,
    id BLOB NOT NULL, PRIMARY KEY(seq, subscriber, hash, nth)) WITHOUT ROWID;
CREATE TABLE cron(project TEXT NOT NULL, name TEXT NOT NULL, schedule TEXT NOT NULL, since INTEGER NOT NULL,
    mark INTEGER NOT NULL, PRIMARY KEY(project, name)) WITHOUT ROWID;
CREATE TABLE value(version INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, key TEXT NOT NULL,
    expires_at INTEGER, json BLOB NOT NULL, UNIQUE(project, key));
CREATE INDEX value_expires ON value(expires_at) WHERE expires_at IS NOT NULL;
PRAGMA user_version = 2;
";

const THIRD: &str = "
CREATE TABLE connection(project TEXT NOT NULL, topic TEXT NOT NULL, id BLOB NOT NULL,
    PRIMARY KEY(project, topic, id)) WITHOUT ROWID;
CREATE TABLE file(number INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, path TEXT NOT NULL,
    object BLOB NOT NULL, size INTEGER NOT NULL, content_type TEXT NOT NULL, uploaded_at INTEGER NOT NULL,
    UNIQUE(project, path));
CREATE UNIQUE INDEX file_object ON file(object);
PRAGMA user_version = 3;
";

/// Makes a connection the writer's: durable commits, and space that can be given back.
pub(super) fn prepare(conn: &Connection) -> Result<()> {
    let unreadable = |error| at_opening("cannot read the store", error);
    let mode = settle_in(conn).map_err(unreadable)?;
    if mode != "wal" {
        return Err(refused(format!(
            "the store cannot keep a write-ahead log here (its journal mode is {mode}): \
             the home must be on a local disk that is writable and shared with no other machine"
        )));
    }
    Ok(())
}

/// Makes the tables, or those that the file's version does not have.
pub(super) fn bring_up_to_date(conn: &Connection) -> Result<()> {
    let outdated = |error| at_opening("cannot bring the store to this version's format", error);
    let version = conn.pragma_query_value(None, "user_version", |row| row.get(0));
    match version.map_err(|error| at_opening("cannot read the store", error))? {
        0 => step(conn, &[FIRST, SECOND, THIRD]).map_err(|error| at_opening("cannot create the store", error)),
        1 => step(conn, &[SECOND, THIRD]).map_err(outdated),
        2 => step(conn, &[THIRD]).map_err(outdated),
        VERSION => Ok(()),
        newer => Err(refused(format!(
            "the store was written by a newer version of Less (its format is {newer}, this one knows {VERSION}): \
             use that version, or another home"
        ))),
    }
}

/// Which journal mode it is in.
fn settle_in(conn: &Connection) -> Sql<String> {
    conn.busy_timeout(BUSY_FOR)?;
    // Before the first table, else it takes a VACUUM to change; and never again, for it is written each time.
    if conn.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))? == 0 {
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "cache_size", -16_384)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    Ok(mode)
}

/// In one transaction.
fn step(conn: &Connection, statements: &[&str]) -> Sql<()> {
    let tx = conn.unchecked_transaction()?;
    statements.iter().try_for_each(|statements| tx.execute_batch(statements))?;
    tx.commit()
}

/// Looks at what recovery left after a crash.
pub(super) fn check(conn: &Connection) -> Result<()> {
    let found = sound(conn).map_err(|error| at_opening("cannot check the store", error))?;
    if found == "ok" {
        return Ok(());
    }
    Err(damaged(&found))
}

fn sound(conn: &Connection) -> Sql<String> {
    let pages: i64 = conn.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page: i64 = conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
    if pages * page > CHECKED_BYTES {
        return Ok("ok".to_owned());
    }
    conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_without_a_write_ahead_log_is_refused() {
        let why = prepare(&Connection::open_in_memory().unwrap()).unwrap_err();
        let why = std::error::Error::source(&why).unwrap().to_string();
        assert!(why.contains("local disk"), "{why}");
    }
}
