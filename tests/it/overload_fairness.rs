//! Who must not wait for whom when there is more to do than can be done (contract, sections 2, 3 and 16): projects for
//! one another, requests for deliveries, subscribers for slow ones.

use std::time::{Duration, Instant};

use serde_json::json;

use less_tests::harness::{Connection, Home, Request, eventually, eventually_within, for_a_while, http, processes};

use crate::load::{Load, raise_file_limit};

/// Keeps a processor busy for 5 ms.
const BUSY: &str = "
const { performance } = require('perf_hooks');
exports.busy = () => { const begun = performance.now(); while (performance.now() - begun < 5); };
";
const BUSY_ROUTE: &str = "
const { busy } = require('work');
exports.process = async () => { busy(); return { body: 'busy' }; };
";
const BUSY_SUBSCRIBER: &str = "
const { busy } = require('work');
const { tick } = require('notes');
exports.process = async () => { busy(); tick('busy'); };
";
const HELLO: &str = "exports.process = async () => ({ body: 'hello' });";
const FLOOD: &str = "
const { topics } = require('@chuva.io/less');
exports.process = async (request) => {
  const { topic, count, bytes } = JSON.parse(request.body);
  const message = 'x'.repeat(bytes);
  await Promise.all(Array.from({ length: count }, () => topics[topic].publish(message)));
  return { body: 'published' };
};
";
/// What a load is looked at for.
const WHILE: Duration = Duration::from_secs(6);

fn flood(url: &str, topic: &str, count: usize, bytes: usize) {
    http::post(url, json!({ "topic": topic, "count": count, "bytes": bytes }).to_string()).expect(200);
}

/// Medians of some requests, one after the other.
fn median(url: &str) -> Duration {
    let mut connection = Connection::open(url);
    let request = Request::new("GET", url);
    let mut took: Vec<_> = (0..41)
        .map(|_| {
            let begun = Instant::now();
            connection.send(&request).expect(200);
            begun.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[took.len() / 2]
}

#[test]
fn what_is_accepted_keeps_its_latency_when_four_times_as_much_is_offered() {
    raise_file_limit();
    let home = Home::new();
    let files = [("less/shared/work/index.js", BUSY), ("less/apis/shop/get.js", BUSY_ROUTE)];
    let url = home.project("shop", &files).deploy().url("shop").to_owned();
    let request = Request::new("GET", &url);
    let seen = |clients: usize| {
        let load = Load::start(clients, &request);
        for_a_while(WHILE);
        load.stop()
    };
    let (full, beyond) = (seen(64), seen(256));
    let (at_capacity, accepted) = (full.percentile(95), beyond.percentile(95));
    assert!(accepted < at_capacity * 8, "{accepted:?} at most, {at_capacity:?} before");
    assert!(
        beyond.served.len() * 3 > full.served.len() * 2,
        "{} served, before {}",
        beyond.served.len(),
        full.served.len()
    );
}

#[test]
fn a_project_that_is_flooded_with_requests_slows_no_other_down() {
    raise_file_limit();
    let home = Home::new();
    let files = [("less/shared/work/index.js", BUSY), ("less/apis/shop/get.js", BUSY_ROUTE)];
    let busy = home.project("busy", &files).deploy().url("shop").to_owned();
    let calm = home.project("calm", &[("less/apis/shop/get.js", HELLO)]).deploy().url("shop").to_owned();
    let load = Load::start(1_500, &Request::new("GET", &busy));
    let its_own = Load::start(4, &Request::new("GET", &busy));
    for_a_while(WHILE);
    let others = median(&calm);
    let (refused, own) = (load.stop().refused, its_own.stop());
    assert!(refused > 100, "{refused} were refused");
    assert!(others * 4 < own.percentile(50), "{others:?}, and {:?} in the flooded project", own.percentile(50));
}

#[test]
fn a_request_does_not_wait_for_all_deliveries_of_its_project() {
    let home = Home::new();
    let files = [
        ("less/shared/work/index.js", BUSY),
        ("less/apis/shop/get.js", HELLO),
        ("less/apis/flood/post.js", FLOOD),
        ("less/topics/sold/busy/index.js", BUSY_SUBSCRIBER),
    ];
    let deployed = home.project("shop", &files).deploy();
    flood(deployed.url("flood"), "sold", 3_000, 10);
    eventually("the deliveries run", || home.ticks("busy") > 100);
    let (before, begun) = (home.ticks("busy"), Instant::now());
    let request = median(deployed.url("shop"));
    let runs = u32::try_from(home.ticks("busy") - before).unwrap();
    assert!(runs > 10 && home.ticks("busy") < 3_000, "deliveries ran meanwhile: {runs}");
    // 64 run or wait at once.
    let all = begun.elapsed() / runs * 64;
    assert!(request * 2 < all, "{request:?}, and {all:?} for the deliveries");
}

#[test]
fn a_slow_subscriber_slows_none_beside_it_and_its_backlog_takes_no_memory() {
    let home = Home::new();
    let slow = "exports.process = () => new Promise((resolve) => setTimeout(resolve, 1000));";
    let quick = "const { tick } = require('notes'); exports.process = async () => tick('quick');";
    let files = [
        ("less/apis/flood/post.js", FLOOD),
        ("less/topics/sold/slow/index.js", slow),
        ("less/topics/sold/quick/index.js", quick),
        ("less/topics/other/slow/index.js", slow),
    ];
    let project = home.project("shop", &files);
    let url = project.deploy().url("flood").to_owned();
    flood(&url, "sold", 100, 10);
    let before = processes::peak_resident_mib(home.server_pid());
    // Small ones, and a few hundred MB of long ones.
    for _ in 0..20 {
        flood(&url, "sold", 1_000, 100);
    }
    for _ in 0..60 {
        flood(&url, "other", 20, 200_000);
    }
    for _ in 0..40 {
        flood(&url, "sold", 20, 200_000);
    }
    let bound = Duration::from_secs(300);
    eventually_within(bound, "its neighbour has all", || home.ticks("quick") == 20_900);
    let waiting = project.waiting_for("topics/sold/slow");
    assert!(waiting > 10_000, "{waiting} wait for the slow one");
    let peak = processes::peak_resident_mib(home.server_pid());
    assert!(peak < before + 180, "the server has held {peak} MiB, {before} MiB before");
}

#[test]
fn uploads_of_one_project_leave_room_to_others() {
    let home = Home::new();
    let length = "exports.process = async (request) => ({ body: String(request.body.length) });";
    let full = home.project("full", &[("less/apis/shop/post.js", length)]).deploy().url("shop").to_owned();
    let other = home.project("other", &[("less/apis/shop/post.js", length)]).deploy().url("shop").to_owned();
    let (host, path) = full.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let begun = format!("POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n\r\n", 6 << 20);
    // They come, but for their last byte.
    let uploads: Vec<_> = (0..22)
        .map(|_| {
            let mut connection = Connection::open(&full);
            connection.try_write(begun.as_bytes()).unwrap();
            connection.try_write(&vec![b'x'; (6 << 20) - 1]).unwrap();
            connection
        })
        .collect();
    let is_refused = || http::post(&full, vec![b'x'; 6 << 20]).status == 503;
    eventually("its room is full", is_refused);
    assert_eq!(http::post(&other, vec![b'x'; 6 << 20]).expect(200).text(), (6 << 20).to_string());
    drop(uploads);
    eventually("there is room again", || !is_refused());
}
