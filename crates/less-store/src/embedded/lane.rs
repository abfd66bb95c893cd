//! A subscriber's deliveries in memory, and how its claimers wait.
//!
//! In: fresh deliveries after their commit, older ones read back from disk. Out: claims. What finds no
//! room stays on disk alone (`overflow`), and so does a retry until it is due; the lane knows no more
//! of them than when to look. All lanes together have room for so much (`weight`) and, beyond it, each for one.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::weight::Weight;
use crate::{Delivery, Timestamp};

/// Deliveries ready in memory for one subscriber, in number…
pub(super) const READY: usize = 4096;
/// …and in bytes of payload.
const READY_BYTES: usize = 2 << 20;
/// What nobody claims for so long waits on disk, in milliseconds.
const CLAIMED_WITHIN: Timestamp = 2 * 60 * 1000;

#[derive(Debug)]
pub(super) struct Lane {
    state: Mutex<State>,
    wake: Notify,
    /// Of all lanes.
    weight: Weight,
}

#[derive(Debug)]
struct State {
    ready: VecDeque<Delivery>,
    /// Ready or reserved.
    count: usize,
    bytes: usize,
    /// Ready, reserved, or claimed and not settled.
    alive: usize,
    /// There may be deliveries on disk that are due and not here.
    overflow: bool,
    /// The earliest known time at which a waiting one is due.
    next_due: Option<Timestamp>,
    /// The writer was asked to read more.
    refilling: bool,
    deployed: bool,
    /// When somebody last claimed.
    looked_at: Option<Timestamp>,
    /// That is long ago: what is ready may as well wait on disk.
    forsaken: bool,
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
    pub(super) fn new(overflow: bool, weight: Weight) -> Self {
        let state = State {
            ready: VecDeque::new(),
            count: 0,
            bytes: 0,
            alive: 0,
            overflow,
            next_due: None,
            refilling: false,
            deployed: false,
            looked_at: None,
            forsaken: false,
            unannounced: false,
        };
        Self { state: Mutex::new(state), wake: Notify::new(), weight }
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
        state.looked_at = Some(now);
        state.forsaken = false;
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
        let low = state.count <= READY / 2 && state.bytes <= READY_BYTES / 2;
        // Without room nothing could be read in: `is_over` tells when there is some.
        taken.refill = due && low && !state.refilling && state.has_room(0, &self.weight);
        state.refilling |= taken.refill;
        if !state.refilling {
            taken.next_due = state.next_due;
        }
        taken
    }

    /// Room for one fresh delivery. Without, it will be found on disk.
    pub(super) fn reserve(&self, bytes: usize) -> bool {
        let mut state = self.state.lock();
        if !state.overflow && state.has_room(bytes, &self.weight) {
            state.reserve(bytes, &self.weight);
            return true;
        }
        state.overflow = true;
        false
    }

    /// Gives back what `reserve` gave.
    pub(super) fn cancel(&self, bytes: usize) {
        let mut state = self.state.lock();
        state.remove(bytes);
        state.end(1, &self.weight);
    }

    /// Room for one that was read back from disk.
    pub(super) fn reserve_older(&self, bytes: usize) -> bool {
        let mut state = self.state.lock();
        let room = state.has_room(bytes, &self.weight);
        if room {
            state.reserve(bytes, &self.weight);
        }
        room
    }

    /// Room for one that is on disk and due since this moment; none for a subscriber that is gone.
    pub(super) fn reserve_next(&self, bytes: usize) -> bool {
        let mut state = self.state.lock();
        let room = state.deployed && state.has_room(bytes, &self.weight);
        if room {
            state.reserve(bytes, &self.weight);
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

    /// One is to be settled that was never ready.
    pub(super) fn begins(&self) {
        self.state.lock().begin(&self.weight);
    }

    /// One that was claimed is settled, or is none of its own any more.
    pub(super) fn is_over(&self) {
        let mut state = self.state.lock();
        state.end(1, &self.weight);
        if state.overflow || state.next_due.is_some() {
            self.wake.notify_one(); // there may be room for more
        }
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
        self.state.lock().take_out(|delivery| delivery.expires_at <= now, &self.weight)
    }

    /// Takes out what is ready of these.
    pub(super) fn forget(&self, seqs: &HashSet<i64>) -> Vec<Delivery> {
        self.state.lock().take_out(|delivery| seqs.contains(&delivery.seq), &self.weight)
    }

    /// Whether something is ready that nobody has claimed for long.
    pub(super) fn is_forsaken(&self, now: Timestamp) -> bool {
        let mut state = self.state.lock();
        let since = *state.looked_at.get_or_insert(now);
        state.forsaken = now.saturating_sub(since) >= CLAIMED_WITHIN;
        state.forsaken && !state.ready.is_empty()
    }

    /// The first that are ready although nobody may claim them, or does; none otherwise.
    pub(super) fn parked(&self, max: usize) -> HashSet<i64> {
        let state = self.state.lock();
        let parked = if state.deployed && !state.forsaken { 0 } else { max };
        state.ready.iter().take(parked).map(|delivery| delivery.seq).collect()
    }

    /// As `forget`, of what is on disk: it will be read back. What was claimed meanwhile is not among them.
    pub(super) fn leave_on_disk(&self, seqs: &HashSet<i64>) -> Vec<Delivery> {
        let mut state = self.state.lock();
        state.overflow = true;
        let left = state.take_out(|delivery| seqs.contains(&delivery.seq), &self.weight);
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
    /// One delivery always fits, however long and whatever others weigh.
    fn has_room(&self, bytes: usize, weight: &Weight) -> bool {
        let own = self.count < READY && self.bytes + bytes <= READY_BYTES;
        self.alive == 0 || (own && !weight.is_too_much())
    }

    fn reserve(&mut self, bytes: usize, weight: &Weight) {
        self.begin(weight);
        self.add(bytes);
    }

    fn begin(&mut self, weight: &Weight) {
        self.alive += 1;
        weight.add_delivery();
    }

    fn end(&mut self, count: usize, weight: &Weight) {
        self.alive -= count;
        weight.remove_deliveries(count);
    }

    fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, bytes: usize) {
        self.count -= 1;
        self.bytes -= bytes;
    }

    fn take_out(&mut self, which: impl Fn(&Delivery) -> bool, weight: &Weight) -> Vec<Delivery> {
        let (out, ready): (Vec<_>, Vec<_>) = self.ready.drain(..).partition(which);
        self.ready = ready.into();
        out.iter().for_each(|delivery| self.remove(delivery.message.payload.len()));
        self.end(out.len(), weight);
        out
    }

    fn pop(&mut self) -> Option<Delivery> {
        let delivery = self.ready.pop_front()?;
        self.remove(delivery.message.payload.len());
        Some(delivery)
    }
}
