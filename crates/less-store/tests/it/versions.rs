//! Files that earlier versions wrote.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use less_store::{Deployment, Embedded, Hands, Reason, Subscription, Topics};
use uuid::Uuid;

const NOW: i64 = 1_800_000_000_000;

/// Its projects are `shop` and `other-shop`, each with topics `orders` and `mails`. Of `shop` the subscriber `gone`
/// is not deployed any more, `a` has failed with message 1 and refused message 2, `b` is done with message 4.
/// Message 3 is long. Message 6, of `other-shop`, was still in memory.
async fn version_1(home: &Path, hands: &Hands) -> Embedded {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/version_1.db");
    std::fs::copy(fixture, home.join("topics.db")).unwrap();
    Embedded::open(home, hands.clock()).unwrap()
}

fn deployment(project: &str) -> Deployment {
    let (project, id, version) = (project.to_owned(), Uuid::from_u128(9), "v1".to_owned());
    Deployment { project, id, version, created_at: 5, updated_at: 6 }
}

/// Payload lengths by message, of all that waits for each subscriber.
async fn waiting(store: &Embedded, project: &str, subscribers: &[&str]) -> Vec<BTreeMap<u128, usize>> {
    let subscription = |name: &&str| Subscription {
        publisher: project.into(),
        topic: "orders".into(),
        subscriber: Some(format!("topics/orders/{name}")),
        retention: Duration::from_secs(4 * 24 * 60 * 60),
    };
    let subscriptions = subscribers.iter().map(subscription).collect();
    let deployed = store.deploy(deployment(project), subscriptions, Vec::new()).await.unwrap();
    let mut waiting = Vec::new();
    for (name, id) in subscribers.iter().zip(deployed.subscribers) {
        let counts = store.waiting(project).await.unwrap();
        let count = counts.iter().find(|(identity, _)| *identity == format!("topics/orders/{name}")).unwrap().1;
        let mut messages = BTreeMap::new();
        while (messages.len() as u64) < count {
            let claimed = store.claim(id, 10).await.unwrap().into_iter();
            messages.extend(claimed.map(|delivery| (delivery.message.id.as_u128(), delivery.message.payload.len())));
        }
        waiting.push(messages);
    }
    waiting
}

#[tokio::test]
async fn a_file_of_version_1_keeps_what_is_in_it() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = version_1(home.path(), &hands).await;
    assert_eq!(store.deployments().await.unwrap(), [deployment("other-shop"), deployment("shop")]);
    let letters = store.dead_letters("shop", 9).await.unwrap();
    assert_eq!((letters.len(), &letters[0].subscriber[..], letters[0].reason), (1, "topics/orders/a", Reason::Refused));
    assert_eq!(letters[0].message.id, Uuid::from_u128(2));
    assert_eq!(letters[0].errors, [(1, NOW, "never".to_owned())]);
    hands.forward(Duration::from_secs(60));
    let found = waiting(&store, "shop", &["a", "b", "gone"]).await;
    assert_eq!(found[0], [(1, 1), (3, 5000), (4, 4), (5, 5)].into());
    assert_eq!(found[1], [(1, 1), (2, 2), (3, 5000), (5, 5)].into());
    assert_eq!(found[2], [(1, 1), (2, 2), (3, 5000), (4, 4), (5, 5)].into());
    assert_eq!(waiting(&store, "other-shop", &["a"]).await, [[(6, 6)].into()]);
}

#[tokio::test]
async fn a_file_of_version_1_keeps_the_contract() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    less_store::contract::check(&version_1(home.path(), &hands).await, &hands).await;
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    less_store::contract::check_values(&store, &store, &hands).await;
}

#[tokio::test]
async fn a_file_of_version_2_keeps_the_contract() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    drop(Embedded::open(home.path(), hands.clock()).unwrap());
    let conn = rusqlite::Connection::open(home.path().join("topics.db")).unwrap();
    conn.execute_batch("DROP TABLE connection; DROP TABLE file; PRAGMA user_version = 2;").unwrap();
    drop(conn);
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    less_store::contract::check_connections(&store, &store, &hands).await;
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    less_store::contract::check_files(&store, &store, &hands).await;
}
