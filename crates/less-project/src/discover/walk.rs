//! Reads the folder `less/` into memory, so that all rules about it are plain functions.
//!
//! Left out: hidden entries, `__pycache__` and `node_modules`, which tools make and people do not mean.
//! Links are followed as long as they stay in the project: what is deployed is the project's folder.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::closest::distance;
use crate::kinds;
use crate::problem::Findings;

/// More entries than any project has; links that multiply each other stop here.
const MOST_ENTRIES: usize = 100_000;

/// A folder and what is in it, by name.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) name: String,
    /// Relative to the project's root, with `/`: `less/topics/order_placed`.
    pub(super) path: String,
    pub(super) files: Vec<String>,
    pub(super) folders: Vec<Folder>,
}

impl Folder {
    pub(super) fn join(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

pub(super) struct Walk<'a> {
    /// Without links, so that the target of one can be compared with it.
    root: PathBuf,
    /// A build has put its own entries into `less/`.
    built: bool,
    entries: usize,
    found: &'a mut Findings,
}

enum Entry {
    File,
    /// Where it really is.
    Folder(PathBuf),
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &Path, built: bool, found: &'a mut Findings) -> io::Result<Self> {
        Ok(Self { root: fs::canonicalize(root)?, built, entries: 0, found })
    }

    /// The folder `less/`, or none with a problem that says why.
    pub(super) fn less(&mut self) -> Option<Folder> {
        let place = self.root.join("less");
        if let Err(error) = fs::symlink_metadata(&place)
            && error.kind() == io::ErrorKind::NotFound
        {
            self.found.problem("less", "there is no folder less/", super::first_step());
            return None;
        }
        match self.entry("less", &place, &[])? {
            Entry::Folder(real) => Some(self.folder("less", "less".into(), &mut vec![real])),
            Entry::File => {
                self.found.problem("less", "is a file, not a folder", super::first_step());
                None
            }
        }
    }

    /// The folder `less/statics`; none if it is not there or, with a problem, cannot be read.
    pub(super) fn statics(&mut self) -> Option<Folder> {
        let place = self.root.join("less/statics");
        if fs::symlink_metadata(&place).is_err() {
            return None;
        }
        match self.entry("less/statics", &place, &[])? {
            Entry::Folder(real) => Some(self.folder("statics", "less/statics".into(), &mut vec![real])),
            Entry::File => {
                self.found.problem("less/statics", "is a file, not a folder", "remove it, and create the folder");
                None
            }
        }
    }

    /// A text file at the project's root; none if it does not exist or, with a problem, cannot be read.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let place = self.root.join(name);
        if fs::symlink_metadata(&place).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return None;
        }
        match self.entry(name, &place, &[])? {
            Entry::File => match fs::read_to_string(&place) {
                Ok(text) => Some(text.trim_start_matches('\u{feff}').to_owned()),
                Err(error) => self.unreadable(name, &error),
            },
            Entry::Folder(_) => {
                self.found.problem(name, "is a folder, not a file", "rename or remove it");
                None
            }
        }
    }

    /// What was probably meant as `less.config`, where there is none.
    pub(super) fn warn_of_other_configs(&mut self) {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        for name in names.filter(|name| name != "less.config" && is_meant_as_config(name)) {
            self.found.warn(name, "is not read", "rename it to less.config");
        }
    }

    fn folder(&mut self, name: &str, path: String, above: &mut Vec<PathBuf>) -> Folder {
        let mut folder = Folder { name: name.to_owned(), path, files: Vec::new(), folders: Vec::new() };
        let real = above.last().cloned().unwrap_or_default();
        for name in self.names(&folder.path, &real) {
            let path = folder.join(&name);
            match self.entry(&path, &real.join(&name), above) {
                Some(Entry::File) => folder.files.push(name),
                Some(Entry::Folder(real)) => {
                    above.push(real);
                    let inner = self.folder(&name, path, above);
                    above.pop();
                    folder.folders.push(inner);
                }
                None => {}
            }
        }
        folder
    }

    /// What is in a folder, in alphabetical order.
    fn names(&mut self, path: &str, real: &Path) -> Vec<String> {
        let entries = match fs::read_dir(real).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(path, &error).unwrap_or_default(),
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry.file_name().into_string() {
                Ok(name) if name.starts_with('.') || name == "__pycache__" => {}
                Ok(name) if name == "node_modules" && (path != "less" || self.built) => {}
                Ok(name) if name == "package.json" && path == "less" && self.built => {}
                Ok(name) => names.push(name),
                Err(name) => {
                    let shown = format!("{path}/{}", name.to_string_lossy());
                    self.found.problem(shown, "its name is not UTF-8", "rename it");
                }
            }
        }
        names.sort_unstable();
        if self.built {
            let all = names.clone();
            names.retain(|name| !kinds::is_transpiled(name, &all));
        }
        if self.entries <= MOST_ENTRIES && self.entries + names.len() > MOST_ENTRIES {
            let message = format!("less/ has more than {MOST_ENTRIES} entries");
            self.found.problem(path, message, "move what is no part of the project out of it");
        }
        self.entries += names.len();
        if self.entries > MOST_ENTRIES { Vec::new() } else { names }
    }

    /// What one entry is, links followed. `above`: where the folders that contain it really are.
    fn entry(&mut self, path: &str, place: &Path, above: &[PathBuf]) -> Option<Entry> {
        let real = match fs::canonicalize(place) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.found.problem(path, "is a link to nothing", "remove it, or put there what it should point to");
                return None;
            }
            Err(error) => return self.unreadable(path, &error),
        };
        if !real.starts_with(&self.root) {
            self.found.problem(
                path,
                "is a link that leads out of the project",
                "copy what it points to into the project",
            );
            return None;
        }
        if above.iter().any(|above| above.starts_with(&real)) {
            self.found.problem(path, "is a link to a folder that contains it", "remove it");
            return None;
        }
        match fs::metadata(&real).and_then(|metadata| readable(&real, &metadata)) {
            Ok(true) => Some(if real.is_dir() { Entry::Folder(real) } else { Entry::File }),
            Ok(false) => {
                self.found.problem(path, "is neither a file nor a folder", "remove it");
                None
            }
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn unreadable<T>(&mut self, path: &str, error: &io::Error) -> Option<T> {
        self.found.problem(path, format!("cannot be read: {error}"), "make it readable, or remove it");
        None
    }
}

/// `less.config.yaml`, `Less.config`, `less_config`, `less.conf`
fn is_meant_as_config(name: &str) -> bool {
    let name = name.to_lowercase();
    let stem = [".yaml", ".yml", ".json"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    distance(stem, "less.config") <= 2
}

/// Whether it is a file or a folder at all; an error if it is a file that cannot be opened.
fn readable(real: &Path, metadata: &Metadata) -> io::Result<bool> {
    if metadata.is_file() {
        File::open(real)?;
    }
    Ok(metadata.is_file() || metadata.is_dir())
}
