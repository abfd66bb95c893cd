//! The clock is set back while the store runs, or while it does not.

use std::time::Duration;

use super::{DAY, NOW, deploy, message, publish_many};
use crate::embedded::Embedded;
use crate::{Hands, Topics};

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
