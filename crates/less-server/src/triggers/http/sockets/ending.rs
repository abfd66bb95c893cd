//! That a connection is open is on record, and its end is told once: whoever closes it, and if the server itself is killed.
//!
//! The record is durable before `connect` runs, so that nothing a handler does for a connection is without it. What ends
//! takes the record away and publishes to `disconnect` in one commit. What is on record when a version starts has ended
//! with an earlier server. Where nobody is to hear of ends, nothing is recorded.

use std::sync::Arc;
use std::time::Duration;

use less_store::{Connection, Connections, Error, Message, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::words::disconnected;
use crate::clock;

/// After the store refused to take an end, its disk being full, say.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// An open connection on record.
pub(crate) struct Recorded {
    connections: Arc<dyn Connections>,
    connection: Connection,
}

impl Recorded {
    pub(super) async fn open(
        connections: Arc<dyn Connections>,
        project: Arc<str>,
        topic: Arc<str>,
        id: Uuid,
    ) -> less_store::Result<Self> {
        let connection = Connection { project, topic, id };
        connections.open(connection.clone()).await?;
        Ok(Self { connections, connection })
    }

    /// It has ended, and `disconnect` is to hear of it.
    pub(crate) async fn end(self, stop: &CancellationToken) {
        let Connection { project, topic, id } = self.connection.clone();
        let message = Message {
            id: Uuid::now_v7(),
            project,
            topic,
            payload: disconnected(id),
            trace: Uuid::now_v7(),
            cause: None,
            published_at: clock::now_ms(),
            delayed_until: None,
            ordering_key: None,
        };
        self.take_off(Some(message), stop).await;
    }

    /// It never really was one.
    pub(super) async fn forget(self, stop: &CancellationToken) {
        self.take_off(None, stop).await;
    }

    /// Until it succeeds, or the server stops: then the next one finds the record.
    async fn take_off(self, told: Option<Message>, stop: &CancellationToken) {
        while let Err(error) = self.connections.end(self.connection.clone(), told.clone()).await {
            if matches!(error, Error::Closed) {
                return;
            }
            tracing::warn!(project = &*self.connection.project, %error, "the end of a connection could not be recorded; it is tried again");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TRY_AGAIN) => {}
            }
        }
    }
}

/// Those that were open when the project last ran.
pub(crate) async fn left_open(store: &Store, project: &str) -> less_store::Result<Vec<Recorded>> {
    let open = store.connections.open_ones(project).await?;
    let recorded = |connection| Recorded { connections: store.connections.clone(), connection };
    Ok(open.into_iter().map(recorded).collect())
}
