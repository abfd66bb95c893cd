//! One commit: what queued is written in one transaction; once that is durable, memory follows.
//!
//! Until the commit only the `Batch` knows of it, apart from the room that was reserved in the lanes. So
//! a failed one gives that back and leaves memory as the disk is: its publishers are told, its
//! settlements are carried over to the next.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::failure::{Fatal, Reach, Sql, is_full, reach, tell};
use super::files::{FileChange, FileChanged, Filed};
use super::inbox::{Asked, Fate, Requests, Settlement};
use super::placing::Place;
use super::rows::is_long;
use super::settling::Settled;
use super::writer::{TRY_AGAIN, Writer};
use crate::{Changed, Delivery, SubscriberId, Timestamp};

/// What changes tell of may be much longer than what was asked: after so many bytes the others wait for the
/// next commit.
const TOLD: usize = 16 << 20;

pub(super) const NO_MESSAGE: &str = "the message was not stored";
const NO_CHANGE: &str = "the value was not changed";
const NO_RECORD: &str = "the connection was not recorded";
const NO_FILE: &str = "the file was not changed";

/// What a transaction did, for memory to follow.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The messages that were written.
    pub(super) placed: Vec<Place>,
    /// One for each publish that was looked at.
    published: Vec<crate::Result<Uuid>>,
    /// One for each change that was looked at.
    changed: Vec<crate::Result<Changed>>,
    /// One for each connection that was looked at.
    passed: Vec<crate::Result<bool>>,
    /// One for each change of a file.
    filed: Vec<crate::Result<Filed>>,
    /// Bytes of messages that tell of changes.
    pub(super) told: usize,
    /// One for each settlement that was looked at.
    settled: Vec<Settled>,
    pub(super) recent: HashMap<i64, Becomes>,
    /// How many deliveries of a message are settled, and whether it has a body.
    counted: HashMap<i64, (i64, bool)>,
    /// Rows of `delivery` that are over.
    pub(super) over: HashSet<(SubscriberId, i64)>,
    /// Each is the first of its ordering key now.
    pub(super) next: Vec<Delivery>,
    /// Bytes of their payloads.
    pub(super) loaded: usize,
    /// So is one of this subscriber, due at this time, of which no more was read.
    pub(super) next_on_disk: Vec<(SubscriberId, Timestamp)>,
}

/// What becomes of a row of `recent`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Becomes {
    Pending(u64),
    /// A row of `message`, and of `delivery` for these.
    Rows(u64),
}

impl Writer<'_> {
    /// Writes, syncs, then hands over and answers. An error means that the store cannot go on.
    pub(super) fn commit(&mut self, mut requests: Requests, settlements: Vec<Settlement>) -> Result<(), Fatal> {
        if requests.is_empty() && settlements.is_empty() && self.spent.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::default();
        match self.write(&mut batch, &requests, &settlements) {
            Ok(()) => {
                self.committed();
                let changes = requests.changes.split_off(batch.changed.len());
                self.follow(batch, requests, settlements);
                if changes.is_empty() {
                    return Ok(());
                }
                self.commit(Requests { changes, ..Requests::default() }, Vec::new())
            }
            Err(error) => self.fail(batch, requests, settlements, Arc::new(error)),
        }
    }

    fn write(&mut self, batch: &mut Batch, requests: &Requests, settlements: &[Settlement]) -> Sql<()> {
        self.rows.begin.execute([])?;
        for settlement in settlements {
            let settled = self.settle(batch, settlement)?;
            batch.settled.push(settled);
        }
        for publish in &requests.publishes {
            let published = self.publish(batch, &publish.question)?;
            batch.published.push(published);
        }
        for passing in &requests.passings {
            let passed = self.together(batch, |this, batch| this.pass(batch, &passing.question));
            batch.passed.push(alone(NO_RECORD, passed)?);
        }
        for change in &requests.changes {
            if batch.told > TOLD {
                break;
            }
            let changed = self.together(batch, |this, batch| this.change(batch, &change.question));
            batch.changed.push(alone(NO_CHANGE, changed)?);
        }
        for change in &requests.files {
            let filed = self.together(batch, |this, batch| this.change_file(batch, &change.question));
            batch.filed.push(alone(NO_FILE, filed)?);
        }
        self.write_counts(batch)?;
        self.rows.commit.execute([])?;
        Ok(())
    }

    /// Runs a transaction of its own.
    pub(super) fn transact<T>(&mut self, run: impl FnOnce(&mut Self, &mut Batch) -> Sql<T>) -> Sql<T> {
        let mut batch = Batch::default();
        let done = (|| {
            self.rows.begin.execute([])?;
            let done = run(self, &mut batch)?;
            self.write_counts(&mut batch)?;
            self.rows.commit.execute([])?;
            Ok(done)
        })();
        match &done {
            Ok(_) => {
                self.committed();
                self.follow(batch, Requests::default(), Vec::new());
            }
            Err(_) => {
                batch.give_back(0);
                self.rows.rollback()?;
            }
        }
        done
    }

    /// Runs a part of a transaction that publishes or changes values: if it fails for reasons of its own,
    /// nothing of it stays.
    pub(super) fn together<T>(
        &mut self,
        batch: &mut Batch,
        run: impl FnOnce(&mut Self, &mut Batch) -> Sql<T>,
    ) -> Sql<T> {
        let placed = batch.placed.len();
        self.rows.savepoint.execute([])?;
        let done = run(self, batch);
        if done.is_err() {
            batch.give_back(placed);
        }
        self.rows.end_together(&done)?;
        done
    }

    /// Writes what was only counted so far: one statement for each message, fewer for runs of them.
    fn write_counts(&mut self, batch: &mut Batch) -> Sql<()> {
        let mut over = self.spent.clone();
        for (&seq, change) in &batch.recent {
            let (Becomes::Pending(pending), Some(recent)) = (*change, self.recent.get(seq)) else { continue };
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

    fn follow(&mut self, batch: Batch, requests: Requests, settlements: Vec<Settlement>) {
        self.spent.clear();
        for (seq, change) in batch.recent {
            self.follow_change(seq, change);
        }
        for (settlement, settled) in settlements.into_iter().zip(batch.settled) {
            self.follow_settlement(settlement, settled);
        }
        for place in batch.placed {
            self.follow_place(place);
        }
        for next in batch.next {
            self.follow_next(next);
        }
        for (subscriber, due_at) in batch.next_on_disk {
            self.follow_next_on_disk(subscriber, due_at);
        }
        let room = answer(requests.publishes, batch.published, NO_MESSAGE, None)
            + answer(requests.changes, batch.changed, NO_CHANGE, None)
            + answer(requests.passings, batch.passed, NO_RECORD, None)
            + self.answer_files(requests.files, batch.filed);
        self.shared.inbox.give_room(room);
        self.touched.drain(..).for_each(|lane| lane.announce());
    }

    fn answer_files(&self, asked: Vec<Asked<FileChange, FileChanged>>, filed: Vec<crate::Result<Filed>>) -> usize {
        let committed =
            |(asked, filed): (&Asked<FileChange, _>, _)| asked.question.committed(filed, &self.shared.objects);
        let changed = asked.iter().zip(filed).map(committed).collect();
        answer(asked, changed, NO_FILE, None)
    }

    fn follow_change(&mut self, seq: i64, change: Becomes) {
        match change {
            Becomes::Pending(0) => drop(self.recent.remove(seq)),
            Becomes::Pending(pending) => self.recent.set_pending(seq, pending),
            Becomes::Rows(pending) => {
                let Some(recent) = self.recent.remove(seq) else { return };
                self.held.extend(recent.audience().among(pending).map(|member| (member.id, seq)));
            }
        }
    }

    fn follow_settlement(&mut self, settlement: Settlement, settled: Settled) {
        let Settlement { mut delivery, fate, .. } = settlement;
        let Some(lane) = self.shared.lanes.get(delivery.subscriber) else { return };
        let of = (delivery.subscriber, delivery.seq);
        match (settled, fate) {
            (Settled::Refused, _) | (Settled::Yes, Fate::Release) => lane.put_back(delivery),
            (Settled::Yes, Fate::Alone) => {
                delivery.alone = true;
                lane.put_back(delivery);
            }
            (Settled::Yes, Fate::Again { due_at, .. }) => {
                self.let_go(of);
                lane.wait_until(due_at);
                lane.is_over();
            }
            (Settled::Gone, _) | (Settled::Yes, Fate::Done | Fate::Bury { .. }) => {
                self.let_go(of);
                lane.is_over();
            }
        }
    }

    /// Memory has nothing to do with this delivery any more.
    pub(super) fn let_go(&mut self, of: (SubscriberId, i64)) {
        self.held.remove(&of);
        if !self.origins.is_empty() {
            self.origins.remove(&of);
        }
    }

    fn fail(
        &mut self,
        mut batch: Batch,
        requests: Requests,
        settlements: Vec<Settlement>,
        error: Fatal,
    ) -> Result<(), Fatal> {
        self.rows.rollback()?;
        let crowded = !requests.is_empty();
        batch.give_back(0);
        if reach(&error) != Reach::Store {
            requests.files.iter().for_each(|asked| asked.question.refused());
        }
        let room = answer(requests.publishes, batch.published, NO_MESSAGE, Some(&error))
            + answer(requests.changes, batch.changed, NO_CHANGE, Some(&error))
            + answer(requests.passings, batch.passed, NO_RECORD, Some(&error))
            + answer(requests.files, Vec::new(), NO_FILE, Some(&error));
        self.shared.inbox.give_room(room);
        if reach(&error) != Reach::Commit {
            return Err(error);
        }
        if is_full(&error) && self.can_help() {
            return self.help(settlements);
        }
        if crowded {
            // What is settled makes room and may fit alone.
            return self.commit(Requests::default(), settlements);
        }
        self.carried.extend(settlements);
        self.full_until = Some(Instant::now() + TRY_AGAIN);
        Ok(())
    }
}

/// What stands against one request alone is its answer.
pub(super) fn alone<T>(what: &str, done: Sql<T>) -> Sql<crate::Result<T>> {
    match done {
        Err(error) if reach(&error) == Reach::Job => Ok(Err(tell(what, &Arc::new(error)))),
        done => done.map(Ok),
    }
}

/// Tells each what came of it; if all is `lost`, that. Returns the room they took.
fn answer<Q, T>(asked: Vec<Asked<Q, T>>, outcomes: Vec<crate::Result<T>>, what: &str, lost: Option<&Fatal>) -> usize {
    let (mut outcomes, mut room) = (outcomes.into_iter(), 0);
    for asked in asked {
        room += asked.cost;
        let answer = match (outcomes.next(), lost) {
            (Some(outcome), None) | (Some(outcome @ Err(_)), _) => outcome,
            (_, Some(error)) => Err(tell(what, error)),
            (None, None) => Err(crate::Error::Closed),
        };
        asked.answer.send(answer).ok(); // who stopped waiting has still published
    }
    room
}

impl Batch {
    /// One more delivery of this message is settled; `long`: it may have a body.
    pub(super) fn count(&mut self, seq: i64, long: bool) {
        let (settled, has_body) = self.counted.entry(seq).or_default();
        *settled += 1;
        *has_body |= long;
    }

    /// The messages after the first so many were not written after all.
    fn give_back(&mut self, placed: usize) {
        self.placed.drain(placed..).for_each(|place| place.cancel());
    }
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
