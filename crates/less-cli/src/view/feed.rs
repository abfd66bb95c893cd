//! What happens in the server, on its way to the view: as much as people can read, the rest counted.
//!
//! The server's threads call [`Feed::take`], which never waits. Failures have room of their own, so that a flood of what went
//! well does not hide them. What finds no room costs a look at a number and is not even copied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use less_server::seen::Seen;
use less_store::Verdict;
use tokio::sync::mpsc;

use super::happened::Happened;

/// How often there is new room.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// What nobody has printed yet, by number and by its text.
const QUEUE: usize = 16_384;
const QUEUE_BYTES: usize = 32 << 20;

/// How much is shown: so many at once, and so many more with each tick; of a text, so much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    burst: u32,
    each_tick: u32,
    text_bytes: usize,
}

impl Pace {
    /// People read it as it comes.
    pub(super) const TERMINAL: Self = Self { burst: 2_000, each_tick: 20, text_bytes: 8 << 10 };
    /// A file, or another program.
    pub(super) const PIPE: Self = Self { burst: 16_384, each_tick: 1_000, text_bytes: usize::MAX };
}

/// What was left out, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) requests: u64,
    pub(super) deliveries: u64,
    pub(super) lines: u64,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    deliveries: AtomicU64,
    lines: AtomicU64,
}

impl Counts {
    fn add(&self, seen: &Seen<'_>) {
        let (kind, count) = match seen {
            Seen::Request(_) => (&self.requests, 1),
            Seen::Attempt(_) => (&self.deliveries, 1),
            Seen::Line(_) => (&self.lines, 1),
            Seen::Thrown(thrown) => (&self.lines, thrown.text.lines().count() as u64),
        };
        kind.fetch_add(count, Ordering::Relaxed);
    }
}

/// Room for so many; what is taken comes back with the ticks.
struct Room(AtomicU32);

impl Room {
    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    fn refill(&self, pace: Pace) {
        let fill = |left: u32| Some(left.saturating_add(pace.each_tick).min(pace.burst));
        // It always gives a number.
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fill).ok();
    }
}

/// The server's end.
pub(super) struct Feed {
    shared: Arc<Shared>,
    sender: mpsc::Sender<Happened>,
}

struct Shared {
    pace: Pace,
    well: Room,
    failures: Room,
    /// Of the texts in the queue.
    bytes: AtomicUsize,
    left_out: Counts,
}

/// The view's end.
pub(super) struct Inbox {
    shared: Arc<Shared>,
    receiver: mpsc::Receiver<Happened>,
}

pub(super) fn feed(pace: Pace) -> (Feed, Inbox) {
    let room = || Room(AtomicU32::new(pace.burst));
    let (bytes, left_out) = (AtomicUsize::new(0), Counts::default());
    let shared = Arc::new(Shared { pace, well: room(), failures: room(), bytes, left_out });
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Feed { shared: shared.clone(), sender }, Inbox { shared, receiver })
}

impl Feed {
    /// Takes it along, or counts it as left out. Never waits.
    pub(super) fn take(&self, seen: Seen<'_>) {
        let room = if is_failure(&seen) { &self.shared.failures } else { &self.shared.well };
        let is_sent =
            room.take() && Happened::of(seen, self.shared.pace.text_bytes).is_none_or(|happened| self.send(happened));
        if !is_sent {
            self.shared.left_out.add(&seen);
        }
    }

    fn send(&self, happened: Happened) -> bool {
        let bytes = happened.bytes();
        let before = self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        let is_sent = before + bytes <= QUEUE_BYTES && self.sender.try_send(happened).is_ok();
        if !is_sent {
            self.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        is_sent
    }
}

fn is_failure(seen: &Seen<'_>) -> bool {
    match seen {
        Seen::Line(_) => false,
        Seen::Thrown(_) => true,
        Seen::Request(request) => request.status.is_some_and(|status| status >= 500),
        Seen::Attempt(attempt) => !matches!(attempt.verdict, Verdict::Done | Verdict::Release),
    }
}

impl Inbox {
    /// Never resolves when there is nobody left who could send. Cancel safe.
    pub(super) async fn next(&mut self) -> Happened {
        match self.receiver.recv().await {
            Some(happened) => self.taken(happened),
            None => std::future::pending().await,
        }
    }

    pub(super) fn try_next(&mut self) -> Option<Happened> {
        let happened = self.receiver.try_recv().ok()?;
        Some(self.taken(happened))
    }

    fn taken(&self, happened: Happened) -> Happened {
        self.shared.bytes.fetch_sub(happened.bytes(), Ordering::Relaxed);
        happened
    }

    pub(super) fn refill(&self) {
        self.shared.well.refill(self.shared.pace);
        self.shared.failures.refill(self.shared.pace);
    }

    /// Since the last time.
    pub(super) fn left_out(&self) -> LeftOut {
        let Counts { requests, deliveries, lines } = &self.shared.left_out;
        let taken = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        LeftOut { requests: taken(requests), deliveries: taken(deliveries), lines: taken(lines) }
    }
}

#[cfg(test)]
mod tests {
    use less_server::logs::{Line, Stream};
    use less_server::seen;
    use uuid::Uuid;

    use super::*;

    fn request(status: u16) -> seen::Request<'static> {
        let (api, method, path) = ("shop", "GET", "/");
        seen::Request { time: 0, api, invocation: Uuid::nil(), method, path, status: Some(status), took: TICK }
    }

    #[test]
    fn a_flood_is_counted_and_does_not_hide_failures() {
        let (feed, mut inbox) = feed(Pace { burst: 3, each_tick: 2, text_bytes: 9 });
        let shown = |inbox: &mut Inbox| std::iter::from_fn(|| inbox.try_next()).count();
        (0..10).for_each(|_| feed.take(Seen::Request(request(200))));
        feed.take(Seen::Request(request(502)));
        assert_eq!(shown(&mut inbox), 4);
        assert_eq!(inbox.left_out(), LeftOut { requests: 7, ..LeftOut::default() });
        inbox.refill();
        (0..10).for_each(|_| feed.take(Seen::Request(request(200))));
        assert_eq!((shown(&mut inbox), inbox.left_out().requests, inbox.left_out().requests), (2, 8, 0));
    }

    #[test]
    fn what_is_not_taken_away_is_bounded() {
        let endless = Pace { burst: u32::MAX, each_tick: 0, text_bytes: 1 << 20 };
        let (full, inbox) = feed(endless);
        (0..QUEUE + 5).for_each(|_| full.take(Seen::Request(request(200))));
        assert_eq!(inbox.left_out().requests, 5);

        let (full, mut inbox) = feed(endless);
        let (path, text) = ("worker".into(), "x".repeat(2 << 20));
        let line = Line { time: 0, path, stream: Stream::Out, invocation: Uuid::nil(), text };
        (0..40).for_each(|_| full.take(Seen::Line(&line)));
        assert_eq!(inbox.left_out().lines, 40 - 31, "each is cut to 1 MiB and a mark");
        while inbox.try_next().is_some() {}
        full.take(Seen::Line(&line));
        assert_eq!(inbox.left_out().lines, 0);
    }
}
