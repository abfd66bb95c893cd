//! What happens in the server, as the view keeps it: a copy of what was seen.

use std::sync::Arc;
use std::time::Duration;

use less_server::logs::Line;
use less_server::seen::{self, Seen};
use less_store::Verdict;
use uuid::Uuid;

/// Something that is to be shown.
#[derive(Debug, Clone)]
pub(super) enum Happened {
    Line(Line),
    Thrown(Thrown),
    Request(Request),
    Attempt(Attempt),
}

#[derive(Debug, Clone)]
pub(super) struct Thrown {
    pub(super) time: i64,
    pub(super) path: Arc<str>,
    pub(super) invocation: Uuid,
    pub(super) text: String,
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) time: i64,
    pub(super) api: String,
    pub(super) invocation: Uuid,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: Option<u16>,
    pub(super) took: Duration,
}

#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) time: i64,
    pub(super) path: Arc<str>,
    pub(super) invocation: Uuid,
    pub(super) attempt: u32,
    pub(super) took: Duration,
    pub(super) ended: Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Ok,
    Again {
        after: Duration,
    },
    /// Interrupted; it runs again, alone.
    AgainAlone,
    /// A dead letter.
    Buried,
}

impl Happened {
    /// Of a text not more than so much. None: it is not to be shown.
    pub(super) fn of(seen: Seen<'_>, text_bytes: usize) -> Option<Self> {
        Some(match seen {
            Seen::Line(Line { time, path, stream, invocation, text }) => {
                let text = beginning(text, text_bytes);
                Self::Line(Line { time: *time, path: path.clone(), stream: *stream, invocation: *invocation, text })
            }
            Seen::Thrown(seen::Thrown { time, path, invocation, text }) => {
                Self::Thrown(Thrown { time, path: path.clone(), invocation, text: beginning(text, text_bytes) })
            }
            Seen::Request(seen::Request { time, api, invocation, method, path, status, took }) => {
                let (api, method, path) = (api.to_owned(), method.to_owned(), path.to_owned());
                Self::Request(Request { time, api, invocation, method, path, status, took })
            }
            Seen::Attempt(seen::Attempt { time, path, invocation, attempt, took, verdict }) => {
                let ended = match verdict {
                    Verdict::Done => Ended::Ok,
                    Verdict::Again { after, .. } => Ended::Again { after: *after },
                    Verdict::AgainAlone => Ended::AgainAlone,
                    Verdict::Bury { .. } => Ended::Buried,
                    // It did not begin.
                    Verdict::Release => return None,
                };
                Self::Attempt(Attempt { time, path: path.clone(), invocation, attempt, took, ended })
            }
        })
    }

    /// Of its text.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Line(line) => line.text.len(),
            Self::Thrown(thrown) => thrown.text.len(),
            Self::Request(request) => request.path.len(),
            Self::Attempt(_) => 0,
        }
    }
}

/// With a mark where more follows.
fn beginning(text: &str, most: usize) -> String {
    if text.len() <= most { text.to_owned() } else { format!("{}…", &text[..text.floor_char_boundary(most)]) }
}
