//! Whether a client is still there: it is asked from time to time, and any word of it is an answer.

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::limits;

pub(super) struct Pulse {
    asks: Interval,
    /// It said something since it was last asked, or could not have been heard.
    is_alive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Time to ask.
    Ask,
    /// It was asked, and has not answered.
    Gone,
}

impl Pulse {
    pub(super) fn new() -> Self {
        let mut asks = interval_at(Instant::now() + limits::SOCKET_PING, limits::SOCKET_PING);
        asks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { asks, is_alive: true }
    }

    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Due {
        self.asks.tick().await;
        if std::mem::replace(&mut self.is_alive, false) { Due::Ask } else { Due::Gone }
    }

    pub(super) fn heard(&mut self) {
        self.is_alive = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_gives_no_sign_of_life_for_two_turns_is_gone() {
        let (mut pulse, begun) = (Pulse::new(), Instant::now());
        for _ in 0..3 {
            assert_eq!(pulse.next().await, Due::Ask);
            pulse.heard();
        }
        assert_eq!([pulse.next().await, pulse.next().await], [Due::Ask, Due::Gone]);
        assert_eq!(begun.elapsed(), 5 * limits::SOCKET_PING);
    }
}
