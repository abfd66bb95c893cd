//! Where a message goes when it is published: on disk as one row or as several, in memory to the subscribers
//! who have room. Anything inside a transaction may publish; memory follows after the commit.

use std::sync::Arc;

use uuid::Uuid;

use super::batch::{Batch, alone};
use super::catalog::{Member, Topic};
use super::failure::Sql;
use super::inbox::Publishing;
use super::recent::Recent;
use super::rows::{Key, is_long};
use super::writer::Writer;
use crate::{Delivery, Error, Message, Timestamp};

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
}

impl Writer<'_> {
    /// A publish as it was asked for. What stands against it alone is its answer, not an error.
    pub(super) fn publish(&mut self, batch: &mut Batch, publishing: &Publishing) -> Sql<crate::Result<Uuid>> {
        let message = &publishing.message;
        let Some(topic) = self.catalog.deployed(&message.project, &message.topic).cloned() else {
            let (project, topic) = (message.project.to_string(), message.topic.to_string());
            return Ok(Err(Error::UnknownTopic { project, topic }));
        };
        let done = self.place(batch, topic, Arc::clone(message)).map(|()| message.id);
        alone("the message was not stored", done)
    }

    /// Writes a message for everybody who subscribes to the topic now.
    pub(super) fn place(&mut self, batch: &mut Batch, topic: Arc<Topic>, message: Arc<Message>) -> Sql<()> {
        let seq = self.next_seq;
        self.next_seq += 1;
        let (bytes, due_at) = (message.payload.len(), message.published_at.min(self.now()));
        let reserved = topic.audience.reserve(bytes);
        let recent = topic.audience.fits_in(reserved) && self.recent.has_room(bytes);
        let place = Place { seq, message, topic, due_at, recent, reserved };
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
            for member in &audience.members {
                rows.add_delivery(Key { subscriber: member.id, due_at, seq }, 0, false)?;
            }
            Ok(())
        })
    }

    pub(super) fn follow_place(&mut self, place: Place) {
        let Place { seq, message, topic, due_at, recent, reserved } = place;
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
