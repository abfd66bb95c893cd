//! A snapshot back into a folder, whoever made it.
//!
//! Only files and folders, only at relative names without `..`, only where nothing is yet, only in folders that the
//! snapshot has named before (so that few bytes cannot make many folders), and within the limits of a snapshot, which
//! are checked before a byte is written: the sender is not trusted to have checked them.
//!
//! Names that are too long for a header come before their entry, as `pack` writes them (GNU); they are read here and
//! not by the crate, which takes any length of them into memory.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use less_project::Problem;
use tar::{Archive, Entry, EntryType};

use super::snapshot::SNAPSHOT_ENTRIES;
use super::{Doing, Error, Result};
use crate::limits::SNAPSHOT_BYTES;

/// Of a name, in bytes: as much as the system takes for a path, and its end.
const LONGEST_NAME: u64 = 4 << 10;

/// Unpacks into a folder, which is made when missing. After an error the folder is incomplete and of no use.
pub fn unpack(snapshot: impl Read, into: &Path) -> Result<()> {
    unpack_within(snapshot, into, SNAPSHOT_BYTES, SNAPSHOT_ENTRIES)
}

fn unpack_within(snapshot: impl Read, into: &Path, bytes: u64, entries: usize) -> Result<()> {
    fs::create_dir_all(into).doing("make the folder", into)?;
    let mut archive = Archive::new(snapshot);
    let (mut bytes_left, mut entries_left) = (bytes, entries);
    let mut long_name = None;
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        if entry.header().entry_type() == EntryType::GNULongName && long_name.is_none() {
            long_name = Some(read_name(&mut entry)?);
            continue;
        }
        let size = if entry.header().entry_type() == EntryType::Regular { entry.size() } else { 0 };
        bytes_left = bytes_left.checked_sub(size).ok_or_else(|| refused("is larger than 256 MiB"))?;
        entries_left = entries_left.checked_sub(1).ok_or_else(|| refused("has too many files and folders"))?;
        let name = match long_name.take() {
            Some(name) => name,
            None => entry.path().map_err(damaged)?.into_owned(),
        };
        unpack_entry(&mut entry, &name, into)?;
    }
    Ok(())
}

fn read_name(entry: &mut Entry<'_, impl Read>) -> Result<PathBuf> {
    if entry.size() > LONGEST_NAME {
        return Err(refused("has a name that is too long"));
    }
    let mut name = Vec::new();
    entry.read_to_end(&mut name).map_err(damaged)?;
    name.pop_if(|last| *last == 0);
    Ok(OsString::from_vec(name).into())
}

fn unpack_entry(entry: &mut Entry<'_, impl Read>, name: &Path, into: &Path) -> Result<()> {
    let place = place(name, into)?;
    match entry.header().entry_type() {
        EntryType::Directory => make_folder(name, &place),
        EntryType::Regular => write(entry, name, &place),
        _ => Err(refused(&format!("has an entry that is neither file nor folder: {}", name.display()))),
    }
}

fn make_folder(name: &Path, place: &Path) -> Result<()> {
    match fs::create_dir(place) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && place.is_dir() => Ok(()),
        made => made.map_err(|error| misplaced(error, name, "make the folder", place)),
    }
}

/// A name whose folder is not there, is a file, or cannot be: the archive's fault.
fn misplaced(error: io::Error, name: &Path, doing: &str, place: &Path) -> Error {
    use io::ErrorKind::{AlreadyExists, InvalidFilename, InvalidInput, NotADirectory, NotFound};
    match error.kind() {
        AlreadyExists => refused(&format!("has two entries for {}", name.display())),
        NotFound | NotADirectory => refused(&format!("has no folder for {}", name.display())),
        InvalidFilename | InvalidInput => refused("has a name that no file can have"),
        _ => Error::Io { doing: format!("{doing} {}", place.display()), source: error },
    }
}

/// Every name is made of plain parts and no link is ever made, so nothing can be reached outside of `into`.
fn place(name: &Path, into: &Path) -> Result<PathBuf> {
    let plain = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if plain { Ok(into.join(name)) } else { Err(refused(&format!("has a name that leads out: {}", name.display()))) }
}

fn write(entry: &mut Entry<'_, impl Read>, name: &Path, place: &Path) -> Result<()> {
    let mode = if entry.header().mode().map_err(damaged)? & 0o044 == 0 { 0o600 } else { 0o644 };
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(place);
    let mut file = opened.map_err(|error| misplaced(error, name, "write", place))?;
    io::copy(entry, &mut file).map_err(damaged_or(place))?;
    Ok(())
}

fn damaged(_: io::Error) -> Error {
    refused("is damaged, or ended early")
}

/// What the disk says is told as it is; anything else is the archive's fault.
fn damaged_or(place: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| match error.raw_os_error() {
        Some(_) => Error::Io { doing: format!("write {}", place.display()), source: error },
        None => damaged(error),
    }
}

fn refused(what: &str) -> Error {
    Problem::new(".", format!("the uploaded snapshot {what}"), "deploy again, with the command line of this version")
        .into()
}

#[cfg(test)]
mod tests {
    use tar::{Builder, Header};
    use tempfile::TempDir;

    use super::*;

    fn entry(name: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o777);
        // Past the checks of the crate, as somebody who means harm would.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        if kind == EntryType::Symlink {
            header.set_link_name("/etc").unwrap();
        }
        header.set_cksum();
        let mut tar = Builder::new(Vec::new());
        tar.append(&header, content).unwrap();
        let mut bytes = tar.into_inner().unwrap();
        bytes.truncate(bytes.len() - 1024);
        bytes
    }

    fn refusal(tar: &[u8]) -> String {
        let outside = TempDir::new().unwrap();
        let into = outside.path().join("into");
        let error = unpack_within(tar, &into, 10, 2).unwrap_err();
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
        let Error::Problems(problems) = error else { panic!("{error}") };
        problems[0].message.clone()
    }

    #[test]
    fn nothing_leaves_the_folder() {
        for name in ["../out", "/tmp/less-out", "a/../../out", "a/b/../../../out"] {
            assert!(refusal(&entry(name, EntryType::Regular, b"x")).contains("leads out"), "{name}");
        }
        for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Char, EntryType::XHeader] {
            assert!(refusal(&entry("a", kind, b"")).contains("neither file nor folder"), "{kind:?}");
        }
    }

    #[test]
    fn limits_are_checked_before_anything_is_written() {
        let file = |name| entry(name, EntryType::Regular, b"1234567");
        assert!(refusal(&[file("a"), file("b")].concat()).contains("larger than 256 MiB"));
        let folder = |name| entry(name, EntryType::Directory, b"");
        assert!(refusal(&[folder("a"), folder("b"), folder("c")].concat()).contains("too many"));
    }

    #[test]
    fn a_name_makes_no_folders_and_has_an_end() {
        for kind in [EntryType::Regular, EntryType::Directory] {
            assert!(refusal(&entry("a/b/c", kind, b"")).contains("no folder for a/b/c"), "{kind:?}");
        }
        let long = entry("././@LongLink", EntryType::GNULongName, &[b'a'; 5_000]);
        assert!(refusal(&[long, entry("a", EntryType::Regular, b"")].concat()).contains("too long"));
    }

    #[test]
    fn a_damaged_snapshot_is_refused() {
        let mut short = entry("a", EntryType::Regular, b"12345");
        short.truncate(515);
        assert!(refusal(&short).contains("damaged"));
        assert!(refusal(&[7; 2048]).contains("damaged"));
        let file = || entry("a", EntryType::Regular, b"1");
        assert!(refusal(&[file(), file()].concat()).contains("two entries"));
    }
}
