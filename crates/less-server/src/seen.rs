//! What happens in a server while it happens, for somebody who watches: `run` shows it on the terminal.
//!
//! In: the ends of requests and of attempts at deliveries, what handlers print and throw. Out: one call of the watcher
//! for each, in the thread where it happens: a watcher must never wait. Nothing is kept, and a server that nobody watches
//! pays a look whether somebody does.

use std::sync::Arc;
use std::time::Duration;

use less_store::Verdict;
use uuid::Uuid;

use crate::logs::Line;

/// Who watches.
pub type Echo = Arc<dyn Fn(Seen<'_>) + Send + Sync>;

#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// A line of a handler, or about one, as it is logged.
    Line(&'a Line),
    /// What a handler threw: in the log these are lines of their own.
    Thrown(Thrown<'a>),
    Request(Request<'a>),
    Attempt(Attempt<'a>),
}

#[derive(Debug, Clone, Copy)]
pub struct Thrown<'a> {
    /// Milliseconds since 1970.
    pub time: i64,
    /// The handler's identity.
    pub path: &'a Arc<str>,
    pub invocation: Uuid,
    /// With its stack, where it has one; several lines.
    pub text: &'a str,
}

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Milliseconds since 1970, when it ended.
    pub time: i64,
    /// The API; `topics` and `functions` are the generated ones.
    pub api: &'a str,
    pub invocation: Uuid,
    pub method: &'a str,
    /// As it came, without its query.
    pub path: &'a str,
    /// `None`: its client went away first.
    pub status: Option<u16>,
    pub took: Duration,
}

/// An attempt at a delivery that came to its end.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Milliseconds since 1970, when it ended.
    pub time: i64,
    /// The subscriber's identity, or the cron's.
    pub path: &'a Arc<str>,
    pub invocation: Uuid,
    pub attempt: u32,
    pub took: Duration,
    pub verdict: &'a Verdict,
}
