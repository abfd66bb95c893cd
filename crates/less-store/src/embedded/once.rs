//! What makes a publish a repeat of an earlier one: its idempotency key, or the delivery whose handler publishes.

use rusqlite::params;
use uuid::Uuid;

use super::batch::{Batch, Becomes};
use super::failure::Sql;
use super::inbox::Publishing;
use super::schema::BEHIND;
use super::writer::Writer;
use crate::clock::millis;
use crate::topics::SAME_KEY_FOR;
use crate::{Origin, SubscriberId};

/// Whether a publish is to be written.
pub(super) enum Once {
    First,
    /// It repeats the one that made this message.
    Repeat(Uuid),
    /// The delivery that publishes is settled.
    TooLate,
}

impl Writer<'_> {
    /// Looks, and makes a record in which later repeats find this one.
    pub(super) fn once(&mut self, batch: &Batch, topic: i64, publishing: &Publishing) -> Sql<Once> {
        let Publishing { message, idempotency_key, origin } = publishing;
        if let Some(origin) = origin
            && !self.is_unsettled(batch, origin.subscriber, origin.seq)?
        {
            return Ok(Once::TooLate);
        }
        let earlier = match idempotency_key {
            Some(key) => self.rows.made_by(topic, key, self.now())?,
            None => None,
        };
        let id = earlier.unwrap_or(message.id);
        if let Some(origin) = origin {
            // The record outlives that of the key: it lasts as long as the delivery.
            if !self.rows.add_origin(origin, id)? {
                return Ok(self.rows.made_in(origin)?.map_or(Once::First, Once::Repeat));
            }
            self.origins.insert((origin.subscriber, origin.seq));
        }
        if let (None, Some(key)) = (earlier, idempotency_key) {
            let until = self.now().saturating_add(millis(SAME_KEY_FOR));
            self.rows.insert_key.execute((topic, key, id.as_bytes(), until))?;
        }
        Ok(earlier.map_or(Once::First, Once::Repeat))
    }

    /// The publish that `once` has recorded was refused.
    pub(super) fn forget_once(&mut self, key_of: Option<i64>, publishing: &Publishing) -> Sql<()> {
        if let (Some(topic), Some(key)) = (key_of, &publishing.idempotency_key) {
            self.rows.delete_key.execute((topic, key))?;
        }
        if let Some(Origin { subscriber, seq, hash, nth }) = &publishing.origin {
            self.rows.delete_origin.execute(params![seq, subscriber.0, hash, nth])?;
        }
        Ok(())
    }

    /// As far as this transaction has come.
    fn is_unsettled(&mut self, batch: &Batch, subscriber: SubscriberId, seq: i64) -> Sql<bool> {
        if let Some(recent) = self.recent.get(seq) {
            let Some(bit) = recent.audience().bit(subscriber) else { return Ok(false) };
            match batch.recent.get(&seq) {
                None => return Ok(recent.pending & bit != 0),
                Some(Becomes::Pending(pending)) => return Ok(pending & bit != 0),
                Some(Becomes::Rows(pending)) if pending & bit == 0 => return Ok(false),
                Some(Becomes::Rows(_)) => return Ok(!batch.over.contains(&(subscriber, seq))),
            }
        }
        if self.held.contains(&(subscriber, seq)) {
            return Ok(!batch.over.contains(&(subscriber, seq)));
        }
        self.is_on_disk(subscriber, seq)
    }

    /// One that nobody holds: an attempt that ran out of its time publishes late. It waits for a retry, or
    /// came back unchanged; else it is settled.
    fn is_on_disk(&mut self, subscriber: SubscriberId, seq: i64) -> Sql<bool> {
        if self.rows.is_tried.exists((subscriber.0, seq))? {
            return Ok(true);
        }
        let Some(kept) = self.rows.message(seq)? else { return Ok(false) };
        for due_at in [kept.published_at, kept.delayed_until.unwrap_or(BEHIND)] {
            if self.rows.is_waiting.exists((subscriber.0, due_at, seq))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A delivery is over: what it published need not be remembered. Few have published anything.
    pub(super) fn forget_origin(&mut self, subscriber: SubscriberId, seq: i64, attempt: u32) -> Sql<()> {
        if attempt > 1 || seq < self.first_seq || self.origins.contains(&(subscriber, seq)) {
            self.rows.delete_origins.execute((seq, subscriber.0))?;
        }
        Ok(())
    }
}
