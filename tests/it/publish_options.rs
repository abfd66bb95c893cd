//! Delay, idempotency and ordering keys, retry-safe publishing, refusal for good (contract, section 4).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use less_tests::harness::{Home, Project, Request, eventually, http};

/// Publishes each `[message, options]` of the body to `heard`, all at once; answers with what each gave or threw.
const PUBLISH: &str = "
const { topics } = require('@chuva.io/less');
exports.process = async (request) => {
  const publish = ([message, options]) => topics.heard.publish(message, options);
  const told = (error) => ({ code: error.code, message: error.message });
  return { body: await Promise.all(JSON.parse(request.body).map((one) => publish(one).catch(told))) };
};
";
const NOTE: &str = "
const { note } = require('notes');
exports.process = async (message, { attempt, published_at }) =>
  note('heard', { message, attempt, published_at, at: Date.now() });
";

fn publish(api: &str, publishes: &Value) -> Vec<Value> {
    http::post(api, publishes.to_string()).expect(200).json().as_array().unwrap().clone()
}

/// With the URL of its API, if it has one; else that of its topics.
fn shop<'h>(home: &'h Home, files: &[(&str, &str)]) -> (Project<'h>, String) {
    let project = home.project("shop", files);
    let deployed = project.deploy();
    let has_api = files.iter().any(|(path, _)| path.starts_with("less/apis/"));
    let api = deployed.url(if has_api { "shop" } else { "topics" }).to_owned();
    (project, api)
}

#[test]
fn a_delayed_message_comes_when_its_time_has_come_also_after_a_kill_and_a_deploy() {
    let home = Home::new();
    let (project, api) = shop(&home, &[("less/apis/shop/post.js", PUBLISH), ("less/topics/heard/one/index.js", NOTE)]);
    publish(&api, &json!([["later", { "delay": 4 }], ["now", { "delay": 0 }]]));
    eventually("what is not delayed comes", || home.notes("heard").len() == 1);
    eventually("and is settled", || project.waiting() == 1);
    home.kill_server();
    home.assert_no_process_left();
    home.start_server();
    project.deploy();
    eventually("the delayed one comes", || home.notes("heard").len() == 2);
    let heard = home.notes("heard");
    assert_eq!((&heard[0]["message"], &heard[1]["message"]), (&json!("now"), &json!("later")));
    let waited = heard[1]["at"].as_u64().unwrap() - heard[1]["published_at"].as_u64().unwrap();
    assert!(waited >= 4_000, "{waited} ms");
    for (options, code) in [
        (json!({ "delay": -1 }), "bad_option"),
        (json!({ "delay": "5s" }), "bad_option"),
        (json!({ "dealy": 5 }), "bad_option"),
        (json!({ "ordering_key": "" }), "bad_option"),
    ] {
        let answers = publish(&project.url("shop"), &json!([["x", options]]));
        assert_eq!(answers[0]["code"], code, "{options}: {answers:?}");
    }
}

#[test]
fn a_hundred_publishes_with_one_idempotency_key_are_one_message() {
    let home = Home::new();
    let (project, api) = shop(&home, &[("less/apis/shop/post.js", PUBLISH), ("less/topics/heard/one/index.js", NOTE)]);
    let ten = Value::from_iter((0..10).map(|n| json!([n, { "idempotency_key": "order 7" }])));
    let clients: Vec<_> = (0..10)
        .map(|_| {
            let (api, ten) = (api.clone(), ten.clone());
            std::thread::spawn(move || publish(&api, &ten))
        })
        .collect();
    let mut ids = BTreeSet::new();
    for client in clients {
        ids.extend(client.join().unwrap().iter().map(|answer| answer["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    // From outside, the same key of the same topic is the same message, also after a kill.
    home.kill_server();
    home.start_server();
    let url = format!("{}/heard", project.url("topics"));
    let again = Request::new("POST", &url).header("Idempotency-Key", "order 7").body("1").send().expect(202).json();
    assert_eq!(again["id"].as_str(), ids.first().map(String::as_str));
    eventually("it is delivered", || !home.notes("heard").is_empty() && project.waiting() == 0);
    let messages: BTreeSet<String> = home.notes("heard").iter().map(|heard| heard["message"].to_string()).collect();
    assert_eq!(messages.len(), 1, "{messages:?}");
}

/// A handler fails in the middle of every tenth key; the others must not wait for it.
#[test]
fn ten_thousand_messages_over_a_hundred_keys_arrive_in_order_for_each_key() {
    let home = Home::new();
    let flood = "
const { topics } = require('@chuva.io/less');
exports.process = async () => {
  for (let n = 0; n < 100; n += 1) {
    await Promise.all(
      Array.from({ length: 100 }, (_, key) => topics.heard.publish({ key, n }, { ordering_key: `key ${key}` })),
    );
  }
};
";
    let subscriber = "
const { note, tick } = require('notes');
exports.process = async ({ key, n }, { attempt }) => {
  if (key % 10 === 0 && n === 50 && attempt < 3) {
    tick('failed');
    throw new Error('in between');
  }
  note('heard', [key, n]);
};
";
    let (project, api) =
        shop(&home, &[("less/apis/shop/post.js", flood), ("less/topics/heard/one/index.js", subscriber)]);
    http::post(&api, "").expect(200);
    eventually("the keys that do not fail are through", || {
        home.notes("heard").iter().filter(|heard| heard[0].as_u64().unwrap() % 10 != 0).count() >= 9_000
    });
    eventually("all is through", || project.waiting() == 0);
    assert_eq!(home.ticks("failed"), 20);
    let mut by_key: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for heard in home.notes("heard") {
        by_key.entry(heard[0].as_u64().unwrap()).or_default().push(heard[1].as_u64().unwrap());
    }
    assert_eq!(by_key.len(), 100);
    for (key, heard) in by_key {
        assert_eq!(heard, (0..100).collect::<Vec<u64>>(), "key {key}");
    }
}

/// Publishes `first`, waits to be let on, publishes `second` and throws, until the third attempt.
const TWICE_AND_THROWS: &str = "
const { topics } = require('@chuva.io/less');
const { note, until_noted } = require('notes');
exports.process = async (message, { attempt }) => {
  note('attempts', { attempt, pid: process.pid });
  await topics.heard.publish('first');
  note('first', attempt);
  await until_noted(message);
  await topics.heard.publish('second');
  if (attempt < 3) throw new Error('and throws');
};
";

fn start(project: &Project, message: &str) {
    http::post(&format!("{}/starts", project.url("topics")), json!(message).to_string()).expect(202);
}

fn heard(home: &Home) -> Vec<String> {
    let mut heard: Vec<_> =
        home.notes("heard").iter().map(|heard| heard["message"].as_str().unwrap().to_owned()).collect();
    heard.sort();
    heard
}

#[test]
fn a_handler_that_publishes_two_events_and_throws_twice_leaves_two_events() {
    let home = Home::new();
    home.give_note("go");
    let (project, _) =
        shop(&home, &[("less/topics/starts/one/index.js", TWICE_AND_THROWS), ("less/topics/heard/one/index.js", NOTE)]);
    start(&project, "go");
    eventually("the third attempt is done", || home.notes("attempts").len() == 3 && project.waiting() == 0);
    assert_eq!(heard(&home), ["first", "second"]);
}

#[test]
fn an_event_published_before_a_kill_is_not_published_again_though_it_was_long_settled() {
    let home = Home::new();
    let (project, _) =
        shop(&home, &[("less/topics/starts/one/index.js", TWICE_AND_THROWS), ("less/topics/heard/one/index.js", NOTE)]);
    start(&project, "go");
    eventually("the first event is handled", || heard(&home) == ["first"]);
    eventually("and settled", || project.waiting_for("topics/heard/one") == 0);
    // Others come and go, so that what was settled is reclaimed.
    for _ in 0..50 {
        http::post(&format!("{}/starts", project.url("topics")), "\"passing\"").expect(202);
    }
    home.give_note("passing");
    eventually("the others are through", || heard(&home).len() >= 51 && home.notes("first").len() >= 150);
    for _ in 0..2 {
        let before = home.notes("first").len();
        home.kill_server();
        home.assert_no_process_left();
        home.start_server();
        eventually("it runs again", || home.notes("first").len() > before);
    }
    home.give_note("go");
    eventually("all is done", || project.waiting() == 0);
    let (firsts, seconds): (Vec<_>, Vec<_>) = heard(&home).into_iter().partition(|heard| heard == "first");
    assert_eq!((firsts.len(), seconds.len()), (51, 51));
    let pids: BTreeSet<u64> = home.notes("attempts").iter().map(|noted| noted["pid"].as_u64().unwrap()).collect();
    assert!(pids.len() >= 3, "other processes ran it: {pids:?}");
}

/// The first attempt waits, past its deadline, for the second to begin, and publishes before that one does.
#[test]
fn a_timed_out_attempt_that_publishes_late_adds_nothing() {
    let home = Home::new();
    let slow = "
const { topics } = require('@chuva.io/less');
const { note, until_noted } = require('notes');
exports.process = async (message, { attempt }) => {
  await topics.heard.publish('first');
  if (attempt === 2) note('again', attempt);
  await until_noted(attempt === 1 ? 'again' : 'late');
  const late = await topics.heard.publish('second').then(({ id }) => id, (error) => error.code);
  note('late', { attempt, late });
};
";
    let (project, _) =
        shop(&home, &[("less/topics/starts/one/index.js", slow), ("less/topics/heard/one/index.js", NOTE)]);
    project.write("less.config", "topics: { starts: { subscribers: { one: { timeout: 2s } } } }\n");
    project.deploy();
    start(&project, "go");
    eventually("both attempts are through", || home.notes("late").len() == 2 && project.waiting() == 0);
    assert_eq!(heard(&home), ["first", "second"]);
    let late = home.notes("late");
    assert_eq!((&late[0]["attempt"], &late[1]["attempt"]), (&json!(1), &json!(2)));
    assert_eq!(late[0]["late"], late[1]["late"], "the second attempt gets the id of the first one's event");
}

#[test]
fn payloads_that_differ_are_new_events_and_routes_are_not_covered() {
    let home = Home::new();
    home.give_note("go");
    let differing = "
const { topics } = require('@chuva.io/less');
const { note } = require('notes');
exports.process = async (message, { attempt }) => {
  note('attempts', attempt);
  await topics.heard.publish(`attempt ${attempt}`);
  await topics.heard.publish('same');
  await topics.heard.publish('same');
  if (attempt < 2) throw new Error('again');
};
";
    let files = [
        ("less/topics/starts/one/index.js", differing),
        ("less/topics/heard/one/index.js", NOTE),
        ("less/apis/shop/post.js", PUBLISH),
    ];
    let (project, api) = shop(&home, &files);
    start(&project, "go");
    eventually("the second attempt is done", || home.notes("attempts").len() == 2 && project.waiting() == 0);
    assert_eq!(heard(&home), ["attempt 1", "attempt 2", "same", "same"]);
    for _ in 0..2 {
        publish(&api, &json!([["route", {}]]));
    }
    eventually("both of the route", || heard(&home).iter().filter(|heard| *heard == "route").count() == 2);
}

#[test]
fn a_refusal_for_good_is_a_dead_letter_at_once_in_both_runtimes() {
    let home = Home::new();
    let js = "
const { NonRetriableError } = require('@chuva.io/less');
exports.process = async () => { throw new NonRetriableError('no such card'); };
";
    let py = "
from less import NonRetriableError

def process(message):
    raise NonRetriableError('no such card')
";
    let (project, _) =
        shop(&home, &[("less/topics/starts/js/index.js", js), ("less/topics/starts/py/__init__.py", py)]);
    start(&project, "go");
    for handler in ["topics/starts/js", "topics/starts/py"] {
        let line = project.logged(handler, "no such card; ");
        assert!(line.contains("dead letter"), "{line}");
    }
    eventually("nothing waits", || project.waiting() == 0);
}

#[test]
fn a_subscriber_obeys_its_limits_and_its_context_tells_the_truth() {
    let home = Home::new();
    let subscriber = "
const { note, tick } = require('notes');
let running = 0;
exports.process = async (message, context) => {
  running += 1;
  note('seen', { running, now: Date.now(), ...context });
  await new Promise((resolve) => setTimeout(resolve, 30));
  running -= 1;
};
";
    let files = [("less/topics/starts/one/index.js", subscriber)];
    let project = home.project("shop", &files);
    project.write("less.config", "topics: { starts: { subscribers: { one: { concurrency: 2, timeout: 20s } } } }\n");
    project.deploy();
    let ids: BTreeSet<String> = (0..10)
        .map(|_| {
            let url = format!("{}/starts", project.url("topics"));
            http::post(&url, "1").expect(202).json()["id"].as_str().unwrap().to_owned()
        })
        .collect();
    eventually("all ran", || home.notes("seen").len() == 10);
    let seen = home.notes("seen");
    assert!(seen.iter().all(|seen| seen["running"].as_u64().unwrap() <= 2), "{seen:?}");
    let told: BTreeSet<String> = seen.iter().map(|seen| seen["message_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, ids);
    for seen in seen {
        let number = |name: &str| seen[name].as_u64().unwrap_or_else(|| panic!("{name} of {seen}"));
        assert_eq!((seen["project"].as_str(), seen["handler"].as_str()), (Some("shop"), Some("topics/starts/one")));
        assert_eq!(number("attempt"), 1);
        assert!(number("published_at") <= number("now"));
        assert!(number("deadline") > number("now") && number("deadline") <= number("now") + 20_000, "{seen}");
        assert!(seen["trace_id"].is_string() && seen["invocation_id"].is_string());
    }
}
