//! One version of a project at work: its routes, its workers, its subscribers' loops.
//!
//! `start` loads the handlers and serves nothing yet; `dispatch` begins to take deliveries, once the
//! store knows the version; `retire` lets what runs finish and ends the processes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use less_project::{Project, ProjectName};
use less_protocol::{HandlerKind, Limits, Load, LoadHandler};
use less_store::{SubscriberId, Subscription, Topics};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::dispatch::Subscriber;
use crate::limits;
use crate::services::Services;
use crate::tasks::Tasks;
use crate::triggers::http::ApiRoutes;
use crate::workers::{Launcher, Pool, PoolOptions, Program, StartError};

pub struct Live {
    pub name: Arc<str>,
    pub project: Project,
    pub apis: HashMap<String, ApiRoutes>,
    pub services: Arc<Services>,
    pub pool: Pool,
    /// Requests that run or wait.
    pub admission: Semaphore,
    topics: Arc<dyn Topics>,
    /// Every handler's place in the `Load`, by identity.
    places: HashMap<String, (u16, Arc<str>)>,
    slots: parking_lot::Mutex<HashMap<SubscriberId, (u32, Arc<Semaphore>)>>,
    dispatching: Tasks,
    working: Tasks,
}

/// What a version runs on.
pub struct Parts {
    pub program: Program,
    pub launcher: Launcher,
    pub services: Arc<Services>,
    pub topics: Arc<dyn Topics>,
}

impl Live {
    /// Starts the workers and loads every handler.
    pub async fn start(
        name: &ProjectName,
        project: Project,
        root: &Path,
        parts: Parts,
        tasks: &Tasks,
    ) -> Result<Self, StartError> {
        let Parts { program, launcher, services, topics } = parts;
        let handlers = handlers(&project);
        let places: HashMap<String, (u16, Arc<str>)> = handlers
            .iter()
            .zip(0_u16..)
            .map(|(handler, place)| (handler.path.clone(), (place, Arc::from(handler.path.as_str()))))
            .collect();
        let load = Load {
            version: less_protocol::VERSION,
            project: name.as_ref().to_owned(),
            root: root.display().to_string(),
            handlers,
            topics: project.topics.iter().map(|topic| topic.name.clone()).collect(),
            limits: limits(),
        };
        let options = PoolOptions { memory_bytes: limits::WORKER_BYTES, most_workers: limits::WORKERS };
        let working = tasks.child();
        let pool = Pool::start(launcher, program, load, services.clone(), options, &working).await?;
        let apis = project
            .apis
            .iter()
            .map(|api| {
                let handlers = api.routes.iter().map(|route| places[route.handler.path.as_ref()].clone()).collect();
                (api.name.clone(), ApiRoutes::new(api, handlers))
            })
            .collect();
        Ok(Self {
            name: Arc::from(name.as_ref()),
            project,
            apis,
            services,
            pool,
            admission: Semaphore::new(limits::REQUESTS_AT_ONCE),
            topics,
            places,
            slots: parking_lot::Mutex::default(),
            dispatching: tasks.child(),
            working,
        })
    }

    /// What the store must know of this version: every topic, every subscriber.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        let mut all = Vec::new();
        for topic in &self.project.topics {
            let subscription =
                |subscriber| Subscription { topic: topic.name.clone(), subscriber, retention: topic.retention };
            if topic.subscribers.is_empty() {
                all.push(subscription(None));
            }
            all.extend(topic.subscribers.iter().map(|subscriber| subscription(Some(subscriber.name.clone()))));
        }
        all
    }

    /// Begins to take deliveries. `ids`: as the store gave them for `subscriptions`. `before`: the
    /// version that is replaced; where the limit of a subscriber stays, both keep it together.
    pub fn dispatch(&self, ids: &[SubscriberId], before: Option<&Self>) {
        let subscribers = self.project.topics.iter().flat_map(|topic| &topic.subscribers);
        for (subscriber, id) in subscribers.zip(ids) {
            if subscriber.concurrency == 0 {
                continue; // paused: its deliveries wait
            }
            let (handler, path) = self.places[subscriber.handler.path.as_ref()].clone();
            let this = Arc::new(Subscriber {
                id: *id,
                path,
                handler,
                timeout: subscriber.timeout,
                retry: subscriber.retry.clone(),
                slots: self.slots(*id, subscriber.concurrency, before),
                pool: self.pool.clone(),
                topics: self.topics.clone(),
                services: self.services.clone(),
            });
            let (stop, tasks) = (self.dispatching.stopping(), self.dispatching.clone());
            self.dispatching.essential("dispatch", this.run(stop, tasks));
        }
    }

    fn slots(&self, id: SubscriberId, limit: u32, before: Option<&Self>) -> Arc<Semaphore> {
        let kept = before.and_then(|before| before.slots.lock().get(&id).cloned()).filter(|(old, _)| *old == limit);
        let (_, slots) = kept.unwrap_or_else(|| (limit, Arc::new(Semaphore::new(limit as usize))));
        self.slots.lock().insert(id, (limit, slots.clone()));
        slots
    }

    pub fn has_handler(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// Whether this is a subscriber whose `concurrency` is 0.
    pub(crate) fn is_paused(&self, path: &str) -> bool {
        let mut subscribers = self.project.topics.iter().flat_map(|topic| &topic.subscribers);
        subscribers.any(|subscriber| subscriber.concurrency == 0 && subscriber.handler.path.as_ref() == path)
    }

    /// Every handler's identity, sorted.
    pub fn handlers(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.places.keys().map(String::as_str).collect();
        paths.sort_unstable();
        paths
    }

    /// Claims nothing more.
    pub fn stop_dispatch(&self) {
        self.dispatching.stop();
    }

    /// Lets what runs finish within `grace`, then ends the processes. What did not finish is not
    /// settled, and is delivered again.
    pub async fn retire(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        if !self.dispatching.drain(grace).await {
            tracing::warn!(project = &*self.name, "some deliveries did not finish in time; they will run again");
        }
        self.pool.close(deadline).await;
        self.working.drain(limits::EXIT).await;
    }
}

/// The handlers that workers load: routes first, then subscribers.
fn handlers(project: &Project) -> Vec<LoadHandler> {
    let load = |handler: &less_project::Handler, kind| LoadHandler {
        path: handler.path.to_string(),
        file: handler.file.clone(),
        kind,
    };
    let routes = project.apis.iter().flat_map(|api| &api.routes).map(|route| load(&route.handler, HandlerKind::Route));
    let subscribers = project.topics.iter().flat_map(|topic| &topic.subscribers);
    routes.chain(subscribers.map(|subscriber| load(&subscriber.handler, HandlerKind::Subscriber))).collect()
}

fn limits() -> Limits {
    Limits {
        message_bytes: limits::MESSAGE_BYTES as u64,
        response_bytes: limits::BODY_BYTES as u64,
        log_lines: limits::LOG_LINES,
        log_bytes: limits::LOG_BYTES,
        log_line_bytes: limits::LOG_LINE_BYTES as u64,
    }
}
