//! Files in the memory back end.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

use super::Memory;
use super::state::State;
use crate::clock::Clock;
use crate::files::{self, Entry, FilePath, Keep, Object, Opened, Upload, message};
use crate::{Error, Result};

/// By project and path.
pub(super) type Files = BTreeMap<(Arc<str>, FilePath), (Entry, Bytes)>;

#[async_trait]
impl files::Files for Memory {
    async fn begin(&self, project: &str) -> Result<Box<dyn Upload>> {
        let (state, changed, clock) = (Arc::clone(&self.state), Arc::clone(&self.changed), self.clock.clone());
        let (project, bytes) = (Arc::from(project), BytesMut::new());
        let purges = state.lock().purges.get(&project).copied();
        Ok(Box::new(Uploading { project, purges, bytes, state, changed, clock }))
    }

    async fn open(&self, project: &str, path: &FilePath) -> Result<Option<Opened>> {
        let place = (project.into(), path.clone());
        let found = self.change(|state, _| Ok(state.files.get(&place).cloned()))?;
        Ok(found.map(|(entry, bytes)| Opened { entry, object: Box::new(Whole(bytes)) }))
    }

    async fn delete(&self, project: &str, path: &FilePath) -> Result<bool> {
        let place = (project.into(), path.clone());
        self.change(|state, _| Ok(state.files.remove(&place).is_some()))
    }

    async fn list(&self, project: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>> {
        let is_listed = |path: &str| path.starts_with(prefix) && after.is_none_or(|after| path > after);
        self.change(|state, _| {
            let listed = state.files.iter().filter(|((of, path), _)| **of == *project && is_listed(path.as_str()));
            Ok(listed.map(|(_, (entry, _))| entry.clone()).take(limit).collect())
        })
    }

    async fn sweep(&self) -> Result<()> {
        Ok(())
    }
}

struct Uploading {
    project: Arc<str>,
    /// By the time it began.
    purges: Option<u64>,
    bytes: BytesMut,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    clock: Clock,
}

#[async_trait]
impl Upload for Uploading {
    async fn write(&mut self, pieces: Vec<Bytes>) -> Result<()> {
        pieces.iter().for_each(|piece| self.bytes.extend_from_slice(piece));
        Ok(())
    }

    async fn keep(self: Box<Self>, keep: Keep) -> Result<Entry> {
        let Self { project, purges, bytes, state, changed, clock } = *self;
        let Keep { path, content_type, trace } = keep;
        let (object, size, uploaded_at) = (Uuid::now_v7(), bytes.len() as u64, clock());
        let entry = Entry { path: path.clone(), object, size, content_type, uploaded_at };
        let mut state = state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        if state.purges.get(&project).copied() != purges {
            return Err(Error::Failed("its project was purged meanwhile".into()));
        }
        state.files.insert((Arc::clone(&project), path), (entry.clone(), bytes.freeze()));
        // Without the topic nobody is told.
        state.publish(message(&project, &entry, trace), uploaded_at).ok();
        drop(state);
        changed.notify_waiters();
        Ok(entry)
    }
}

struct Whole(Bytes);

#[async_trait]
impl Object for Whole {
    async fn read(&self, at: u64, length: usize) -> Result<Bytes> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let end = at.saturating_add(length);
        if end > self.0.len() {
            return Err(Error::Failed("the file ends before that".into()));
        }
        Ok(self.0.slice(at..end))
    }
}
