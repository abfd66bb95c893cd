//! Of a connection that was open when the power went there is a record, or its end was told: never both, never neither.

use uuid::Uuid;

use super::{NOW, deploy, message};
use crate::embedded::Embedded;
use crate::{Connection, Connections, Hands, Topics, Verdict};

fn connection(id: u128) -> Connection {
    Connection { project: "shop".into(), topic: "orders".into(), id: Uuid::from_u128(id) }
}

#[tokio::test]
async fn what_was_open_at_a_crash_is_on_record_and_ends_once() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let open = || Embedded::open(home.path(), hands.clock()).unwrap();
    let store = open();
    deploy(&store, &["a"]).await;
    store.open(connection(1)).await.unwrap();
    store.open(connection(2)).await.unwrap();
    assert!(store.end(connection(2), Some(message(&hands, 2, b"2"))).await.unwrap());
    store.crash();
    let store = open();
    let ids = deploy(&store, &["a"]).await;
    assert_eq!(store.open_ones("shop").await.unwrap(), [connection(1)]);
    assert!(store.end(connection(1), Some(message(&hands, 1, b"1"))).await.unwrap());
    store.crash();
    let store = open();
    deploy(&store, &["a"]).await;
    assert_eq!(store.open_ones("shop").await.unwrap(), []);
    assert!(!store.end(connection(1), Some(message(&hands, 3, b"3"))).await.unwrap());
    let mut told = Vec::new();
    while told.len() < 2 {
        for delivery in store.claim(ids[0], 9).await.unwrap() {
            told.push(delivery.message.id.as_u128());
            store.settle(delivery, Verdict::Done);
        }
    }
    told.sort_unstable();
    assert_eq!(told, [1, 2]);
    assert_eq!(store.waiting("shop").await.unwrap(), [("a".to_owned(), 0)]);
}
