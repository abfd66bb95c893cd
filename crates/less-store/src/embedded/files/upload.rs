//! An upload: bytes go into an object that nobody sees, then its row is committed.
//!
//! One piece is on its way to the disk while the next one comes in. What was written is synced every so often: the last
//! sync is short then, and no commit of the store finds a gigabyte of another's before it.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rustix::fs::fstatvfs;
use tokio::task::JoinHandle;

use super::objects::{Created, Fresh};
use super::write::{FileChange, FileChanged, What};
use super::{blocking, trouble};
use crate::embedded::Shared;
use crate::embedded::failure::refused;
use crate::files::{Entry, Keep, Upload};
use crate::{Error, Result};

const SYNC_EVERY: u64 = 32 << 20;

/// Room that uploads leave on the disk, for messages: so much, or a sixteenth of a small disk.
const LEFT: u64 = 64 << 20;

pub(super) struct Uploading {
    shared: Arc<Shared>,
    file: Arc<File>,
    folder: PathBuf,
    fresh: Fresh,
    size: u64,
    unsynced: u64,
    /// The piece before, which may not be written yet.
    writing: Option<JoinHandle<io::Result<()>>>,
}

impl Uploading {
    pub(super) fn new(shared: Arc<Shared>, created: Created) -> Self {
        let Created { file, folder, fresh } = created;
        Self { shared, file: Arc::new(file), folder, fresh, size: 0, unsynced: 0, writing: None }
    }

    /// Waits until everything so far is written.
    async fn written(&mut self) -> Result<()> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let written = writing.await.map_err(|_| Error::Closed)?;
        written.map_err(|error| trouble("a file cannot be written", error))
    }
}

#[async_trait]
impl Upload for Uploading {
    async fn write(&mut self, pieces: Vec<Bytes>) -> Result<()> {
        self.written().await?;
        let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        self.size += length;
        self.unsynced += length;
        let is_time = self.unsynced >= SYNC_EVERY;
        if is_time {
            self.unsynced = 0;
        }
        let file = Arc::clone(&self.file);
        self.writing = Some(tokio::task::spawn_blocking(move || {
            leave_room(&file, length)?;
            pieces.iter().try_for_each(|piece| (&*file).write_all(piece))?;
            if is_time { file.sync_data() } else { Ok(()) }
        }));
        Ok(())
    }

    async fn keep(mut self: Box<Self>, keep: Keep) -> Result<Entry> {
        self.written().await?;
        let Self { shared, file, folder, fresh, size, .. } = *self;
        let sync = move || {
            file.sync_all()?;
            File::open(folder)?.sync_all()
        };
        blocking("a file cannot be brought to the disk", sync).await?;
        let Keep { path, content_type, trace } = keep;
        let project = Arc::clone(fresh.project());
        let what = What::Keep { fresh, size, content_type, trace };
        match shared.inbox.change_file(FileChange { project, path, what }).await? {
            FileChanged::Kept(entry) => Ok(entry),
            FileChanged::Unwanted => Err(refused("the file was not kept: its project was purged meanwhile")),
            FileChanged::Deleted { .. } => Err(refused("the file was not kept")),
        }
    }
}

fn leave_room(file: &File, length: u64) -> io::Result<()> {
    let disk = fstatvfs(file)?;
    let left = LEFT.min(disk.f_blocks.saturating_mul(disk.f_frsize) / 16);
    let available = disk.f_bavail.saturating_mul(disk.f_frsize);
    if available < left.saturating_add(length) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}
