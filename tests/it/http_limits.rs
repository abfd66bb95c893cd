//! Clients that send too much or too slowly (contract, sections 3 and 16).

use std::time::Duration;

use crate::harness::{Connection, Home, Request, eventually, for_a_while, http};

const LENGTH: &str = "exports.process = async (request) => ({ body: String(request.body.length) });";

fn deployed(home: &Home) -> String {
    let files = [
        ("less/apis/shop/post.js", LENGTH),
        ("less/apis/shop/get.js", "exports.process = async () => ({ body: 'here' });"),
    ];
    home.project("shop", &files).deploy().url("shop").to_owned()
}

/// The first lines of a request to `url`, its head not yet ended.
fn begun(method: &str, url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    format!("{method} /{path} HTTP/1.1\r\nhost: {host}\r\n")
}

/// Writes `piece` every `pace` until the server answers; the answer's status.
fn trickle(connection: &mut Connection, piece: &[u8], pace: Duration) -> u16 {
    eventually("an answer to a slow client", || {
        let answered = connection.has_something_to_read();
        if !answered {
            connection.try_write(piece).unwrap();
            for_a_while(pace);
        }
        answered
    });
    connection.read_answer(false).unwrap().status
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
fn a_head_that_comes_too_slowly_is_answered_with_408() {
    let home = Home::new();
    let api = deployed(&home);
    let mut connection = Connection::open(&api);
    connection.try_write(begun("GET", &api).as_bytes()).unwrap();
    assert_eq!(trickle(&mut connection, b"x-a: 1\r\n", Duration::from_millis(500)), 408);
    http::get(&api).expect(200);
}

#[test]
fn a_body_that_comes_too_slowly_is_answered_with_408() {
    let home = Home::new();
    let api = deployed(&home);
    let mut connection = Connection::open(&api);
    connection.try_write(format!("{}content-length: 100000\r\n\r\n", begun("POST", &api)).as_bytes()).unwrap();
    assert_eq!(trickle(&mut connection, b"x", Duration::from_millis(200)), 408);
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
