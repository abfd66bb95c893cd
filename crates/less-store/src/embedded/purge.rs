//! Everything that a project had up to a moment goes: what waits for its subscribers, whoever published it, its
//! dead letters, its values, its files, its connections, and its topics' idempotency keys. What waits for others is theirs.

use std::collections::HashSet;

use super::batch::Batch;
use super::chores::{More, PIECE, dead_rows, each, keys, waiting_rows};
use super::failure::Sql;
use super::files::last_number;
use super::inbox::Answer;
use super::rows::Waiting;
use super::values::last_version;
use super::writer::Writer;
use crate::clock::millis;
use crate::topics::SAME_KEY_FOR;
use crate::{SubscriberId, Timestamp};

#[derive(Debug)]
pub(super) struct Purge {
    project: String,
    /// Recent messages that wait for one of the subscribers.
    recent: Vec<i64>,
    subscribers: Vec<SubscriberId>,
    topics: Vec<i64>,
    /// The last `seq` by then.
    up_to: i64,
    /// No key by then lives longer.
    keys_until: Timestamp,
    /// The version of the newest value by then.
    values_up_to: i64,
    /// The number of the newest file by then.
    files_up_to: i64,
    answer: Answer<()>,
}

impl Purge {
    pub(super) fn answered(self) -> Answer<()> {
        self.answer
    }
}

impl Writer<'_> {
    /// The answer comes back when it cannot begin.
    pub(super) fn purge(&self, project: String, answer: Answer<()>) -> Result<Purge, (Answer<()>, rusqlite::Error)> {
        let last = || Ok((last_version(self.conn)?, last_number(self.conn)?));
        let (values_up_to, files_up_to) = match self.purge_connections(&project).and_then(|()| last()) {
            Ok(last) => last,
            Err(error) => return Err((answer, error)),
        };
        let subscribers = self.catalog.subscribers_of(&project);
        Ok(Purge {
            recent: self.recent.of(&subscribers),
            topics: self.catalog.topics_of(&project),
            project,
            subscribers,
            up_to: self.next_seq - 1,
            keys_until: self.now().saturating_add(millis(SAME_KEY_FOR)),
            values_up_to,
            files_up_to,
            answer,
        })
    }

    pub(super) fn purge_piece(&mut self, purge: &mut Purge) -> Sql<More> {
        if !purge.recent.is_empty() {
            // As rows, each delivery can go by itself.
            self.make_room(&mut purge.recent)?;
            return Ok(true);
        }
        let up_to = purge.up_to;
        if each(&mut purge.subscribers, &mut (), |subscriber, ()| self.purge_rows(subscriber, up_to))? {
            return Ok(true);
        }
        let dead = dead_rows(self.rows.dead_of.query((&purge.project, up_to, PIECE))?)?;
        if self.delete_dead_letters(&dead)?
            || self.purge_values(&purge.project, purge.values_up_to)?
            || self.purge_files(&purge.project, purge.files_up_to)?
        {
            return Ok(true);
        }
        let Some(topic) = purge.topics.last() else { return Ok(false) };
        let found = keys(self.rows.keys_of.query((topic, purge.keys_until, PIECE))?)?;
        if !self.delete_keys(&found)? {
            purge.topics.pop();
        }
        Ok(!purge.topics.is_empty())
    }

    fn purge_rows(&mut self, subscriber: SubscriberId, up_to: i64) -> Sql<More> {
        let found = waiting_rows(subscriber, self.rows.up_to.query((subscriber.0, up_to, PIECE))?)?;
        if found.is_empty() {
            return Ok(false);
        }
        self.transact(|this, batch| found.iter().try_for_each(|row| this.purge_row(batch, row, up_to)))?;
        let gone = found.iter().map(|row| row.key.seq).collect();
        self.forget(subscriber, &gone);
        Ok(found.len() == PIECE as usize)
    }

    fn purge_row(&mut self, batch: &mut Batch, row: &Waiting, up_to: i64) -> Sql<()> {
        self.rows.take_delivery(row.key)?;
        self.rows.delete_origins.execute((row.key.seq, row.key.subscriber.0))?;
        if row.attempts > 0 {
            self.rows.delete_errors.execute((row.key.seq, row.key.subscriber.0))?;
        }
        self.skip_to_next(batch, row.key, up_to)?;
        batch.count(row.key.seq, true);
        Ok(())
    }

    /// What is deleted is not to be claimed from memory either.
    fn forget(&mut self, subscriber: SubscriberId, gone: &HashSet<i64>) {
        if let Some(lane) = self.shared.lanes.get(subscriber) {
            lane.forget(gone);
        }
        gone.iter().for_each(|seq| self.let_go((subscriber, *seq)));
    }
}
