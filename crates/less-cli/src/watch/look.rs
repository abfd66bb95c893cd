//! What a project's folder looks like: what a deploy takes of it (`less_server::build::snapshot`), and `.env`.
//!
//! What installers, tools and editors write beside that (`node_modules`, hidden folders, logs, backups) is not looked at,
//! nor what is in a site: `run` serves that as it is.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use less_server::build::types::{DECLARATIONS, TSCONFIG};
use rustix::fs::fstat;
use rustix::stdio::{stderr, stdout};

const FOLDERS_NOT_LOOKED_AT: [&str; 3] = ["node_modules", "__pycache__", "venv"];
/// Hidden, and yet read: the variables, and what installers go by.
const HIDDEN: [&str; 4] = [".env", ".npmrc", ".yarnrc", ".yarnrc.yml"];
/// The folders in it are sites.
const SITES: &str = "less/statics";
/// What decides which packages there are.
const DEPENDENCIES: [&str; 8] = [
    "package.json",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "yarn.lock",
    "requirements.txt",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
];

/// A folder at one moment.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Relative to the root.
    pub(super) files: BTreeMap<PathBuf, Stamp>,
    /// Git is at work: not all of its files are there.
    pub(super) is_busy: bool,
}

/// What no write leaves as it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    Folder,
    File { inode: u64, length: u64, modified: (i64, i64), changed: (i64, i64) },
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self::File {
            inode: file.ino(),
            length: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

impl Look {
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().filter(|(_, stamp)| **stamp == Stamp::Folder).map(|(path, _)| path.as_path())
    }
}

/// A file or a folder, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Of this process's stdout and stderr.
    pub(super) fn of_output() -> Vec<Self> {
        let output = [fstat(stdout()), fstat(stderr())];
        output.into_iter().flatten().map(|stat| Self { device: stat.st_dev, inode: stat.st_ino }).collect()
    }

    pub(super) fn of(file: &Metadata) -> Self {
        Self { device: file.dev(), inode: file.ino() }
    }
}

/// Without those of `own`. What cannot be read counts as not there: the next deploy says why.
pub(super) fn look(root: &Path, own: &[FileId]) -> Look {
    let mut files = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if own.contains(&FileId::of(&metadata)) {
                continue;
            }
            let name = entry.file_name();
            let (name, path) = (name.to_string_lossy(), folder.join(&name));
            let at_top = folder.as_os_str().is_empty();
            if !metadata.is_dir() {
                if is_file_looked_at(&name, at_top) {
                    files.insert(path, Stamp::of(&metadata));
                }
            } else if is_folder_looked_at(&name, at_top) && !entry.path().join("pyvenv.cfg").exists() {
                files.insert(path.clone(), Stamp::Folder);
                if folder != Path::new(SITES) {
                    folders.push(path);
                }
            }
        }
    }
    Look { files, is_busy: root.join(".git/index.lock").exists() }
}

fn is_folder_looked_at(name: &str, at_top: bool) -> bool {
    let is_of_tools = FOLDERS_NOT_LOOKED_AT.contains(&name) || (at_top && name == "target");
    !name.starts_with('.') && !is_of_tools
}

fn is_file_looked_at(name: &str, at_top: bool) -> bool {
    if name.starts_with('.') {
        return at_top && HIDDEN.contains(&name);
    }
    let is_for_editors = name == DECLARATIONS || (at_top && name == TSCONFIG);
    !is_for_editors && !is_left_behind(name)
}

/// Logs, backups and what an editor tries: `get.js~`, `#get.js#`, Vim's `4913`, those of JetBrains.
fn is_left_behind(name: &str) -> bool {
    name.ends_with(".log")
        || name.ends_with('~')
        || (name.starts_with('#') && name.ends_with('#'))
        || name == "4913"
        || name.ends_with("___jb_tmp___")
        || name.ends_with("___jb_old___")
}

/// What is different; as text, what to call it.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Relative to the root; of a new or removed folder only itself.
    paths: Vec<PathBuf>,
    /// False when the folder did not come to rest.
    pub(crate) at_rest: bool,
    /// When the first of it was noticed.
    pub(crate) since: Instant,
}

impl Changes {
    pub(super) fn between(before: &Look, after: &Look, at_rest: bool, since: Instant) -> Self {
        let (before, after) = (&before.files, &after.files);
        let gone = before.keys().filter(|path| !after.contains_key(*path));
        let other = after.iter().filter(|(path, stamp)| before.get(*path) != Some(stamp)).map(|(path, _)| path);
        let mut all: Vec<&PathBuf> = gone.chain(other).collect();
        all.sort();
        let is_within = |path: &&PathBuf| {
            path.ancestors().skip(1).any(|above| all.binary_search_by(|p| p.as_path().cmp(above)).is_ok())
        };
        let paths = all.iter().copied().filter(|path| !is_within(path)).cloned().collect();
        Self { paths, at_rest, since }
    }

    /// With what came later.
    pub(crate) fn and(mut self, later: Self) -> Self {
        self.paths.extend(later.paths);
        self.paths.sort();
        self.paths.dedup();
        Self { at_rest: later.at_rest, ..self }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether people have saved something: tools may write beside `less/` all the time.
    pub(crate) fn touch_code(&self) -> bool {
        self.paths.iter().any(|path| path.starts_with("less"))
    }

    /// Whether other packages may be wanted now.
    pub(crate) fn touch_dependencies(&self) -> bool {
        self.paths.iter().any(|path| path.to_str().is_some_and(|path| DEPENDENCIES.contains(&path)))
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.paths.split_first() else { return Ok(()) };
        write!(f, "{}", first.display())?;
        if others.is_empty() { Ok(()) } else { write!(f, " and {} more", others.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path) -> Vec<String> {
        look(root, &[]).files.into_keys().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn what_tools_and_editors_write_is_not_looked_at() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        for path in
            ["node_modules/uuid/index.js", ".git/HEAD", "target/debug/x", "less/__pycache__/x.pyc", "env/pyvenv.cfg"]
        {
            write(path);
        }
        for path in [
            "tsconfig.json",
            "npm-debug.log",
            ".get.js.swp",
            "get.js~",
            "#get.js#",
            ".#get.js",
            "4913",
            "get.js___jb_tmp___",
            "less/.env",
            DECLARATIONS,
        ] {
            write(path);
        }
        assert_eq!(names(root.path()), ["less"]);
        for path in [".env", ".npmrc", "less/target/get.js", "less.config", "package.json"] {
            write(path);
        }
        let expected = [".env", ".npmrc", "less", "less/target", "less/target/get.js", "less.config", "package.json"];
        assert_eq!(names(root.path()), expected);
    }

    #[test]
    fn a_new_site_is_seen_and_what_is_in_it_is_not() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("less/statics/web")).unwrap();
        fs::write(root.path().join("less/statics/web/index.html"), "").unwrap();
        assert_eq!(names(root.path()), ["less", "less/statics", "less/statics/web"]);
    }

    #[test]
    fn every_way_of_saving_changes_the_look() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("get.js");
        fs::write(&file, "one").unwrap();
        let kept = fs::metadata(&file).unwrap().modified().unwrap();
        let before = look(root.path(), &[]);
        // Renamed over, as long as before, and with the same time.
        let other = root.path().join(".get.js.new");
        fs::write(&other, "two").unwrap();
        fs::File::open(&other).unwrap().set_modified(kept).unwrap();
        fs::rename(&other, &file).unwrap();
        let after = look(root.path(), &[]);
        assert_eq!(Changes::between(&before, &after, true, Instant::now()).to_string(), "get.js");
    }

    #[test]
    fn changes_are_named_by_the_first_and_folders_by_themselves() {
        let root = tempfile::tempdir().unwrap();
        let before = look(root.path(), &[]);
        fs::create_dir_all(root.path().join("less/apis/a")).unwrap();
        fs::write(root.path().join("less/apis/a/get.js"), "").unwrap();
        let one = look(root.path(), &[]);
        let told = |changes: &Changes| (changes.to_string(), changes.touch_dependencies());
        assert_eq!(told(&Changes::between(&before, &one, true, Instant::now())), ("less".to_owned(), false));
        fs::write(root.path().join("package.json"), "").unwrap();
        fs::write(root.path().join("less/apis/a/get.js"), "1").unwrap();
        let two = look(root.path(), &[]);
        let changes = Changes::between(&one, &two, true, Instant::now());
        assert_eq!(told(&changes), ("less/apis/a/get.js and 1 more".to_owned(), true));
    }
}
