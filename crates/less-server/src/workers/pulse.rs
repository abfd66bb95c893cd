//! What takes too long: invocations past their deadlines, and a worker that answers no pings.

use std::time::Duration;

use less_protocol::{SILENT_MS, ToWorker};
use tokio::time::Instant;

use super::flights::Flight;
use super::worker::{Answer, Phase, Worker};

/// What passed deadlines found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// The worker answers nothing, or is all one handler's: it is to be killed.
    pub(super) blocked: bool,
    /// And nobody waits any more who could tell.
    pub(super) unnoticed: bool,
}

impl Worker {
    /// When the next deadline may pass.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.state.lock().next_deadline
    }

    /// Answers everything whose deadline has passed, also what nobody waits for any more (a client that hung up).
    pub(super) fn expire_due(&self, now: Instant) -> Passed {
        let due = {
            let mut state = self.state.lock();
            state.next_deadline = state.flights.first_deadline_after(now);
            state.flights.due(now)
        };
        due.into_iter().fold(Passed::default(), |passed, id| {
            let this = self.expire(id);
            Passed { blocked: passed.blocked | this.blocked, unnoticed: passed.unnoticed | this.unnoticed }
        })
    }

    /// The deadline of `id` has passed: it leaves its slot, is answered, and the worker is told.
    fn expire(&self, id: u64) -> Passed {
        let mut state = self.state.lock();
        let begun = self.has_begun(id);
        let exclusive = state.flights.is_exclusive(id);
        if begun && exclusive {
            // It takes nothing new between here and its end.
            state.phase = Phase::Closing;
            state.spent = true;
        }
        if begun {
            state.flights.outlive(id);
        }
        let Some(flight) = self.take_out(&mut state, id) else { return Passed::default() };
        state.overdue |= begun;
        let blocked = begun && (exclusive || state.phase == Phase::Silent);
        let may_publish = state.flights.late_caller(id).is_some();
        drop(state);
        self.idle.notify_waiters();
        if !may_publish {
            self.say(&ToWorker::Withdraw { id });
        }
        let unnoticed = blocked && flight.responder.is_gone();
        flight.responder.answer(if begun { Answer::Late { blocked, exclusive } } else { Answer::NotBegun });
        Passed { blocked, unnoticed }
    }

    /// Sends a ping when none is out; with one out for too long the worker turns silent, and what it
    /// has not begun is answered with `NotBegun`. Returns whether the worker must be killed: it is
    /// blocked, and the deadline of something it began has passed.
    pub(super) fn check_pulse(&self) -> bool {
        let mut state = self.state.lock();
        if state.congested {
            return false;
        }
        let Some(since) = state.ping else {
            state.ping = Some(Instant::now());
            ToWorker::Ping { nonce: 0 }.encode(&mut state.out);
            drop(state);
            self.wake.notify_one();
            return false;
        };
        let silence = Duration::from_millis(SILENT_MS);
        if since.elapsed() < silence {
            return false;
        }
        if state.phase == Phase::Ready {
            state.phase = Phase::Silent;
        }
        let blocked = matches!(state.phase, Phase::Silent | Phase::Closing);
        let stale = state.flights.older_than(silence);
        let withdrawn: Vec<Flight> = stale
            .into_iter()
            .filter(|id| !self.has_begun(*id))
            .filter_map(|id| self.take_out(&mut state, id))
            .collect();
        let overdue = state.overdue;
        drop(state);
        for flight in withdrawn {
            flight.responder.answer(Answer::NotBegun);
        }
        self.idle.notify_waiters();
        blocked && overdue
    }

    /// Whether what it runs may well never end: it has answered nothing for so long, or is all one delivery's.
    pub(super) fn is_held(&self, patience: Duration) -> bool {
        let state = self.state.lock();
        let is_silent = !state.congested && state.ping.is_some_and(|since| since.elapsed() >= patience);
        is_silent || state.flights.is_held_by_delivery(patience)
    }
}
