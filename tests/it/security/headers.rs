//! Answers of handlers that try to be more than one answer (header injection).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use less_tests::harness::{Home, http};

use super::authority;

/// Each is a header's name and value, as JSON.
const BAD: [&str; 9] = [
    r#"["x-a", "1\r\nx-b: 2"]"#,
    r#"["x-a", "1\nx-b: 2"]"#,
    r#"["x-a", "1\r"]"#,
    r#"["x-a", "1\u0000"]"#,
    r#"["x-a\r\nx-b", "1"]"#,
    r#"["x a", "1"]"#,
    r#"["x-a:", "1"]"#,
    r#"["", "1"]"#,
    r#"["é", "1"]"#,
];
/// What tells an answer's length is not the handler's to say.
const OURS: [&str; 5] = [
    r#"["content-length", "0"]"#,
    r#"["Content-Length", ["1", "99"]]"#,
    r#"["Transfer-Encoding", "chunked"]"#,
    r#"["connection", "close, x-b"]"#,
    r#"["upgrade", "websocket"]"#,
];
const JAVASCRIPT: &str = "
exports.process = async (request) => {
  const [name, value] = JSON.parse(request.body);
  return { headers: { [name]: value }, body: 'seven b' };
};
";
const PYTHON: &str = "
import json

def process(request, response):
    name, value = json.loads(request.body)
    return {'headers': {name: value}, 'body': 'seven b'}
";

#[test]
fn an_answer_is_one_answer_whatever_its_headers_are() {
    let home = Home::new();
    let files = [("less/apis/shop/js/post.js", JAVASCRIPT), ("less/apis/shop/py/post.py", PYTHON)];
    let api = home.project("shop", &files).deploy().url("shop").to_owned();
    for language in ["js", "py"] {
        let url = format!("{api}/{language}");
        for header in BAD {
            http::post(&url, header).expect_error(502);
        }
        for header in OURS {
            let answer = raw_answer(&url, header);
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let head = head.to_ascii_lowercase();
            assert_eq!(body, "seven b", "{language} {header}: {head}");
            assert_eq!(head.matches("content-length:").count(), 1, "{language} {header}: {head}");
            assert!(head.contains("content-length: 7"), "{language} {header}: {head}");
            assert!(!head.contains("transfer-encoding") && !head.contains("upgrade"), "{language} {header}: {head}");
        }
    }
}

/// Every byte of the answer to a request that is the last on its connection.
fn raw_answer(url: &str, body: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(authority(url).replace("localhost", "127.0.0.1")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = body.len();
    let head = format!("POST /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}");
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
