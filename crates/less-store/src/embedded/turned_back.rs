//! The clock went back: what was to be due soon, by a clock that was ahead, must not wait until the hour comes again.
//!
//! Two things tell such a delivery from one that waits for good reason: its attempt failed at a time that has not come
//! yet; or it was never tried, and is to be due in the future though its message is not delayed.

use super::chores::{More, PIECE, waiting_rows};
use super::failure::Sql;
use super::rows::Waiting;
use super::schema::BEHIND;
use super::writer::Writer;
use crate::{SubscriberId, Timestamp};

/// How far it is among the rows of one subscriber, by `due_at` and `seq`.
#[derive(Debug, Default)]
pub(super) struct Passed(Option<(Timestamp, i64)>);

impl Writer<'_> {
    /// Makes a piece of what waits in vain due now.
    pub(super) fn bring_forward(&mut self, subscriber: SubscriberId, passed: &mut Passed) -> Sql<More> {
        let now = self.now();
        let (due_at, seq) = passed.0.unwrap_or((now, i64::MAX));
        let later = self.rows.untried.query((subscriber.0, due_at, seq, BEHIND - 1, PIECE))?;
        let later = waiting_rows(subscriber, later)?;
        let mut vain = Vec::new();
        for row in &later {
            if !self.holds(subscriber, row.key.seq) && self.waits_in_vain(row, now)? {
                vain.push(row.key);
            }
        }
        if !vain.is_empty() {
            self.transact(|this, _| vain.iter().try_for_each(|key| this.rows.move_to(*key, now).map(drop)))?;
            self.shared.lanes.get(subscriber).iter().for_each(|lane| lane.wait_until(now));
        }
        passed.0 = later.last().map(|row| (row.key.due_at, row.key.seq));
        Ok(later.len() == PIECE as usize)
    }

    fn waits_in_vain(&mut self, row: &Waiting, now: Timestamp) -> Sql<bool> {
        if row.attempts > 0 {
            return self.rows.failed_after.exists((row.key.seq, row.key.subscriber.0, row.attempts, now));
        }
        Ok(!self.rows.is_delayed.exists([row.key.seq])?)
    }
}
