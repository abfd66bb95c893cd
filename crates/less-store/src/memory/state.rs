//! What the memory back end knows, and every step it can take: plain, without waiting.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::files::Files;
use super::subscriber::Subscriber;
use super::values::Shelf;
use crate::clock::millis;
use crate::topics::SAME_KEY_FOR;
use crate::{
    Connection, CronState, DeadLetter, Delivery, Deployment, Error, Message, Origin, Publish, Reason, Result,
    SubscriberId, Timestamp, Verdict,
};

/// (project, topic, idempotency key)
type TopicKey = (Arc<str>, Arc<str>, String);

/// The hash and the number of a publish among those of its origin.
type Which = ([u8; 16], u32);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) closed: bool,
    pub(super) deployments: BTreeMap<String, Deployment>,
    /// (project, topic) that are deployed.
    pub(super) topics: HashSet<(String, String)>,
    /// A subscriber's id is its place, from 1.
    pub(super) subscribers: Vec<Subscriber>,
    /// By (project, name), with the schedule.
    pub(super) crons: BTreeMap<(String, String), (String, CronState)>,
    pub(super) values: Shelf,
    pub(super) connections: BTreeSet<Connection>,
    pub(super) files: Files,
    /// How often each project was purged.
    pub(super) purges: HashMap<Arc<str>, u64>,
    /// With the owner of the subscriber, oldest first.
    dead: Vec<(String, DeadLetter)>,
    /// Which message a key made, and until when it makes no other.
    repeats: HashMap<TopicKey, (Uuid, Timestamp)>,
    /// What unsettled deliveries have published.
    origins: HashMap<(SubscriberId, i64), HashMap<Which, Uuid>>,
    last_seq: i64,
}

impl State {
    pub(super) fn publish(&mut self, publish: impl Into<Publish>, now: Timestamp) -> Result<Uuid> {
        let Publish { message, idempotency_key, origin } = publish.into();
        let (project, topic) = (message.project.to_string(), message.topic.to_string());
        if !self.topics.contains(&(project.clone(), topic.clone())) {
            return Err(Error::UnknownTopic { project, topic });
        }
        if origin.is_some_and(|origin| self.subscriber(origin.subscriber).is_none_or(|s| !s.is_unsettled(origin.seq))) {
            return Err(Error::Settled);
        }
        if let Some(id) = origin.and_then(|origin| self.published(&origin)) {
            return Ok(id);
        }
        let key = idempotency_key.map(|key| (Arc::clone(&message.project), Arc::clone(&message.topic), key));
        self.repeats.retain(|_, (_, until)| *until > now);
        let earlier = key.as_ref().and_then(|key| self.repeats.get(key)).map(|(id, _)| *id);
        let id = earlier.unwrap_or(message.id);
        if let Some(Origin { subscriber, seq, hash, nth }) = origin {
            self.origins.entry((subscriber, seq)).or_default().insert((hash, nth), id);
        }
        if earlier.is_none() {
            self.repeats.extend(key.map(|key| (key, (id, now.saturating_add(millis(SAME_KEY_FOR))))));
            self.deliver(message, now);
        }
        Ok(id)
    }

    fn published(&self, origin: &Origin) -> Option<Uuid> {
        self.origins.get(&(origin.subscriber, origin.seq))?.get(&(origin.hash, origin.nth)).copied()
    }

    fn deliver(&mut self, message: Message, now: Timestamp) {
        self.last_seq += 1;
        let message = Arc::new(message);
        let concerned =
            |s: &&mut Subscriber| s.deployed && s.publisher == *message.project && s.topic == *message.topic;
        for subscriber in self.subscribers.iter_mut().filter(concerned) {
            subscriber.add(self.last_seq, &message, now);
        }
    }

    pub(super) fn claim(&mut self, id: SubscriberId, max: usize, now: Timestamp) -> Vec<Delivery> {
        self.bury_expired(now);
        let Some(subscriber) = self.subscriber(id).filter(|subscriber| subscriber.deployed) else { return Vec::new() };
        let mut deliveries = Vec::new();
        while deliveries.len() < max {
            let Some(first) = subscriber.waiting.first_entry().filter(|first| first.key().0 <= now) else { break };
            let ((due_at, seq), waiting) = first.remove_entry();
            deliveries.push(Delivery {
                subscriber: id,
                seq,
                due_at,
                attempt: waiting.attempts + 1,
                alone: waiting.alone,
                expires_at: waiting.message.expires_at(subscriber.retention),
                message: Arc::clone(&waiting.message),
            });
            subscriber.claimed.insert(seq, waiting);
        }
        deliveries
    }

    pub(super) fn next_due(&mut self, id: SubscriberId) -> Option<Timestamp> {
        let subscriber = self.subscriber(id).filter(|subscriber| subscriber.deployed)?;
        subscriber.waiting.first_key_value().map(|((due_at, _), _)| *due_at)
    }

    pub(super) fn settle(&mut self, delivery: &Delivery, verdict: Verdict, now: Timestamp) {
        let (seq, due_at) = (delivery.seq, delivery.due_at);
        let Some(subscriber) = self.subscriber(delivery.subscriber) else { return };
        let Some(mut waiting) = subscriber.claimed.remove(&seq) else { return };
        match verdict {
            Verdict::Again { after, error } => {
                waiting.attempts += 1;
                waiting.errors.push((waiting.attempts, now, error));
                subscriber.waiting.insert((now.saturating_add(millis(after)), seq), waiting);
            }
            Verdict::AgainAlone => {
                waiting.alone = true;
                subscriber.waiting.insert((due_at, seq), waiting);
            }
            Verdict::Release => drop(subscriber.waiting.insert((due_at, seq), waiting)),
            Verdict::Done => {
                subscriber.is_over(&delivery.message, now);
                self.origins.remove(&(delivery.subscriber, seq));
            }
            Verdict::Bury { reason, error } => {
                subscriber.is_over(&delivery.message, now);
                waiting.errors.push((waiting.attempts + 1, now, error));
                let letter = subscriber.bury(waiting, reason, now);
                self.dead.push(letter);
                self.origins.remove(&(delivery.subscriber, seq));
            }
        }
    }

    pub(super) fn hurry(&mut self, project: &str, now: Timestamp) {
        self.subscribers.iter_mut().filter(|s| s.owner == project).for_each(|subscriber| subscriber.hurry(now));
    }

    pub(super) fn deployments(&self) -> Vec<Deployment> {
        self.deployments.values().cloned().collect()
    }

    pub(super) fn remove(&mut self, project: &str, purge: bool) -> u64 {
        self.withdraw(project);
        self.crons.retain(|(of, _), _| of != project);
        let waiting = self.subscribers.iter().filter(|s| s.owner == project).map(Subscriber::unsettled).sum();
        if purge {
            self.purge(project);
        }
        waiting
    }

    fn purge(&mut self, project: &str) {
        for (place, subscriber) in self.subscribers.iter_mut().enumerate().filter(|(_, s)| s.owner == project) {
            subscriber.purge();
            self.origins.retain(|(of, _), _| of.0 as usize != place + 1);
        }
        self.dead.retain(|(of, _)| of != project);
        self.repeats.retain(|(of, _, _), _| **of != *project);
        self.values.purge(project);
        self.connections.retain(|of| *of.project != *project);
        self.files.retain(|(of, _), _| **of != *project);
        *self.purges.entry(project.into()).or_default() += 1;
    }

    pub(super) fn waiting(&self, project: &str) -> Vec<(String, u64)> {
        let of = self.subscribers.iter().filter(|s| s.owner == project && (s.deployed || s.unsettled() > 0));
        let mut waiting: Vec<_> = of.map(Subscriber::backlog).collect();
        waiting.sort();
        waiting
    }

    pub(super) fn dead_letters(&mut self, project: &str, limit: usize, now: Timestamp) -> Vec<DeadLetter> {
        self.bury_expired(now);
        let of = self.dead.iter().rev().filter(|(of, _)| of == project);
        of.map(|(_, letter)| letter.clone()).take(limit).collect()
    }

    fn bury_expired(&mut self, now: Timestamp) {
        for (place, subscriber) in self.subscribers.iter_mut().enumerate() {
            while let Some((seq, waiting)) = subscriber.take_expired(now) {
                subscriber.is_over(&waiting.message, now);
                self.dead.push(subscriber.bury(waiting, Reason::Expired, now));
                self.origins.remove(&(SubscriberId(place as u32 + 1), seq));
            }
        }
    }

    fn subscriber(&mut self, id: SubscriberId) -> Option<&mut Subscriber> {
        self.subscribers.get_mut((id.0 as usize).checked_sub(1)?)
    }
}
