//! The statements of the hot path, prepared once. What they mean is told in `schema`.

use rusqlite::{Connection, OptionalExtension, PrepFlags, Row, Statement, params};
use uuid::Uuid;

use super::failure::{Reach, Sql, reach};
use super::schema::INLINE;
use crate::{Message, Origin, Reason, SubscriberId, Timestamp};

/// Names a row of `delivery`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) subscriber: SubscriberId,
    pub(super) due_at: Timestamp,
    pub(super) seq: i64,
}

/// A row of `delivery`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) key: Key,
    pub(super) attempts: u32,
    pub(super) alone: bool,
}

/// A message as it is kept: without the names of its project and topic.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) topic: i64,
    pub(super) id: Uuid,
    pub(super) trace: Uuid,
    pub(super) cause: Option<Uuid>,
    pub(super) published_at: Timestamp,
    pub(super) delayed_until: Option<Timestamp>,
    pub(super) ordering_key: Option<String>,
    pub(super) payload: Vec<u8>,
}

macro_rules! statements {
    ($($name:ident: $sql:literal,)*) => {
        /// Each statement's name and text.
        #[cfg(test)]
        pub(super) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $sql),)*];

        pub(super) struct Rows<'c> { conn: &'c Connection, $(pub(super) $name: Statement<'c>,)* }

        impl<'c> Rows<'c> {
            pub(super) fn prepare(conn: &'c Connection) -> Sql<Self> {
                // Kept for as long as the store: without the flag so many of them leave SQLite's small allocations no
                // quick memory, which costs every statement.
                let flags = PrepFlags::SQLITE_PREPARE_PERSISTENT;
                Ok(Self { conn, $($name: conn.prepare_with_flags($sql, flags)?,)* })
            }
        }
    };
}

statements! {
    begin: "BEGIN IMMEDIATE",
    commit: "COMMIT",
    savepoint: "SAVEPOINT job",
    release: "RELEASE job",
    insert_recent: "INSERT INTO recent(seq, pending, topic, id, trace, cause, published_at, payload)
        VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
    update_recent: "UPDATE recent SET pending = ?2 WHERE seq = ?1",
    delete_recent: "DELETE FROM recent WHERE seq BETWEEN ? AND ?",
    insert_message: "INSERT INTO message(seq, left, topic, id, trace, cause, published_at, payload, delayed_until,
        ordering_key) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    select_message: "SELECT topic, id, trace, cause, published_at, payload, delayed_until, ordering_key
        FROM message WHERE seq = ?",
    times: "SELECT published_at, delayed_until FROM message WHERE seq = ?",
    finish_message: "DELETE FROM message WHERE seq = ? AND left <= ?",
    count_down: "UPDATE message SET left = left - ?2 WHERE seq = ?1",
    insert_body: "INSERT INTO body(seq, payload) VALUES(?, ?)",
    select_body: "SELECT payload FROM body WHERE seq = ?",
    delete_body: "DELETE FROM body WHERE seq = ?",
    insert_delivery: "INSERT INTO delivery(subscriber, due_at, seq, attempts, alone) VALUES(?, ?, ?, ?, ?)",
    delete_delivery: "DELETE FROM delivery WHERE subscriber = ? AND due_at = ? AND seq = ?",
    run_alone: "UPDATE delivery SET alone = 1 WHERE subscriber = ? AND due_at = ? AND seq = ?",
    move_delivery: "UPDATE delivery SET due_at = ?4 WHERE subscriber = ?1 AND due_at = ?2 AND seq = ?3",
    waiting: "SELECT due_at, seq, attempts, alone FROM delivery WHERE subscriber = ? ORDER BY due_at, seq",
    untried: "SELECT due_at, seq, attempts, alone FROM delivery WHERE subscriber = ? AND (due_at, seq) > (?, ?)
        AND due_at <= ? ORDER BY due_at, seq LIMIT ?",
    tried: "SELECT due_at, seq, attempts, alone FROM delivery WHERE subscriber = ? AND attempts > 0 AND seq > ?
        ORDER BY seq LIMIT ?",
    up_to: "SELECT due_at, seq, attempts, alone FROM delivery WHERE subscriber = ? AND seq <= ?
        ORDER BY due_at DESC, seq DESC LIMIT ?",
    insert_error: "INSERT OR REPLACE INTO attempt_error(seq, subscriber, attempt, at, error) VALUES(?, ?, ?, ?, ?)",
    delete_errors: "DELETE FROM attempt_error WHERE seq = ? AND subscriber = ?",
    insert_dead: "INSERT INTO dead_letter(project, seq, subscriber, reason, buried_at, id, trace, cause,
        published_at, payload, delayed_until, ordering_key) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    oldest_dead: "SELECT number, seq, subscriber FROM dead_letter WHERE number IN
        (SELECT number FROM dead_letter ORDER BY number LIMIT ?2) AND buried_at <= ?1",
    dead_of: "SELECT number, seq, subscriber FROM dead_letter WHERE project = ? AND seq <= ? LIMIT ?",
    delete_dead: "DELETE FROM dead_letter WHERE number = ?",
    insert_ordered: "INSERT INTO ordered(subscriber, key, seq) VALUES(?, ?, ?)",
    select_ordered: "SELECT seq FROM ordered WHERE subscriber = ? AND key = ? ORDER BY seq LIMIT 1",
    delete_ordered: "DELETE FROM ordered WHERE subscriber = ? AND key = ? AND seq = ?",
    ordering_key: "SELECT ordering_key FROM message WHERE seq = ?",
    insert_key: "INSERT OR REPLACE INTO idempotency(topic, key, id, until) VALUES(?, ?, ?, ?)",
    select_key: "SELECT id FROM idempotency WHERE topic = ? AND key = ? AND until > ?",
    delete_key: "DELETE FROM idempotency WHERE topic = ? AND key = ?",
    old_keys: "SELECT topic, key FROM idempotency WHERE until <= ? ORDER BY until LIMIT ?",
    keys_of: "SELECT topic, key FROM idempotency WHERE topic = ? AND until <= ? LIMIT ?",
    insert_origin: "INSERT OR IGNORE INTO origin(seq, subscriber, hash, nth, id) VALUES(?, ?, ?, ?, ?)",
    select_origin: "SELECT id FROM origin WHERE seq = ? AND subscriber = ? AND hash = ? AND nth = ?",
    delete_origin: "DELETE FROM origin WHERE seq = ? AND subscriber = ? AND hash = ? AND nth = ?",
    delete_origins: "DELETE FROM origin WHERE seq = ? AND subscriber = ?",
    is_tried: "SELECT 1 FROM delivery INDEXED BY tried WHERE subscriber = ? AND seq = ? AND attempts > 0",
    is_waiting: "SELECT 1 FROM delivery WHERE subscriber = ? AND due_at = ? AND seq = ?",
}

impl Rows<'_> {
    /// Nothing of it stays unless `SQLite` itself took it back already.
    pub(super) fn rollback(&self) -> Sql<()> {
        if self.conn.is_autocommit() {
            return Ok(());
        }
        self.conn.execute_batch("ROLLBACK")
    }

    /// Runs several statements as one: if they fail for reasons of their own, nothing of them stays.
    pub(super) fn together<T>(&mut self, run: impl FnOnce(&mut Self) -> Sql<T>) -> Sql<T> {
        self.savepoint.execute([])?;
        let done = run(self);
        self.end_together(&done)?;
        done
    }

    /// Ends what a `savepoint` began.
    pub(super) fn end_together<T>(&mut self, done: &Sql<T>) -> Sql<()> {
        match done {
            Ok(_) => drop(self.release.execute([])?),
            Err(error) if reach(error) == Reach::Job => self.conn.execute_batch("ROLLBACK TO job; RELEASE job")?,
            Err(_) => {} // the whole transaction is lost
        }
        Ok(())
    }

    pub(super) fn add_recent(&mut self, seq: i64, pending: &[u8], topic: i64, message: &Message) -> Sql<()> {
        let (id, trace, cause) = (message.id.as_bytes(), message.trace.as_bytes(), message.cause.map(Uuid::into_bytes));
        let payload = self.payload(seq, &message.payload)?;
        self.insert_recent.execute((seq, pending, topic, id, trace, cause, message.published_at, payload))?;
        Ok(())
    }

    /// The payload's body, if it has one, is there already when the message was `recent`.
    pub(super) fn add_message(&mut self, seq: i64, left: i64, topic: i64, message: &Message) -> Sql<()> {
        let (id, trace, cause) = (message.id.as_bytes(), message.trace.as_bytes(), message.cause.map(Uuid::into_bytes));
        let payload = inline(&message.payload);
        let Message { published_at, delayed_until, ref ordering_key, .. } = *message;
        let row = (seq, left, topic, id, trace, cause, published_at, payload, delayed_until, ordering_key.as_deref());
        self.insert_message.execute(row)?;
        Ok(())
    }

    /// What the message's own row keeps of the payload; a long one goes to `body`.
    pub(super) fn payload<'p>(&mut self, seq: i64, payload: &'p [u8]) -> Sql<Option<&'p [u8]>> {
        let inline = inline(payload);
        if inline.is_none() {
            self.insert_body.execute((seq, payload))?;
        }
        Ok(inline)
    }

    pub(super) fn add_delivery(&mut self, key: Key, attempts: u32, alone: bool) -> Sql<()> {
        self.insert_delivery.execute((key.subscriber.0, key.due_at, key.seq, attempts, alone))?;
        Ok(())
    }

    /// False when it is not there any more.
    pub(super) fn take_delivery(&mut self, key: Key) -> Sql<bool> {
        Ok(self.delete_delivery.execute((key.subscriber.0, key.due_at, key.seq))? == 1)
    }

    /// False when it is not there any more.
    pub(super) fn move_to(&mut self, key: Key, due_at: Timestamp) -> Sql<bool> {
        Ok(self.move_delivery.execute((key.subscriber.0, key.due_at, key.seq, due_at))? == 1)
    }

    /// Counts `settled` deliveries of a message down; the last takes the message along.
    pub(super) fn settle_message(&mut self, seq: i64, settled: i64, long: bool) -> Sql<()> {
        if self.finish_message.execute((seq, settled))? == 0 {
            self.count_down.execute((seq, settled))?;
        } else if long {
            self.delete_body.execute([seq])?;
        }
        Ok(())
    }

    pub(super) fn message(&mut self, seq: i64) -> Sql<Option<Kept>> {
        let Some((mut kept, inline)) = self.select_message.query_row([seq], kept).optional()? else { return Ok(None) };
        kept.payload = match inline {
            Some(payload) => payload,
            None => self.select_body.query_row([seq], |row| row.get(0))?,
        };
        Ok(Some(kept))
    }

    /// When it was published, and until when it is delayed.
    pub(super) fn times(&mut self, seq: i64) -> Sql<Option<(Timestamp, Option<Timestamp>)>> {
        self.times.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    }

    /// The first unsettled delivery with an ordering key.
    pub(super) fn first_ordered(&mut self, subscriber: SubscriberId, key: &str) -> Sql<Option<i64>> {
        self.select_ordered.query_row((subscriber.0, key), |row| row.get(0)).optional()
    }

    pub(super) fn ordering_key(&mut self, seq: i64) -> Sql<Option<String>> {
        Ok(self.ordering_key.query_row([seq], |row| row.get(0)).optional()?.flatten())
    }

    /// The message that an idempotency key has made already.
    pub(super) fn made_by(&mut self, topic: i64, key: &str, now: Timestamp) -> Sql<Option<Uuid>> {
        self.select_key.query_row((topic, key, now), |row| row.get(0).map(Uuid::from_bytes)).optional()
    }

    /// False when it is there.
    pub(super) fn add_origin(&mut self, origin: &Origin, id: Uuid) -> Sql<bool> {
        let Origin { subscriber, seq, hash, nth } = origin;
        Ok(self.insert_origin.execute((seq, subscriber.0, hash, nth, id.as_bytes()))? == 1)
    }

    /// The message that an origin has published already.
    pub(super) fn made_in(&mut self, origin: &Origin) -> Sql<Option<Uuid>> {
        let Origin { subscriber, seq, hash, nth } = origin;
        self.select_origin.query_row((seq, subscriber.0, hash, nth), |row| row.get(0).map(Uuid::from_bytes)).optional()
    }

    /// `owner`: whose dead letter it is.
    pub(super) fn bury(&mut self, owner: &str, key: Key, message: &Message, reason: Reason, at: Timestamp) -> Sql<()> {
        self.insert_dead.execute(params![
            owner,
            key.seq,
            key.subscriber.0,
            reason_number(reason),
            at,
            message.id.as_bytes(),
            message.trace.as_bytes(),
            message.cause.map(Uuid::into_bytes),
            message.published_at,
            &message.payload[..],
            message.delayed_until,
            message.ordering_key.as_deref(),
        ])?;
        Ok(())
    }
}

pub(super) fn is_long(payload: &[u8]) -> bool {
    payload.len() > INLINE
}

fn inline(payload: &[u8]) -> Option<&[u8]> {
    (!is_long(payload)).then_some(payload)
}

fn kept(row: &Row<'_>) -> Sql<(Kept, Option<Vec<u8>>)> {
    let kept = Kept {
        topic: row.get(0)?,
        id: Uuid::from_bytes(row.get(1)?),
        trace: Uuid::from_bytes(row.get(2)?),
        cause: row.get::<_, Option<_>>(3)?.map(Uuid::from_bytes),
        published_at: row.get(4)?,
        delayed_until: row.get(6)?,
        ordering_key: row.get(7)?,
        payload: Vec::new(),
    };
    Ok((kept, row.get(5)?))
}

/// Reads `due_at, seq, attempts, alone`.
pub(super) fn waiting(subscriber: SubscriberId, row: &Row<'_>) -> Sql<Waiting> {
    let key = Key { subscriber, due_at: row.get(0)?, seq: row.get(1)? };
    Ok(Waiting { key, attempts: row.get(2)?, alone: row.get(3)? })
}

fn reason_number(reason: Reason) -> i64 {
    match reason {
        Reason::Expired => 1,
        Reason::Exhausted => 2,
        Reason::Refused => 3,
    }
}

pub(super) fn reason(number: i64) -> Reason {
    match number {
        1 => Reason::Expired,
        2 => Reason::Exhausted,
        _ => Reason::Refused,
    }
}
