//! What is in flight on one worker, by slot. Plain data: no sockets, no locks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::window::Window;
use super::worker::Answer;
use super::{Held, Invocation};
use crate::services::Caller;

/// More invocations than this are never in flight on one worker; others wait, or run in another.
const SLOTS: u16 = 16_384;
/// Attempts that run on past their deadlines: the oldest are refused everything.
const LATE: usize = 1_024;
/// An id is `serial << SLOT_BITS | slot`: unique on the connection, and its slot is at hand.
const SLOT_BITS: u32 = 16;

#[derive(Default)]
pub(super) struct Flights {
    slots: Vec<Slot>,
    free: Vec<u16>,
    running: usize,
    /// Those among the running that have the process to themselves: none or one.
    exclusive: usize,
    serial: u64,
    window: Window,
    /// Attempts whose time is over and which run on: what they publish is still theirs.
    late: BTreeMap<u64, (Arc<str>, Caller)>,
}

struct Slot {
    /// The invocation in flight, or the last one (its late log lines still find their handler).
    id: u64,
    path: Arc<str>,
    /// None: it has not been used.
    caller: Option<Caller>,
    flight: Option<Flight>,
}

pub(super) struct Flight {
    sent_at: Instant,
    deadline: Instant,
    pub(super) exclusive: bool,
    _held: Held,
    pub(super) responder: Responder,
}

/// Who is told how it ended.
pub(super) enum Responder {
    /// One who waits, or has stopped waiting.
    Ticket(oneshot::Sender<Answer>),
    /// Nobody waits: this is done then, on the task that learns of the end. It must not block.
    Then(Box<dyn FnOnce(Answer) + Send>),
}

impl Responder {
    pub(super) fn answer(self, answer: Answer) {
        match self {
            Self::Ticket(ticket) => drop(ticket.send(answer)),
            Self::Then(then) => then(answer),
        }
    }

    /// Whether its requester has stopped waiting.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Ticket(ticket) if ticket.is_closed())
    }
}

/// Where on the board an id is marked.
pub(super) fn slot_of(id: u64) -> u16 {
    u16::try_from(id & u64::from(u16::MAX)).unwrap_or(u16::MAX)
}

impl Flights {
    /// Puts an invocation in flight and returns its id; gives the responder back when every slot is taken.
    /// `exclusive`: it has the process to itself.
    pub(super) fn begin(
        &mut self,
        invocation: &Invocation,
        exclusive: bool,
        responder: Responder,
    ) -> Result<u64, Responder> {
        let Some(slot) = self.free.pop().or_else(|| self.new_slot()) else { return Err(responder) };
        self.serial += 1;
        self.running += 1;
        self.exclusive += usize::from(exclusive);
        let id = (self.serial << SLOT_BITS) | u64::from(slot);
        let now = Instant::now();
        self.window.sent(id, now);
        self.slots[usize::from(slot)] = Slot {
            id,
            path: invocation.path.clone(),
            caller: Some(invocation.caller()),
            flight: Some(Flight {
                sent_at: now,
                deadline: invocation.deadline,
                exclusive,
                _held: invocation.held.clone(),
                responder,
            }),
        };
        Ok(id)
    }

    fn new_slot(&mut self) -> Option<u16> {
        let slot = u16::try_from(self.slots.len()).ok().filter(|slot| *slot < SLOTS)?;
        self.slots.push(Slot { id: 0, path: Arc::from(""), caller: None, flight: None });
        Some(slot)
    }

    /// Takes `id` out of flight; `None` when it already is.
    pub(super) fn finish(&mut self, id: u64) -> Option<Flight> {
        let slot = self.slots.get_mut(usize::from(slot_of(id))).filter(|slot| id != 0 && slot.id == id)?;
        let flight = slot.flight.take()?;
        self.free.push(slot_of(id));
        self.running -= 1;
        self.exclusive -= usize::from(flight.exclusive);
        if self.running == 0 {
            self.window.clear();
        }
        Some(flight)
    }

    /// Takes an attempt out of flight that runs on past its deadline.
    pub(super) fn outlive(&mut self, id: u64) {
        let Some(caller) = self.caller(id).filter(|caller| caller.origin.is_some()) else { return };
        let Some(slot) = self.slot(id) else { return };
        self.late.insert(id, (slot.path.clone(), caller));
        if self.late.len() > LATE {
            self.late.pop_first();
        }
    }

    /// It has come to its end after all.
    pub(super) fn forget_late(&mut self, id: u64) {
        self.late.remove(&id);
    }

    /// Who publishes, though its time is over.
    pub(super) fn late_caller(&self, id: u64) -> Option<Caller> {
        self.late.get(&id).map(|(_, caller)| caller.clone())
    }

    /// Whether one more may begin: one that is exclusive only where nothing runs, others not beside it.
    pub(super) fn has_place(&self, exclusive: bool) -> bool {
        if exclusive { self.running == 0 } else { self.exclusive == 0 && self.running < usize::from(SLOTS) }
    }

    /// Whether it has begun enough of what it was sent to be sent more. `has_begun`: as its board says.
    pub(super) fn has_room(&mut self, has_begun: impl Fn(u64) -> bool) -> bool {
        let Self { window, slots, .. } = self;
        let in_flight =
            |id| slots.get(usize::from(slot_of(id))).is_some_and(|slot| slot.id == id && slot.flight.is_some());
        window.has_room(Instant::now(), |id| !in_flight(id) || has_begun(id))
    }

    pub(super) fn is_exclusive(&self, id: u64) -> bool {
        self.slot(id).and_then(|slot| slot.flight.as_ref()).is_some_and(|flight| flight.exclusive)
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// Who calls: only an invocation that is in flight may.
    pub(super) fn caller(&self, id: u64) -> Option<Caller> {
        self.slot(id).filter(|slot| slot.flight.is_some()).and_then(|slot| slot.caller.clone())
    }

    /// Whose line it is; of lines outside any invocation, nobody's.
    pub(super) fn whose(&self, id: u64) -> (Option<Arc<str>>, Uuid) {
        let of = |slot: &Slot| Some((slot.path.clone(), slot.caller.as_ref()?.invocation));
        let late = || self.late.get(&id).map(|(path, caller)| (path.clone(), caller.invocation));
        let found = self.slot(id).and_then(of).or_else(late);
        found.map_or((None, Uuid::nil()), |(path, invocation)| (Some(path), invocation))
    }

    pub(super) fn all(&self) -> Vec<u64> {
        self.those(|_| true)
    }

    pub(super) fn older_than(&self, age: Duration) -> Vec<u64> {
        self.those(|flight| flight.sent_at.elapsed() >= age)
    }

    /// Whether a delivery has the process to itself for so long.
    pub(super) fn is_held_by_delivery(&self, age: Duration) -> bool {
        let is_delivery = |slot: &Slot| slot.caller.as_ref().is_some_and(|caller| caller.origin.is_some());
        let holds = |flight: &Flight| flight.exclusive && flight.sent_at.elapsed() >= age;
        self.exclusive > 0 && self.slots.iter().any(|slot| is_delivery(slot) && slot.flight.as_ref().is_some_and(holds))
    }

    /// Past their deadline.
    pub(super) fn due(&self, now: Instant) -> Vec<u64> {
        self.those(|flight| flight.deadline <= now)
    }

    pub(super) fn first_deadline_after(&self, now: Instant) -> Option<Instant> {
        let deadlines = self.slots.iter().filter_map(|slot| slot.flight.as_ref()).map(|flight| flight.deadline);
        deadlines.filter(|deadline| *deadline > now).min()
    }

    fn those(&self, which: impl Fn(&Flight) -> bool) -> Vec<u64> {
        self.slots.iter().filter(|slot| slot.flight.as_ref().is_some_and(&which)).map(|slot| slot.id).collect()
    }

    fn slot(&self, id: u64) -> Option<&Slot> {
        self.slots.get(usize::from(slot_of(id))).filter(|slot| id != 0 && slot.id == id)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use less_protocol::Input;

    use super::*;

    fn invocation() -> Invocation {
        Invocation {
            id: Uuid::now_v7(),
            trace: Uuid::nil(),
            handler: 0,
            path: Arc::from("topics/a/b"),
            timeout: Duration::from_secs(60),
            deadline: Instant::now() + Duration::from_secs(60),
            deadline_ms: 0,
            input: Input::Request { head: Bytes::new(), body: Bytes::new() },
            origin: None,
            depth: 0,
            alone: false,
            held: None,
        }
    }

    fn begin(flights: &mut Flights) -> (u64, oneshot::Receiver<Answer>) {
        let (answer, ticket) = oneshot::channel();
        (flights.begin(&invocation(), false, Responder::Ticket(answer)).ok().unwrap(), ticket)
    }

    #[test]
    fn an_exclusive_one_has_the_process_to_itself() {
        let mut flights = Flights::default();
        let (shared, _ticket) = begin(&mut flights);
        assert!(flights.has_place(false) && !flights.has_place(true));
        flights.finish(shared);
        let (answer, _ticket) = oneshot::channel();
        let exclusive = flights.begin(&invocation(), true, Responder::Ticket(answer)).ok().unwrap();
        assert!(!flights.has_place(false) && !flights.has_place(true));
        flights.finish(exclusive);
        assert!(flights.has_place(false) && flights.has_place(true));
    }

    #[test]
    fn an_id_is_finished_once_and_its_slot_serves_again_under_another_id() {
        let mut flights = Flights::default();
        let (first, _ticket) = begin(&mut flights);
        assert!(flights.finish(first).is_some());
        assert!(flights.finish(first).is_none());
        let (second, _ticket) = begin(&mut flights);
        assert_eq!(slot_of(first), slot_of(second));
        assert_ne!(first, second);
        assert!(flights.finish(first).is_none(), "the old id names nothing any more");
        assert_eq!(flights.running(), 1);
    }

    #[test]
    fn only_what_is_in_flight_may_call_and_late_lines_still_find_their_handler() {
        let mut flights = Flights::default();
        let (id, _ticket) = begin(&mut flights);
        assert!(flights.caller(id).is_some());
        flights.finish(id);
        assert!(flights.caller(id).is_none());
        assert_eq!(flights.whose(id).0.as_deref(), Some("topics/a/b"));
        assert_eq!(flights.whose(0), (None, Uuid::nil()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_is_what_has_passed_its_deadline_waited_for_or_not() {
        let mut flights = Flights::default();
        let start = Instant::now();
        let (waited_for, _ticket) = begin(&mut flights);
        tokio::time::advance(Duration::from_secs(1)).await;
        let (left, gone) = begin(&mut flights);
        drop(gone);
        let limit = Duration::from_secs(60);
        assert!(flights.due(start + limit - Duration::from_millis(1)).is_empty());
        assert_eq!(flights.due(start + limit), [waited_for]);
        assert_eq!(flights.first_deadline_after(start + limit), Some(start + limit + Duration::from_secs(1)));
        assert!(flights.finish(waited_for).is_some_and(|flight| !flight.responder.is_gone()));
        assert!(flights.finish(left).is_some_and(|flight| flight.responder.is_gone()));
        assert_eq!(flights.first_deadline_after(start), None);
    }
}
