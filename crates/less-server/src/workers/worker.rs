//! One worker process and what is in flight on it.
//!
//! What is in flight stands in slots; the worker marks on its board what it has begun, so that this is known
//! even of a process that is blocked or gone (see `less_protocol`). `wire` moves the frames, `pulse` tells what
//! takes too long, `calls` serves what handlers ask for.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use bytes::BytesMut;
use less_protocol::{Invoke, Load, Loaded, Reply, ToWorker};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::calls;
use super::flights::{Flight, Flights, Responder, slot_of};
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
    pub(super) wake: Notify,
    /// The next deadline is nearer than it was.
    pub(super) sooner: Notify,
    /// The connection has ended and everything in flight is answered.
    pub(super) gone: CancellationToken,
    /// Nothing is in flight any more (for draining).
    pub(super) idle: Notify,
    /// The pool's: who waits for this worker.
    pub(super) queue: Arc<Queue>,
    /// Function calls for which its handler waits and does nothing else.
    pub(super) waiting_calls: AtomicIsize,
    /// Room for calls that wait for their answer, in KiB.
    pub(super) call_room: Arc<Semaphore>,
    /// And for functions, which may need this very worker for their answers: never waited for.
    pub(super) function_room: Arc<Semaphore>,
    pub(super) loaded: Mutex<Option<oneshot::Sender<Loaded>>>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) out: BytesMut,
    pub(super) flights: Flights,
    /// No deadline passes earlier.
    pub(super) next_deadline: Option<Instant>,
    /// The oldest ping without a pong.
    pub(super) ping: Option<Instant>,
    /// A begun invocation passed its deadline, and the event loop has not been heard since.
    pub(super) overdue: bool,
    /// Its handler had it to itself and did not end in time: the server ends it.
    pub(super) spent: bool,
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
    /// It had begun when its deadline passed. `blocked`: the worker answers nothing, or is all the handler's; it is
    /// killed. `exclusive`: nothing else is in that process, so it is known who blocks it.
    Late {
        blocked: bool,
        exclusive: bool,
    },
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
            sooner: Notify::new(),
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
        let (calls, taken) = mpsc::channel(calls::ROOM + calls::FUNCTION_ROOM);
        tasks.critical("worker calls", worker.clone().serve(services.clone(), taken));
        let (this, services) = (worker.clone(), services.clone());
        tasks.critical("worker reader", async move {
            this.clone().read(read, services, calls).await;
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
        self.is_let_have_more(&mut self.state.lock())
    }

    fn is_let_have_more(&self, state: &mut State) -> bool {
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

    /// Whether it does nothing, and what it had to do has not been left to run on in it.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.phase == Phase::Ready && state.flights.running() == 0 && !state.overdue
    }

    pub(super) fn ready(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Loading {
            state.phase = Phase::Ready;
        }
    }

    /// Puts an invocation in flight; gives the responder back when this worker takes nothing new. Only what is called
    /// by another handler goes to one that has not begun what it has.
    pub(super) fn send(&self, invocation: &Invocation, exclusive: bool, responder: Responder) -> Result<(), Responder> {
        let mut state = self.state.lock();
        let needs_room = !exclusive && invocation.depth == 0;
        if state.phase != Phase::Ready
            || !state.flights.has_place(exclusive)
            || (needs_room && !self.is_let_have_more(&mut state))
        {
            return Err(responder);
        }
        let id = state.flights.begin(invocation, exclusive, responder)?;
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
        let sooner = state.next_deadline.is_none_or(|next| invocation.deadline < next);
        if sooner {
            state.next_deadline = Some(invocation.deadline);
        }
        drop(state);
        self.wake.notify_one();
        if sooner {
            self.sooner.notify_one();
        }
        Ok(())
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
    pub(super) fn take_out(&self, state: &mut State, id: u64) -> Option<Flight> {
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

    /// Ends the process because the server has no more time for it: what it has begun is nobody's fault. Whether it was
    /// the first to do so.
    pub(super) fn dismiss(&self) -> bool {
        let before = std::mem::replace(&mut self.state.lock().dismissed, true);
        self.kill();
        !before
    }

    /// Resident bytes of the process.
    pub(super) fn memory(&self) -> Option<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.pid)).ok()?;
        let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * rustix::param::page_size() as u64)
    }

    pub(super) fn has_begun(&self, id: u64) -> bool {
        self.mark(slot_of(id)) == Some(id)
    }

    /// The handlers that it runs, each once.
    pub(super) fn begun(&self) -> Vec<Arc<str>> {
        let state = self.state.lock();
        let begun = state.flights.all().into_iter().filter(|id| self.has_begun(*id));
        let mut paths: Vec<_> = begun.filter_map(|id| state.flights.whose(id).0).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
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

    pub(super) fn answer(&self, id: u64, answer: Answer) {
        let mut state = self.state.lock();
        state.flights.forget_late(id);
        let flight = self.take_out(&mut state, id);
        let idle = state.flights.running() == 0;
        drop(state);
        if let Some(flight) = flight {
            // Its requester may have gone; the handler has run all the same.
            flight.responder.answer(answer);
        }
        if idle {
            self.idle.notify_waiters();
        }
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
            flight.responder.answer(answer);
        }
        self.loaded.lock().take();
        self.gone.cancel();
        self.idle.notify_waiters();
    }
}
