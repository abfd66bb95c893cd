use std::time::Duration;

use less_store::{Embedded, Topics, Verdict};
use tokio::task::JoinSet;

use crate::given::{clock, message, subscribers};

#[tokio::test]
async fn the_file_shrinks_once_what_waited_is_settled() {
    const COUNT: usize = 100_000;
    let home = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(Embedded::open(home.path(), clock()).unwrap());
    let ids = subscribers(&*store, &["a"]).await;
    let mut publishers = JoinSet::new();
    for publisher in 0..256 {
        let store = store.clone();
        publishers.spawn(async move {
            for number in (publisher..COUNT).step_by(256) {
                store.publish(message(number as u128, 200).into()).await.unwrap();
            }
        });
    }
    publishers.join_all().await;
    let size = || std::fs::metadata(home.path().join("topics.db")).unwrap().len();
    let wal = || std::fs::metadata(home.path().join("topics.db-wal")).unwrap().len();
    // Before the first is settled: pages are given back from then on.
    let full = size() + wal();
    assert!(full > 20_000_000, "{full} bytes are less than what was published");
    let mut settled = 0;
    while settled < COUNT {
        for delivery in store.claim(ids[0], 1000).await.unwrap() {
            store.settle(delivery, Verdict::Done);
            settled += 1;
        }
    }
    assert_eq!(store.waiting("shop").await.unwrap()[0].1, 0);
    // The file system tells no one when a file shrinks: look again until it did.
    while size() > full / 20 || wal() > full / 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
