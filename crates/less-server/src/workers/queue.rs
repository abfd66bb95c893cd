//! Who waits for a worker, and in which order they are served.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Those whom a waiting handler has called come first, the others in the order in which they came.
pub(super) type Turn = (bool, u64);

#[derive(Default)]
pub(super) struct Queue {
    /// For work that shares a process: everybody looks again.
    pub(super) shared: Notify,
    /// For work that wants a process to itself: only the first may take one.
    exclusive: Mutex<BTreeMap<Turn, Arc<Notify>>>,
    turns: AtomicU64,
}

/// A place in the queue. Given up, the next one looks.
pub(super) struct Waiting<'q> {
    queue: &'q Queue,
    turn: Turn,
    wake: Arc<Notify>,
}

impl Queue {
    /// `called`: a handler waits for it.
    pub(super) fn turn(&self, called: bool) -> Turn {
        (!called, self.turns.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn wait(&self, turn: Turn) -> Waiting<'_> {
        let wake = Arc::new(Notify::new());
        self.exclusive.lock().insert(turn, wake.clone());
        Waiting { queue: self, turn, wake }
    }

    /// Whether nobody comes before.
    pub(super) fn is_first(&self, turn: Turn) -> bool {
        self.exclusive.lock().first_key_value().is_none_or(|(first, _)| *first >= turn)
    }

    pub(super) fn len(&self) -> usize {
        self.exclusive.lock().len()
    }

    /// A process may have nothing to do.
    pub(super) fn idle(&self) {
        if let Some((_, wake)) = self.exclusive.lock().first_key_value() {
            wake.notify_one();
        }
    }

    /// A worker takes new work again, or there may be one more.
    pub(super) fn changed(&self) {
        self.shared.notify_waiters();
        self.idle();
    }

    /// Nobody is to wait any longer without a look.
    pub(super) fn all(&self) {
        self.shared.notify_waiters();
        self.exclusive.lock().values().for_each(|wake| wake.notify_one());
    }
}

impl Waiting<'_> {
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queue.exclusive.lock().remove(&self.turn);
        self.queue.idle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn called_functions_come_first_and_others_as_they_came() {
        let queue = Queue::default();
        let (early, late, called) = (queue.turn(false), queue.turn(false), queue.turn(true));
        assert!(queue.is_first(late), "nobody waits");
        let (first, second) = (queue.wait(early), queue.wait(late));
        assert!(queue.is_first(early) && !queue.is_first(late) && queue.is_first(called));
        drop(first);
        second.woken().await;
        assert!(queue.is_first(late));
    }
}
