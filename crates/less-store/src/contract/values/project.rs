//! A project to try promises on; each promise has one of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::contract::{PATIENCE, pending};
use crate::{
    CREATED, Change, Changed, DELETED, Delivery, Deployment, Hands, Operation, SubscriberId, Subscription, Topics,
    UPDATED, Value, Values, Verdict,
};

/// A project with keys, and with subscribers of what becomes of them once it is deployed.
pub(super) struct Project<'t> {
    pub(super) topics: &'t dyn Topics,
    pub(super) values: &'t dyn Values,
    pub(super) hands: &'t Hands,
    pub(super) name: Arc<str>,
    /// Subscribers of created, updated, deleted.
    told: Vec<SubscriberId>,
}

impl<'t> Project<'t> {
    /// That is not deployed: nobody is told anything.
    pub(super) fn silent(topics: &'t dyn Topics, values: &'t dyn Values, hands: &'t Hands) -> Self {
        let name = format!("p{}", Uuid::now_v7().simple()).into();
        Self { topics, values, hands, name, told: Vec::new() }
    }

    pub(super) async fn telling(topics: &'t dyn Topics, values: &'t dyn Values, hands: &'t Hands) -> Self {
        let mut project = Self::silent(topics, values, hands);
        project.deploy().await;
        project
    }

    async fn deploy(&mut self) {
        let (project, version) = (self.name.to_string(), "v1".to_owned());
        let deployment = Deployment { project, id: Uuid::from_u128(1), version, created_at: 5, updated_at: 6 };
        let subscription = |topic: &str| Subscription {
            publisher: self.name.to_string(),
            topic: topic.to_owned(),
            subscriber: Some(format!("topics/{topic}/a")),
            retention: Duration::from_secs(4 * 24 * 60 * 60),
        };
        let subscriptions = [CREATED, UPDATED, DELETED].map(subscription).into();
        let deployed = self.topics.deploy(deployment, subscriptions, Vec::new()).await;
        self.told = deployed.expect("a version is deployed").subscribers;
    }

    pub(super) fn change_of(&self, key: &str, operation: Operation) -> Change {
        let (trace, cause) = (Uuid::now_v7(), Some(Uuid::now_v7()));
        Change { project: Arc::clone(&self.name), key: key.to_owned(), operation, trace, cause }
    }

    pub(super) async fn change(&self, key: &str, operation: Operation) -> Changed {
        self.values.change(self.change_of(key, operation)).await.expect("a value is changed")
    }

    pub(super) async fn set(&self, key: &str, json: &str) -> Value {
        done(self.change(key, set(json)).await)
    }

    pub(super) async fn set_for(&self, key: &str, json: &str, time: Duration) -> Value {
        let expires_at = Some(self.hands.now() + i64::try_from(time.as_millis()).expect("a short time"));
        done(self.change(key, Operation::Set { json: json.to_owned().into(), expires_at, if_version: None }).await)
    }

    pub(super) async fn delete(&self, key: &str) -> bool {
        match self.change(key, Operation::Delete).await {
            Changed::Deleted { existed } => existed,
            other => panic!("{key:?} was to be deleted: {other:?}"),
        }
    }

    pub(super) async fn get(&self, key: &str) -> Option<Value> {
        self.values.get(&self.name, key).await.expect("a value is read")
    }

    pub(super) async fn json(&self, key: &str) -> Option<String> {
        self.get(key).await.map(|value| text(&value.json))
    }

    pub(super) async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        self.values.list(&self.name, prefix, after, limit).await.expect("keys are listed")
    }

    /// The next one told by a topic, settled.
    pub(super) async fn next(&self, topic: &str) -> Told {
        let claimed = self.topics.claim(self.told_by(topic), 1).await.expect("an event is claimed");
        let [delivery] = <[Delivery; 1]>::try_from(claimed).expect("one was asked for");
        let message = Arc::clone(&delivery.message);
        self.topics.settle(delivery, Verdict::Done);
        assert_eq!((&message.project, &*message.topic), (&self.name, topic));
        assert_eq!(message.published_at, self.hands.now());
        Told {
            payload: text(&message.payload),
            key: message.ordering_key.as_deref().map(str::to_owned),
            trace: message.trace,
            cause: message.cause,
        }
    }

    /// What is told of an expiry, as soon as it is.
    pub(super) async fn expiry(&self) -> Told {
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            let waiting = self.topics.waiting(&self.name).await.expect("what waits is counted");
            if waiting.iter().any(|(subscriber, waiting)| *waiting > 0 && subscriber.contains(DELETED)) {
                return self.next(DELETED).await;
            }
        }
        panic!("nothing expired within {PATIENCE:?}")
    }

    pub(super) async fn payload(&self, topic: &str) -> String {
        self.next(topic).await.payload
    }

    pub(super) async fn nothing_more_is_told(&self) {
        for topic in [CREATED, UPDATED, DELETED] {
            let found = pending(self.topics.claim(self.told_by(topic), 10), self.topics.waiting(&self.name)).await;
            assert!(found.is_ok(), "{topic} told what did not happen: {found:?}");
        }
    }

    fn told_by(&self, topic: &str) -> SubscriberId {
        let at = [CREATED, UPDATED, DELETED].iter().position(|of| *of == topic).expect("one of three topics");
        self.told[at]
    }
}

/// A message of a change.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) payload: String,
    pub(super) key: Option<String>,
    pub(super) trace: Uuid,
    pub(super) cause: Option<Uuid>,
}

pub(super) fn set(json: &str) -> Operation {
    Operation::Set { json: json.to_owned().into(), expires_at: None, if_version: None }
}

pub(super) fn set_if(json: &str, version: u64) -> Operation {
    Operation::Set { json: json.to_owned().into(), expires_at: None, if_version: Some(version) }
}

pub(super) fn done(changed: Changed) -> Value {
    match changed {
        Changed::Done(value) => value,
        other => panic!("it was to be changed: {other:?}"),
    }
}

pub(super) fn text(json: &[u8]) -> String {
    String::from_utf8(json.to_vec()).expect("JSON is UTF-8")
}
