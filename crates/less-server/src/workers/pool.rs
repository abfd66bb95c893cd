//! The workers of one version of a project: chooses one for each invocation, replaces lost ones.
//!
//! One worker serves everything until it falls silent or dies; then another starts beside it or in
//! its place. Suspects (deliveries that were in a lost process) run alone, each in a process of its own.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use less_protocol::{Input, Load, LoadProblem, Reply, ToWorker};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::worker::{Answer, Expired, Phase, Worker};
use super::{Invocation, Launcher, Outcome, Program, watchdog};
use crate::services::Services;
use crate::tasks::Tasks;

/// How long handlers may take to load.
const LOAD_LIMIT: Duration = Duration::from_secs(30);
/// A shorter wait for a process takes nothing from a delivery's time that anybody would miss.
const NOTICED: Duration = Duration::from_millis(10);
/// How long a stopped worker may take to exit before it is killed.
const EXIT_LIMIT: Duration = Duration::from_secs(2);
/// How many processes of one pool run suspects at once, and how many of them for one handler, so that
/// one handler's poison leaves places to others.
const ALONE_AT_ONCE: usize = 16;
const ALONE_OF_ONE: usize = 2;
/// Waits between failed starts: the first, doubling up to the second.
const RESTART_WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// A worker that ended sooner than this was short-lived; its replacement waits, longer each time, but
/// never so long that others' requests notice much.
const SHORT_LIFE: Duration = Duration::from_secs(10);
const LONGEST_REPLACEMENT_WAIT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// A worker above this many resident bytes is stopped.
    pub memory_bytes: u64,
    /// Never more processes than this, blocked ones included, those not counted whose handler does nothing but
    /// wait for a function.
    pub most_workers: usize,
    /// Never more than this, those included.
    pub most_with_waiting: usize,
}

/// Why a version cannot be served.
#[derive(Debug)]
pub enum StartError {
    /// The project's own problems.
    Problems(Vec<LoadProblem>),
    /// The process could not be started, or ended while loading.
    Failed(anyhow::Error),
}

/// Tells those who wait for a worker that one may take work again.
#[derive(Default)]
pub(super) struct Available {
    /// For work that shares a process.
    pub(super) shared: Notify,
    /// For work that wants one to itself, in the order in which it came.
    pub(super) idle: Notify,
}

impl Available {
    /// Everybody looks again.
    pub(super) fn all(&self) {
        self.shared.notify_waiters();
        self.idle.notify_waiters();
    }
}

/// A handle to the pool of one version. Cheap to clone.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

pub(super) struct Inner {
    launcher: Launcher,
    program: Arc<Program>,
    load: Load,
    pub(super) services: Arc<Services>,
    pub(super) options: PoolOptions,
    tasks: Tasks,
    state: Mutex<State>,
    /// A worker takes new work again, or the pool closed.
    changed: Arc<Available>,
    /// Places of the handlers that have a process to themselves.
    exclusive: Mutex<HashSet<u16>>,
    alone: Semaphore,
    alone_of: Mutex<HashMap<u16, Arc<Semaphore>>>,
}

#[derive(Default)]
struct State {
    workers: Vec<Arc<Worker>>,
    starting: bool,
    closed: bool,
    /// How many workers in a row were short-lived.
    short_lives: u32,
}

impl Pool {
    /// Starts the first worker and loads every handler in it.
    pub async fn start(
        launcher: Launcher,
        program: Program,
        load: Load,
        services: Arc<Services>,
        options: PoolOptions,
        tasks: &Tasks,
    ) -> Result<Self, StartError> {
        let inner = Arc::new(Inner {
            launcher,
            program: Arc::new(program),
            load,
            services,
            options,
            tasks: tasks.clone(),
            state: Mutex::default(),
            changed: Arc::default(),
            exclusive: Mutex::default(),
            alone: Semaphore::new(ALONE_AT_ONCE),
            alone_of: Mutex::default(),
        });
        inner.clone().add_worker().await?;
        Ok(Self(inner))
    }

    /// Whether this handler has a process to itself for as long as it runs.
    pub fn is_exclusive(&self, handler: u16) -> bool {
        self.0.exclusive.lock().contains(&handler)
    }

    /// Runs an invocation in the pool, beside others where its handler shares processes.
    pub async fn invoke(&self, invocation: &Invocation) -> Outcome {
        let exclusive = self.is_exclusive(invocation.handler);
        loop {
            let asked = Instant::now();
            let Some(worker) = self.0.worker_for(invocation, exclusive).await else { return Outcome::NotBegun };
            // A delivery's time begins when it has a process: a queue is not its fault. Nobody waits for it.
            let waited = matches!(invocation.input, Input::Message { .. }) && asked.elapsed() > NOTICED;
            let afresh = waited.then(|| invocation.afresh());
            let invocation = afresh.as_ref().unwrap_or(invocation);
            if let Some(outcome) = run_in(&worker, invocation, exclusive, false).await {
                return outcome;
            }
        }
    }

    /// Runs a suspect in a worker of its own; its time begins once that worker is ready.
    pub(crate) async fn invoke_alone(&self, invocation: &Invocation) -> Outcome {
        let own = self.0.alone_of.lock().entry(invocation.handler).or_insert_with(own_places).clone();
        let (Ok(_own), Ok(_place)) = (own.acquire().await, self.0.alone.acquire().await) else {
            return Outcome::NotBegun;
        };
        if self.0.state.lock().closed {
            return Outcome::NotBegun;
        }
        let worker = match self.0.clone().start_worker(true).await {
            Ok(worker) => worker,
            Err(error) => {
                tracing::error!(project = self.0.load.project, ?error, "a worker did not start");
                // The delivery is due again at once: not as fast as processes fail to start.
                tokio::time::sleep(RESTART_WAITS.1).await;
                return Outcome::NotBegun;
            }
        };
        let exclusive = self.is_exclusive(invocation.handler);
        let outcome = run_in(&worker, &invocation.afresh(), exclusive, true).await.unwrap_or(Outcome::NotBegun);
        worker.say(&ToWorker::Stop);
        if timeout(EXIT_LIMIT, worker.gone.cancelled()).await.is_err() {
            worker.kill();
        }
        outcome
    }

    /// Takes nothing new, lets what runs finish until `deadline`, and ends all processes.
    pub async fn close(&self, deadline: Instant) {
        let workers = {
            let mut state = self.0.state.lock();
            state.closed = true;
            state.workers.clone()
        };
        self.0.changed.all();
        for worker in &workers {
            if timeout_at(deadline, worker.finish()).await.is_ok() {
                worker.say(&ToWorker::Stop);
            }
        }
        let exit = Instant::now() + EXIT_LIMIT;
        for worker in &workers {
            // One that still runs something was not told to stop, and has no more time.
            if worker.running() > 0 || timeout_at(exit, worker.gone.cancelled()).await.is_err() {
                worker.dismiss();
                worker.gone.cancelled().await;
            }
        }
    }
}

/// `None`: the worker takes nothing new, or handed it back; it has not begun and may run elsewhere.
async fn run_in(worker: &Worker, invocation: &Invocation, exclusive: bool, alone: bool) -> Option<Outcome> {
    let (id, ticket) = worker.send(invocation, exclusive)?;
    match timeout_at(invocation.deadline, ticket).await {
        Ok(Ok(Answer::Reply(reply))) => Some(match reply {
            Reply::Returned(bytes) => Outcome::Returned(bytes),
            Reply::Threw { thrown, retriable } => Outcome::Threw { thrown, retriable },
            Reply::ResponseTooLarge(thrown) => Outcome::ResponseTooLarge(thrown),
        }),
        Ok(Ok(Answer::NotBegun)) => None,
        Ok(Ok(Answer::Dismissed)) => Some(match invocation.input {
            Input::Message { .. } => Outcome::NotBegun,
            // Its client must not think that it can safely be sent again.
            Input::Request { .. } | Input::Call { .. } => Outcome::WorkerLost { alone },
        }),
        Ok(Ok(Answer::Lost) | Err(_)) => Some(Outcome::WorkerLost { alone }),
        Err(_late) => Some(expire(worker, id, invocation, alone)),
    }
}

fn expire(worker: &Worker, id: u64, invocation: &Invocation, alone: bool) -> Outcome {
    let timed_out = Outcome::TimedOut { limit: invocation.timeout };
    match worker.expire(id) {
        Expired::NotBegun => Outcome::NotBegun,
        Expired::Begun { blocked: false, .. } | Expired::Answered => timed_out,
        Expired::Begun { blocked: true, alone: alone_there } => {
            worker.kill();
            // Which of those in the process blocks it is not known: a delivery is tried alone first.
            match invocation.input {
                Input::Message { .. } if !(alone || alone_there) => Outcome::WorkerLost { alone },
                Input::Message { .. } | Input::Request { .. } | Input::Call { .. } => timed_out,
            }
        }
    }
}

fn own_places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(ALONE_OF_ONE))
}

impl Inner {
    /// The least loaded worker that takes it; waits for one until its deadline or the pool's end. A function's
    /// call that could only wait for others of its kind is not kept waiting.
    async fn worker_for(self: &Arc<Self>, invocation: &Invocation, exclusive: bool) -> Option<Arc<Worker>> {
        let changed = if exclusive { &self.changed.idle } else { &self.changed.shared };
        loop {
            let mut changed = pin!(changed.notified());
            changed.as_mut().enable(); // before the look: a change in between is not missed
            {
                let state = self.state.lock();
                if state.closed || Instant::now() >= invocation.deadline {
                    return None;
                }
                let available = state.workers.iter().filter(|worker| worker.is_available(exclusive));
                if let Some(worker) = available.min_by_key(|worker| worker.running()) {
                    return Some(worker.clone());
                }
                if invocation.depth > 0 && state.workers.len() >= self.options.most_with_waiting {
                    return None;
                }
            }
            self.ensure_available(exclusive);
            timeout_at(invocation.deadline, changed).await.ok()?;
        }
    }

    /// Starts another worker when none takes new work (of a handler that is `exclusive`) and none is starting.
    pub(super) fn ensure_available(self: &Arc<Self>, exclusive: bool) {
        let mut state = self.state.lock();
        let available = state.workers.iter().any(|worker| worker.is_available(exclusive));
        let working = state.workers.iter().filter(|worker| !worker.waits()).count();
        let full = working >= self.options.most_workers || state.workers.len() >= self.options.most_with_waiting;
        if available || state.starting || state.closed || full {
            return;
        }
        state.starting = true;
        drop(state);
        self.tasks.work("start worker", self.clone().replace());
    }

    async fn replace(self: Arc<Self>) {
        let short_lives = self.state.lock().short_lives;
        if short_lives > 1 {
            let wait = RESTART_WAITS.0 * 2_u32.saturating_pow(short_lives - 2);
            tokio::time::sleep(wait.min(LONGEST_REPLACEMENT_WAIT)).await;
        }
        let (mut wait, longest) = RESTART_WAITS;
        while let Err(error) = self.clone().add_worker().await {
            tracing::error!(project = self.load.project, ?error, "a worker did not start");
            if self.state.lock().closed || self.tasks.stopping().is_cancelled() {
                break;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
        self.state.lock().starting = false;
        self.changed.all();
    }

    async fn add_worker(self: Arc<Self>) -> Result<(), StartError> {
        let worker = self.clone().start_worker(false).await?;
        {
            let mut state = self.state.lock();
            if state.closed {
                worker.kill();
                return Ok(());
            }
            state.workers.push(worker.clone());
        }
        self.changed.all();
        let this = self.clone();
        let began = Instant::now();
        self.tasks.work("worker end", async move {
            worker.gone.cancelled().await;
            {
                let mut state = this.state.lock();
                state.workers.retain(|other| !Arc::ptr_eq(other, &worker));
                state.short_lives = if began.elapsed() < SHORT_LIFE { state.short_lives + 1 } else { 0 };
            }
            this.ensure_available(false);
            // Those who wait for a place look again: `most_workers` may have kept them waiting.
            this.changed.all();
        });
        Ok(())
    }

    async fn start_worker(self: Arc<Self>, alone: bool) -> Result<Arc<Worker>, StartError> {
        let spawned = self.launcher.spawn(self.program.clone()).await.map_err(StartError::Failed)?;
        let (worker, loaded) = Worker::adopt(spawned, &self.load, &self.services, &self.changed, &self.tasks);
        self.tasks.work("watchdog", watchdog::watch(worker.clone(), self.clone(), alone));
        // Handlers are loaded one after the other, and the board names the one at work.
        let failed = |why: &str| {
            worker.kill();
            let culprit = worker.loading().and_then(|place| self.load.handlers.get(usize::from(place)));
            Err(match culprit {
                Some(handler) => {
                    let message = format!("{why}\nhint: work belongs into process, not beside it");
                    StartError::Problems(vec![LoadProblem { file: handler.file.clone(), message }])
                }
                None => StartError::Failed(anyhow::anyhow!("a worker {why}")),
            })
        };
        match timeout(LOAD_LIMIT, loaded).await {
            Ok(Ok(loaded)) if loaded.problems.is_empty() => {
                *self.exclusive.lock() = loaded.exclusive.into_iter().collect();
                worker.ready();
                Ok(worker)
            }
            Ok(Ok(loaded)) => {
                worker.kill();
                Err(StartError::Problems(loaded.problems))
            }
            Ok(Err(_)) => failed("ends its process while it is loaded"),
            Err(_) => failed("does not finish loading within 30 s"),
        }
    }

    /// Lets an idle worker go when another is ready; whether it did.
    pub(super) fn let_go(&self, worker: &Arc<Worker>) -> bool {
        let mut state = self.state.lock();
        let ready = state.workers.iter().filter(|other| other.phase() == Phase::Ready).count();
        if ready < 2 {
            return false;
        }
        state.workers.retain(|other| !Arc::ptr_eq(other, worker));
        drop(state);
        let worker = worker.clone();
        self.tasks.work("worker let go", async move {
            worker.finish().await;
            worker.say(&ToWorker::Stop);
            if timeout(EXIT_LIMIT, worker.gone.cancelled()).await.is_err() {
                worker.kill();
            }
        });
        true
    }
}
