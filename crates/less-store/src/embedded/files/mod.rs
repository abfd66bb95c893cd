//! Files in the embedded store: how they are found and read. `upload` brings bytes in, `objects` keeps them, `write` is
//! what the writer thread does.

mod objects;
mod upload;
mod write;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::Embedded;
use super::failure::{Sql, failed};
use crate::files::{Entry, FilePath, Files, Object, Opened, Upload};
use crate::{Error, Result};

pub(super) use objects::Objects;
use write::What;
pub(super) use write::{FileChange, FileChanged, Filed, last_number};

/// A file may be replaced between its row and its bytes: so often it is looked for again.
const TRIES: usize = 16;

/// Names that are looked at in one piece of a sweep.
const PIECE: usize = 500;

#[async_trait]
impl Files for Embedded {
    async fn begin(&self, project: &str) -> Result<Box<dyn Upload>> {
        let (objects, owner) = (Arc::clone(&self.objects), Arc::from(project));
        let created = blocking("a file cannot be created", move || objects.create(&owner)).await?;
        Ok(Box::new(upload::Uploading::new(Arc::clone(&self.shared), created)))
    }

    async fn open(&self, project: &str, path: &FilePath) -> Result<Option<Opened>> {
        for _ in 0..TRIES {
            let (of, wanted) = (project.to_owned(), path.clone());
            let Some(entry) = self.values.ask(move |conn| find(conn, &of, &wanted)).await? else { return Ok(None) };
            let object = self.objects.path(project, entry.object)?;
            if let Some(file) = blocking("a file cannot be opened", move || if_there(File::open(object))).await? {
                return Ok(Some(Opened { entry, object: Box::new(Stored(Arc::new(file))) }));
            }
        }
        let gone = io::Error::new(io::ErrorKind::NotFound, "the file is listed, and its bytes are not there");
        Err(failed("a file cannot be opened", gone))
    }

    async fn delete(&self, project: &str, path: &FilePath) -> Result<bool> {
        let change = FileChange { project: project.into(), path: path.clone(), what: What::Delete };
        let changed = self.shared.inbox.change_file(change).await?;
        Ok(matches!(changed, FileChanged::Deleted { existed: true }))
    }

    async fn list(&self, project: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>> {
        let (project, prefix, after) = (project.to_owned(), prefix.to_owned(), after.map(str::to_owned));
        self.values.ask(move |conn| list(conn, &project, &prefix, after.as_deref(), limit)).await
    }

    async fn sweep(&self) -> Result<()> {
        let objects = Arc::clone(&self.objects);
        for project in blocking("files cannot be listed", move || objects.projects()).await? {
            self.sweep_files(&project).await?;
        }
        Ok(())
    }
}

impl Embedded {
    /// Removes the project's objects that no row names.
    pub(super) async fn sweep_files(&self, project: &str) -> Result<()> {
        let objects = Arc::clone(&self.objects);
        let of = project.to_owned();
        let Some(mut names) = blocking("files cannot be listed", move || objects.all(&of)).await? else {
            return Ok(());
        };
        loop {
            let (rest, found) = blocking("files cannot be listed", move || {
                let found: Vec<Uuid> = names.by_ref().take(PIECE).collect();
                Ok((names, found))
            })
            .await?;
            names = rest;
            if found.is_empty() {
                return Ok(());
            }
            // In this order: what is not fresh any more by now has its row already, or never will.
            let settled = self.objects.without_fresh(found);
            let left_over = self.reader.ask(move |conn| unnamed(conn, settled)).await?;
            let (objects, of) = (Arc::clone(&self.objects), project.to_owned());
            blocking("what is left over of files cannot be removed", move || objects.remove_all(&of, &left_over))
                .await?;
        }
    }
}

/// The bytes of a file that somebody has opened: they stay for as long.
struct Stored(Arc<File>);

#[async_trait]
impl Object for Stored {
    async fn read(&self, at: u64, length: usize) -> Result<Bytes> {
        let file = Arc::clone(&self.0);
        let read = move || {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, at)?;
            Ok(bytes.into())
        };
        blocking("a file cannot be read", read).await
    }
}

/// Runs what waits for the disk where it holds nobody up.
async fn blocking<T: Send + 'static>(what: &str, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?;
    done.map_err(|error| trouble(what, error))
}

/// What an error of the disk means to those who wait.
fn trouble(what: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full,
        _ => failed(what, error),
    }
}

fn if_there<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

fn find(conn: &Connection, project: &str, path: &FilePath) -> Sql<Option<Entry>> {
    let mut query = conn.prepare_cached(
        "SELECT path, object, size, content_type, uploaded_at FROM file WHERE project = ? AND path = ?",
    )?;
    query.query_row((project, path.as_str()), entry).optional()
}

fn list(conn: &Connection, project: &str, prefix: &str, after: Option<&str>, limit: usize) -> Sql<Vec<Entry>> {
    // Paths that begin alike are neighbours, so it ends at the first that does not.
    let mut query = conn.prepare_cached(
        "SELECT path, object, size, content_type, uploaded_at FROM file WHERE project = ? AND path >= ? ORDER BY path",
    )?;
    let mut entries = Vec::new();
    let mut rows = query.query((project, after.map_or(prefix, |after| after.max(prefix))))?;
    while entries.len() < limit
        && let Some(row) = rows.next()?
    {
        let entry = entry(row)?;
        if !entry.path.as_str().starts_with(prefix) {
            break;
        }
        if after != Some(entry.path.as_str()) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// Reads `path, object, size, content_type, uploaded_at`.
fn entry(row: &Row<'_>) -> Sql<Entry> {
    let path: String = row.get(0)?;
    let path =
        FilePath::parse(&path).map_err(|bad| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, bad.into()))?;
    Ok(Entry {
        path,
        object: Uuid::from_bytes(row.get(1)?),
        size: row.get::<_, i64>(2)?.unsigned_abs(),
        content_type: row.get(3)?,
        uploaded_at: row.get(4)?,
    })
}

/// Those that no row names.
fn unnamed(conn: &Connection, objects: Vec<Uuid>) -> Sql<Vec<Uuid>> {
    let mut query = conn.prepare_cached("SELECT 1 FROM file WHERE object = ?")?;
    let mut unnamed = Vec::new();
    for object in objects {
        if !query.exists([object.as_bytes()])? {
            unnamed.push(object);
        }
    }
    Ok(unnamed)
}
