//! Many messages with ordering keys: they drain as quickly as others, also from disk alone.

use std::time::Duration;

use super::{DAY, NOW, deploy, message};
use crate::contract::all;
use crate::embedded::Embedded;
use crate::embedded::home::Home;
use crate::{Hands, Message, Reason, SubscriberId, Topics, Verdict};

const KEYS: usize = 100;
const COUNT: usize = 10_000;

/// Of key `number % KEYS`.
fn ordered(hands: &Hands, number: usize) -> Message {
    Message { ordering_key: Some(format!("key {}", number % KEYS).into()), ..message(hands, number, b"1") }
}

async fn publish_ordered(store: &Embedded, hands: &Hands, count: usize) {
    // Those of one moment have different keys: nobody knows the order of the others.
    for from in (0..count).step_by(KEYS) {
        let publishes = (from..from + KEYS).map(|number| store.publish(ordered(hands, number).into()));
        assert!(all(publishes.collect()).await.iter().all(Result::is_ok));
    }
}

/// Finishes at least so many and returns how many; `next` is the number that is next of each key. The first half
/// of those of key 0 fail once each.
async fn drain(store: &Embedded, hands: &Hands, id: SubscriberId, next: &mut [usize], count: usize) -> usize {
    let mut done = 0;
    while done < count {
        for delivery in store.claim(id, 1000).await.unwrap() {
            let number = usize::try_from(delivery.message.id.as_u128()).unwrap();
            let key = number % KEYS;
            assert_eq!(number, next[key], "of key {key}, attempt {}", delivery.attempt);
            if key == 0 && delivery.attempt == 1 {
                store.settle(delivery, Verdict::Again { after: Duration::from_secs(1), error: "no".into() });
                hands.forward(Duration::from_secs(1));
            } else {
                next[key] += KEYS;
                done += 1;
                store.settle(delivery, Verdict::Done);
            }
        }
    }
    done
}

#[tokio::test]
async fn ten_thousand_messages_over_a_hundred_keys_drain_in_order() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    publish_ordered(&store, &hands, COUNT).await;
    let mut next: Vec<_> = (0..KEYS).collect();
    let done = drain(&store, &hands, ids[0], &mut next, COUNT / 2).await;
    store.close().await;
    drop(store);
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    drain(&store, &hands, ids[0], &mut next, COUNT - done).await;
    assert_eq!(store.waiting("shop").await.unwrap(), [("a".to_owned(), 0)]);
    for table in ["message", "delivery", "ordered", "attempt_error"] {
        let count = format!("SELECT count(*) FROM {table}");
        let left = store.reader.ask(move |conn| conn.query_row(&count, [], |row| row.get::<_, i64>(0))).await;
        assert_eq!(left.unwrap(), 0, "{table}");
    }
}

#[tokio::test]
async fn what_is_next_waits_on_disk_when_memory_is_full() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    let long = vec![b'1'; 1 << 20];
    for number in 0..4 {
        let message = Message { ordering_key: Some("k".into()), ..message(&hands, number, &long) };
        store.publish(message.into()).await.unwrap();
    }
    let first = store.claim(ids[0], 1).await.unwrap().remove(0);
    for number in 4..10 {
        store.publish(message(&hands, number, &long).into()).await.unwrap();
    }
    store.settle(first, Verdict::Done);
    let (mut ordered, mut others) = (vec![0], 0);
    while others < 6 || ordered.len() < 4 {
        for delivery in store.claim(ids[0], 1).await.unwrap() {
            match delivery.message.ordering_key {
                Some(_) => ordered.push(delivery.message.id.as_u128()),
                None => others += 1,
            }
            store.settle(delivery, Verdict::Done);
        }
    }
    assert_eq!(ordered, [0, 1, 2, 3]);
}

#[tokio::test]
async fn what_cannot_be_settled_lets_no_other_begin() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let home = Home::open(dir.path(), NOW).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON delivery BEGIN SELECT RAISE(ABORT, 'refused'); END";
    home.conn.execute_batch(refuse).unwrap();
    let store = Embedded::start(home, hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    for number in [0, KEYS] {
        store.publish(ordered(&hands, number).into()).await.unwrap();
    }
    for verdict in [Verdict::Done, Verdict::Bury { reason: Reason::Refused, error: "no".into() }] {
        let first = store.claim(ids[0], 9).await.unwrap();
        assert_eq!((first.len(), first[0].message.id.as_u128(), first[0].attempt), (1, 0, 1));
        first.into_iter().for_each(|delivery| store.settle(delivery, verdict.clone()));
    }
    assert_eq!(store.waiting("shop").await.unwrap(), [("a".to_owned(), 2)]);
    assert!(store.dead_letters("shop", 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_parked_expires_in_order() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    deploy(&store, &["gone"]).await;
    publish_ordered(&store, &hands, 10 * KEYS).await;
    deploy(&store, &[]).await;
    hands.forward(4 * DAY);
    while store.dead_letters("shop", usize::MAX).await.unwrap().len() < 10 * KEYS {}
    assert_eq!(store.waiting("shop").await.unwrap(), []);
}

#[tokio::test]
async fn a_waiting_claim_wakes_when_a_delayed_message_is_due() {
    let home = tempfile::tempdir().unwrap();
    let since = std::time::Instant::now();
    let clock = move || NOW + i64::try_from(since.elapsed().as_millis()).unwrap();
    let store = Embedded::open(home.path(), std::sync::Arc::new(clock)).unwrap();
    let ids = deploy(&store, &["a"]).await;
    let delayed_until = Some(clock() + 30);
    let delayed = Message { delayed_until, ..message(&Hands::at(NOW), 1, b"1") };
    let (claimed, published) = tokio::join!(store.claim(ids[0], 1), store.publish(delayed.into()));
    published.unwrap();
    assert_eq!(Some(claimed.unwrap()[0].due_at), delayed_until);
    assert!(delayed_until <= Some(clock()));
}

/// The followers of a key go before its head: whenever a purge ends, none waits for a head that is gone.
#[tokio::test]
async fn a_purge_that_was_cut_short_blocks_no_key() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(dir.path(), hands.clock()).unwrap();
    deploy(&store, &["a"]).await;
    for number in 0..2_000 {
        store
            .publish(Message { ordering_key: Some("k".into()), ..message(&hands, number, b"1") }.into())
            .await
            .unwrap();
    }
    let count = |conn: &rusqlite::Connection| conn.query_row("SELECT count(*) FROM delivery", [], |row| row.get(0));
    {
        let mut purge = std::pin::pin!(store.remove("shop", true));
        loop {
            let left: i64 = tokio::select! {
                biased;
                whole = &mut purge => panic!("it was not cut short: {whole:?}"),
                left = store.reader.ask(count) => left.unwrap(),
            };
            if left < 2_000 {
                break;
            }
        }
        store.crash();
    }
    let store = Embedded::open(dir.path(), hands.clock()).unwrap();
    let id = deploy(&store, &["a"]).await[0];
    let waiting: usize = store.waiting("shop").await.unwrap().iter().map(|(_, waiting)| *waiting as usize).sum();
    assert!(waiting > 0, "the purge was whole before the crash");
    for _ in 0..waiting {
        let delivery = store.claim(id, 1).await.unwrap().remove(0);
        store.settle(delivery, Verdict::Done);
    }
    assert_eq!(store.waiting("shop").await.unwrap().iter().map(|(_, waiting)| waiting).sum::<u64>(), 0);
}

#[tokio::test]
async fn a_backlog_of_one_key_that_expired_is_buried_in_order_and_the_fresh_one_comes() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(dir.path(), hands.clock()).unwrap();
    deploy(&store, &["a"]).await;
    let keyed = |number| Message { ordering_key: Some("k".into()), ..message(&hands, number, b"1") };
    for number in 0..1_200 {
        store.publish(keyed(number).into()).await.unwrap();
    }
    deploy(&store, &[]).await;
    hands.forward(4 * DAY);
    let id = deploy(&store, &["a"]).await[0];
    store.publish(keyed(5_000).into()).await.unwrap();
    let fresh = store.claim(id, 1).await.unwrap().remove(0);
    assert_eq!(fresh.message.id.as_u128(), 5_000);
    let letters = store.dead_letters("shop", 2_000).await.unwrap();
    assert_eq!(letters.len(), 1_200);
    assert!(letters.iter().all(|letter| letter.reason == Reason::Expired));
}
