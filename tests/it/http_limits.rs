//! Clients that send too much or too slowly (contract, sections 3 and 16).

use std::time::Duration;

use less_tests::harness::{Answer, Connection, Home, Request, eventually, for_a_while, http};

const LENGTH: &str = "exports.process = async (request) => ({ body: String(request.body.length) });";

fn deployed(home: &Home) -> String {
    let files = [
        ("less/apis/shop/post.js", LENGTH),
        ("less/topics/sold/one/index.js", "exports.process = async () => {};"),
        ("less/apis/shop/get.js", "exports.process = async () => ({ body: 'here' });"),
    ];
    home.project("shop", &files).deploy().url("shop").to_owned()
}

/// The first lines of a request to `url`, its head not yet ended.
fn begun(method: &str, url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    format!("{method} /{path} HTTP/1.1\r\nhost: {host}\r\n")
}

/// Requests that are answered without their body, and how.
fn answered_early(api: &str) -> [(&'static str, String, u16); 5] {
    let project = api.split_once("/apis").unwrap().0;
    [
        ("POST", format!("{api}/nowhere"), 404),
        ("PUT", api.to_owned(), 405),
        ("POST", format!("{project}/topics/nobody"), 404),
        ("PUT", format!("{project}/topics/sold"), 405),
        ("POST", project.replace("/shop", "/nobody/apis/shop"), 404),
    ]
}

/// Writes `piece` every `pace` until the server answers; the answer.
fn trickle(connection: &mut Connection, piece: &[u8], pace: Duration) -> Answer {
    eventually("an answer to a slow client", || {
        let answered = connection.has_something_to_read();
        if !answered {
            connection.try_write(piece).unwrap();
            for_a_while(pace);
        }
        answered
    });
    connection.read_answer(false).unwrap()
}

#[test]
fn a_body_of_20_mb_is_answered_with_413_that_the_client_sees() {
    let home = Home::new();
    let api = deployed(&home);
    http::post(&api, vec![b'x'; 20_000_000]).expect_error(413);
    assert_eq!(http::post(&api, vec![b'x'; 6 << 20]).expect(200).text(), (6 << 20).to_string());
    http::post(&api, vec![b'x'; (6 << 20) + 1]).expect_error(413);
}

#[test]
fn a_body_whose_length_is_not_told_is_cut_off_too() {
    let home = Home::new();
    let api = deployed(&home);
    let mut connection = Connection::open(&api);
    connection.try_write(format!("{}transfer-encoding: chunked\r\n\r\n", begun("POST", &api)).as_bytes()).unwrap();
    let chunk = [format!("{:x}\r\n", 1 << 20).into_bytes(), vec![b'x'; 1 << 20], b"\r\n".to_vec()].concat();
    for _ in 0..10 {
        connection.try_write(&chunk).unwrap();
    }
    connection.try_write(b"0\r\n\r\n").unwrap();
    connection.read_answer(false).unwrap().expect_error(413);
}

#[test]
fn the_answer_413_does_not_wait_for_the_body() {
    let home = Home::new();
    let api = deployed(&home);
    let mut connection = Connection::open(&api);
    connection.try_write(format!("{}content-length: 20000000\r\n\r\n", begun("POST", &api)).as_bytes()).unwrap();
    connection.read_answer(false).unwrap().expect_error(413);
}

#[test]
fn what_is_answered_early_is_seen_by_a_client_that_still_sends() {
    let home = Home::new();
    for (method, url, status) in answered_early(&deployed(&home)) {
        Request::new(method, &url).body(vec![b'x'; 20_000_000]).send().expect_error(status);
    }
}

#[test]
fn what_goes_nowhere_is_answered_before_its_body_comes() {
    let home = Home::new();
    for (method, url, status) in answered_early(&deployed(&home)) {
        let mut connection = Connection::open(&url);
        connection.try_write(format!("{}content-length: 200000\r\n\r\n", begun(method, &url)).as_bytes()).unwrap();
        connection.read_answer(false).unwrap().expect_error(status);
    }
}

#[test]
fn a_connection_outlives_an_early_answer_to_a_small_body() {
    let home = Home::new();
    let api = deployed(&home);
    let mut connection = Connection::open(&api);
    for (method, url, status) in answered_early(&api) {
        let answer = connection.send(&Request::new(method, &url).body(vec![b'x'; 1_000]));
        assert_eq!(answer.status, status, "{method} {url}");
    }
    // The body of the first comes after its answer, with the next request behind it.
    let nowhere = format!("{api}/nowhere");
    connection.try_write(format!("{}content-length: 3\r\n\r\n", begun("POST", &nowhere)).as_bytes()).unwrap();
    connection.read_answer(false).unwrap().expect_error(404);
    connection.try_write(format!("xyz{}\r\n", begun("GET", &api)).as_bytes()).unwrap();
    assert_eq!(connection.read_answer(false).unwrap().expect(200).text(), "here");
}

#[test]
fn requests_may_follow_each_other_without_waiting_for_answers() {
    let home = Home::new();
    let api = deployed(&home);
    let mut connection = Connection::open(&api);
    let post = |url: &str| format!("{}content-length: 3\r\n\r\nabc", begun("POST", url));
    let all = [post(&api), post(&format!("{api}/nowhere")), post(&api), format!("{}\r\n", begun("GET", &api))];
    connection.try_write(all.concat().as_bytes()).unwrap();
    for status in [200, 404, 200, 200] {
        assert_eq!(connection.read_answer(false).unwrap().status, status);
    }
}

#[test]
fn an_announced_body_that_does_not_come_takes_no_room_from_others() {
    let home = Home::new();
    let api = deployed(&home);
    // Together they announce more than the room for all bodies.
    let slow: Vec<_> = (0..300)
        .map(|_| {
            let mut connection = Connection::open(&api);
            let begun = format!("{}content-length: {}\r\n\r\nx", begun("POST", &api), 1 << 20);
            connection.try_write(begun.as_bytes()).unwrap();
            connection
        })
        .collect();
    assert_eq!(http::post(&api, vec![b'x'; 1 << 20]).expect(200).text(), (1 << 20).to_string());
    drop(slow);
}

#[test]
fn a_head_that_comes_too_slowly_is_answered_with_408() {
    let home = Home::new();
    let api = deployed(&home);
    let mut connection = Connection::open(&api);
    connection.try_write(begun("GET", &api).as_bytes()).unwrap();
    trickle(&mut connection, b"x-a: 1\r\n", Duration::from_millis(500)).expect_error(408);
    http::get(&api).expect(200);
}

#[test]
fn a_body_that_comes_too_slowly_is_answered_with_408() {
    let home = Home::new();
    let api = deployed(&home);
    let mut connection = Connection::open(&api);
    connection.try_write(format!("{}content-length: 100000\r\n\r\n", begun("POST", &api)).as_bytes()).unwrap();
    trickle(&mut connection, b"x", Duration::from_millis(200)).expect_error(408);
}

#[test]
fn slow_clients_do_not_keep_others_out() {
    let home = Home::new();
    let api = deployed(&home);
    let slow: Vec<_> = (0..200)
        .map(|_| {
            let mut connection = Connection::open(&api);
            connection.try_write(b"GET / HTT").unwrap();
            connection
        })
        .collect();
    http::get(&api).expect(200);
    drop(slow);
}

#[test]
fn a_connection_serves_many_requests() {
    let home = Home::new();
    let api = deployed(&home);
    let mut connection = Connection::open(&api);
    for length in [0, 1, 100_000] {
        let request = Request::new("POST", &api).body(vec![b'y'; length]);
        assert_eq!(connection.send(&request).expect(200).text(), length.to_string());
    }
    assert_eq!(connection.send(&Request::new("GET", &api)).expect(200).text(), "here");
}

#[test]
fn what_is_not_http_is_refused() {
    let home = Home::new();
    let api = deployed(&home);
    let mut connection = Connection::open(&api);
    connection.try_write(b"\x16\x03\x01 hello\r\n\r\n").unwrap();
    match connection.read_answer(false) {
        Ok(answer) => assert_eq!(answer.status, 400),
        Err(_) => assert!(connection.is_closed()),
    }
    http::get(&api).expect(200);
}
