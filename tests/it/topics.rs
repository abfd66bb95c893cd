//! Publishing and delivering (contract, section 4), retries apart.

use serde_json::{Value, json};

use less_tests::harness::{Home, Project, eventually, eventually_some, http};

/// Publishes `request.body` as it stands to `heard`, and answers with what publish gave or threw.
const PUBLISH: &str = "
const { topics } = require('@chuva.io/less');
exports.process = async (request, response) => {
  try {
    response.body = await topics.heard.publish(JSON.parse(request.body));
  } catch (error) {
    response.statusCode = 400;
    response.body = { message: error.message, code: error.code ?? null };
  }
  return response;
};
";
const NOTE: &str = "
const { note } = require('notes');
exports.process = async (message) => note('heard', message);
";

/// Deploys `publish` (a route) and the subscriber `heard/one`.
fn deployed<'h>(home: &'h Home, publish: &str, subscriber: &str) -> (Project<'h>, String) {
    let files = [("less/apis/shop/post.js", publish), ("less/topics/heard/one/index.js", subscriber)];
    let project = home.project("shop", &files);
    let api = project.deploy().url("shop").to_owned();
    (project, api)
}

#[test]
fn any_json_value_is_delivered_as_it_was_published() {
    let home = Home::new();
    let (_project, api) = deployed(&home, PUBLISH, NOTE);
    let values = [json!(0), json!(false), json!(""), Value::Null, json!([1, { "a": "é\u{1F355}" }]), json!({})];
    for value in &values {
        let answer = http::post(&api, value.to_string()).expect(200).json();
        assert!(answer["id"].is_string(), "{answer}");
    }
    let mut heard = Vec::new();
    eventually("every value arrives", || {
        heard = home.notes("heard");
        heard.len() >= values.len()
    });
    assert!(values.iter().all(|value| heard.contains(value)), "{heard:?}");
}

#[test]
fn a_topic_without_subscribers_deploys_with_a_warning_and_takes_messages() {
    let home = Home::new();
    let project = home.project("shop", &[("less/apis/shop/post.js", PUBLISH), ("less/topics/heard/", "")]);
    let deployed = project.deploy();
    assert!(deployed.ran.stderr.contains("less/topics/heard"), "{}", deployed.ran.stderr);
    let id = http::post(deployed.url("shop"), "1").expect(200).json()["id"].clone();
    assert!(id.is_string());
}

#[test]
fn a_message_of_256_kib_is_taken_and_one_byte_more_is_an_error_that_says_so() {
    let home = Home::new();
    let publish = "
const { topics } = require('@chuva.io/less');
exports.process = async (request, response) => {
  const text = 'x'.repeat(Number(request.body) - 2);
  try {
    response.body = await topics.heard.publish(text);
  } catch (error) {
    response.statusCode = 400;
    response.body = { message: error.message, code: error.code ?? null };
  }
  return response;
};
";
    let measure = "
const { note } = require('notes');
exports.process = async (message) => note('heard', JSON.stringify(message).length);
";
    let (project, api) = deployed(&home, publish, measure);
    let refused = http::post(&api, "262145").expect(400).json();
    assert!(refused["message"].as_str().unwrap().contains("262,144 bytes"), "{refused}");
    assert_eq!(refused["code"], "message_too_large");
    http::post(&api, "262144").expect(200);
    eventually("the largest message arrives", || !home.notes("heard").is_empty());
    eventually("nothing waits", || project.waiting() == 0);
    assert_eq!(home.notes("heard"), [json!(262_144)]);
}

#[test]
fn a_misspelt_topic_fails_at_once_and_names_the_existing_ones() {
    let home = Home::new();
    let publish = "
const { topics } = require('@chuva.io/less');
exports.process = async (request, response) => {
  try {
    await topics.haerd.publish(1);
  } catch (error) {
    response.body = error.message;
  }
  return response;
};
";
    let files = [
        ("less/apis/shop/post.js", publish),
        ("less/topics/heard/one/index.js", NOTE),
        ("less/topics/a-b/one/index.js", NOTE),
    ];
    let message = http::post(home.project("shop", &files).deploy().url("shop"), "").expect(200).text();
    assert!(["haerd", "heard", "a-b"].iter().all(|name| message.contains(name)), "{message}");
}

#[test]
fn a_topic_with_a_hyphen_has_two_spellings() {
    let home = Home::new();
    let publish = "
const { topics } = require('@chuva.io/less');
exports.process = async () => {
  await topics['a-b'].publish('hyphen');
  await topics.a_b.publish('underscore');
};
";
    let files = [("less/apis/shop/post.js", publish), ("less/topics/a-b/one/index.js", NOTE)];
    http::post(home.project("shop", &files).deploy().url("shop"), "").expect(200);
    eventually("both arrive", || home.notes("heard").len() == 2);
}

#[test]
fn a_forgotten_await_loses_nothing() {
    let home = Home::new();
    let publish = "
const { topics } = require('@chuva.io/less');
exports.process = async () => { for (let n = 0; n < 50; n += 1) topics.heard.publish(n); };
";
    let (_project, api) = deployed(&home, publish, NOTE);
    http::post(&api, "").expect(200);
    eventually("all fifty arrive", || home.notes("heard").len() == 50);
}

#[test]
fn a_publish_that_failed_unawaited_fails_the_invocation() {
    let home = Home::new();
    let publish = "
const { topics } = require('@chuva.io/less');
exports.process = async () => { topics.heard.publish('x'.repeat(300000)); };
";
    let (project, api) = deployed(&home, publish, NOTE);
    http::post(&api, "").expect_error(502);
    project.logged("apis/shop/post", "262,144 bytes");
    http::post(&api, "").expect_error(502);
}

#[test]
fn a_call_after_the_end_of_its_invocation_is_refused() {
    let home = Home::new();
    let publish = "
const { topics } = require('@chuva.io/less');
const { note } = require('notes');
exports.process = async () => {
  const late = () => topics.heard.publish(1).then(() => note('late', 'taken'), (error) => note('late', error.message));
  setTimeout(late, 200);
};
";
    let (_project, api) = deployed(&home, publish, NOTE);
    http::post(&api, "").expect(200);
    let late = eventually_some("the outcome of the late publish", || home.notes("late").pop());
    assert!(late.as_str().unwrap().contains("invocation ended"), "{late}");
}

#[test]
fn subscribers_are_told_the_context_of_their_delivery() {
    let home = Home::new();
    let subscriber = "
const { note } = require('notes');
exports.process = async (message, context) => note('context', { ...context, now: Date.now() });
";
    let (_project, api) = deployed(&home, PUBLISH, subscriber);
    let id = http::post(&api, "1").expect(200).json()["id"].clone();
    let context = eventually_some("a context", || home.notes("context").pop());
    assert_eq!((&context["project"], &context["handler"]), (&json!("shop"), &json!("topics/heard/one")));
    assert_eq!((&context["message_id"], &context["attempt"]), (&id, &json!(1)));
    assert!(context["invocation_id"].is_string() && context["trace_id"].is_string(), "{context}");
    let time = |name: &str| context[name].as_i64().unwrap_or_else(|| panic!("{name} of {context} is no time"));
    assert!(time("published_at") <= time("now") && time("now") < time("deadline"), "{context}");
    assert!(time("deadline") - time("now") > 14 * 60 * 1000, "subscribers have 15 minutes: {context}");
}

#[test]
fn no_more_deliveries_run_at_once_than_the_subscriber_allows() {
    let home = Home::new();
    let subscriber = "
const { note } = require('notes');
exports.process = async (n) => {
  note('span', 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  note('span', -1);
};
";
    let publish = "
const { topics } = require('@chuva.io/less');
exports.process = async () => { for (let n = 0; n < 40; n += 1) topics.heard.publish(n); };
";
    let config = "topics: { heard: { subscribers: { one: { concurrency: 3 } } } }\n";
    let files =
        [("less/apis/shop/post.js", publish), ("less/topics/heard/one/index.js", subscriber), ("less.config", config)];
    http::post(home.project("shop", &files).deploy().url("shop"), "").expect(200);
    eventually("forty deliveries have run", || home.notes("span").len() == 80);
    let running = home.notes("span").into_iter().scan(0, |running, step| {
        *running += step.as_i64().unwrap();
        Some(*running)
    });
    assert_eq!(running.max(), Some(3));
}

#[test]
fn a_new_subscriber_gets_what_is_published_after_its_deployment() {
    let home = Home::new();
    let (project, api) = deployed(&home, PUBLISH, NOTE);
    http::post(&api, "\"before\"").expect(200);
    eventually("the old subscriber has it", || home.notes("heard").len() == 1);
    project.write("less/topics/heard/two/index.js", &NOTE.replace("'heard'", "'heard_by_two'"));
    project.deploy();
    http::post(&api, "\"after\"").expect(200);
    eventually("both have the new one", || home.notes("heard").len() == 2 && !home.notes("heard_by_two").is_empty());
    assert_eq!(home.notes("heard_by_two"), [json!("after")]);
}
