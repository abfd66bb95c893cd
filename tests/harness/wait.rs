//! Waiting for what a test wants to see. The only place that sleeps.

use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

/// Generous: it is reached only when something is wrong. `LESS_TESTS_PATIENCE` (seconds) is for those who expect that.
static BOUND: LazyLock<Duration> = LazyLock::new(|| {
    let seconds = std::env::var("LESS_TESTS_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(60))
});
const STEP: Duration = Duration::from_millis(25);

/// Returns once `holds` does; panics with `what` when it never does.
#[track_caller]
pub fn eventually(what: &str, holds: impl FnMut() -> bool) {
    eventually_within(*BOUND, what, holds);
}

#[track_caller]
pub fn eventually_within(bound: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < bound, "never seen within {bound:?}: {what}");
        for_a_while(STEP);
    }
}

/// Like [`eventually`], for something that then exists.
#[track_caller]
pub fn eventually_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    eventually(what, || {
        found = look();
        found.is_some()
    });
    found.unwrap()
}

/// For clients that are slow on purpose, and for the pace of a load; never to wait for an effect.
pub fn for_a_while(length: Duration) {
    thread::sleep(length);
}
