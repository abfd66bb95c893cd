//! What only the store's own crate can try: crashes without a process to kill, and faults of the file.

mod backlog;
mod clock;
mod connections;
mod fairness;
mod faults;
mod model;
mod order;
mod plans;
mod purge;
mod reopen;
mod values;
mod values_model;
mod weight;

use std::time::Duration;

use uuid::Uuid;

use crate::{Deployment, Hands, Message, SubscriberId, Subscription, Topics};

const NOW: i64 = 1_800_000_000_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Deploys a project `shop` with a topic `orders` that has these subscribers.
async fn deploy(topics: &dyn Topics, names: &[&str]) -> Vec<SubscriberId> {
    let (project, version) = ("shop".to_owned(), "1".to_owned());
    let deployment = Deployment { project, id: Uuid::nil(), version, created_at: 0, updated_at: 0 };
    let subscription = |name: Option<&str>| Subscription {
        publisher: "shop".into(),
        topic: "orders".into(),
        subscriber: name.map(str::to_owned),
        retention: 4 * DAY,
    };
    let names = names.iter().map(|name| subscription(Some(name)));
    let subscriptions = std::iter::once(subscription(None)).chain(names).collect();
    topics.deploy(deployment, subscriptions, Vec::new()).await.unwrap().subscribers
}

fn message(hands: &Hands, number: usize, payload: &[u8]) -> Message {
    Message {
        id: Uuid::from_u128(number as u128),
        project: "shop".into(),
        topic: "orders".into(),
        payload: payload.to_vec().into(),
        trace: Uuid::nil(),
        cause: None,
        published_at: hands.now(),
        delayed_until: None,
        ordering_key: None,
    }
}

/// Publishes that many, several at a time.
async fn publish_many(topics: &dyn Topics, hands: &Hands, numbers: std::ops::Range<usize>) {
    let next = std::sync::atomic::AtomicUsize::new(numbers.start);
    let publisher = || async {
        loop {
            let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if number >= numbers.end {
                return;
            }
            topics.publish(message(hands, number, b"1").into()).await.unwrap();
        }
    };
    let publishers: Vec<_> = (0..256).map(|_| Box::pin(publisher())).collect();
    all(publishers).await;
}

/// Waits for all of them at once.
async fn all(mut futures: Vec<std::pin::Pin<Box<impl Future<Output = ()>>>>) {
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
