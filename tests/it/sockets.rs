//! Sockets (contract, section 6): who connects, what they send, what is sent to them.

use serde_json::{Value, json};

use less_tests::harness::{Home, Project, Said, Socket, eventually, http};

const CONNECT_JS: &str = "
const { note } = require('notes');
exports.process = async (client) => {
  note('connect', client);
  if (client.query.throw) throw new Error('not today');
  if (client.query.status) return { statusCode: Number(client.query.status) };
};
";
const CONNECT_TS: &str = "
import type { Connecting } from '@chuva.io/less';
import { note } from 'notes';
export const process = async (client: Connecting) => {
  note('connect', client);
  if (client.query.throw) throw new Error('not today');
  if (client.query.status) return { statusCode: Number(client.query.status) };
};
";
const CONNECT_PY: &str = "
from notes import note

def process(client):
    note('connect', client)
    if client['query'].get('throw'):
        raise ValueError('not today')
    if client['query'].get('status'):
        return {'status_code': int(client['query']['status'])}
";
const DISCONNECT_JS: &str = "
const { note } = require('notes');
exports.process = async ({ connection_id }, context) => note('disconnect', { connection_id, attempt: context.attempt });
";
const DISCONNECT_TS: &str = "
import type { Context, Disconnected } from '@chuva.io/less';
import { note } from 'notes';
export const process = async ({ connection_id }: Disconnected, context: Context) =>
  note('disconnect', { connection_id, attempt: context.attempt });
";
const DISCONNECT_PY: &str = "
from notes import note

def process(client, context):
    note('disconnect', {'connection_id': client['connection_id'], 'attempt': context.attempt})
";
/// Says to the sender what came, and to everybody that it came.
const SEND_JS: &str = "
const { sockets } = require('@chuva.io/less');
exports.process = async ({ data, connection_id }) => {
  if (data === 'throw') throw new TypeError('no such room');
  const { sent, gone } = await sockets.chat.publish({ you: data }, [connection_id, 'nobody']);
  await sockets.chat.broadcast({ all: data, sent, gone });
};
";
const SEND_TS: &str = "
import { sockets, type Heard } from '@chuva.io/less';
export const process = async ({ data, connection_id }: Heard<string>) => {
  if (data === 'throw') throw new TypeError('no such room');
  const { sent, gone } = await sockets.chat.publish({ you: data }, [connection_id, 'nobody']);
  await sockets.chat.broadcast({ all: data, sent, gone });
};
";
const SEND_PY: &str = "
from less import sockets

def process(message):
    data = message.get('data')
    if data == 'throw':
        raise TypeError('no such room')
    told = sockets.chat.publish({'you': data}, [message['connection_id'], 'nobody'])
    sockets.chat.broadcast({'all': data, 'sent': told.sent, 'gone': told.gone})
";
/// A route that publishes what its body says.
pub(crate) const PUBLISH: (&str, &str) = (
    "less/apis/door/publish/post.js",
    "
const { sockets } = require('@chuva.io/less');
exports.process = async (request) => {
  const { message, to } = JSON.parse(request.body);
  return { body: to === undefined ? await sockets.chat.broadcast(message) : await sockets.chat.publish(message, to) };
};
",
);

/// The socket `chat` in one language, and a route that publishes to it.
pub(crate) fn chat(language: &str) -> Vec<(String, String)> {
    let (end, [connect, disconnect, send]) = match language {
        "js" => ("index.js", [CONNECT_JS, DISCONNECT_JS, SEND_JS]),
        "ts" => ("index.ts", [CONNECT_TS, DISCONNECT_TS, SEND_TS]),
        _ => ("__init__.py", [CONNECT_PY, DISCONNECT_PY, SEND_PY]),
    };
    let handlers = [("connect", connect), ("disconnect", disconnect), ("send", send)];
    let mut files: Vec<_> =
        handlers.map(|(name, text)| (format!("less/sockets/chat/{name}/{end}"), text.to_owned())).into_iter().collect();
    files.push((PUBLISH.0.to_owned(), PUBLISH.1.to_owned()));
    files
}

pub(crate) fn project<'h>(home: &'h Home, files: &[(String, String)]) -> Project<'h> {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    home.project("live", &files)
}

/// The ids of those who connected, in their order.
pub(crate) fn connected(home: &Home) -> Vec<String> {
    let id = |client: &Value| client["connection_id"].as_str().unwrap().to_owned();
    home.notes("connect").iter().map(id).collect()
}

pub(crate) fn publish(project: &Project<'_>, message: &Value, to: Option<&Value>) -> Value {
    let mut body = json!({ "message": message });
    if let Some(to) = to {
        body["to"] = to.clone();
    }
    http::post(&format!("{}/publish", project.url("door")), body.to_string()).expect(200).json()
}

fn speaks(language: &str) {
    let home = Home::new();
    let project = project(&home, &chat(language));
    let deployed = project.deploy();
    let url = deployed.url("chat").to_owned();
    assert!(url.starts_with("ws://localhost:") && url.ends_with("/live/sockets/chat"), "{url}");
    let mut client = Socket::connect_with(&format!("{url}?room=1&room=2"), &[("x-token", "t")]);
    client.say("send", &json!("é"));
    assert_eq!(client.json(), json!({ "you": "é" }));
    assert_eq!(client.json(), json!({ "all": "é", "sent": 1, "gone": ["nobody"] }));
    let told = &home.notes("connect")[0];
    assert_eq!(told["query"], json!({ "room": "2" }));
    assert_eq!((&told["headers"]["X-Token"], &told["headers"]["Upgrade"]), (&json!("t"), &json!("websocket")));
    client.say("send", &json!("throw"));
    let failed = client.json();
    assert_eq!((&failed["error"], &failed["channel"]), (&json!("Internal Server Error"), &json!("send")));
    project.logged("sockets/chat/send", "no such room");
    assert!(!failed.to_string().contains("room"), "{failed}");
    client.say("send", &json!("still here"));
    assert_eq!(client.json(), json!({ "you": "still here" }));
    let id = connected(&home).remove(0);
    client.leave();
    eventually("disconnect hears of the end", || !home.notes("disconnect").is_empty());
    for refused in ["throw=1", "status=400", "status=503"] {
        assert_eq!(Socket::connect(&format!("{url}?{refused}")).closed(), 1008, "{refused}");
    }
    Socket::connect(&format!("{url}?status=302")).leave();
    eventually("disconnect hears of the next end", || home.notes("disconnect").len() == 2);
    let last = connected(&home).remove(4);
    let ended = |id: &str| json!({ "connection_id": id, "attempt": 1 });
    assert_eq!(home.notes("disconnect"), [ended(&id), ended(&last)], "of none that was refused");
}

#[test]
fn a_socket_in_javascript_hears_and_answers() {
    speaks("js");
}

#[test]
fn a_socket_in_typescript_hears_and_answers() {
    speaks("ts");
}

#[test]
fn a_socket_in_python_hears_and_answers() {
    speaks("py");
}

#[test]
fn frames_and_messages_wait_for_connect() {
    let home = Home::new();
    let mut files = chat("js");
    files[0].1 = "
const { note, until_noted } = require('notes');
exports.process = async (client) => {
  note('connect', client);
  await until_noted('open');
};
"
    .into();
    let project = project(&home, &files);
    let url = project.deploy().url("chat").to_owned();
    let mut client = Socket::connect(&url);
    client.say("send", &json!("early"));
    eventually("connect runs", || !connected(&home).is_empty());
    let id = json!(connected(&home)[0]);
    assert_eq!(publish(&project, &json!("first"), Some(&json!([id]))), json!({ "sent": 1, "gone": [] }));
    assert_eq!(publish(&project, &json!("second"), None)["sent"], 1);
    assert_eq!(client.heard_by_now(), [] as [Value; 0]);
    home.give_note("open");
    assert_eq!(
        [client.json(), client.json(), client.json()],
        [json!("first"), json!("second"), json!({ "you": "early" })]
    );
}

#[test]
fn a_client_that_connect_refuses_hears_nothing_that_was_published_meanwhile() {
    let home = Home::new();
    let mut files = chat("js");
    files[0].1 = "
const { sockets } = require('@chuva.io/less');
exports.process = async ({ connection_id }) => {
  await sockets.chat.publish('secret', connection_id);
  return { statusCode: 401 };
};
"
    .into();
    let url = project(&home, &files).deploy().url("chat").to_owned();
    assert_eq!(Socket::connect(&url).hear(), Said::Close(1008, "refused".into()));
}

#[test]
fn what_is_no_frame_is_answered_and_the_connection_kept() {
    let home = Home::new();
    let project = project(&home, &chat("js"));
    let url = project.deploy().url("chat").to_owned();
    let mut client = Socket::connect(&url);
    let refused = |client: &mut Socket, code: &str, channel: &Value| {
        let answer = client.json();
        assert_eq!((answer["code"].as_str(), &answer["channel"]), (Some(code), channel), "{answer}");
        assert!(answer["error"].is_string() && answer["request_id"].is_string(), "{answer}");
    };
    for channel in ["none", "connect", "disconnect", "", "toString"] {
        client.say(channel, &json!(1));
        refused(&mut client, "unknown_channel", &json!(channel));
    }
    for malformed in ["", "hello", "[]", r#"["send",1]"#, "{", r#"{"data":1}"#, r#"{"channel":1,"data":1}"#] {
        client.send(malformed);
        refused(&mut client, "bad_frame", &Value::Null);
    }
    client.frame(2, b"{}").unwrap();
    refused(&mut client, "bad_frame", &Value::Null);
    let text = |bytes: usize| Value::from("x".repeat(bytes - 2));
    for bytes in [(32 << 10) + 1, 100 << 10, 900 << 10] {
        client.say("send", &text(bytes));
        refused(&mut client, "message_too_large", &json!("send"));
    }
    client.say("send", &text(16 << 10));
    assert_eq!(client.json()["you"].as_str().unwrap().len(), (16 << 10) - 2);
    client.json();
    // The rest of a frame that is too large is still taken: unread, it would take the close code along.
    for bytes in [(1 << 20) + 1, 32 << 20] {
        let mut client = Socket::connect(&url);
        client.frame(1, &vec![b'x'; bytes]).unwrap();
        assert_eq!(client.closed(), 1009);
    }
}

#[test]
fn a_message_of_the_limit_is_sent_and_a_larger_one_refused() {
    let home = Home::new();
    let project = project(&home, &chat("js"));
    let mut client = Socket::connect(project.deploy().url("chat"));
    eventually("it is in", || publish(&project, &json!("x".repeat((32 << 10) - 2)), None)["sent"] == 1);
    assert_eq!(client.json().as_str().unwrap().len(), (32 << 10) - 2);
    let body = json!({ "message": "x".repeat((32 << 10) - 1) }).to_string();
    http::post(&format!("{}/publish", project.url("door")), body).expect(502);
    project.logged("apis/door/publish/post", "the message has 32,769 bytes, the limit is 32,768 bytes");
}

#[test]
fn frames_of_one_connection_are_handled_in_order_one_at_a_time_and_others_do_not_wait() {
    let home = Home::new();
    let mut files = chat("js");
    files[2].1 = "
const { sockets } = require('@chuva.io/less');
const { until_noted } = require('notes');
let last = {};
exports.process = async ({ data, connection_id }) => {
  if (last[connection_id]) throw new Error('two at a time');
  last[connection_id] = true;
  if (data === 'wait') await until_noted('go');
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
  await sockets.chat.publish(data, connection_id);
  last[connection_id] = false;
};
"
    .into();
    let url = project(&home, &files).deploy().url("chat").to_owned();
    let (mut held, mut free) = (Socket::connect(&url), Socket::connect(&url));
    held.say("send", &json!("wait"));
    // More than may wait: the rest stays with the client's system until there is room.
    (0..200).for_each(|number| held.say("send", &json!(number)));
    (0..20).for_each(|number| free.say("send", &json!(number)));
    (0..20).for_each(|number| assert_eq!(free.json(), json!(number)));
    home.give_note("go");
    assert_eq!(held.json(), json!("wait"));
    (0..200).for_each(|number| assert_eq!(held.json(), json!(number)));
}

fn a_hanging_channel_holds_up_no_other(language: &str, hanging: &str) {
    let home = Home::new();
    let mut files = chat(language);
    let end = if language == "py" { "__init__.py" } else { "index.js" };
    files.push((format!("less/sockets/chat/hang/{end}"), hanging.to_owned()));
    let url = project(&home, &files).deploy().url("chat").to_owned();
    // More than it may have at once.
    let mut held: Vec<Socket> = (0..150).map(|_| Socket::connect(&url)).collect();
    held.iter_mut().for_each(|client| client.say("hang", &json!(1)));
    eventually("some hang", || home.ticks("hangs") > 7);
    let mut client = Socket::connect(&url);
    client.say("send", &json!("hi"));
    assert_eq!(client.json(), json!({ "you": "hi" }));
}

#[test]
fn a_hanging_channel_in_javascript_holds_up_no_other_and_no_connect() {
    let hangs = "exports.process = () => { require('notes').tick('hangs'); return new Promise(() => {}); };";
    a_hanging_channel_holds_up_no_other("js", hangs);
}

#[test]
fn a_hanging_channel_in_python_holds_up_no_other_and_no_connect() {
    let hangs = "
import time
from notes import note

def process(message):
    note('hangs', message['data'])
    time.sleep(3600)
";
    a_hanging_channel_holds_up_no_other("py", hangs);
}

#[test]
fn a_broadcast_reaches_a_thousand() {
    let home = Home::new();
    let project = project(&home, &chat("js"));
    let url = project.deploy().url("chat").to_owned();
    let mut clients: Vec<Socket> = (0..1000).map(|_| Socket::connect(&url)).collect();
    eventually("all are in", || connected(&home).len() == 1000);
    assert_eq!(publish(&project, &json!({ "to": "all" }), None), json!({ "sent": 1000, "gone": [] }));
    for client in &mut clients {
        assert_eq!(client.json(), json!({ "to": "all" }));
    }
    // By name, with some who left.
    let ids = connected(&home);
    clients.drain(..100).for_each(Socket::leave);
    eventually("those who left are told of", || home.notes("disconnect").len() == 100);
    let told = publish(&project, &json!("by name"), Some(&json!(ids)));
    assert_eq!((told["sent"].as_u64(), told["gone"].as_array().unwrap().len()), (Some(900), 100));
    clients.iter_mut().for_each(|client| assert_eq!(client.json(), json!("by name")));
}

#[test]
fn a_slow_reader_is_cut_off_alone() {
    let home = Home::new();
    let project = project(&home, &chat("js"));
    let url = project.deploy().url("chat").to_owned();
    let (slow, mut quick) = (Socket::connect(&url), Socket::connect(&url));
    eventually("both are in", || connected(&home).len() == 2);
    let slow_id = connected(&home).remove(0);
    let message = json!("x".repeat(30 << 10));
    let mut sent = 0;
    eventually("the slow one is cut off", || {
        let told = publish(&project, &message, None);
        assert_eq!(quick.json(), message);
        sent += 1;
        assert!(sent < 2_000, "it may keep {sent} messages");
        told["gone"] == json!([slow_id])
    });
    assert_eq!(publish(&project, &message, None), json!({ "sent": 1, "gone": [] }));
    assert_eq!(quick.json(), message);
    assert_eq!(slow.closed(), 1013);
    eventually("disconnect hears of it", || home.notes("disconnect").len() == 1);
    assert_eq!(home.notes("disconnect")[0]["connection_id"], json!(slow_id));
}

#[test]
fn an_id_means_nothing_to_another_project_or_socket() {
    let home = Home::new();
    let mut files = chat("js");
    files.push(("less/sockets/news/".into(), String::new()));
    let live = project(&home, &files);
    let deployed = live.deploy();
    let other = home.project("other", &[PUBLISH, ("less/sockets/chat/", "")]);
    other.deploy();
    let mut client = Socket::connect(deployed.url("chat"));
    eventually("it is in", || !connected(&home).is_empty());
    let id = json!(connected(&home));
    assert_eq!(publish(&other, &json!("stolen"), Some(&id)), json!({ "sent": 0, "gone": id }));
    assert_eq!(publish(&other, &json!("stolen"), None), json!({ "sent": 0, "gone": [] }));
    assert_eq!(publish(&live, &json!("own"), Some(&id))["sent"], 1);
    assert_eq!(client.json(), json!("own"));
}

#[test]
fn a_door_says_who_may_come_in() {
    let home = Home::new();
    let project = project(&home, &chat("js"));
    let url = project.deploy().url("chat").to_owned();
    let refused = |url: &str, headers: &[(&str, &str)]| Socket::try_connect(url, headers).err().unwrap();
    assert!(refused(&url, &[("host", "example.com")]).contains("421"));
    assert!(refused(&url.replace("/chat", "/none"), &[]).contains("unknown_socket"));
    assert!(refused(&url.replace("/live", "/none"), &[]).contains("unknown_project"));
    assert!(refused(&format!("{url}/more"), &[]).contains("404"));
    for body in [("content-length", "5"), ("transfer-encoding", "chunked")] {
        assert!(refused(&url, &[body]).contains("426"), "{body:?}");
    }
    let plain = http::get(&url.replace("ws://", "http://")).expect(426);
    assert_eq!((plain.json()["code"].as_str(), plain.header("upgrade")), (Some("not_websocket"), Some("websocket")));
    // Pages of any origin may connect: `connect` decides.
    let client =
        Socket::connect_with(&url, &[("origin", "https://elsewhere.example"), ("sec-websocket-protocol", "a, b")]);
    assert_eq!(client.protocol.as_deref(), Some("a"));
}
