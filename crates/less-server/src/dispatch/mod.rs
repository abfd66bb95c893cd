//! Carries due deliveries to workers and settles what comes back: one loop per subscriber.
//!
//! In: deliveries claimed from the store, only where slots are free. Out: verdicts to the store. It
//! keeps nothing of its own, so a crash loses nothing: what was not settled is due again when the
//! store opens. What happens when a delivery fails: [`Subscriber::end`], then [`retry::verdict`].

pub(crate) mod retry;

use std::sync::Arc;
use std::time::Duration;

use less_project::{RetryPolicy, Schedule};
use less_protocol::Input;
use less_store::{Delivery, Reason, SubscriberId, Timestamp, Topics, Verdict};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

use crate::clock::{self, millis};
use crate::seen;
use crate::services::{Causing, Services};
use crate::tasks::Tasks;
use crate::workers::{Handler, Invocation, Outcome};

/// One deployed subscriber and all it needs to run.
pub(crate) struct Subscriber {
    pub id: SubscriberId,
    pub handler: Handler,
    pub timeout: Duration,
    pub retry: RetryPolicy,
    /// A cron's schedule: a run that failed is tried until the next one is due.
    pub until_next: Option<Schedule>,
    /// Shared with the version before, so that both together keep the limit.
    pub slots: Arc<Semaphore>,
    pub topics: Arc<dyn Topics>,
    pub services: Arc<Services>,
}

impl Subscriber {
    /// Claims and runs until `stop`; deliveries that run then are work of `tasks`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken, tasks: Tasks) -> anyhow::Result<()> {
        loop {
            let Some(slots) = self.free_slots(&stop).await? else { return Ok(()) };
            let deliveries = tokio::select! {
                biased; // once stopping, claim nothing more
                () = stop.cancelled() => return Ok(()),
                deliveries = self.topics.claim(self.id, slots.len()) => match deliveries {
                    Err(less_store::Error::Closed) => return Ok(()),
                    deliveries => deliveries?,
                },
            };
            for (delivery, slot) in deliveries.into_iter().zip(slots) {
                self.begin(Underway { delivery, slot, tasks: tasks.clone(), work: tasks.token() });
            }
        }
    }

    /// Most attempts begin at once in a worker, and need no task to wait for their end; the others get one.
    fn begin(self: &Arc<Self>, underway: Underway) {
        let invocation = self.invocation(&underway.delivery);
        let (this, attempt) = (self.clone(), Attempt::of(&invocation));
        let then = move |outcome| {
            let Underway { delivery, slot, tasks, work } = underway;
            match outcome {
                Some(outcome) => this.end(delivery, &attempt, outcome),
                None => tasks.critical("delivery", async move {
                    this.attempt(delivery).await;
                    drop(slot);
                }),
            }
            drop(work);
        };
        self.handler.pool.begin(&invocation, Box::new(then));
    }

    /// Room first, then work: waits for a slot and takes all that are free beside it.
    async fn free_slots(&self, stop: &CancellationToken) -> anyhow::Result<Option<Vec<OwnedSemaphorePermit>>> {
        let first = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(None),
            slot = self.slots.clone().acquire_owned() => slot?,
        };
        let mut slots = vec![first];
        while let Ok(slot) = self.slots.clone().try_acquire_owned() {
            slots.push(slot);
        }
        Ok(Some(slots))
    }

    async fn attempt(&self, delivery: Delivery) {
        let invocation = self.invocation(&delivery);
        let outcome = self.handler.pool.invoke(&invocation).await;
        self.end(delivery, &Attempt::of(&invocation), outcome);
    }

    /// An attempt has come to its end: the store learns what becomes of the delivery.
    fn end(&self, delivery: Delivery, attempt: &Attempt, outcome: Outcome) {
        let outcome = attempt.suspect(outcome);
        let dice = || f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
        let now = clock::now_ms();
        let verdict = retry::verdict(&self.retry, delivery.attempt, self.expiry(&delivery), &outcome, now, dice);
        self.tell(attempt.invocation, delivery.attempt, &outcome, &verdict);
        self.services.show_attempt(seen::Attempt {
            time: now,
            path: &self.handler.path,
            invocation: attempt.invocation,
            attempt: delivery.attempt,
            took: attempt.began.elapsed(),
            verdict: &verdict,
        });
        self.topics.settle(delivery, verdict);
    }

    fn expiry(&self, delivery: &Delivery) -> Timestamp {
        // A `rate` counts from its deploy, which is of no matter here: one period after this run the next is due.
        let since = delivery.message.published_at;
        let next = self.until_next.as_ref().and_then(|schedule| schedule.next_after(since, since));
        next.map_or(delivery.expires_at, |next| next.min(delivery.expires_at))
    }

    fn invocation(&self, delivery: &Delivery) -> Invocation {
        let message = &delivery.message;
        Invocation {
            id: Uuid::now_v7(),
            trace: message.trace,
            handler: self.handler.place,
            path: self.handler.path.clone(),
            timeout: self.timeout,
            deadline: Instant::now() + self.timeout,
            deadline_ms: u64::try_from(clock::now_ms()).unwrap_or(0) + millis(self.timeout),
            input: Input::Message {
                id: message.id,
                attempt: delivery.attempt,
                published_at: u64::try_from(message.published_at).unwrap_or(0),
                payload: message.payload.clone(),
            },
            origin: Some(Arc::new(Causing::new(delivery.subscriber, delivery.seq))),
            depth: 0,
            alone: delivery.alone,
            held: None,
        }
    }

    /// One line per failed attempt, among the handler's own lines.
    fn tell(&self, invocation: Uuid, attempt: u32, outcome: &Outcome, verdict: &Verdict) {
        if let Outcome::Threw { thrown, .. } = outcome {
            self.services.tell_stack(&self.handler.path, invocation, thrown);
        }
        let text = match verdict {
            Verdict::Done | Verdict::Release => return,
            Verdict::AgainAlone => {
                format!("attempt {attempt} was interrupted: its process was lost; it runs again, alone")
            }
            Verdict::Again { after, error } => {
                let (next, after) = (attempt + 1, after.as_secs_f64());
                format!("attempt {attempt} failed: {error}; next try (attempt {next}) in {after:.1} s")
            }
            Verdict::Bury { reason, error } => {
                let why = words(*reason);
                format!("attempt {attempt} failed: {error}; no next try, {why}: it is a dead letter now")
            }
        };
        self.services.tell(&self.handler.path, invocation, text);
    }
}

/// A delivery that has its slot; the family of tasks waits for its end.
struct Underway {
    delivery: Delivery,
    slot: OwnedSemaphorePermit,
    tasks: Tasks,
    work: TaskTrackerToken,
}

/// What is kept of an attempt while it runs.
struct Attempt {
    invocation: Uuid,
    began: Instant,
    causing: Option<Arc<Causing>>,
    alone: bool,
}

impl Attempt {
    fn of(invocation: &Invocation) -> Self {
        let began = invocation.deadline - invocation.timeout;
        Self { invocation: invocation.id, began, causing: invocation.origin.clone(), alone: invocation.alone }
    }

    /// An attempt that failed after a function which it called took its process along is itself suspect: next it
    /// runs alone, and so does what it calls.
    fn suspect(&self, outcome: Outcome) -> Outcome {
        let lost = self.causing.as_ref().is_some_and(|causing| causing.has_lost_a_worker());
        match outcome {
            Outcome::Threw { retriable: true, .. } | Outcome::TimedOut { .. } if lost && !self.alone => {
                Outcome::WorkerLost { alone: false }
            }
            outcome => outcome,
        }
    }
}

fn words(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "its time is over",
        Reason::Exhausted => "its attempts are used up",
        Reason::Refused => "the handler refused it for good",
    }
}
