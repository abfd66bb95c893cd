//! A deployed project to try promises on; each promise has one of its own.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{PATIENCE, pending};
use crate::{
    Cron, DeadLetter, Delivery, Deployed, Deployment, Hands, Message, Result, SubscriberId, Subscription, Topics,
    Verdict,
};

pub(super) const RETENTION: Duration = Duration::from_secs(4 * 24 * 60 * 60);

pub(super) struct Project<'t> {
    pub(super) topics: &'t dyn Topics,
    pub(super) hands: &'t Hands,
    pub(super) name: String,
    pub(super) subscribers: Vec<SubscriberId>,
}

impl<'t> Project<'t> {
    /// With one topic, `orders`, and these subscribers.
    pub(super) async fn with(topics: &'t dyn Topics, hands: &'t Hands, subscribers: &[&str]) -> Self {
        let mut project =
            Self { topics, hands, name: format!("p{}", Uuid::now_v7().simple()), subscribers: Vec::new() };
        project.subscribers = project.deploy(subscribers).await.expect("a version is deployed").subscribers;
        project
    }

    pub(super) async fn deploy(&self, subscribers: &[&str]) -> Result<Deployed> {
        let mut subscriptions = vec![self.subscription("orders", None)];
        subscriptions.extend(subscribers.iter().map(|name| self.subscription("orders", Some(identity(name)))));
        self.deploy_all(subscriptions, Vec::new()).await
    }

    pub(super) async fn deploy_all(&self, subscriptions: Vec<Subscription>, crons: Vec<Cron>) -> Result<Deployed> {
        self.topics.deploy(self.deployment(), subscriptions, crons).await
    }

    /// To a topic of this project.
    pub(super) fn subscription(&self, topic: &str, subscriber: Option<String>) -> Subscription {
        Subscription { publisher: self.name.clone(), topic: topic.to_owned(), subscriber, retention: RETENTION }
    }

    pub(super) fn deployment(&self) -> Deployment {
        let (project, version) = (self.name.clone(), "v1".to_owned());
        Deployment { project, id: Uuid::from_u128(1), version, created_at: 5, updated_at: 6 }
    }

    pub(super) fn message(&self, payload: &str) -> Message {
        Message {
            id: Uuid::now_v7(),
            project: self.name.as_str().into(),
            topic: "orders".into(),
            payload: payload.to_owned().into(),
            trace: Uuid::now_v7(),
            cause: Some(Uuid::now_v7()),
            published_at: self.hands.now(),
            delayed_until: None,
            ordering_key: None,
        }
    }

    pub(super) async fn publish(&self, payload: &str) -> Message {
        let message = self.message(payload);
        let id = self.topics.publish(message.clone().into()).await.expect("a message is published");
        assert_eq!(id, message.id);
        message
    }

    pub(super) async fn publish_later(&self, payload: &str, delay: Duration) -> Message {
        let delayed_until = Some(self.hands.now() + i64::try_from(delay.as_millis()).expect("a short delay"));
        let message = Message { delayed_until, ..self.message(payload) };
        self.topics.publish(message.clone().into()).await.expect("a message is published");
        message
    }

    pub(super) async fn publish_ordered(&self, key: &str, payload: &str) {
        let message = Message { ordering_key: Some(key.into()), ..self.message(payload) };
        self.topics.publish(message.into()).await.expect("a message is published");
    }

    /// The next delivery of the subscriber at this place.
    pub(super) async fn next(&self, subscriber: usize) -> Delivery {
        let claimed = self.topics.claim(self.subscribers[subscriber], 1).await.expect("a delivery is claimed");
        let [delivery] = <[Delivery; 1]>::try_from(claimed).expect("one was asked for");
        delivery
    }

    /// All that the subscriber at this place can have now.
    pub(super) async fn all(&self, subscriber: usize) -> Vec<Delivery> {
        let mut all = Vec::new();
        loop {
            let claim = self.topics.claim(self.subscribers[subscriber], 10);
            match pending(claim, self.topics.waiting(&self.name)).await {
                Ok(()) => return all,
                Err(claimed) => all.extend(claimed.expect("deliveries are claimed")),
            }
        }
    }

    pub(super) async fn nothing_is_due(&self, subscriber: usize) {
        let claim = self.topics.claim(self.subscribers[subscriber], 10);
        let found = pending(claim, self.topics.waiting(&self.name)).await;
        assert!(found.is_ok(), "something was claimed that should not be: {found:?}");
    }

    pub(super) async fn finish(&self, subscriber: usize, count: usize) {
        for _ in 0..count {
            let delivery = self.next(subscriber).await;
            self.topics.settle(delivery, Verdict::Done);
        }
    }

    /// As soon as there are so many. A store may look for what expired from time to time only, so the clock goes on: by a
    /// minute each second.
    pub(super) async fn dead_letters(&self, count: usize) -> Vec<DeadLetter> {
        let asked = Instant::now();
        let mut later = Duration::from_secs(1);
        while asked.elapsed() < PATIENCE {
            let letters = self.topics.dead_letters(&self.name, count + 1).await.expect("dead letters are told");
            if letters.len() == count {
                return letters;
            }
            if asked.elapsed() > later {
                self.hands.forward(Duration::from_secs(60));
                self.waiting().await;
                later += Duration::from_secs(1);
            }
        }
        panic!("no {count} dead letters within {PATIENCE:?}")
    }

    /// What waits for the subscribers of `orders`, by their own names.
    pub(super) async fn waiting(&self) -> Vec<(String, u64)> {
        let waiting = self.topics.waiting(&self.name).await.expect("what waits is counted");
        waiting.into_iter().map(|(identity, waiting)| (name(&identity).to_owned(), waiting)).collect()
    }
}

/// Of a subscriber to `orders`.
pub(super) fn identity(name: &str) -> String {
    format!("topics/orders/{name}")
}

pub(super) fn name(identity: &str) -> &str {
    identity.strip_prefix("topics/orders/").unwrap_or(identity)
}

/// In the order of their bytes.
pub(super) fn payloads(deliveries: &[Delivery]) -> Vec<&str> {
    let mut payloads: Vec<_> = deliveries.iter().map(payload).collect();
    payloads.sort_unstable();
    payloads
}

pub(super) fn payload(delivery: &Delivery) -> &str {
    std::str::from_utf8(&delivery.message.payload).expect("it is JSON")
}
