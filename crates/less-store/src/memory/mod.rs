//! A back end for tests: the whole contract, save that nothing outlives the process.
//!
//! Everything is in one state under one lock; a claimer waits for its subscriber's next change or its
//! next due time, whichever comes first.

mod connections;
mod files;
mod state;
mod subscriber;
mod values;
mod versions;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::clock::Clock;
use crate::{
    Cron, DeadLetter, Delivery, Deployed, Deployment, Error, Publish, Result, SubscriberId, Subscription, Tick, Ticked,
    Topics, Verdict,
};
use state::State;

/// A clock may be turned: who waits for a time looks again at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Keeps everything in memory. See the module's header.
pub struct Memory {
    clock: Clock,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}

impl Memory {
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Arc::default(), changed: Arc::default() }
    }

    /// Runs a change at the time it is, unless closed, and wakes who may be concerned.
    fn change<T>(&self, change: impl FnOnce(&mut State, i64) -> Result<T>) -> Result<T> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        let now = (self.clock)();
        state.expire_values(now);
        let done = change(&mut state, now);
        drop(state);
        self.changed.notify_waiters();
        done
    }
}

#[async_trait]
impl Topics for Memory {
    async fn publish(&self, publish: Publish) -> Result<Uuid> {
        self.change(|state, now| state.publish(publish, now))
    }

    async fn claim(&self, subscriber: SubscriberId, max: usize) -> Result<Vec<Delivery>> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable(); // before looking, so that no change is missed
            let now = (self.clock)();
            let next_due = {
                let mut state = self.state.lock();
                if state.closed {
                    return Err(Error::Closed);
                }
                state.expire_values(now);
                let claimed = state.claim(subscriber, max.max(1), now);
                if !claimed.is_empty() {
                    return Ok(claimed);
                }
                state.next_due(subscriber).into_iter().chain(state.values.next_expiry()).min()
            };
            let wait = next_due.and_then(|due| u64::try_from(due - now).ok()).map(Duration::from_millis);
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(wait.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN)) => {}
            }
        }
    }

    fn settle(&self, delivery: Delivery, verdict: Verdict) {
        // Closed, it forgets the verdict as it forgets all else.
        self.change(|state, now| {
            state.settle(&delivery, verdict, now);
            Ok(())
        })
        .ok();
    }

    async fn deploy(
        &self,
        deployment: Deployment,
        subscriptions: Vec<Subscription>,
        crons: Vec<Cron>,
    ) -> Result<Deployed> {
        self.change(|state, _| Ok(state.deploy(deployment, &subscriptions, crons)))
    }

    async fn tick(&self, tick: Tick) -> Result<Ticked> {
        self.change(|state, now| state.tick(tick, now))
    }

    async fn hurry(&self, project: &str) -> Result<()> {
        self.change(|state, now| {
            state.hurry(project, now);
            Ok(())
        })
    }

    async fn deployments(&self) -> Result<Vec<Deployment>> {
        self.change(|state, _| Ok(state.deployments()))
    }

    async fn remove(&self, project: &str, purge: bool) -> Result<u64> {
        self.change(|state, _| Ok(state.remove(project, purge)))
    }

    async fn waiting(&self, project: &str) -> Result<Vec<(String, u64)>> {
        self.change(|state, _| Ok(state.waiting(project)))
    }

    async fn dead_letters(&self, project: &str, limit: usize) -> Result<Vec<DeadLetter>> {
        self.change(|state, now| Ok(state.dead_letters(project, limit, now)))
    }

    async fn failed(&self) {
        std::future::pending().await
    }

    async fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_waiters();
    }
}
