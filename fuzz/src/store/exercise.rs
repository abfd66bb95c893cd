//! Everything a server asks of a store, once.

use std::path::Path;
use std::time::Duration;

use ::bytes::Bytes;
use less_store::{Config, Delivery, Hands, Operation, Publish, Reason, Store, SubscriberId, Verdict};

use super::template::{NOW, change, deployment, message, origin, publish, tick};
use crate::scratch;

/// Twice, with all that a restart does between; the second time some days later.
pub(super) fn exercise(home: &Path) {
    scratch::runtime().block_on(async {
        let hands = Hands::at(NOW);
        for _ in 0..2 {
            let Ok(store) = less_store::open(&Config::Embedded { home: home.into() }, hands.clock()) else { return };
            use_all(&store, &hands).await;
            store.topics.close().await;
            drop(store);
            hands.forward(Duration::from_secs(5 * 24 * 3600));
        }
    });
}

async fn use_all(store: &Store, hands: &Hands) {
    let topics = &store.topics;
    topics.deployments().await.ok();
    let (record, subscriptions, crons) = deployment("shop");
    let deployed = topics.deploy(record, subscriptions, crons).await;
    let subscribers = deployed.map(|deployed| deployed.subscribers).unwrap_or_default();
    topics.hurry("shop").await.ok();
    publish(store, message(100, b"1")).await;
    publish(store, less_store::Message { ordering_key: Some("key".into()), ..message(101, b"1") }).await;
    topics.publish(Publish { idempotency_key: Some("once".into()), ..message(102, b"1").into() }).await.ok();
    for at in [hands.now(), hands.now() - 1] {
        topics.tick(tick(at)).await.ok();
    }
    values(store, hands).await;
    deliveries(store, &subscribers).await;
    topics.dead_letters("shop", 100).await.ok();
    hands.forward(Duration::from_secs(120));
    for project in ["chat", "shop"] {
        topics.remove(project, hands.now() > NOW + 1_000_000).await.ok();
    }
}

async fn values(store: &Store, hands: &Hands) {
    for key in ["a", "b", "c", "d", "new"] {
        store.values.get("shop", key).await.ok();
        change(store, key, Operation::Increment { by: 1.0 }).await;
        let json = Bytes::from_static(b"{}");
        let expires_at = Some(hands.now() + 1_000);
        change(store, key, Operation::Set { json, expires_at, if_version: Some(0) }).await;
    }
    change(store, "a", Operation::Delete).await;
    store.values.list("shop", "", None, 100).await.ok();
}

/// Every way a delivery can end, in turn. What the first round asks for, the second finds.
async fn deliveries(store: &Store, subscribers: &[SubscriberId]) {
    for round in 0..2 {
        for subscriber in subscribers {
            let claimed = tokio::select! {
                biased;
                claimed = store.topics.claim(*subscriber, 8) => claimed.unwrap_or_default(),
                () = std::future::ready(()) => Vec::new(),
            };
            for (delivery, nth) in claimed.into_iter().zip(round..) {
                settle(store, delivery, nth).await;
            }
        }
        store.topics.waiting("shop").await.ok();
    }
}

async fn settle(store: &Store, delivery: Delivery, nth: usize) {
    let made = Publish { origin: Some(origin(&delivery)), ..message(200, b"1").into() };
    store.topics.publish(made).await.ok();
    let error = || "no".to_owned();
    let verdict = match nth % 5 {
        0 => Verdict::Done,
        1 => Verdict::Again { after: Duration::ZERO, error: error() },
        2 => Verdict::AgainAlone,
        3 => Verdict::Release,
        _ => Verdict::Bury { reason: Reason::Exhausted, error: error() },
    };
    store.topics.settle(delivery, verdict);
}
