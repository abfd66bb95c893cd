//! The seam of clients' connections: its words, and the promises every back end keeps.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use crate::{Message, Result};

/// A connection whose end somebody is to hear of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Connection {
    pub project: Arc<str>,
    /// To which its end is told: `sockets/chat/disconnect`.
    pub topic: Arc<str>,
    pub id: Uuid,
}

/// Which connections are open. The contract every back end keeps; `contract::check_connections` holds each to it.
///
/// 1. `open` returns only once the record would survive a power cut: what a handler does for a connection after
///    that is never without the record.
/// 2. `end` takes the record away and publishes the message that tells of the end in one commit, or neither. Of a
///    connection that is not on record it does nothing: so each ends once, however often and by whom it is ended.
/// 3. Where the topic is not deployed, the record goes and nobody is told.
/// 4. A purge takes the records of its project, and of no other.
#[async_trait]
pub trait Connections: Send + Sync + 'static {
    async fn open(&self, connection: Connection) -> Result<()>;

    /// `told`: to the connection's topic; none when nobody is to hear of it. Whether it was on record.
    async fn end(&self, connection: Connection, told: Option<Message>) -> Result<bool>;

    /// Those of the project that are on record, by topic and id.
    async fn open_ones(&self, project: &str) -> Result<Vec<Connection>>;
}
