use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tempfile::TempDir;

use super::{NOW, deploy, message};
use crate::embedded::Embedded;
use crate::{Delivery, Hands, SubscriberId, Topics, Verdict};

const LONG: usize = 250_000;
const SUBSCRIBERS: usize = 40;

/// Together far more than may be in memory, for each subscriber much less than its own share.
async fn long_messages(hands: &Hands, store: &Embedded, names: &[String], numbers: std::ops::Range<usize>) {
    for number in numbers {
        let mut message = message(hands, number, &vec![b' '; LONG]);
        message.topic = names[number % names.len()].as_str().into();
        store.publish(message.into()).await.unwrap();
    }
}

/// Topics with one subscriber each, all of the project `shop`.
async fn deploy_topics(store: &Embedded, names: &[String]) -> Vec<SubscriberId> {
    let deployment = crate::Deployment {
        project: "shop".into(),
        id: uuid::Uuid::nil(),
        version: "1".into(),
        created_at: 0,
        updated_at: 0,
    };
    let subscription = |topic: &String| crate::Subscription {
        publisher: "shop".into(),
        topic: topic.clone(),
        subscriber: Some(format!("topics/{topic}/only")),
        retention: super::DAY,
    };
    let subscriptions = names.iter().map(subscription).collect();
    store.deploy(deployment, subscriptions, Vec::new()).await.unwrap().subscribers
}

fn weight(store: &Embedded) -> usize {
    store.shared.lanes.weight.bytes()
}

#[tokio::test]
async fn what_waits_in_memory_is_bounded_for_all_subscribers_together_and_each_goes_on() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let names: Vec<_> = (0..SUBSCRIBERS).map(|number| format!("t{number}")).collect();
    let ids = deploy_topics(&store, &names).await;
    let count = SUBSCRIBERS * 16;
    long_messages(&hands, &store, &names, 0..count).await;
    let bound = (64 << 20) + SUBSCRIBERS * 2 * LONG;
    assert!(weight(&store) < bound, "{} bytes are in memory", weight(&store));
    // All that can be claimed at once; nothing is settled.
    let mut claimed: HashMap<SubscriberId, Vec<Delivery>> = HashMap::new();
    for &id in &ids {
        claimed.insert(id, store.claim(id, 64).await.unwrap());
    }
    assert!(weight(&store) < bound, "{} bytes are in memory", weight(&store));
    for &id in &ids {
        let mut seen = HashSet::new();
        let mut waiting = claimed.remove(&id).unwrap();
        while seen.len() < 16 {
            for delivery in waiting.drain(..) {
                assert!(seen.insert(delivery.seq), "{} was delivered twice", delivery.seq);
                store.settle(delivery, Verdict::Done);
            }
            if seen.len() < 16 {
                waiting = store.claim(id, 64).await.unwrap();
            }
            assert!(weight(&store) < bound, "{} bytes are in memory", weight(&store));
        }
    }
    assert_eq!(store.waiting("shop").await.unwrap().iter().map(|(_, waiting)| waiting).sum::<u64>(), 0);
    assert_eq!(weight(&store), 0, "nothing is weighed that is over");
}

#[tokio::test]
async fn a_message_is_in_memory_once_for_all_who_read_it_from_disk() {
    let (home, hands): (TempDir, _) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let names: Vec<_> = (0..200).map(|number| format!("s{number}")).collect();
    let ids = deploy(&store, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    store.publish(message(&hands, 1, &vec![b' '; LONG]).into()).await.unwrap();
    let mut claimed = Vec::new();
    for id in ids {
        claimed.extend(store.claim(id, 1).await.unwrap());
    }
    assert_eq!(claimed.len(), 200);
    assert!(weight(&store) < 2 * LONG, "{} bytes are in memory", weight(&store));
}

#[tokio::test]
async fn what_nobody_claims_for_long_waits_on_disk() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["paused"]).await;
    super::publish_many(&store, &hands, 0..1200).await;
    let claimed = store.claim(ids[0], 100).await.unwrap();
    while store.lane(ids[0]).unwrap().ready() > 0 {
        hands.forward(Duration::from_secs(61));
        store.waiting("shop").await.unwrap();
    }
    claimed.into_iter().for_each(|delivery| store.settle(delivery, Verdict::Done));
    assert_eq!(store.waiting("shop").await.unwrap()[0].1, 1100);
    assert_eq!(weight(&store), 0);
    let mut seen = 0;
    while seen < 1100 {
        seen += store.claim(ids[0], 2000).await.unwrap().len();
    }
    assert_eq!(seen, 1100);
}

#[tokio::test]
async fn many_keys_whose_next_deliveries_begin_together_are_not_all_in_memory() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["ordered"]).await;
    let keys = 60;
    for number in 0..keys * 3 {
        let mut message = message(&hands, number, &vec![b' '; LONG]);
        message.ordering_key = Some(format!("key {}", number % keys).into());
        store.publish(message.into()).await.unwrap();
    }
    let mut last: HashMap<String, u128> = HashMap::new();
    let mut seen = 0;
    while seen < keys * 3 {
        let deliveries = store.claim(ids[0], 64).await.unwrap();
        seen += deliveries.len();
        for delivery in deliveries {
            let (key, id) = (delivery.message.ordering_key.clone().unwrap(), delivery.message.id.as_u128());
            let before = last.insert(key.to_string(), id);
            assert!(before.is_none_or(|before| before + keys as u128 == id), "{key}: {id} came after {before:?}");
            store.settle(delivery, Verdict::Done);
        }
        assert!(weight(&store) < 20 << 20, "{} bytes are in memory", weight(&store));
    }
}
