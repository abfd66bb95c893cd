//! Reads deliveries back into memory: the older ones of a backlog, and retries that are due. On the
//! writer thread, after its commits, so that what it reads is settled fact.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::failure::{Fatal, Reach, Sql, reach};
use super::inbox::{Fate, Settlement};
use super::lane::Lane;
use super::rows::{Waiting, waiting};
use super::writer::{TRY_AGAIN, Writer};
use crate::{Delivery, Message, Reason, SubscriberId};

/// Deliveries that one refill reads at most: publishers wait for it.
const READ: usize = 1024;
/// Expired ones that one refill buries at most.
const BURIED: usize = 1000;

/// What a walk over a subscriber's rows found.
struct Found {
    rows: Vec<Waiting>,
    /// All that is due was seen.
    complete: bool,
    next_due: Option<i64>,
}

impl Writer<'_> {
    pub(super) fn refill(&mut self, subscriber: SubscriberId) -> Result<(), Fatal> {
        let Some(lane) = self.shared.lanes.get(subscriber) else { return Ok(()) };
        if self.full_until.is_some() {
            // What is settled cannot be written, so what would be read could not be let go of.
            lane.not_refilled();
            return Ok(());
        }
        let done = self.fill(&lane, subscriber);
        self.touched.drain(..).for_each(|lane| lane.announce());
        match done {
            Err(error) if reach(&error) == Reach::Commit => {
                self.full_until = Some(Instant::now() + TRY_AGAIN);
                lane.not_refilled();
                Ok(())
            }
            done => Ok(done?),
        }
    }

    fn fill(&mut self, lane: &Arc<Lane>, subscriber: SubscriberId) -> Sql<()> {
        let mut found = self.walk(subscriber)?;
        found.complete &= self.read_in(lane, found.rows)?;
        lane.refilled(found.complete, found.next_due);
        Ok(())
    }

    /// The rows that are due and not in memory, as many as could find room.
    fn walk(&mut self, subscriber: SubscriberId) -> Sql<Found> {
        let now = self.now();
        let mut found = Found { rows: Vec::new(), complete: true, next_due: None };
        let mut rows = self.rows.waiting.query([subscriber.0])?;
        while let Some(row) = rows.next()? {
            let row = waiting(subscriber, row)?;
            if row.key.due_at > now {
                found.next_due = Some(row.key.due_at);
                break;
            }
            if self.held.contains(&(subscriber, row.key.seq)) {
                continue;
            }
            if found.rows.len() == READ {
                found.complete = false;
                break;
            }
            found.rows.push(row);
        }
        Ok(found)
    }

    /// False when some had to stay.
    fn read_in(&mut self, lane: &Arc<Lane>, rows: Vec<Waiting>) -> Sql<bool> {
        let (now, mut buried) = (self.now(), 0);
        for row in rows {
            let Some(delivery) = self.load(row)? else { continue };
            if delivery.expires_at <= now {
                self.bury_expired(delivery);
                buried += 1;
                if buried == BURIED {
                    return Ok(false);
                }
                continue;
            }
            if !lane.reserve_older(delivery.message.payload.len()) {
                return Ok(false);
            }
            self.held.insert((delivery.subscriber, delivery.seq));
            if lane.push(delivery) {
                self.touched.push(Arc::clone(lane));
            }
        }
        Ok(true)
    }

    pub(super) fn bury_expired(&mut self, delivery: Delivery) {
        self.held.insert((delivery.subscriber, delivery.seq));
        self.shared.lanes.get(delivery.subscriber).iter().for_each(|lane| lane.begins());
        let fate = Fate::Bury { reason: Reason::Expired, error: None };
        self.carried.push(Settlement { delivery, fate, at: self.now() });
    }

    /// The delivery of a row; none if its message or subscriber is gone.
    pub(super) fn load(&mut self, row: Waiting) -> Sql<Option<Delivery>> {
        let Some(message) = self.message(row.key.seq)? else { return Ok(None) };
        let Some(subscriber) = self.catalog.subscriber(row.key.subscriber) else { return Ok(None) };
        Ok(Some(Delivery {
            subscriber: row.key.subscriber,
            seq: row.key.seq,
            due_at: row.key.due_at,
            attempt: row.attempts.saturating_add(1),
            alone: row.alone,
            expires_at: message.expires_at(subscriber.member.retention),
            message,
        }))
    }

    /// Once in memory for all its subscribers.
    fn message(&mut self, seq: i64) -> Sql<Option<Arc<Message>>> {
        if let Some(message) = self.loaded.get(seq) {
            return Ok(Some(message));
        }
        let Some(kept) = self.rows.message(seq)? else { return Ok(None) };
        let Some(topic) = self.catalog.topic(kept.topic) else { return Ok(None) };
        let message = Arc::new(Message {
            id: kept.id,
            project: Arc::clone(&topic.project),
            topic: Arc::clone(&topic.name),
            payload: self.shared.lanes.weight.weigh(kept.payload),
            trace: kept.trace,
            cause: kept.cause,
            published_at: kept.published_at,
            delayed_until: kept.delayed_until,
            ordering_key: kept.ordering_key.map(Arc::from),
        });
        if topic.audience.members.len() > 1 {
            self.loaded.add(seq, &message);
        }
        Ok(Some(message))
    }
}

/// Messages that were read from disk and that somebody still has.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    by_seq: HashMap<i64, Weak<Message>>,
    /// How many there may be before those are sought that nobody has.
    look_at: usize,
}

impl Loaded {
    fn get(&self, seq: i64) -> Option<Arc<Message>> {
        self.by_seq.get(&seq)?.upgrade()
    }

    pub(super) fn add(&mut self, seq: i64, message: &Arc<Message>) {
        if self.by_seq.len() >= self.look_at {
            self.by_seq.retain(|_, message| message.strong_count() > 0);
            self.look_at = 2 * self.by_seq.len().max(READ);
        }
        self.by_seq.insert(seq, Arc::downgrade(message));
    }
}
