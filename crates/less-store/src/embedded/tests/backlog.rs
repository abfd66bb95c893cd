use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use super::{DAY, NOW, deploy, publish_many};
use crate::embedded::Embedded;
use crate::embedded::lane::READY;
use crate::{Hands, SubscriberId, Topics, Verdict};

async fn claim_and_finish(store: &Embedded, subscriber: SubscriberId, count: usize) -> HashSet<u128> {
    let mut seen = HashSet::new();
    while seen.len() < count {
        for delivery in store.claim(subscriber, 500).await.unwrap() {
            assert!(seen.insert(delivery.message.id.as_u128()), "{} was delivered twice", delivery.message.id);
            store.settle(delivery, Verdict::Done);
        }
    }
    seen
}

#[tokio::test]
async fn a_backlog_waits_on_disk_and_is_delivered_once() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["slow", "quick"]).await;
    let count = 3 * READY;
    let quick = claim_and_finish(&store, ids[1], count);
    let (_, quick) = tokio::join!(publish_many(&store, &hands, 0..count), quick);
    let ready = store.lane(ids[0]).unwrap().ready();
    assert!(ready <= READY, "{ready} deliveries are in memory");
    let slow = claim_and_finish(&store, ids[0], count).await;
    assert_eq!((slow.len(), quick.len()), (count, count));
    let waiting = store.waiting("shop").await.unwrap();
    assert!(waiting.iter().all(|(_, waiting)| *waiting == 0), "{waiting:?}");
}

#[tokio::test]
async fn retries_wait_on_disk_and_not_in_memory() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["failing"]).await;
    publish_many(&store, &hands, 0..1000).await;
    for _ in 0..1000 {
        for delivery in store.claim(ids[0], 1).await.unwrap() {
            store.settle(delivery, Verdict::Again { after: Duration::from_secs(60), error: "no".into() });
        }
    }
    assert_eq!(store.waiting("shop").await.unwrap()[0].1, 1000);
    assert_eq!(store.lane(ids[0]).unwrap().ready(), 0);
    hands.forward(Duration::from_secs(60));
    claim_and_finish(&store, ids[0], 1000).await;
}

#[tokio::test]
async fn a_waiting_claim_wakes_when_a_retry_is_due() {
    let home = tempfile::tempdir().unwrap();
    let since = std::time::Instant::now();
    let clock = move || NOW + i64::try_from(since.elapsed().as_millis()).unwrap();
    let store = Embedded::open(home.path(), std::sync::Arc::new(clock)).unwrap();
    let ids = deploy(&store, &["failing"]).await;
    publish_many(&store, &Hands::at(NOW), 0..1).await;
    let delivery = store.claim(ids[0], 1).await.unwrap().remove(0);
    let due_at = delivery.due_at;
    store.settle(delivery, Verdict::Again { after: Duration::from_millis(30), error: "no".into() });
    let delivery = store.claim(ids[0], 1).await.unwrap().remove(0);
    assert_eq!(delivery.attempt, 2);
    assert!(delivery.due_at >= due_at + 30 && delivery.due_at <= clock());
}

/// Some in memory, some on disk alone, one of each tried before; or, opened again, all on disk.
async fn what_is_parked_expires(open_again: bool) {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let mut store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["gone"]).await;
    let count = READY + 600;
    publish_many(&store, &hands, 0..count).await;
    let delivery = store.claim(ids[0], 1).await.unwrap().remove(0);
    store.settle(delivery, Verdict::Again { after: DAY, error: "no".into() });
    let parked = deploy_parked(&store).await;
    assert_eq!(parked, [("gone".to_owned(), count as u64)]);
    if open_again {
        store.close().await;
        store = Embedded::open(home.path(), hands.clock()).unwrap();
    }
    hands.forward(4 * DAY);
    while store.dead_letters("shop", usize::MAX).await.unwrap().len() < count {}
    assert_eq!(store.waiting("shop").await.unwrap(), []);
}

async fn deploy_parked(store: &Embedded) -> Vec<(String, u64)> {
    let mut deployment = store.deployments().await.unwrap().remove(0);
    deployment.version = "2".to_owned();
    store.deploy(deployment, Vec::new(), Vec::new()).await.unwrap().parked
}

#[tokio::test]
async fn what_is_parked_expires_in_memory_and_on_disk() {
    what_is_parked_expires(false).await;
    what_is_parked_expires(true).await;
}

/// Bytes that this thread read so far.
fn bytes_read() -> u64 {
    let io = std::fs::read_to_string("/proc/thread-self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

async fn cost_of_opening_with(count: usize, home: &Path) -> u64 {
    let hands = Hands::at(NOW);
    let store = Embedded::open(home, hands.clock()).unwrap();
    let ids = deploy(&store, &["paused"]).await;
    publish_many(&store, &hands, 0..count).await;
    store.close().await;
    // What was in memory is put in order at the first open after it.
    Embedded::open(home, hands.clock()).unwrap().close().await;
    let before = bytes_read();
    let store = Embedded::open(home, hands.clock()).unwrap();
    let read = bytes_read() - before;
    assert_eq!(store.lane(ids[0]).unwrap().ready(), 0);
    assert_eq!(store.waiting("shop").await.unwrap()[0].1, count as u64);
    read
}

#[tokio::test]
async fn opening_does_not_read_the_backlog() {
    let (small, big) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let few = cost_of_opening_with(1_000, small.path()).await;
    let many = cost_of_opening_with(60_000, big.path()).await;
    assert!(many < 2 * few, "1,000 waiting cost {few} bytes to open, 60,000 cost {many}");
}
