//! Where a message goes when it is published: on disk as one row or as several, in memory to the subscribers
//! who have room. Anything inside a transaction may publish; memory follows after the commit.

use std::sync::Arc;

use uuid::Uuid;

use super::batch::{Batch, NO_MESSAGE, alone};
use super::catalog::{Member, Topic};
use super::failure::{Reach, Sql, reach};
use super::inbox::Publishing;
use super::once::Once;
use super::recent::Recent;
use super::rows::{Key, is_long};
use super::schema::BEHIND;
use super::writer::Writer;
use crate::{Delivery, Error, Message, SubscriberId, Timestamp};

/// A message that was written.
#[derive(Debug)]
pub(super) struct Place {
    seq: i64,
    message: Arc<Message>,
    topic: Arc<Topic>,
    due_at: Timestamp,
    /// A row of `recent`, or one of `message` with its deliveries.
    recent: bool,
    /// The bits of those whose delivery is handed over from memory.
    reserved: u64,
    /// Those for whom another one with its ordering key is before it.
    behind: Vec<SubscriberId>,
}

impl Writer<'_> {
    /// A publish as it was asked for. What stands against it alone is its answer, not an error.
    pub(super) fn publish(&mut self, batch: &mut Batch, publishing: &Publishing) -> Sql<crate::Result<Uuid>> {
        let message = &publishing.message;
        let Some(topic) = self.catalog.deployed(&message.project, &message.topic).cloned() else {
            let (project, topic) = (message.project.to_string(), message.topic.to_string());
            return Ok(Err(Error::UnknownTopic { project, topic }));
        };
        match self.once(batch, topic.id, publishing) {
            Ok(Once::First) => {}
            Ok(Once::Repeat(id)) => return Ok(Ok(id)),
            Ok(Once::TooLate) => return Ok(Err(Error::Settled)),
            Err(error) => return self.refuse(None, publishing, error),
        }
        match self.place(batch, Arc::clone(&topic), Arc::clone(message)) {
            Ok(()) => Ok(Ok(message.id)),
            Err(error) => self.refuse(Some(topic.id), publishing, error),
        }
    }

    /// `key_of`: the topic in which the idempotency key was recorded.
    fn refuse<T>(
        &mut self,
        key_of: Option<i64>,
        publishing: &Publishing,
        error: rusqlite::Error,
    ) -> Sql<crate::Result<T>> {
        if reach(&error) == Reach::Job {
            self.forget_once(key_of, publishing)?;
        }
        alone(NO_MESSAGE, Err(error))
    }

    /// Writes a message for everybody who subscribes to the topic now.
    pub(super) fn place(&mut self, batch: &mut Batch, topic: Arc<Topic>, message: Arc<Message>) -> Sql<()> {
        let seq = self.next_seq;
        self.next_seq += 1;
        let (bytes, now) = (message.payload.len(), self.now());
        let (due_at, behind) = (message.due_at(now), self.behind(&topic.audience, &message)?);
        let reserved = if due_at > now { 0 } else { topic.audience.reserve(bytes, &behind) };
        let lasts = message.delayed_until.is_some() || message.ordering_key.is_some();
        let in_memory = !lasts && topic.audience.fits_in(reserved) && self.recent.has_room(bytes);
        let recent = in_memory || topic.audience.members.is_empty();
        let place = Place { seq, message, topic, due_at, recent, reserved, behind };
        match self.write_message(&place) {
            Ok(()) => batch.placed.push(place),
            Err(error) => {
                place.cancel();
                return Err(error);
            }
        }
        Ok(())
    }

    fn write_message(&mut self, place: &Place) -> Sql<()> {
        let &Place { seq, due_at, ref topic, ref message, .. } = place;
        let audience = &topic.audience;
        if place.recent && !is_long(&message.payload) {
            return self.rows.add_recent(seq, &audience.pending, topic.id, message);
        }
        self.rows.together(|rows| {
            if place.recent {
                return rows.add_recent(seq, &audience.pending, topic.id, message);
            }
            rows.payload(seq, &message.payload)?;
            rows.add_message(seq, audience.members.len() as i64, topic.id, message)?;
            for subscriber in audience.members.iter().map(|member| member.id) {
                if let Some(key) = &message.ordering_key {
                    rows.insert_ordered.execute((subscriber.0, &key[..], seq))?;
                }
                let due_at = if place.behind.contains(&subscriber) { BEHIND } else { due_at };
                rows.add_delivery(Key { subscriber, due_at, seq }, 0, false)?;
            }
            Ok(())
        })
    }

    pub(super) fn follow_place(&mut self, place: Place) {
        let Place { seq, message, topic, due_at, recent, reserved, behind } = place;
        if message.delayed_until.is_some() {
            let first = topic.audience.members.iter().filter(|member| !behind.contains(&member.id));
            first.for_each(|member| member.lane.wait_until(due_at));
        }
        if !topic.audience.fits_in(reserved) {
            self.loaded.add(seq, &message); // others are to read it soon
        }
        let Self { held, touched, .. } = self;
        for member in topic.audience.among(reserved) {
            if !recent {
                held.insert((member.id, seq));
            }
            if member.lane.push(first_attempt(seq, due_at, member, &message)) {
                touched.push(Arc::clone(&member.lane));
            }
        }
        match (recent, reserved) {
            (false, _) => {}
            (true, 0) => self.spent.push((seq, is_long(&message.payload))),
            (true, pending) => self.recent.insert(seq, Recent { message, topic, due_at, pending }),
        }
    }
}

impl Place {
    /// Gives the room back that was reserved.
    pub(super) fn cancel(&self) {
        let bytes = self.message.payload.len();
        self.topic.audience.among(self.reserved).for_each(|member| member.lane.cancel(bytes));
    }
}

fn first_attempt(seq: i64, due_at: Timestamp, member: &Member, message: &Arc<Message>) -> Delivery {
    let expires_at = message.expires_at(member.retention);
    let (subscriber, message) = (member.id, Arc::clone(message));
    Delivery { subscriber, seq, due_at, attempt: 1, alone: false, expires_at, message }
}
