//! What is purged, parked or cannot be written, while some of it is in memory.

use std::time::Duration;

use super::{DAY, NOW, deploy, message, publish_many};
use crate::contract::pending;
use crate::embedded::Embedded;
use crate::embedded::home::Home;
use crate::{Error, Hands, Topics, Verdict};

#[tokio::test]
async fn what_was_purged_does_not_come_back() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(dir.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    publish_many(&store, &hands, 0..3000).await;
    let mut claimed = store.claim(ids[0], 1000).await.unwrap();
    let give_back = async {
        while let Some(delivery) = claimed.pop() {
            store.settle(delivery, Verdict::Release);
            store.deployments().await.unwrap();
        }
    };
    let (purged, ()) = tokio::join!(store.remove("shop", true), give_back);
    assert_eq!(purged.unwrap(), 3000);
    deploy(&store, &["a"]).await;
    assert!(pending(store.claim(ids[0], 5000), store.waiting("shop")).await.is_ok());
    assert_eq!(store.waiting("shop").await.unwrap()[0].1, 0);
}

#[tokio::test]
async fn what_could_not_be_purged_is_delivered() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let home = Home::open(dir.path(), NOW).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE DELETE ON recent BEGIN SELECT RAISE(ABORT, 'refused'); END";
    home.conn.execute_batch(refuse).unwrap();
    let store = Embedded::start(home, hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    publish_many(&store, &hands, 0..10).await;
    let refused = store.remove("shop", true).await;
    assert!(matches!(refused, Err(Error::Failed(_))), "{refused:?}");
    deploy(&store, &["a"]).await;
    assert_eq!(store.claim(ids[0], 100).await.unwrap().len(), 10);
}

#[tokio::test]
async fn a_subscriber_that_is_gone_keeps_nothing_in_memory() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(dir.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["stays", "goes"]).await;
    publish_many(&store, &hands, 0..1500).await;
    let claimed = store.claim(ids[1], 100).await.unwrap();
    deploy(&store, &["stays"]).await;
    while store.lane(ids[1]).unwrap().ready() > 0 {
        store.waiting("shop").await.unwrap();
    }
    deploy(&store, &["stays", "goes"]).await;
    let mut seen = 0;
    while seen < 1400 {
        seen += store.claim(ids[1], 2000).await.unwrap().len();
    }
    assert_eq!(seen, 1400, "what was claimed is with its claimer");
    claimed.into_iter().for_each(|delivery| store.settle(delivery, Verdict::Done));
    assert_eq!(store.claim(ids[0], 2000).await.unwrap().len(), 1500);
}

#[tokio::test]
async fn a_file_that_another_program_has_locked_is_tried_again() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let home = Home::open(dir.path(), NOW).unwrap();
    home.conn.busy_timeout(Duration::ZERO).unwrap();
    let store = Embedded::start(home, hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    publish_many(&store, &hands, 0..2).await;
    let mut claimed = store.claim(ids[0], 2).await.unwrap();
    store.settle(claimed.remove(0), Verdict::Again { after: DAY, error: "no".into() });
    store.waiting("shop").await.unwrap();
    let other = rusqlite::Connection::open(dir.path().join("topics.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.settle(claimed.remove(0), Verdict::Done);
    let refused = store.publish(message(&hands, 2, b"1").into()).await;
    assert!(matches!(refused, Err(Error::Failed(_))), "{refused:?}");
    let refused = store.hurry("shop").await;
    assert!(matches!(refused, Err(Error::Failed(_))), "{refused:?}");
    other.execute_batch("ROLLBACK").unwrap();
    store.hurry("shop").await.unwrap();
    assert_eq!(store.claim(ids[0], 9).await.unwrap().len(), 1);
    while store.waiting("shop").await.unwrap()[0].1 > 1 {}
}
