//! The messages whose deliveries are all in memory, and how each is doing: the writer's copy of the
//! table `recent`. Bounded, because all of it is read and rewritten when the store opens.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::catalog::{Audience, Topic};
use crate::{Message, SubscriberId, Timestamp};

/// How many messages may be recent…
const MESSAGES: usize = 32_768;
/// …and how many bytes of payload they may have together.
const BYTES: usize = 32 << 20;

#[derive(Debug)]
pub(super) struct Recent {
    pub(super) message: Arc<Message>,
    pub(super) topic: Arc<Topic>,
    pub(super) due_at: Timestamp,
    /// Whose deliveries are not settled: bits of `topic.audience`.
    pub(super) pending: u64,
}

#[derive(Debug, Default)]
pub(super) struct Recents {
    by_seq: HashMap<i64, Recent>,
    bytes: usize,
}

impl Recent {
    pub(super) fn audience(&self) -> &Audience {
        &self.topic.audience
    }

    pub(super) fn is_pending(&self, subscriber: SubscriberId) -> bool {
        self.audience().bit(subscriber).is_some_and(|bit| self.pending & bit != 0)
    }
}

impl Recents {
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.by_seq.len() < MESSAGES && self.bytes + bytes <= BYTES
    }

    pub(super) fn get(&self, seq: i64) -> Option<&Recent> {
        self.by_seq.get(&seq)
    }

    pub(super) fn insert(&mut self, seq: i64, recent: Recent) {
        self.bytes += recent.message.payload.len();
        self.by_seq.insert(seq, recent);
    }

    pub(super) fn set_pending(&mut self, seq: i64, pending: u64) {
        if let Some(recent) = self.by_seq.get_mut(&seq) {
            recent.pending = pending;
        }
    }

    pub(super) fn remove(&mut self, seq: i64) -> Option<Recent> {
        let recent = self.by_seq.remove(&seq)?;
        self.bytes -= recent.message.payload.len();
        Some(recent)
    }

    /// Whether this delivery is one of a recent message and not settled.
    pub(super) fn holds(&self, subscriber: SubscriberId, seq: i64) -> bool {
        self.get(seq).is_some_and(|recent| recent.is_pending(subscriber))
    }

    pub(super) fn holds_any(&self, subscriber: SubscriberId) -> bool {
        self.by_seq.values().any(|recent| recent.is_pending(subscriber))
    }

    /// Those that one of these has not settled.
    pub(super) fn of(&self, subscribers: &[SubscriberId]) -> Vec<i64> {
        let subscribers: HashSet<_> = subscribers.iter().copied().collect();
        self.those(|recent| recent.audience().among(recent.pending).any(|member| subscribers.contains(&member.id)))
    }

    /// Those that do not settle soon.
    pub(super) fn since_before(&self, due_at: Timestamp) -> Vec<i64> {
        self.those(|recent| recent.due_at < due_at)
    }

    fn those(&self, which: impl Fn(&Recent) -> bool) -> Vec<i64> {
        self.by_seq.iter().filter(|(_, recent)| which(recent)).map(|(seq, _)| *seq).collect()
    }
}
