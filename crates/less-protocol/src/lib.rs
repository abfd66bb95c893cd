//! What the server and a handler process say to each other, in any language.
//!
//! A connection is one stream socket that the worker inherits (environment `LESS_FD`: its number).
//! Both sides write frames, many per write. A worker also inherits a *board* (`LESS_BOARD_FD`), a
//! file in memory in which it marks what it has begun, so that the server knows it even when the
//! worker's event loop is blocked or the process is gone.
//!
//! # Layout (version 2; integers little-endian)
//!
//! ```text
//! frame    u32 length of what follows (1 to 64 MiB) · u8 type · body
//!
//! server → worker
//!   1 Load      JSON: see `Load`; the worker answers Loaded
//!   2 Invoke    u64 id · u16 slot · u16 handler · u8 kind (0 message, 1 request, 2 function call) · u32 attempt
//!               · u64 published_at (ms since 1970, 0 unless a message) · u64 deadline (ms since 1970)
//!               · u64 sent_at (ms of CLOCK_MONOTONIC) · 16 B invocation id · 16 B trace id · 16 B message id (nil unless a message)
//!               · u32 head length · head JSON (requests; else empty) · payload
//!               (kind 0: the message's JSON bytes; kind 1: the request body's bytes; kind 2: the JSON bytes of a function's
//!               argument, or of what a handler of a socket is told)
//!   3 Withdraw  u64 id: nobody waits for it any more. Not begun: drop it. Begun: refuse its SDK calls. (A delivery
//!               that has begun runs on unheard at its deadline: what it publishes late counts as that attempt's)
//!   4 Answer    u64 call · u8 (0 ok, 1 error) · JSON (ok: the result; error: `CallError`)
//!   5 Ping      u64 nonce; answered by Pong from the event loop
//!   6 Stop      finish what runs, then exit with 0
//!
//! worker → server
//!  65 Loaded    JSON: see `Loaded`
//!  66 Reply     u64 id · u8 status · body
//!               0 returned: (kind 1) u16 status code · u16 header count · {u16 length · name · u32 length · value}* · body bytes;
//!                           (kind 2) the result's JSON bytes, of a socket's handler null or its {"statusCode"}; (kind 0) nothing
//!               1 threw, 2 threw, not to be retried: JSON `Thrown`
//!               3 response or result too large: JSON `Thrown`
//!  67 Returned  u64 id: not begun and never will be; run it elsewhere
//!  68 Call      u64 call · u64 id (the invocation that calls) · u8 service · u16 target length · target
//!               · u32 options length · options JSON (or empty) · payload JSON bytes (or empty)
//!               service 1 publish: target the topic; options `PublishOptions`; payload the message; answered with {"id"}
//!               service 2 function: target its name; no options; payload its argument; answered with its result
//!               service 3 kvs: target get · set · delete · increment · list; options `KvsOptions`; payload: set's value;
//!                 answered with get: null or {"value", "version"}; set: {"version"}; delete: true or false (nothing to delete);
//!                 increment: the new number; list: [key]
//!               service 4 sockets: target the socket; options `SocketOptions` (none: to everybody who is connected);
//!                 payload the message; answered with {"sent": count, "gone": [connection id]}
//!               service 5 files: target create_upload_url · get_url · list · delete; options `FilesOptions`; no payload;
//!                 answered with create_upload_url and get_url: the URL; list: [{"path", "size", "content_type", "etag",
//!                 "uploaded_at"}]; delete: true or false (nothing to delete)
//!  69 Log       u64 id (0: none) · u8 stream (0 out, 1 error) · u64 time (ms since 1970) · UTF-8 text of one line
//!  70 Pong      u64 nonce
//! ```
//!
//! A worker marks the board *before* it runs a handler: u64 id at byte 8 × slot. Only then it looks
//! at the age of the invocation (`now − sent_at`): past [`STALE_MS`] it does not run it but sends
//! Returned. The server takes an invocation to be withdrawn from a silent worker only when it is
//! older than [`SILENT_MS`] and the board does not show it. So no invocation runs in two workers.
//!
//! While a worker loads, one handler after the other, slot 0 of the board has the place of the one at work,
//! plus 1: a process that hangs or ends then has its culprit named.
//!
//! A worker that reads the end of the stream exits.

mod codec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use codec::{Decoder, FrameError};

/// The version both sides must share; `Load` carries it.
pub const VERSION: u32 = 2;
/// The longest frame, without its length field.
pub const MAX_FRAME: usize = 64 << 20;
/// How long a worker may take between two pongs before it counts as silent.
pub const SILENT_MS: u64 = 1_000;
/// An invocation that waited longer than this in a worker is handed back, never begun.
pub const STALE_MS: u64 = 500;

/// The first frame: which version of the project to serve, and within which limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    pub version: u32,
    pub project: String,
    /// Absolute path of the version's root (the folder that contains `less/`).
    pub root: String,
    /// Invocations name a handler by its place in this list.
    pub handlers: Vec<LoadHandler>,
    /// Every topic of the project, for the error of a misspelt name.
    pub topics: Vec<String>,
    /// Every function of the project, in whatever language.
    pub functions: Vec<String>,
    #[serde(default)]
    pub sockets: Vec<String>,
    pub limits: Limits,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadHandler {
    /// Its identity: `topics/order_placed/payment`.
    pub path: String,
    /// The file to load, relative to `root`: `less/topics/order_placed/payment/index.js`.
    pub file: String,
    /// The file that its author wrote, where a build made `file` of it (`index.ts`): problems name this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub kind: HandlerKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HandlerKind {
    Route,
    /// Of a topic, its own project's or another's.
    Subscriber,
    /// Its `process` takes no message.
    Cron,
    Function,
    /// Of a socket's connections, or of a channel. (What hears of their ends is a subscriber.)
    Socket,
}

/// Checked by the worker before it sends, so that nothing too large crosses the socket. Bytes, or lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub message_bytes: u64,
    /// Of what is sent to a socket's connections.
    #[serde(default)]
    pub socket_message_bytes: u64,
    /// A response's body; also a function's argument, and its result.
    pub response_bytes: u64,
    pub value_bytes: u64,
    pub key_bytes: u64,
    pub log_lines: u64,
    pub log_bytes: u64,
    pub log_line_bytes: u64,
}

/// The answer to `Load`; with problems, the version cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    pub problems: Vec<LoadProblem>,
    /// Places of the handlers that have the whole process for as long as they run (Python's `def`): such a
    /// one gets a worker in which nothing else runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusive: Vec<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadProblem {
    /// Relative to the root, with a line where one is known: `less/apis/a/get.js:3`.
    pub file: String,
    /// What is wrong, in one or more lines, for the author of the handler.
    pub message: String,
}

/// What a handler threw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thrown {
    pub name: String,
    pub message: String,
    /// The language's own rendering, without the server's frames; may be empty.
    pub stack: String,
}

/// Why a call from a handler was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallError {
    /// Stable: `message_too_large`, `unknown_topic`, `invocation_ended`, `store_full`, `function_failed`,
    /// `busy`, `version_conflict`, `not_a_number`, …
    pub code: String,
    /// Of `function_failed`: the message of what the function threw.
    pub message: String,
    /// Of `function_failed`: the name of what the function threw; `NonRetriableError` is raised as such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How a message is published; what is missing is not wanted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishOptions {
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordering_key: Option<String>,
}

/// What an operation on the key-value store is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KvsOptions {
    /// Of `list`: the prefix, which may be empty.
    pub key: String,
    /// `set`: seconds until it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<f64>,
    /// `set`: only if the value there has this version; 0: only if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<u64>,
    /// `increment`; 1 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<f64>,
    /// `list`: only keys after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// `list`: no more keys than this, and than 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Whom a message to a socket is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketOptions {
    /// Ids of connections; null stands for nobody. Missing: everybody who is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<Vec<Option<String>>>,
}

/// What an operation on files is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesOptions {
    /// Of `list`: the prefix, which may be empty.
    pub path: String,
    /// `create_upload_url`, `get_url`: seconds; 3,600 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<f64>,
    /// `list`: only paths after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// `list`: no more files than this, and than 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The part of a request that comes before its body (`head` of an `Invoke` of kind 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHead {
    pub method: String,
    /// As the handler sees it: without the gateway's prefix.
    pub path: String,
    /// Canonical names (`Content-Type`), each once.
    pub headers: Vec<(String, String)>,
    /// Decoded, in the order of the URL, repeated names kept.
    pub query: Vec<(String, String)>,
    /// Decoded.
    pub params: Vec<(String, String)>,
    /// The body is not UTF-8 and reaches the handler in base64.
    pub is_base64: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ToWorker {
    Load(Box<Load>),
    Invoke(Invoke),
    Withdraw { id: u64 },
    Answer { call: u64, result: Result<Bytes, CallError> },
    Ping { nonce: u64 },
    Stop,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoke {
    /// Unique on this connection, never 0.
    pub id: u64,
    /// Where on the board this invocation is marked; free again after its Reply.
    pub slot: u16,
    pub handler: u16,
    pub invocation: Uuid,
    pub trace: Uuid,
    /// Milliseconds since 1970.
    pub deadline: u64,
    /// Milliseconds of CLOCK_MONOTONIC.
    pub sent_at: u64,
    pub input: Input,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Message {
        id: Uuid,
        attempt: u32,
        published_at: u64,
        payload: Bytes,
    },
    Request {
        head: Bytes,
        body: Bytes,
    },
    /// A function's argument, or what a handler of a socket is told: JSON.
    Call {
        payload: Bytes,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum FromWorker {
    Loaded(Loaded),
    Reply { id: u64, reply: Reply },
    Returned { id: u64 },
    Call(Call),
    Log { id: u64, error: bool, time: u64, text: String },
    Pong { nonce: u64 },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The bytes after the status: empty for a message, an encoded [`Response`] for a request, JSON for a call.
    Returned(Bytes),
    Threw {
        thrown: Thrown,
        retriable: bool,
    },
    ResponseTooLarge(Thrown),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub call: u64,
    pub id: u64,
    pub service: Service,
    pub target: String,
    /// JSON, or empty.
    pub options: Bytes,
    /// The JSON bytes as the handler's language wrote them.
    pub payload: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Publish,
    Function,
    Kvs,
    Sockets,
    Files,
}
