//! The time as a store sees it: handed in, so that a test can turn it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::Timestamp;

/// Tells the time in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A clock that stands still until it is turned, for tests. Clones are the same clock.
///
/// Turning it wakes no claim that already waits: turn first, claim then.
#[derive(Debug, Clone)]
pub struct Hands(Arc<AtomicI64>);

impl Hands {
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now)))
    }

    pub fn now(&self) -> Timestamp {
        self.0.load(Ordering::SeqCst)
    }

    pub fn forward(&self, by: Duration) {
        self.0.fetch_add(millis(by), Ordering::SeqCst);
    }

    #[cfg(test)]
    pub(crate) fn back(&self, by: Duration) {
        self.0.fetch_sub(millis(by), Ordering::SeqCst);
    }

    /// What a back end is opened with.
    pub fn clock(&self) -> Clock {
        let hands = self.clone();
        Arc::new(move || hands.now())
    }
}

/// As milliseconds; longer than time itself is "for ever".
pub(crate) fn millis(duration: Duration) -> Timestamp {
    Timestamp::try_from(duration.as_millis()).unwrap_or(Timestamp::MAX)
}
