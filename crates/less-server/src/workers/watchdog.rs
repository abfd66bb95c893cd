//! Watches one worker: its deadlines, its pulse, its memory, and whether it is still needed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::pool::Inner;
use super::worker::{Phase, Worker};

/// How often a worker is looked at.
const TICK: Duration = Duration::from_millis(200);
/// A worker beside another one that did nothing for so many ticks is let go.
const IDLE_TICKS: u32 = 300;
/// And it is looked at only every so many ticks: many projects that do nothing cost next to nothing.
const IDLE_EVERY: u32 = 10;
const BLOCKED: &str = "a handler blocked its process past its deadline; the process is stopped";

/// Runs until the worker is gone. `alone`: it is not part of the pool and is stopped by its user.
pub(super) async fn watch(worker: Arc<Worker>, pool: Arc<Inner>, mut alone: bool) {
    let mut ticks = tokio::time::interval(TICK);
    let mut idle = 0;
    loop {
        let deadline = worker.next_deadline();
        tokio::select! {
            () = worker.gone.cancelled() => return,
            () = worker.sooner.notified() => continue,
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                let passed = worker.expire_due(Instant::now());
                if passed.unnoticed {
                    pool.services.tell_worker(BLOCKED);
                }
                if passed.blocked {
                    worker.kill();
                }
                continue;
            }
            _ = ticks.tick() => {}
        }
        end_held(&worker, &pool);
        idle = if worker.is_idle() { idle + 1 } else { 0 };
        if idle % IDLE_EVERY != 0 {
            continue;
        }
        if let Some(bytes) = worker.memory().filter(|bytes| *bytes > pool.options.memory_bytes) {
            let (used, limit) = (bytes >> 20, pool.options.memory_bytes >> 20);
            pool.services.tell_worker(&format!("a worker used {used} MiB, more than its {limit} MiB, and was stopped"));
            worker.kill();
        }
        if worker.phase() == Phase::Loading {
            continue;
        }
        if worker.check_pulse() {
            pool.services.tell_worker(BLOCKED);
            worker.kill();
        }
        if worker.phase() == Phase::Silent {
            pool.ensure_available(false, false);
        }
        if idle >= IDLE_TICKS && !alone {
            // Let go, it is watched to its end like one that was never the pool's.
            alone = pool.let_go(&worker);
        }
    }
}

/// Where a version has been replaced and nobody is to wait for it.
fn end_held(worker: &Worker, pool: &Inner) {
    let patience = pool.state.lock().patience;
    if !patience.is_some_and(|patience| worker.is_held(patience)) {
        return;
    }
    let held_by = worker.begun().join(", ");
    if worker.dismiss() {
        pool.services.tell_worker(&format!("{held_by} of the version before did not end; its process is stopped"));
    }
}
