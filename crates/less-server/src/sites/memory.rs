//! Small files of a version, kept once they were read.
//!
//! A version has a share of what all sites may keep, and gives it back when it is replaced. What finds no room is read from
//! the disk each time, as all files are that are not small.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::RwLock;

use crate::limits;

/// What is kept of a file takes more than its bytes.
const ENTRY: usize = 256;

/// What all sites keep.
static ALL: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// By tag: equal bytes are kept once.
    kept: RwLock<HashMap<String, Bytes>>,
    bytes: AtomicUsize,
}

impl Memory {
    pub(super) fn get(&self, tag: &str) -> Option<Bytes> {
        self.kept.read().get(tag).cloned()
    }

    pub(super) fn keep(&self, tag: String, bytes: &Bytes) {
        let weight = bytes.len() + ENTRY;
        let mut kept = self.kept.write();
        if kept.contains_key(&tag) || !take(&self.bytes, weight, limits::SITE_MEMORY) {
            return;
        }
        if take(&ALL, weight, limits::SITES_MEMORY) {
            kept.insert(tag, bytes.clone());
        } else {
            self.bytes.fetch_sub(weight, Ordering::Relaxed);
        }
    }
}

/// Adds to `taken`, unless that would be more than `most`.
fn take(taken: &AtomicUsize, weight: usize, most: usize) -> bool {
    let added = |now: usize| now.checked_add(weight).filter(|then| *then <= most);
    taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, added).is_ok()
}

impl Drop for Memory {
    fn drop(&mut self) {
        ALL.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_keeps_no_more_than_its_share_and_gives_it_back() {
        let memory = Memory::default();
        let piece = Bytes::from(vec![7; 1 << 20]);
        for n in 0..100 {
            memory.keep(n.to_string(), &piece);
            memory.keep("0".into(), &piece);
        }
        let kept = memory.bytes.load(Ordering::Relaxed);
        assert!(kept <= limits::SITE_MEMORY && kept > limits::SITE_MEMORY - (2 << 20), "{kept}");
        assert_eq!(memory.get("0"), Some(piece));
        assert_eq!(memory.get("99"), None);
        assert!(ALL.load(Ordering::Relaxed) >= kept);
        drop(memory);
        assert!(ALL.load(Ordering::Relaxed) < kept);
    }
}
