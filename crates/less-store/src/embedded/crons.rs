//! A cron's scheduled time has come: its mark and its message are one commit.

use std::sync::Arc;

use rusqlite::OptionalExtension;

use super::failure::Sql;
use super::writer::Writer;
use crate::{SubscriberId, Tick, Ticked, Timestamp};

impl Writer<'_> {
    pub(super) fn tick(&mut self, tick: Tick) -> Sql<Ticked> {
        let Tick { project, cron, at, message } = tick;
        let Some(mark) = self.mark(&project, &cron)? else { return Ok(Ticked::Unknown) };
        let Some(topic) = self.catalog.deployed(&project, &cron).cloned() else { return Ok(Ticked::Unknown) };
        if mark >= at {
            return Ok(Ticked::Already);
        }
        let mut runs = false;
        for member in &topic.audience.members {
            runs |= self.is_anything_unsettled(member.id)?;
        }
        self.transact(|this, batch| {
            let mut set = this.conn.prepare_cached("UPDATE cron SET mark = ? WHERE project = ? AND name = ?")?;
            set.execute((at, &project, &cron))?;
            if runs {
                return Ok(Ticked::StillRuns);
            }
            this.place(batch, topic, Arc::new(message)).map(|()| Ticked::Published)
        })
    }

    fn mark(&self, project: &str, cron: &str) -> Sql<Option<Timestamp>> {
        let mut query = self.conn.prepare_cached("SELECT mark FROM cron WHERE project = ? AND name = ?")?;
        query.query_row((project, cron), |row| row.get(0)).optional()
    }

    fn is_anything_unsettled(&self, subscriber: SubscriberId) -> Sql<bool> {
        if self.recent.holds_any(subscriber) {
            return Ok(true);
        }
        let mut query = self.conn.prepare_cached("SELECT 1 FROM delivery WHERE subscriber = ? LIMIT 1")?;
        query.exists([subscriber.0])
    }
}
