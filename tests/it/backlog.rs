//! A backlog of a million messages lives on the disk: little memory, a quick restart, and the space comes back.
//!
//! `LESS_BACKLOG` sets another number of messages.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Connection, Home, Project, Request, eventually_within, processes};

const MEMORY_MIB: u64 = 300;
const RESTART: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(900);
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
    fill(&project, messages);
    eventually_within(DRAIN, "the backlog has built up", || built_up(&home));
    assert_eq!(project.waiting(), messages);
    assert_memory_stayed_small(&home);
    let peak = stored(&home);

    home.stop_server();
    let begun = Instant::now();
    home.start_server();
    assert!(begun.elapsed() < RESTART, "the restart took {:?}", begun.elapsed());
    assert_eq!(project.waiting(), messages);

    project.write("less/topics/parcels/door/index.js", TAKE);
    project.write("less.config", "topics: {}\n");
    project.deploy();
    eventually_within(DRAIN, "the backlog drains", || home.ticks("taken") >= messages && project.waiting() == 0);
    assert_eq!(home.ticks("taken"), messages, "each is taken once");
    assert_memory_stayed_small(&home);
    eventually_within(DRAIN, "the disk space comes back", || stored(&home) < peak / 4);
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

/// Since the server's start, not only now.
fn assert_memory_stayed_small(home: &Home) {
    let peak = processes::peak_resident_mib(home.server_pid());
    assert!(peak < MEMORY_MIB, "the server has held {peak} MiB");
}

/// Bytes of the store's files.
fn stored(home: &Home) -> u64 {
    let entries = fs::read_dir(home.less_home().join("server")).unwrap();
    let files = entries.map(Result::unwrap).filter(|entry| entry.file_name().to_string_lossy().starts_with("less.db"));
    files.map(|entry| entry.metadata().map_or(0, |metadata| metadata.len())).sum()
}

#[test]
fn a_million_messages_wait_for_a_paused_subscriber() {
    backlog(messages(), TAKE, "concurrency: 0", |_| true);
}

#[test]
fn a_hundred_thousand_messages_wait_for_a_subscriber_that_fails() {
    let messages = messages() / 10;
    let policy = "retry: { first: 12h, longest: 12h }";
    backlog(messages, REFUSE, policy, |home| home.ticks("refused") == messages);
}
