//! The one place that spawns: everything running has a name, hears "stop" and is waited for.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::{Instrument, debug_span, error};

/// A family of tasks that stop together. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    stop: CancellationToken,
    /// The whole server's: what a failed essential task stops.
    server: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// The server's own family.
    pub fn new() -> Self {
        let stop = CancellationToken::new();
        Self { server: stop.clone(), stop, tracker: TaskTracker::new() }
    }

    /// A family that also stops when this one does, and can be stopped and awaited by itself.
    pub fn child(&self) -> Self {
        Self { stop: self.stop.child_token(), server: self.server.clone(), tracker: TaskTracker::new() }
    }

    /// A part of this family that can be asked to stop by itself, and is waited for with the rest.
    pub(crate) fn branch(&self) -> Self {
        Self { stop: self.stop.child_token(), ..self.clone() }
    }

    /// A piece of work: it may end whenever it likes; `drain` waits for it.
    pub fn work(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
        let _task = tokio::spawn(self.tracker.track_future(future.instrument(debug_span!("task", name))));
    }

    /// Work that no task stands for: `drain` waits until it is dropped.
    pub(crate) fn token(&self) -> TaskTrackerToken {
        self.tracker.token()
    }

    /// A piece of work that must come to its end: when it panics, others would wait for it for ever, so
    /// the server stops, and what is not settled runs again.
    pub(crate) fn critical(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        let stop = StopOnPanic { name, server: self.server.clone() };
        self.work(name, async move {
            let _stop = stop;
            future.await;
        });
    }

    /// A loop that the server cannot do without: when it fails, the server stops.
    pub fn essential(&self, name: &'static str, future: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        let server = self.server.clone();
        self.critical(name, async move {
            if let Err(error) = future.await {
                error!(task = name, error = format!("{error:#}"), "an essential task failed; stopping");
                server.cancel();
            }
        });
    }

    /// Resolves once everybody has been asked to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Asks everybody to stop and waits up to `grace`; false when some still ran.
    pub async fn drain(&self, grace: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait()).await.is_ok()
    }
}

struct StopOnPanic {
    name: &'static str,
    server: CancellationToken,
}

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            error!(task = self.name, "a task panicked, which is a bug; stopping");
            self.server.cancel();
        }
    }
}
