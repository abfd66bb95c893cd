//! Sends a project's log, oldest first, as fast as the client reads it; with `follow` as it came, and what comes.

use std::convert::Infallible;
use std::io;

use bytes::{Bytes, BytesMut};
use hyper::body::Frame;
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use less_project::ProjectName;

use super::api::LogLine;
use super::{Answer, Refused, json_line};
use crate::logs::{self, Cursor, Follower, Line, Ordered, Query, Reader};
use crate::projects::Projects;
use crate::tasks::Tasks;
use crate::triggers::http::streamed;

/// Lines go out in pieces of about this size.
const PIECE: usize = 64 << 10;

type Pieces = mpsc::Sender<Result<Frame<Bytes>, Infallible>>;

pub(super) async fn read(projects: &Projects, name: &ProjectName, query: &[(String, String)], tasks: &Tasks) -> Answer {
    let value = |key: &str| query.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    let bad = |what: &str| Refused::new(StatusCode::BAD_REQUEST, "bad_request", what.to_owned());
    let path = value("path");
    let since = value("since").map(|since| since.parse()).transpose().map_err(|_| bad("`since` is not a time"))?;
    let after = value("after").map(|after| after.parse()).transpose().map_err(|_| bad("`after` is not a cursor"))?;
    let logs = projects.logs_of(name, path.as_deref()).await?;
    let query = Query { path, since, after };
    let failed = |error: io::Error| Refused::internal(&error.into());
    let lines = if value("follow").is_some_and(|follow| follow == "true") {
        Lines::AndOn(logs.follow(&query).map_err(failed)?.ok_or_else(|| too_many(name))?)
    } else {
        Lines::Kept(Ordered::new(logs.read(&query).await.map_err(failed)?))
    };
    let (pieces, body) = mpsc::channel(4);
    let stop = tasks.stopping();
    tasks.work("log reader", async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = pieces.closed() => {}
            () = send(lines, &pieces) => {}
        }
    });
    Ok(Response::new(streamed(body)))
}

fn too_many(project: &ProjectName) -> Refused {
    let message = format!("{} commands follow the log of \"{project}\" already; end one of them", logs::FOLLOWERS);
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_followers", message)
}

enum Lines {
    Kept(Ordered<Reader>),
    /// And those to come.
    AndOn(Follower),
}

/// Ends with the lines.
async fn send(mut lines: Lines, pieces: &Pieces) {
    loop {
        // Files are read on a thread that may wait, and that is free again while the client takes its time.
        let read = tokio::task::spawn_blocking(move || {
            let piece = lines.read();
            (lines, piece)
        });
        let Ok((back, (piece, left))) = read.await else { return };
        lines = back;
        if !piece.is_empty() && pieces.send(Ok(Frame::data(piece))).await.is_err() {
            return;
        }
        match left {
            Left::More => {}
            Left::Nothing if lines.more().await => {}
            Left::Nothing | Left::Unreadable => return,
        }
    }
}

/// What there is to read after a piece.
enum Left {
    More,
    Nothing,
    Unreadable,
}

impl Lines {
    fn next(&mut self) -> Option<io::Result<(Line, Cursor)>> {
        match self {
            Self::Kept(reader) => reader.next(),
            Self::AndOn(follower) => follower.next(),
        }
    }

    async fn more(&mut self) -> bool {
        match self {
            Self::Kept(_) => false,
            Self::AndOn(follower) => follower.more().await,
        }
    }

    fn read(&mut self) -> (Bytes, Left) {
        let mut piece = BytesMut::new();
        while piece.len() < PIECE {
            match self.next() {
                Some(Ok((line, cursor))) => {
                    let line = LogLine { cursor: cursor.to_string(), ..LogLine::from(line) };
                    piece.extend_from_slice(&json_line(&line));
                }
                Some(Err(error)) => {
                    tracing::error!(%error, "a log could not be read to its end");
                    return (piece.freeze(), Left::Unreadable);
                }
                None => return (piece.freeze(), Left::Nothing),
            }
        }
        (piece.freeze(), Left::More)
    }
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
