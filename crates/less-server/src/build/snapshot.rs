//! A project's folder as a tar, to be sent to a server, which unpacks it (`unpack`).
//!
//! Left out: `node_modules`, `__pycache__` and virtual environments everywhere, `target` at the top, whatever begins with a dot (`.git`, `.env`) except the
//! installers' settings at the top, and sockets, pipes and devices. A site is what a build tool wrote, so of those names it may have any below its own folder
//! (some tools write `assets/node_modules`), and `.well-known` in it. What Less keeps (`LESS_HOME`) is left out where it lies in the project. Empty folders are kept: a topic may be one. A link
//! is packed as what it points to, which must lie in the project; so a snapshot has files and folders only, and nothing
//! in it can lead out where it is unpacked. The same folder gives the same bytes on every machine.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use less_project::Problem;
use tar::{Builder, EntryType, Header};

pub use super::unpack::unpack;
use super::{Doing, Error, Result};
use crate::limits::SNAPSHOT_BYTES;

/// Files and folders of a snapshot.
pub const SNAPSHOT_ENTRIES: usize = 50_000;
/// Hidden, but an installer does not do the same without them.
const INSTALLER_SETTINGS: [&str; 3] = [".npmrc", ".yarnrc", ".yarnrc.yml"];

/// What was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    pub files: usize,
    /// Of the files' content.
    pub bytes: u64,
}

/// Writes the snapshot of the project in `root`, without the folder `home`, should that lie in it: it has secrets, and
/// changes all the time. Finds all problems before it writes anything.
pub fn pack(root: &Path, home: &Path, out: impl Write) -> Result<Packed> {
    pack_within(root, home.canonicalize().ok(), Scope::Project, out, SNAPSHOT_BYTES)
}

/// The same for `run`, which serves sites from where they are: of what is in them it has only the names. However large they
/// are, and though a build is writing them, new code is packed at once.
pub fn pack_code(root: &Path, home: &Path, out: impl Write) -> Result<Packed> {
    pack_within(root, home.canonicalize().ok(), Scope::Code, out, SNAPSHOT_BYTES)
}

/// The same of its sites alone: `less/statics`.
pub fn pack_sites(root: &Path, out: impl Write) -> Result<Packed> {
    pack_within(root, None, Scope::Sites, out, SNAPSHOT_BYTES)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Project,
    /// And the names in its sites.
    Code,
    Sites,
}

fn pack_within(root: &Path, home: Option<PathBuf>, scope: Scope, out: impl Write, most: u64) -> Result<Packed> {
    let root = root.canonicalize().doing("open the folder", root)?;
    let (entries, problems) = (Vec::new(), Vec::new());
    let mut walk = Walk { root: root.clone(), home, scope, inside: vec![root.clone()], entries, problems };
    match scope {
        Scope::Project | Scope::Code => walk.folder(&root, "")?,
        Scope::Sites => walk.sites()?,
    }
    let bytes = walk.entries.iter().filter_map(|entry| entry.file).sum();
    walk.problems.extend(too_large(&walk.entries, bytes, most));
    if !walk.problems.is_empty() {
        return Err(Error::Problems(walk.problems));
    }
    let files = walk.entries.iter().filter(|entry| entry.file.is_some()).count();
    let mut tar = Builder::new(out);
    for entry in &walk.entries {
        entry.append_to(&mut tar).doing("pack", &entry.real)?;
    }
    tar.into_inner().and_then(|mut out| out.flush()).doing("pack", &root)?;
    Ok(Packed { files, bytes })
}

struct Entry {
    /// Relative to the root, with `/`.
    name: String,
    /// What a link points to, or the thing itself.
    real: PathBuf,
    mode: u32,
    /// A file's length; `None` for a folder.
    file: Option<u64>,
}

impl Entry {
    fn append_to(&self, tar: &mut Builder<impl Write>) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_mode(self.mode);
        header.set_mtime(0);
        header.set_size(self.file.unwrap_or(0));
        header.set_entry_type(if self.file.is_some() { EntryType::Regular } else { EntryType::Directory });
        match self.file {
            None | Some(0) => tar.append_data(&mut header, &self.name, io::empty()),
            Some(length) => {
                let content = Exactly { file: File::open(&self.real)?, left: length };
                tar.append_data(&mut header, &self.name, content)
            }
        }
    }
}

/// A file that changes while it is packed would put everything after it out of place.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&mut self.file).take(self.left).read(buffer)?;
        self.left -= read as u64;
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::other("it became shorter meanwhile; try again"));
        }
        Ok(read)
    }
}

struct Walk {
    root: PathBuf,
    /// Left out.
    home: Option<PathBuf>,
    scope: Scope,
    /// The real paths of the folders we are in, to notice a link to one of them.
    inside: Vec<PathBuf>,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

impl Walk {
    /// A snapshot names every folder before what is in it.
    fn sites(&mut self) -> Result<()> {
        let less = self.root.join("less");
        let real = less.canonicalize().doing("open the folder", &less)?;
        self.entries.push(Entry { name: "less".into(), real: real.clone(), mode: 0o755, file: None });
        self.inside.push(real);
        self.child(&less.join("statics"), "less/statics")
    }

    fn folder(&mut self, real: &Path, name: &str) -> Result<()> {
        let mut children: Vec<_> = match fs::read_dir(real).and_then(Iterator::collect) {
            Ok(children) => children,
            Err(error) => {
                self.unreadable(name, &error);
                return Ok(());
            }
        };
        children.sort_by_key(fs::DirEntry::file_name);
        for child in children {
            if self.entries.len() >= SNAPSHOT_ENTRIES {
                return Err(too_many(name).into());
            }
            let file_name = child.file_name();
            match file_name.to_str() {
                _ if file_name.to_str().is_some_and(|child| is_left_out(name, child)) => {}
                _ if is_environment(&child.path()) => {}
                Some(child_name) => self.child(&child.path(), &join(name, child_name))?,
                None => self.problems.push(Problem::new(
                    join(name, &file_name.to_string_lossy()),
                    "a file's name must be valid UTF-8",
                    "rename it",
                )),
            }
        }
        Ok(())
    }

    fn child(&mut self, path: &Path, name: &str) -> Result<()> {
        let looked_at = self.look_at(path, name);
        if self.scope == Scope::Code && is_in_site(name) {
            // Gone meanwhile, perhaps.
            self.entries.extend(looked_at.ok().flatten().and_then(|(real, metadata)| named(name, real, &metadata)));
            return Ok(());
        }
        match looked_at {
            Err(error) => self.unreadable(name, &error),
            Ok(Some((real, metadata))) if metadata.is_file() => self.file(real, name, &metadata),
            Ok(Some((real, _))) if self.home.as_ref() == Some(&real) => {}
            Ok(Some((real, metadata))) if metadata.is_dir() => {
                self.entries.push(Entry { name: name.into(), real: real.clone(), mode: 0o755, file: None });
                self.inside.push(real.clone());
                self.folder(&real, name)?;
                self.inside.pop();
            }
            Ok(_) => {}
        }
        Ok(())
    }

    fn look_at(&mut self, path: &Path, name: &str) -> io::Result<Option<(PathBuf, Metadata)>> {
        let Some(real) = self.follow(path, name)? else { return Ok(None) };
        let metadata = fs::metadata(&real)?;
        Ok(Some((real, metadata)))
    }

    fn file(&mut self, real: PathBuf, name: &str, metadata: &Metadata) {
        // Opened now so that all unreadable files are told at once.
        if let Err(error) = File::open(&real) {
            return self.unreadable(name, &error);
        }
        let for_all = metadata.permissions().mode() & 0o044 != 0;
        let mode = if for_all { 0o644 } else { 0o600 };
        self.entries.push(Entry { name: name.into(), real, mode, file: Some(metadata.len()) });
    }

    /// Where a link leads, unless that is a problem; anything else is itself.
    fn follow(&mut self, path: &Path, name: &str) -> io::Result<Option<PathBuf>> {
        if !fs::symlink_metadata(path)?.is_symlink() {
            return Ok(Some(path.into()));
        }
        let target = fs::read_link(path)?;
        let (wrong, hint) = match path.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                ("points to nothing", "remove the link, or create what it points to")
            }
            Err(error) => return Err(error),
            Ok(real) if !real.starts_with(&self.root) => {
                ("leads out of the project", "copy what it points to into the project; only the project is deployed")
            }
            Ok(real) if self.inside.contains(&real) => {
                ("leads to a folder that contains the link", "remove the link; following it would never end")
            }
            Ok(real) => return Ok(Some(real)),
        };
        let message = format!("the link to {} {wrong}", target.display());
        self.problems.push(Problem::new(name, message, hint));
        Ok(None)
    }

    fn unreadable(&mut self, name: &str, error: &io::Error) {
        let name = if name.is_empty() { "." } else { name };
        self.problems.push(Problem::new(name, format!("cannot be read: {error}"), "make it readable, or remove it"));
    }
}

/// `less/statics/web/index.html`
fn is_in_site(name: &str) -> bool {
    name.strip_prefix("less/statics/").is_some_and(|below| below.contains('/'))
}

/// An entry without its content.
fn named(name: &str, real: PathBuf, metadata: &Metadata) -> Option<Entry> {
    let (mode, file) = if metadata.is_dir() { (0o755, None) } else { (0o644, Some(0)) };
    (metadata.is_dir() || metadata.is_file()).then(|| Entry { name: name.into(), real, mode, file })
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.into() } else { format!("{folder}/{name}") }
}

fn is_left_out(folder: &str, name: &str) -> bool {
    let at_top = folder.is_empty();
    if let Some(below) = folder.strip_prefix("less/statics/") {
        return match (below.contains('/'), name) {
            (false, ".well-known") => false,
            (false, "node_modules") => true,
            _ => name.starts_with('.'),
        };
    }
    match name {
        "node_modules" | "__pycache__" => true,
        "target" => at_top,
        _ => name.starts_with('.') && !(at_top && INSTALLER_SETTINGS.contains(&name)),
    }
}

/// A virtual environment of Python: it is made anew where the project is deployed.
fn is_environment(folder: &Path) -> bool {
    folder.join("pyvenv.cfg").is_file()
}

fn too_many(folder: &str) -> Problem {
    let folder = if folder.is_empty() { "." } else { folder };
    let message = format!("the project has more than {SNAPSHOT_ENTRIES} files and folders; the limit was passed here");
    Problem::new(folder, message, "keep what handlers do not need outside of the project's folder")
}

fn too_large(entries: &[Entry], bytes: u64, most: u64) -> Option<Problem> {
    if bytes <= most {
        return None;
    }
    let mut parts = BTreeMap::<&str, u64>::new();
    for entry in entries {
        *parts.entry(part(&entry.name)).or_default() += entry.file.unwrap_or(0);
    }
    let mut largest: Vec<_> = parts.into_iter().collect();
    largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let largest: Vec<String> =
        largest.iter().take(5).map(|(name, bytes)| format!("{name} ({})", size(*bytes))).collect();
    let message = format!(
        "the project is larger than {}: {} without node_modules and hidden files; the largest: {}",
        size(most),
        size(bytes),
        largest.join(", ")
    );
    Some(Problem::new(".", message, "keep what handlers do not need outside of the project's folder"))
}

/// What a size is told of: an entry at the top, or a resource (`less/statics/site`).
fn part(name: &str) -> &str {
    let depth = if name.starts_with("less/") { 3 } else { 1 };
    name.match_indices('/').nth(depth - 1).map_or(name, |(end, _)| &name[..end])
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
