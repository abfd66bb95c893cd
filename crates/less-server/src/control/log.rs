//! Sends a project's log, oldest first, as fast as the client reads it.

use std::convert::Infallible;

use bytes::BytesMut;
use hyper::body::Frame;
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use less_project::ProjectName;

use super::api::LogLine;
use super::{Answer, Refused, json_line};
use crate::logs::{Line, Query, Reader};
use crate::projects::Projects;
use crate::tasks::Tasks;
use crate::triggers::http::streamed;

/// Lines go out in pieces of about this size.
const PIECE: usize = 64 << 10;

pub(super) async fn read(projects: &Projects, name: &ProjectName, query: &[(String, String)], tasks: &Tasks) -> Answer {
    let value = |key: &str| query.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    let bad = |what: &str| Refused::new(StatusCode::BAD_REQUEST, "bad_request", what.to_owned());
    let path = value("path");
    let since = value("since").map(|since| since.parse()).transpose().map_err(|_| bad("`since` is not a time"))?;
    let after = value("after").map(|after| after.parse()).transpose().map_err(|_| bad("`after` is not a cursor"))?;
    let logs = projects.logs_of(name, path.as_deref()).await?;
    let reader = logs.read(&Query { path, since, after }).await.map_err(|error| Refused::internal(&error.into()))?;
    let (pieces, body) = mpsc::channel(4);
    let stop = tasks.stopping();
    tasks.work("log reader", async move {
        let reading = tokio::task::spawn_blocking(move || send(reader, &pieces));
        tokio::select! {
            () = stop.cancelled() => {}
            _ended = reading => {}
        }
    });
    Ok(Response::new(streamed(body)))
}

/// Ends with the lines, or when the client has gone.
fn send(reader: Reader, pieces: &mpsc::Sender<Result<Frame<bytes::Bytes>, Infallible>>) {
    let mut piece = BytesMut::with_capacity(PIECE);
    for entry in reader {
        let (line, cursor) = match entry {
            Ok(entry) => entry,
            Err(error) => {
                tracing::error!(%error, "a log could not be read to its end");
                break;
            }
        };
        let line = LogLine { cursor: cursor.to_string(), ..LogLine::from(line) };
        piece.extend_from_slice(&json_line(&line));
        if piece.len() >= PIECE && pieces.blocking_send(Ok(Frame::data(piece.split().freeze()))).is_err() {
            return;
        }
    }
    pieces.blocking_send(Ok(Frame::data(piece.freeze()))).ok();
}

/// Without a cursor: the reader knows it.
impl From<Line> for LogLine {
    fn from(line: Line) -> Self {
        Self {
            time: line.time,
            path: line.path.to_string(),
            stream: line.stream.name().into(),
            invocation: if line.invocation.is_nil() { String::new() } else { line.invocation.to_string() },
            text: line.text,
            cursor: String::new(),
        }
    }
}
