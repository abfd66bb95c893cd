//! The clock is set back while the store runs, or while it does not.

use std::collections::HashSet;
use std::time::Duration;

use super::{DAY, NOW, deploy, message, publish_many};
use crate::embedded::Embedded;
use crate::embedded::lane::READY;
use crate::{Hands, SubscriberId, Topics, Verdict};

#[tokio::test]
async fn what_was_claimed_is_due_at_once_after_the_clock_went_back() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    store.publish(message(&hands, 1, b"1").into()).await.unwrap();
    assert_eq!(store.claim(ids[0], 1).await.unwrap().len(), 1);
    store.close().await;
    drop(store);
    hands.back(Duration::from_secs(3600));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    assert_eq!(store.claim(ids[0], 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_hurry_ends_when_all_that_waits_is_in_memory() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    publish_many(&store, &hands, 0..600).await;
    hands.forward(Duration::from_secs(61));
    let on_disk = "SELECT count(*) FROM delivery";
    let count = || store.reader.ask(|conn| conn.query_row(on_disk, [], |row| row.get::<_, i64>(0)));
    while count().await.unwrap() < 600 {
        store.waiting("shop").await.unwrap();
    }
    hands.back(Duration::from_secs(62));
    store.hurry("shop").await.unwrap();
    assert_eq!(store.claim(ids[0], 1000).await.unwrap().len(), 600);
}

#[tokio::test]
async fn what_is_parked_expires_although_the_clock_went_back() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    deploy(&store, &["a"]).await;
    store.waiting("shop").await.unwrap(); // it looked for what expired by now
    hands.back(10 * DAY);
    store.publish(message(&hands, 1, b"1").into()).await.unwrap();
    deploy(&store, &[]).await;
    hands.forward(4 * DAY);
    // Again and again, for one look is left out while another is under way.
    while store.dead_letters("shop", 9).await.unwrap().is_empty() {
        hands.forward(Duration::from_secs(60));
    }
    assert!(hands.now() < NOW, "it was found only once the clock had caught up");
}

/// What failed or found no room in memory while the clock was five hours ahead, and a delayed message.
async fn published_ahead(store: &Embedded, hands: &Hands) -> Vec<SubscriberId> {
    let ids = deploy(store, &["a"]).await;
    hands.forward(Duration::from_secs(5 * 3600));
    store.publish(message(hands, 1, b"1").into()).await.unwrap();
    let delivery = store.claim(ids[0], 1).await.unwrap().remove(0);
    store.settle(delivery, Verdict::Again { after: Duration::from_secs(1), error: "no".into() });
    let mut delayed = message(hands, 2, b"2");
    delayed.delayed_until = Some(hands.now() + 1000);
    store.publish(delayed.into()).await.unwrap();
    publish_many(store, hands, 3..4 + READY).await;
    ids
}

async fn claimed(store: &Embedded, id: SubscriberId, count: usize) -> HashSet<u128> {
    let mut seen = HashSet::new();
    while seen.len() < count {
        for delivery in store.claim(id, 10_000).await.unwrap() {
            seen.insert(delivery.message.id.as_u128());
            store.settle(delivery, Verdict::Done);
        }
    }
    seen
}

#[tokio::test]
async fn a_retry_does_not_wait_until_a_clock_that_was_ahead_is_reached_again() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = published_ahead(&store, &hands).await;
    hands.back(Duration::from_secs(5 * 3600));
    let seen = claimed(&store, ids[0], READY + 2).await;
    assert!(seen.contains(&1) && !seen.contains(&2), "a delayed one waits for its time");
}

#[tokio::test]
async fn nor_when_the_clock_was_set_while_the_store_was_closed() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = published_ahead(&store, &hands).await;
    store.close().await;
    drop(store);
    hands.back(Duration::from_secs(5 * 3600));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let seen = claimed(&store, ids[0], READY + 2).await;
    assert!(seen.contains(&1) && !seen.contains(&2), "a delayed one waits for its time");
}
