//! What the memory back end knows, and every step it can take: plain, without waiting.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::clock::millis;
use crate::{
    DeadLetter, Delivery, Deployed, Deployment, Error, Message, Reason, Result, SubscriberId, Subscription, Timestamp,
    Verdict,
};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) closed: bool,
    deployments: BTreeMap<String, Deployment>,
    /// (project, topic) that are deployed.
    topics: HashSet<(String, String)>,
    /// A subscriber's id is its place, from 1.
    subscribers: Vec<Subscriber>,
    /// With the project, oldest first.
    dead: Vec<(String, DeadLetter)>,
    last_seq: i64,
}

#[derive(Debug)]
struct Subscriber {
    project: String,
    topic: String,
    name: String,
    deployed: bool,
    retention: Timestamp,
    /// By (due, seq): what waits to be claimed.
    waiting: BTreeMap<(Timestamp, i64), Waiting>,
    /// By seq: what is claimed.
    claimed: HashMap<i64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    message: Arc<Message>,
    attempts: u32,
    alone: bool,
    errors: Vec<(u32, Timestamp, String)>,
}

impl State {
    pub(super) fn publish(&mut self, message: Message, now: Timestamp) -> Result<()> {
        let (project, topic) = (message.project.to_string(), message.topic.to_string());
        if !self.topics.contains(&(project.clone(), topic.clone())) {
            return Err(Error::UnknownTopic { project, topic });
        }
        self.last_seq += 1;
        let place = (message.published_at.min(now), self.last_seq);
        let message = Arc::new(message);
        for subscriber in self.subscribers.iter_mut().filter(|s| s.deployed && s.project == project && s.topic == topic)
        {
            let message = Arc::clone(&message);
            subscriber.waiting.insert(place, Waiting { message, attempts: 0, alone: false, errors: Vec::new() });
        }
        Ok(())
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
                expires_at: waiting.message.published_at.saturating_add(subscriber.retention),
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
            Verdict::Done => {}
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
            Verdict::Bury { reason, error } => {
                waiting.errors.push((waiting.attempts + 1, now, error));
                let letter = subscriber.bury(waiting, reason, now);
                self.dead.push(letter);
            }
        }
    }

    pub(super) fn deploy(&mut self, deployment: Deployment, subscriptions: &[Subscription]) -> Deployed {
        let project = deployment.project.clone();
        self.withdraw(&project);
        self.deployments.insert(project.clone(), deployment);
        let mut deployed = Deployed::default();
        for subscription in subscriptions {
            self.topics.insert((project.clone(), subscription.topic.clone()));
            if let Some(name) = &subscription.subscriber {
                let at = self.place_of(&project, &subscription.topic, name);
                self.subscribers[at].deployed = true;
                self.subscribers[at].retention = millis(subscription.retention);
                deployed.subscribers.push(SubscriberId(at as u32 + 1));
            }
        }
        let gone = self.subscribers.iter().filter(|s| s.project == project && !s.deployed && s.unsettled() > 0);
        deployed.parked = gone.map(Subscriber::backlog).collect();
        deployed.parked.sort();
        deployed
    }

    /// Where a subscriber is, new or known.
    fn place_of(&mut self, project: &str, topic: &str, name: &str) -> usize {
        let known = |s: &Subscriber| s.project == project && s.topic == topic && s.name == name;
        self.subscribers.iter().position(known).unwrap_or_else(|| {
            self.subscribers.push(Subscriber {
                project: project.to_owned(),
                topic: topic.to_owned(),
                name: name.to_owned(),
                deployed: false,
                retention: 0,
                waiting: BTreeMap::new(),
                claimed: HashMap::new(),
            });
            self.subscribers.len() - 1
        })
    }

    pub(super) fn hurry(&mut self, project: &str, now: Timestamp) {
        for subscriber in self.subscribers.iter_mut().filter(|subscriber| subscriber.project == project) {
            let later = subscriber.waiting.split_off(&(now.saturating_add(1), 0));
            subscriber.waiting.extend(later.into_iter().map(|((_, seq), waiting)| ((now, seq), waiting)));
        }
    }

    pub(super) fn deployments(&self) -> Vec<Deployment> {
        self.deployments.values().cloned().collect()
    }

    pub(super) fn remove(&mut self, project: &str, purge: bool) -> u64 {
        self.withdraw(project);
        let mut waiting = 0;
        for subscriber in self.subscribers.iter_mut().filter(|subscriber| subscriber.project == project) {
            waiting += subscriber.unsettled();
            if purge {
                subscriber.waiting.clear();
                subscriber.claimed.clear();
            }
        }
        if purge {
            self.dead.retain(|(of, _)| of != project);
        }
        waiting
    }

    pub(super) fn waiting(&self, project: &str) -> Vec<(String, String, u64)> {
        let of = self.subscribers.iter().filter(|s| s.project == project && (s.deployed || s.unsettled() > 0));
        let mut waiting: Vec<_> = of.map(Subscriber::backlog).collect();
        waiting.sort();
        waiting
    }

    pub(super) fn dead_letters(&mut self, project: &str, limit: usize, now: Timestamp) -> Vec<DeadLetter> {
        self.bury_expired(now);
        let of = self.dead.iter().rev().filter(|(of, _)| of == project);
        of.map(|(_, letter)| letter.clone()).take(limit).collect()
    }

    fn withdraw(&mut self, project: &str) {
        self.deployments.remove(project);
        self.topics.retain(|(of, _)| of != project);
        for subscriber in self.subscribers.iter_mut().filter(|subscriber| subscriber.project == project) {
            subscriber.deployed = false;
        }
    }

    fn bury_expired(&mut self, now: Timestamp) {
        for subscriber in &mut self.subscribers {
            let live = |waiting: &Waiting| waiting.message.published_at.saturating_add(subscriber.retention) > now;
            let (kept, expired) = std::mem::take(&mut subscriber.waiting).into_iter().partition(|(_, w)| live(w));
            subscriber.waiting = kept;
            let expired: BTreeMap<_, Waiting> = expired;
            self.dead.extend(expired.into_values().map(|waiting| subscriber.bury(waiting, Reason::Expired, now)));
        }
    }

    fn subscriber(&mut self, id: SubscriberId) -> Option<&mut Subscriber> {
        self.subscribers.get_mut((id.0 as usize).checked_sub(1)?)
    }
}

impl Subscriber {
    fn unsettled(&self) -> u64 {
        (self.waiting.len() + self.claimed.len()) as u64
    }

    fn backlog(&self) -> (String, String, u64) {
        (self.topic.clone(), self.name.clone(), self.unsettled())
    }

    fn bury(&self, waiting: Waiting, reason: Reason, now: Timestamp) -> (String, DeadLetter) {
        let letter = DeadLetter {
            topic: self.topic.clone(),
            subscriber: self.name.clone(),
            message: Message::clone(&waiting.message),
            reason,
            buried_at: now,
            errors: waiting.errors,
        };
        (self.project.clone(), letter)
    }
}
