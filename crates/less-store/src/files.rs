//! The seam of files: its words, and the promises every back end keeps.

mod event;
mod path;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::{Result, Timestamp};
pub(crate) use event::message;
pub use path::{BadPath, FilePath};

/// The topic that tells of uploads, where a project has it.
pub const UPLOADED: &str = "files_uploaded";

/// A file, as far as it is not its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: FilePath,
    /// Names the bytes: those of another upload have another, equal or not.
    pub object: Uuid,
    pub size: u64,
    pub content_type: String,
    pub uploaded_at: Timestamp,
}

impl Entry {
    /// Changes with every upload. Without quotes.
    pub fn etag(&self) -> String {
        self.object.simple().to_string()
    }

    /// As everybody is told of it.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "path": self.path.as_str(),
            "size": self.size,
            "content_type": self.content_type,
            "etag": self.etag(),
            "uploaded_at": self.uploaded_at,
        })
    }
}

/// Under which name an upload becomes a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    pub path: FilePath,
    pub content_type: String,
    /// Of the message that tells of it.
    pub trace: Uuid,
}

/// A file that somebody reads.
pub struct Opened {
    pub entry: Entry,
    pub object: Box<dyn Object>,
}

/// Files. The contract every back end keeps; `contract::check_files` holds each to it.
///
/// 1. `keep` returns only once bytes and entry would survive a power cut; whoever opens the path later finds them.
/// 2. Until then nobody sees anything of an upload, and what the path has stays. One that is dropped, refused or cut off
///    by a crash changes nothing.
/// 3. Who has opened a file reads its bytes to the end, whatever becomes of the path meanwhile.
/// 4. Of several uploads to one path each is whole, and the last to be kept stays.
/// 5. Where the project has the topic [`UPLOADED`], a file and the message that tells of it are one commit:
///    [`Entry::to_json`], in order for each path.
/// 6. Files of one project are nobody else's, and go with its purge; what was being uploaded then is not kept.
/// 7. What no path leads to takes no space for long: after a crash until `sweep`.
#[async_trait]
pub trait Files: Send + Sync + 'static {
    /// Begins to take bytes that nobody sees yet.
    async fn begin(&self, project: &str) -> Result<Box<dyn Upload>>;

    async fn open(&self, project: &str, path: &FilePath) -> Result<Option<Opened>>;

    /// Whether there was something to delete.
    async fn delete(&self, project: &str, path: &FilePath) -> Result<bool>;

    /// The files whose paths begin with `prefix`, in the order of their bytes, after `after`, at most `limit`.
    async fn list(&self, project: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>>;

    /// Removes what crashes have left over. Uploads may go on beside it.
    async fn sweep(&self) -> Result<()>;
}

/// Bytes on their way in. Dropped, it leaves nothing behind.
#[async_trait]
pub trait Upload: Send + Sync {
    /// Adds bytes. An error may be that of bytes before these; nothing can be added after it.
    async fn write(&mut self, pieces: Vec<Bytes>) -> Result<()>;

    /// Makes it a file. A caller that stops waiting may still have done so.
    async fn keep(self: Box<Self>, keep: Keep) -> Result<Entry>;
}

/// Bytes on their way out.
#[async_trait]
pub trait Object: Send + Sync {
    /// The `length` bytes from `at` on, which must be there.
    async fn read(&self, at: u64, length: usize) -> Result<Bytes>;
}
