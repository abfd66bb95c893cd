//! How values change, on the writer thread: each change in one transaction with the message that tells of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Row};
use tracing::warn;

use super::value;
use crate::embedded::batch::Batch;
use crate::embedded::failure::{Fatal, Reach, Sql, reach};
use crate::embedded::writer::{TRY_AGAIN, Writer};
use crate::values::{Behalf, Effect, Event, Kept, effect};
use crate::{Change, Changed, Timestamp, Value};

/// Values that one transaction lets expire…
const PIECE: usize = 500;
/// …and the bytes after which it takes no further one.
const PIECE_BYTES: usize = 4 << 20;

/// Values that are purged in one transaction: whatever their length, it is not long.
const PURGED: u32 = 50;

/// The clock may be set: while a value is to expire, it is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// After an expiry that was refused.
const WAIT: Timestamp = 60 * 1000;

impl Writer<'_> {
    /// Part of a transaction, to be run as one.
    pub(in crate::embedded) fn change(&mut self, batch: &mut Batch, change: &Change) -> Sql<Changed> {
        let (now, project) = (self.now(), &change.project);
        let mut live = kept(self.conn, project, &change.key)?;
        if let Some(expired) = live.take_if(|kept| kept.is_expired(now)) {
            self.expire_value(batch, project, &change.key, &expired, now)?;
        }
        let (new, changed) = match effect(&change.operation, live.as_ref()) {
            Effect::Nothing(changed) => return Ok(changed),
            Effect::Delete => {
                delete(self.conn, project, &change.key)?;
                (None, Changed::Deleted { existed: true })
            }
            Effect::Put { json, expires_at } => {
                let version = put(self.conn, project, &change.key, &json, expires_at)?;
                self.expires_next(expires_at);
                (Some(json.clone()), Changed::Done(Value { json, version }))
            }
        };
        let old = live.as_ref().map(|kept| &kept.value.json[..]);
        let event = Event { key: &change.key, old, new: new.as_deref() };
        self.tell_of(batch, project, event, Behalf::of(change), now)?;
        Ok(changed)
    }

    fn expire_value(
        &mut self,
        batch: &mut Batch,
        project: &Arc<str>,
        key: &str,
        expired: &Kept,
        now: Timestamp,
    ) -> Sql<()> {
        delete(self.conn, project, key)?;
        let event = Event { key, old: Some(&expired.value.json), new: None };
        self.tell_of(batch, project, event, Behalf::expiry(), now)
    }

    /// Nobody, where the topic is not deployed.
    fn tell_of(
        &mut self,
        batch: &mut Batch,
        project: &Arc<str>,
        event: Event<'_>,
        behalf: Behalf,
        now: Timestamp,
    ) -> Sql<()> {
        let Some(topic) = self.catalog.deployed(project, event.topic()).cloned() else { return Ok(()) };
        let mut message = event.message(project, behalf, now);
        message.payload = self.shared.lanes.weight.weigh(Vec::from(message.payload));
        batch.told += message.payload.len();
        self.place(batch, topic, Arc::new(message))
    }

    /// Too early does no harm: then nothing is found.
    fn expires_next(&mut self, at: Option<Timestamp>) {
        self.next_expiry = self.next_expiry.into_iter().chain(at).min();
    }

    /// When to look for expired values, if there are any to come.
    pub(in crate::embedded) fn expire_at(&self, now: Instant) -> Option<Instant> {
        let wait = u64::try_from(self.next_expiry?.saturating_sub(self.now())).unwrap_or(0);
        Some(now + Duration::from_millis(wait).min(LOOK_AGAIN))
    }

    /// Deletes values that expired: a piece of them, so that publishers come through.
    pub(in crate::embedded) fn expire_values(&mut self) -> Result<(), Fatal> {
        let now = self.now();
        if self.full_until.is_some() || self.next_expiry.is_none_or(|at| at > now) {
            return Ok(());
        }
        let done = self.transact(|this, batch| this.expire_piece(batch, now));
        match done.and_then(|()| first_expiry(self.conn)) {
            Ok(next) => self.next_expiry = next,
            Err(error) => match reach(&error) {
                Reach::Store => return Err(error.into()),
                Reach::Commit => self.full_until = Some(Instant::now() + TRY_AGAIN),
                Reach::Job => {
                    warn!(%error, "expired values could not be deleted: the store will try again in a minute");
                    self.next_expiry = Some(now.saturating_add(WAIT));
                }
            },
        }
        Ok(())
    }

    fn expire_piece(&mut self, batch: &mut Batch, now: Timestamp) -> Sql<()> {
        let (mut count, mut bytes) = (0, 0);
        while count < PIECE
            && bytes < PIECE_BYTES
            && let Some((project, key, expired)) = first_expired(self.conn, now)?
        {
            self.expire_value(batch, &project.into(), &key, &expired, now)?;
            count += 1;
            bytes += expired.value.json.len();
        }
        Ok(())
    }

    /// Deletes a piece of what a project had `up_to` a version, and tells nobody; whether there is more.
    pub(in crate::embedded) fn purge_values(&mut self, project: &str, up_to: i64) -> Sql<bool> {
        let deleted = self.transact(|this, _| {
            let mut delete = this.conn.prepare_cached(
                "DELETE FROM value WHERE version IN
                 (SELECT version FROM value WHERE project = ? AND version <= ? LIMIT ?)",
            )?;
            delete.execute((project, up_to, PURGED))
        })?;
        Ok(deleted == PURGED as usize)
    }
}

/// When the next value expires.
pub(in crate::embedded) fn first_expiry(conn: &Connection) -> Sql<Option<Timestamp>> {
    conn.prepare_cached("SELECT min(expires_at) FROM value WHERE expires_at IS NOT NULL")?
        .query_row([], |row| row.get(0))
}

/// The newest version that a value has.
pub(in crate::embedded) fn last_version(conn: &Connection) -> Sql<i64> {
    conn.query_row("SELECT coalesce(max(version), 0) FROM value", [], |row| row.get(0))
}

fn kept(conn: &Connection, project: &str, key: &str) -> Sql<Option<Kept>> {
    let mut query = conn.prepare_cached("SELECT version, json, expires_at FROM value WHERE project = ? AND key = ?")?;
    query.query_row((project, key), read).optional()
}

fn first_expired(conn: &Connection, now: Timestamp) -> Sql<Option<(String, String, Kept)>> {
    let mut query = conn.prepare_cached(
        "SELECT version, json, expires_at, project, key FROM value WHERE expires_at <= ? ORDER BY expires_at LIMIT 1",
    )?;
    query.query_row([now], |row| Ok((row.get(3)?, row.get(4)?, read(row)?))).optional()
}

/// Reads `version, json, expires_at`.
fn read(row: &Row<'_>) -> Sql<Kept> {
    Ok(Kept { value: value(row)?, expires_at: row.get(2)? })
}

/// In place of what is there; returns the version.
fn put(conn: &Connection, project: &str, key: &str, json: &[u8], expires_at: Option<Timestamp>) -> Sql<u64> {
    let mut replace =
        conn.prepare_cached("INSERT OR REPLACE INTO value(project, key, json, expires_at) VALUES(?, ?, ?, ?)")?;
    replace.insert((project, key, json, expires_at)).map(i64::unsigned_abs)
}

fn delete(conn: &Connection, project: &str, key: &str) -> Sql<()> {
    conn.prepare_cached("DELETE FROM value WHERE project = ? AND key = ?")?.execute((project, key)).map(drop)
}
