//! One worker process: what was sent to it, and what it answers.
//!
//! Frames to it gather in a buffer that one task writes (many per write); another task reads. What is
//! in flight stands in slots; the worker marks on its board what it has begun, so that this is known
//! even of a process that is blocked or gone (see `less_protocol`).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use less_protocol::{Call, CallError, Decoder, FromWorker, Invoke, Load, Loaded, Reply, SILENT_MS, ToWorker};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Invocation, launch};
use crate::clock;
use crate::services::{Caller, Services};
use crate::tasks::Tasks;

/// More invocations than this are never in flight on one worker; admission keeps below it.
const SLOTS: u16 = 16_384;
/// An id is `serial << SLOT_BITS | slot`: unique on the connection, and its slot is at hand.
const SLOT_BITS: u32 = 16;

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) pid: u32,
    board: File,
    state: Mutex<State>,
    /// There is something to write.
    wake: Notify,
    /// The connection has ended and everything in flight is answered.
    pub(super) gone: CancellationToken,
    /// Nothing is in flight any more (for draining).
    idle: Notify,
    loaded: Mutex<Option<oneshot::Sender<Loaded>>>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    out: BytesMut,
    slots: Vec<Slot>,
    free: Vec<u16>,
    running: usize,
    serial: u64,
    /// The oldest ping without a pong.
    ping: Option<Instant>,
    /// A begun invocation passed its deadline, and the event loop has not been heard since.
    overdue: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Loading,
    Ready,
    /// It owes a pong for more than a second: it gets nothing new.
    Silent,
    /// It finishes what it has and gets nothing new.
    Closing,
    Gone,
}

#[derive(Debug)]
struct Slot {
    /// The invocation in flight, or the last one (its late log lines still find their handler).
    id: u64,
    path: Arc<str>,
    caller: Caller,
    flight: Option<Flight>,
}

#[derive(Debug)]
struct Flight {
    sent_at: Instant,
    answer: oneshot::Sender<Answer>,
}

#[derive(Debug)]
pub(super) enum Answer {
    Reply(Reply),
    /// It was not begun and never will be by this worker.
    NotBegun,
    /// It had begun when the process was lost.
    Lost,
}

/// What a deadline found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expired {
    NotBegun,
    /// `blocked`: the worker answers nothing; it is to be killed.
    Begun {
        blocked: bool,
    },
    /// The answer came at the same moment.
    Answered,
}

impl Worker {
    /// Takes over a started process and sends it `load`. The receiver resolves with its answer, or
    /// fails when the process ends first.
    pub(super) fn adopt(
        spawned: launch::Spawned,
        load: &Load,
        services: &Arc<Services>,
        tasks: &Tasks,
    ) -> (Arc<Self>, oneshot::Receiver<Loaded>) {
        let launch::Spawned { mut child, socket, board } = spawned;
        let (loaded, answer) = oneshot::channel();
        let worker = Arc::new(Self {
            pid: child.id().unwrap_or(0),
            board,
            state: Mutex::default(),
            wake: Notify::new(),
            gone: CancellationToken::new(),
            idle: Notify::new(),
            loaded: Mutex::new(Some(loaded)),
        });
        worker.say(&ToWorker::Load(Box::new(load.clone())));
        let (read, write) = socket.into_split();
        if let Some(stderr) = child.stderr.take() {
            tasks.work("worker stderr", services.clone().relay(stderr));
        }
        tasks.work("worker writer", worker.clone().write(write));
        let (this, services, calls) = (worker.clone(), services.clone(), tasks.clone());
        tasks.work("worker reader", async move {
            this.clone().read(read, services, &calls).await;
            launch::kill(&child);
            child.wait().await.ok();
            this.lose();
        });
        (worker, answer)
    }

    pub(super) fn phase(&self) -> Phase {
        self.state.lock().phase
    }

    pub(super) fn running(&self) -> usize {
        self.state.lock().running
    }

    pub(super) fn ready(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Loading {
            state.phase = Phase::Ready;
        }
    }

    /// Puts an invocation in flight; `None` when this worker takes nothing new.
    pub(super) fn send(&self, invocation: &Invocation) -> Option<(u64, oneshot::Receiver<Answer>)> {
        let (answer, ticket) = oneshot::channel();
        let mut state = self.state.lock();
        if state.phase != Phase::Ready {
            return None;
        }
        let slot = state.take_slot()?;
        state.serial += 1;
        state.running += 1;
        let id = (state.serial << SLOT_BITS) | u64::from(slot);
        state.slots[usize::from(slot)] = Slot {
            id,
            path: invocation.path.clone(),
            caller: Caller { invocation: invocation.id, trace: invocation.trace },
            flight: Some(Flight { sent_at: Instant::now(), answer }),
        };
        let frame = ToWorker::Invoke(Invoke {
            id,
            slot,
            handler: invocation.handler,
            invocation: invocation.id,
            trace: invocation.trace,
            deadline: invocation.deadline_ms,
            sent_at: clock::monotonic_ms(),
            input: invocation.input.clone(),
        });
        frame.encode(&mut state.out);
        drop(state);
        self.wake.notify_one();
        Some((id, ticket))
    }

    /// The deadline of `id` has passed: it leaves its slot, and the worker is told.
    pub(super) fn expire(&self, id: u64) -> Expired {
        let mut state = self.state.lock();
        if state.finish(id).is_none() {
            return Expired::Answered;
        }
        let begun = self.has_begun(id);
        state.overdue |= begun;
        let blocked = begun && state.phase == Phase::Silent;
        drop(state);
        self.idle.notify_waiters();
        self.say(&ToWorker::Withdraw { id });
        if begun { Expired::Begun { blocked } } else { Expired::NotBegun }
    }

    /// Sends a ping when none is out; with one out for too long the worker turns silent, and what it
    /// has not begun is answered with `NotBegun`. Returns whether the worker must be killed: it is
    /// blocked, and the deadline of something it began has passed.
    pub(super) fn check_pulse(&self) -> bool {
        let mut state = self.state.lock();
        let Some(since) = state.ping else {
            state.ping = Some(Instant::now());
            ToWorker::Ping { nonce: state.serial }.encode(&mut state.out);
            drop(state);
            self.wake.notify_one();
            return false;
        };
        let silence = Duration::from_millis(SILENT_MS);
        if since.elapsed() < silence {
            return false;
        }
        if state.phase == Phase::Ready {
            state.phase = Phase::Silent;
        }
        let blocked = matches!(state.phase, Phase::Silent | Phase::Closing);
        let stale: Vec<u64> = state.slots.iter().filter(|slot| slot.older_than(silence)).map(|slot| slot.id).collect();
        let withdrawn: Vec<Flight> =
            stale.into_iter().filter(|id| !self.has_begun(*id)).filter_map(|id| state.finish(id)).collect();
        let overdue = state.overdue;
        drop(state);
        for flight in withdrawn {
            // Nobody waits any more: then nothing is to be run elsewhere.
            flight.answer.send(Answer::NotBegun).ok();
        }
        self.idle.notify_waiters();
        blocked && overdue
    }

    /// Waits until nothing is in flight; gets nothing new from now on.
    pub(super) async fn finish(&self) {
        {
            let mut state = self.state.lock();
            if state.phase != Phase::Gone {
                state.phase = Phase::Closing;
            }
        }
        loop {
            let idle = self.idle.notified();
            if self.running() == 0 {
                return;
            }
            idle.await;
        }
    }

    pub(super) fn say(&self, frame: &ToWorker) {
        frame.encode(&mut self.state.lock().out);
        self.wake.notify_one();
    }

    /// Ends the process and all it started; what is in flight is answered when the reader notices.
    pub(super) fn kill(&self) {
        if let Some(group) = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw)
            && !self.gone.is_cancelled()
        {
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
        }
    }

    /// Resident bytes of the process.
    pub(super) fn memory(&self) -> Option<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.pid)).ok()?;
        let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * rustix::param::page_size() as u64)
    }

    fn has_begun(&self, id: u64) -> bool {
        let mut mark = [0; 8];
        let at = (id & u64::from(u16::MAX)) * 8;
        // A board that is shorter has no mark there yet.
        self.board.read_exact_at(&mut mark, at).is_ok() && u64::from_le_bytes(mark) == id
    }

    async fn write(self: Arc<Self>, mut socket: OwnedWriteHalf) {
        loop {
            let mut out = std::mem::take(&mut self.state.lock().out);
            if out.is_empty() {
                tokio::select! {
                    () = self.wake.notified() => {}
                    () = self.gone.cancelled() => return,
                }
            } else if socket.write_all_buf(&mut out).await.is_err() {
                return; // the reader notices the end too
            }
        }
    }

    async fn read(self: Arc<Self>, mut socket: OwnedReadHalf, services: Arc<Services>, calls: &Tasks) {
        let mut decoder = Decoder::default();
        loop {
            decoder.buffer.reserve(64 << 10);
            if !matches!(socket.read_buf(&mut decoder.buffer).await, Ok(1..)) {
                return;
            }
            loop {
                match decoder.next_from_worker() {
                    Ok(Some(frame)) => self.hear(frame, &services, calls),
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(pid = self.pid, %error, "a worker broke the protocol");
                        return;
                    }
                }
            }
        }
    }

    fn hear(self: &Arc<Self>, frame: FromWorker, services: &Arc<Services>, calls: &Tasks) {
        match frame {
            FromWorker::Reply { id, reply } => self.answer(id, Answer::Reply(reply)),
            FromWorker::Returned { id } => self.answer(id, Answer::NotBegun),
            FromWorker::Call(call) => self.serve(call, services, calls),
            FromWorker::Log { id, error, time, text } => {
                let (path, invocation) = self.whose(id);
                services.log(path, invocation, error, time, text);
            }
            FromWorker::Pong { .. } => {
                let mut state = self.state.lock();
                state.ping = None;
                state.overdue = false;
                if state.phase == Phase::Silent {
                    state.phase = Phase::Ready;
                }
            }
            FromWorker::Loaded(loaded) => {
                if let Some(waiting) = self.loaded.lock().take() {
                    waiting.send(loaded).ok();
                }
            }
        }
    }

    fn answer(&self, id: u64, answer: Answer) {
        let flight = self.state.lock().finish(id);
        if let Some(flight) = flight {
            // Its requester may have gone; the handler has run all the same.
            flight.answer.send(answer).ok();
        }
        self.idle.notify_waiters();
    }

    fn serve(self: &Arc<Self>, call: Call, services: &Arc<Services>, calls: &Tasks) {
        let number = call.call;
        let Some(caller) = self.caller(call.id) else {
            let result = Err(CallError {
                code: "invocation_ended".into(),
                message: "the invocation has ended; its calls are refused".into(),
            });
            return self.say(&ToWorker::Answer { call: number, result });
        };
        let (this, services) = (self.clone(), services.clone());
        calls.work("call", async move {
            let result = services.call(caller, call).await;
            this.say(&ToWorker::Answer { call: number, result });
        });
    }

    /// Who calls: only an invocation that is in flight may.
    fn caller(&self, id: u64) -> Option<Caller> {
        let state = self.state.lock();
        state.slot(id).filter(|slot| slot.flight.is_some()).map(|slot| slot.caller)
    }

    /// Whose log line it is; of lines outside any invocation, nobody's.
    fn whose(&self, id: u64) -> (Option<Arc<str>>, Uuid) {
        let state = self.state.lock();
        state.slot(id).map_or((None, Uuid::nil()), |slot| (Some(slot.path.clone()), slot.caller.invocation))
    }

    /// The process is gone: answers everything that was in flight.
    fn lose(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Gone;
        let ids: Vec<u64> = state.slots.iter().filter(|slot| slot.flight.is_some()).map(|slot| slot.id).collect();
        let flights: Vec<(u64, Flight)> =
            ids.into_iter().filter_map(|id| state.finish(id).map(|flight| (id, flight))).collect();
        drop(state);
        for (id, flight) in flights {
            let answer = if self.has_begun(id) { Answer::Lost } else { Answer::NotBegun };
            flight.answer.send(answer).ok();
        }
        self.loaded.lock().take();
        self.gone.cancel();
        self.idle.notify_waiters();
    }
}

impl State {
    fn take_slot(&mut self) -> Option<u16> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        let slot = u16::try_from(self.slots.len()).ok().filter(|slot| *slot < SLOTS)?;
        self.slots.push(Slot { id: 0, path: Arc::from(""), caller: Caller::default(), flight: None });
        Some(slot)
    }

    fn slot(&self, id: u64) -> Option<&Slot> {
        let slot = usize::try_from(id & u64::from(u16::MAX)).ok()?;
        self.slots.get(slot).filter(|slot| id != 0 && slot.id == id)
    }

    /// Takes `id` out of flight; `None` when it already is.
    fn finish(&mut self, id: u64) -> Option<Flight> {
        self.slot(id)?;
        let slot = u16::try_from(id & u64::from(u16::MAX)).ok()?;
        let flight = self.slots[usize::from(slot)].flight.take()?;
        self.free.push(slot);
        self.running -= 1;
        Some(flight)
    }
}

impl Slot {
    fn older_than(&self, age: Duration) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.sent_at.elapsed() >= age)
    }
}
