//! A backlog of a million messages lives on the disk: little memory, a quick restart, and the space comes back.
//!
//! `LESS_BACKLOG` sets another number of messages.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use less_tests::harness::{Connection, Home, Project, Request, eventually, eventually_within, processes};

const MEMORY_MIB: u64 = 300;
const RESTART: Duration = Duration::from_secs(10);
const BOUND: Duration = Duration::from_secs(900);
/// Messages of one request.
const BATCH: u64 = 1_000;

const FILL: &str = "
const { topics } = require('@chuva.io/less');
exports.process = async (request) => {
  const { from, count } = JSON.parse(request.body);
  const numbers = Array.from({ length: count }, (_, index) => from + index);
  await Promise.all(numbers.map((n) => topics.parcels.publish({ n, address: 'a street with a rather long name 7' })));
};
";
const TAKE: &str = "
const { tick } = require('notes');
exports.process = async () => tick('taken');
";
const REFUSE: &str = "
const { tick } = require('notes');
exports.process = async () => { tick('refused'); throw new Error('closed'); };
";

fn messages() -> u64 {
    let given = std::env::var("LESS_BACKLOG").ok();
    given.map_or(1_000_000, |text| text.parse().expect("LESS_BACKLOG is a number"))
}

/// Deploys a subscriber that does not take its messages, publishes them, and sees them through to the end.
fn backlog(messages: u64, subscriber: &str, policy: &str, built_up: impl Fn(&Home) -> bool) {
    let home = Home::new();
    let config = format!("topics: {{ parcels: {{ subscribers: {{ door: {{ {policy} }} }} }} }}\n");
    let files = [
        ("less/apis/depot/post.js", FILL),
        ("less/topics/parcels/door/index.js", subscriber),
        ("less.config", config.as_str()),
    ];
    let project = home.project("depot", &files);
    project.deploy();
    timed(&home, "publishing", || {
        fill(&project, messages);
        eventually_within(BOUND, "the backlog has built up", || built_up(&home));
    });
    assert_eq!(project.waiting(), messages);
    let peak = stored(&home);
    assert!(peak > messages * 100, "{peak} bytes hold no backlog");

    home.stop_server();
    let restart = timed(&home, "restarting", || home.start_server());
    assert!(restart < RESTART, "the restart took {restart:?}");
    assert_eq!(project.waiting(), messages);

    project.write("less/topics/parcels/door/index.js", TAKE);
    project.write("less.config", "topics: {}\n");
    project.deploy();
    timed(&home, "draining", || eventually_within(BOUND, "the backlog drains", || home.ticks("taken") >= messages));
    eventually("nothing waits", || project.waiting() == 0);
    assert_eq!(home.ticks("taken"), messages, "each is taken once");
    timed(&home, "giving the disk back", || {
        eventually_within(BOUND, "the disk space comes back", || stored(&home) < peak / 4);
    });
}

/// Tells how long a part of the test took, and checks that the server has stayed small since its start.
fn timed(home: &Home, part: &str, work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    let (took, memory) = (begun.elapsed(), processes::peak_resident_mib(home.server_pid()));
    eprintln!("{part}: {took:.1?}, {memory} MiB at most, {} MiB on disk", stored(home) >> 20);
    assert!(memory < MEMORY_MIB, "the server has held {memory} MiB");
    took
}

/// Several clients, many messages a request.
fn fill(project: &Project, messages: u64) {
    let url = project.url("depot");
    let next = Arc::new(AtomicU64::new(0));
    let clients = (0..4).map(|_| {
        let (url, next) = (url.clone(), Arc::clone(&next));
        thread::spawn(move || {
            let mut connection = Connection::open(&url);
            loop {
                let from = next.fetch_add(BATCH, Ordering::Relaxed);
                if from >= messages {
                    break;
                }
                let body = json!({ "from": from, "count": BATCH.min(messages - from) }).to_string();
                connection.send(&Request::new("POST", &url).body(body)).expect(200);
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
}

/// Bytes of the store's files.
fn stored(home: &Home) -> u64 {
    let entries = fs::read_dir(home.less_home().join("server")).unwrap();
    let files =
        entries.map(Result::unwrap).filter(|entry| entry.file_name().to_string_lossy().starts_with("topics.db"));
    files.map(|entry| entry.metadata().map_or(0, |metadata| metadata.len())).sum()
}

#[test]
fn a_million_messages_wait_for_a_paused_subscriber() {
    backlog(messages(), TAKE, "concurrency: 0", |_| true);
}

#[test]
fn a_hundred_thousand_messages_wait_for_a_subscriber_that_fails() {
    let messages = messages() / 10;
    let policy = "retry: { first: 1h, longest: 1h }";
    backlog(messages, REFUSE, policy, |home| home.ticks("refused") == messages);
}
