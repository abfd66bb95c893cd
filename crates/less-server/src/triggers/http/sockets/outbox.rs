//! What waits to be sent to one connection. It is bounded: a client that reads too slowly loses its connection, and
//! nobody waits for it.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use crate::limits;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// The connection's task.
    sender: AtomicWaker,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Bytes>,
    bytes: usize,
    end: Option<End>,
}

/// Why nothing more is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// More waited than may wait; all of it is forgotten.
    TooMuch,
    Closed,
}

impl Outbox {
    /// Whether the message will be sent, if the connection lasts.
    pub(super) fn put(&self, message: &Bytes) -> bool {
        let mut state = self.state.lock();
        if state.end.is_some() {
            return false;
        }
        let fits = state.messages.len() < limits::SOCKET_OUTBOX_MESSAGES
            && state.bytes + message.len() <= limits::SOCKET_OUTBOX_BYTES;
        if fits {
            state.bytes += message.len();
            state.messages.push_back(message.clone());
        } else {
            *state = State { end: Some(End::TooMuch), ..State::default() };
        }
        drop(state);
        self.sender.wake();
        fits
    }

    /// The next one to be sent.
    pub(super) fn take(&self) -> Option<Bytes> {
        let mut state = self.state.lock();
        let message = state.messages.pop_front()?;
        state.bytes -= message.len();
        if state.messages.is_empty() {
            state.messages = VecDeque::new(); // most of the time most connections have nothing to hear
        }
        Some(message)
    }

    /// Takes nothing more; what waits may still be sent.
    pub(super) fn close(&self) {
        self.state.lock().end.get_or_insert(End::Closed);
    }

    /// Forgets what waits.
    pub(super) fn clear(&self) {
        let mut state = self.state.lock();
        state.messages = VecDeque::new();
        state.bytes = 0;
    }

    pub(super) fn end(&self) -> Option<End> {
        self.state.lock().end
    }

    /// Who is woken when there is something to send.
    pub(super) fn wakes(&self, waker: &Waker) {
        self.sender.register(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_as_they_came() {
        let outbox = Outbox::default();
        assert!(outbox.put(&"a".into()) && outbox.put(&"b".into()));
        assert_eq!((outbox.take(), outbox.take(), outbox.take()), (Some("a".into()), Some("b".into()), None));
    }

    #[test]
    fn beyond_its_bounds_all_is_forgotten_and_nothing_more_taken() {
        let long = Bytes::from(vec![b'x'; limits::SOCKET_MESSAGE_BYTES]);
        for (message, fits) in [
            (Bytes::from_static(b"1"), limits::SOCKET_OUTBOX_MESSAGES),
            (long, limits::SOCKET_OUTBOX_BYTES / limits::SOCKET_MESSAGE_BYTES),
        ] {
            let outbox = Outbox::default();
            let taken = (0..fits).filter(|_| outbox.put(&message)).count();
            assert_eq!((taken, outbox.end()), (fits, None));
            assert!(!outbox.put(&message));
            assert_eq!((outbox.end(), outbox.take()), (Some(End::TooMuch), None));
            assert!(!outbox.put(&"later".into()));
        }
    }

    #[test]
    fn what_waits_at_the_close_may_still_be_sent() {
        let outbox = Outbox::default();
        assert!(outbox.put(&"a".into()));
        outbox.close();
        assert!(!outbox.put(&"b".into()));
        assert_eq!((outbox.take(), outbox.end()), (Some("a".into()), Some(End::Closed)));
    }
}
