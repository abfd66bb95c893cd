//! One connection, from its beginning to its end.
//!
//! In: what its client does, and what is published to it. Out: invocations of the socket's handlers, one at a time, and
//! the end, told once. The loop waits for whatever comes first; what that means is decided in small functions.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use less_protocol::Input;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_websockets::CloseCode;
use uuid::Uuid;

use super::ending::Recorded;
use super::handshake::Accepted;
use super::rooms::Place;
use super::wire::{Flow, Heard, Wire};
use super::words::{self, Said};
use crate::clock::{self, millis};
use crate::limits;
use crate::live::Live;
use crate::tasks::Tasks;
use crate::triggers::http::Failure;
use crate::workers::{Handler, Invocation, Outcome};

/// Serves a client to the end of its connection, until `disconnect` is sure to hear of it.
pub(in crate::triggers::http) async fn converse<S>(accepted: Arc<Accepted>, stream: S, tasks: &Tasks)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Who retires the version waits for its connections.
    let _held = accepted.live.hold();
    let (place, told) = accepted.enter();
    let mut session = Session::new(&accepted, place, Wire::new(stream));
    let recorded = match record(&accepted, session.place.id).await {
        Ok(recorded) => recorded,
        Err(error) => {
            let project = &*accepted.live.name;
            tracing::warn!(project, %error, "a client was not let in: its connection could not be recorded");
            session.leave(CloseCode::SERVICE_OVERLOAD, "try again shortly");
            return session.run().await;
        }
    };
    session.connect(told);
    session.run().await;
    let was_in = session.was_in;
    drop(session);
    match recorded {
        Some(recorded) if was_in => recorded.end(&tasks.stopping()).await,
        Some(recorded) => recorded.forget(&tasks.stopping()).await,
        None => {}
    }
}

/// None where nobody is to hear of the end.
async fn record(accepted: &Accepted, id: Uuid) -> less_store::Result<Option<Recorded>> {
    let Some(topic) = accepted.handlers.disconnect.clone() else { return Ok(None) };
    Recorded::open(accepted.live.connections(), accepted.live.name.clone(), topic, id).await.map(Some)
}

struct Session<'a, S> {
    accepted: &'a Accepted,
    leaving: CancellationToken,
    place: Place,
    wire: Wire<S>,
    /// What the client said while a handler was at work.
    inbox: VecDeque<(Handler, Said)>,
    work: Option<Working>,
    /// `connect` has let the client in.
    is_in: bool,
    /// Whether `disconnect` is to hear of it: not of one that `connect` refused.
    was_in: bool,
    pings: Interval,
    /// Something came since the last ping, or could not come.
    is_alive: bool,
    /// A good-bye that is not answered is waited for no longer.
    gone_by: Option<Instant>,
}

/// A handler at work.
struct Working {
    /// None: `connect`.
    channel: Option<String>,
    id: Uuid,
    path: Arc<str>,
    outcome: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

enum Happened {
    Done(Outcome),
    Leaving,
    Heard(Heard),
    PingDue,
    Late,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    fn new(accepted: &'a Accepted, place: Place, wire: Wire<S>) -> Self {
        let mut pings = interval_at(Instant::now() + limits::SOCKET_PING, limits::SOCKET_PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            accepted,
            leaving: accepted.live.leaving(),
            place,
            wire,
            inbox: VecDeque::new(),
            work: None,
            is_in: false,
            was_in: true,
            pings,
            is_alive: true,
            gone_by: None,
        }
    }

    fn live(&self) -> &'a Arc<Live> {
        &self.accepted.live
    }

    fn connect(&mut self, told: Bytes) {
        match self.accepted.handlers.connect.clone() {
            Some(handler) => self.begin(None, &handler, told),
            None => self.is_in = true,
        }
    }

    /// Until the client is gone and all that it sent is handled.
    async fn run(&mut self) {
        loop {
            self.begin_next();
            if !self.wire.is_open() {
                self.place.leave();
                if self.work.is_none() {
                    return;
                }
            }
            match self.happens().await {
                Happened::Done(outcome) => self.done(&outcome),
                Happened::Leaving => self.version_leaves(),
                Happened::Heard(heard) => self.hear(heard),
                Happened::PingDue => self.ping(),
                Happened::Late => self.wire.abandon(),
            }
        }
    }

    async fn happens(&mut self) -> Happened {
        let closing = self.wire.is_closing();
        // Once closing, only the client's good-bye is waited for.
        let flow = Flow { sends: self.is_in || closing, reads: closing || self.has_room() };
        self.is_alive |= !flow.reads;
        let Self { wire, work, pings, leaving, gone_by, place, .. } = self;
        let is_open = wire.is_open();
        let late = gone_by.filter(|_| is_open);
        tokio::select! {
            biased;
            outcome = finished(work) => Happened::Done(outcome),
            () = leaving.cancelled(), if is_open && !closing => Happened::Leaving,
            () = sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() => Happened::Late,
            _ = pings.tick(), if is_open => Happened::PingDue,
            heard = wire.next(&place.outbox, flow), if is_open => Happened::Heard(heard),
        }
    }

    /// A client whose frames wait is not read.
    fn has_room(&self) -> bool {
        let bytes: usize = self.inbox.iter().map(|(_, said)| said.data.len()).sum();
        self.inbox.len() < limits::SOCKET_INBOX_MESSAGES && bytes < limits::SOCKET_INBOX_BYTES
    }

    fn hear(&mut self, heard: Heard) {
        self.is_alive = true;
        if self.wire.is_closing() {
            return;
        }
        match heard {
            Heard::Text(text) => self.take(&text),
            Heard::Binary => {
                self.answer(&Failure::BadFrame("Frames are text, not binary".into()), None, Uuid::now_v7())
            }
            Heard::TooLong => self.leave(CloseCode::MESSAGE_TOO_BIG, "this frame is too large"),
            Heard::TooSlow => self.leave(CloseCode::SERVICE_OVERLOAD, "this client reads too slowly"),
            Heard::Alive | Heard::Ended => {}
        }
    }

    fn take(&mut self, text: &Bytes) {
        let (failure, channel) = match words::read(text) {
            Ok(said) => match self.accepted.handlers.channels.get(&said.channel) {
                Some(handler) => return self.inbox.push_back((handler.clone(), said)),
                None => (Failure::UnknownChannel(said.channel.clone()), Some(said.channel)),
            },
            Err(wrong) => wrong,
        };
        self.answer(&failure, channel.as_deref(), Uuid::now_v7());
    }

    /// Tells the client what came to nothing.
    fn answer(&self, failure: &Failure, channel: Option<&str>, request: Uuid) {
        // A client that is gone, or too slow, misses it.
        self.place.outbox.put(&words::failed(failure, channel, request));
    }

    fn ping(&mut self) {
        if std::mem::replace(&mut self.is_alive, false) {
            self.wire.ping();
        } else {
            self.wire.abandon();
        }
    }

    /// The next of its frames, when the one before is done.
    fn begin_next(&mut self) {
        if self.is_in
            && self.work.is_none()
            && let Some((handler, said)) = self.inbox.pop_front()
        {
            let told = words::heard(self.place.id, &said.data);
            self.begin(Some(said.channel), &handler, told);
        }
    }

    fn begin(&mut self, channel: Option<String>, handler: &Handler, told: Bytes) {
        let (id, live, timeout) = (Uuid::now_v7(), self.live().clone(), self.accepted.handlers.timeout);
        let (path, handler) = (handler.path.clone(), handler.clone());
        let outcome = Box::pin(async move {
            // Many clients at once take turns, so that they do not take all places from others.
            let held = live.socket_places.clone().acquire_owned().await.ok();
            let invocation = Invocation {
                id,
                trace: id,
                handler: handler.place,
                path: handler.path.clone(),
                timeout,
                deadline: Instant::now() + timeout,
                deadline_ms: u64::try_from(clock::now_ms()).unwrap_or(0) + millis(timeout),
                input: Input::Call { payload: told },
                origin: None,
                depth: 0,
                alone: false,
                held: Some(Arc::new(held)),
            };
            handler.pool.invoke(&invocation).await
        });
        self.work = Some(Working { channel, id, path, outcome });
    }

    fn done(&mut self, outcome: &Outcome) {
        let Some(Working { channel, id, path, .. }) = self.work.take() else { return };
        let failure = failure(outcome);
        tell(self.live(), &path, id, outcome);
        match (channel, failure) {
            (None, _) => self.connected(entry(outcome)),
            (Some(channel), Some(failure)) => self.answer(&failure, Some(&channel), id),
            (Some(_), None) => {}
        }
    }

    fn connected(&mut self, entry: Entry) {
        match entry {
            Entry::In => self.is_in = true,
            Entry::Refused => {
                self.was_in = false;
                self.leave(CloseCode::POLICY_VIOLATION, "refused");
            }
            Entry::Failed => self.leave(CloseCode::INTERNAL_SERVER_ERROR, "the server failed"),
            Entry::NotTried => {
                self.was_in = false;
                if self.leaving.is_cancelled() {
                    self.version_leaves();
                } else {
                    self.leave(CloseCode::SERVICE_OVERLOAD, "try again shortly");
                }
            }
        }
    }

    /// A deploy has put another version in its place, or there is none any more.
    fn version_leaves(&mut self) {
        if self.accepted.registry.goes_on(&self.live().name) {
            self.leave(CloseCode::SERVICE_RESTART, "a new version was deployed");
        } else {
            self.leave(CloseCode::GOING_AWAY, "the server is stopping");
        }
    }

    /// Says good-bye. What the client said and no handler has begun with is not handled any more.
    fn leave(&mut self, code: CloseCode, reason: &str) {
        self.place.leave();
        self.inbox.clear();
        if !self.is_in {
            self.place.outbox.clear();
        }
        self.wire.close(code, reason);
        self.gone_by.get_or_insert_with(|| Instant::now() + limits::SOCKET_LAST_WORDS);
    }
}

/// Never, where nothing is at work.
async fn finished(work: &mut Option<Working>) -> Outcome {
    match work {
        Some(working) => working.outcome.as_mut().await,
        None => std::future::pending().await,
    }
}

/// What an end of `connect` means for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    In,
    Refused,
    /// It may have let the client in, or not.
    Failed,
    /// It has not run.
    NotTried,
}

fn entry(outcome: &Outcome) -> Entry {
    match outcome {
        Outcome::Returned(returned) if words::refuses(returned) => Entry::Refused,
        Outcome::Returned(_) => Entry::In,
        Outcome::Threw { .. } | Outcome::ResponseTooLarge(_) => Entry::Refused,
        Outcome::TimedOut { .. } | Outcome::WorkerLost { .. } => Entry::Failed,
        Outcome::NotBegun => Entry::NotTried,
    }
}

/// What a client is told of an end that is none it hoped for.
fn failure(outcome: &Outcome) -> Option<Failure> {
    match outcome {
        Outcome::Returned(_) => None,
        Outcome::Threw { .. } | Outcome::ResponseTooLarge(_) => Some(Failure::HandlerFailed),
        Outcome::TimedOut { .. } => Some(Failure::TimedOut),
        Outcome::WorkerLost { .. } => Some(Failure::WorkerLost),
        Outcome::NotBegun => Some(Failure::Busy),
    }
}

/// What the author of the handler is told of it.
fn tell(live: &Live, path: &Arc<str>, id: Uuid, outcome: &Outcome) {
    let text = match outcome {
        Outcome::Returned(_) | Outcome::NotBegun => return,
        Outcome::Threw { thrown, .. } => return live.services.tell_stack(path, id, thrown),
        Outcome::ResponseTooLarge(thrown) => thrown.message.clone(),
        Outcome::TimedOut { limit } => format!("the handler did not finish within its {} s", limit.as_secs_f64()),
        Outcome::WorkerLost { .. } => "the process that ran the handler was lost".to_owned(),
    };
    live.services.tell(path, id, text);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use less_protocol::Thrown;

    use super::*;

    #[test]
    fn who_throws_or_returns_a_status_from_400_on_refuses_and_what_is_unknown_is_no_refusal() {
        let thrown = Thrown { name: "Error".into(), message: "no".into(), stack: String::new() };
        for (outcome, expected) in [
            (Outcome::Returned("null".into()), Entry::In),
            (Outcome::Returned(r#"{"statusCode":204}"#.into()), Entry::In),
            (Outcome::Returned(r#"{"statusCode":403}"#.into()), Entry::Refused),
            (Outcome::Threw { thrown, retriable: true }, Entry::Refused),
            (Outcome::TimedOut { limit: Duration::from_secs(1) }, Entry::Failed),
            (Outcome::WorkerLost { alone: true }, Entry::Failed),
            (Outcome::NotBegun, Entry::NotTried),
        ] {
            assert_eq!(entry(&outcome), expected, "{outcome:?}");
        }
    }
}
