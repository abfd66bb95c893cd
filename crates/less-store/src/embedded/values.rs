//! Key-values in the embedded store: how they are read. `write` changes them.
//!
//! They are read on a connection and a thread of their own, so that nobody who wants a value waits for
//! a count over a million rows. A commit is seen by every reading that begins after it.

mod write;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row};

use super::Embedded;
use super::failure::Sql;
use crate::{Change, Changed, Result, Timestamp, Value, Values};

pub(super) use write::{first_expiry, last_version};

#[async_trait]
impl Values for Embedded {
    async fn get(&self, project: &str, key: &str) -> Result<Option<Value>> {
        let (project, key, clock) = (project.to_owned(), key.to_owned(), self.shared.clock.clone());
        self.values.ask(move |conn| get(conn, &project, &key, clock())).await
    }

    async fn change(&self, change: Change) -> Result<Changed> {
        self.shared.inbox.change(change).await
    }

    async fn list(&self, project: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        let (project, prefix, clock) = (project.to_owned(), prefix.to_owned(), self.shared.clock.clone());
        let after = after.map(str::to_owned);
        self.values.ask(move |conn| list(conn, &project, &prefix, after.as_deref(), limit, clock())).await
    }
}

fn get(conn: &Connection, project: &str, key: &str, now: Timestamp) -> Sql<Option<Value>> {
    let mut query = conn.prepare_cached(
        "SELECT version, json FROM value WHERE project = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)",
    )?;
    query.query_row((project, key, now), value).optional()
}

/// Reads `version, json`.
fn value(row: &Row<'_>) -> Sql<Value> {
    Ok(Value { version: row.get::<_, i64>(0)?.unsigned_abs(), json: row.get::<_, Vec<u8>>(1)?.into() })
}

fn list(
    conn: &Connection,
    project: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
    now: Timestamp,
) -> Sql<Vec<String>> {
    // Keys that begin alike are neighbours, so it ends at the first that does not.
    let mut query = conn.prepare_cached(
        "SELECT key FROM value WHERE project = ? AND key >= ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY key",
    )?;
    let mut keys = Vec::new();
    let mut rows = query.query((project, after.map_or(prefix, |after| after.max(prefix)), now))?;
    while keys.len() < limit
        && let Some(row) = rows.next()?
    {
        let key: String = row.get(0)?;
        if !key.starts_with(prefix) {
            break;
        }
        if after != Some(&*key) {
            keys.push(key);
        }
    }
    Ok(keys)
}
