//! What messages and deliveries weigh in memory, those of all projects together: ready, claimed, or on their way
//! to a commit. Beyond a limit more of them stay on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Beyond this a subscriber has one delivery at a time in memory, so that it goes on, and no more.
const MOST: usize = 64 << 20;
/// About what a message takes beside its payload, and what each of its deliveries does.
const MESSAGE: usize = 256;
const DELIVERY: usize = 128;

/// One for the whole store. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Weight(Arc<AtomicUsize>);

/// A payload that is weighed for as long as anybody has it.
struct Weighed {
    payload: Box<[u8]>,
    all: Weight,
}

impl Weight {
    /// In memory of its own: a slice of a buffer that something else was read into would keep all of that.
    pub(super) fn weigh(&self, payload: impl Into<Box<[u8]>>) -> Bytes {
        let payload = payload.into();
        self.add(MESSAGE + payload.len());
        Bytes::from_owner(Weighed { payload, all: self.clone() })
    }

    pub(super) fn add_delivery(&self) {
        self.add(DELIVERY);
    }

    pub(super) fn remove_deliveries(&self, count: usize) {
        self.0.fetch_sub(count * DELIVERY, Ordering::Relaxed);
    }

    pub(super) fn is_too_much(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MOST
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl AsRef<[u8]> for Weighed {
    fn as_ref(&self) -> &[u8] {
        &self.payload
    }
}

impl Drop for Weighed {
    fn drop(&mut self) {
        self.all.0.fetch_sub(MESSAGE + self.payload.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_weighs_until_its_last_holder_lets_it_go() {
        let weight = Weight::default();
        let payload = weight.weigh(vec![7; MOST]);
        let shared = payload.slice(1..2);
        drop(payload);
        assert!(weight.is_too_much());
        assert_eq!(shared, [7][..]);
        drop(shared);
        assert!(!weight.is_too_much());
        assert_eq!(weight.bytes(), 0);
    }
}
