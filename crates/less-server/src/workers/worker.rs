//! One worker process: what was sent to it, and what it answers.
//!
//! Frames to it gather in a buffer that one task writes (many per write); another task reads. What is
//! in flight stands in slots; the worker marks on its board what it has begun, so that this is known
//! even of a process that is blocked or gone (see `less_protocol`).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use less_protocol::{Decoder, FromWorker, Invoke, Load, Loaded, Reply, SILENT_MS, ToWorker};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::calls;
use super::flights::{Flight, Flights, slot_of};
use super::queue::Queue;
use super::{Invocation, launch};
use crate::clock;
use crate::services::Services;
use crate::tasks::Tasks;

/// A worker that reads slowly is sent no more than this beyond what is being written.
const OUT_BYTES: usize = 1 << 20;

pub(super) struct Worker {
    pub(super) pid: u32,
    board: File,
    pub(super) state: Mutex<State>,
    /// There is something to write.
    wake: Notify,
    /// The connection has ended and everything in flight is answered.
    pub(super) gone: CancellationToken,
    /// Nothing is in flight any more (for draining).
    idle: Notify,
    /// The pool's: who waits for this worker.
    pub(super) queue: Arc<Queue>,
    /// Function calls for which its handler waits and does nothing else.
    pub(super) waiting_calls: AtomicIsize,
    /// Room for calls that wait for their answer, in KiB.
    pub(super) call_room: Arc<Semaphore>,
    /// And for functions, which may need this very worker for their answers: never waited for.
    pub(super) function_room: Arc<Semaphore>,
    loaded: Mutex<Option<oneshot::Sender<Loaded>>>,
}

#[derive(Default)]
pub(super) struct State {
    phase: Phase,
    out: BytesMut,
    pub(super) flights: Flights,
    /// The oldest ping without a pong.
    pub(super) ping: Option<Instant>,
    /// A begun invocation passed its deadline, and the event loop has not been heard since.
    overdue: bool,
    /// Its handler had it to itself and did not end in time: the server ends it.
    spent: bool,
    /// The server ends it: what did not finish is nobody's fault.
    dismissed: bool,
    /// Its calls fill their room: it is not read, so that its pulse says nothing.
    pub(super) congested: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Loading,
    Ready,
    /// It owes a pong for more than a second: it gets nothing new. So does one whose only handler has it to itself
    /// for longer, and then another starts beside it.
    Silent,
    /// It finishes what it has and gets nothing new.
    Closing,
    Gone,
}

#[derive(Debug)]
pub(super) enum Answer {
    Reply(Reply),
    /// It was not begun and never will be by this worker.
    NotBegun,
    /// It had begun when the process was lost.
    Lost,
    /// It had begun when the server had no more time for it.
    Dismissed,
}

/// What a deadline found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expired {
    NotBegun,
    /// `blocked`: the worker answers nothing, or is all the handler's; it is to be killed. `exclusive`: nothing
    /// else is in that process, so it is known who blocks it.
    Begun {
        blocked: bool,
        exclusive: bool,
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
        queue: &Arc<Queue>,
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
            queue: queue.clone(),
            waiting_calls: AtomicIsize::new(0),
            call_room: Arc::new(Semaphore::new(calls::ROOM)),
            function_room: Arc::new(Semaphore::new(calls::FUNCTION_ROOM)),
            loaded: Mutex::new(Some(loaded)),
        });
        worker.say(&ToWorker::Load(Box::new(load.clone())));
        let (read, write) = socket.into_split();
        if let Some(stderr) = child.stderr.take() {
            tasks.work("worker stderr", services.clone().relay(stderr));
        }
        tasks.work("worker writer", worker.clone().write(write));
        let (this, services, calls) = (worker.clone(), services.clone(), tasks.clone());
        tasks.critical("worker reader", async move {
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

    /// Whether it takes new work (of a handler that is `exclusive`).
    pub(super) fn is_available(&self, exclusive: bool) -> bool {
        let state = self.state.lock();
        state.phase == Phase::Ready && state.flights.has_place(exclusive)
    }

    /// Whether it has begun enough of what it was sent to be sent more.
    pub(super) fn has_room(&self) -> bool {
        let mut state = self.state.lock();
        state.out.len() < OUT_BYTES && state.flights.has_room(|id| self.has_begun(id))
    }

    /// Whether the server ended it because its one handler did not end in time.
    pub(super) fn is_spent(&self) -> bool {
        self.state.lock().spent
    }

    /// Whether all it does is wait for a function.
    pub(super) fn waits(&self) -> bool {
        self.waiting_calls.load(Ordering::Relaxed) > 0
    }

    pub(super) fn running(&self) -> usize {
        self.state.lock().flights.running()
    }

    pub(super) fn ready(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Loading {
            state.phase = Phase::Ready;
        }
    }

    /// Puts an invocation in flight; `None` when this worker takes nothing new.
    pub(super) fn send(&self, invocation: &Invocation, exclusive: bool) -> Option<(u64, oneshot::Receiver<Answer>)> {
        let (answer, ticket) = oneshot::channel();
        let mut state = self.state.lock();
        if state.phase != Phase::Ready || !state.flights.has_place(exclusive) {
            return None;
        }
        let id = state.flights.begin(invocation, exclusive, answer)?;
        let frame = ToWorker::Invoke(Invoke {
            id,
            slot: slot_of(id),
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
        let begun = self.has_begun(id);
        let exclusive = state.flights.is_exclusive(id);
        if begun && exclusive {
            // It takes nothing new between here and its end.
            state.phase = Phase::Closing;
            state.spent = true;
        }
        if begun {
            state.flights.outlive(id);
        }
        if self.take_out(&mut state, id).is_none() {
            return Expired::Answered;
        }
        state.overdue |= begun;
        let blocked = begun && (exclusive || state.phase == Phase::Silent);
        let may_publish = state.flights.late_caller(id).is_some();
        drop(state);
        self.idle.notify_waiters();
        if !may_publish {
            self.say(&ToWorker::Withdraw { id });
        }
        if begun { Expired::Begun { blocked, exclusive } } else { Expired::NotBegun }
    }

    /// Requesters may leave (a client that hangs up); their invocations go on, but not past their
    /// deadline. Returns whether the worker must be killed.
    pub(super) fn expire_abandoned(&self) -> bool {
        let late = self.state.lock().flights.abandoned();
        // Each one is expired, whatever the first of them found.
        late.into_iter().filter(|id| matches!(self.expire(*id), Expired::Begun { blocked: true, .. })).count() > 0
    }

    /// Sends a ping when none is out; with one out for too long the worker turns silent, and what it
    /// has not begun is answered with `NotBegun`. Returns whether the worker must be killed: it is
    /// blocked, and the deadline of something it began has passed.
    pub(super) fn check_pulse(&self) -> bool {
        let mut state = self.state.lock();
        if state.congested {
            return false;
        }
        let Some(since) = state.ping else {
            state.ping = Some(Instant::now());
            ToWorker::Ping { nonce: 0 }.encode(&mut state.out);
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
        let stale = state.flights.older_than(silence);
        let withdrawn: Vec<Flight> = stale
            .into_iter()
            .filter(|id| !self.has_begun(*id))
            .filter_map(|id| self.take_out(&mut state, id))
            .collect();
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

    /// Takes `id` out of flight; its place may be waited for.
    fn take_out(&self, state: &mut State, id: u64) -> Option<Flight> {
        let flight = state.flights.finish(id)?;
        self.queue.shared.wake_first();
        if state.phase == Phase::Ready && state.flights.has_place(true) {
            self.queue.exclusive.wake_first();
        }
        Some(flight)
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

    /// Ends the process because the server has no more time for it: what it has begun is nobody's fault.
    pub(super) fn dismiss(&self) {
        self.state.lock().dismissed = true;
        self.kill();
    }

    /// Resident bytes of the process.
    pub(super) fn memory(&self) -> Option<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.pid)).ok()?;
        let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * rustix::param::page_size() as u64)
    }

    fn has_begun(&self, id: u64) -> bool {
        self.mark(slot_of(id)) == Some(id)
    }

    /// The place of the handler that it is loading, or was when it ended.
    pub(super) fn loading(&self) -> Option<u16> {
        u16::try_from(self.mark(0)?.checked_sub(1)?).ok()
    }

    /// A board that is shorter has no mark there yet.
    fn mark(&self, slot: u16) -> Option<u64> {
        let mut mark = [0; 8];
        self.board.read_exact_at(&mut mark, u64::from(slot) * 8).ok()?;
        Some(u64::from_le_bytes(mark))
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
                    Ok(Some(FromWorker::Call(call))) => self.serve(call, &services, calls).await,
                    Ok(Some(frame)) => self.hear(frame, &services),
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(pid = self.pid, %error, "a worker broke the protocol");
                        return;
                    }
                }
            }
        }
    }

    fn hear(&self, frame: FromWorker, services: &Services) {
        match frame {
            FromWorker::Reply { id, reply } => self.answer(id, Answer::Reply(reply)),
            FromWorker::Returned { id } => self.answer(id, Answer::NotBegun),
            FromWorker::Call(_) => {} // the reader serves calls itself: they may have to wait
            FromWorker::Log { id, error, time, text } => {
                let (path, invocation) = self.state.lock().flights.whose(id);
                services.log(path, invocation, error, time, text);
            }
            FromWorker::Pong { .. } => {
                let mut state = self.state.lock();
                state.ping = None;
                state.overdue = false;
                if state.phase == Phase::Silent {
                    state.phase = Phase::Ready;
                    self.queue.changed();
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
        let mut state = self.state.lock();
        state.flights.forget_late(id);
        let flight = self.take_out(&mut state, id);
        drop(state);
        if let Some(flight) = flight {
            // Its requester may have gone; the handler has run all the same.
            flight.answer.send(answer).ok();
        }
        self.idle.notify_waiters();
    }

    /// The process is gone: answers everything that was in flight.
    fn lose(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Gone;
        let ids = state.flights.all();
        let flights: Vec<(u64, Flight)> =
            ids.into_iter().filter_map(|id| state.flights.finish(id).map(|flight| (id, flight))).collect();
        let dismissed = state.dismissed;
        drop(state);
        for (id, flight) in flights {
            let answer = match (self.has_begun(id), dismissed) {
                (false, _) => Answer::NotBegun,
                (true, false) => Answer::Lost,
                (true, true) => Answer::Dismissed,
            };
            flight.answer.send(answer).ok();
        }
        self.loaded.lock().take();
        self.gone.cancel();
        self.idle.notify_waiters();
    }
}
