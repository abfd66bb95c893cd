//! Long work in small pieces, one in each turn of the writer, so that publishers wait for none of it.

use super::batch::Batch;
use super::failure::{Fatal, Reach, Sql, reach, tell};
use super::inbox::Answer;
use super::jobs::reply;
use super::rows::{Key, Waiting, waiting};
use super::writer::Writer;
use crate::{SubscriberId, Timestamp};

/// Rows touched in one piece.
const PIECE: u32 = 500;

/// Dead letters are kept for 14 days.
const DEAD_LETTERS_KEPT: Timestamp = 14 * 24 * 60 * 60 * 1000;

/// A message that is not settled this long after it was due makes room among the recent.
const RECENT_FOR: Timestamp = 30 * 1000;

#[derive(Debug)]
pub(super) enum Chore {
    /// What waits for a later attempt is due `now`.
    Hurry {
        subscribers: Vec<SubscriberId>,
        now: Timestamp,
        answer: Answer<()>,
    },
    Purge(Purge),
    /// Recent messages that do not settle take the form that lasts.
    MakeRoom {
        seqs: Vec<i64>,
    },
    /// What expired is buried, whether or not anybody would claim it.
    Expire {
        subscribers: Vec<SubscriberId>,
    },
    DropDeadLetters,
}

/// Everything that a project had up to a moment goes.
#[derive(Debug)]
pub(super) struct Purge {
    project: String,
    recent: Vec<i64>,
    subscribers: Vec<SubscriberId>,
    up_to: i64,
    up_to_dead: i64,
    answer: Answer<()>,
}

/// Whether there is more of a chore to do.
type More = bool;

impl Writer<'_> {
    /// What is to be done from time to time.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        let under_way = |chore: &Chore| matches!(chore, Chore::Expire { .. } | Chore::DropDeadLetters);
        if self.chores.iter().any(under_way) {
            return;
        }
        self.chores.push_back(Chore::MakeRoom { seqs: self.recent.since_before(now - RECENT_FOR) });
        self.chores.push_back(Chore::Expire { subscribers: self.catalog.subscribers() });
        self.chores.push_back(Chore::DropDeadLetters);
    }

    /// Does one piece of one chore; they take turns.
    pub(super) fn chore(&mut self) -> Result<(), Fatal> {
        if self.full_until.is_some() {
            return Ok(());
        }
        let Some(mut chore) = self.chores.pop_front() else { return Ok(()) };
        match self.piece(&mut chore) {
            Ok(true) => self.chores.push_back(chore),
            Ok(false) => chore.finish(Ok(()))?,
            Err(error) => chore.finish(Err(error))?,
        }
        Ok(())
    }

    fn piece(&mut self, chore: &mut Chore) -> Sql<More> {
        match chore {
            Chore::Hurry { subscribers, now, .. } => {
                let now = *now;
                each(subscribers, |subscriber| self.hurry(subscriber, now))
            }
            Chore::Purge(purge) => self.purge_piece(purge),
            Chore::MakeRoom { seqs } => self.make_room(seqs),
            Chore::Expire { subscribers } => each(subscribers, |subscriber| self.expire(subscriber)),
            Chore::DropDeadLetters => self.drop_dead_letters(),
        }
    }

    fn hurry(&mut self, subscriber: SubscriberId, now: Timestamp) -> Sql<More> {
        let found = waiting_rows(subscriber, self.rows.later.query((subscriber.0, now, PIECE))?)?;
        let more = found.len() == PIECE as usize;
        self.transact(|this, _| {
            for Key { subscriber, due_at, seq } in found.iter().map(|row| row.key) {
                if !this.held.contains(&(subscriber, seq)) {
                    this.rows.move_to.execute((subscriber.0, due_at, seq, now))?;
                }
            }
            Ok(())
        })?;
        if let (false, Some(lane)) = (found.is_empty(), self.shared.lanes.get(subscriber)) {
            lane.wait_until(now);
        }
        Ok(more)
    }

    pub(super) fn purge(&self, project: &str, answer: Answer<()>) -> Sql<Chore> {
        let subscribers = self.catalog.subscribers_of(project);
        subscribers.iter().filter_map(|id| self.shared.lanes.get(*id)).for_each(|lane| lane.clear());
        Ok(Chore::Purge(Purge {
            project: project.to_owned(),
            recent: self.recent.of_project(project),
            subscribers,
            up_to: self.next_seq - 1,
            up_to_dead: self
                .conn
                .query_row("SELECT coalesce(max(number), 0) FROM dead_letter", [], |row| row.get(0))?,
            answer,
        }))
    }

    fn purge_piece(&mut self, purge: &mut Purge) -> Sql<More> {
        if !purge.recent.is_empty() {
            let piece = purge.recent.split_off(purge.recent.len().saturating_sub(PIECE as usize));
            self.transact(|this, batch| {
                piece.iter().filter(|seq| this.recent.get(**seq).is_some()).for_each(|seq| batch.drop_recent(*seq));
                Ok(())
            })?;
            return Ok(true);
        }
        let up_to = purge.up_to;
        if each(&mut purge.subscribers, |subscriber| self.purge_rows(subscriber, up_to))? {
            return Ok(true);
        }
        let dead = dead_rows(self.rows.dead_of.query((&purge.project, purge.up_to_dead, PIECE))?)?;
        self.delete_dead_letters(&dead)
    }

    fn purge_rows(&mut self, subscriber: SubscriberId, up_to: i64) -> Sql<More> {
        let found = waiting_rows(subscriber, self.rows.up_to.query((subscriber.0, up_to, PIECE))?)?;
        self.transact(|this, batch| found.iter().try_for_each(|row| this.purge_row(batch, row)))?;
        for row in &found {
            self.held.remove(&(subscriber, row.key.seq));
        }
        Ok(found.len() == PIECE as usize)
    }

    fn purge_row(&mut self, batch: &mut Batch, row: &Waiting) -> Sql<()> {
        self.rows.take_delivery(row.key)?;
        if row.attempts > 0 {
            self.rows.delete_errors.execute((row.key.seq, row.key.subscriber.0))?;
        }
        batch.count(row.key.seq, true);
        Ok(())
    }

    fn make_room(&mut self, seqs: &mut Vec<i64>) -> Sql<More> {
        let piece = seqs.split_off(seqs.len().saturating_sub(PIECE as usize));
        self.transact(|this, batch| {
            for seq in piece {
                if let Some(pending) = this.recent.get(seq).map(|recent| recent.pending) {
                    this.spread(batch, seq, pending)?;
                }
            }
            Ok(())
        })?;
        Ok(!seqs.is_empty())
    }

    /// A row that was never tried expires in the order of `due_at`; one that was, about in that of `seq`.
    fn expire(&mut self, subscriber: SubscriberId) -> Sql<More> {
        let Some((member, _)) = self.catalog.subscriber(subscriber).cloned() else { return Ok(false) };
        let now = self.now();
        let ready = member.lane.take_expired(now);
        let mut buried = ready.len();
        ready.into_iter().for_each(|delivery| self.bury_expired(delivery));
        let published_by = now.saturating_sub(member.retention);
        let untried = waiting_rows(subscriber, self.rows.untried.query((subscriber.0, published_by, PIECE))?)?;
        let tried = waiting_rows(subscriber, self.rows.tried.query((subscriber.0, PIECE))?)?;
        let full = untried.len() == PIECE as usize || tried.len() == PIECE as usize;
        buried += self.expire_rows(untried, now)? + self.expire_rows(tried, now)?;
        // With none buried the first rows are all claimed: they must be settled before one can look behind them.
        Ok(full && buried > 0)
    }

    /// Buries those of the first rows that expired; how many.
    fn expire_rows(&mut self, rows: Vec<Waiting>, now: Timestamp) -> Sql<usize> {
        let mut buried = 0;
        for row in rows {
            if self.held.contains(&(row.key.subscriber, row.key.seq)) {
                continue;
            }
            let Some(delivery) = self.load(row)? else { continue };
            if delivery.expires_at > now {
                break;
            }
            self.bury_expired(delivery);
            buried += 1;
        }
        Ok(buried)
    }

    fn drop_dead_letters(&mut self) -> Sql<More> {
        let buried_by = self.now().saturating_sub(DEAD_LETTERS_KEPT);
        let old = dead_rows(self.rows.oldest_dead.query((buried_by, PIECE))?)?;
        self.delete_dead_letters(&old)
    }

    fn delete_dead_letters(&mut self, dead: &[(i64, i64, u32)]) -> Sql<More> {
        if dead.is_empty() {
            return Ok(false);
        }
        self.transact(|this, _| {
            for (number, seq, subscriber) in dead {
                this.rows.delete_errors.execute((seq, subscriber))?;
                this.rows.delete_dead.execute([number])?;
            }
            Ok(())
        })?;
        Ok(dead.len() == PIECE as usize)
    }
}

impl Chore {
    fn finish(self, done: Sql<()>) -> Result<(), Fatal> {
        match (self, done) {
            (Self::Hurry { answer, .. }, done) => reply(answer, "not everything is due now", done),
            (Self::Purge(purge), done) => reply(purge.answer, "not everything was purged", done),
            (Self::MakeRoom { .. } | Self::Expire { .. } | Self::DropDeadLetters, Ok(())) => Ok(()),
            (chore, Err(error)) if reach(&error) != Reach::Store => {
                let error = tell("a chore of the store failed", &Fatal::from(error));
                tracing::warn!(%error, ?chore, "the store will try again in a minute");
                Ok(())
            }
            (_, Err(error)) => Err(error.into()),
        }
    }
}

/// Does a piece for the last of them, and lets it go when it needs no more.
fn each(of: &mut Vec<SubscriberId>, piece: impl FnOnce(SubscriberId) -> Sql<More>) -> Sql<More> {
    let Some(subscriber) = of.last().copied() else { return Ok(false) };
    if !piece(subscriber)? {
        of.pop();
    }
    Ok(!of.is_empty())
}

fn waiting_rows(subscriber: SubscriberId, rows: rusqlite::Rows<'_>) -> Sql<Vec<Waiting>> {
    rows.mapped(|row| waiting(subscriber, row)).collect()
}

/// (number, seq, subscriber)
fn dead_rows(rows: rusqlite::Rows<'_>) -> Sql<Vec<(i64, i64, u32)>> {
    rows.mapped(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
}
