//! The writer thread: the only one that changes the file. Its loop: take what queued, commit it, refill
//! one lane, do the rarer jobs, one piece of a chore, and some tidying; then wait.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Shared;
use super::catalog::Catalog;
use super::chores::Chore;
use super::failure::{Fatal, Sql};
use super::inbox::{Next, SETTLE_WITHIN, Settlement, Work};
use super::lane::Lane;
use super::recent::Recents;
use super::refill::Loaded;
use super::rows::Rows;
use super::tidy::Tidy;
use super::values::first_expiry;
use crate::{SubscriberId, Timestamp};

/// After a commit that found the disk full or the file locked.
pub(super) const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How often the store looks for what expired, by the clock.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Writer<'c> {
    pub(super) conn: &'c Connection,
    pub(super) rows: Rows<'c>,
    pub(super) shared: Arc<Shared>,
    pub(super) catalog: Catalog,
    pub(super) recent: Recents,
    /// Rows of `delivery` that are ready, claimed, or settled and not committed: not to be read again.
    pub(super) held: HashSet<(SubscriberId, i64)>,
    /// Deliveries that published something, as far as this process knows: those before `first_seq` may have as
    /// well, and those that were tried before.
    pub(super) origins: HashSet<(SubscriberId, i64)>,
    pub(super) first_seq: i64,
    pub(super) next_seq: i64,
    pub(super) loaded: Loaded,
    /// Settled, for the next commit: those of a commit that failed, and what the store buries itself.
    pub(super) carried: Vec<Settlement>,
    /// Committed messages that nobody waits for, and whether they have a body: the next commit deletes them.
    pub(super) spent: Vec<(i64, bool)>,
    /// Pushed to in this turn.
    pub(super) touched: Vec<Arc<Lane>>,
    pub(super) chores: VecDeque<Chore>,
    /// Whose lanes ask for more from disk: one is served in each turn.
    pub(super) refills: VecDeque<SubscriberId>,
    pub(super) tidy: Tidy,
    /// A commit found the disk full or the file locked: nothing is read in, and the settled is tried again then.
    pub(super) full_until: Option<Instant>,
    /// No value expires earlier.
    pub(super) next_expiry: Option<Timestamp>,
    next_sweep: Timestamp,
}

impl<'c> Writer<'c> {
    pub(super) fn new(
        conn: &'c Connection,
        wal: PathBuf,
        shared: Arc<Shared>,
        catalog: Catalog,
        next_seq: i64,
    ) -> Sql<Self> {
        Ok(Self {
            conn,
            rows: Rows::prepare(conn)?,
            catalog,
            recent: Recents::default(),
            held: HashSet::new(),
            origins: HashSet::new(),
            loaded: Loaded::default(),
            first_seq: next_seq,
            next_seq,
            carried: Vec::new(),
            spent: Vec::new(),
            touched: Vec::new(),
            chores: VecDeque::new(),
            refills: VecDeque::new(),
            tidy: Tidy::new(wal),
            full_until: None,
            next_expiry: first_expiry(conn)?,
            next_sweep: Timestamp::MIN, // at the first turn: it may have been closed for long
            shared,
        })
    }

    /// Works until the inbox is closed and empty. An error means that nothing more can be promised.
    pub(super) fn run(mut self) -> Result<(), Fatal> {
        let mut work = Work::default();
        loop {
            let next = self.shared.inbox.take(&mut work, Some(self.wake_at()));
            if next == Next::Gone {
                return Ok(());
            }
            self.turn(&mut work)?;
            if next == Next::Last {
                return Ok(());
            }
        }
    }

    fn turn(&mut self, work: &mut Work) -> Result<(), Fatal> {
        if self.carried.is_empty() && self.full_until.is_some_and(|until| until <= Instant::now()) {
            self.has_room(); // as far as anybody knows
        }
        let mut settlements = std::mem::take(&mut self.carried);
        settlements.append(&mut work.settlements);
        self.commit(std::mem::take(&mut work.requests), settlements)?;
        self.refills.extend(work.refills.drain(..));
        if let Some(subscriber) = self.refills.pop_front() {
            self.refill(subscriber)?;
        }
        for job in work.jobs.drain(..) {
            self.job(job)?;
        }
        self.expire_values()?;
        self.sweep_when_due();
        self.chore()?;
        self.tidy()
    }

    /// When to look around although nothing came.
    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        if !self.refills.is_empty() || self.next_chore().is_some() {
            return now;
        }
        if let Some(full_until) = self.full_until {
            return full_until.max(now);
        }
        let settle = (!self.carried.is_empty() || !self.spent.is_empty()).then(|| now + SETTLE_WITHIN);
        let wake = [settle, self.tidy.at(), self.expire_at(now), Some(now + SWEEP_EVERY)];
        wake.into_iter().flatten().min().unwrap_or(now)
    }

    fn sweep_when_due(&mut self) {
        let (now, every) = (self.now(), crate::clock::millis(SWEEP_EVERY));
        // Also when the clock went back, else it would take as long again.
        if now >= self.next_sweep || now < self.next_sweep.saturating_sub(every) {
            self.next_sweep = now.saturating_add(every);
            self.sweep(now);
        }
    }

    /// The disk took a commit.
    pub(super) fn committed(&mut self) {
        self.tidy.committed();
        self.has_room();
    }

    /// Lanes may be read in again.
    fn has_room(&mut self) {
        if self.full_until.take().is_some() {
            self.shared.lanes.all().iter().for_each(|lane| lane.wake_all());
        }
    }

    /// Whether this delivery is in memory: ready, claimed, or settled and not committed.
    pub(super) fn holds(&self, subscriber: SubscriberId, seq: i64) -> bool {
        self.held.contains(&(subscriber, seq)) || self.recent.holds(subscriber, seq)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.shared.clock)()
    }
}
