//! The Node SDK, which this binary carries, on disk for workers to load.
//!
//! Its folder is named by its content: versions of Less that share a home have a folder each, and a worker that runs
//! goes on with the files it began with.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Name and content of each file, made by the build script from `sdk/node`.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/sdk_node.rs"));

/// The folder of each language's SDK.
#[derive(Debug, Clone)]
pub struct Sdks {
    pub node: PathBuf,
    pub python: PathBuf,
}

/// The SDKs' folders in this home, made unless they are there.
pub fn extract(home: &Path) -> io::Result<Sdks> {
    let node = extract_node(home)?;
    Ok(Sdks { python: node.clone(), node })
}

/// The SDK's folder in this home, made unless it is there.
fn extract_node(home: &Path) -> io::Result<PathBuf> {
    let parent = home.join("sdk");
    let folder = parent.join(format!("node-{}", hash()));
    if folder.is_dir() {
        return Ok(folder);
    }
    let fresh = parent.join(format!(".node-{}", Uuid::now_v7()));
    let made = write_files(&fresh).and_then(|()| fs::rename(&fresh, &folder));
    if made.is_err() {
        // Nothing to remove is as good; what counts is the error of making it.
        fs::remove_dir_all(&fresh).ok();
    }
    // Somebody else may have been quicker; then it is the same.
    made.or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error) })?;
    Ok(folder)
}

fn write_files(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, content) in FILES {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = File::create(path)?;
        file.write_all(content)?;
        // A folder with this name is never written again, so it must not be half there after a power cut.
        file.sync_all()?;
    }
    File::open(folder)?.sync_all()
}

fn hash() -> String {
    let mut hash = Sha256::new();
    for (name, content) in FILES {
        for part in [name.as_bytes(), content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_sdk_is_whole_without_its_tests_and_made_once() {
        let home = TempDir::new().unwrap();
        let folder = extract(home.path()).unwrap();
        let names: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&"package.json") && names.contains(&"index.cjs"), "{names:?}");
        assert!(!names.iter().any(|name| name.contains("test")), "{names:?}");
        for (name, content) in FILES {
            assert_eq!(&fs::read(folder.join(name)).unwrap(), content);
        }
        fs::write(folder.join("mark"), "").unwrap();
        assert_eq!(extract(home.path()).unwrap(), folder);
        assert!(folder.join("mark").exists());
        assert_eq!(fs::read_dir(home.path().join("sdk")).unwrap().count(), 1);
    }

    #[test]
    fn many_at_once_get_the_same_folder() {
        let home = TempDir::new().unwrap();
        let folders: Vec<PathBuf> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| extract(home.path()).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(folders.iter().all(|folder| *folder == folders[0]));
        assert_eq!(fs::read_dir(home.path().join("sdk")).unwrap().count(), 1);
    }
}
