//! How a pool gets its processes: starts them as they are wanted, replaces lost ones, lets idle ones go.

use std::sync::Arc;
use std::time::Duration;

use less_protocol::{LoadProblem, ToWorker};
use tokio::time::{Instant, timeout};

use super::pool::{EXIT_LIMIT, Inner, StartError};
use super::watchdog;
use super::worker::{Phase, Worker};

/// How long handlers may take to load.
const LOAD_LIMIT: Duration = Duration::from_secs(30);
/// Processes that start side by side.
const STARTS_AT_ONCE: usize = 4;
/// Waits between failed starts: the first, doubling up to the second.
pub(super) const RESTART_WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// A worker that ended sooner than this was short-lived; its replacement waits, longer each time, but
/// never so long that others' requests notice much.
const SHORT_LIFE: Duration = Duration::from_secs(10);
const LONGEST_REPLACEMENT_WAIT: Duration = Duration::from_secs(1);

/// A worker that nobody waits for any more before it is ready ends.
struct Loading(Arc<Worker>);

impl Drop for Loading {
    fn drop(&mut self) {
        if self.0.phase() == Phase::Loading {
            self.0.kill();
        }
    }
}

impl Inner {
    /// Starts another worker when none takes new work (of a handler that is `exclusive`; `called` by another) and
    /// not enough are starting.
    pub(super) fn ensure_available(self: &Arc<Self>, exclusive: bool, called: bool) {
        let mut state = self.state.lock();
        let available = state.workers.iter().any(|worker| worker.is_available(exclusive));
        let (all, starting) = (state.workers.len(), state.starting);
        let working = all - state.waiting() + starting;
        let full = working >= self.options.most_workers || all + starting >= self.options.most_with_waiting;
        let wanted = if exclusive { self.queue.exclusive.len().min(STARTS_AT_ONCE) } else { 1 };
        let is_useless = exclusive && !called && !state.may_call(&self.options);
        if available || starting >= wanted || state.closed || full || is_useless {
            return;
        }
        state.starting += 1;
        drop(state);
        self.tasks.work("start worker", self.clone().start_another());
    }

    async fn start_another(self: Arc<Self>) {
        let (short_lives, is_last) = {
            let state = self.state.lock();
            (state.short_lives, state.workers.is_empty())
        };
        if is_last && short_lives > 1 {
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
        self.state.lock().starting -= 1;
        self.queue.changed();
    }

    pub(super) async fn add_worker(self: Arc<Self>) -> Result<(), StartError> {
        let worker = self.clone().start_worker(false).await?;
        {
            let mut state = self.state.lock();
            if state.closed {
                worker.kill();
                return Ok(());
            }
            state.workers.push(worker.clone());
        }
        self.queue.changed();
        let this = self.clone();
        let began = Instant::now();
        self.tasks.work("worker end", async move {
            worker.gone.cancelled().await;
            {
                let mut state = this.state.lock();
                state.workers.retain(|other| !Arc::ptr_eq(other, &worker));
                // One that the server ended at its handler's deadline says nothing of the others.
                let is_short = began.elapsed() < SHORT_LIFE && !worker.is_spent();
                state.short_lives = if is_short { state.short_lives + 1 } else { 0 };
            }
            this.ensure_available(false, false);
            // Those who wait for a place look again: `most_workers` may have kept them waiting.
            this.queue.changed();
        });
        Ok(())
    }

    pub(super) async fn start_worker(self: Arc<Self>, alone: bool) -> Result<Arc<Worker>, StartError> {
        let spawned = self.launcher.spawn(self.program.clone()).await.map_err(StartError::Failed)?;
        let (worker, loaded) = Worker::adopt(spawned, &self.load, &self.services, &self.queue, &self.tasks);
        let _loading = Loading(worker.clone());
        self.tasks.critical("watchdog", watchdog::watch(worker.clone(), self.clone(), alone));
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
                self.set_exclusive(loaded.exclusive.into_iter().collect());
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
