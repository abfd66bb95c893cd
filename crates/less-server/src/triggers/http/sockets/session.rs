//! One connection, from its beginning to its end.
//!
//! In: what its client does, and what is published to it. Out: invocations of the socket's handlers, one at a time, and
//! the end, told once. The loop waits for whatever comes first; what that means is decided in small functions.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_websockets::CloseCode;
use uuid::Uuid;

use super::SocketHandler;
use super::ending::Recorded;
use super::handshake::Accepted;
use super::pulse::{Due, Pulse};
use super::rooms::Place;
use super::wire::{Flow, Heard, Wire};
use super::words::{self, Said};
use super::work::{self, Entry, Working};
use crate::limits;
use crate::live::Live;
use crate::tasks::Tasks;
use crate::triggers::http::Failure;
use crate::workers::Outcome;

/// Serves a client to the end of its connection, until `disconnect` is sure to hear of it.
pub(in crate::triggers::http) async fn converse<S>(accepted: Arc<Accepted>, stream: S, tasks: &Tasks)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Who retires the version waits for its connections.
    let held = accepted.live.hold();
    let (place, told) = accepted.enter();
    let mut session = Session::new(&accepted, place, Wire::new(stream));
    let recorded = match record(&accepted, session.place.id).await {
        Ok(recorded) => recorded,
        Err(error) => {
            let project = &*accepted.live.name;
            tracing::warn!(project, %error, "a client was not let in: its connection could not be recorded");
            session.leave(CloseCode::SERVICE_OVERLOAD, "try again shortly");
            session.run().await;
            drop(held);
            return session.part().await;
        }
    };
    session.connect(told);
    session.run().await;
    let (was_in, stop) = (session.was_in, tasks.stopping());
    let ends = async {
        match recorded {
            Some(recorded) if was_in => recorded.end(&stop).await,
            Some(recorded) => recorded.forget(&stop).await,
            None => {}
        }
        drop(held);
    };
    tokio::join!(session.part(), ends);
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
    inbox: VecDeque<(SocketHandler, Said)>,
    work: Option<Working>,
    /// `connect` has let the client in.
    is_in: bool,
    /// Whether `disconnect` is to hear of it: not of one that `connect` refused.
    was_in: bool,
    pulse: Pulse,
    /// A client that does not say good-bye, or does not close, is waited for no longer.
    gone_by: Option<Instant>,
}

enum Happened {
    Done(Outcome),
    Leaving,
    Heard(Heard),
    PulseDue(Due),
    Late,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    fn new(accepted: &'a Accepted, place: Place, wire: Wire<S>) -> Self {
        Self {
            accepted,
            leaving: accepted.live.leaving(),
            place,
            wire,
            inbox: VecDeque::new(),
            work: None,
            is_in: false,
            was_in: true,
            pulse: Pulse::new(),
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

    /// Until both sides have said good-bye and all that the client sent is handled.
    async fn run(&mut self) {
        loop {
            self.begin_next();
            if !self.wire.is_open() {
                self.place.leave();
                self.place.outbox.clear();
                if self.work.is_none() {
                    return;
                }
            }
            match self.happens().await {
                Happened::Done(outcome) => self.done(&outcome),
                Happened::Leaving => self.version_leaves(),
                Happened::Heard(heard) => self.hear(heard),
                Happened::PulseDue(Due::Ask) => self.wire.ping(),
                Happened::PulseDue(Due::Gone) | Happened::Late => self.wire.abandon(),
            }
        }
    }

    async fn happens(&mut self) -> Happened {
        let closing = self.wire.is_closing();
        // Once closing, only the client's good-bye is waited for.
        let flow = Flow { sends: self.is_in || closing, reads: closing || self.has_room() };
        if !flow.reads {
            self.pulse.heard(); // it may be speaking
        }
        let Self { wire, work, pulse, leaving, gone_by, place, .. } = self;
        let is_open = wire.is_open();
        let is_there = is_open || wire.is_parting();
        let late = gone_by.filter(|_| is_there);
        tokio::select! {
            biased;
            outcome = work::finished(work) => Happened::Done(outcome),
            () = leaving.cancelled(), if is_open && !closing => Happened::Leaving,
            () = sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() => Happened::Late,
            due = pulse.next(), if is_open => Happened::PulseDue(due),
            heard = wire.next(&place.outbox, flow), if is_there => Happened::Heard(heard),
        }
    }

    /// After a refused frame, until the client is gone.
    async fn part(&mut self) {
        while self.wire.is_parting() {
            if let Happened::Late = self.happens().await {
                self.wire.abandon();
            }
        }
    }

    /// A client whose frames wait is not read.
    fn has_room(&self) -> bool {
        let bytes: usize = self.inbox.iter().map(|(_, said)| said.data.len()).sum();
        self.inbox.len() < limits::SOCKET_INBOX_MESSAGES && bytes < limits::SOCKET_INBOX_BYTES
    }

    fn hear(&mut self, heard: Heard) {
        self.pulse.heard();
        if heard == Heard::Ended {
            self.last_words();
        }
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
            Heard::Alive | Heard::Ended | Heard::Parted => {}
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

    fn begin(&mut self, channel: Option<String>, handler: &SocketHandler, told: Bytes) {
        self.work = Some(Working::begin(handler, channel, told, self.accepted.handlers.timeout));
    }

    fn done(&mut self, outcome: &Outcome) {
        let Some(Working { channel, id, path, .. }) = self.work.take() else { return };
        work::tell(self.live(), &path, id, outcome);
        match (channel, work::failure(outcome)) {
            (None, _) => self.connected(work::entry(outcome)),
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
        } else if self.accepted.registry.is_closed() {
            self.leave(CloseCode::GOING_AWAY, "the server stops");
        } else {
            self.leave(CloseCode::GOING_AWAY, "this socket is not served any more");
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
        self.last_words();
    }

    fn last_words(&mut self) {
        self.gone_by.get_or_insert_with(|| Instant::now() + limits::SOCKET_LAST_WORDS);
    }
}
