//! What a running handler may ask for, and where its lines go: one value per live version.
//!
//! In: calls of handlers, as `workers` read them. Out: their answers, in JSON. `publish` writes messages,
//! `kvs` reads and changes values, both in the store; `files` makes URLs, at which bytes come and go; a function is called
//! in the project's live version; `sockets` sends to those who are connected.
//! `lines` keeps what handlers print.

mod files;
mod kvs;
mod lines;
mod publish;
mod sockets;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use less_protocol::{Call, CallError, Service};
use less_store::{Origin, Store, SubscriberId};
use parking_lot::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use crate::live::CallFrom;
use crate::logs::Logs;
use crate::registry::Registry;
use crate::seen::Echo;

pub(crate) use files::FileUrls;
pub(crate) use lines::WORKER_PATH;
pub(crate) use publish::{From, PublishError};

/// The invocation that asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub invocation: Uuid,
    pub trace: Uuid,
    pub origin: Option<Arc<Causing>>,
    /// How many functions deep it was called.
    pub depth: u32,
    /// What it calls has no more time than itself.
    pub deadline: Instant,
    /// It is a suspect, and so is what it calls.
    pub alone: bool,
}

/// A delivery under attempt, and what this attempt has published so far: by it a later attempt's publish
/// is recognised as the same.
#[derive(Debug)]
pub struct Causing {
    subscriber: SubscriberId,
    seq: i64,
    published: Mutex<HashMap<[u8; 16], u32>>,
    /// A function that it called took its process along.
    lost: AtomicBool,
}

impl Causing {
    pub(crate) fn new(subscriber: SubscriberId, seq: i64) -> Self {
        Self { subscriber, seq, published: Mutex::default(), lost: AtomicBool::new(false) }
    }

    /// Counts one more publish of this content.
    fn next(&self, hash: [u8; 16]) -> Origin {
        let mut published = self.published.lock();
        let count = published.entry(hash).or_default();
        *count += 1;
        Origin { subscriber: self.subscriber, seq: self.seq, hash, nth: *count - 1 }
    }

    /// One was refused: it does not count, unless another was counted after it.
    fn take_back(&self, origin: Origin) {
        if let Some(count) = self.published.lock().get_mut(&origin.hash).filter(|count| **count == origin.nth + 1) {
            *count -= 1;
        }
    }

    pub(crate) fn has_lost_a_worker(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn lose_a_worker(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }
}

pub struct Services {
    project: Arc<str>,
    store: Store,
    topic_names: Vec<Arc<str>>,
    /// Where the version is found that runs functions; it holds this one.
    registry: Weak<Registry>,
    logs: Logs,
    echo: Option<Echo>,
    pub(crate) file_urls: FileUrls,
}

impl Services {
    pub(crate) fn new(
        project: Arc<str>,
        topic_names: Vec<Arc<str>>,
        store: Store,
        registry: Weak<Registry>,
        logs: Logs,
        echo: Option<Echo>,
        file_urls: FileUrls,
    ) -> Self {
        Self { project, store, topic_names, registry, logs, echo, file_urls }
    }

    /// Answers a call from a handler with JSON.
    pub(crate) async fn call(&self, caller: Caller, call: Call) -> Result<Bytes, CallError> {
        match call.service {
            Service::Publish => self.publish_for(&caller, call).await,
            Service::Kvs => self.kvs(&caller, call).await,
            Service::Files => self.files(call).await,
            Service::Function => self.call_function(&caller, &call.target, call.payload).await,
            Service::Sockets => self.send_to_socket(&call),
        }
    }

    /// A running invocation stays on its version; what it calls starts on the newest.
    async fn call_function(&self, caller: &Caller, name: &str, argument: Bytes) -> Result<Bytes, CallError> {
        let registry = self.registry.upgrade().ok_or_else(|| CallError {
            code: "stopping".into(),
            message: format!("functions.{name} was not called: the project is not running any more"),
            name: None,
        })?;
        let asked = CallFrom::handler(caller);
        Box::pin(registry.call_function(&self.project, name, argument, &asked)).await.map_err(CallError::from)
    }
}
