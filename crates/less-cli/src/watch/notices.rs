//! The kernel's notices that something in a folder has changed (inotify). What it was is not read: a look tells.
//!
//! Folders are watched one by one, so that those of packages (`node_modules`) cost nothing.

use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

/// Files that come, go, are written or change their mode.
const WHAT: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

pub(super) struct Notices {
    queue: AsyncFd<OwnedFd>,
    /// The watched folders, relative to the root, with their numbers.
    watched: BTreeMap<PathBuf, i32>,
    /// A folder went away; another of its name is not watched yet.
    pub(super) has_lost: bool,
}

impl Notices {
    /// None where the kernel has no more of them.
    #[expect(deprecated, reason = "its successor is unsafe, which we forbid; what it asks for an OwnedFd keeps")]
    pub(super) fn start() -> Option<Self> {
        let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
        Some(Self { queue: AsyncFd::new(queue).ok()?, watched: BTreeMap::new(), has_lost: false })
    }

    /// Watches the root and these folders, and no other any more. An error: the limit is reached.
    pub(super) fn follow<'a>(&mut self, root: &Path, folders: impl Iterator<Item = &'a Path>) -> io::Result<()> {
        self.read();
        self.has_lost = false;
        let mut before = std::mem::take(&mut self.watched);
        let mut fresh = Vec::new();
        for folder in std::iter::once(Path::new("")).chain(folders) {
            if let Some((folder, number)) = before.remove_entry(folder) {
                self.watched.insert(folder, number);
            } else {
                fresh.push(folder);
            }
        }
        // First, for a folder that was moved has the same number under its new name.
        for number in before.into_values() {
            // With a folder that is gone its watch is, too.
            inotify::remove_watch(&self.queue, number).ok();
        }
        for folder in fresh {
            match inotify::add_watch(&self.queue, root.join(folder), WHAT) {
                Ok(number) => {
                    self.watched.insert(folder.to_owned(), number);
                }
                // Gone meanwhile; the next look tells.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Resolves when something has happened since the last time. Cancel safe.
    pub(super) async fn next(&mut self) {
        // An error is the runtime's end.
        if let Ok(mut ready) = self.queue.readable().await {
            ready.clear_ready();
        }
        self.read();
    }

    /// Takes what is there.
    fn read(&mut self) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.queue, &mut buffer);
        while let Ok(event) = events.next() {
            if event.events().contains(ReadFlags::IGNORED) {
                self.watched.retain(|_, number| *number != event.wd());
                self.has_lost = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn folders_that_are_followed_are_told_of_and_others_are_not() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["less", "node_modules"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let mut notices = Notices::start().unwrap();
        notices.follow(root.path(), [Path::new("less")].into_iter()).unwrap();
        fs::write(root.path().join("node_modules/index.js"), "").unwrap();
        assert!(timeout(Duration::from_millis(100), notices.next()).await.is_err());
        for path in ["less/get.js", "package.json"] {
            fs::write(root.path().join(path), "").unwrap();
            timeout(Duration::from_secs(10), notices.next()).await.expect(path);
        }
        fs::rename(root.path().join("less"), root.path().join("more")).unwrap();
        notices.follow(root.path(), [Path::new("more")].into_iter()).unwrap();
        timeout(Duration::from_millis(100), notices.next()).await.ok();
        fs::write(root.path().join("more/get.js"), "1").unwrap();
        timeout(Duration::from_secs(10), notices.next()).await.expect("the moved folder");
    }
}
