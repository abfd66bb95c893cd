//! What waits for the writer thread.
//!
//! In: publishes, changes of values and files, connections, settlements and rare jobs, from any task. Out: all of it at once, when
//! the writer is free: what queued while one commit ran makes up the next. Settlements alone hurry nobody,
//! they wait [`SETTLE_WITHIN`] for company, unless a delivery waits for one of them: the next with the same
//! ordering key. What is queued is bounded by [`ROOM`], of which one project has no more than a [`SHARE`]; settlements
//! are bounded by what was claimed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use uuid::Uuid;

use super::files::{FileChange, FileChanged};
use super::jobs::Job;
use super::weight::Weight;
use crate::{
    Change, Changed, Connection, Delivery, Error, Message, Operation, Origin, Publish, Reason, Result, SubscriberId,
    Timestamp,
};

/// How much may be queued and so be in one commit: a message or a change counts 1, and 1 for each full KiB.
const ROOM: usize = 8192;

/// How much of it one project may take: the commits of its flood stay short for others, who wait behind none of
/// what it could not queue.
const SHARE: usize = 2048;

/// Settlements are committed no later than this, with or without a publish.
pub(super) const SETTLE_WITHIN: Duration = Duration::from_millis(10);

/// So many settlements are worth a commit of their own.
const SETTLED_AT_ONCE: usize = 4096;

pub(super) type Answer<T> = oneshot::Sender<Result<T>>;

/// A publish as the writer takes it.
#[derive(Debug)]
pub(super) struct Publishing {
    pub(super) message: Arc<Message>,
    pub(super) idempotency_key: Option<String>,
    pub(super) origin: Option<Origin>,
}

/// Something that is answered with a `T` once it is committed.
#[derive(Debug)]
pub(super) struct Asked<Q, T> {
    pub(super) question: Q,
    pub(super) answer: Answer<T>,
    pub(super) cost: usize,
    _share: OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(super) struct Settlement {
    pub(super) delivery: Delivery,
    pub(super) fate: Fate,
    pub(super) at: Timestamp,
}

/// What the writer has to do about a verdict.
#[derive(Debug)]
pub(super) enum Fate {
    Done,
    Again { due_at: Timestamp, error: String },
    Alone,
    Release,
    Bury { reason: Reason, error: Option<String> },
}

/// A connection that opens, or ends; the message tells of it.
#[derive(Debug)]
pub(super) enum Passing {
    In(Connection),
    Out(Connection, Option<Arc<Message>>),
}

/// What somebody waits for.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pub(super) publishes: Vec<Asked<Publishing, Uuid>>,
    pub(super) changes: Vec<Asked<Change, Changed>>,
    pub(super) passings: Vec<Asked<Passing, bool>>,
    pub(super) files: Vec<Asked<FileChange, FileChanged>>,
}

/// Everything that queued, by kind. Who publishes beside a deploy may see either side of it.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) requests: Requests,
    pub(super) settlements: Vec<Settlement>,
    /// Whose next deliveries are to be read from disk.
    pub(super) refills: Vec<SubscriberId>,
    pub(super) jobs: Vec<Job>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Work,
    /// The last: nothing more will come.
    Last,
    /// Stop as if the power had gone.
    Gone,
}

#[derive(Debug, Default)]
struct Queue {
    work: Work,
    settled_since: Option<Instant>,
    /// A delivery waits for one of the settlements.
    awaited: bool,
    gone: bool,
}

#[derive(Debug)]
pub(super) struct Inbox {
    queue: Mutex<Queue>,
    arrived: Condvar,
    room: Semaphore,
    /// By project.
    shares: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
    closed: AtomicBool,
    weight: Weight,
}

impl Inbox {
    pub(super) fn new(weight: Weight) -> Self {
        Self {
            queue: Mutex::default(),
            arrived: Condvar::new(),
            room: Semaphore::new(ROOM),
            shares: Mutex::default(),
            closed: AtomicBool::new(false),
            weight,
        }
    }

    pub(super) async fn publish(&self, publish: Publish) -> Result<Uuid> {
        let Publish { mut message, idempotency_key, origin } = publish;
        message.payload = self.weight.weigh(&message.payload[..]);
        let (project, bytes) = (Arc::clone(&message.project), message.payload.len());
        let publishing = Publishing { message: Arc::new(message), idempotency_key, origin };
        self.commit(&project, publishing, bytes, |requests| &mut requests.publishes).await
    }

    pub(super) async fn change(&self, change: Change) -> Result<Changed> {
        let bytes = match &change.operation {
            Operation::Set { json, .. } => json.len(),
            Operation::Delete | Operation::Increment { .. } => 0,
        };
        let project = Arc::clone(&change.project);
        self.commit(&project, change, bytes, |requests| &mut requests.changes).await
    }

    pub(super) async fn pass(&self, passing: Passing) -> Result<bool> {
        let (Passing::In(Connection { project, .. }) | Passing::Out(Connection { project, .. }, _)) = &passing;
        let project = Arc::clone(project);
        self.commit(&project, passing, 0, |requests| &mut requests.passings).await
    }

    pub(super) async fn change_file(&self, change: FileChange) -> Result<FileChanged> {
        let project = Arc::clone(&change.project);
        self.commit(&project, change, 0, |requests| &mut requests.files).await
    }

    /// Waits for room, queues, and waits for the commit.
    async fn commit<Q, T>(
        &self,
        project: &Arc<str>,
        question: Q,
        bytes: usize,
        queue: impl FnOnce(&mut Requests) -> &mut Vec<Asked<Q, T>>,
    ) -> Result<T> {
        let cost = (1 + bytes / 1024).min(SHARE);
        // Its own first: who waits for that is in nobody's way.
        let share = self.take_share(project, cost).await?;
        self.take_room(cost).await?;
        let (answer, answered) = oneshot::channel();
        self.push(|queued| queue(&mut queued.work.requests).push(Asked { question, answer, cost, _share: share }))?;
        answered.await.unwrap_or(Err(Error::Closed))
    }

    pub(super) async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T> {
        self.take_room(1).await?;
        let (answer, answered) = oneshot::channel();
        let job = job(answer);
        self.push(|queue| queue.work.jobs.push(job))?;
        answered.await.unwrap_or(Err(Error::Closed))
    }

    /// At most one is under way for each subscriber, so it needs no room. A closed inbox needs none.
    pub(super) fn refill(&self, subscriber: SubscriberId) {
        self.push(|queue| queue.work.refills.push(subscriber)).ok();
    }

    /// A closed inbox takes no verdict: the delivery comes again after the next start.
    pub(super) fn settle(&self, settlement: Settlement) {
        let mut queue = self.queue.lock();
        if self.is_closed() {
            return;
        }
        let first = queue.settled_since.is_none();
        let awaited = settlement.is_awaited() && !std::mem::replace(&mut queue.awaited, true);
        queue.work.settlements.push(settlement);
        queue.settled_since.get_or_insert_with(Instant::now);
        if first || awaited || queue.work.settlements.len() == SETTLED_AT_ONCE {
            self.arrived.notify_one();
        }
    }

    async fn take_share(&self, project: &Arc<str>, cost: usize) -> Result<OwnedSemaphorePermit> {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let share = {
            let mut shares = self.shares.lock();
            Arc::clone(shares.entry(Arc::clone(project)).or_insert_with(|| Arc::new(Semaphore::new(SHARE))))
        };
        share.acquire_many_owned(cost).await.map_err(|_| Error::Closed)
    }

    async fn take_room(&self, cost: usize) -> Result<()> {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        // The writer gives it back: it outlives a publisher that stops waiting.
        self.room.acquire_many(cost).await.map_err(|_| Error::Closed)?.forget();
        Ok(())
    }

    pub(super) fn give_room(&self, cost: usize) {
        self.room.add_permits(cost);
    }

    fn push(&self, add: impl FnOnce(&mut Queue)) -> Result<()> {
        let mut queue = self.queue.lock();
        if self.is_closed() {
            return Err(Error::Closed);
        }
        add(&mut queue);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits until there is work, settlements have waited long enough, or `until`; swaps it into `work`,
    /// which comes empty.
    pub(super) fn take(&self, work: &mut Work, until: Option<Instant>) -> Next {
        let mut queue = self.queue.lock();
        while !(self.is_closed() || queue.is_pressing()) {
            let settle_by = queue.settled_since.map(|since| since + SETTLE_WITHIN);
            match settle_by.into_iter().chain(until).min() {
                Some(deadline) if deadline <= Instant::now() => break,
                Some(deadline) => drop(self.arrived.wait_until(&mut queue, deadline)),
                None => self.arrived.wait(&mut queue),
            }
        }
        std::mem::swap(&mut queue.work, work);
        queue.settled_since = None;
        queue.awaited = false;
        match (queue.gone, self.is_closed()) {
            (true, _) => Next::Gone,
            (false, true) => Next::Last,
            (false, false) => Next::Work,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.queue.lock().gone
    }

    /// Takes nothing more; the writer finishes what is queued.
    pub(super) fn close(&self) {
        let _queue = self.queue.lock();
        self.closed.store(true, Ordering::Release);
        self.room.close();
        self.shares.lock().values().for_each(|share| share.close());
        self.arrived.notify_one();
    }

    /// Takes nothing more and forgets what is queued.
    pub(super) fn abandon(&self) {
        self.close();
        let mut queue = self.queue.lock();
        queue.gone = true;
        queue.work = Work::default();
    }
}

impl Requests {
    pub(super) fn is_empty(&self) -> bool {
        self.publishes.is_empty() && self.changes.is_empty() && self.passings.is_empty() && self.files.is_empty()
    }
}

impl Settlement {
    /// Whether the next delivery of its ordering key may begin after it.
    fn is_awaited(&self) -> bool {
        let last = matches!(self.fate, Fate::Done | Fate::Bury { .. });
        last && self.delivery.message.ordering_key.is_some()
    }
}

impl Queue {
    fn is_pressing(&self) -> bool {
        let work = &self.work;
        self.awaited
            || !work.requests.is_empty()
            || !work.refills.is_empty()
            || !work.jobs.is_empty()
            || work.settlements.len() >= SETTLED_AT_ONCE
    }
}
