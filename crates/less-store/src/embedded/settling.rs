//! What a settlement writes. In a recent message it is a bit; else it is the row of the delivery.

use tracing::error;

use super::batch::{Batch, Becomes};
use super::failure::{Reach, Sql, reach};
use super::inbox::{Fate, Settlement};
use super::rows::{Key, is_long};
use super::writer::Writer;
use crate::Delivery;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Yes,
    /// There is no such delivery any more: its project was purged.
    Gone,
    /// The database refused it: it will be tried again.
    Refused,
}

impl Writer<'_> {
    pub(super) fn settle(&mut self, batch: &mut Batch, settlement: &Settlement) -> Sql<Settled> {
        let settled = if settlement.delivery.message.ordering_key.is_some() {
            self.together(batch, |this, batch| this.settle_one(batch, settlement))
        } else {
            self.settle_one(batch, settlement)
        };
        match settled {
            Err(error) if reach(&error) == Reach::Job => {
                error!(%error, seq = settlement.delivery.seq, "a delivery could not be settled and will be tried again");
                Ok(Settled::Refused)
            }
            settled => settled,
        }
    }

    fn settle_one(&mut self, batch: &mut Batch, settlement: &Settlement) -> Sql<Settled> {
        let Settlement { delivery, fate, .. } = settlement;
        if let Some((bit, pending)) = self.pending(batch, delivery) {
            match fate {
                Fate::Release => return Ok(Settled::Yes),
                Fate::Done => {
                    self.forget_origin(delivery.subscriber, delivery.seq, delivery.attempt)?;
                    batch.recent.insert(delivery.seq, Becomes::Pending(pending & !bit));
                    return Ok(Settled::Yes);
                }
                Fate::Again { .. } | Fate::Alone | Fate::Bury { .. } => self.spread(batch, delivery.seq, pending)?,
            }
        }
        let settled = self.settle_row(settlement)?;
        if settled == Settled::Yes && matches!(fate, Fate::Done | Fate::Bury { .. }) {
            self.finish_row(batch, delivery)?;
        }
        Ok(settled)
    }

    /// The row of a delivery is gone for good: so is what was kept for its sake, and the next may begin.
    fn finish_row(&mut self, batch: &mut Batch, delivery: &Delivery) -> Sql<()> {
        let Delivery { subscriber, seq, attempt, ref message, .. } = *delivery;
        self.forget_origin(subscriber, seq, attempt)?;
        if let Some(key) = &message.ordering_key {
            self.begin_next(batch, subscriber, key, seq)?;
        }
        batch.over.insert((subscriber, seq));
        batch.count(seq, is_long(&message.payload));
        Ok(())
    }

    /// The bit of this delivery and all pending ones, when its message is recent and it is among them.
    fn pending(&self, batch: &Batch, delivery: &Delivery) -> Option<(u64, u64)> {
        let recent = self.recent.get(delivery.seq)?;
        let pending = match batch.recent.get(&delivery.seq) {
            None => recent.pending,
            Some(Becomes::Pending(pending)) => *pending,
            Some(Becomes::Rows(_)) => return None,
        };
        let bit = recent.audience().bit(delivery.subscriber)?;
        (pending & bit != 0).then_some((bit, pending))
    }

    /// A recent message takes the form that lasts.
    pub(super) fn spread(&mut self, batch: &mut Batch, seq: i64, pending: u64) -> Sql<()> {
        let Some(recent) = self.recent.get(seq) else { return Ok(()) };
        let members: Vec<_> = recent.audience().among(pending).map(|member| member.id).collect();
        self.rows.add_message(seq, members.len() as i64, recent.topic.id, &recent.message)?;
        for subscriber in members {
            self.rows.add_delivery(Key { subscriber, due_at: recent.due_at, seq }, 0, false)?;
        }
        self.rows.delete_recent.execute((seq, seq))?;
        batch.recent.insert(seq, Becomes::Rows(pending));
        Ok(())
    }

    fn settle_row(&mut self, settlement: &Settlement) -> Sql<Settled> {
        let Settlement { delivery, fate, at } = settlement;
        let (key, rows) = (key(delivery), &mut self.rows);
        let owner = self.catalog.subscriber(key.subscriber).map(|of| &of.owner);
        let found = match fate {
            Fate::Release => self.holds(key.subscriber, key.seq),
            Fate::Done => {
                let found = rows.take_delivery(key)?;
                if found && delivery.attempt > 1 {
                    rows.delete_errors.execute((key.seq, key.subscriber.0))?;
                }
                found
            }
            Fate::Alone => rows.run_alone.execute((key.subscriber.0, key.due_at, key.seq))? == 1,
            Fate::Again { due_at, error } => rows.together(|rows| {
                let found = rows.take_delivery(key)?;
                if found {
                    rows.add_delivery(Key { due_at: *due_at, ..key }, delivery.attempt, delivery.alone)?;
                    rows.insert_error.execute((key.seq, key.subscriber.0, delivery.attempt, at, error))?;
                }
                Ok(found)
            })?,
            Fate::Bury { reason, error } => rows.together(|rows| {
                let found = rows.take_delivery(key)?;
                if let (true, Some(owner)) = (found, owner) {
                    rows.bury(owner, key, &delivery.message, *reason, *at)?;
                }
                if let (true, Some(error)) = (found, error) {
                    rows.insert_error.execute((key.seq, key.subscriber.0, delivery.attempt, at, error))?;
                }
                Ok(found)
            })?,
        };
        Ok(if found { Settled::Yes } else { Settled::Gone })
    }
}

fn key(delivery: &Delivery) -> Key {
    Key { subscriber: delivery.subscriber, due_at: delivery.due_at, seq: delivery.seq }
}
