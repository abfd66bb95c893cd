//! One version of a project at work: its routes, its functions, its workers, its subscribers' loops.
//!
//! `start` loads the handlers and serves nothing yet; `dispatch` begins to take deliveries and to fire
//! crons, once the store knows the version; `retire` lets what runs finish and ends the processes.
//! `subscribers` is what waits for messages, `functions` what is called.

mod functions;
mod subscribers;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use less_project::{CronSchedule, Env, HandlerPath, Project, ProjectName};
use less_protocol::{HandlerKind, Limits, Load, LoadHandler};
use less_store::{Connections, CronState, Store, SubscriberId};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::build::{self, Built, Runtime};
use crate::limits;
use crate::services::Services;
use crate::tasks::Tasks;
use crate::triggers::http::{ApiRoutes, BodyShare, SocketHandlers, most_connections};
use crate::workers::{Handler, Launcher, Pool, PoolOptions, StartError};

use functions::Function;
pub(crate) use functions::{CallFailed, CallFrom};
use subscribers::Deployable;

pub struct Live {
    pub name: Arc<str>,
    pub project: Project,
    pub apis: HashMap<String, ApiRoutes>,
    pub services: Arc<Services>,
    /// Requests that run or wait.
    pub admission: Semaphore,
    /// Room for their bodies.
    pub(crate) bodies: BodyShare,
    pub(crate) sockets: HashMap<String, Arc<SocketHandlers>>,
    /// Their clients.
    pub(crate) socket_places: Arc<Semaphore>,
    /// Files that come in or go out.
    pub(crate) transfers: Arc<Semaphore>,
    store: Store,
    pools: Vec<Pool>,
    functions: HashMap<String, Function>,
    /// In the order of [`Live::subscriptions`].
    subscribers: Vec<Deployable>,
    crons: Vec<CronSchedule>,
    cron_states: OnceLock<Vec<CronState>>,
    /// Every handler, by identity.
    handlers: HashMap<String, Handler>,
    slots: parking_lot::Mutex<HashMap<SubscriberId, (u32, Arc<Semaphore>)>>,
    dispatching: Tasks,
    working: Tasks,
}

/// What a version runs on.
pub struct Parts {
    /// The version's folder, ready for the workers of every runtime that it needs.
    pub built: Built,
    pub launcher: Launcher,
    pub services: Arc<Services>,
    pub store: Store,
    /// The version's variables: they name the projects of external topics.
    pub env: Env,
    pub crons: Vec<CronSchedule>,
}

impl Live {
    /// Starts the workers and loads every handler.
    pub async fn start(name: &ProjectName, project: Project, parts: Parts, tasks: &Tasks) -> Result<Self, StartError> {
        let Parts { built, launcher, services, store, env, crons } = parts;
        let working = tasks.child();
        let starts = runtimes(&project).into_iter().map(|runtime| {
            let program = build::program(runtime, &built, &env);
            let load = load(name, &project, &built.root, runtime);
            let paths: Vec<Arc<str>> = load.handlers.iter().map(|handler| handler.path.as_str().into()).collect();
            let started = Pool::start(launcher.clone(), program, load, services.clone(), options(runtime), &working);
            async move { Ok((Unborn { pool: Some(started.await?), tasks: tasks.clone() }, paths)) }
        });
        let (mut pools, mut handlers) = (Vec::new(), HashMap::new());
        for (unborn, paths) in all_started(join_all(starts).await).await? {
            let Some(pool) = unborn.keep() else { continue };
            for (path, place) in paths.into_iter().zip(0..) {
                handlers.insert(path.to_string(), Handler { pool: pool.clone(), place, path });
            }
            pools.push(pool);
        }
        let apis = project
            .apis
            .iter()
            .map(|api| {
                let handlers = api.routes.iter().map(|route| handlers[route.handler.path.as_ref()].clone()).collect();
                (api.name.clone(), ApiRoutes::new(api, handlers))
            })
            .collect();
        Ok(Self {
            name: Arc::from(name.as_ref()),
            apis,
            services,
            admission: Semaphore::new(limits::REQUESTS_AT_ONCE),
            bodies: BodyShare::default(),
            sockets: sockets(&project, &handlers),
            socket_places: Arc::new(Semaphore::new(most_connections() / limits::SOCKETS_SHARE)),
            transfers: Arc::new(Semaphore::new(limits::PROJECT_TRANSFERS)),
            store,
            functions: functions::table(&project, &handlers),
            subscribers: subscribers::all(&project, &env, &crons),
            crons,
            cron_states: OnceLock::new(),
            pools,
            handlers,
            slots: parking_lot::Mutex::default(),
            dispatching: tasks.child(),
            working,
            project,
        })
    }

    pub fn has_handler(&self, path: &str) -> bool {
        self.handlers.contains_key(path)
    }

    /// Every handler's identity, sorted.
    pub fn handlers(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.handlers.keys().map(String::as_str).collect();
        paths.sort_unstable();
        paths
    }

    /// Its crons, and how far each had come when this version began: known once it is live.
    pub(crate) fn crons(&self) -> impl Iterator<Item = (&CronSchedule, Option<CronState>)> {
        let state = |at: usize| self.cron_states.get()?.get(at).copied();
        self.crons.iter().enumerate().map(move |(at, cron)| (cron, state(at)))
    }

    /// Cancelled when another version takes its place, or the server stops.
    pub(crate) fn leaving(&self) -> CancellationToken {
        self.dispatching.stopping()
    }

    /// Whoever retires it waits until this is dropped.
    pub(crate) fn hold(&self) -> TaskTrackerToken {
        self.dispatching.token()
    }

    pub(crate) fn connections(&self) -> Arc<dyn Connections> {
        self.store.connections.clone()
    }

    /// Claims nothing more, and begins nothing but what running handlers call: what waits is for a newer version.
    pub fn stop_dispatch(&self) {
        self.dispatching.stop();
        self.pools.iter().for_each(Pool::drain);
    }

    /// Lets deliveries finish that run, and connections end, within `grace`. What does not is not settled, and is delivered again.
    pub async fn finish(&self, grace: Duration) {
        if !self.dispatching.drain(grace).await {
            tracing::warn!(project = &*self.name, "some deliveries did not finish in time; they will run again");
        }
    }

    /// Ends the processes, as soon as nothing runs in them any more, or at `deadline`.
    pub async fn close(&self, deadline: Instant) {
        for pool in &self.pools {
            pool.close(deadline).await;
        }
        self.working.drain(limits::EXIT).await;
    }

    /// From now on processes end that what they run holds for longer than `patience`: its deliveries begin anew in the
    /// version that took this one's place.
    pub fn hurry(&self, patience: Duration) {
        self.pools.iter().for_each(|pool| pool.hurry(patience));
    }

    /// Both, one after the other.
    pub async fn retire(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        self.finish(grace).await;
        self.close(deadline).await;
    }
}

fn sockets(project: &Project, handlers: &HashMap<String, Handler>) -> HashMap<String, Arc<SocketHandlers>> {
    let sockets = project.sockets.iter();
    sockets.map(|socket| (socket.name.clone(), Arc::new(SocketHandlers::new(socket, handlers)))).collect()
}

/// A pool of a version that is not there yet. When nobody waits for the version any more, its workers end.
struct Unborn {
    pool: Option<Pool>,
    tasks: Tasks,
}

impl Unborn {
    fn keep(mut self) -> Option<Pool> {
        self.pool.take()
    }
}

impl Drop for Unborn {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            self.tasks.work("abandon", async move { pool.close(Instant::now()).await });
        }
    }
}

type Started = (Unborn, Vec<Arc<str>>);

/// All pools, or why there is none of them; the problems of all languages are told at once.
async fn all_started(results: Vec<Result<Started, StartError>>) -> Result<Vec<Started>, StartError> {
    let (mut started, mut problems, mut failed) = (Vec::new(), Vec::new(), None);
    for result in results {
        match result {
            Ok(one) => started.push(one),
            Err(StartError::Problems(more)) => problems.extend(more),
            Err(error @ StartError::Failed(_)) => failed = Some(error),
        }
    }
    let why = failed.or_else(|| (!problems.is_empty()).then(|| StartError::Problems(problems)));
    let Some(why) = why else { return Ok(started) };
    for pool in started.into_iter().filter_map(|(unborn, _)| unborn.keep()) {
        pool.close(Instant::now()).await;
    }
    Err(why)
}

/// Node.js shares its processes, so a few replace those that are blocked; Python's handlers want one each.
fn options(runtime: Runtime) -> PoolOptions {
    let most_workers = match runtime {
        Runtime::Node => limits::WORKERS,
        Runtime::Python => limits::EXCLUSIVE_WORKERS,
    };
    PoolOptions {
        memory_bytes: limits::WORKER_BYTES,
        most_workers,
        most_with_waiting: limits::WORKERS_WITH_WAITING,
        most_waiting: limits::WORKERS_WAITING,
        kept_from_deliveries: most_workers / 4,
    }
}

/// What the project's handlers need to run.
pub fn runtimes(project: &Project) -> BTreeSet<Runtime> {
    project.handlers().filter_map(|handler| Runtime::of(handler.language)).collect()
}

/// What the workers of one runtime load.
fn load(name: &ProjectName, project: &Project, root: &Path, runtime: Runtime) -> Load {
    let own = project.handlers().filter(|handler| Runtime::of(handler.language) == Some(runtime));
    let handlers = own.map(|handler| {
        let (file, source) = build::load_file(handler);
        LoadHandler { path: handler.path.to_string(), file, source, kind: kind(&handler.path) }
    });
    Load {
        version: less_protocol::VERSION,
        project: name.as_ref().to_owned(),
        root: root.display().to_string(),
        handlers: handlers.collect(),
        topics: project.topics.iter().map(|topic| topic.name.clone()).collect(),
        functions: project.functions.iter().map(|function| function.name.clone()).collect(),
        sockets: project.sockets.iter().map(|socket| socket.name.clone()).collect(),
        limits: LIMITS,
    }
}

/// A handler's identity begins with the folder that says what it is. The end of a connection is a message.
fn kind(path: &HandlerPath) -> HandlerKind {
    match path.as_ref().split('/').next() {
        Some("sockets") if !path.as_ref().ends_with("/disconnect") => HandlerKind::Socket,
        Some("apis") => HandlerKind::Route,
        Some("crons") => HandlerKind::Cron,
        Some("functions") => HandlerKind::Function,
        _ => HandlerKind::Subscriber,
    }
}

const LIMITS: Limits = Limits {
    message_bytes: limits::MESSAGE_BYTES as u64,
    socket_message_bytes: limits::SOCKET_MESSAGE_BYTES as u64,
    response_bytes: limits::BODY_BYTES as u64,
    value_bytes: limits::VALUE_BYTES as u64,
    key_bytes: limits::KEY_BYTES as u64,
    log_lines: limits::LOG_LINES,
    log_bytes: limits::LOG_BYTES,
    log_line_bytes: limits::LOG_LINE_BYTES as u64,
};
