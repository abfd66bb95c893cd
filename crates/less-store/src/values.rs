//! The seam of key-values: its words, and the promises every back end keeps.

mod effect;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::{Result, Timestamp};
pub(crate) use effect::{Behalf, Effect, Event, Kept, effect};

/// The topics that tell of changes, where a project has them.
pub const CREATED: &str = "kvs_created";
pub const UPDATED: &str = "kvs_updated";
pub const DELETED: &str = "kvs_deleted";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// JSON, exactly as it was set.
    pub json: Bytes,
    /// Another one after every change of the key, also after it was deleted; ascending, never 0.
    pub version: u64,
}

/// A change of one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub project: Arc<str>,
    pub key: String,
    pub operation: Operation,
    /// Of the event that tells of it.
    pub trace: Uuid,
    /// The invocation that changes it.
    pub cause: Option<Uuid>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Replaces value and expiry.
    Set {
        json: Bytes,
        expires_at: Option<Timestamp>,
        /// Only if the value there has this version; 0: only if there is none.
        if_version: Option<u64>,
    },
    Delete,
    /// Adds to the number there (0 if there is none) and keeps its expiry. Numbers are those of JavaScript:
    /// whole ones are exact up to 2^53.
    Increment {
        by: f64,
    },
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    Done(Value),
    /// `existed`: there was something to delete.
    Deleted {
        existed: bool,
    },
    /// Nothing changed: the version there is another (0: there is no value).
    Conflict {
        version: u64,
    },
    /// Nothing changed: what is there is no number, or the sum would be none.
    NotANumber,
}

/// The key-value store. The contract every back end keeps; `contract::check_values` holds each to it.
///
/// 1. `change` returns only once the change would survive a power cut; whoever asks later sees it.
/// 2. Changes of one key happen one after the other: of concurrent increments none is lost.
/// 3. An expired value is never returned. It is deleted at its time, to the second.
/// 4. Where the project has the topics, a change and the message that tells of it are one commit. Messages:
///    `{"key", "new_value"}` of [`CREATED`], `{"key", "old_value", "new_value"}` of [`UPDATED`], `{"key",
///    "old_value"}` of [`DELETED`]; values as they were set. Expiry counts as delete, and is told once; a
///    change of an expired value is told as its deletion and a creation. They are in order for each key.
/// 5. Keys of one project are nobody else's.
#[async_trait]
pub trait Values: Send + Sync + 'static {
    async fn get(&self, project: &str, key: &str) -> Result<Option<Value>>;

    async fn change(&self, change: Change) -> Result<Changed>;

    /// The keys that begin with `prefix`, in the order of their bytes, after `after`, at most `limit`.
    async fn list(&self, project: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>>;
}
