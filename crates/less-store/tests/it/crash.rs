//! A child process, this very executable, publishes and says what was acknowledged; then it is killed. What
//! other tests need of that is `pub(crate)`.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use less_store::{Embedded, Error, Publish, SubscriberId, Topics, Verdict};
use tokio::task::JoinSet;

use crate::given::{clock, message, subscribers};

pub(crate) const HOME: &str = "LESS_STORE_TEST_HOME";
pub(crate) const FIRST: &str = "LESS_STORE_TEST_FIRST";

/// Publishes from several tasks until it is killed, or until the store says no.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of other tests"]
async fn child_that_publishes() {
    let Ok(home) = std::env::var(HOME) else { return };
    let first: u128 = std::env::var(FIRST).unwrap().parse().unwrap();
    let store = std::sync::Arc::new(Embedded::open(Path::new(&home), clock()).unwrap());
    subscribers(&*store, &["a", "b"]).await;
    let mut publishers = JoinSet::new();
    for publisher in 0..16 {
        let store = store.clone();
        publishers.spawn(async move {
            for number in (first + publisher..).step_by(16) {
                match store.publish(publish(number, number)).await {
                    Ok(_) => say(&format!("stored {number}")),
                    Err(error) => return say(&format!("refused {}", kind(&error))),
                }
            }
        });
    }
    publishers.join_all().await;
    let after = store.publish(message(first, 1).into()).await.expect_err("the store said no before");
    say(&format!("afterwards {}", kind(&after)));
    store.failed().await;
    say("failed by itself");
}

/// The first publisher's have ordering keys, the second one's idempotency keys.
fn publish(id: u128, number: u128) -> Publish {
    let mut publish = Publish::from(message(id, if number.is_multiple_of(5) { 5000 } else { 50 }));
    publish.message.ordering_key = number.is_multiple_of(16).then(|| format!("{}", number / 16 % 64).into());
    publish.idempotency_key = (number % 16 == 1).then(|| number.to_string());
    publish
}

pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // In one write, on a line of its own whatever the test harness printed before.
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Full => "full",
        Error::Closed => "closed",
        Error::Failed(_) => "failed",
        Error::InUse(_) | Error::UnknownTopic { .. } | Error::Settled => "otherwise",
    }
}

const PUBLISHES: &str = "crash::child_that_publishes";

/// The child that is this test. `limit`: what the shell does before it becomes the child.
pub(crate) fn child(test: &str, home: &Path, first: u128, limit: &str) -> Child {
    Command::new("sh")
        .args(["-c", &format!(r#"{limit} exec "$0" --ignored --exact "$1" --nocapture"#)])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(HOME, home)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn stored(line: &str) -> Option<u128> {
    line.strip_prefix("stored ").map(|number| number.parse().unwrap())
}

/// Kills the child once it has said so much that `hear` understands, and hears it to the end.
pub(crate) fn kill_after<T>(mut child: Child, count: usize, hear: impl Fn(&str) -> Option<T>) -> Vec<T> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut heard: Vec<T> = lines.by_ref().filter_map(|line| hear(&line)).take(count).collect();
    child.kill().unwrap();
    heard.extend(lines.filter_map(|line| hear(&line)));
    child.wait().unwrap();
    heard
}

/// Everything that waits for a subscriber; of each ordering key in the order of publishing.
async fn everything(store: &Embedded, subscriber: SubscriberId, name: &str) -> HashSet<u128> {
    let waiting = store.waiting("shop").await.unwrap();
    let count = waiting.iter().find(|(of, _)| of == name).unwrap().1;
    let (mut seen, mut last) = (HashSet::new(), HashMap::new());
    while (seen.len() as u64) < count {
        for delivery in store.claim(subscriber, 1000).await.unwrap() {
            let number = delivery.message.id.as_u128();
            assert!(seen.insert(number), "one delivery came twice");
            if let Some(key) = delivery.message.ordering_key.clone() {
                let before = last.insert(key, number);
                assert!(before < Some(number), "{before:?} came before {number}");
            }
            store.settle(delivery, Verdict::Done);
        }
    }
    seen
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let home = tempfile::tempdir().unwrap();
    let mut acknowledged = HashSet::new();
    for round in 0..12 {
        let child = child(PUBLISHES, home.path(), round * 1_000_000, "");
        acknowledged.extend(kill_after(child, 50 * (1 + round as usize % 4), stored));
    }
    let store = Embedded::open(home.path(), clock()).unwrap();
    let ids = subscribers(&store, &["a", "b"]).await;
    for number in acknowledged.iter().copied().filter(|number| number % 16 == 1) {
        let again = store.publish(publish(u128::MAX, number)).await.unwrap();
        assert_eq!(again.as_u128(), number, "it was forgotten what the key made");
    }
    for (id, name) in ids.into_iter().zip(["a", "b"]) {
        let found = everything(&store, id, name).await;
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "{} acknowledged messages are lost: {lost:?}", lost.len());
    }
}

#[tokio::test]
async fn a_torn_wal_loses_no_more_than_its_tail() {
    let home = tempfile::tempdir().unwrap();
    kill_after(child(PUBLISHES, home.path(), 0, ""), 400, stored);
    let wal = home.path().join("topics.db-wal");
    let whole = std::fs::read(&wal).unwrap();
    let (mut before, mut shorter) = (usize::MAX, 0);
    for tenths in (0..=10).rev() {
        let torn = tempfile::tempdir().unwrap();
        for file in ["topics.db", "topics.db-wal"] {
            std::fs::copy(home.path().join(file), torn.path().join(file)).unwrap();
        }
        // Not at a frame's end, and with rubbish behind it, as a disk may leave it.
        let cut = (whole.len() * tenths / 10).saturating_sub(1234);
        let mut tail = whole[..cut].to_vec();
        tail.extend_from_slice(&[0xA5; 700]);
        std::fs::write(torn.path().join("topics.db-wal"), tail).unwrap();
        let store = Embedded::open(torn.path(), clock()).unwrap();
        let ids = subscribers(&store, &["a", "b"]).await;
        let (a, b) = (everything(&store, ids[0], "a").await, everything(&store, ids[1], "b").await);
        assert_eq!(a, b, "a message is there for all its subscribers or for none");
        assert!(a.len() <= before, "a shorter WAL has more in it");
        shorter += usize::from(a.len() < before);
        before = a.len();
        store.publish(message(u128::MAX, 10).into()).await.expect("the store goes on from there");
    }
    assert!(shorter > 3, "cutting the WAL changed next to nothing");
}

/// No file may grow beyond a limit, which the system reports as an I/O error.
#[tokio::test]
async fn after_an_io_error_nothing_more_is_promised() {
    let home = tempfile::tempdir().unwrap();
    let mut child = child(PUBLISHES, home.path(), 0, "trap '' XFSZ; ulimit -f 1500;");
    let lines: Vec<_> = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).collect();
    child.wait().unwrap();
    let acknowledged: HashSet<u128> = lines.iter().filter_map(|line| stored(line)).collect();
    assert!(!acknowledged.is_empty());
    assert!(lines.iter().any(|line| line == "refused failed"), "a publisher heard of the error");
    assert!(lines.iter().any(|line| line == "afterwards closed"), "and the store was closed after it");
    assert!(lines.iter().any(|line| line == "failed by itself"), "and whoever watches the store heard of it");
    let store = Embedded::open(home.path(), clock()).unwrap();
    let ids = subscribers(&store, &["a", "b"]).await;
    let found = everything(&store, ids[0], "a").await;
    assert!(acknowledged.is_subset(&found));
}
