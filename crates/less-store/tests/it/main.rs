//! The store from outside: its contract, and what is left after it was killed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connections;
mod contract;
mod crash;
mod files;
mod home;
mod space;
mod values;
mod versions;

/// What every test does first.
mod given {
    use std::sync::Arc;
    use std::time::Duration;

    use less_store::{Clock, Deployment, Message, SubscriberId, Subscription, Topics};
    use uuid::Uuid;

    pub(crate) fn clock() -> Clock {
        let since = std::time::Instant::now();
        Arc::new(move || 1_000_000 + i64::try_from(since.elapsed().as_millis()).unwrap())
    }

    /// A project `shop` with a topic `orders`.
    pub(crate) async fn subscribers(topics: &dyn Topics, names: &[&str]) -> Vec<SubscriberId> {
        let deployment =
            Deployment { project: "shop".into(), id: Uuid::nil(), version: "1".into(), created_at: 0, updated_at: 0 };
        let subscription = |name: &&str| Subscription {
            publisher: "shop".into(),
            topic: "orders".into(),
            subscriber: Some((*name).into()),
            retention: Duration::from_secs(4 * 24 * 60 * 60),
        };
        topics.deploy(deployment, names.iter().map(subscription).collect(), Vec::new()).await.unwrap().subscribers
    }

    pub(crate) fn message(number: u128, size: usize) -> Message {
        Message {
            id: Uuid::from_u128(number),
            project: "shop".into(),
            topic: "orders".into(),
            payload: vec![b'1'; size].into(),
            trace: Uuid::nil(),
            cause: None,
            published_at: 1_000_000,
            delayed_until: None,
            ordering_key: None,
        }
    }
}
