//! Questions that read much: on a connection and a thread of their own, so that no publisher waits
//! for a count over a million rows. They see what was committed when they began.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, Row, params};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::catalog::pending_ids;
use super::failure::{Sql, failed, tell};
use super::rows::reason;
use crate::{DeadLetter, Deployment, Error, Message, Result, SubscriberId};

/// Questions that may wait.
const QUESTIONS: usize = 64;

type Question = Box<dyn FnOnce(&mut Connection) + Send>;

pub(super) struct Reader(Mutex<Option<mpsc::Sender<Question>>>);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

impl Reader {
    pub(super) fn open(file: &Path) -> Result<(Self, JoinHandle<()>)> {
        let broken = |error| failed(format!("cannot read {}", file.display()), error);
        let mut conn = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(broken)?;
        let (questions, mut asked) = mpsc::channel::<Question>(QUESTIONS);
        let work = move || {
            while let Some(question) = asked.blocking_recv() {
                question(&mut conn);
            }
        };
        let thread = std::thread::Builder::new()
            .name("less-store-reader".to_owned())
            .spawn(work)
            .map_err(|error| failed("cannot start the store's reader", error))?;
        Ok((Self(Mutex::new(Some(questions))), thread))
    }

    /// Runs a question on one consistent view.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Sql<T> + Send + 'static,
    ) -> Result<T> {
        let questions = self.0.lock().clone().ok_or(Error::Closed)?;
        let (answer, answered) = oneshot::channel();
        let ask = move |conn: &mut Connection| {
            let found = conn.transaction().and_then(|view| question(&view));
            answer.send(found).ok(); // nobody waits for it any more
        };
        questions.send(Box::new(ask)).await.map_err(|_| Error::Closed)?;
        let found = answered.await.map_err(|_| Error::Closed)?;
        found.map_err(|error| tell("the store could not be read", &Arc::new(error)))
    }

    /// Takes no more questions; the thread ends.
    pub(super) fn close(&self) {
        self.0.lock().take();
    }
}

/// A subscriber's unsettled deliveries.
#[derive(Debug)]
pub(super) struct Backlog {
    /// Its identity.
    pub(super) subscriber: String,
    pub(super) deployed: bool,
    pub(super) waiting: u64,
}

impl Backlog {
    pub(super) fn named(self) -> (String, u64) {
        (self.subscriber, self.waiting)
    }
}

/// Of all subscribers the project ever had, by name.
pub(super) fn backlogs(conn: &Connection, project: &str) -> Sql<Vec<Backlog>> {
    let recent = recent_by_subscriber(conn)?;
    let mut query = conn.prepare_cached(
        "SELECT s.id, s.name, s.deployed, (SELECT count(*) FROM delivery d WHERE d.subscriber = s.id)
         FROM subscriber s WHERE s.owner = ? ORDER BY s.name, s.id",
    )?;
    let backlog = |row: &Row<'_>| {
        let in_memory = recent.get(&SubscriberId(row.get(0)?)).copied().unwrap_or(0);
        let waiting = row.get::<_, i64>(3)?.unsigned_abs() + in_memory;
        Ok(Backlog { subscriber: row.get(1)?, deployed: row.get(2)?, waiting })
    };
    query.query_map([project], backlog)?.collect()
}

fn recent_by_subscriber(conn: &Connection) -> Sql<HashMap<SubscriberId, u64>> {
    let mut counts = HashMap::new();
    let mut query = conn.prepare_cached("SELECT pending FROM recent")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let pending = row.get_ref(0)?.as_blob()?;
        pending_ids(pending).for_each(|id| *counts.entry(id).or_default() += 1);
    }
    Ok(counts)
}

pub(super) fn deployments(conn: &Connection) -> Sql<Vec<Deployment>> {
    let mut query = conn.prepare_cached("SELECT name, id, version, created_at, updated_at FROM project")?;
    let deployment = |row: &Row<'_>| {
        Ok(Deployment {
            project: row.get(0)?,
            id: Uuid::from_bytes(row.get(1)?),
            version: row.get(2)?,
            created_at: row.get(3)?,
            updated_at: row.get(4)?,
        })
    };
    query.query_map([], deployment)?.collect()
}

pub(super) fn dead_letters(conn: &Connection, project: &str, limit: usize) -> Sql<Vec<DeadLetter>> {
    let mut query = conn.prepare_cached(
        "SELECT d.seq, d.subscriber, s.name, t.project, t.name, d.reason, d.buried_at, d.id, d.trace, d.cause,
                d.published_at, d.payload, d.delayed_until, d.ordering_key
         FROM dead_letter d JOIN subscriber s ON s.id = d.subscriber JOIN topic t ON t.id = s.topic
         WHERE d.project = ? ORDER BY d.number DESC LIMIT ?",
    )?;
    let mut errors = conn.prepare_cached(
        "SELECT attempt, at, error FROM attempt_error WHERE seq = ? AND subscriber = ? ORDER BY attempt",
    )?;
    let mut letters = Vec::new();
    let mut rows = query.query(params![project, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        let of = (row.get::<_, i64>(0)?, row.get::<_, u32>(1)?);
        let errors = errors.query_map(of, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<Sql<_>>()?;
        letters.push(dead_letter(row, errors)?);
    }
    Ok(letters)
}

fn dead_letter(row: &Row<'_>, errors: Vec<(u32, i64, String)>) -> Sql<DeadLetter> {
    let text = |at| row.get::<_, String>(at).map(Arc::<str>::from);
    let message = Message {
        id: Uuid::from_bytes(row.get(7)?),
        project: text(3)?,
        topic: text(4)?,
        payload: row.get::<_, Vec<u8>>(11)?.into(),
        trace: Uuid::from_bytes(row.get(8)?),
        cause: row.get::<_, Option<_>>(9)?.map(Uuid::from_bytes),
        published_at: row.get(10)?,
        delayed_until: row.get(12)?,
        ordering_key: row.get::<_, Option<String>>(13)?.map(Arc::from),
    };
    Ok(DeadLetter { subscriber: row.get(2)?, message, reason: reason(row.get(5)?), buried_at: row.get(6)?, errors })
}
