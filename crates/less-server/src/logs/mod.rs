//! What handlers print: the lines of one project, kept in files of their own and read back by handler.
//!
//! In: lines as they come. Out: the same lines, by handler and time; oldest first, or to who follows as they came. The
//! database knows nothing of them. An appended line is in a file within 20 ms or so, when the disk keeps up; `flush` waits
//! for it. What is written survives `kill -9` (the page cache has it), but nothing is synced: a power cut may cost
//! the last seconds. When lines come faster than the disk takes them, 8 MiB wait and the rest is left out, with one
//! line per handler that says how many. Who follows a log reads the same files, woken by the writer, which never waits.
//!
//! Reading order: `format` (what lies on disk), `segment`, `folder` (rotation, what has to go), `queue` and `writer`
//! (how lines get there), `index`, `read`, `ordered` and `follow` (how they come back).

mod folder;
mod follow;
mod format;
mod index;
mod ordered;
mod queue;
mod read;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use folder::Folder;
pub use follow::Follower;
pub use ordered::Ordered;
use queue::{LeftOut, Queue};
pub use read::Reader;
use writer::Writer;

/// The longest text of a line. A worker's lines are shorter; an error's stack, told by the server, need not be.
const LINE_BYTES: usize = 128 << 10;
/// Who may follow one project's log at once: each has a file open and may keep a piece of text in memory.
pub const FOLLOWERS: usize = 64;

/// One line of a handler, or about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Ms since 1970.
    pub time: i64,
    /// The handler's identity: `topics/order_placed/payment`.
    pub path: Arc<str>,
    pub stream: Stream,
    /// The invocation that printed it; nil for none.
    pub invocation: Uuid,
    /// Without its line end.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Out,
    Error,
    /// Said by the system: a failed attempt, lines left out.
    Less,
}

impl Stream {
    pub fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Error => "error",
            Self::Less => "less",
        }
    }
}

/// How much of a project's log is kept; the oldest goes first.
#[derive(Debug, Clone)]
pub struct LogLimits {
    /// On disk, indexes included.
    pub bytes: u64,
    /// A line is kept this long, and at most a seventh longer.
    pub age: Duration,
    /// One file; what goes, goes by files.
    pub segment_bytes: u64,
    /// New lines are taken and forgotten; those of before stay.
    pub discards: bool,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { bytes: 1 << 30, age: Duration::from_secs(7 * 24 * 3600), segment_bytes: 16 << 20, discards: false }
    }
}

/// Which lines to read; by default all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// A handler's identity.
    pub path: Option<String>,
    /// Ms since 1970.
    pub since: Option<i64>,
    /// Only what was stored after the line that had this cursor.
    pub after: Option<Cursor>,
}

/// The place behind a line, `segment:offset` as text. Good across restarts; when its line is gone, the oldest that is
/// left follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    segment: u64,
    offset: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.segment, self.offset)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a place in a log; expected two numbers, like 3:4096")]
pub struct BadCursor(String);

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let numbers =
            text.split_once(':').and_then(|(segment, offset)| Some((segment.parse().ok()?, offset.parse().ok()?)));
        let (segment, offset) = numbers.ok_or_else(|| BadCursor(text.into()))?;
        Ok(Self { segment, offset })
    }
}

/// One project's log; a handle, cheap to clone. Its folder must have no other writer: the home's lock sees to that.
#[derive(Clone)]
pub struct Logs {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    queue: Arc<Queue>,
    discards: bool,
    /// Where the stored lines end; the writer tells it after each batch, for as long as it lives.
    stored: watch::Receiver<Cursor>,
    /// Places for followers.
    followers: Arc<Semaphore>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Logs {
    /// Opens the log in `dir`, mends what a crash left, and starts its writer, a thread that ends with the last handle
    /// or at `close`. `now` is the time in ms since 1970. Reads files: at most two segments, unless indexes are missing.
    pub fn open(dir: PathBuf, limits: LogLimits, now: impl Fn() -> i64 + Send + 'static) -> io::Result<Self> {
        let discards = limits.discards;
        let folder = Folder::open(&dir, limits, now())?;
        let queue = Arc::new(Queue::default());
        let (tell, stored) = watch::channel(folder.end());
        let writer = Writer { queue: queue.clone(), folder, now, left_out: LeftOut::new(), stored: tell };
        std::thread::Builder::new().name("less-logs".into()).spawn(move || writer.run())?;
        let followers = Arc::new(Semaphore::new(FOLLOWERS));
        Ok(Self { shared: Arc::new(Shared { dir, queue, discards, stored, followers }) })
    }

    /// Takes a line to be stored after all those taken before. Never waits. After `close` it does nothing.
    pub fn append(&self, mut line: Line) {
        if self.shared.discards {
            return;
        }
        cut(&mut line.text);
        self.shared.queue.push(line);
    }

    /// Returns once all lines appended before are in their files (or reported as left out).
    pub async fn flush(&self) {
        // An error says that the writer is gone: then everything is stored.
        self.shared.queue.flushed().await.ok();
    }

    /// Stores what waits and ends the writer. Lines appended afterwards are lost.
    pub async fn close(&self) {
        self.shared.queue.close();
        self.flush().await;
    }

    /// Everything that matches and was appended before, as it came. The reader reads files as it goes: use it where
    /// blocking is allowed.
    pub async fn read(&self, query: &Query) -> io::Result<Reader> {
        self.flush().await;
        let end = *self.shared.stored.borrow();
        Reader::open(&self.shared.dir, query, end)
    }

    /// Everything that matches and is kept, and then what comes. None when [`FOLLOWERS`] follow already. It reads
    /// files as it goes: use it where blocking is allowed.
    pub fn follow(&self, query: &Query) -> io::Result<Option<Follower>> {
        let Ok(place) = self.shared.followers.clone().try_acquire_owned() else { return Ok(None) };
        Follower::open(&self.shared.dir, query, self.shared.stored.clone(), place).map(Some)
    }
}

fn cut(text: &mut String) {
    if text.len() > LINE_BYTES {
        let kept = text.floor_char_boundary(LINE_BYTES);
        let cut = text.len() - kept;
        text.truncate(kept);
        text.push_str(&format!(" … ({cut} bytes left out)"));
    }
}
