//! What a disk may have after a power cut: what was synced, and of the rest some or nothing.
//!
//! A file's content is what was synced, and changes since (writes, truncations) of which any may have reached the
//! disk, whole, in part (by sectors of 512 bytes) or not at all, in any order. Names are apart from that: a file's
//! name is there for sure once its folder was synced; of the names changed since, those before some moment are there
//! (file systems write them in order). So a file may be there without its content, and content without a name is lost.
//! A sync that failed has written some of the changes, and the others are never tried again: the kernel calls their
//! pages clean.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::log::{self, Mark, Operation, What};
use super::tree::{self, Entry, Tree};

const SECTOR: usize = 512;
const IS_FOLDER: u32 = 0o040_000;
const IS_LINK: u32 = 0o120_000;
const TYPE: u32 = 0o170_000;

/// Numbers of nodes: an inode's number is used again once it is free, a node's never.
type Node = usize;

/// Where randomness comes from.
pub(super) type Draw<'d> = &'d mut dyn FnMut() -> u64;

#[derive(Debug, Clone)]
pub struct Disk {
    nodes: Vec<Stored>,
    by_inode: HashMap<u64, Node>,
    /// As they are on the disk for sure.
    names: Names,
    renames: Vec<Renaming>,
}

type Names = BTreeMap<(Node, String), Node>;

/// The folder that is watched.
const ROOT: Node = 0;

#[derive(Debug, Clone)]
struct Stored {
    /// Of a file without its content.
    entry: Entry,
    synced: Vec<u8>,
    changes: Vec<(Mark, Change)>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

/// A change of names: what goes and what comes.
#[derive(Debug, Clone)]
struct Renaming {
    mark: Mark,
    gone: Option<(Node, String)>,
    come: Option<((Node, String), Node)>,
    is_synced: bool,
}

impl Disk {
    /// A folder as it lies there now, all of it on the disk.
    pub fn of(folder: &Path) -> Self {
        let root = Stored::new(Entry::Folder { mode: 0o700 });
        let inode = fs::metadata(folder).unwrap().ino();
        let by_inode = HashMap::from([(inode, ROOT)]);
        let mut disk = Self { nodes: vec![root], by_inode, names: Names::new(), renames: Vec::new() };
        let mut nodes = HashMap::from([(folder.to_owned(), ROOT)]);
        tree::walk(folder, &mut |path, entry, inode| {
            let node = disk.add(entry, inode);
            disk.names.insert((nodes[path.parent().unwrap()], name_of(path)), node);
            nodes.insert(path.to_owned(), node);
        });
        disk
    }

    /// Does what the side log says. Draws what a sync that failed has written.
    pub fn replay(&mut self, log: &[u8], draw: Draw<'_>) {
        for Operation { mark, what } in log::read(log) {
            match what {
                What::Written { inode, at, bytes } => {
                    let at = usize::try_from(at).unwrap();
                    self.change(inode, mark, Change::Write { at, bytes });
                }
                What::Truncated { inode, length } => {
                    self.change(inode, mark, Change::Truncate(usize::try_from(length).unwrap()));
                }
                What::Synced { inode, mark } => self.sync(inode, mark),
                What::SyncFailed { inode, mark } => {
                    if let Some(node) = self.by_inode.get(&inode) {
                        self.nodes[*node].fail_to_sync(mark, draw);
                    }
                }
                What::AllSynced { mark } => {
                    self.nodes.iter_mut().for_each(|node| node.sync(mark));
                    self.renames.iter_mut().for_each(|each| each.is_synced |= each.mark < mark);
                }
                What::Linked { folder, name, inode, mode, target } => {
                    let node = self.add(entry(mode, &target), inode);
                    self.rename(mark, None, Some(((self.by_inode[&folder], name), node)));
                }
                What::Unlinked { folder, name } => {
                    self.rename(mark, Some((self.by_inode[&folder], name)), None);
                }
                What::Renamed { folder, name, to_folder, to_name } => {
                    let old = (self.by_inode[&folder], name);
                    if let Some(&node) = self.names_after(|_| true).get(&old) {
                        let new = (self.by_inode[&to_folder], to_name);
                        self.rename(mark, Some(old), Some((new, node)));
                    }
                }
            }
        }
    }

    /// What the process saw: everything that was done, synced or not.
    pub fn seen(&self) -> Tree {
        let content = |node: &Stored| node.content(node.changes.len());
        self.tree(&self.names_after(|_| true), content)
    }

    /// What is left when the power goes now.
    pub fn cut(&self, draw: Draw<'_>) -> Tree {
        let unsynced = self.renames.iter().filter(|each| !each.is_synced).count() as u64;
        let reached = draw() % (unsynced + 1);
        let mut kept = 0;
        let names = self.names_after(|each| {
            kept += u64::from(!each.is_synced);
            each.is_synced || kept <= reached
        });
        let contents: Vec<_> = self.nodes.iter().map(|node| node.cut(draw)).collect();
        self.walk(&names, |node| contents[node].clone())
    }

    fn add(&mut self, entry: Entry, inode: u64) -> Node {
        let node = self.nodes.len();
        self.nodes.push(Stored::new(entry));
        self.by_inode.insert(inode, node);
        node
    }

    fn change(&mut self, inode: u64, mark: Mark, change: Change) {
        // What has no node has lost its name.
        if let Some(node) = self.by_inode.get(&inode) {
            self.nodes[*node].changes.push((mark, change));
        }
    }

    fn sync(&mut self, inode: u64, mark: Mark) {
        let Some(&node) = self.by_inode.get(&inode) else { return };
        self.nodes[node].sync(mark);
        for each in self.renames.iter_mut().filter(|each| each.mark < mark && each.is_in(node)) {
            each.is_synced = true;
        }
    }

    fn rename(&mut self, mark: Mark, gone: Option<(Node, String)>, come: Option<((Node, String), Node)>) {
        self.renames.push(Renaming { mark, gone, come, is_synced: false });
    }

    fn names_after(&self, mut is_kept: impl FnMut(&Renaming) -> bool) -> Names {
        let mut names = self.names.clone();
        for each in self.renames.iter().filter(|each| is_kept(each)) {
            if let Some(name) = &each.gone {
                names.remove(name);
            }
            names.extend(each.come.clone());
        }
        names
    }

    fn tree(&self, names: &Names, content: impl Fn(&Stored) -> Vec<u8>) -> Tree {
        self.walk(names, |node| content(&self.nodes[node]))
    }

    /// What can be reached from the root.
    fn walk(&self, names: &Names, content: impl Fn(Node) -> Vec<u8>) -> Tree {
        let mut tree = Tree::default();
        let mut folders = vec![(ROOT, PathBuf::new())];
        while let Some((folder, path)) = folders.pop() {
            let inside = names.range((folder, String::new())..(folder + 1, String::new()));
            for ((_, name), &node) in inside {
                let path = path.join(name);
                let mut entry = self.nodes[node].entry.clone();
                match &mut entry {
                    Entry::Folder { .. } => folders.push((node, path.clone())),
                    Entry::File { bytes, .. } => *bytes = content(node),
                    Entry::Link { .. } => {}
                }
                tree.0.insert(path, entry);
            }
        }
        tree
    }
}

impl Renaming {
    fn is_in(&self, folder: Node) -> bool {
        let gone = self.gone.as_ref().is_some_and(|(of, _)| *of == folder);
        gone || self.come.as_ref().is_some_and(|((of, _), _)| *of == folder)
    }
}

impl Stored {
    fn new(mut entry: Entry) -> Self {
        let synced = if let Entry::File { bytes, .. } = &mut entry { std::mem::take(bytes) } else { Vec::new() };
        Self { entry, synced, changes: Vec::new() }
    }

    fn sync(&mut self, mark: Mark) {
        let kept = self.changes.split_off(self.changes.partition_point(|(at, _)| *at < mark));
        self.changes.drain(..).for_each(|(_, change)| change.apply(&mut self.synced));
        self.changes = kept;
    }

    fn fail_to_sync(&mut self, mark: Mark, draw: Draw<'_>) {
        let kept = self.changes.split_off(self.changes.partition_point(|(at, _)| *at < mark));
        let tried = std::mem::replace(&mut self.changes, kept);
        some(&tried, &mut self.synced, draw);
    }

    /// With the first so many changes.
    fn content(&self, changes: usize) -> Vec<u8> {
        let mut content = self.synced.clone();
        self.changes[..changes].iter().for_each(|(_, change)| change.apply(&mut content));
        content
    }

    fn cut(&self, draw: Draw<'_>) -> Vec<u8> {
        let count = self.changes.len();
        match draw() % 4 {
            _ if count == 0 => self.content(0),
            0 => self.content(0),
            1 => self.content(count),
            2 => {
                let whole = draw() as usize % count;
                let mut content = self.content(whole);
                self.changes[whole].1.apply_torn(&mut content, draw);
                content
            }
            _ => {
                let mut content = self.synced.clone();
                some(&self.changes, &mut content, draw);
                content
            }
        }
    }
}

/// Of these changes some, and of some a part.
fn some(changes: &[(Mark, Change)], content: &mut Vec<u8>, draw: Draw<'_>) {
    for (_, change) in changes {
        match draw() % 3 {
            0 => {}
            1 => change.apply(content),
            _ => change.apply_torn(content, draw),
        }
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Truncate(length) => content.resize(*length, 0),
            Self::Write { at, bytes } => put(content, *at, bytes),
        }
    }

    /// Sectors of the disk are written whole or not at all, in any order.
    fn apply_torn(&self, content: &mut Vec<u8>, draw: Draw<'_>) {
        let Self::Write { at, bytes } = self else { return self.apply(content) };
        let (mut at, mut bytes) = (*at, bytes.as_slice());
        while !bytes.is_empty() {
            let (sector, rest) = bytes.split_at(bytes.len().min(SECTOR - at % SECTOR));
            if draw().is_multiple_of(2) {
                put(content, at, sector);
            }
            (at, bytes) = (at + sector.len(), rest);
        }
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    content.resize(content.len().max(end), 0);
    content[at..end].copy_from_slice(bytes);
}

fn entry(mode: u32, target: &str) -> Entry {
    let bits = mode & 0o7777;
    match mode & TYPE {
        IS_FOLDER => Entry::Folder { mode: bits },
        IS_LINK => Entry::Link { target: target.into() },
        _ => Entry::File { mode: bits, bytes: Vec::new() },
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
