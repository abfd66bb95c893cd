//! Connections in the memory back end.

use async_trait::async_trait;

use super::Memory;
use crate::{Connection, Connections, Error, Message, Result};

#[async_trait]
impl Connections for Memory {
    async fn open(&self, connection: Connection) -> Result<()> {
        self.change(|state, _| {
            state.connections.insert(connection);
            Ok(())
        })
    }

    async fn end(&self, connection: Connection, told: Option<Message>) -> Result<bool> {
        self.change(|state, now| {
            let was_open = state.connections.remove(&connection);
            match told.filter(|_| was_open).map(|message| state.publish(message, now)) {
                None | Some(Ok(_) | Err(Error::UnknownTopic { .. })) => Ok(was_open),
                Some(Err(error)) => Err(error),
            }
        })
    }

    async fn open_ones(&self, project: &str) -> Result<Vec<Connection>> {
        self.change(|state, _| Ok(state.connections.iter().filter(|of| *of.project == *project).cloned().collect()))
    }
}
