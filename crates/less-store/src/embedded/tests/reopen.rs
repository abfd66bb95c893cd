//! What a publish or a tick left behind is there after a crash, and takes no space once it has served.

use std::time::Duration;

use uuid::Uuid;

use super::{DAY, NOW, deploy, message};
use crate::embedded::Embedded;
use crate::{
    Cron, Delivery, Deployment, Error, Hands, Message, Origin, Publish, Reason, Subscription, Tick, Ticked, Topics,
    Verdict,
};

fn origin(delivery: &Delivery) -> Option<Origin> {
    Some(Origin { subscriber: delivery.subscriber, seq: delivery.seq, hash: [7; 16], nth: 0 })
}

async fn rows(store: &Embedded, table: &'static str) -> i64 {
    store.waiting("shop").await.unwrap(); // after what is settled
    let count = move |conn: &rusqlite::Connection| {
        conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
    };
    store.reader.ask(count).await.unwrap()
}

#[tokio::test]
async fn what_an_attempt_published_is_known_after_a_crash() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let open = || Embedded::open(home.path(), hands.clock()).unwrap();
    let publish = |number, origin| Publish { origin, ..message(&hands, number, b"1").into() };
    let store = open();
    let ids = deploy(&store, &["a", "b"]).await;
    store.publish(publish(1, None)).await.unwrap();
    let first = store.claim(ids[0], 1).await.unwrap().remove(0);
    let made = store.publish(publish(2, origin(&first))).await.unwrap();
    // It is delivered to all and settled, and its space is given back.
    for id in [ids[0], ids[1], ids[1]] {
        store.claim(id, 1).await.unwrap().into_iter().for_each(|delivery| store.settle(delivery, Verdict::Done));
    }
    assert_eq!((rows(&store, "recent").await, rows(&store, "origin").await), (1, 1));
    store.crash();
    for attempt in 1..3 {
        let store = open();
        deploy(&store, &["a", "b"]).await;
        let again = store.claim(ids[0], 9).await.unwrap().remove(0);
        assert_eq!((again.seq, again.attempt), (first.seq, attempt));
        assert_eq!(store.publish(publish(3, origin(&again))).await.unwrap(), made);
        let late = origin(&again);
        store.settle(again, Verdict::Again { after: Duration::ZERO, error: "no".into() });
        assert_eq!(store.publish(publish(4, late)).await.unwrap(), made);
        store.close().await;
    }
    let store = open();
    deploy(&store, &["a", "b"]).await;
    let last = store.claim(ids[0], 9).await.unwrap().remove(0);
    let late = origin(&last);
    store.settle(last, Verdict::Done);
    assert!(matches!(store.publish(publish(5, late)).await, Err(Error::Settled)));
    assert_eq!((rows(&store, "origin").await, rows(&store, "message").await), (0, 0));
}

#[tokio::test]
async fn an_origin_is_forgotten_whichever_way_its_delivery_ends() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let bury = || Verdict::Bury { reason: Reason::Refused, error: "no".into() };
    let again = || Verdict::Again { after: Duration::ZERO, error: "no".into() };
    let ends = [vec![Verdict::Done], vec![bury()], vec![again(), Verdict::Done], vec![Verdict::AgainAlone, bury()]];
    for (end, number) in ends.into_iter().zip((0..).step_by(2)) {
        let ids = deploy(&store, &["a"]).await;
        store.publish(message(&hands, number, b"1").into()).await.unwrap();
        deploy(&store, &[]).await; // nobody gets what it publishes
        let publish =
            |delivery: &Delivery| Publish { origin: origin(delivery), ..message(&hands, number + 1, b"1").into() };
        for verdict in end {
            deploy(&store, &["a"]).await;
            let delivery = store.claim(ids[0], 1).await.unwrap().remove(0);
            deploy(&store, &[]).await;
            store.publish(publish(&delivery)).await.unwrap();
            assert_eq!(rows(&store, "origin").await, 1);
            store.settle(delivery, verdict);
        }
        assert_eq!(rows(&store, "origin").await, 0);
    }
}

#[tokio::test]
async fn a_key_is_known_after_a_crash_and_forgotten_after_a_day() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let publish =
        |number| Publish { idempotency_key: Some("k".into()), ..Publish::from(message(&hands, number, b"1")) };
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    let made = store.publish(publish(1)).await.unwrap();
    store.crash();
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    assert_eq!(store.publish(publish(2)).await.unwrap(), made);
    assert_eq!(store.claim(ids[0], 9).await.unwrap().len(), 1);
    hands.forward(DAY);
    while rows(&store, "idempotency").await > 0 {
        hands.forward(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn a_mark_and_its_message_survive_a_crash() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    let (project, cron) = ("shop".to_owned(), "crons/daily".to_owned());
    let (id, version) = (Uuid::nil(), "1".to_owned());
    let deployment = Deployment { project: project.clone(), id, version, created_at: 0, updated_at: 0 };
    let (publisher, subscriber) = (project.clone(), Some(cron.clone()));
    let subscription = Subscription { publisher, topic: cron.clone(), subscriber, retention: DAY };
    let crons = vec![Cron { name: cron.clone(), schedule: "0 9 * * ? *".into() }];
    let ids = store.deploy(deployment, vec![subscription], crons).await.unwrap().subscribers;
    let tick = |at| {
        let message = Message { topic: "crons/daily".into(), ..message(&hands, 1, b"1") };
        Tick { project: project.clone(), cron: cron.clone(), at, message }
    };
    assert_eq!(store.tick(tick(10)).await.unwrap(), Ticked::Published);
    store.crash();
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    assert_eq!(store.tick(tick(10)).await.unwrap(), Ticked::Already);
    assert_eq!(store.tick(tick(20)).await.unwrap(), Ticked::StillRuns);
    assert_eq!(store.claim(ids[0], 9).await.unwrap().len(), 1);
}

/// A file system of 48 MiB; it goes with this.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where this user may not mount.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=48m,mode=700", "less-store"])
            .arg(folder.path())
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    fn ballast(&self) -> std::path::PathBuf {
        self.0.path().join("ballast")
    }

    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.ballast()).unwrap();
        for piece in [1 << 20, 1 << 12] {
            while std::io::Write::write_all(&mut ballast, &vec![1; piece]).is_ok() {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg("-l").arg(self.0.path()).status().ok();
    }
}

#[tokio::test]
async fn a_store_on_a_full_disk_opens_with_what_was_put_by() {
    let Some(disk) = SmallDisk::new() else { return eprintln!("not played: this user may not mount") };
    let (home, hands) = (disk.0.path().join("home"), Hands::at(NOW));
    let open = || Embedded::open(&home, hands.clock()).unwrap();
    for crashes in [true, false] {
        let store = open();
        deploy(&store, &["a"]).await;
        let published = 500;
        for number in 0..published {
            store.publish(message(&hands, number, &[b'1'; 2_000]).into()).await.unwrap();
        }
        disk.fill();
        if crashes {
            store.crash();
        } else {
            store.close().await;
            disk.fill();
        }
        drop(store);
        let store = open();
        let ids = deploy(&store, &["a"]).await;
        let mut settled = 0;
        while settled < published {
            for delivery in store.claim(ids[0], 100).await.unwrap() {
                store.settle(delivery, Verdict::Done);
                settled += 1;
            }
        }
        assert_eq!(store.waiting("shop").await.unwrap()[0].1, 0);
        std::fs::remove_file(disk.ballast()).unwrap();
        hands.forward(Duration::from_secs(1));
        let reserve = || std::fs::metadata(home.join("reserve")).unwrap().len();
        while reserve() < 16 << 20 {
            // It is taken anew when nothing else is to do, some time after a commit.
            store.publish(message(&hands, 1_000, b"1").into()).await.unwrap();
            store.claim(ids[0], 1).await.unwrap().into_iter().for_each(|one| store.settle(one, Verdict::Done));
            tokio::time::sleep(Duration::from_millis(1_100)).await;
        }
        store.close().await;
    }
}

#[tokio::test]
async fn a_store_whose_own_log_fills_the_disk_makes_room_for_what_else_a_start_writes() {
    let Some(disk) = SmallDisk::new() else { return eprintln!("not played: this user may not mount") };
    let (home, hands) = (disk.0.path().join("home"), Hands::at(NOW));
    let store = Embedded::open(&home, hands.clock()).unwrap();
    let ids = deploy(&store, &["a"]).await;
    let log = || std::fs::metadata(home.join("topics.db-wal")).unwrap().len();
    let mut longest = 0;
    // Until what is in the log is in its place, and the log begins anew in the room that it has.
    for number in 0.. {
        store.publish(message(&hands, number, &[b'1'; 200_000]).into()).await.unwrap();
        store.claim(ids[0], 1).await.unwrap().into_iter().for_each(|one| store.settle(one, Verdict::Done));
        if number > 20 && log() == longest {
            break;
        }
        longest = log();
    }
    store.crash();
    drop(store);
    disk.fill();
    let store = Embedded::open(&home, hands.clock()).unwrap();
    std::fs::write(disk.0.path().join("other"), vec![1; 512 << 10]).unwrap();
    store.publish(message(&hands, 1_000, b"1").into()).await.unwrap();
    store.close().await;
}
