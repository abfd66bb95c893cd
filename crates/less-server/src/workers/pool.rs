//! The workers of one version of a project and one runtime: chooses one for each invocation.
//!
//! Handlers that share processes are served by one worker until it falls silent or dies; one that has a
//! process to itself gets an idle one, and more are started (`growth`) as they are waited for (`queue`).
//! Suspects (deliveries that were in a lost process) run alone, each in a process of its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use less_protocol::{Input, Load, LoadProblem, Reply, ToWorker};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::flights::Responder;
use super::queue::{Class, Queue, Turn};
use super::worker::{Answer, Worker};
use super::{Invocation, Launcher, Outcome, Program, growth};
use crate::limits;
use crate::services::Services;
use crate::tasks::Tasks;

/// Work that shares processes keeps together up to so much in one.
const PACKED: usize = 256;
/// A shorter wait for a process takes nothing from a delivery's time that anybody would miss.
const NOTICED: Duration = Duration::from_millis(10);
/// A worker that begins much and answers nothing tells nobody: who is first looks this often.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long a stopped worker may take to exit before it is killed.
pub(super) const EXIT_LIMIT: Duration = Duration::from_secs(2);
/// How many processes of one pool run suspects at once, and how many of them for one handler, so that
/// one handler's poison leaves places to others.
const ALONE_AT_ONCE: usize = 16;
const ALONE_OF_ONE: usize = 2;
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// A worker above this many resident bytes is stopped.
    pub memory_bytes: u64,
    /// Never more processes than this, blocked ones included, those not counted whose handler does nothing but
    /// wait for a function.
    pub most_workers: usize,
    /// Never more than this, those included.
    pub most_with_waiting: usize,
    /// With so many that wait, nothing begins that might wait, too.
    pub most_waiting: usize,
    /// Processes that deliveries never take from requests and functions, where handlers have them to themselves.
    pub kept_from_deliveries: usize,
}

/// Why a version cannot be served.
#[derive(Debug)]
pub enum StartError {
    /// The project's own problems.
    Problems(Vec<LoadProblem>),
    /// The process could not be started, or ended while loading.
    Failed(anyhow::Error),
}

/// A handle to the pool of one version. Cheap to clone.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

pub(super) struct Inner {
    pub(super) launcher: Launcher,
    pub(super) program: Arc<Program>,
    pub(super) load: Load,
    pub(super) services: Arc<Services>,
    pub(super) options: PoolOptions,
    pub(super) tasks: Tasks,
    pub(super) state: Mutex<State>,
    pub(super) queue: Arc<Queue>,
    /// Places of the handlers that have a process to themselves.
    exclusive: Mutex<HashSet<u16>>,
    has_exclusive: AtomicBool,
    /// Processes that deliveries may have to themselves.
    deliveries: Semaphore,
    alone: Semaphore,
    alone_of: Mutex<HashMap<u16, Arc<Semaphore>>>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) workers: Vec<Arc<Worker>>,
    /// How many processes are being started.
    pub(super) starting: usize,
    pub(super) draining: bool,
    pub(super) closed: bool,
    /// How long what runs may hold its process, if not until its deadline.
    pub(super) patience: Option<Duration>,
    /// How many workers in a row were short-lived.
    pub(super) short_lives: u32,
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
        let most_deliveries = options.most_workers.saturating_sub(options.kept_from_deliveries).max(1);
        let inner = Arc::new(Inner {
            launcher,
            program: Arc::new(program),
            load,
            services,
            options,
            tasks: tasks.clone(),
            state: Mutex::default(),
            queue: Arc::default(),
            exclusive: Mutex::default(),
            has_exclusive: AtomicBool::new(false),
            deliveries: Semaphore::new(most_deliveries),
            alone: Semaphore::new(ALONE_AT_ONCE),
            alone_of: Mutex::default(),
        });
        inner.clone().add_worker().await?;
        Ok(Self(inner))
    }

    /// Whether this handler has a process to itself for as long as it runs.
    pub fn is_exclusive(&self, handler: u16) -> bool {
        self.0.is_exclusive(handler)
    }

    /// Begins an invocation without waiting for it: `then` learns how it ended, or `None` when it did not begin
    /// here and now, or was handed back.
    pub fn begin(&self, invocation: &Invocation, then: Box<dyn FnOnce(Option<Outcome>) + Send>) {
        if invocation.alone || self.0.is_exclusive(invocation.handler) {
            return then(None);
        }
        let asked = Asked::of(invocation);
        let responder = Responder::Then(Box::new(move |answer| then(outcome(answer, &asked, false))));
        let turn = self.0.queue.turn(Class::of(invocation));
        if let Look::NothingYet(responder) | Look::Never(responder) =
            self.0.look(invocation, invocation.deadline, false, turn, responder)
        {
            // What a worker says of what it never had.
            responder.answer(Answer::NotBegun);
        }
    }

    /// Whether so many requests wait where one for this handler would, and it would for so long, that it is better
    /// refused.
    pub fn is_overloaded(&self, handler: u16) -> bool {
        let (waiting, waits) = self.0.queue.line(self.0.is_exclusive(handler)).requests();
        waiting >= limits::REQUESTS_WAITING && waits > limits::QUEUE_TIME
    }

    /// Runs an invocation in the pool, beside others where its handler shares processes.
    pub async fn invoke(&self, invocation: &Invocation) -> Outcome {
        if invocation.alone {
            return self.invoke_alone(invocation).await;
        }
        let exclusive = self.0.is_exclusive(invocation.handler);
        // Hanging deliveries leave processes to requests.
        let message = exclusive && matches!(invocation.input, Input::Message { .. });
        let _place = match message.then(|| self.0.deliveries.acquire()) {
            None => None,
            Some(place) => match timeout_at(invocation.deadline, place).await {
                Ok(place) => place.ok(),
                Err(_late) => return Outcome::NotBegun,
            },
        };
        loop {
            let Some(ticket) = self.0.place(invocation, exclusive).await else { return Outcome::NotBegun };
            if let Some(outcome) = outcome(answered(ticket).await, &Asked::of(invocation), false) {
                return outcome;
            }
        }
    }

    /// Runs a suspect in a worker of its own; its time begins once that worker is ready.
    async fn invoke_alone(&self, invocation: &Invocation) -> Outcome {
        // What a suspect calls has its caller's place: waiting for another could be waiting for itself.
        let is_called = invocation.depth > 0;
        let own = self.0.alone_of.lock().entry(invocation.handler).or_insert_with(own_places).clone();
        let _places = match is_called {
            true => None,
            false => match (own.acquire().await, self.0.alone.acquire().await) {
                (Ok(own), Ok(place)) => Some((own, place)),
                (Err(_), _) | (_, Err(_)) => return Outcome::NotBegun,
            },
        };
        let (closed, draining) = {
            let state = self.0.state.lock();
            (state.closed, state.draining)
        };
        if closed || (draining && !is_called) {
            return Outcome::NotBegun;
        }
        let worker = match self.0.clone().start_worker(true).await {
            Ok(worker) => worker,
            Err(error) => {
                tracing::error!(project = self.0.load.project, ?error, "a worker did not start");
                // The delivery is due again at once: not as fast as processes fail to start.
                tokio::time::sleep(growth::RESTART_WAITS.1).await;
                return Outcome::NotBegun;
            }
        };
        let exclusive = self.0.is_exclusive(invocation.handler);
        let afresh = if is_called { invocation.clone() } else { invocation.afresh() };
        let (answer, ticket) = oneshot::channel();
        let outcome = match worker.send(&afresh, exclusive, Responder::Ticket(answer)) {
            Ok(()) => outcome(answered(ticket).await, &Asked::of(&afresh), true).unwrap_or(Outcome::NotBegun),
            Err(_) => Outcome::NotBegun,
        };
        worker.say(&ToWorker::Stop);
        if timeout(EXIT_LIMIT, worker.gone.cancelled()).await.is_err() {
            worker.kill();
        }
        outcome
    }

    /// Begins nothing any more but what running handlers call; who waits is sent away.
    pub fn drain(&self) {
        self.0.state.lock().draining = true;
        // Who waits for a place of these hears of it, too.
        self.0.deliveries.close();
        self.0.alone_of.lock().values().for_each(|own| own.close());
        self.0.queue.all();
    }

    /// From now on processes end that what they run holds for longer than `patience`.
    pub fn hurry(&self, patience: Duration) {
        self.0.state.lock().patience = Some(patience);
    }

    /// Takes nothing new, lets what runs finish until `deadline`, and ends all processes.
    pub async fn close(&self, deadline: Instant) {
        let workers = {
            let mut state = self.0.state.lock();
            state.closed = true;
            state.workers.clone()
        };
        self.0.queue.all();
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

/// What an answer means depends on who asked.
struct Asked {
    timeout: Duration,
    is_message: bool,
}

impl Asked {
    fn of(invocation: &Invocation) -> Self {
        Self { timeout: invocation.timeout, is_message: matches!(invocation.input, Input::Message { .. }) }
    }
}

/// The worker keeps the deadline; one that is gone has answered all it had.
async fn answered(ticket: oneshot::Receiver<Answer>) -> Answer {
    ticket.await.unwrap_or(Answer::Lost)
}

/// `None`: the worker handed it back; it has not begun and may run elsewhere.
fn outcome(answer: Answer, asked: &Asked, alone: bool) -> Option<Outcome> {
    Some(match answer {
        Answer::Reply(Reply::Returned(bytes)) => Outcome::Returned(bytes),
        Answer::Reply(Reply::Threw { thrown, retriable }) => Outcome::Threw { thrown, retriable },
        Answer::Reply(Reply::ResponseTooLarge(thrown)) => Outcome::ResponseTooLarge(thrown),
        Answer::NotBegun => return None,
        Answer::Dismissed if asked.is_message => Outcome::NotBegun,
        // Its client must not think that it can safely be sent again.
        Answer::Dismissed | Answer::Lost => Outcome::WorkerLost { alone },
        // Which of those in the process blocks it is not known: a delivery is tried alone first.
        Answer::Late { blocked: true, exclusive: false } if asked.is_message && !alone => Outcome::WorkerLost { alone },
        Answer::Late { .. } => Outcome::TimedOut { limit: asked.timeout },
    })
}

fn own_places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(ALONE_OF_ONE))
}

/// What a look at the workers found.
enum Look {
    Placed,
    NothingYet(Responder),
    /// It is not to wait for one.
    Never(Responder),
}

impl Inner {
    fn is_exclusive(&self, handler: u16) -> bool {
        self.has_exclusive.load(Ordering::Relaxed) && self.exclusive.lock().contains(&handler)
    }

    /// What a worker said about its handlers when it had loaded them.
    pub(super) fn set_exclusive(&self, handlers: HashSet<u16>) {
        self.has_exclusive.store(!handlers.is_empty(), Ordering::Relaxed);
        *self.exclusive.lock() = handlers;
    }

    /// Puts it in flight on a worker; waits for one until its deadline or the pool's end.
    async fn place(self: &Arc<Self>, invocation: &Invocation, exclusive: bool) -> Option<oneshot::Receiver<Answer>> {
        let (answer, ticket) = oneshot::channel();
        let turn = self.queue.turn(Class::of(invocation));
        // Most find a place at once.
        match self.look(invocation, invocation.deadline, exclusive, turn, Responder::Ticket(answer)) {
            Look::Placed => Some(ticket),
            Look::Never(_) => None,
            Look::NothingYet(responder) => {
                self.wait_for_place(invocation, exclusive, turn, responder).await.then_some(ticket)
            }
        }
    }

    async fn wait_for_place(
        self: &Arc<Self>,
        invocation: &Invocation,
        exclusive: bool,
        turn: Turn,
        mut responder: Responder,
    ) -> bool {
        let asked = Instant::now();
        // It looks once more: a change in between is not missed.
        let waiting = self.queue.line(exclusive).wait(turn);
        loop {
            // A delivery's time begins when it has a process: a queue is not its fault, and nobody waits for it.
            let waited = matches!(invocation.input, Input::Message { .. }) && asked.elapsed() > NOTICED;
            let afresh = waited.then(|| invocation.afresh());
            let begins = afresh.as_ref().unwrap_or(invocation);
            responder = match self.look(begins, invocation.deadline, exclusive, turn, responder) {
                Look::Placed => return true,
                Look::Never(_) => return false,
                Look::NothingYet(responder) => responder,
            };
            self.ensure_available(exclusive, invocation.depth > 0);
            let looks = !exclusive && waiting.is_first();
            let until = if looks { Instant::now() + LOOK_AGAIN } else { invocation.deadline };
            timeout_at(until.min(invocation.deadline), waiting.woken()).await.ok(); // late or not, it looks
        }
    }

    /// `until`: it waits no longer.
    fn look(&self, invocation: &Invocation, until: Instant, exclusive: bool, turn: Turn, responder: Responder) -> Look {
        let state = self.state.lock();
        let called = invocation.depth > 0;
        if state.closed || (state.draining && !called) || Instant::now() >= until {
            return Look::Never(responder);
        }
        let is_first = self.queue.line(exclusive).is_first(turn);
        let may_take = is_first && (!exclusive || called || state.may_call(&self.options));
        let mut responder = responder;
        if let Some(worker) = may_take.then(|| self.choose(&state, exclusive, called)).flatten() {
            match worker.send(invocation, exclusive, responder) {
                Ok(()) => return Look::Placed,
                Err(given_back) => responder = given_back,
            }
        }
        // One that could only wait for others of its kind is not kept waiting.
        let never = called && state.workers.len() >= self.options.most_with_waiting;
        if never { Look::Never(responder) } else { Look::NothingYet(responder) }
    }

    /// The only worker, whether or not it takes more, or the least loaded one that does. Where handlers also want
    /// processes to themselves, work that shares one keeps together, so that others fall idle.
    fn choose<'s>(&self, state: &'s State, exclusive: bool, called: bool) -> Option<&'s Arc<Worker>> {
        if let [only] = state.workers.as_slice() {
            return Some(only);
        }
        let available = || state.workers.iter().filter(|worker| worker.is_available(exclusive));
        let together =
            || available().filter(|worker| (1..PACKED).contains(&worker.running())).max_by_key(|w| w.running());
        let packs = !exclusive && self.has_exclusive.load(Ordering::Relaxed);
        let chosen = packs.then(together).flatten().or_else(|| available().min_by_key(|worker| worker.running()))?;
        if exclusive || called || chosen.has_room() {
            return Some(chosen);
        }
        available().find(|worker| worker.has_room())
    }
}

impl State {
    pub(super) fn waiting(&self) -> usize {
        self.workers.iter().filter(|worker| worker.waits()).count()
    }

    /// Whether there are processes left for what one more handler may call.
    pub(super) fn may_call(&self, options: &PoolOptions) -> bool {
        self.waiting() < options.most_waiting
    }
}
