//! A snapshot from whoever sends one: nothing gets out of its folder, and nothing but plain files and folders into it.
//!
//! Input: a byte of how (bit 0: the checksums of headers are mended, as anybody could), the rest a tar.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use less_server::build::{snapshot, unpack};

use crate::input::Input;
use crate::scratch;

const BLOCK: usize = 512;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let how = input.byte();
    let mut tar = input.0.to_vec();
    if how & 1 == 1 {
        mend(&mut tar);
    }
    let outside = scratch::folder();
    let into = outside.path().join("into");
    fs::write(outside.path().join("neighbour"), "untouched").expect("a file");
    let unpacked = unpack::unpack(&tar[..], &into);
    let neighbours = fs::read_dir(outside.path()).expect("the folder").count();
    assert_eq!(neighbours, 2, "something beside the folder");
    assert_eq!(fs::read(outside.path().join("neighbour")).expect("the file"), b"untouched");
    let written = check(&into);
    assert!(written <= tar.len() as u64, "{written} bytes out of {}", tar.len());
    if unpacked.is_ok() {
        // What a server has taken, it can pack, and that it can unpack.
        let mut again = Vec::new();
        if snapshot::pack(&into, &outside.path().join("home"), &mut again).is_ok() {
            unpack::unpack(&again[..], &outside.path().join("again")).expect("what was packed is unpacked");
        }
    }
}

/// Bytes in all files.
fn check(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| {
            let metadata = entry.metadata().expect("an entry");
            assert!(metadata.is_dir() || metadata.is_file(), "{} is neither file nor folder", entry.path().display());
            if metadata.is_dir() {
                return check(&entry.path());
            }
            let mode = metadata.permissions().mode() & 0o7777;
            assert!(matches!(mode, 0o600 | 0o644), "{} may be {mode:o}", entry.path().display());
            metadata.len()
        })
        .sum()
}

/// Writes the sum into every block that is read as a header.
fn mend(tar: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + BLOCK) {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        if sum == 8 * u32::from(b' ') {
            // Nothing but zeros: an end stays one.
            header[148..156].fill(0);
            at += BLOCK;
            continue;
        }
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let digits = String::from_utf8_lossy(&header[124..135]).trim_matches(['\0', ' ']).to_owned();
        let size = usize::from_str_radix(&digits, 8).unwrap_or_default();
        at = at.saturating_add(BLOCK).saturating_add(size.div_ceil(BLOCK).saturating_mul(BLOCK));
    }
}
