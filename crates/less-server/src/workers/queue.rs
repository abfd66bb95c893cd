//! Who waits for a worker, and in which order they are served.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use less_protocol::Input;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Invocation;

/// Those whom a waiting handler has called come first. Requests and deliveries take turns, so that neither waits
/// for all of the others; among themselves they are served as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Called,
    Request,
    Delivery,
}

/// A place in the order of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn(Class, u64);

#[derive(Default)]
pub(super) struct Queue {
    /// For work that shares a process.
    pub(super) shared: Line,
    /// For work that wants a process to itself.
    pub(super) exclusive: Line,
    turns: AtomicU64,
}

/// Only the first of a line may take a process.
#[derive(Default)]
pub(super) struct Line {
    state: Mutex<State>,
    /// How many wait, to be read without the lock.
    length: AtomicUsize,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<Turn, Waiter>,
    /// Whether the next one is a delivery, if both wait.
    deliveries_next: bool,
    /// How many of them are requests, and when the last one left, or the first came.
    requests: u32,
    left_at: Option<Instant>,
    /// About how long it takes from one that leaves to the next.
    pace: Duration,
}

struct Waiter {
    wake: Arc<Notify>,
    since: Instant,
}

/// A place in a line. Given up, the next one looks.
pub(super) struct Waiting<'q> {
    line: &'q Line,
    turn: Turn,
    wake: Arc<Notify>,
}

impl Class {
    pub(super) fn of(invocation: &Invocation) -> Self {
        match invocation.input {
            _ if invocation.depth > 0 => Self::Called,
            Input::Message { .. } => Self::Delivery,
            Input::Request { .. } | Input::Call { .. } => Self::Request,
        }
    }
}

impl Queue {
    pub(super) fn turn(&self, class: Class) -> Turn {
        Turn(class, self.turns.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn line(&self, exclusive: bool) -> &Line {
        if exclusive { &self.exclusive } else { &self.shared }
    }

    /// A worker takes new work again, or there may be one more.
    pub(super) fn changed(&self) {
        self.shared.wake_first();
        self.exclusive.wake_first();
    }

    /// Nobody is to wait any longer without a look.
    pub(super) fn all(&self) {
        self.shared.wake_all();
        self.exclusive.wake_all();
    }
}

impl Line {
    pub(super) fn wait(&self, turn: Turn) -> Waiting<'_> {
        let wake = Arc::new(Notify::new());
        let mut state = self.state.lock();
        state.waiting.insert(turn, Waiter { wake: wake.clone(), since: Instant::now() });
        if turn.0 == Class::Request {
            state.requests += 1;
            state.left_at.get_or_insert_with(Instant::now);
        }
        self.length.store(state.waiting.len(), Ordering::Relaxed);
        Waiting { line: self, turn, wake }
    }

    /// Whether nobody comes before.
    pub(super) fn is_first(&self, turn: Turn) -> bool {
        let Turn(class, _) = turn;
        self.is_empty()
            || self.state.lock().first().is_none_or(|first| first == turn || (class == Class::Called && first > turn))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// How many requests wait, and about how long one more would: as the others leave, or as the first has.
    pub(super) fn requests(&self) -> (u32, Duration) {
        if self.is_empty() {
            return (0, Duration::ZERO);
        }
        let state = self.state.lock();
        let first = state.waiting.range(Turn(Class::Request, 0)..Turn(Class::Delivery, 0)).next();
        let waited = first.map_or(Duration::ZERO, |(_, waiter)| waiter.since.elapsed());
        (state.requests, waited.max(state.pace * state.requests))
    }

    /// There may be a process for the first.
    pub(super) fn wake_first(&self) {
        if !self.is_empty() {
            self.state.lock().wake_first();
        }
    }

    fn wake_all(&self) {
        self.state.lock().waiting.values().for_each(|waiter| waiter.wake.notify_one());
    }
}

impl State {
    fn first(&self) -> Option<Turn> {
        let (first, _) = self.waiting.first_key_value()?;
        let delivery = || self.waiting.range(Turn(Class::Delivery, 0)..).next().map(|(turn, _)| *turn);
        match first {
            Turn(Class::Request, _) if self.deliveries_next => delivery().or(Some(*first)),
            Turn(..) => Some(*first),
        }
    }

    fn request_leaves(&mut self) {
        let now = Instant::now();
        self.requests -= 1;
        if let Some(last) = self.left_at {
            // Of the last dozens: they leave in bursts.
            self.pace = (self.pace * 15 + now.saturating_duration_since(last)) / 16;
        }
        self.left_at = (self.requests > 0).then_some(now);
    }

    fn wake_first(&self) {
        if let Some(waiter) = self.first().and_then(|first| self.waiting.get(&first)) {
            waiter.wake.notify_one();
        }
    }
}

impl Waiting<'_> {
    pub(super) fn is_first(&self) -> bool {
        self.line.is_first(self.turn)
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.line.state.lock();
        // Whom a handler has called takes nobody's turn.
        if self.turn.0 != Class::Called && state.first() == Some(self.turn) {
            state.deliveries_next = self.turn.0 == Class::Request;
        }
        state.waiting.remove(&self.turn);
        if self.turn.0 == Class::Request {
            state.request_leaves();
        }
        self.line.length.store(state.waiting.len(), Ordering::Relaxed);
        state.wake_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn called_functions_come_first_and_others_as_they_came() {
        let queue = Queue::default();
        let turn = |class| queue.turn(class);
        let (early, late, called) = (turn(Class::Request), turn(Class::Request), turn(Class::Called));
        let line = &queue.exclusive;
        assert!(line.is_first(late), "nobody waits");
        let (first, second) = (line.wait(early), line.wait(late));
        assert!(line.is_first(early) && !line.is_first(late) && line.is_first(called));
        drop(first);
        second.woken().await;
        assert!(second.is_first());
    }

    #[test]
    fn requests_and_deliveries_take_turns() {
        let queue = Queue::default();
        let classes = [Class::Delivery, Class::Delivery, Class::Delivery, Class::Request, Class::Request];
        let turns = classes.map(|class| queue.turn(class));
        let mut waiting: Vec<_> = turns.iter().map(|turn| Some(queue.shared.wait(*turn))).collect();
        let mut served = Vec::new();
        for _ in turns {
            let first = waiting.iter().position(|one| one.as_ref().is_some_and(Waiting::is_first)).unwrap();
            drop(waiting[first].take());
            served.push(first);
        }
        assert_eq!(served, [3, 0, 4, 1, 2]);
        assert!(queue.shared.is_empty());
    }

    #[test]
    fn who_is_called_in_between_takes_no_turn_from_a_delivery() {
        let queue = Queue::default();
        let wait = |class| queue.shared.wait(queue.turn(class));
        let (delivery, one, _two) = (wait(Class::Delivery), wait(Class::Request), wait(Class::Request));
        drop(one);
        drop(wait(Class::Called));
        assert!(delivery.is_first());
    }

    #[tokio::test(start_paused = true)]
    async fn only_requests_count_among_those_who_may_be_refused() {
        let queue = Queue::default();
        let line = &queue.shared;
        let _delivery = line.wait(queue.turn(Class::Delivery));
        tokio::time::advance(Duration::from_secs(9)).await;
        let _requests = [line.wait(queue.turn(Class::Request)), line.wait(queue.turn(Class::Request))];
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(line.requests(), (2, Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn how_long_one_would_wait_is_known_from_those_who_left() {
        let queue = Queue::default();
        let line = &queue.shared;
        let mut waiting: std::collections::VecDeque<_> = std::collections::VecDeque::new();
        for _ in 0..300 {
            waiting.push_back(line.wait(queue.turn(Class::Request)));
        }
        for _ in 0..200 {
            tokio::time::advance(Duration::from_millis(10)).await;
            waiting.pop_front();
            waiting.push_back(line.wait(queue.turn(Class::Request)));
        }
        let (count, wait) = line.requests();
        assert_eq!(count, 300);
        assert!(wait > Duration::from_millis(2_900) && wait <= Duration::from_secs(3), "{wait:?}");
    }
}
