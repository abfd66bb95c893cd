//! Key-values: what time, faults and restarts do to them.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{DAY, NOW};
use crate::embedded::Embedded;
use crate::embedded::home::Home;
use crate::{
    CREATED, Change, Changed, DELETED, Deployment, Error, Hands, Operation, Result, SubscriberId, Subscription, Topics,
    UPDATED, Values,
};

pub(super) const TOPICS: [&str; 3] = [CREATED, UPDATED, DELETED];
const SECOND: Duration = Duration::from_secs(1);

/// Deploys the project `shop` with these topics, each with a subscriber.
pub(super) async fn deploy_telling(topics: &dyn Topics, names: &[&str]) -> Vec<SubscriberId> {
    let (project, version) = ("shop".to_owned(), "1".to_owned());
    let deployment = Deployment { project, id: Uuid::nil(), version, created_at: 0, updated_at: 0 };
    let subscription = |name: &&str| Subscription {
        publisher: "shop".into(),
        topic: (*name).into(),
        subscriber: Some(format!("topics/{name}/a")),
        retention: 400 * DAY,
    };
    topics.deploy(deployment, names.iter().map(subscription).collect(), Vec::new()).await.unwrap().subscribers
}

pub(super) fn change(key: &str, operation: Operation) -> Change {
    Change { project: "shop".into(), key: key.into(), operation, trace: Uuid::nil(), cause: None }
}

pub(super) fn set(json: &str, expires_at: Option<i64>) -> Operation {
    Operation::Set { json: json.to_owned().into(), expires_at, if_version: None }
}

async fn version(changed: impl Future<Output = Result<Changed>>) -> u64 {
    match changed.await.unwrap() {
        Changed::Done(value) => value.version,
        other => panic!("it was not changed: {other:?}"),
    }
}

async fn count(store: &Embedded, sql: &'static str) -> i64 {
    store.reader.ask(move |conn| conn.query_row(sql, [], |row| row.get(0))).await.unwrap()
}

#[tokio::test]
async fn a_value_expires_while_nothing_else_happens() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let told = deploy_telling(&store, &[DELETED]).await;
    store.change(change("far", set("1", Some(NOW + 1_000_000)))).await.unwrap();
    store.change(change("near", set("2", Some(NOW + 1000)))).await.unwrap();
    hands.forward(SECOND); // nobody tells the store that the clock was set
    let told = store.claim(told[0], 9).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].message.payload, r#"{"key":"near","old_value":2}"#);
}

#[tokio::test]
async fn what_expired_while_the_store_was_closed_is_told_when_it_opens() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    deploy_telling(&store, &[DELETED]).await;
    store.change(change("key", set("1", Some(NOW + 1000)))).await.unwrap();
    store.close().await;
    drop(store);
    hands.forward(SECOND);
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    assert_eq!(store.get("shop", "key").await.unwrap(), None);
    let told = deploy_telling(&store, &[DELETED]).await;
    assert_eq!(store.claim(told[0], 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_value_lives_as_long_again_when_the_clock_goes_back() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    store.change(change("key", set("1", Some(NOW + 1000)))).await.unwrap();
    hands.back(DAY);
    hands.forward(DAY - Duration::from_millis(1) + SECOND);
    for _ in 0..20 {
        store.waiting("shop").await.unwrap();
    }
    assert!(store.get("shop", "key").await.unwrap().is_some());
    hands.forward(Duration::from_millis(1));
    while count(&store, "SELECT count(*) FROM value").await > 0 {}
}

#[tokio::test]
async fn many_values_expire_each_told_once() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let told = deploy_telling(&store, &[DELETED]).await;
    let long = format!("\"{}\"", "x".repeat(400 * 1024 - 2));
    for number in 0..1200 {
        let json = if number % 60 == 0 { &*long } else { "1" };
        store.change(change(&number.to_string(), set(json, Some(NOW + 1000 + number % 7)))).await.unwrap();
    }
    hands.forward(2 * SECOND);
    while count(&store, "SELECT count(*) FROM value").await > 0 {
        // Between two pieces a change comes through.
        store.change(change("beside", set("1", None))).await.unwrap();
        store.change(change("beside", Operation::Delete)).await.unwrap();
    }
    let mut keys = Vec::new();
    while store.waiting("shop").await.unwrap()[0].1 > 0 {
        for delivery in store.claim(told[0], 100).await.unwrap() {
            keys.extend(delivery.message.ordering_key.as_deref().map(str::to_owned));
            store.settle(delivery, crate::Verdict::Done);
        }
    }
    keys.retain(|key| key != "beside");
    keys.sort_by_key(|key| key.parse::<i64>().unwrap());
    assert_eq!(keys, (0..1200).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_version_is_new_also_after_a_restart() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let mut last = 0;
    for _ in 0..3 {
        let store = Embedded::open(home.path(), hands.clock()).unwrap();
        for _ in 0..3 {
            let next = version(store.change(change("key", set("1", None)))).await;
            assert!(next > last, "{next} after {last}");
            last = next;
        }
        store.change(change("key", Operation::Delete)).await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_value_is_read_while_a_long_question_is_answered() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Arc::new(Embedded::open(home.path(), hands.clock()).unwrap());
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let long = store.reader.ask(move |_| {
        ended.recv().ok();
        Ok(())
    });
    let beside = async {
        store.change(change("key", set("1", None))).await.unwrap();
        assert!(store.get("shop", "key").await.unwrap().is_some());
        assert_eq!(store.list("shop", "", None, 9).await.unwrap(), ["key"]);
        drop(end);
    };
    let (answered, ()) = tokio::join!(long, beside);
    answered.unwrap();
}

#[tokio::test]
async fn many_long_values_are_deleted_at_once() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Arc::new(Embedded::open(home.path(), hands.clock()).unwrap());
    let long = format!("\"{}\"", "x".repeat(400 * 1024 - 2));
    for number in 0..100 {
        store.change(change(&number.to_string(), set(&long, None))).await.unwrap();
    }
    deploy_telling(&*store, &[DELETED]).await;
    let mut deleted = tokio::task::JoinSet::new();
    for number in 0..100 {
        let store = Arc::clone(&store);
        deleted.spawn(async move { store.change(change(&number.to_string(), Operation::Delete)).await.unwrap() });
    }
    let deleted = deleted.join_all().await;
    assert!(deleted.iter().all(|changed| *changed == Changed::Deleted { existed: true }));
    assert_eq!(store.waiting("shop").await.unwrap(), [(format!("topics/{DELETED}/a"), 100)]);
}

/// A change and its message stand or fall together, whatever becomes of the neighbours in the commit.
#[tokio::test]
async fn a_change_whose_message_is_refused_is_none() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let opened = Home::open(home.path(), NOW).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON message WHEN NEW.ordering_key = 'bad'
                  BEGIN SELECT RAISE(ABORT, 'refused'); END";
    opened.conn.execute_batch(refuse).unwrap();
    let store = Embedded::start(opened, hands.clock()).unwrap();
    let told = deploy_telling(&store, &TOPICS).await;
    let changes = ["good", "bad", "also good"].map(|key| store.change(change(key, set("1", None))));
    let [good, bad, also_good] = changes;
    let (good, bad, also_good) = tokio::join!(good, bad, also_good);
    assert!(good.is_ok() && also_good.is_ok());
    assert!(matches!(bad, Err(Error::Failed(_))), "{bad:?}");
    assert_eq!(store.list("shop", "", None, 9).await.unwrap(), ["also good", "good"]);
    assert_eq!(store.claim(told[0], 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_full_disk_refuses_a_change_with_its_message() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let opened = Home::open(home.path(), NOW).unwrap();
    opened.conn.pragma_update_and_check(None, "max_page_count", 400, |_| Ok(())).unwrap();
    let store = Embedded::start(opened, hands.clock()).unwrap();
    deploy_telling(&store, &[CREATED]).await;
    let long = format!("\"{}\"", "x".repeat(100_000));
    let mut stored = 0;
    let refused = loop {
        match store.change(change(&stored.to_string(), set(&long, None))).await {
            Ok(_) => stored += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, Error::Full), "{refused:?}");
    assert!(stored > 3, "{stored} found room");
    assert_eq!(store.list("shop", "", None, 99).await.unwrap().len() as u64, stored);
    assert_eq!(store.waiting("shop").await.unwrap(), [(format!("topics/{CREATED}/a"), stored)]);
    store.change(change("0", Operation::Delete)).await.expect("what makes room is taken");
    store.change(change("0", set("1", None))).await.expect("and then what needs it");
}

#[tokio::test]
async fn a_purge_takes_long_values_and_leaves_those_of_others() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    deploy_telling(&store, &[DELETED]).await;
    let long = format!("\"{}\"", "x".repeat(100_000));
    for number in 0..130 {
        store.change(change(&number.to_string(), set(&long, Some(NOW + 1000)))).await.unwrap();
    }
    let other = Change { project: "other".into(), ..change("key", set("1", None)) };
    store.change(other).await.unwrap();
    store.remove("shop", true).await.unwrap();
    assert_eq!(count(&store, "SELECT count(*) FROM value").await, 1);
    assert!(store.get("other", "key").await.unwrap().is_some());
    hands.forward(SECOND);
    assert_eq!(store.waiting("shop").await.unwrap(), [], "nobody is told");
}
