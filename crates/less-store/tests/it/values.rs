//! The key-values from outside: their contract, and that changes and messages correspond after a crash.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use less_store::{
    CREATED, Change, Changed, DELETED, Deployment, Embedded, Hands, Operation, SubscriberId, Subscription, Topics,
    UPDATED, Values, Verdict, contract, memory::Memory,
};
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::crash::{FIRST, HOME, child, kill_after, say};
use crate::given::clock;

const NOW: i64 = 1_800_000_000_000;
const TOPICS: [&str; 3] = [CREATED, UPDATED, DELETED];

#[tokio::test]
async fn the_embedded_store_keeps_the_contract_of_values() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    for _ in 0..2 {
        let store = Embedded::open(home.path(), hands.clock()).unwrap();
        contract::check_values(&store, &store, &hands).await;
    }
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract_of_values() {
    let hands = Hands::at(NOW);
    let store = Memory::new(hands.clock());
    contract::check_values(&store, &store, &hands).await;
}

async fn deploy(topics: &dyn Topics) -> Vec<SubscriberId> {
    let (project, version) = ("shop".to_owned(), "1".to_owned());
    let deployment = Deployment { project, id: Uuid::nil(), version, created_at: 0, updated_at: 0 };
    let subscription = |topic: &str| Subscription {
        publisher: "shop".into(),
        topic: topic.into(),
        subscriber: Some(topic.into()),
        retention: Duration::from_secs(4 * 24 * 60 * 60),
    };
    topics.deploy(deployment, TOPICS.map(subscription).into(), Vec::new()).await.unwrap().subscribers
}

/// Changes few keys from several tasks until it is killed. Every value is another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of other tests"]
async fn child_that_changes() {
    let Ok(home) = std::env::var(HOME) else { return };
    let first: i64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let (clock, mut tasks) = (clock(), JoinSet::new());
    let store = Arc::new(Embedded::open(Path::new(&home), clock.clone()).unwrap());
    deploy(&*store).await;
    for task in 1..=16 {
        let (store, clock) = (store.clone(), clock.clone());
        tasks.spawn(async move {
            for number in (first + task..).step_by(16) {
                let set = |spaces: usize, expires_at| Operation::Set {
                    json: format!("{:spaces$}{number}", "").into(),
                    expires_at,
                    if_version: None,
                };
                let (key, operation) = match number % 10 {
                    0 | 1 => ("sum".to_owned(), Operation::Increment { by: 1.0 }),
                    2 | 3 => (format!("k{}", number % 7), Operation::Delete),
                    4 | 5 => (format!("k{}", number % 7), set(0, Some(clock() + 5))),
                    6 => (format!("k{}", number % 7), set(5000, None)),
                    _ => (format!("k{}", number % 7), set(0, None)),
                };
                let (project, trace) = ("shop".into(), Uuid::nil());
                let change = Change { project, key: key.clone(), operation, trace, cause: None };
                if let Changed::Done(value) = store.change(change).await.unwrap() {
                    say(&format!("changed {key} {}", String::from_utf8_lossy(&value.json).trim()));
                }
            }
        });
    }
    tasks.join_all().await;
}

fn changed(line: &str) -> Option<(String, i64)> {
    let (key, number) = line.strip_prefix("changed ")?.split_once(' ')?;
    Some((key.to_owned(), number.parse().ok()?))
}

/// What the messages on disk say of one key.
#[derive(Debug, Default)]
struct Told {
    new: BTreeSet<i64>,
    old: BTreeSet<i64>,
}

/// The messages on disk, by key. Every value comes up once in each role at most.
async fn told(store: &Embedded) -> HashMap<String, Told> {
    let mut told: HashMap<String, Told> = HashMap::new();
    for (topic, id) in TOPICS.into_iter().zip(deploy(store).await) {
        let waiting = store.waiting("shop").await.unwrap();
        let count = waiting.iter().find(|(subscriber, _)| subscriber == topic).unwrap().1;
        let mut heard = 0;
        while heard < count {
            for delivery in store.claim(id, 1000).await.unwrap() {
                let payload: Value = serde_json::from_slice(&delivery.message.payload).unwrap();
                let of = told.entry(payload["key"].as_str().unwrap().to_owned()).or_default();
                let fresh =
                    |set: &mut BTreeSet<i64>, name| payload[name].as_i64().is_none_or(|value| set.insert(value));
                assert!(fresh(&mut of.new, "new_value") && fresh(&mut of.old, "old_value"), "{payload} twice");
                store.settle(delivery, Verdict::Done);
                heard += 1;
            }
        }
    }
    told
}

/// Panics unless the values on disk are what the messages on disk leave: a change without its message, or a
/// message without its change, would leave another one. Returns what was ever set.
async fn changes_and_messages_correspond(home: &Path) -> HashMap<String, BTreeSet<i64>> {
    let hands = Hands::at(10_000_000); // long after the child: what is to expire does so at once
    let store = Embedded::open(home, hands.clock()).unwrap();
    for _ in 0..3 {
        store.waiting("shop").await.unwrap();
    }
    let told = told(&store).await;
    for key in store.list("shop", "", None, 100).await.unwrap() {
        assert!(told.contains_key(&key), "nobody was told of {key}");
    }
    for (key, Told { new, old }) in &told {
        let there = store.get("shop", key).await.unwrap();
        let there: Option<i64> = there.map(|value| serde_json::from_slice(&value.json).unwrap());
        assert!(old.is_subset(new), "{key}: a value went that never came");
        let left: Vec<_> = new.difference(old).copied().collect();
        assert_eq!(left, there.into_iter().collect::<Vec<_>>(), "{key}: what came and did not go, and what is there");
    }
    store.close().await;
    told.into_iter().map(|(key, told)| (key, told.new)).collect()
}

#[tokio::test]
async fn after_kill_9_changes_and_messages_correspond() {
    let home = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..8 {
        let child = child("values::child_that_changes", home.path(), round * 1_000_000, "");
        acknowledged.extend(kill_after(child, 50 * (1 + round as usize % 4), changed));
    }
    let set = changes_and_messages_correspond(home.path()).await;
    for (key, number) in acknowledged {
        assert!(set[&key].contains(&number), "{key} was {number}, and that is lost");
    }
}

#[tokio::test]
async fn a_torn_wal_has_no_change_without_its_message() {
    let home = tempfile::tempdir().unwrap();
    kill_after(child("values::child_that_changes", home.path(), 0, ""), 400, changed);
    let wal = std::fs::read(home.path().join("topics.db-wal")).unwrap();
    for tenths in 1..=10 {
        let torn = tempfile::tempdir().unwrap();
        std::fs::copy(home.path().join("topics.db"), torn.path().join("topics.db")).unwrap();
        std::fs::write(torn.path().join("topics.db-wal"), &wal[..(wal.len() * tenths / 10).saturating_sub(1234)])
            .unwrap();
        changes_and_messages_correspond(torn.path()).await;
    }
}
