//! A client at the HTTP edge, and a handler behind it: whatever either says, what comes out is HTTP, and its headers
//! are the handler's or ours.
//!
//! Input: a byte of how (bit 0: the reply is bytes as they are, else a status, names and values of headers, and a body,
//! with 0xFF between them), a byte that chooses how the request is cut, the reply with two bytes of length, and what
//! the client sends.

mod answers;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use less_project::Route;
use less_protocol::{RequestHead, Response};
use less_server::Edge;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime::Runtime;

use crate::input::Input;
use crate::{routes, scratch};

const ROUTES: [&str; 6] =
    ["GET /", "GET /orders", "POST /orders", "GET /orders/{id}", "PUT /orders/{id}/lines/{line}", "DELETE /{any}"];
/// Of the server's own.
const OURS: [&str; 12] = [
    "content-type",
    "content-length",
    "transfer-encoding",
    "date",
    "connection",
    "vary",
    "allow",
    "retry-after",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
];

thread_local! {
    static RUNTIME: Runtime = scratch::runtime();
    static EDGE: Rc<Edge> = Rc::new(edge());
}

fn edge() -> Edge {
    let routes: Vec<Route> = ROUTES.iter().filter_map(|line| routes::route(line)).collect();
    let mut api = routes::api(routes);
    api.cors_origins = Some(vec!["https://shop.example".into()]);
    Edge::new(&api)
}

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let (how, cut) = (input.byte(), input.byte());
    let reply = input.part();
    let response = (how & 1 == 0).then(|| structured(reply));
    let encoded = match &response {
        Some(response) => {
            let mut encoded = BytesMut::new();
            response.encode(&mut encoded);
            encoded.freeze()
        }
        None => Bytes::copy_from_slice(reply),
    };
    let (said, asked_heads) = RUNTIME.with(|runtime| runtime.block_on(talk(input.0, cut, &encoded)));
    let response = response.or_else(|| Response::decode(encoded).ok());
    let mut names: BTreeSet<String> = OURS.iter().map(|name| (*name).to_owned()).collect();
    names.extend(response.iter().flat_map(|response| &response.headers).map(|(name, _)| name.to_ascii_lowercase()));
    answers::check(&said, &names, asked_heads);
}

fn structured(reply: &[u8]) -> Response {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut parts: Vec<&[u8]> = reply.split(|byte| *byte == 0xFF).collect();
    let body = if parts.len() > 1 { parts.pop() } else { None };
    let status = text(parts[0]).parse().unwrap_or(200);
    let headers = parts[1..].chunks_exact(2).map(|pair| (text(pair[0]), text(pair[1]))).collect();
    Response { status, headers, body: Bytes::copy_from_slice(body.unwrap_or_default()) }
}

/// All that the client hears, and whether it asked a handler for a head alone.
async fn talk(request: &[u8], cut: u8, reply: &Bytes) -> (Vec<u8>, bool) {
    let (client, server) = duplex(64 << 10);
    let (mut hears, mut says) = tokio::io::split(client);
    let asked_heads = Cell::new(false);
    let handle = |index: usize, head: &RequestHead, body: &Bytes| {
        check_head(index, head, body);
        asked_heads.set(asked_heads.get() || head.method == "HEAD");
        reply.clone()
    };
    let mut heard = Vec::new();
    let speak = async {
        for piece in request.chunks(if cut == 0 { usize::MAX } else { usize::from(cut) }) {
            // The server may have closed: nobody listens to the rest.
            if says.write_all(piece).await.is_err() {
                return;
            }
        }
        says.shutdown().await.ok();
    };
    let listen = async { hears.read_to_end(&mut heard).await.map(drop) };
    let edge = EDGE.with(Rc::clone);
    let ((), heard_all, ()) = tokio::join!(speak, listen, edge.serve(server, handle));
    heard_all.expect("a stream in memory");
    (heard, asked_heads.get())
}

/// Names once each and in canonical form, parameters for their route, and nothing that is no text. Whose request it is
/// and where it ends can be read in one way only.
fn check_head(index: usize, head: &RequestHead, body: &Bytes) {
    let names: BTreeSet<String> = head.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    assert_eq!(names.len(), head.headers.len(), "a name twice: {:?}", head.headers);
    for (name, value) in &head.headers {
        let begins_well = name.split('-').all(|part| !part.starts_with(|c: char| c.is_ascii_lowercase()));
        assert!(begins_well && !name.is_empty(), "{name} is not canonical");
        assert!(!value.contains(['\r', '\n', '\0']), "{name}: {value:?}");
    }
    let given = |wanted: &str| head.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let host = given("Host").expect("a host").to_ascii_lowercase();
    assert!(["localhost", "127.0.0.1", "[::1]"].iter().any(|name| host.starts_with(name)), "{host}");
    assert!(!host.contains(','), "two hosts: {host}");
    let coding = given("Transfer-Encoding");
    assert!(coding.is_none_or(|coding| coding.eq_ignore_ascii_case("chunked")), "{coding:?}");
    assert!(coding.is_none() || given("Content-Length").is_none(), "two ways to tell the length");
    let route = routes::route(ROUTES[index]).expect("a route");
    let wanted = if head.method == "HEAD" { "GET" } else { head.method.as_str() };
    assert_eq!(route.verb.as_str(), wanted);
    assert_eq!(head.params.len(), ROUTES[index].matches('{').count());
    assert!(head.params.iter().all(|(_, value)| !value.is_empty()), "{:?}", head.params);
    assert!(!head.path.contains(['?', '#', ' ', '\r', '\n']), "{}", head.path);
    assert_eq!(head.is_base64, std::str::from_utf8(body).is_err());
    let json = serde_json::to_vec(head).expect("a head is JSON");
    assert_eq!(&serde_json::from_slice::<RequestHead>(&json).expect("and is read back"), head);
}
