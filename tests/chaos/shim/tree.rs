//! What lies in a folder: read, compared, put back.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Everything below a folder by its path there; a folder comes before what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<PathBuf, Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Folder { mode: u32 },
    File { mode: u32, bytes: Vec<u8> },
    Link { target: PathBuf },
}

/// The index of the write-ahead log is memory that happens to have a name, and the reserve is room without content.
pub(super) fn is_no_content(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.ends_with("-shm") || path.ends_with("/reserve")
}

impl Tree {
    pub fn of(folder: &Path) -> Self {
        let mut tree = Self::default();
        walk(folder, &mut |path, entry, _| {
            tree.0.insert(path.strip_prefix(folder).unwrap().to_owned(), entry);
        });
        tree
    }

    /// Makes `folder` hold this and nothing else.
    pub fn write(&self, folder: &Path) {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{}: {error}", folder.display()),
            _ => fs::create_dir_all(folder).unwrap(),
        }
        for (path, entry) in &self.0 {
            let path = folder.join(path);
            match entry {
                Entry::Folder { mode } => {
                    fs::create_dir(&path).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
                }
                Entry::File { mode, bytes } => {
                    fs::write(&path, bytes).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
                }
                Entry::Link { target } => symlink(target, &path).unwrap(),
            }
        }
    }

    /// Paths that are not the same in both.
    pub fn differences(&self, other: &Self) -> Vec<PathBuf> {
        let all = self.0.keys().chain(other.0.keys());
        let mut different: Vec<_> = all.filter(|path| self.0.get(*path) != other.0.get(*path)).cloned().collect();
        different.sort();
        different.dedup();
        different
    }
}

/// Calls `see` with each path below `folder`, what is there, and its inode.
pub(super) fn walk(folder: &Path, see: &mut impl FnMut(&Path, Entry, u64)) {
    for found in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !is_no_content(path)) {
        let about = fs::symlink_metadata(&found).unwrap();
        let mode = about.mode() & 0o7777;
        if about.is_dir() {
            see(&found, Entry::Folder { mode }, about.ino());
            walk(&found, see);
        } else if about.is_symlink() {
            see(&found, Entry::Link { target: fs::read_link(&found).unwrap() }, about.ino());
        } else {
            see(&found, Entry::File { mode, bytes: fs::read(&found).unwrap() }, about.ino());
        }
    }
}
