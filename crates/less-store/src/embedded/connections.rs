//! Open connections in the embedded store: rows that come and go with the commits of publishes.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection as File;
use uuid::Uuid;

use super::Embedded;
use super::batch::Batch;
use super::failure::Sql;
use super::inbox::Passing;
use super::writer::Writer;
use crate::{Connection, Connections, Message, Result};

#[async_trait]
impl Connections for Embedded {
    async fn open(&self, connection: Connection) -> Result<()> {
        self.shared.inbox.pass(Passing::In(connection)).await.map(drop)
    }

    async fn end(&self, connection: Connection, told: Option<Message>) -> Result<bool> {
        self.shared.inbox.pass(Passing::Out(connection, told.map(Arc::new))).await
    }

    async fn open_ones(&self, project: &str) -> Result<Vec<Connection>> {
        let project: Arc<str> = project.into();
        self.reader.ask(move |file| open_ones(file, &project)).await
    }
}

impl Writer<'_> {
    /// Part of a transaction, to be run as one. Whether the connection was on record.
    pub(super) fn pass(&mut self, batch: &mut Batch, passing: &Passing) -> Sql<bool> {
        match passing {
            Passing::In(Connection { project, topic, id }) => {
                let mut insert =
                    self.conn.prepare_cached("INSERT OR IGNORE INTO connection(project, topic, id) VALUES(?, ?, ?)")?;
                Ok(insert.execute((project, topic, id.as_bytes()))? == 0)
            }
            Passing::Out(connection, told) => {
                let was_open = self.take_off(connection)?;
                if let Some(message) = told.as_ref().filter(|_| was_open)
                    && let Some(topic) = self.catalog.deployed(&message.project, &message.topic).cloned()
                {
                    self.place(batch, topic, Arc::clone(message))?;
                }
                Ok(was_open)
            }
        }
    }

    fn take_off(&self, Connection { project, topic, id }: &Connection) -> Sql<bool> {
        let delete = "DELETE FROM connection WHERE project = ? AND topic = ? AND id = ?";
        Ok(self.conn.prepare_cached(delete)?.execute((project, topic, id.as_bytes()))? > 0)
    }

    /// There are no more than a server can have open: no work to be done in pieces.
    pub(super) fn purge_connections(&self, project: &str) -> Sql<()> {
        self.conn.prepare_cached("DELETE FROM connection WHERE project = ?")?.execute([project]).map(drop)
    }
}

fn open_ones(file: &File, project: &Arc<str>) -> Sql<Vec<Connection>> {
    let mut query = file.prepare_cached("SELECT topic, id FROM connection WHERE project = ? ORDER BY topic, id")?;
    let rows = query.query_map([project], |row| {
        let (topic, id) = (row.get::<_, String>(0)?.into(), Uuid::from_bytes(row.get(1)?));
        Ok(Connection { project: Arc::clone(project), topic, id })
    })?;
    rows.collect()
}
