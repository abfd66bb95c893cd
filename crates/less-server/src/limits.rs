//! Every limit of a server, in one place; the user's guide repeats them.

use std::time::Duration;

/// One message, as JSON.
pub(crate) const MESSAGE_BYTES: usize = 256 << 10;
/// A value in the key-value store, as JSON, and a key.
pub(crate) const VALUE_BYTES: usize = 400 << 10;
pub(crate) const KEY_BYTES: usize = 2 << 10;
/// How long a value may live, if it is to expire.
pub(crate) const TTL: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// How long a message may be delayed.
pub(crate) const DELAY: Duration = Duration::from_secs(365 * 24 * 3600);
/// An idempotency key, and an ordering key.
pub(crate) const OPTION_KEY_BYTES: usize = 2 << 10;
/// A request's body, and a response's; a function's argument, and its result.
pub(crate) const BODY_BYTES: usize = 6 << 20;
/// Request bodies held at once by the whole server, and by one project.
pub(crate) const BODIES_BYTES: usize = 256 << 20;
pub(crate) const PROJECT_BODIES_BYTES: usize = 128 << 20;
/// A file, and its content type.
pub(crate) const FILE_BYTES: usize = 5 << 30;
pub(crate) const CONTENT_TYPE_BYTES: usize = 256;
/// How long the URL of a file may be valid, and is, unless its maker says otherwise.
pub(crate) const URL_TIME: Duration = Duration::from_secs(7 * 24 * 3600);
pub(crate) const URL_TIME_UNLESS_GIVEN: Duration = Duration::from_secs(3600);
/// Files that come in or go out at once, of the whole server and of one project. Each has a few pieces in memory.
pub(crate) const TRANSFERS: usize = 256;
pub(crate) const PROJECT_TRANSFERS: usize = 128;
pub(crate) const TRANSFER_PIECE: usize = 128 << 10;
/// Once the server stops, who reads a file may take so much longer.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(5);
/// An upload may pause so long.
pub(crate) const UPLOAD_PAUSE: Duration = Duration::from_secs(30);
/// How often what is left over of files is looked for; at the start as well.
pub(crate) const SWEEP_FILES: Duration = Duration::from_secs(24 * 3600);
/// A request's line and headers.
pub(crate) const HEAD_BYTES: usize = 64 << 10;
/// A client may take this long to send its request's head.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);
/// A body must not come slower than this, after the time that a head has.
pub(crate) const BODY_BYTES_PER_SECOND: u64 = 1 << 10;
/// Of a body that is too large, so much is read and thrown away, so that its sender sees the answer.
pub(crate) const DISCARD_BYTES: usize = 64 << 20;
/// And no longer than this.
pub(crate) const DISCARD_TIME: Duration = Duration::from_secs(10);
/// Requests of one project that run or wait at once; more get 503.
pub(crate) const REQUESTS_AT_ONCE: usize = 1_024;
/// And with so many that wait for a process, those that would wait for longer than this get 503, too: a long queue
/// makes all wait and serves no more of them.
pub(crate) const REQUESTS_WAITING: u32 = 64;
pub(crate) const QUEUE_TIME: Duration = Duration::from_secs(1);
/// Connections of one listener, fewer where the server may not open that many files, of which it needs others, too;
/// whoever comes beyond them gets 503.
pub(crate) const CONNECTIONS: usize = 8_192;
pub(crate) const FEWEST_CONNECTIONS: usize = 64;
pub(crate) const OTHER_FILES: usize = 512;
/// Of which the clients of one project's sockets have one in so many: they stay, and others are to come in.
pub(crate) const SOCKETS_SHARE: usize = 2;
/// A message to a socket's connections, and the data that a client sends on a channel, as JSON.
pub(crate) const SOCKET_MESSAGE_BYTES: usize = 32 << 10;
/// A frame of a client; beyond this the connection is closed.
pub(crate) const SOCKET_FRAME_BYTES: usize = 1 << 20;
/// What waits to be sent to one connection: a client that lets more come together is cut off.
pub(crate) const SOCKET_OUTBOX_MESSAGES: usize = 1_024;
pub(crate) const SOCKET_OUTBOX_BYTES: usize = 1 << 20;
/// What waits to be handled of one connection: a client that has sent so much is not read.
pub(crate) const SOCKET_INBOX_MESSAGES: usize = 64;
pub(crate) const SOCKET_INBOX_BYTES: usize = 128 << 10;
/// Connections that one publish may name.
pub(crate) const SOCKET_IDS: usize = 65_536;
/// How often a client is asked for a sign of life. One that gives none until the next time is gone.
pub(crate) const SOCKET_PING: Duration = Duration::from_secs(30);
/// How long a client has for its good-bye.
pub(crate) const SOCKET_LAST_WORDS: Duration = Duration::from_secs(5);
/// Frames that one handler of a socket works on, or that wait for a process, at once; more wait with their connections.
/// (Python's `def`: as deliveries of one subscriber.)
pub(crate) const SOCKET_FRAMES_AT_ONCE: usize = 128;
/// Ends of connections that one socket's `disconnect` hears of at once, and how often of each, if it fails.
pub(crate) const DISCONNECTS_AT_ONCE: u32 = 64;
pub(crate) const DISCONNECT_ATTEMPTS: u32 = 4;
/// An invocation's log.
pub(crate) const LOG_LINES: u64 = 10_000;
pub(crate) const LOG_BYTES: u64 = 1 << 20;
pub(crate) const LOG_LINE_BYTES: usize = 64 << 10;
/// Resident memory of one worker.
pub(crate) const WORKER_BYTES: u64 = 512 << 20;
/// Worker processes of one version and runtime whose handlers share them, blocked ones included.
pub(crate) const WORKERS: usize = 16;
/// And where handlers have them to themselves (Python's `def`).
pub(crate) const EXCLUSIVE_WORKERS: usize = 32;
/// Of which one subscriber has at most so many.
pub(crate) const EXCLUSIVE_OF_ONE: u32 = 8;
/// And with those whose handler only waits for a function.
pub(crate) const WORKERS_WITH_WAITING: usize = 64;
/// With so many that wait, no handler begins that might wait, too: the others are for what they call.
pub(crate) const WORKERS_WAITING: usize = 16;
/// Functions that call one another.
pub(crate) const CALL_DEPTH: u32 = 32;
/// A deployed snapshot.
pub(crate) const SNAPSHOT_BYTES: u64 = 256 << 20;
/// Files of sites that are compressed at once.
pub(crate) const COMPRESSING: usize = 2;
/// Small files that all sites keep in memory, and that one version of a project's sites does.
pub(crate) const SITES_MEMORY: usize = 64 << 20;
pub(crate) const SITE_MEMORY: usize = 16 << 20;
/// Files of a site of which all that is told of them is kept ready.
pub(crate) const SITE_KNOWN: usize = 4_096;
/// Files of sites that are sent piece by piece at once.
pub(crate) const FILES_AT_ONCE: usize = 1_024;
/// How long running handlers get to finish when the server stops.
pub(crate) const GRACE: Duration = Duration::from_secs(30);
/// How long workers may take to exit after that.
pub(crate) const EXIT: Duration = Duration::from_secs(5);
/// How long a version that was replaced may finish what runs: longer than any time limit.
pub(crate) const RETIRE: Duration = Duration::from_secs(16 * 60);
/// And how many of them at once, where each save makes one (`run`).
pub(crate) const RUN_RETIRING: usize = 8;
/// And how long a handler may hold a process of theirs: an endless loop is what was saved over.
pub(crate) const RUN_PATIENCE: Duration = Duration::from_secs(3);
