//! Room that is put by on the disk, so that a full one can be helped.
//!
//! What is settled makes room in the end, but needs some in the write-ahead log first; and the log gives its own back
//! only once what is in it has been brought to its place in the database's file, which may have to grow for that, at
//! most by the length of the log. When it is taken, the reserve is never shorter than what the log can become with the room
//! that is left; one that had to be short grows when there is room again.
//! So whatever fills the disk, what waits can be delivered, and the log be emptied. A start writes more than the store's
//! files: where there is too little for that, the log is emptied first, and the reserve leaves some.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;

use rustix::fs::{FallocateFlags, fallocate};

/// The log's usual length before it is brought to its place.
const MOST: u64 = 16 << 20;
/// Less is not worth the trouble.
const LEAST: u64 = 64 << 10;
/// What is left for others, if there is twice as much.
const SPARE: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Whether the disk is so full that not even a start has room.
    pub(super) fn is_needed(&self) -> bool {
        self.room().is_ok_and(|room| room < SPARE)
    }

    /// Puts by what there is, up to the most. Where a file system cannot do that there is no reserve. Returns whether
    /// there was too little: then it is worth another try.
    pub(super) fn take(&self) -> bool {
        self.try_take().map(|taken| taken < MOST).unwrap_or_else(|error| {
            tracing::warn!(file = %self.path.display(), %error, "no room can be put by for when the disk is full");
            false
        })
    }

    /// How much it is.
    fn try_take(&self) -> io::Result<u64> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&self.path)?;
        let had = file.metadata()?.len();
        let all = had + self.room()?;
        let mut length = MOST.min(all - SPARE.min(all / 2));
        while length >= LEAST && length > had {
            match fallocate(&file, FallocateFlags::empty(), 0, length) {
                Ok(()) => return Ok(length),
                // A file system needs some for itself.
                Err(rustix::io::Errno::NOSPC) => length /= 2,
                Err(error) => return Err(error.into()),
            }
            file.set_len(had)?;
        }
        Ok(had)
    }

    /// What the disk has left.
    fn room(&self) -> io::Result<u64> {
        let about = rustix::fs::statvfs(self.path.parent().unwrap_or(&self.path))?;
        Ok(about.f_bavail * about.f_frsize)
    }

    /// Gives it back to the disk.
    pub(super) fn give(&self) {
        // Without one there is nothing to give.
        File::options().write(true).open(&self.path).and_then(|file| file.set_len(0)).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_room_on_the_disk_until_it_is_given_back() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path().join("reserve"));
        let blocks = || std::fs::metadata(&reserve.path).unwrap().blocks() * 512;
        reserve.give();
        assert!(!reserve.take() && !reserve.take(), "there is enough");
        assert!(blocks() >= MOST);
        reserve.give();
        assert_eq!(blocks(), 0);
    }
}
