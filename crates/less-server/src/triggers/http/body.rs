//! Reads a request's body within limits: how large, how slow, how much of all bodies at once; and
//! throws away what of it nobody wants.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderMap};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Duration, Instant, timeout_at};

use super::Failure;
use crate::limits;

/// A connection stays open after an early answer when no more than this is left of the body.
const SMALL_REST: u64 = 64 << 10;

/// Room for all bodies of the server, in KiB.
static ROOM: Semaphore = Semaphore::const_new(limits::BODIES_BYTES >> 10);

/// Of which one project has a share, so that its uploads leave some to others.
pub(crate) struct BodyShare(Arc<Semaphore>);

impl Default for BodyShare {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::PROJECT_BODIES_BYTES >> 10)))
    }
}

/// What a body takes of both while it is used.
pub(super) struct Room {
    all: SemaphorePermit<'static>,
    share: OwnedSemaphorePermit,
}

impl Room {
    fn take(share: &BodyShare) -> Result<Self, Failure> {
        let none = share.0.clone().try_acquire_many_owned(0).map_err(|_| Failure::Busy)?;
        Ok(Self { all: take_room(0)?, share: none })
    }

    fn grow(&mut self, share: &BodyShare, kib: usize) -> Result<(), Failure> {
        let more = kib.saturating_sub(self.all.num_permits());
        let permits = u32::try_from(more).unwrap_or(u32::MAX);
        self.share.merge(share.0.clone().try_acquire_many_owned(permits).map_err(|_| Failure::Busy)?);
        self.all.merge(take_room(more)?);
        Ok(())
    }
}

/// How a body comes in: how much, and how fast.
pub(super) struct Flow {
    most: usize,
    /// No pause may be longer.
    pause: Option<Duration>,
    begun: Instant,
    received: usize,
}

impl Flow {
    pub(super) fn new(most: usize, pause: Option<Duration>) -> Self {
        Self { most, pause, begun: Instant::now(), received: 0 }
    }

    /// When the next piece must have come.
    fn latest(&self) -> Instant {
        let earned = Duration::from_secs(self.received as u64 / limits::BODY_BYTES_PER_SECOND);
        let by_rate = self.begun + limits::HEAD_TIME + earned;
        self.pause.map_or(by_rate, |pause| by_rate.min(Instant::now() + pause))
    }
}

/// A request's body, as far as it was not read.
pub(super) struct Upload {
    body: Incoming,
    ended: bool,
    /// The client may keep its body to itself once it is answered (`expect: 100-continue`).
    asks_first: bool,
}

impl Upload {
    pub(super) fn new(headers: &HeaderMap, body: Incoming) -> Self {
        Self { ended: body.is_end_stream(), asks_first: headers.contains_key(header::EXPECT), body }
    }

    /// The whole body, and the room it takes while it is used. Room is taken for what came, not for
    /// what is announced: a client that only promises keeps nobody out.
    pub(super) async fn read(&mut self, most: usize, share: &BodyShare) -> Result<(Bytes, Room), Failure> {
        self.check_announced(most)?;
        let mut room = Room::take(share)?;
        let mut whole = Bytes::new();
        let mut rest = BytesMut::new();
        let mut flow = Flow::new(most, None);
        while let Some(data) = self.next(&mut flow).await? {
            room.grow(share, flow.received.div_ceil(1 << 10))?;
            // Most bodies come in one piece and are not copied.
            if whole.is_empty() && rest.is_empty() {
                whole = data;
            } else {
                rest.extend_from_slice(&std::mem::take(&mut whole));
                rest.extend_from_slice(&data);
            }
        }
        Ok((if rest.is_empty() { whole } else { rest.freeze() }, room))
    }

    /// What is known to be too large need not be received.
    pub(super) fn check_announced(&self, most: usize) -> Result<(), Failure> {
        if self.body.size_hint().lower() > most as u64 { Err(Failure::BodyTooLarge { most }) } else { Ok(()) }
    }

    /// The next piece, for who does not hold the body in memory.
    pub(super) async fn next(&mut self, flow: &mut Flow) -> Result<Option<Bytes>, Failure> {
        let Some(data) = self.piece(flow.latest()).await? else { return Ok(None) };
        flow.received += data.len();
        if flow.received > flow.most { Err(Failure::BodyTooLarge { most: flow.most }) } else { Ok(Some(data)) }
    }

    async fn piece(&mut self, latest: Instant) -> Result<Option<Bytes>, Failure> {
        while !self.ended {
            match timeout_at(latest, self.body.frame()).await.map_err(|_| Failure::BodyTooSlow)? {
                Some(Ok(frame)) => {
                    self.ended = self.body.is_end_stream();
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(_)) => {
                    self.ended = true;
                    return Err(Failure::BodyBroken);
                }
                None => self.ended = true,
            }
        }
        Ok(None)
    }

    /// For those who read it by themselves.
    pub(super) fn into_body(self) -> Incoming {
        self.body
    }

    /// What was not read.
    pub(super) fn rest(self) -> Option<Rest> {
        (!self.ended).then_some(Rest { body: self.body, asks_first: self.asks_first })
    }
}

/// What is left of a body when its request was answered early. It has to be received all the same:
/// clients that send before they read would otherwise see a broken pipe instead of the answer.
pub(super) struct Rest {
    body: Incoming,
    asks_first: bool,
}

impl Rest {
    /// Whether the connection is of use again once the rest came.
    pub(super) fn keeps_connection(&self) -> bool {
        !self.asks_first && self.body.size_hint().exact().is_some_and(|left| left <= SMALL_REST)
    }

    /// Reads it and throws it away, up to a limit; beyond that the connection closes.
    pub(super) async fn discard(mut self) {
        let deadline = Instant::now() + limits::DISCARD_TIME;
        let mut read = 0;
        // hyper tells the end of a body that outlived its answer only with the next request: it is counted out.
        while read < limits::DISCARD_BYTES && !self.body.is_end_stream() {
            match timeout_at(deadline, self.body.frame()).await {
                Ok(Some(Ok(frame))) => read += frame.data_ref().map_or(0, Bytes::len),
                Ok(Some(Err(_)) | None) | Err(_) => return,
            }
        }
    }
}

fn take_room(kib: usize) -> Result<SemaphorePermit<'static>, Failure> {
    ROOM.try_acquire_many(u32::try_from(kib).unwrap_or(u32::MAX)).map_err(|_| Failure::Busy)
}
