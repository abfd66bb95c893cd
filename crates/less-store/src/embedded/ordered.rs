//! Deliveries with an ordering key: of each key the first alone has a time at which it is due. The others
//! wait [`BEHIND`] it until it is over; then the next one is handed over from memory, if there is room.

use std::sync::Arc;

use super::batch::Batch;
use super::catalog::Audience;
use super::failure::Sql;
use super::rows::{Key, Waiting};
use super::schema::BEHIND;
use super::writer::Writer;
use crate::{Delivery, Message, SubscriberId};

impl Writer<'_> {
    /// Who has another delivery with the message's ordering key before this one.
    pub(super) fn behind(&mut self, audience: &Audience, message: &Message) -> Sql<Vec<SubscriberId>> {
        let mut behind = Vec::new();
        let Some(key) = &message.ordering_key else { return Ok(behind) };
        for member in &audience.members {
            if self.rows.first_ordered(member.id, key)?.is_some() {
                behind.push(member.id);
            }
        }
        Ok(behind)
    }

    /// A delivery is over: the next with its ordering key, if there is one, is due at its time.
    pub(super) fn begin_next(&mut self, batch: &mut Batch, subscriber: SubscriberId, key: &str, seq: i64) -> Sql<()> {
        self.rows.delete_ordered.execute((subscriber.0, key, seq))?;
        let Some(seq) = self.rows.first_ordered(subscriber, key)? else { return Ok(()) };
        let behind = Waiting { key: Key { subscriber, due_at: BEHIND, seq }, attempts: 0, alone: false };
        let Some(mut next) = self.load(behind)? else { return Ok(()) };
        next.due_at = next.message.due_at(self.now());
        // Not there: it is due already, and another one than the first is over.
        if self.rows.move_to(behind.key, next.due_at)? {
            batch.next.push(next);
        }
        Ok(())
    }

    /// As `begin_next`, of a row that is purged; those `up_to` a number are purged as well.
    pub(super) fn skip_to_next(&mut self, batch: &mut Batch, of: Key, up_to: i64) -> Sql<()> {
        let Some(key) = self.rows.ordering_key(of.seq)? else { return Ok(()) };
        self.rows.delete_ordered.execute((of.subscriber.0, &key, of.seq))?;
        match self.rows.first_ordered(of.subscriber, &key)? {
            Some(first) if first > up_to => self.begin_next(batch, of.subscriber, &key, of.seq),
            _ => Ok(()),
        }
    }

    pub(super) fn follow_next(&mut self, next: Delivery) {
        let Some(lane) = self.shared.lanes.get(next.subscriber) else { return };
        let now = self.now();
        if next.expires_at <= now {
            self.bury_expired(next);
        } else if next.due_at <= now && lane.reserve_next(next.message.payload.len()) {
            self.held.insert((next.subscriber, next.seq));
            if lane.push(next) {
                self.touched.push(Arc::clone(&lane));
            }
        } else {
            lane.wait_until(next.due_at);
        }
    }
}
