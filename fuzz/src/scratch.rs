//! Folders for targets that read and write files, in memory where the machine has such a place.

use std::path::Path;

use tempfile::TempDir;

const IN_MEMORY: &str = "/dev/shm";

/// A folder that leaves with its handle.
pub(crate) fn folder() -> TempDir {
    let made = if Path::new(IN_MEMORY).is_dir() { TempDir::new_in(IN_MEMORY) } else { TempDir::new() };
    made.expect("a folder for a moment")
}

/// For what is async; timers included.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
