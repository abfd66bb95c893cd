//! Long work in small pieces, one in each turn of the writer, so that publishers wait for none of it.

use super::batch::Batch;
use super::failure::{Fatal, Reach, Sql, reach, tell};
use super::inbox::Answer;
use super::jobs::reply;
use super::purge::Purge;
use super::rows::{Waiting, waiting};
use super::writer::Writer;
use crate::{SubscriberId, Timestamp};

/// Rows touched in one piece.
pub(super) const PIECE: u32 = 500;

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
        /// How far it is among the rows of one subscriber, by `seq`.
        seen: i64,
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
        seen: Seen,
    },
    /// Subscribers that are gone, or claim nothing, keep nothing in memory.
    Park {
        subscribers: Vec<SubscriberId>,
    },
    DropDeadLetters,
    /// Idempotency keys may make messages again.
    DropKeys,
}

/// How far `Expire` got among the rows of one subscriber.
#[derive(Debug)]
pub(super) struct Seen {
    /// By `due_at` and `seq`.
    untried: (Timestamp, i64),
    /// By `seq`.
    tried: i64,
}

impl Default for Seen {
    fn default() -> Self {
        Self { untried: (Timestamp::MIN, i64::MIN), tried: i64::MIN }
    }
}

/// What a piece of `Expire` came by.
#[derive(Debug, Default, Clone, Copy)]
struct Met {
    buried: bool,
    held: bool,
}

/// Whether there is more of a chore to do.
pub(super) type More = bool;

impl Writer<'_> {
    /// What is to be done from time to time.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        let under_way =
            |chore: &Chore| matches!(chore, Chore::Expire { .. } | Chore::DropDeadLetters | Chore::DropKeys);
        if self.chores.iter().any(under_way) {
            return;
        }
        self.chores.push_back(Chore::MakeRoom { seqs: self.recent.since_before(now - RECENT_FOR) });
        let forsaken = |id: &SubscriberId| self.shared.lanes.get(*id).is_some_and(|lane| lane.is_forsaken(now));
        let subscribers = self.catalog.subscribers().into_iter().filter(forsaken).collect();
        self.chores.push_back(Chore::Park { subscribers });
        self.park_the_gone();
        self.chores.push_back(Chore::Expire { subscribers: self.catalog.subscribers(), seen: Seen::default() });
        self.chores.push_back(Chore::DropDeadLetters);
        self.chores.push_back(Chore::DropKeys);
    }

    /// Does one piece of one chore; they take turns.
    pub(super) fn chore(&mut self) -> Result<(), Fatal> {
        let Some(mut chore) = self.next_chore().and_then(|at| self.chores.remove(at)) else { return Ok(()) };
        match self.piece(&mut chore) {
            Ok(true) => self.chores.push_back(chore),
            Ok(false) => chore.finish(Ok(()))?,
            Err(error) => chore.finish(Err(error))?,
        }
        Ok(())
    }

    /// With the disk full only what somebody waits for is tried: who does is to hear of it.
    pub(super) fn next_chore(&self) -> Option<usize> {
        let full = self.full_until.is_some();
        self.chores.iter().position(|chore| !full || matches!(chore, Chore::Hurry { .. } | Chore::Purge(_)))
    }

    fn piece(&mut self, chore: &mut Chore) -> Sql<More> {
        match chore {
            Chore::Hurry { subscribers, now, seen, .. } => {
                let now = *now;
                each(subscribers, seen, |subscriber, seen| self.hurry(subscriber, now, seen))
            }
            Chore::Purge(purge) => self.purge_piece(purge),
            Chore::MakeRoom { seqs } => self.make_room(seqs),
            Chore::Expire { subscribers, seen } => {
                each(subscribers, seen, |subscriber, seen| self.expire(subscriber, seen))
            }
            Chore::Park { subscribers } => each(subscribers, &mut (), |subscriber, ()| self.park(subscriber)),
            Chore::DropDeadLetters => self.drop_dead_letters(),
            Chore::DropKeys => self.drop_keys(),
        }
    }

    /// Only what was tried: the others wait for their time, or for another one with their ordering key.
    fn hurry(&mut self, subscriber: SubscriberId, now: Timestamp, seen: &mut i64) -> Sql<More> {
        let found = waiting_rows(subscriber, self.rows.tried.query((subscriber.0, *seen, PIECE))?)?;
        let Some(last) = found.last() else { return Ok(false) };
        *seen = last.key.seq;
        let waits = |row: &&Waiting| row.key.due_at > now && !self.held.contains(&(subscriber, row.key.seq));
        let later: Vec<_> = found.iter().filter(waits).map(|row| row.key).collect();
        if !later.is_empty() {
            self.transact(|this, _| later.iter().try_for_each(|key| this.rows.move_to(*key, now).map(drop)))?;
            self.shared.lanes.get(subscriber).iter().for_each(|lane| lane.wait_until(now));
        }
        Ok(found.len() == PIECE as usize)
    }

    pub(super) fn park_the_gone(&mut self) {
        let parked = |id: &SubscriberId| self.shared.lanes.get(*id).is_some_and(|lane| !lane.parked(1).is_empty());
        let subscribers: Vec<_> = self.catalog.subscribers().into_iter().filter(parked).collect();
        if !subscribers.is_empty() {
            self.chores.push_back(Chore::Park { subscribers });
        }
    }

    /// What is ready for a subscriber that does not claim it waits on disk alone.
    fn park(&mut self, subscriber: SubscriberId) -> Sql<More> {
        let Some(lane) = self.shared.lanes.get(subscriber) else { return Ok(false) };
        let parked = lane.parked(PIECE as usize);
        if parked.is_empty() {
            return Ok(false);
        }
        self.transact(|this, batch| parked.iter().try_for_each(|seq| this.spread_all(batch, *seq)))?;
        // In one step, for it may be deployed again at any time: what is claimed stays held.
        for delivery in lane.leave_on_disk(&parked) {
            self.held.remove(&(subscriber, delivery.seq));
        }
        Ok(true)
    }

    pub(super) fn make_room(&mut self, seqs: &mut Vec<i64>) -> Sql<More> {
        let piece = seqs.split_off(seqs.len().saturating_sub(PIECE as usize));
        self.transact(|this, batch| piece.into_iter().try_for_each(|seq| this.spread_all(batch, seq)))?;
        Ok(!seqs.is_empty())
    }

    /// As far as it is recent and not settled.
    fn spread_all(&mut self, batch: &mut Batch, seq: i64) -> Sql<()> {
        let pending = self.recent.get(seq).map(|recent| recent.pending);
        pending.map_or(Ok(()), |pending| self.spread(batch, seq, pending))
    }

    /// A row that was never tried expires in the order of `due_at`; one that was, about in that of `seq`.
    fn expire(&mut self, subscriber: SubscriberId, seen: &mut Seen) -> Sql<More> {
        let Some(member) = self.catalog.subscriber(subscriber).map(|of| of.member.clone()) else { return Ok(false) };
        let now = self.now();
        let ready = member.lane.take_expired(now);
        ready.into_iter().for_each(|delivery| self.bury_expired(delivery));
        let published_by = now.saturating_sub(member.retention);
        let (due_at, seq) = seen.untried;
        let untried = self.rows.untried.query((subscriber.0, due_at, seq, published_by, PIECE))?;
        let untried = waiting_rows(subscriber, untried)?;
        let tried = waiting_rows(subscriber, self.rows.tried.query((subscriber.0, seen.tried, PIECE))?)?;
        seen.untried = untried.last().map_or(seen.untried, |row| (row.key.due_at, row.key.seq));
        seen.tried = tried.last().map_or(seen.tried, |row| row.key.seq);
        let full = |rows: &[Waiting]| rows.len() == PIECE as usize;
        let more_untried = full(&untried);
        self.expire_rows(untried, now)?;
        let more_tried = full(&tried);
        let met = self.expire_rows(tried, now)?;
        // The clock may have been set, so the order is not strict; but behind that many that did not
        // expire there will hardly be one that did, and a later look finds it.
        Ok(more_untried || more_tried && (met.buried || met.held))
    }

    /// Buries those that expired.
    fn expire_rows(&mut self, rows: Vec<Waiting>, now: Timestamp) -> Sql<Met> {
        let mut met = Met::default();
        for row in rows {
            if self.held.contains(&(row.key.subscriber, row.key.seq)) {
                met.held = true;
            } else if let Some(delivery) = self.load(row)?.filter(|delivery| delivery.expires_at <= now) {
                self.bury_expired(delivery);
                met.buried = true;
            }
        }
        Ok(met)
    }

    fn drop_dead_letters(&mut self) -> Sql<More> {
        let buried_by = self.now().saturating_sub(DEAD_LETTERS_KEPT);
        let old = dead_rows(self.rows.oldest_dead.query((buried_by, PIECE))?)?;
        self.delete_dead_letters(&old)
    }

    fn drop_keys(&mut self) -> Sql<More> {
        let old = keys(self.rows.old_keys.query((self.now(), PIECE))?)?;
        self.delete_keys(&old)
    }

    pub(super) fn delete_keys(&mut self, keys: &[(i64, String)]) -> Sql<More> {
        if !keys.is_empty() {
            self.transact(|this, _| {
                keys.iter().try_for_each(|(topic, key)| this.rows.delete_key.execute((topic, key)).map(drop))
            })?;
        }
        Ok(keys.len() == PIECE as usize)
    }

    pub(super) fn delete_dead_letters(&mut self, dead: &[(i64, i64, u32)]) -> Sql<More> {
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
            (Self::Purge(purge), done) => reply(purge.answered(), "not everything was purged", done),
            (
                Self::MakeRoom { .. }
                | Self::Park { .. }
                | Self::Expire { .. }
                | Self::DropDeadLetters
                | Self::DropKeys,
                Ok(()),
            ) => Ok(()),
            (chore, Err(error)) if reach(&error) != Reach::Store => {
                let error = tell("a chore of the store failed", &Fatal::from(error));
                tracing::warn!(%error, ?chore, "the store will try again in a minute");
                Ok(())
            }
            (_, Err(error)) => Err(error.into()),
        }
    }
}

/// Does a piece for the last of them, and lets it go when it needs no more; `seen` is how far that one is.
pub(super) fn each<S: Default>(
    of: &mut Vec<SubscriberId>,
    seen: &mut S,
    piece: impl FnOnce(SubscriberId, &mut S) -> Sql<More>,
) -> Sql<More> {
    let Some(subscriber) = of.last().copied() else { return Ok(false) };
    if !piece(subscriber, seen)? {
        of.pop();
        *seen = S::default();
    }
    Ok(!of.is_empty())
}

pub(super) fn waiting_rows(subscriber: SubscriberId, rows: rusqlite::Rows<'_>) -> Sql<Vec<Waiting>> {
    rows.mapped(|row| waiting(subscriber, row)).collect()
}

/// (number, seq, subscriber)
pub(super) fn dead_rows(rows: rusqlite::Rows<'_>) -> Sql<Vec<(i64, i64, u32)>> {
    rows.mapped(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
}

/// (topic, idempotency key)
pub(super) fn keys(rows: rusqlite::Rows<'_>) -> Sql<Vec<(i64, String)>> {
    rows.mapped(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
