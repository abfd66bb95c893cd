//! Requests whose end is a matter of opinion: none may hide a second one (request smuggling).

use less_tests::harness::{Connection, Home};

use super::authority;

const LENGTH: &str = "exports.process = async (request) => ({ body: `length ${request.body.length}` });";
const HIDDEN: &str = "const { note } = require('notes'); exports.process = async () => note('hidden', 1);";

/// What comes of a request, and of what follows on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// A status, and the next request is answered as such.
    Open(u16),
    /// A status, and nothing after it is read.
    Closed(u16),
}

struct Shop {
    url: String,
}

impl Shop {
    fn deployed(home: &Home) -> Self {
        let files = [("less/apis/shop/post.js", LENGTH), ("less/apis/shop/hidden/get.js", HIDDEN)];
        Self { url: home.project("shop", &files).deploy().url("shop").to_owned() }
    }

    /// Sends a head (below the request line and the host), a body, and a further request in the same write.
    fn sends(&self, head: &str, body: &str) -> Then {
        let mut connection = Connection::open(&self.url);
        let (host, path) = self.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let hidden = format!("GET /{path}/hidden HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let sent = format!("POST /{path} HTTP/1.1\r\nhost: {host}\r\n{head}\r\n{body}{hidden}");
        // It may have closed before all of it is written.
        connection.try_write(sent.as_bytes()).ok();
        let status = connection.read_answer(false).unwrap_or_else(|error| panic!("{head:?}: {error}")).status;
        match connection.read_answer(false) {
            Ok(answer) => {
                assert_eq!(answer.status, 200, "{head:?}: the next request is another than was sent");
                Then::Open(status)
            }
            Err(_) => Then::Closed(status),
        }
    }
}

#[test]
fn a_request_ends_where_everybody_says_it_does_or_is_the_last_on_its_connection() {
    let home = Home::new();
    let shop = Shop::deployed(&home);
    let chunked = "transfer-encoding: chunked\r\n";
    for (head, body, then) in [
        ("content-length: 3\r\n", "abc", Then::Open(200)),
        (chunked, "3\r\nabc\r\n0\r\n\r\n", Then::Open(200)),
        (chunked, "3;name=value\r\nabc\r\n0\r\nx-trailer: 1\r\n\r\n", Then::Open(200)),
        // The same said twice is not in doubt.
        ("content-length: 3\r\ncontent-length: 3\r\n", "abc", Then::Open(200)),
        // Both: the coding counts, and what follows is not trusted.
        ("content-length: 4\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n", Then::Closed(200)),
        ("transfer-encoding: chunked\r\ncontent-length: 4\r\n", "0\r\n\r\n", Then::Closed(200)),
    ] {
        assert_eq!(shop.sends(head, body), then, "{head:?}");
    }
    let hidden = home.notes("hidden").len();
    assert_eq!(hidden, 4, "what was sent after a request that is in doubt is not run");
    for (head, body) in [
        ("content-length: 3\r\ncontent-length: 4\r\n", "abcd"),
        ("content-length: 3, 3\r\n", "abc"),
        ("content-length: +3\r\n", "abc"),
        ("content-length: -3\r\n", "abc"),
        ("content-length: 0x3\r\n", "abc"),
        ("content-length: \r\n", "abc"),
        ("content-length: 99999999999999999999\r\n", "abc"),
        ("content-length : 3\r\n", "abc"),
        ("content-length: 3\r\n 0\r\n", "abc"),
        ("x-a: 1\r\n content-length: 3\r\n", "abc"),
        ("x-a: 1\rcontent-length: 3\r\n", "abc"),
        ("x-a: 1\0\r\ncontent-length: 3\r\n", "abc"),
        ("transfer-encoding : chunked\r\n", "0\r\n\r\n"),
        ("transfer-encoding:\r\n chunked\r\n", "0\r\n\r\n"),
        ("transfer-encoding: identity\r\n", "0\r\n\r\n"),
        ("transfer-encoding: xchunked\r\n", "0\r\n\r\n"),
        ("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n"),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", "0\r\n\r\n"),
        (chunked, "xyz\r\nabc\r\n0\r\n\r\n"),
        (chunked, "-3\r\nabc\r\n0\r\n\r\n"),
        (chunked, "+3\r\nabc\r\n0\r\n\r\n"),
        (chunked, "0x3\r\nabc\r\n0\r\n\r\n"),
        (chunked, "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
        (chunked, "3\nabc\r\n0\r\n\r\n"),
        (chunked, "3\r\nabcd\r\n0\r\n\r\n"),
        (chunked, "3;a\nb\r\nabc\r\n0\r\n\r\n"),
    ] {
        assert_eq!(shop.sends(head, body), Then::Closed(400), "{head:?} {body:?}");
    }
    assert_eq!(home.notes("hidden").len(), hidden, "nothing ran that stood behind a refused request");
}

#[test]
fn what_is_too_much_of_a_head_or_of_a_chunk_is_refused() {
    let home = Home::new();
    let shop = Shop::deployed(&home);
    let chunked = "transfer-encoding: chunked\r\n";
    let extensions = format!("1;{}\r\nx\r\n", "a".repeat(1_000)).repeat(100) + "0\r\n\r\n";
    for (head, body, status) in [
        ("x-a: 1\r\n".repeat(200), String::new(), 431),
        (format!("x-a: {}\r\n", "a".repeat(500_000)), String::new(), 431),
        (chunked.to_owned(), format!("3;{}\r\nabc\r\n0\r\n\r\n", "a".repeat(100_000)), 400),
        (chunked.to_owned(), extensions, 400),
        (chunked.to_owned(), format!("0\r\n{}\r\n", "x-a: 1\r\n".repeat(20_000)), 400),
    ] {
        let told = format!("{} bytes of head, {} of body", head.len(), body.len());
        assert_eq!(shop.sends(&head, &body), Then::Closed(status), "{told}");
    }
    assert!(home.notes("hidden").is_empty());
}

#[test]
fn what_is_no_request_for_us_reaches_no_handler() {
    let home = Home::new();
    let shop = Shop::deployed(&home);
    let host = authority(&shop.url);
    let path = shop.url.split_once(host).unwrap().1;
    for (request, statuses) in [
        (format!("GET {path}/hidden\r\n\r\n"), &[400][..]),
        (format!("GET {path}/hidden HTTP/1.1\r\n\r\n"), &[421]),
        (format!("GET {path}/hidden HTTP/1.1\r\nhost: {host}\r\nhost: evil.example\r\n\r\n"), &[400]),
        (format!("GET {path}/hidden HTTP/1.1\r\nhost: evil.example\r\nhost: {host}\r\n\r\n"), &[400]),
        (format!("GET {path}/hidden HTTP/1.1\r\nhost: localhost@evil.example\r\n\r\n"), &[421]),
        (format!("GET http://evil.example{path}/hidden HTTP/1.1\r\nhost: {host}\r\n\r\n"), &[421]),
        (format!("POST {path} HTTP/1.0\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"), &[400]),
        (format!("CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n"), &[404]),
        (format!("OPTIONS * HTTP/1.1\r\nhost: {host}\r\n\r\n"), &[404]),
        (format!("TRACE {path}/hidden HTTP/1.1\r\nhost: {host}\r\n\r\n"), &[405]),
        (format!("GET {path}/hid\0den HTTP/1.1\r\nhost: {host}\r\n\r\n"), &[400]),
    ] {
        let mut connection = Connection::open(&shop.url);
        connection.try_write(request.as_bytes()).unwrap();
        let status = connection.read_answer(false).unwrap().status;
        assert!(statuses.contains(&status), "{status} for {request:?}");
    }
    assert!(home.notes("hidden").is_empty());
}
