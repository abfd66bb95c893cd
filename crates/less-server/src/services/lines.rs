//! What handlers print, and what the system says about them: into the project's log.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use uuid::Uuid;

use super::Services;
use crate::clock;
use crate::limits;
use crate::logs::{Line, Stream};
use crate::seen::{Attempt, Seen, Thrown};

/// Lines that no invocation wrote (a module while it loads, a crashing process) stand under this path.
pub(crate) const WORKER_PATH: &str = "worker";

impl Services {
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
        self.show(Seen::Line(&line));
        self.logs.append(line);
    }

    fn show(&self, seen: Seen<'_>) {
        if let Some(echo) = &self.echo {
            echo(seen);
        }
    }

    /// An attempt at a delivery has come to its end; the log has lines of those that failed.
    pub(crate) fn show_attempt(&self, attempt: Attempt<'_>) {
        self.show(Seen::Attempt(attempt));
    }

    /// What a handler threw, line by line: it stays in the log and goes to no client.
    pub(crate) fn tell_stack(&self, path: &Arc<str>, invocation: Uuid, thrown: &less_protocol::Thrown) {
        let short = format!("{}: {}", thrown.name, thrown.message);
        let text = if thrown.stack.is_empty() { &short } else { &thrown.stack };
        let text = &text[..text.floor_char_boundary(limits::LOG_LINE_BYTES)];
        let time = clock::now_ms();
        self.show(Seen::Thrown(Thrown { time, path, invocation, text }));
        for line in text.lines() {
            let (path, text) = (path.clone(), line.to_owned());
            self.logs.append(Line { time, path, stream: Stream::Error, invocation, text });
        }
    }

    /// A line about a worker process.
    pub(crate) fn tell_worker(&self, text: &str) {
        // Who watches sees the line itself.
        if self.echo.is_none() {
            tracing::warn!(project = &*self.project, "{text}");
        }
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
