//! What handlers ask of the server while they run: each call is answered on the connection it came by.
//!
//! One task serves all calls of a worker side by side: a commit answers many publishes at once, and that wakes
//! one task, not one for each.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use less_protocol::{Call, CallError, Service, ToWorker};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::worker::Worker;
use crate::services::{Caller, Services};

/// Calls of one worker that wait for their answers, in KiB of payload.
pub(super) const ROOM: usize = 16 << 10;

/// The same of the functions that are being called.
pub(super) const FUNCTION_ROOM: usize = 64 << 10;

/// Where a worker's reader sends its calls.
pub(super) type Calls = mpsc::Sender<Taken>;

/// A call that has its room.
pub(super) struct Taken {
    caller: Caller,
    call: Call,
    room: OwnedSemaphorePermit,
    /// Its handler has the process to itself and does nothing but wait for a function.
    waits: bool,
}

/// What a call takes of its room.
fn kib(call: &Call, most: usize) -> u32 {
    u32::try_from((1 + call.payload.len() / 1024).min(most)).unwrap_or(u32::MAX)
}

impl Worker {
    /// Hands a call on, or refuses it.
    pub(super) async fn take_call(&self, call: Call, calls: &Calls) {
        let number = call.call;
        let Some(caller) = self.caller(&call) else {
            let result = Err(CallError {
                code: "invocation_ended".into(),
                message: "the invocation has ended; its calls are refused".into(),
                name: None,
            });
            return self.say(&ToWorker::Answer { call: number, result });
        };
        let is_function = call.service == Service::Function;
        let room = match is_function {
            true => self.function_room.clone().try_acquire_many_owned(kib(&call, FUNCTION_ROOM)).ok(),
            false => self.room_for(&call).await,
        };
        let Some(room) = room else {
            let message = "too many functions are being called at once: await some before the next".into();
            let result = Err(CallError { code: "busy".into(), message, name: None });
            return self.say(&ToWorker::Answer { call: number, result });
        };
        let waits = is_function && self.state.lock().flights.is_exclusive(call.id);
        // It is never full: every call takes 1 KiB of its room at least. And who serves ends after the reader.
        calls.send(Taken { caller, call, room, waits }).await.ok();
    }

    /// Serves calls until the reader has ended and all are answered.
    pub(super) async fn serve(self: Arc<Self>, services: Arc<Services>, mut taken: mpsc::Receiver<Taken>) {
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(()) = running.next() => {}
                next = taken.recv() => match next {
                    Some(next) => running.push(self.clone().answer_call(services.clone(), next)),
                    None => break,
                },
            }
        }
        while running.next().await.is_some() {}
    }

    async fn answer_call(self: Arc<Self>, services: Arc<Services>, taken: Taken) {
        let Taken { caller, call, room, waits } = taken;
        let number = call.call;
        self.wait_for_functions(waits, 1);
        let result = services.call(caller, call).await;
        self.wait_for_functions(waits, -1);
        drop(room);
        self.say(&ToWorker::Answer { call: number, result });
    }

    /// A worker that only waits is not one of those at work: others may start, or begin, in its stead.
    fn wait_for_functions(&self, waits: bool, more: isize) {
        if waits {
            self.waiting_calls.fetch_add(more, Ordering::Relaxed);
            self.queue.changed();
        }
    }

    /// Who calls; an attempt whose time is over may still publish, until its delivery is settled.
    fn caller(&self, call: &Call) -> Option<Caller> {
        let state = self.state.lock();
        let late = || state.flights.late_caller(call.id).filter(|_| call.service == Service::Publish);
        state.flights.caller(call.id).or_else(late)
    }

    /// A worker that calls faster than calls are answered is not read for as long.
    async fn room_for(&self, call: &Call) -> Option<OwnedSemaphorePermit> {
        let kib = kib(call, ROOM);
        if let Ok(room) = self.call_room.clone().try_acquire_many_owned(kib) {
            return Some(room);
        }
        self.state.lock().congested = true;
        let room = self.call_room.clone().acquire_many_owned(kib).await.ok();
        let mut state = self.state.lock();
        state.congested = false;
        state.ping = None;
        room
    }
}
