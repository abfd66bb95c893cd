//! The SDKs, which this binary carries, on disk for workers to load.
//!
//! Their folders are named by their content: versions of Less that share a home have folders of their own, and a worker
//! that runs goes on with the files it began with.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Name and content of each file, made by the build script from the folders in `sdk`.
type Files = &'static [(&'static str, &'static [u8])];
const NODE: Files = include!(concat!(env!("OUT_DIR"), "/sdk_node.rs"));
const PYTHON: Files = include!(concat!(env!("OUT_DIR"), "/sdk_python.rs"));

/// Where the SDKs lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdks {
    /// The package `@chuva.io/less`.
    pub node: PathBuf,
    /// The folder that contains the package `less`.
    pub python: PathBuf,
}

/// The SDKs' folders in this home, made unless they are there.
pub fn extract(home: &Path) -> io::Result<Sdks> {
    let parent = home.join("sdk");
    Ok(Sdks { node: extract_one(&parent, "node", NODE)?, python: extract_one(&parent, "python", PYTHON)? })
}

fn extract_one(parent: &Path, name: &str, files: Files) -> io::Result<PathBuf> {
    let folder = parent.join(format!("{name}-{}", hash(files)));
    if folder.is_dir() {
        return Ok(folder);
    }
    let fresh = parent.join(format!(".{name}-{}", Uuid::now_v7()));
    let made = write_files(&fresh, files).and_then(|()| fs::rename(&fresh, &folder));
    if made.is_err() {
        // Nothing to remove is as good; what counts is the error of making it.
        fs::remove_dir_all(&fresh).ok();
    }
    // Somebody else may have been quicker; then it is the same.
    made.or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error) })?;
    Ok(folder)
}

fn write_files(folder: &Path, files: Files) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, content) in files {
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

fn hash(files: Files) -> String {
    let mut hash = Sha256::new();
    for (name, content) in files {
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
    fn the_sdks_are_whole_without_their_tests_and_made_once() {
        let home = TempDir::new().unwrap();
        let sdks = extract(home.path()).unwrap();
        let names = |files: Files| files.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        assert!(names(NODE).contains(&"package.json") && names(NODE).contains(&"index.cjs"), "{:?}", names(NODE));
        assert!(names(PYTHON).contains(&"less/__init__.py"), "{:?}", names(PYTHON));
        for (files, folder) in [(NODE, &sdks.node), (PYTHON, &sdks.python)] {
            assert!(!names(files).iter().any(|name| name.contains("test")), "{:?}", names(files));
            for (name, content) in files {
                assert_eq!(&fs::read(folder.join(name)).unwrap(), content);
            }
        }
        fs::write(sdks.node.join("mark"), "").unwrap();
        assert_eq!(extract(home.path()).unwrap(), sdks);
        assert!(sdks.node.join("mark").exists());
        assert_eq!(fs::read_dir(home.path().join("sdk")).unwrap().count(), 2);
    }

    #[test]
    fn many_at_once_get_the_same_folders() {
        let home = TempDir::new().unwrap();
        let all: Vec<Sdks> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| extract(home.path()).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|sdks| *sdks == all[0]));
        assert_eq!(fs::read_dir(home.path().join("sdk")).unwrap().count(), 2);
    }
}
