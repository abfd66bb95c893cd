//! What a running handler may ask for, and where its lines go: one value per live version.

use std::sync::Arc;

use bytes::Bytes;
use less_protocol::{Call, CallError, Service};
use less_store::{Message, Topics};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use uuid::Uuid;

use crate::clock;
use crate::limits;
use crate::logs::{Line, Logs, Stream};
use crate::server::Echo;

/// Lines that no invocation wrote (a module while it loads, a crashing process) stand under this path.
pub(crate) const WORKER_PATH: &str = "worker";

/// The invocation that asks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Caller {
    pub invocation: Uuid,
    pub trace: Uuid,
}

pub struct Services {
    project: Arc<str>,
    topics: Arc<dyn Topics>,
    topic_names: Vec<Arc<str>>,
    logs: Logs,
    echo: Option<Echo>,
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("the message has {size} bytes, more than the {limit} bytes a message may have")]
    TooLarge { size: usize, limit: usize },
    #[error("there is no topic {given}; the topics are: {existing}")]
    UnknownTopic { given: String, existing: String },
    #[error(transparent)]
    Store(#[from] less_store::Error),
}

impl PublishError {
    /// Stable, for handlers and clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "message_too_large",
            Self::UnknownTopic { .. } | Self::Store(less_store::Error::UnknownTopic { .. }) => "unknown_topic",
            Self::Store(less_store::Error::Full) => "store_full",
            Self::Store(less_store::Error::Closed) => "stopping",
            Self::Store(less_store::Error::InUse(_) | less_store::Error::Failed(_)) => "store_failed",
        }
    }
}

impl Services {
    pub fn new(
        project: Arc<str>,
        topic_names: Vec<Arc<str>>,
        topics: Arc<dyn Topics>,
        logs: Logs,
        echo: Option<Echo>,
    ) -> Self {
        Self { project, topics, topic_names, logs, echo }
    }

    /// Resolves with the message's id once it is durable.
    pub async fn publish(
        &self,
        topic: &str,
        payload: Bytes,
        trace: Uuid,
        cause: Option<Uuid>,
    ) -> Result<Uuid, PublishError> {
        if payload.len() > limits::MESSAGE_BYTES {
            return Err(PublishError::TooLarge { size: payload.len(), limit: limits::MESSAGE_BYTES });
        }
        let topic = self.topic_names.iter().find(|name| ***name == *topic).cloned().ok_or_else(|| {
            let existing = match self.topic_names.as_slice() {
                [] => "none".to_owned(),
                names => names.join(", "),
            };
            PublishError::UnknownTopic { given: topic.to_owned(), existing }
        })?;
        let id = Uuid::now_v7();
        let project = self.project.clone();
        let published_at = clock::now_ms();
        self.topics.publish(Message { id, project, topic, payload, trace, cause, published_at }).await?;
        Ok(id)
    }

    /// Answers a call from a handler with JSON.
    pub(crate) async fn call(&self, caller: Caller, call: Call) -> Result<Bytes, CallError> {
        match call.service {
            Service::Publish => {
                let published = self.publish(&call.target, call.payload, caller.trace, Some(caller.invocation)).await;
                match published {
                    Ok(id) => Ok(Bytes::from(format!(r#"{{"id":"{id}"}}"#))),
                    Err(error) => Err(CallError { code: error.code().into(), message: error.to_string() }),
                }
            }
        }
    }

    /// A line of a handler, or of the process outside any (`path: None`).
    pub(crate) fn log(&self, path: Option<Arc<str>>, invocation: Uuid, error: bool, time: u64, text: String) {
        let stream = if error { Stream::Error } else { Stream::Out };
        let path = path.unwrap_or_else(|| WORKER_PATH.into());
        let time = i64::try_from(time).unwrap_or(i64::MAX);
        self.append(Line { time, path, stream, invocation, text });
    }

    /// A line of the system about an invocation, among the handler's own.
    pub(crate) fn tell(&self, path: &Arc<str>, invocation: Uuid, text: String) {
        let line = Line { time: clock::now_ms(), path: path.clone(), stream: Stream::Less, invocation, text };
        self.append(line);
    }

    fn append(&self, line: Line) {
        if let Some(echo) = &self.echo {
            echo(&line);
        }
        self.logs.append(line);
    }

    /// What a handler threw, line by line: it stays in the log and goes to no client.
    pub(crate) fn tell_stack(&self, path: &Arc<str>, invocation: Uuid, thrown: &less_protocol::Thrown) {
        let short = format!("{}: {}", thrown.name, thrown.message);
        let text = if thrown.stack.is_empty() { &short } else { &thrown.stack };
        let text = &text[..text.floor_char_boundary(limits::LOG_LINE_BYTES)];
        let now = u64::try_from(clock::now_ms()).unwrap_or(0);
        for line in text.lines() {
            self.log(Some(path.clone()), invocation, true, now, line.to_owned());
        }
    }

    /// A line about a worker process.
    pub(crate) fn tell_worker(&self, text: &str) {
        tracing::warn!(project = &*self.project, "{text}");
        self.tell(&Arc::from(WORKER_PATH), Uuid::nil(), text.to_owned());
    }

    /// Copies what a process writes past the SDK into the log, until it ends.
    pub(crate) async fn relay(self: Arc<Self>, output: impl AsyncRead + Unpin) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        // Of a line without end only the beginning is kept.
        while let Ok(bytes) = output.fill_buf().await {
            if bytes.is_empty() {
                break;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            line.extend_from_slice(&piece[..piece.len().min(limits::LOG_LINE_BYTES - line.len())]);
            let used = end.map_or(bytes.len(), |end| end + 1);
            output.consume(used);
            if end.is_some() {
                self.relayed(&line);
                line.clear();
            }
        }
        if !line.is_empty() {
            self.relayed(&line);
        }
    }

    fn relayed(&self, line: &[u8]) {
        let now = u64::try_from(clock::now_ms()).unwrap_or(0);
        self.log(None, Uuid::nil(), true, now, String::from_utf8_lossy(line).into_owned());
    }
}
