//! A subscriber's deliveries in memory, and how its claimers wait.
//!
//! In: fresh deliveries after their commit, older ones read back from disk. Out: claims. What finds no
//! room stays on disk alone (`overflow`), and so does a retry until it is due; the lane knows no more
//! of them than when to look.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::{Delivery, Timestamp};

/// Deliveries ready in memory for one subscriber, in number…
pub(super) const READY: usize = 4096;
/// …and in bytes of payload.
const READY_BYTES: usize = 2 << 20;

#[derive(Debug)]
pub(super) struct Lane {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug)]
struct State {
    ready: VecDeque<Delivery>,
    /// Ready or reserved.
    count: usize,
    bytes: usize,
    /// There may be deliveries on disk that are due and not here.
    overflow: bool,
    /// The earliest known time at which a waiting one is due.
    next_due: Option<Timestamp>,
    /// The writer was asked to read more.
    refilling: bool,
    deployed: bool,
    /// Pushed to since the last `announce`.
    unannounced: bool,
}

/// What a claimer found, and what it should do if that is nothing.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) deliveries: Vec<Delivery>,
    /// To be buried by the claimer.
    pub(super) expired: Vec<Delivery>,
    /// The claimer is to ask for more from the disk.
    pub(super) refill: bool,
    /// Look again then, at the latest.
    pub(super) next_due: Option<Timestamp>,
}

impl Lane {
    /// `overflow`: whether something may wait for it on disk already.
    pub(super) fn new(overflow: bool) -> Self {
        let state = State {
            ready: VecDeque::new(),
            count: 0,
            bytes: 0,
            overflow,
            next_due: None,
            refilling: false,
            deployed: false,
            unannounced: false,
        };
        Self { state: Mutex::new(state), wake: Notify::new() }
    }

    /// Resolves at the next change; enable it before looking.
    pub(super) fn woken(&self) -> Notified<'_> {
        self.wake.notified()
    }

    pub(super) fn wake_all(&self) {
        self.wake.notify_waiters();
    }

    pub(super) fn take(&self, max: usize, now: Timestamp) -> Taken {
        let mut state = self.state.lock();
        let mut taken = Taken::default();
        if !state.deployed {
            return taken;
        }
        while taken.deliveries.len() < max {
            match state.pop() {
                Some(delivery) if delivery.expires_at <= now => taken.expired.push(delivery),
                Some(delivery) => taken.deliveries.push(delivery),
                None => break,
            }
        }
        if !state.ready.is_empty() {
            self.wake.notify_one(); // there is more: wake the next claimer
        }
        let due = state.overflow || state.next_due.is_some_and(|due| due <= now);
        taken.refill = due && !state.refilling && state.count <= READY / 2 && state.bytes <= READY_BYTES / 2;
        state.refilling |= taken.refill;
        if !state.refilling {
            taken.next_due = state.next_due;
        }
        taken
    }

    /// Room for one fresh delivery. Without, it will be found on disk.
    pub(super) fn reserve(&self, bytes: usize) -> bool {
        let mut state = self.state.lock();
        if !state.overflow && state.has_room(bytes) {
            state.add(bytes);
            return true;
        }
        state.overflow = true;
        false
    }

    /// Gives back what `reserve` gave.
    pub(super) fn cancel(&self, bytes: usize) {
        self.state.lock().remove(bytes);
    }

    /// Room for one that was read back from disk.
    pub(super) fn reserve_older(&self, bytes: usize) -> bool {
        let mut state = self.state.lock();
        let room = state.has_room(bytes);
        if room {
            state.add(bytes);
        }
        room
    }

    /// Room for one that is on disk and due since this moment; none for a subscriber that is gone.
    pub(super) fn reserve_next(&self, bytes: usize) -> bool {
        let mut state = self.state.lock();
        let room = state.deployed && state.has_room(bytes);
        if room {
            state.add(bytes);
        }
        room
    }

    /// Adds what room was reserved for; true when `announce` is to follow.
    pub(super) fn push(&self, delivery: Delivery) -> bool {
        let mut state = self.state.lock();
        state.ready.push_back(delivery);
        !std::mem::replace(&mut state.unannounced, true)
    }

    pub(super) fn announce(&self) {
        self.state.lock().unannounced = false;
        self.wake.notify_one();
    }

    /// One that was claimed comes back, before all others, with or without room: what is claimed is bounded.
    pub(super) fn put_back(&self, delivery: Delivery) {
        let mut state = self.state.lock();
        state.add(delivery.message.payload.len());
        state.ready.push_front(delivery);
        drop(state);
        self.wake.notify_one();
    }

    /// The disk was read: all that was due by now is here if `complete`, and then `next_due` is known.
    pub(super) fn refilled(&self, complete: bool, next_due: Option<Timestamp>) {
        let mut state = self.state.lock();
        state.refilling = false;
        state.overflow = !complete;
        if complete {
            state.next_due = next_due;
        }
        drop(state);
        self.wake_all();
    }

    /// The disk cannot be read from now; `wake_all` tells when to ask again.
    pub(super) fn not_refilled(&self) {
        self.state.lock().refilling = false;
    }

    /// One waits on disk until `due_at`.
    pub(super) fn wait_until(&self, due_at: Timestamp) {
        let mut state = self.state.lock();
        state.next_due = Some(state.next_due.map_or(due_at, |due| due.min(due_at)));
        drop(state);
        self.wake_all();
    }

    pub(super) fn set_deployed(&self, deployed: bool) {
        self.state.lock().deployed = deployed;
        self.wake_all();
    }

    /// Takes out what nobody may claim any more.
    pub(super) fn take_expired(&self, now: Timestamp) -> Vec<Delivery> {
        self.state.lock().take_out(|delivery| delivery.expires_at <= now)
    }

    /// Takes out what is ready of these.
    pub(super) fn forget(&self, seqs: &HashSet<i64>) -> Vec<Delivery> {
        self.state.lock().take_out(|delivery| seqs.contains(&delivery.seq))
    }

    /// The first that are ready although nobody may claim them; none if it is deployed.
    pub(super) fn parked(&self, max: usize) -> HashSet<i64> {
        let state = self.state.lock();
        let parked = if state.deployed { 0 } else { max };
        state.ready.iter().take(parked).map(|delivery| delivery.seq).collect()
    }

    /// As `forget`, of what is on disk: it will be read back. What was claimed meanwhile is not among them.
    pub(super) fn leave_on_disk(&self, seqs: &HashSet<i64>) -> Vec<Delivery> {
        let mut state = self.state.lock();
        state.overflow = true;
        let left = state.take_out(|delivery| seqs.contains(&delivery.seq));
        drop(state);
        self.wake_all();
        left
    }

    #[cfg(test)]
    pub(super) fn ready(&self) -> usize {
        self.state.lock().ready.len()
    }
}

impl State {
    /// One delivery always fits, however long.
    fn has_room(&self, bytes: usize) -> bool {
        self.count == 0 || (self.count < READY && self.bytes + bytes <= READY_BYTES)
    }

    fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, bytes: usize) {
        self.count -= 1;
        self.bytes -= bytes;
    }

    fn take_out(&mut self, which: impl Fn(&Delivery) -> bool) -> Vec<Delivery> {
        let (out, ready): (Vec<_>, Vec<_>) = self.ready.drain(..).partition(which);
        self.ready = ready.into();
        out.iter().for_each(|delivery| self.remove(delivery.message.payload.len()));
        out
    }

    fn pop(&mut self) -> Option<Delivery> {
        let delivery = self.ready.pop_front()?;
        self.remove(delivery.message.payload.len());
        Some(delivery)
    }
}
