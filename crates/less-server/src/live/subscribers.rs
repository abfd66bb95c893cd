//! What hears messages in one version: subscribers of its own topics, of others', crons, and who hears of the ends of
//! connections.

use std::sync::Arc;
use std::time::Duration;

use less_project::{Cron, CronSchedule, Env, Project, RetryPolicy, Schedule, Socket, Subscriber};
use less_store::{CronState, Deployed, SubscriberId, Subscription};
use tokio::sync::Semaphore;

use super::Live;
use crate::dispatch;
use crate::limits;
use crate::triggers::crons::{Firing, MissedRuns};

/// How long a cron's run, a message of another project, or the end of a connection is tried.
const RETENTION: Duration = Duration::from_secs(4 * 24 * 3600);

/// A subscription, and how its messages are handled.
pub(super) struct Deployable {
    subscription: Subscription,
    runs: Option<Runs>,
}

struct Runs {
    timeout: Duration,
    concurrency: u32,
    retry: RetryPolicy,
    /// A cron's: a failed run is tried until the next one is due.
    until_next: Option<Schedule>,
}

pub(super) fn all(project: &Project, env: &Env, crons: &[CronSchedule]) -> Vec<Deployable> {
    let name = project.name.as_ref();
    let mut all = Vec::new();
    for topic in &project.topics {
        if topic.subscribers.is_empty() {
            all.push(Deployable { subscription: subscription(name, &topic.name, None, topic.retention), runs: None });
        }
        all.extend(topic.subscribers.iter().map(|heard| subscriber(name, &topic.name, heard, topic.retention)));
    }
    for topic in &project.external_topics {
        let publisher = topic.publisher(env);
        all.extend(topic.subscribers.iter().map(|heard| subscriber(&publisher, &topic.topic, heard, RETENTION)));
    }
    all.extend(project.crons.iter().zip(crons).map(|(cron, schedule)| cron_run(name, cron, schedule)));
    all.extend(project.sockets.iter().filter_map(|socket| disconnect(name, socket)));
    all
}

fn subscription(publisher: &str, topic: &str, subscriber: Option<&str>, retention: Duration) -> Subscription {
    let subscriber = subscriber.map(str::to_owned);
    Subscription { publisher: publisher.to_owned(), topic: topic.to_owned(), subscriber, retention }
}

fn subscriber(publisher: &str, topic: &str, heard: &Subscriber, retention: Duration) -> Deployable {
    Deployable {
        subscription: subscription(publisher, topic, Some(heard.handler.path.as_ref()), retention),
        runs: Some(Runs {
            timeout: heard.timeout,
            concurrency: heard.concurrency,
            retry: heard.retry.clone(),
            until_next: None,
        }),
    }
}

/// A cron is a topic with one subscriber, both named by its handler's identity, which no topic's name can be.
fn cron_run(project: &str, cron: &Cron, schedule: &CronSchedule) -> Deployable {
    let path = cron.handler.path.as_ref();
    Deployable {
        subscription: subscription(project, path, Some(path), RETENTION),
        runs: Some(Runs {
            timeout: cron.timeout,
            concurrency: 1, // runs do not overlap
            retry: RetryPolicy::default(),
            until_next: Some(schedule.schedule.clone()),
        }),
    }
}

/// The end of a connection, the same.
fn disconnect(project: &str, socket: &Socket) -> Option<Deployable> {
    let path = socket.disconnect.as_ref()?.path.as_ref();
    Some(Deployable {
        subscription: subscription(project, path, Some(path), RETENTION),
        runs: Some(Runs {
            timeout: socket.timeout,
            concurrency: limits::DISCONNECTS_AT_ONCE,
            retry: RetryPolicy { attempts: Some(limits::DISCONNECT_ATTEMPTS), ..RetryPolicy::default() },
            until_next: None,
        }),
    })
}

impl Live {
    /// What the store must know of this version: every topic, every subscriber.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.subscribers.iter().map(|deployable| deployable.subscription.clone()).collect()
    }

    /// Its crons, as the store keeps their state.
    pub fn cron_marks(&self) -> Vec<less_store::Cron> {
        let crons = self.project.crons.iter().zip(&self.crons);
        crons
            .map(|(cron, schedule)| less_store::Cron {
                name: cron.handler.path.to_string(),
                schedule: schedule.text.clone(),
            })
            .collect()
    }

    /// Begins to take deliveries and to fire crons. `deployed`: what the store answered to `subscriptions` and
    /// `cron_marks`. `before`: the version that is replaced; where the limit of a subscriber stays, both keep
    /// it together.
    pub fn dispatch(&self, deployed: &Deployed, before: Option<&Self>, missed: MissedRuns) {
        let subscribers = self.subscribers.iter().filter_map(|deployable| {
            let runs = deployable.runs.as_ref()?;
            Some((deployable.subscription.subscriber.as_deref()?, runs))
        });
        for ((path, runs), id) in subscribers.zip(&deployed.subscribers) {
            if runs.concurrency == 0 {
                continue; // paused: its deliveries wait
            }
            let this = Arc::new(dispatch::Subscriber {
                id: *id,
                handler: self.handlers[path].clone(),
                timeout: runs.timeout,
                retry: runs.retry.clone(),
                until_next: runs.until_next.clone(),
                slots: self.slots(*id, self.at_once(path, runs.concurrency), before),
                topics: self.store.topics.clone(),
                services: self.services.clone(),
            });
            let (stop, tasks) = (self.dispatching.stopping(), self.dispatching.clone());
            self.dispatching.essential("dispatch", this.run(stop, tasks));
        }
        let states = self.cron_states.get_or_init(|| deployed.crons.clone());
        self.fire_crons(states, missed);
    }

    fn fire_crons(&self, states: &[CronState], missed: MissedRuns) {
        for ((cron, schedule), state) in self.project.crons.iter().zip(&self.crons).zip(states) {
            let firing = Firing {
                project: self.name.clone(),
                path: self.handlers[cron.handler.path.as_ref()].path.clone(),
                schedule: schedule.schedule.clone(),
                state: *state,
                missed,
                topics: self.store.topics.clone(),
                services: self.services.clone(),
            };
            self.dispatching.essential("cron", firing.run(self.dispatching.stopping()));
        }
    }

    /// A handler that needs a process for itself runs no more often at once than there are processes.
    fn at_once(&self, path: &str, limit: u32) -> u32 {
        let handler = &self.handlers[path];
        if handler.pool.is_exclusive(handler.place) { limit.min(limits::EXCLUSIVE_OF_ONE) } else { limit }
    }

    fn slots(&self, id: SubscriberId, limit: u32, before: Option<&Self>) -> Arc<Semaphore> {
        let kept = before.and_then(|before| before.slots.lock().get(&id).cloned()).filter(|(old, _)| *old == limit);
        let (_, slots) = kept.unwrap_or_else(|| (limit, Arc::new(Semaphore::new(limit as usize))));
        self.slots.lock().insert(id, (limit, slots.clone()));
        slots
    }

    /// Whether this is a subscriber whose `concurrency` is 0.
    pub(crate) fn is_paused(&self, path: &str) -> bool {
        let mut subscribers = self.project.topics.iter().flat_map(|topic| &topic.subscribers);
        subscribers.any(|subscriber| subscriber.concurrency == 0 && subscriber.handler.path.as_ref() == path)
    }
}
