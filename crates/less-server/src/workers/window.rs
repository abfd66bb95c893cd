//! How much a worker is sent before it has begun what it was sent before. Plain data: no sockets, no locks.
//!
//! A worker begins invocations in the order in which they came. Those that wait inside it can be neither overtaken
//! nor refused; so no more wait there than keep it busy for a moment, and the others wait in the pool's `queue`. How
//! many that is shows as it works: handlers of 10 µs and of 100 ms run in the same processes. An event loop begins at
//! once all that it finds in its socket, and then has to run it: that it is busy shows only in what comes after.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// One that waits longer inside its worker is a sign that too many do.
const AHEAD: Duration = Duration::from_millis(20);
/// Of those that have not begun: at first, and never fewer.
const FIRST: usize = 32;
const LEAST: usize = 4;
/// Never more.
const MOST: usize = 16_384;

pub(super) struct Window {
    /// What was sent, the oldest first, as far as it is not known to have begun.
    sent: VecDeque<(u64, Instant)>,
    size: usize,
    /// How many have begun at once since the size was changed.
    at_once: usize,
    changed_at: Option<Instant>,
}

impl Default for Window {
    fn default() -> Self {
        Self { sent: VecDeque::new(), size: FIRST, at_once: 0, changed_at: None }
    }
}

impl Window {
    pub(super) fn sent(&mut self, id: u64, now: Instant) {
        if self.sent.len() >= MOST {
            self.sent.pop_front(); // of what is called, which is sent whether or not there is room
        }
        self.sent.push_back((id, now));
    }

    /// Nothing is in flight any more. What is known of slow handlers stays.
    pub(super) fn clear(&mut self) {
        self.sent.clear();
        self.size = self.size.min(FIRST);
        self.at_once = 0;
    }

    /// Whether one more may be sent. `has_begun`: asked only where it matters, for it costs a look at the board.
    pub(super) fn has_room(&mut self, now: Instant, has_begun: impl Fn(u64) -> bool) -> bool {
        if self.sent.len() < self.size && self.waits(now) <= AHEAD {
            return true;
        }
        while let Some((_, at)) = self.sent.pop_front_if(|(id, _)| has_begun(*id)) {
            self.at_once += usize::from(now.saturating_duration_since(at) < AHEAD / 4);
        }
        let waits = self.waits(now);
        if waits > AHEAD {
            self.shrink(now);
            return false;
        }
        if self.at_once >= self.size {
            self.size = (self.size * 2).min(MOST);
            self.at_once = 0;
        }
        self.sent.len() < self.size
    }

    /// How long the oldest has waited, begun or not.
    fn waits(&self, now: Instant) -> Duration {
        self.sent.front().map_or(Duration::ZERO, |(_, at)| now.saturating_duration_since(*at))
    }

    /// Not faster than the effect shows.
    fn shrink(&mut self, now: Instant) {
        if self.changed_at.is_none_or(|at| now.saturating_duration_since(at) > AHEAD) {
            self.changed_at = Some(now);
            self.size = (self.size / 2).max(LEAST);
            self.at_once = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that needs `service` for each and, when it is done, begins all it was sent; offered as much as it is
    /// let have for 2 s. How many it had at most after a while, and how many it has run.
    fn offered(window: &mut Window, service: Duration) -> (u64, u64) {
        let (start, step) = (Instant::now(), Duration::from_micros(100));
        let (mut sent, mut begun, mut busy_until, mut most) = (0, 0, Duration::ZERO, 0);
        for at in (0..20_000).map(|number| step * number) {
            if busy_until <= at && sent > begun {
                busy_until = at + service * u32::try_from(sent - begun).unwrap();
                begun = sent;
            }
            while window.has_room(start + at, |id| id <= begun) && sent < begun + 100_000 {
                sent += 1;
                window.sent(sent, start + at);
            }
            let to_run = (busy_until.saturating_sub(at).as_nanos() / service.as_nanos()) as u64 + sent - begun;
            most = if at > Duration::from_millis(500) { most.max(to_run) } else { 0 };
        }
        (most, begun)
    }

    #[test]
    fn few_wait_inside_a_worker_whose_handlers_are_slow_and_many_where_they_are_quick() {
        let (slow, run) = offered(&mut Window::default(), Duration::from_millis(5));
        assert!(slow <= 24 && run >= 390, "{slow} wait, {run} have run");
        let (quick, run) = offered(&mut Window::default(), Duration::from_micros(10));
        assert!(quick >= FIRST as u64 && run > 150_000, "{quick} wait, {run} have run");
    }

    #[test]
    fn those_that_run_for_long_take_no_room() {
        let (mut window, now) = (Window::default(), Instant::now());
        for id in 0..10_000 {
            assert!(window.has_room(now, |_| true), "{id}");
            window.sent(id, now);
        }
        assert!(window.sent.len() <= MOST);
    }

    #[test]
    fn what_is_sent_without_a_look_is_forgotten_in_the_end() {
        let (mut window, now) = (Window::default(), Instant::now());
        (0..100_000).for_each(|id| window.sent(id, now));
        assert_eq!(window.sent.len(), MOST);
    }

    #[test]
    fn a_worker_that_begins_nothing_gets_nothing_more_after_a_moment() {
        let (mut window, now) = (Window::default(), Instant::now());
        window.sent(1, now);
        assert!(window.has_room(now + AHEAD, |_| false));
        assert!(!window.has_room(now + AHEAD * 2, |_| false));
        assert!(window.has_room(now + AHEAD * 2, |_| true));
    }
}
