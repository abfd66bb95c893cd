use std::cell::Cell;
use std::time::Duration;

use super::{DAY, NOW, all, deploy, message};
use crate::contract::pending;
use crate::embedded::Embedded;
use crate::embedded::home::Home;
use crate::embedded::lane::READY;
use crate::{Error, Hands, Origin, Publish, Reason, Topics, Verdict};

#[tokio::test]
async fn a_message_that_the_database_refuses_fails_alone() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let home = Home::open(dir.path(), NOW).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON recent WHEN NEW.payload = CAST('bad' AS BLOB)
        BEGIN SELECT RAISE(ABORT, 'refused'); END";
    home.conn.execute_batch(refuse).unwrap();
    let store = Embedded::start(home, hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    let publish = |number, payload: &'static str| store.publish(message(&hands, number, payload.as_bytes()).into());
    let (one, bad, two) = tokio::join!(publish(1, "good"), publish(2, "bad"), publish(3, "good"));
    one.and(two).expect("its neighbours are stored");
    assert!(matches!(bad, Err(Error::Failed(_))), "{bad:?}");
    assert_eq!(store.claim(ids[0], 9).await.unwrap().len(), 2);
    assert_eq!(store.waiting("shop").await.unwrap()[0].1, 2);
}

#[tokio::test]
async fn a_message_that_the_database_refuses_leaves_no_record() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let home = Home::open(dir.path(), NOW).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON recent WHEN NEW.payload = CAST('bad' AS BLOB)
        BEGIN SELECT RAISE(ABORT, 'refused'); END";
    home.conn.execute_batch(refuse).unwrap();
    let store = Embedded::start(home, hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    store.publish(message(&hands, 1, b"1").into()).await.unwrap();
    let delivery = store.claim(ids[0], 1).await.unwrap().remove(0);
    let publish = |number, payload| Publish {
        message: message(&hands, number, payload),
        idempotency_key: Some("k".into()),
        origin: Some(Origin { subscriber: delivery.subscriber, seq: delivery.seq, hash: [7; 16], nth: 0 }),
    };
    assert!(matches!(store.publish(publish(2, b"bad")).await, Err(Error::Failed(_))));
    assert_eq!(store.publish(publish(3, b"good")).await.unwrap().as_u128(), 3);
    assert_eq!(store.publish(publish(4, b"bad")).await.unwrap().as_u128(), 3);
}

#[tokio::test]
async fn a_settlement_that_the_database_refuses_comes_again() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let home = Home::open(dir.path(), NOW).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON dead_letter BEGIN SELECT RAISE(ABORT, 'refused'); END";
    home.conn.execute_batch(refuse).unwrap();
    let store = Embedded::start(home, hands.clock()).unwrap();
    let ids = deploy(&store, &["a", "b"]).await;
    store.publish(message(&hands, 1, b"1").into()).await.unwrap();
    for _ in 0..2 {
        let delivery = store.claim(ids[0], 1).await.unwrap().remove(0);
        assert_eq!(delivery.attempt, 1);
        store.settle(delivery, Verdict::Bury { reason: Reason::Refused, error: "no".into() });
    }
    let delivery = store.claim(ids[0], 1).await.unwrap().remove(0);
    store.settle(delivery, Verdict::Done);
    let delivery = store.claim(ids[1], 1).await.unwrap().remove(0);
    store.settle(delivery, Verdict::Done);
    assert!(store.waiting("shop").await.unwrap().iter().all(|(_, waiting)| *waiting == 0));
}

/// The file may have so many pages and no more: what `SQLite` then says is what it says of a full disk.
#[tokio::test]
async fn a_full_disk_refuses_publishes_and_serves_on() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let home = Home::open(dir.path(), NOW).unwrap();
    home.conn.pragma_update_and_check(None, "max_page_count", 400, |_| Ok(())).unwrap();
    let store = Embedded::start(home, hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    let stored = Cell::new(0);
    let publisher = || async {
        loop {
            match store.publish(message(&hands, stored.get(), b"1234567890").into()).await {
                Ok(_) => stored.set(stored.get() + 1),
                Err(refused) => break assert!(matches!(refused, Error::Full), "{refused:?}"),
            }
        }
    };
    all((0..64).map(|_| Box::pin(publisher())).collect()).await;
    assert!(stored.get() > 2 * READY, "{} is no backlog", stored.get());
    assert!(matches!(store.publish(message(&hands, 0, &[b'1'; 100_000]).into()).await, Err(Error::Full)));
    let mut settled = 0;
    while settled < stored.get() {
        for delivery in store.claim(ids[0], 1000).await.unwrap() {
            store.settle(delivery, Verdict::Done);
            settled += 1;
        }
    }
    assert_eq!(store.waiting("shop").await.unwrap()[0].1, 0);
    store.publish(message(&hands, 0, &[b'1'; 100_000]).into()).await.expect("there is room again");
}

#[tokio::test]
async fn dead_letters_are_kept_for_fourteen_days() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(dir.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    store.publish(message(&hands, 1, b"1").into()).await.unwrap();
    let delivery = store.claim(ids[0], 1).await.unwrap().remove(0);
    store.settle(delivery, Verdict::Bury { reason: Reason::Refused, error: "no".into() });
    hands.forward(14 * DAY - Duration::from_secs(1));
    for _ in 0..10 {
        assert_eq!(store.dead_letters("shop", 9).await.unwrap().len(), 1);
    }
    hands.forward(2 * DAY);
    while !store.dead_letters("shop", 9).await.unwrap().is_empty() {}
    let left: i64 = store
        .reader
        .ask(|conn| conn.query_row("SELECT count(*) FROM attempt_error", [], |row| row.get(0)))
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_dead_letter_keeps_its_number_after_a_restart() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(dir.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    store.publish(message(&hands, 1, b"1").into()).await.unwrap();
    hands.forward(5 * DAY);
    assert!(pending(store.claim(ids[0], 1), store.waiting("shop")).await.is_ok());
    while store.dead_letters("shop", 9).await.unwrap().is_empty() {}
    store.close().await;
    drop(store);
    let store = Embedded::open(dir.path(), hands.clock()).unwrap();
    store.publish(message(&hands, 2, b"1").into()).await.unwrap();
    let delivery = store.claim(ids[0], 1).await.unwrap().remove(0);
    store.settle(delivery, Verdict::Again { after: DAY, error: "of another".into() });
    let letters = store.dead_letters("shop", 9).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].errors, []);
}
