//! Deliveries with an ordering key: of each key the first alone has a time at which it is due. The others
//! wait [`BEHIND`] it until it is over; then the next one is handed over from memory, if there is room.

use std::sync::Arc;

use super::batch::Batch;
use super::catalog::Audience;
use super::failure::Sql;
use super::rows::{Key, Waiting, is_long};
use super::schema::BEHIND;
use super::writer::Writer;
use crate::topics::due_at;
use crate::{Delivery, Message, Reason, SubscriberId, Timestamp};

/// Expired ones of one key that one settlement buries at most.
const BURIED: usize = 500;

/// Payloads that one commit loads for those that begin with it: later ones are found on disk.
const LOADED: usize = 4 << 20;

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
        let now = self.now();
        let mut buried = 0;
        while let Some(seq) = self.rows.first_ordered(subscriber, key)? {
            let behind = Waiting { key: Key { subscriber, due_at: BEHIND, seq }, attempts: 0, alone: false };
            if batch.loaded > LOADED {
                return self.begin_on_disk(batch, behind.key);
            }
            let Some(mut next) = self.load(behind)? else { return Ok(()) };
            // A long row of expired ones is not to take a commit each.
            if next.expires_at <= now && buried < BURIED && self.bury_behind(batch, &next, behind.key, now)? {
                buried += 1;
                self.rows.delete_ordered.execute((subscriber.0, key, seq))?;
                continue;
            }
            next.due_at = next.message.due_at(now);
            // Not there: it is due already, and another one than the first is over.
            if self.rows.move_to(behind.key, next.due_at)? {
                batch.loaded += next.message.payload.len();
                batch.next.push(next);
            }
            return Ok(());
        }
        Ok(())
    }

    /// As `begin_next`, without a look at the message: its subscriber reads it when it is due.
    fn begin_on_disk(&mut self, batch: &mut Batch, behind: Key) -> Sql<()> {
        let Some((published_at, delayed_until)) = self.rows.times(behind.seq)? else { return Ok(()) };
        let due_at = due_at(published_at, delayed_until, self.now());
        if self.rows.move_to(behind, due_at)? {
            batch.next_on_disk.push((behind.subscriber, due_at));
        }
        Ok(())
    }

    /// Buries one that was never due. False when it is not there: it is due, or gone.
    fn bury_behind(&mut self, batch: &mut Batch, next: &Delivery, key: Key, now: Timestamp) -> Sql<bool> {
        let owner = self.catalog.subscriber(key.subscriber).map(|known| Arc::clone(&known.owner));
        let Some(owner) = owner else { return Ok(false) };
        let found = self.rows.take_delivery(key)?;
        if found {
            self.rows.bury(&owner, key, &next.message, Reason::Expired, now)?;
            batch.count(key.seq, is_long(&next.message.payload));
        }
        Ok(found)
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

    pub(super) fn follow_next_on_disk(&self, subscriber: SubscriberId, due_at: Timestamp) {
        self.shared.lanes.get(subscriber).iter().for_each(|lane| lane.wait_until(due_at));
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
