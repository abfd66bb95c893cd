//! One subscriber's deliveries: those that wait, those that are claimed, and those behind another one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::{DeadLetter, Message, Reason, Timestamp};

#[derive(Debug, Default)]
pub(super) struct Subscriber {
    /// The project that deploys it.
    pub(super) owner: String,
    /// Whose topic it is.
    pub(super) publisher: String,
    pub(super) topic: String,
    pub(super) name: String,
    pub(super) deployed: bool,
    pub(super) retention: Timestamp,
    /// By (due, seq): what waits to be claimed.
    pub(super) waiting: BTreeMap<(Timestamp, i64), Waiting>,
    /// By seq: what is claimed.
    pub(super) claimed: HashMap<i64, Waiting>,
    /// By ordering key, as long as one of it waits or is claimed: those behind that one, by seq.
    pub(super) behind: HashMap<Arc<str>, BTreeMap<i64, Waiting>>,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) message: Arc<Message>,
    pub(super) attempts: u32,
    pub(super) alone: bool,
    pub(super) errors: Vec<(u32, Timestamp, String)>,
}

impl Subscriber {
    pub(super) fn add(&mut self, seq: i64, message: &Arc<Message>, now: Timestamp) {
        let message = Arc::clone(message);
        let waiting = Waiting { message, attempts: 0, alone: false, errors: Vec::new() };
        let Some(key) = &waiting.message.ordering_key else { return self.wait(seq, waiting, now) };
        match self.behind.get_mut(key) {
            Some(behind) => drop(behind.insert(seq, waiting)),
            None => {
                self.behind.insert(Arc::clone(key), BTreeMap::new());
                self.wait(seq, waiting, now);
            }
        }
    }

    fn wait(&mut self, seq: i64, waiting: Waiting, now: Timestamp) {
        self.waiting.insert((waiting.message.due_at(now), seq), waiting);
    }

    /// One is done or buried: the next of its ordering key may begin.
    pub(super) fn is_over(&mut self, message: &Message, now: Timestamp) {
        let Some(key) = &message.ordering_key else { return };
        let Some(behind) = self.behind.get_mut(key) else { return };
        match behind.pop_first() {
            Some((seq, next)) => self.wait(seq, next, now),
            None => drop(self.behind.remove(key)),
        }
    }

    /// Takes out one that nobody may claim any more.
    pub(super) fn take_expired(&mut self, now: Timestamp) -> Option<(i64, Waiting)> {
        let retention = self.retention;
        let expired = |waiting: &Waiting| waiting.message.expires_at(retention) <= now;
        let place = self.waiting.iter().find(|(_, waiting)| expired(waiting)).map(|(place, _)| *place)?;
        self.waiting.remove(&place).map(|waiting| (place.1, waiting))
    }

    pub(super) fn bury(&self, waiting: Waiting, reason: Reason, now: Timestamp) -> (String, DeadLetter) {
        let message = Message::clone(&waiting.message);
        let (subscriber, errors) = (self.name.clone(), waiting.errors);
        (self.owner.clone(), DeadLetter { subscriber, message, reason, buried_at: now, errors })
    }

    pub(super) fn hurry(&mut self, now: Timestamp) {
        let later = self.waiting.split_off(&(now.saturating_add(1), 0));
        for ((due_at, seq), waiting) in later {
            let due_at = if waiting.attempts > 0 { now } else { due_at };
            self.waiting.insert((due_at, seq), waiting);
        }
    }

    pub(super) fn purge(&mut self) {
        self.waiting.clear();
        self.claimed.clear();
        self.behind.clear();
    }

    pub(super) fn is_unsettled(&self, seq: i64) -> bool {
        let is = |of: &BTreeMap<i64, Waiting>| of.contains_key(&seq);
        self.claimed.contains_key(&seq)
            || self.waiting.keys().any(|(_, waiting)| *waiting == seq)
            || self.behind.values().any(is)
    }

    pub(super) fn unsettled(&self) -> u64 {
        let behind: usize = self.behind.values().map(BTreeMap::len).sum();
        (self.waiting.len() + self.claimed.len() + behind) as u64
    }

    pub(super) fn backlog(&self) -> (String, u64) {
        (self.name.clone(), self.unsettled())
    }
}
