use less_store::{Config, Embedded, Error, Topics, Verdict};

use crate::given::{clock, message, subscribers};

#[tokio::test]
async fn a_home_in_use_is_refused_with_the_process_that_has_it() {
    let home = tempfile::tempdir().unwrap();
    let config = Config::Embedded { home: home.path().to_owned() };
    let first = less_store::open(&config, clock()).unwrap();
    let Err(Error::InUse(who)) = less_store::open(&config, clock()) else { panic!("it was opened twice") };
    assert_eq!(who, format!("{} (process {})", home.path().display(), std::process::id()));
    first.topics.close().await;
    less_store::open(&config, clock()).expect("it is free once closed");
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let home = tempfile::tempdir().unwrap();
    drop(Embedded::open(home.path(), clock()).unwrap());
    let conn = rusqlite::Connection::open(home.path().join("topics.db")).unwrap();
    conn.pragma_update(None, "user_version", 4).unwrap();
    drop(conn);
    let Err(Error::Failed(why)) = Embedded::open(home.path(), clock()) else { panic!("it was opened") };
    assert!(why.to_string().contains("newer version of Less"), "{why}");
}

#[tokio::test]
async fn a_damaged_file_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("topics.db");
    Embedded::open(home.path(), clock()).unwrap().close().await;
    let whole = std::fs::read(&file).unwrap();
    // The last: in front of it may be pages that were something else before.
    let schema = whole.windows(12).rposition(|bytes| bytes == b"CREATE TABLE").unwrap();
    for place in [0, schema] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let Err(Error::Failed(why)) = Embedded::open(home.path(), clock()) else { panic!("it was opened") };
        let why = why.to_string();
        assert!(why.starts_with("the store's file topics.db is damaged (") && why.contains("restore it"), "{why}");
    }
}

#[tokio::test]
async fn nothing_is_redelivered_after_a_clean_stop() {
    let home = tempfile::tempdir().unwrap();
    let store = Embedded::open(home.path(), clock()).unwrap();
    let ids = subscribers(&store, &["a", "b"]).await;
    for number in 0..100 {
        store.publish(message(number, if number % 2 == 0 { 10 } else { 3000 }).into()).await.unwrap();
    }
    for id in &ids {
        for _ in 0..100 {
            let delivery = store.claim(*id, 1).await.unwrap().remove(0);
            store.settle(delivery, Verdict::Done);
        }
    }
    store.close().await;
    drop(store);
    let store = Embedded::open(home.path(), clock()).unwrap();
    let none = [("a".to_owned(), 0), ("b".to_owned(), 0)];
    assert_eq!(store.waiting("shop").await.unwrap(), none);
    store.close().await;
    let conn = rusqlite::Connection::open(home.path().join("topics.db")).unwrap();
    for table in ["recent", "message", "body", "delivery", "attempt_error", "ordered", "origin"] {
        let rows: i64 = conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}
