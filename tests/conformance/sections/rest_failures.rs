//! Section 3: what a client is told when something goes wrong; and the limits of requests and responses.

use std::time::Duration;

use less_tests::harness::{Answer, Connection, Request, eventually, for_a_while, http};

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(a_handler_that_throws_is_a_502_and_its_stack_is_in_the_log_only, ["3.23", "3.24", "16.07"],
        "crates/less-server/src/triggers/http/failure.rs":
            "#[error(\"Internal Server Error\")]\n    HandlerFailed,"
            => "#[error(\"it failed\")]\n    HandlerFailed,"),
    case!(a_handler_that_takes_too_long_is_a_504, ["2.50", "3.25", "13.08"],
        "crates/less-server/src/triggers/http/failure.rs":
            "Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT"
            => "Self::TimedOut => (StatusCode::BAD_GATEWAY"),
    case!(overload_is_a_503_with_retry_after, ["3.26"],
        "crates/less-server/src/limits.rs":
            "REQUESTS_AT_ONCE: usize = 1_024"
            => "REQUESTS_AT_ONCE: usize = 100_024"),
    case!(a_body_that_is_too_large_is_a_413_before_it_came, ["3.27"],
        "crates/less-server/src/limits.rs":
            "BODY_BYTES: usize = 6 << 20"
            => "BODY_BYTES: usize = 30 << 20"),
    case!(ordinary_clients_see_the_413, ["3.28", "16.01"],
        "crates/less-server/src/limits.rs":
            "DISCARD_BYTES: usize = 64 << 20"
            => "DISCARD_BYTES: usize = 1 << 10"),
    case!(a_slow_head_is_a_408, ["3.29"],
        "crates/less-server/src/limits.rs":
            "HEAD_TIME: Duration = Duration::from_secs(10)"
            => "HEAD_TIME: Duration = Duration::from_secs(100)"),
    case!(a_slow_body_is_a_408, ["3.30"],
        "crates/less-server/src/limits.rs":
            "BODY_BYTES_PER_SECOND: u64 = 1 << 10"
            => "BODY_BYTES_PER_SECOND: u64 = 1"),
    case!(a_response_that_is_too_large_has_an_error_of_its_own, ["3.31"],
        "crates/less-server/src/triggers/http/failure.rs":
            "\"response_too_large\""
            => "\"too_large\""),
];

fn a_handler_that_throws_is_a_502_and_its_stack_is_in_the_log_only(scene: &Scene) {
    let body = http::get(&format!("{}/throws", scene.url("rest"))).expect_error(502);
    assert_eq!(body["error"], "Internal Server Error");
    assert!(!body.to_string().contains("secret"), "{body}");
    let project = scene.project();
    project.logged("apis/rest/throws/get", "TypeError: a secret");
    // Its place in the file that its author wrote.
    project.logged("apis/rest/throws/get", scene.language.pick("get.js:2", "get.ts:2", "get.py\", line 2"));
}

fn a_handler_that_takes_too_long_is_a_504(scene: &Scene) {
    http::get(&format!("{}/never", scene.url("slow"))).expect_error(504);
}

fn overload_is_a_503_with_retry_after(scene: &Scene) {
    let stage = scene.stage();
    stage.project().write("less.config", "apis: { slow: { timeout: 20s } }\n");
    let deployed = stage.project().deploy();
    let url = format!("{}/never", deployed.url("slow"));
    let ask = || {
        let mut connection = Connection::open(&url);
        let target = url.splitn(4, '/').last().unwrap();
        connection.try_write(format!("GET /{target} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).unwrap();
        connection
    };
    let mut asked: Vec<Connection> = (0..1_024).map(|_| ask()).collect();
    // Who is not refused waits for 20 s; a busy machine refuses some of the first ones already.
    let mut refused = None;
    eventually("a request is refused", || {
        asked.push(ask());
        for_a_while(Duration::from_millis(300));
        let mut answered = asked.iter_mut().filter(|connection| connection.has_something_to_read());
        refused = answered.find_map(|connection| connection.read_answer(false).ok().filter(|one| one.status == 503));
        refused.is_some()
    });
    let refused: Answer = refused.unwrap();
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    refused.expect_error(503);
}

fn a_body_that_is_too_large_is_a_413_before_it_came(scene: &Scene) {
    let url = format!("{}/echo", scene.url("rest"));
    let mut connection = Connection::open(&url);
    let target = url.splitn(4, '/').last().unwrap();
    let head = format!("POST /{target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20000000\r\n\r\n");
    connection.try_write(head.as_bytes()).unwrap();
    connection.read_answer(false).unwrap().expect_error(413);
}

fn ordinary_clients_see_the_413(scene: &Scene) {
    let url = format!("{}/echo", scene.url("rest"));
    // An ordinary client sends all that it has before it looks for an answer.
    let mut connection = Connection::open(&url);
    let head = "POST /rest/apis/rest/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20000000\r\n\r\n";
    connection.try_write(head.as_bytes()).unwrap();
    connection.try_write(&vec![b'x'; 20_000_000]).expect("all of the body is taken");
    connection.read_answer(false).unwrap().expect_error(413);
    http::post(&url, vec![b'x'; (6 << 20) + 1]).expect_error(413);
    // A text of 3 MiB comes back whole; the limit itself is for the body alone.
    let told = http::post(&url, vec![b'x'; 3 << 20]).expect(200).json();
    assert_eq!(told["body"].as_str().map(str::len), Some(3 << 20));
}

/// Sends `piece` again and again until the server answers.
fn trickle(url: &str, head: &str, piece: &[u8], pace: Duration) -> Answer {
    let mut connection = Connection::open(url);
    connection.try_write(head.as_bytes()).unwrap();
    eventually("a slow client is answered", || {
        let answered = connection.has_something_to_read();
        if !answered {
            connection.try_write(piece).unwrap();
            for_a_while(pace);
        }
        answered
    });
    connection.read_answer(false).unwrap()
}

fn a_slow_head_is_a_408(scene: &Scene) {
    let head = "GET /rest/apis/rest HTTP/1.1\r\nhost: localhost\r\n";
    trickle(&scene.url("rest"), head, b"x-a: 1\r\n", Duration::from_millis(500)).expect_error(408);
}

fn a_slow_body_is_a_408(scene: &Scene) {
    let head = "POST /rest/apis/rest/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n";
    trickle(&scene.url("rest"), head, b"x", Duration::from_millis(200)).expect_error(408);
}

fn a_response_that_is_too_large_has_an_error_of_its_own(scene: &Scene) {
    let sized = |bytes: u32| Request::new("GET", &format!("{}/sized?bytes={bytes}", scene.url("rest"))).send();
    assert_eq!(sized(20_000_000).expect_error(502)["code"], "response_too_large");
    assert_eq!(sized((6 << 20) + 1).expect_error(502)["code"], "response_too_large");
    assert_eq!(sized(6 << 20).expect(200).body.len(), 6 << 20);
}
