//! The generated topics API: `POST <base>/topics/<name>` (contract, section 4).

use serde_json::{Value, json};

use less_tests::harness::{Home, Request, eventually, http};

const NOTE: &str = "
const { note } = require('notes');
exports.process = async (message) => note('heard', message);
";

fn deployed(home: &Home) -> String {
    home.project("shop", &[("less/topics/heard/one/index.js", NOTE)]).deploy().url("topics").to_owned()
}

#[test]
fn a_json_body_is_published_and_answered_with_202_and_its_id() {
    let home = Home::new();
    let topics = deployed(&home);
    let answer = http::post(&format!("{topics}/heard"), r#"{"item":"pizza","n":[1,null]}"#).expect(202);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(answer.json()["id"].is_string());
    eventually("it is delivered", || home.notes("heard") == [json!({ "item": "pizza", "n": [1, null] })]);
}

#[test]
fn a_client_that_adds_the_kind_once_more_to_the_printed_address_is_heard() {
    let home = Home::new();
    let project = home.project(
        "shop",
        &[
            ("less/topics/heard/one/index.js", NOTE),
            ("less/functions/double/index.js", "exports.process = (n) => 2 * n;"),
        ],
    );
    let deployed = project.deploy();
    http::post(&format!("{}/topics/heard", deployed.url("topics")), "1").expect(202);
    eventually("it is delivered", || home.notes("heard") == [json!(1)]);
    assert_eq!(http::post(&format!("{}/functions/double", deployed.url("functions")), "21").expect(200).text(), "42");
    http::post(&format!("{}/topics/topics/heard", deployed.url("topics")), "1").expect(404);
}

#[test]
fn an_unknown_topic_is_answered_with_404() {
    let home = Home::new();
    let topics = deployed(&home);
    let answer = http::post(&format!("{topics}/nobody"), "1").expect(404);
    assert_eq!(answer.json()["error"], "Topic not found");
}

#[test]
fn what_is_no_json_is_answered_with_400_and_not_published() {
    let home = Home::new();
    let topics = deployed(&home);
    for body in ["", "{", "{} x", "'single'", "[1,]", "\u{feff}1", "NaN"] {
        let answer = http::post(&format!("{topics}/heard"), body);
        assert_eq!(answer.status, 400, "{body:?}");
    }
    let invalid_utf8 = http::post(&format!("{topics}/heard"), [b'"', 0xff, b'"']);
    assert_eq!(invalid_utf8.status, 400);
    http::post(&format!("{topics}/heard"), "\"last\"").expect(202);
    eventually("the valid one arrives", || !home.notes("heard").is_empty());
    assert_eq!(home.notes("heard"), [json!("last")]);
}

#[test]
fn a_message_of_256_kib_is_taken_and_one_byte_more_is_answered_with_413() {
    let home = Home::new();
    let topics = deployed(&home);
    let message = |bytes: usize| Value::from("x".repeat(bytes - 2)).to_string();
    http::post(&format!("{topics}/heard"), message(256 * 1024)).expect(202);
    http::post(&format!("{topics}/heard"), message(256 * 1024 + 1)).expect_error(413);
    http::post(&format!("{topics}/heard"), vec![b' '; 20_000_000]).expect_error(413);
    eventually("the largest arrives", || home.notes("heard").len() == 1);
}

#[test]
fn only_post_publishes() {
    let home = Home::new();
    let topics = deployed(&home);
    for method in ["GET", "PUT", "DELETE"] {
        let answer = Request::new(method, &format!("{topics}/heard")).send();
        assert_eq!((answer.status, answer.header("allow").is_some()), (405, true), "{method}");
    }
}

#[test]
fn a_foreign_origin_is_refused() {
    let home = Home::new();
    let topics = deployed(&home);
    let request = Request::new("POST", &format!("{topics}/heard")).header("origin", "https://elsewhere.example");
    request.body("1").send().expect(403);
    let rebound = Request::new("POST", &format!("{topics}/heard")).header("host", "rebound.example");
    rebound.body("1").send().expect(421);
    http::post(&format!("{topics}/heard"), "\"last\"").expect(202);
    eventually("the last one arrives", || !home.notes("heard").is_empty());
    assert_eq!(home.notes("heard"), [json!("last")]);
}
