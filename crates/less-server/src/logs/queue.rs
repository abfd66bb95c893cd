//! Lines on their way to the disk: a bounded queue with many appenders and one writer.
//!
//! An appender never waits. When the queue is full its line is left out and counted, and so is every later one until
//! the writer has emptied the queue: so the place where the count is reported is the place where the lines are missing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::Line;

/// How much text and overhead may wait.
const QUEUE_BYTES: usize = 8 << 20;
/// What a waiting line costs beside its text.
const LINE_COST: usize = 96;
/// How long the writer waits for a first line's company. Far below the 200 ms within which a line must be readable.
const LINGER: Duration = Duration::from_millis(20);

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    batch: Batch,
    bytes: usize,
    stage: Stage,
}

#[derive(Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    /// Takes no more lines.
    Closing,
    /// The writer is gone.
    Closed,
}

/// All that waited at one moment.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<Line>,
    /// How many lines of each path came after these and found no room.
    pub(super) left_out: LeftOut,
    /// To be told when the lines are stored.
    pub(super) waiters: Vec<oneshot::Sender<()>>,
}

pub(super) type LeftOut = BTreeMap<Arc<str>, u64>;

impl Batch {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.left_out.is_empty() && self.waiters.is_empty()
    }
}

impl State {
    fn has_work(&self) -> bool {
        !self.batch.is_empty() || self.is_urgent()
    }

    fn is_urgent(&self) -> bool {
        self.bytes > QUEUE_BYTES / 2 || !self.batch.waiters.is_empty() || self.stage != Stage::Open
    }
}

impl Queue {
    pub(super) fn push(&self, line: Line) {
        let mut state = self.state.lock();
        if state.stage != Stage::Open {
            return;
        }
        let cost = line.text.len() + LINE_COST;
        if state.bytes + cost > QUEUE_BYTES || !state.batch.left_out.is_empty() {
            *state.batch.left_out.entry(line.path).or_default() += 1;
            return;
        }
        let (idle, calm) = (!state.has_work(), !state.is_urgent());
        state.bytes += cost;
        state.batch.lines.push(line);
        if idle || (calm && state.is_urgent()) {
            self.wake.notify_one();
        }
    }

    /// Resolves once all that was pushed before is stored; at once when the writer is gone.
    pub(super) fn flushed(&self) -> oneshot::Receiver<()> {
        let (told, waiter) = oneshot::channel();
        let mut state = self.state.lock();
        if state.stage != Stage::Closed {
            state.batch.waiters.push(told);
            self.wake.notify_one();
        }
        waiter
    }

    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        if state.stage == Stage::Open {
            state.stage = Stage::Closing;
            self.wake.notify_one();
        }
    }

    /// The next batch, empty after `idle` without one; `None` once the queue is closed and empty.
    pub(super) fn take(&self, idle: Duration) -> Option<Batch> {
        let mut state = self.state.lock();
        if !state.has_work() && self.wake.wait_while_for(&mut state, |state| !state.has_work(), idle).timed_out() {
            return Some(Batch::default());
        }
        self.wake.wait_while_for(&mut state, |state| !state.is_urgent(), LINGER);
        let batch = std::mem::take(&mut state.batch);
        state.bytes = 0;
        if state.stage == Stage::Closing && batch.is_empty() {
            state.stage = Stage::Closed;
            return None;
        }
        Some(batch)
    }
}
