//! A home as a crash leaves it: a database, a log of commits that are not in it yet, and a row in every table.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use ::bytes::Bytes;
use less_store::{
    Change, Config, Cron, Delivery, Deployment, FilePath, Hands, Keep, Message, Operation, Origin, Publish, Reason,
    Store, Subscription, Tick, Timestamp, Verdict,
};
use uuid::Uuid;

use crate::scratch;

pub(crate) const NOW: Timestamp = 1_800_000_000_000;
pub(crate) const DATABASE: &str = "topics.db";
pub(crate) const WAL: &str = "topics.db-wal";
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Of the log: a random number in every one, so that no page of another is taken for its own.
const SALT: [u8; 8] = *b"saltsalt";

pub(crate) struct Template {
    pub(crate) database: Vec<u8>,
    pub(crate) wal: Vec<u8>,
}

impl Template {
    /// The same in every process, as far as the order of commits is.
    pub(crate) fn get() -> &'static Self {
        static TEMPLATE: OnceLock<Template> = OnceLock::new();
        TEMPLATE.get_or_init(|| scratch::runtime().block_on(make()))
    }

    pub(crate) fn write(&self, home: &Path) {
        write(home, &self.database, &self.wal);
    }
}

pub(crate) fn write(home: &Path, database: &[u8], wal: &[u8]) {
    fs::write(home.join(DATABASE), database).expect("a file");
    fs::write(home.join(WAL), wal).expect("a file");
}

async fn make() -> Template {
    let home = scratch::folder();
    let hands = Hands::at(NOW);
    let open = || less_store::open(&Config::Embedded { home: home.path().into() }, hands.clock()).expect("a new home");
    let store = open();
    fill(&store).await;
    store.topics.close().await;
    let store = open();
    fill_again(&store).await;
    let database = fs::read(home.path().join(DATABASE)).expect("the database");
    let mut wal = fs::read(home.path().join(WAL)).expect("its log");
    store.topics.close().await;
    wal[16..24].copy_from_slice(&SALT);
    mend(&mut wal);
    Template { database, wal }
}

async fn fill(store: &Store) {
    let ids = deploy(store, "shop").await;
    deploy(store, "chat").await;
    for number in 1..4 {
        publish(store, message(number, b"1")).await;
    }
    publish(store, message(4, &[b'1'; 5_000])).await;
    for number in 5..8 {
        publish(store, Message { ordering_key: Some("key".into()), ..message(number, b"\"in order\"") }).await;
    }
    publish(store, Message { delayed_until: Some(NOW + 60_000), ..message(8, b"\"later\"") }).await;
    store.topics.publish(Publish { idempotency_key: Some("once".into()), ..message(9, b"9").into() }).await.ok();
    let mut claimed = store.topics.claim(ids[0], 4).await.expect("deliveries").into_iter();
    let mut settle = |verdict| store.topics.settle(claimed.next().expect("a delivery"), verdict);
    settle(Verdict::Again { after: Duration::from_secs(1), error: "no".into() });
    settle(Verdict::Bury { reason: Reason::Refused, error: "never".into() });
    settle(Verdict::AgainAlone);
    let from = claimed.next().expect("a delivery");
    store.topics.publish(Publish { origin: Some(origin(&from)), ..message(10, b"10").into() }).await.ok();
    for (number, key) in ["a", "b", "c"].into_iter().enumerate() {
        let expires_at = (number > 0).then_some(NOW + number as i64);
        change(store, key, Operation::Set { json: Bytes::from_static(b"1"), expires_at, if_version: None }).await;
    }
    let mut upload = store.files.begin("shop").await.expect("an upload");
    upload.write(vec![Bytes::from_static(b"bytes")]).await.ok();
    let path = FilePath::parse("a/b.txt").expect("a path");
    upload.keep(Keep { path, content_type: "text/plain".into(), trace: Uuid::nil() }).await.ok();
}

async fn fill_again(store: &Store) {
    let ids = deploy(store, "shop").await;
    for number in 20..24 {
        publish(store, message(number, b"{\"young\":true}")).await;
    }
    let mut claimed = store.topics.claim(ids[1], 2).await.expect("deliveries").into_iter();
    store.topics.settle(claimed.next().expect("a delivery"), Verdict::Done);
    store.topics.tick(tick(NOW)).await.ok();
    change(store, "d", Operation::Increment { by: 1.5 }).await;
    change(store, "b", Operation::Delete).await;
    store.topics.waiting("shop").await.ok();
}

pub(crate) async fn publish(store: &Store, message: Message) -> bool {
    store.topics.publish(message.into()).await.is_ok()
}

pub(crate) async fn change(store: &Store, key: &str, operation: Operation) -> bool {
    let change = Change { project: "shop".into(), key: key.into(), operation, trace: Uuid::nil(), cause: None };
    store.values.change(change).await.is_ok()
}

pub(crate) fn message(number: u128, payload: &[u8]) -> Message {
    Message {
        id: Uuid::from_u128(number),
        project: "shop".into(),
        topic: "orders".into(),
        payload: Bytes::copy_from_slice(payload),
        trace: Uuid::from_u128(number),
        cause: None,
        published_at: NOW,
        delayed_until: None,
        ordering_key: None,
    }
}

pub(crate) fn origin(delivery: &Delivery) -> Origin {
    Origin { subscriber: delivery.subscriber, seq: delivery.seq, hash: [7; 16], nth: 0 }
}

pub(crate) fn tick(at: Timestamp) -> Tick {
    let message = Message { topic: "crons/daily".into(), ..message(30, b"null") };
    Tick { project: "shop".into(), cron: "crons/daily".into(), at, message }
}

pub(crate) fn deployment(project: &str) -> (Deployment, Vec<Subscription>, Vec<Cron>) {
    let record = Deployment {
        project: project.into(),
        id: Uuid::from_u128(1),
        version: "1".into(),
        created_at: NOW,
        updated_at: NOW,
    };
    let topics = ["orders", "kvs_created", "kvs_updated", "kvs_deleted", "nobody", "crons/daily"];
    let subscription = |topic: &str, subscriber: Option<&str>| Subscription {
        publisher: "shop".into(),
        topic: topic.into(),
        subscriber: subscriber.map(str::to_owned),
        retention: 4 * DAY,
    };
    let mut subscriptions = vec![subscription("orders", Some("topics/orders/a"))];
    subscriptions.extend(topics.map(|topic| subscription(topic, (topic != "nobody").then_some(topic))));
    let crons = vec![Cron { name: "crons/daily".into(), schedule: "0 9 * * ? *".into() }];
    (record, subscriptions, crons)
}

async fn deploy(store: &Store, project: &str) -> Vec<less_store::SubscriberId> {
    let (deployment, subscriptions, crons) = deployment(project);
    store.topics.deploy(deployment, subscriptions, crons).await.expect("a deployment").subscribers
}

/// Writes the checksums that `SQLite` expects into the log: each frame's goes on from the one before.
pub(crate) fn mend(wal: &mut [u8]) {
    const HEAD: usize = 32;
    const FRAME_HEAD: usize = 24;
    if wal.len() < HEAD {
        return;
    }
    let is_big_endian = wal[3] & 1 == 1;
    let page = u32::from_be_bytes([wal[8], wal[9], wal[10], wal[11]]) as usize;
    let salt: [u8; 8] = wal[16..24].try_into().expect("eight bytes");
    let mut sum = checksum((0, 0), &wal[..24], is_big_endian);
    put(&mut wal[24..32], sum);
    if !(512..=65_536).contains(&page) {
        return;
    }
    for frame in wal[HEAD..].chunks_exact_mut(FRAME_HEAD + page) {
        frame[8..16].copy_from_slice(&salt);
        sum = checksum(checksum(sum, &frame[..8], is_big_endian), &frame[FRAME_HEAD..], is_big_endian);
        put(&mut frame[16..24], sum);
    }
}

fn put(place: &mut [u8], (first, second): (u32, u32)) {
    place[..4].copy_from_slice(&first.to_be_bytes());
    place[4..].copy_from_slice(&second.to_be_bytes());
}

fn checksum(start: (u32, u32), bytes: &[u8], is_big_endian: bool) -> (u32, u32) {
    let word = |bytes: [u8; 4]| if is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    bytes.as_chunks::<8>().0.iter().fold(start, |(first, second), [a, b, c, d, e, f, g, h]| {
        let first = first.wrapping_add(word([*a, *b, *c, *d])).wrapping_add(second);
        (first, second.wrapping_add(word([*e, *f, *g, *h])).wrapping_add(first))
    })
}
