//! Notices that a project's folder changed, by looking at times and sizes twice a second.
//!
//! Looking works on every file system and for every editor; a project is small. What installers and
//! tools write (`node_modules`, hidden folders) is not looked at, nor what is in a site: `run` serves that as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use less_server::build::types::DECLARATIONS;

const EVERY: Duration = Duration::from_millis(500);
const NOT_LOOKED_AT: [&str; 4] = ["node_modules", "target", "__pycache__", "venv"];

pub(crate) struct Watch {
    root: PathBuf,
    /// The state that was last told.
    told: Files,
    /// A state that differs, seen once; told when it is seen again, so that a save in progress is over.
    fresh: Option<Files>,
}

type Files = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

impl Watch {
    /// Changes count from now on.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), told: look(root), fresh: None }
    }

    /// Resolves when the folder has changed and come to rest. Cancel safe.
    pub(crate) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(EVERY).await;
            if self.settled(look(&self.root)) {
                return;
            }
        }
    }

    fn settled(&mut self, now: Files) -> bool {
        if now == self.told {
            self.fresh = None;
        } else if self.fresh.as_ref() == Some(&now) {
            self.told = now;
            self.fresh = None;
            return true;
        } else {
            self.fresh = Some(now);
        }
        false
    }
}

/// What cannot be read counts as not there: the next deploy says why.
fn look(root: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![root.to_owned()];
    let sites = root.join("less/statics");
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if !metadata.is_dir() {
                if entry.file_name() == DECLARATIONS {
                    continue; // ours
                }
                files.insert(entry.path(), (metadata.modified().ok(), metadata.len()));
            } else if is_looked_at(&entry.file_name().to_string_lossy()) {
                files.insert(entry.path(), (None, 0));
                if folder != sites {
                    folders.push(entry.path());
                }
            }
        }
    }
    files
}

fn is_looked_at(folder: &str) -> bool {
    !folder.starts_with('.') && !NOT_LOOKED_AT.contains(&folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_it_is_seen_twice() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("get.js"), "1").unwrap();
        let mut watch = Watch::new(root.path());
        assert!(!watch.settled(look(root.path())));
        fs::write(root.path().join("get.js"), "12").unwrap();
        assert!(!watch.settled(look(root.path())));
        fs::write(root.path().join("get.js"), "123").unwrap();
        assert!(!watch.settled(look(root.path())));
        assert!(watch.settled(look(root.path())));
        assert!(!watch.settled(look(root.path())));
    }

    #[test]
    fn new_removed_and_empty_folders_are_changes() {
        let root = tempfile::tempdir().unwrap();
        let empty = look(root.path());
        fs::create_dir_all(root.path().join("less/topics/a")).unwrap();
        let some = look(root.path());
        assert_ne!(empty, some);
        fs::remove_dir_all(root.path().join("less")).unwrap();
        assert_eq!(look(root.path()), empty);
    }

    #[test]
    fn a_new_site_is_a_change_and_one_in_a_site_is_none() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("less/statics")).unwrap();
        let none = look(root.path());
        fs::create_dir(root.path().join("less/statics/web")).unwrap();
        let one = look(root.path());
        assert_ne!(none, one);
        fs::write(root.path().join("less/statics/web/index.html"), "").unwrap();
        assert_eq!(look(root.path()), one);
    }

    #[test]
    fn what_tools_write_is_not_looked_at() {
        let root = tempfile::tempdir().unwrap();
        let before = look(root.path());
        for folder in ["node_modules/uuid", ".git/objects", "target/debug"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        assert_eq!(look(root.path()), before);
        fs::write(root.path().join(".env"), "A=1").unwrap();
        assert_ne!(look(root.path()), before);
    }
}
