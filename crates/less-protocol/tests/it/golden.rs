//! `golden/frames.json`: each frame's bytes beside its fields. The SDKs' tests read the same file, so
//! a codec that drifts from the layout fails on its own side. The bytes were written from the layout
//! in the crate's header, not by this codec; a change to them is a new version of the protocol.

use bytes::{Bytes, BytesMut};
use less_protocol::{
    Call, CallError, Decoder, FromWorker, Input, Invoke, Load, Loaded, Reply, RequestHead, Response, Service, Thrown,
    ToWorker,
};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

const FRAMES: &str = include_str!("../../golden/frames.json");

#[derive(Deserialize)]
struct Golden {
    name: String,
    direction: Direction,
    fields: Value,
    hex: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Direction {
    ToWorker,
    FromWorker,
}

fn golden(direction: &Direction) -> Vec<Golden> {
    let all: Vec<Golden> = serde_json::from_str(FRAMES).expect("golden/frames.json is JSON of this shape");
    all.into_iter().filter(|frame| frame.direction == *direction).collect()
}

#[test]
fn every_frame_of_the_server_is_written_and_read_as_the_golden_file_says() {
    for Golden { name, fields, hex, .. } in golden(&Direction::ToWorker) {
        let frame = to_worker(&fields);
        let mut bytes = BytesMut::new();
        frame.encode(&mut bytes);
        assert_eq!(to_hex(&bytes), hex, "{name}");
        let mut decoder = Decoder { buffer: bytes };
        assert_eq!(decoder.next_to_worker().unwrap(), Some(frame), "{name}");
        assert_eq!(decoder.next_to_worker().unwrap(), None, "{name}");
    }
}

#[test]
fn every_frame_of_a_worker_is_written_and_read_as_the_golden_file_says() {
    for Golden { name, fields, hex, .. } in golden(&Direction::FromWorker) {
        let frame = from_worker(&fields);
        let mut bytes = BytesMut::new();
        frame.encode(&mut bytes);
        assert_eq!(to_hex(&bytes), hex, "{name}");
        let mut decoder = Decoder { buffer: bytes };
        assert_eq!(decoder.next_from_worker().unwrap(), Some(frame), "{name}");
        assert_eq!(decoder.next_from_worker().unwrap(), None, "{name}");
    }
}

#[test]
fn a_response_is_read_from_the_reply_that_carries_it() {
    for Golden { name, fields, hex, .. } in golden(&Direction::FromWorker) {
        let Some(expected) = fields.get("response").map(response) else { continue };
        let mut decoder = Decoder { buffer: BytesMut::from(&from_hex(&hex)[..]) };
        let Some(FromWorker::Reply { reply: Reply::Returned(body), .. }) = decoder.next_from_worker().unwrap() else {
            panic!("{name} is no reply")
        };
        assert_eq!(Response::decode(body).unwrap(), expected, "{name}");
    }
}

#[test]
fn the_golden_file_has_every_kind_of_frame() {
    let mut kinds: Vec<u8> = [Direction::ToWorker, Direction::FromWorker]
        .iter()
        .flat_map(golden)
        .map(|frame| from_hex(&frame.hex)[4])
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, [1, 2, 3, 4, 5, 6, 65, 66, 67, 68, 69, 70]);
}

fn to_worker(fields: &Value) -> ToWorker {
    match text(fields, "type").as_str() {
        "load" => ToWorker::Load(Box::new(parsed::<Load>(&fields["load"]))),
        "invoke" => ToWorker::Invoke(invoke(fields)),
        "withdraw" => ToWorker::Withdraw { id: number(fields, "id") },
        "answer" => ToWorker::Answer {
            call: number(fields, "call"),
            result: match fields.get("error") {
                Some(error) => Err(parsed::<CallError>(error)),
                None => Ok(text(fields, "ok").into()),
            },
        },
        "ping" => ToWorker::Ping { nonce: nonce(fields) },
        "stop" => ToWorker::Stop,
        other => panic!("no frame of a server: {other}"),
    }
}

fn invoke(fields: &Value) -> Invoke {
    let input = match text(fields, "kind").as_str() {
        "message" => Input::Message {
            id: uuid(fields, "message"),
            attempt: number(fields, "attempt").try_into().expect("an attempt fits in 32 bits"),
            published_at: number(fields, "published_at"),
            payload: text(fields, "payload").into(),
        },
        "request" => Input::Request {
            head: serde_json::to_vec(&parsed::<RequestHead>(&fields["head"])).expect("a head is JSON").into(),
            body: from_hex(&text(fields, "body_hex")),
        },
        "call" => Input::Call { payload: text(fields, "payload").into() },
        other => panic!("no kind of invocation: {other}"),
    };
    Invoke {
        id: number(fields, "id"),
        slot: number(fields, "slot").try_into().expect("a slot fits in 16 bits"),
        handler: number(fields, "handler").try_into().expect("a handler fits in 16 bits"),
        invocation: uuid(fields, "invocation"),
        trace: uuid(fields, "trace"),
        deadline: number(fields, "deadline"),
        sent_at: number(fields, "sent_at"),
        input,
    }
}

fn from_worker(fields: &Value) -> FromWorker {
    let id = || number(fields, "id");
    match text(fields, "type").as_str() {
        "loaded" => FromWorker::Loaded(parsed::<Loaded>(fields)),
        "reply" => FromWorker::Reply { id: id(), reply: reply(fields) },
        "returned" => FromWorker::Returned { id: id() },
        "call" => FromWorker::Call(Call {
            call: number(fields, "call"),
            id: id(),
            service: match text(fields, "service").as_str() {
                "publish" => Service::Publish,
                "function" => Service::Function,
                "kvs" => Service::Kvs,
                "sockets" => Service::Sockets,
                "files" => Service::Files,
                other => panic!("no service: {other}"),
            },
            target: text(fields, "target"),
            options: text(fields, "options").into(),
            payload: text(fields, "payload").into(),
        }),
        "log" => FromWorker::Log {
            id: id(),
            error: fields["error"].as_bool().expect("error is a bool"),
            time: number(fields, "time"),
            text: text(fields, "text"),
        },
        "pong" => FromWorker::Pong { nonce: nonce(fields) },
        other => panic!("no frame of a worker: {other}"),
    }
}

fn reply(fields: &Value) -> Reply {
    let thrown = || parsed::<Thrown>(&fields["thrown"]);
    match number(fields, "status") {
        0 => {
            let mut body = BytesMut::new();
            if let Some(given) = fields.get("response") {
                response(given).encode(&mut body);
            }
            if let Some(given) = fields.get("result") {
                body.extend_from_slice(parsed::<String>(given).as_bytes());
            }
            Reply::Returned(body.freeze())
        }
        status @ (1 | 2) => Reply::Threw { thrown: thrown(), retriable: status == 1 },
        _ => Reply::ResponseTooLarge(thrown()),
    }
}

fn response(fields: &Value) -> Response {
    Response {
        status: number(fields, "status").try_into().expect("a status fits in 16 bits"),
        headers: parsed(&fields["headers"]),
        body: from_hex(&text(fields, "body_hex")),
    }
}

fn parsed<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn text(fields: &Value, name: &str) -> String {
    parsed(&fields[name])
}

fn number(fields: &Value, name: &str) -> u64 {
    parsed(&fields[name])
}

fn uuid(fields: &Value, name: &str) -> Uuid {
    text(fields, name).parse().expect("an id is a UUID")
}

/// Written as text: it may use all 64 bits, which JSON readers of other languages would round.
fn nonce(fields: &Value) -> u64 {
    text(fields, "nonce").parse().expect("a nonce is a number")
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(hex: &str) -> Bytes {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hex is ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hex has digits only")).collect()
}
