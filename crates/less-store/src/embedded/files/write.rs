//! How files change, on the writer thread: the row in one transaction with the message that tells of it.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::objects::{Fresh, Objects};
use crate::embedded::batch::Batch;
use crate::embedded::failure::Sql;
use crate::embedded::writer::Writer;
use crate::files::{Entry, FilePath, UPLOADED, message};

/// Files that are purged in one transaction.
const PURGED: u32 = 500;

/// A change of one path.
#[derive(Debug)]
pub(in crate::embedded) struct FileChange {
    pub(in crate::embedded) project: Arc<str>,
    pub(super) path: FilePath,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Keep { fresh: Fresh, size: u64, content_type: String, trace: Uuid },
    Delete,
}

#[derive(Debug)]
pub(in crate::embedded) enum FileChanged {
    Kept(Entry),
    /// The project was purged since the upload began.
    Unwanted,
    Deleted {
        existed: bool,
    },
}

/// What a transaction did.
#[derive(Debug)]
pub(in crate::embedded) struct Filed {
    changed: FileChanged,
    /// No row names it any more.
    gone: Option<Uuid>,
}

impl FileChange {
    /// The transaction is committed: what is the answer. The bytes that lost their row go.
    pub(in crate::embedded) fn committed(
        &self,
        filed: crate::Result<Filed>,
        objects: &Objects,
    ) -> crate::Result<FileChanged> {
        let Filed { changed, gone } = filed.inspect_err(|_| self.refused())?;
        if let What::Keep { fresh, .. } = &self.what {
            fresh.is_kept();
        }
        if let Some(gone) = gone {
            objects.discard(&self.project, gone);
        }
        Ok(changed)
    }

    /// Nothing of it is committed, for certain.
    pub(in crate::embedded) fn refused(&self) {
        if let What::Keep { fresh, .. } = &self.what {
            fresh.is_refused();
        }
    }
}

impl Writer<'_> {
    /// Part of a transaction, to be run as one.
    pub(in crate::embedded) fn change_file(&mut self, batch: &mut Batch, change: &FileChange) -> Sql<Filed> {
        let FileChange { project, path, what } = change;
        if let What::Keep { fresh, .. } = what
            && !fresh.is_wanted()
        {
            return Ok(Filed { changed: FileChanged::Unwanted, gone: None });
        }
        let gone = object(self.conn, project, path)?;
        let changed = match what {
            What::Delete => {
                delete(self.conn, project, path)?;
                FileChanged::Deleted { existed: gone.is_some() }
            }
            What::Keep { fresh, size, content_type, trace } => {
                fresh.submit();
                let (path, content_type) = (path.clone(), content_type.clone());
                let entry = Entry { path, object: fresh.id, size: *size, content_type, uploaded_at: self.now() };
                put(self.conn, project, &entry)?;
                self.tell_of_upload(batch, project, &entry, *trace)?;
                FileChanged::Kept(entry)
            }
        };
        Ok(Filed { changed, gone })
    }

    /// Nobody, where the topic is not deployed.
    fn tell_of_upload(&mut self, batch: &mut Batch, project: &Arc<str>, entry: &Entry, trace: Uuid) -> Sql<()> {
        let Some(topic) = self.catalog.deployed(project, UPLOADED).cloned() else { return Ok(()) };
        let mut message = message(project, entry, trace);
        message.payload = self.shared.lanes.weight.weigh(Vec::from(message.payload));
        self.place(batch, topic, Arc::new(message))
    }

    /// Deletes a piece of what a project had `up_to` a number, and tells nobody; whether there is more.
    pub(in crate::embedded) fn purge_files(&mut self, project: &str, up_to: i64) -> Sql<bool> {
        let deleted = self.transact(|this, _| {
            let mut delete = this.conn.prepare_cached(
                "DELETE FROM file WHERE number IN
                 (SELECT number FROM file WHERE project = ? AND number <= ? LIMIT ?)",
            )?;
            delete.execute((project, up_to, PURGED))
        })?;
        Ok(deleted == PURGED as usize)
    }
}

/// The newest number that a file has.
pub(in crate::embedded) fn last_number(conn: &Connection) -> Sql<i64> {
    conn.query_row("SELECT coalesce(max(number), 0) FROM file", [], |row| row.get(0))
}

fn object(conn: &Connection, project: &str, path: &FilePath) -> Sql<Option<Uuid>> {
    let mut query = conn.prepare_cached("SELECT object FROM file WHERE project = ? AND path = ?")?;
    query.query_row((project, path.as_str()), |row| row.get(0).map(Uuid::from_bytes)).optional()
}

/// In place of what is there.
fn put(conn: &Connection, project: &str, entry: &Entry) -> Sql<()> {
    let mut replace = conn.prepare_cached(
        "INSERT OR REPLACE INTO file(project, path, object, size, content_type, uploaded_at) VALUES(?, ?, ?, ?, ?, ?)",
    )?;
    let size = i64::try_from(entry.size).unwrap_or(i64::MAX);
    let (path, object) = (entry.path.as_str(), entry.object.as_bytes());
    replace.execute((project, path, object, size, &entry.content_type, entry.uploaded_at)).map(drop)
}

fn delete(conn: &Connection, project: &str, path: &FilePath) -> Sql<()> {
    conn.prepare_cached("DELETE FROM file WHERE project = ? AND path = ?")?.execute((project, path.as_str())).map(drop)
}
