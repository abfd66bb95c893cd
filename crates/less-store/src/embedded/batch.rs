//! One commit: what queued is written in one transaction; once that is durable, memory follows.
//!
//! Until the commit only the `Batch` knows of it, apart from the room that was reserved in the lanes. So
//! a failed one gives that back and leaves memory as the disk is: its publishers are told, its
//! settlements are carried over to the next.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::catalog::{Member, Topic};
use super::failure::{Fatal, Reach, Sql, reach, tell};
use super::inbox::{Fate, Publish, Settlement};
use super::recent::Recent;
use super::rows::{Key, is_long};
use super::settling::Settled;
use super::writer::{TRY_AGAIN, Writer};
use crate::{Delivery, Error, Message, Timestamp};

/// What a transaction did, for memory to follow.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// One for each publish that was looked at.
    placed: Vec<Placed>,
    /// One for each settlement that was looked at.
    settled: Vec<Settled>,
    pub(super) recent: HashMap<i64, Change>,
    /// How many deliveries of a message are settled, and whether it has a body.
    counted: HashMap<i64, (i64, bool)>,
}

#[derive(Debug)]
enum Placed {
    Refused(Error),
    In(Place),
}

#[derive(Debug)]
struct Place {
    seq: i64,
    topic: Arc<Topic>,
    due_at: Timestamp,
    /// A row of `recent`, or one of `message` with its deliveries.
    recent: bool,
    /// The bits of those whose delivery is handed over from memory.
    reserved: u64,
}

/// What becomes of a row of `recent`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Pending(u64),
    /// It became a row of `message`, and of `delivery` for these.
    Rows(u64),
}

impl Writer<'_> {
    /// Writes, syncs, then hands over and answers. An error means that the store cannot go on.
    pub(super) fn commit(&mut self, publishes: Vec<Publish>, settlements: Vec<Settlement>) -> Result<(), Fatal> {
        if publishes.is_empty() && settlements.is_empty() && self.spent.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::default();
        match self.write(&mut batch, &publishes, &settlements) {
            Ok(()) => {
                self.committed();
                self.follow(batch, publishes, settlements);
                Ok(())
            }
            Err(error) => self.fail(batch, publishes, settlements, Arc::new(error)),
        }
    }

    fn write(&mut self, batch: &mut Batch, publishes: &[Publish], settlements: &[Settlement]) -> Sql<()> {
        self.rows.begin.execute([])?;
        for settlement in settlements {
            let settled = self.settle(batch, settlement)?;
            batch.settled.push(settled);
        }
        for publish in publishes {
            self.publish(batch, &publish.message)?;
        }
        self.write_counts(batch)?;
        self.rows.commit.execute([])?;
        Ok(())
    }

    /// Runs a transaction of its own.
    pub(super) fn transact(&mut self, run: impl FnOnce(&mut Self, &mut Batch) -> Sql<()>) -> Sql<()> {
        let mut batch = Batch::default();
        let done = (|| {
            self.rows.begin.execute([])?;
            run(self, &mut batch)?;
            self.write_counts(&mut batch)?;
            self.rows.commit.execute([]).map(drop)
        })();
        match &done {
            Ok(()) => {
                self.committed();
                self.follow(batch, Vec::new(), Vec::new());
            }
            Err(_) => self.rows.rollback()?,
        }
        done
    }

    fn publish(&mut self, batch: &mut Batch, message: &Arc<Message>) -> Sql<()> {
        let Some(topic) = self.catalog.deployed(&message.project, &message.topic).cloned() else {
            let (project, topic) = (message.project.to_string(), message.topic.to_string());
            batch.placed.push(Placed::Refused(Error::UnknownTopic { project, topic }));
            return Ok(());
        };
        let seq = self.next_seq;
        self.next_seq += 1;
        let (bytes, due_at) = (message.payload.len(), message.published_at.min(self.now()));
        let reserved = topic.audience.reserve(bytes);
        let recent = topic.audience.fits_in(reserved) && self.recent.has_room(bytes);
        let place = Place { seq, topic, due_at, recent, reserved };
        let written = self.write_message(&place, message);
        match written {
            Err(error) if reach(&error) == Reach::Job => {
                place.cancel(message);
                batch.placed.push(Placed::Refused(tell("the message was not stored", &Arc::new(error))));
                Ok(())
            }
            written => {
                batch.placed.push(Placed::In(place));
                written
            }
        }
    }

    fn write_message(&mut self, place: &Place, message: &Message) -> Sql<()> {
        let &Place { seq, due_at, ref topic, .. } = place;
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

    /// Writes what was only counted so far: one statement for each message, fewer for runs of them.
    fn write_counts(&mut self, batch: &mut Batch) -> Sql<()> {
        let mut over = self.spent.clone();
        for (&seq, change) in &batch.recent {
            let (Change::Pending(pending), Some(recent)) = (*change, self.recent.get(seq)) else { continue };
            if pending == 0 {
                over.push((seq, is_long(&recent.message.payload)));
            } else {
                self.rows.update_recent.execute((seq, recent.audience().pending_of(pending)))?;
            }
        }
        for (seq, _) in over.iter().filter(|(_, long)| *long) {
            self.rows.delete_body.execute([seq])?;
        }
        for (first, last) in runs(over.into_iter().map(|(seq, _)| seq).collect()) {
            self.rows.delete_recent.execute((first, last))?;
        }
        for (&seq, &(settled, long)) in &batch.counted {
            self.rows.settle_message(seq, settled, long)?;
        }
        Ok(())
    }

    fn follow(&mut self, batch: Batch, publishes: Vec<Publish>, settlements: Vec<Settlement>) {
        self.spent.clear();
        for (seq, change) in batch.recent {
            self.follow_change(seq, change);
        }
        for (settlement, settled) in settlements.into_iter().zip(batch.settled) {
            self.follow_settlement(settlement, settled);
        }
        let mut room = 0;
        for (publish, placed) in publishes.into_iter().zip(batch.placed) {
            room += publish.cost;
            let answer = self.follow_publish(publish.message, placed);
            publish.answer.send(answer).ok(); // who stopped waiting has still published
        }
        self.shared.inbox.give_room(room);
        self.touched.drain(..).for_each(|lane| lane.announce());
    }

    fn follow_change(&mut self, seq: i64, change: Change) {
        match change {
            Change::Pending(0) => drop(self.recent.remove(seq)),
            Change::Pending(pending) => self.recent.set_pending(seq, pending),
            Change::Rows(pending) => {
                let Some(recent) = self.recent.remove(seq) else { return };
                self.held.extend(recent.audience().among(pending).map(|member| (member.id, seq)));
            }
        }
    }

    fn follow_settlement(&mut self, settlement: Settlement, settled: Settled) {
        let Settlement { mut delivery, fate, .. } = settlement;
        let Some(lane) = self.shared.lanes.get(delivery.subscriber) else { return };
        match (settled, fate) {
            (Settled::Refused, _) | (Settled::Yes, Fate::Release) => lane.put_back(delivery),
            (Settled::Yes, Fate::Alone) => {
                delivery.alone = true;
                lane.put_back(delivery);
            }
            (Settled::Yes, Fate::Again { due_at, .. }) => {
                self.held.remove(&(delivery.subscriber, delivery.seq));
                lane.wait_until(due_at);
            }
            (Settled::Gone, _) | (Settled::Yes, Fate::Done | Fate::Bury { .. }) => {
                self.held.remove(&(delivery.subscriber, delivery.seq));
            }
        }
    }

    fn follow_publish(&mut self, message: Arc<Message>, placed: Placed) -> crate::Result<()> {
        let Place { seq, topic, due_at, recent, reserved } = match placed {
            Placed::Refused(error) => return Err(error),
            Placed::In(place) => place,
        };
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
        Ok(())
    }

    fn fail(
        &mut self,
        batch: Batch,
        publishes: Vec<Publish>,
        settlements: Vec<Settlement>,
        error: Fatal,
    ) -> Result<(), Fatal> {
        self.rows.rollback()?;
        let crowded = !publishes.is_empty();
        self.refuse(batch, publishes, &error);
        if reach(&error) != Reach::Commit {
            return Err(error);
        }
        if crowded {
            // What is settled makes room and may fit alone.
            return self.commit(Vec::new(), settlements);
        }
        self.carried = settlements;
        self.full_until = Some(Instant::now() + TRY_AGAIN);
        Ok(())
    }

    fn refuse(&mut self, batch: Batch, publishes: Vec<Publish>, error: &Fatal) {
        let (mut placed, mut room) = (batch.placed.into_iter(), 0);
        for publish in publishes {
            room += publish.cost;
            let answer = match placed.next() {
                Some(Placed::Refused(error)) => error,
                Some(Placed::In(place)) => {
                    place.cancel(&publish.message);
                    tell("the message was not stored", error)
                }
                None => tell("the message was not stored", error),
            };
            publish.answer.send(Err(answer)).ok(); // nobody waits for it any more
        }
        self.shared.inbox.give_room(room);
    }
}

impl Batch {
    /// One more delivery of this message is settled; `long`: it may have a body.
    pub(super) fn count(&mut self, seq: i64, long: bool) {
        let (settled, has_body) = self.counted.entry(seq).or_default();
        *settled += 1;
        *has_body |= long;
    }

    /// A recent message is over, whoever still has it.
    pub(super) fn drop_recent(&mut self, seq: i64) {
        self.recent.insert(seq, Change::Pending(0));
    }
}

impl Place {
    /// Gives the room back that was reserved.
    fn cancel(&self, message: &Message) {
        self.topic.audience.among(self.reserved).for_each(|member| member.lane.cancel(message.payload.len()));
    }
}

fn first_attempt(seq: i64, due_at: Timestamp, member: &Member, message: &Arc<Message>) -> Delivery {
    let expires_at = message.published_at.saturating_add(member.retention);
    let (subscriber, message) = (member.id, Arc::clone(message));
    Delivery { subscriber, seq, due_at, attempt: 1, alone: false, expires_at, message }
}

/// First and last of each run of neighbours.
fn runs(mut numbers: Vec<i64>) -> Vec<(i64, i64)> {
    numbers.sort_unstable();
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}
