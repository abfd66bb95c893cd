//! The seam of durable publish/subscribe: its words, and the promises every back end keeps.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

/// Milliseconds since 1970.
pub type Timestamp = i64;

pub type Result<T> = std::result::Result<T, Error>;

/// A variant exists because a caller does something else about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Caller: refuse new publishes, keep serving.
    #[error("the disk is full")]
    Full,
    /// Caller: name the other process, do not start.
    #[error("the home {0} is in use by another process")]
    InUse(String),
    /// Caller: tell the user the topic is not deployed.
    #[error("topic {topic} of project {project} is not deployed")]
    UnknownTopic { project: String, topic: String },
    /// Caller: refuse the publish; the delivery that made it is settled and must not have a further effect.
    #[error("the delivery that publishes is settled")]
    Settled,
    /// The store stopped, or its writer failed: nothing more is promised.
    #[error("the store is closed")]
    Closed,
    #[error("the store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One published event, shared by the deliveries to its subscribers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: Uuid,
    pub project: Arc<str>,
    pub topic: Arc<str>,
    /// JSON, exactly as the publisher wrote it.
    pub payload: Bytes,
    pub trace: Uuid,
    /// The invocation that published it; none for one that came from outside.
    pub cause: Option<Uuid>,
    pub published_at: Timestamp,
    /// Nobody claims it earlier, and its retention counts from then.
    pub delayed_until: Option<Timestamp>,
    /// Deliveries of one key reach a subscriber in the order of publishing, one at a time.
    pub ordering_key: Option<Arc<str>>,
}

/// How long one idempotency key makes one message.
pub(crate) const SAME_KEY_FOR: Duration = Duration::from_secs(24 * 60 * 60);

impl Message {
    /// When its first attempt is due; `now` should the clock have gone back since.
    pub(crate) fn due_at(&self, now: Timestamp) -> Timestamp {
        due_at(self.published_at, self.delayed_until, now)
    }

    /// From when on it is not tried any more.
    pub(crate) fn expires_at(&self, retention: Timestamp) -> Timestamp {
        self.delayed_until.unwrap_or(Timestamp::MIN).max(self.published_at).saturating_add(retention)
    }
}

/// When a message is due for the first time that is known of at `now`.
pub(crate) fn due_at(published_at: Timestamp, delayed_until: Option<Timestamp>, now: Timestamp) -> Timestamp {
    delayed_until.filter(|until| *until > now).unwrap_or_else(|| published_at.min(now))
}

/// A message and what makes its publish a repeat of an earlier one. A repeat is made durable by nothing,
/// and answered with the first one's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    pub message: Message,
    /// Equal keys within 24 h in one project and topic are one message.
    pub idempotency_key: Option<String>,
    /// The delivery whose handler publishes.
    pub origin: Option<Origin>,
}

/// Which publish of a delivery this is: repeated by a later attempt, it is recognised until the delivery
/// is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    pub subscriber: SubscriberId,
    /// With `subscriber` it names the delivery.
    pub seq: i64,
    /// Of topic and payload.
    pub hash: [u8; 16],
    /// How many equal ones (by `hash`) the same attempt has published before.
    pub nth: u32,
}

impl From<Message> for Publish {
    fn from(message: Message) -> Self {
        Self { message, idempotency_key: None, origin: None }
    }
}

/// Names a subscriber (its project and its handler's identity) for as long as the home lives, across deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriberId(pub u32);

/// One message on its way to one subscriber, claimed by the one who holds this value.
#[derive(Debug)]
pub struct Delivery {
    pub subscriber: SubscriberId,
    /// The message's place in the store; with `subscriber` it names the delivery.
    pub seq: i64,
    /// When it was due: part of the embedded store's key.
    pub due_at: Timestamp,
    /// 1 on the first attempt.
    pub attempt: u32,
    /// Its worker was lost with others in flight: it runs in a worker of its own.
    pub alone: bool,
    /// After this it is not tried again.
    pub expires_at: Timestamp,
    pub message: Arc<Message>,
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Done,
    /// Failed: the next attempt is due after this long. The error is kept with the delivery.
    Again {
        after: Duration,
        error: String,
    },
    /// Its worker was lost beside others: due at once, alone, and the attempt does not count.
    AgainAlone,
    /// It was claimed but never begun: due at once, unchanged.
    Release,
    /// It will not be tried again: it becomes a dead letter with all its attempts' errors.
    Bury {
        reason: Reason,
        error: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The retention of its topic ran out.
    Expired,
    /// The subscriber's `retry.attempts` are used up.
    Exhausted,
    /// The handler refused it for good (`NonRetriableError`).
    Refused,
}

/// A topic and one of its subscribers, as deployed. A topic without subscribers has `subscriber: None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Whose topic it is: the deployed project itself, or another (external topics), deployed or not.
    pub publisher: String,
    pub topic: String,
    /// Its handler's identity: `topics/order_placed/payment`.
    pub subscriber: Option<String>,
    /// How long after publishing a delivery is still tried.
    pub retention: Duration,
}

/// A cron as deployed. It is a topic of its own, named by its handler's identity, with one subscriber of
/// the same name; both are among the subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// `crons/daily_report`
    pub name: String,
    /// As it was written, with its time zone: another text is another schedule.
    pub schedule: String,
}

/// How far a cron has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CronState {
    /// When the deploy came that introduced this schedule.
    pub since: Timestamp,
    /// The latest scheduled time that was dealt with, or `since` if that is later. It never moves back.
    pub mark: Timestamp,
}

/// A cron's scheduled time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    pub project: String,
    pub cron: String,
    /// The scheduled time.
    pub at: Timestamp,
    /// For the cron's subscriber.
    pub message: Message,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ticked {
    Published,
    /// The run before is not settled: this one is left out.
    StillRuns,
    /// The mark is there or beyond: somebody else was quicker.
    Already,
    /// The cron is not deployed any more.
    Unknown,
}

/// The record of a deployed version; `version` and the times are the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    pub project: String,
    /// The project's id, given at its first deployment.
    pub id: Uuid,
    /// Which version's folder is live.
    pub version: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a deployment found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployed {
    /// The ids to claim with, in the order of the subscriptions that name a subscriber.
    pub subscribers: Vec<SubscriberId>,
    /// In the order of the crons.
    pub crons: Vec<CronState>,
    /// (identity, waiting deliveries) of the project's subscribers that are not deployed any more.
    pub parked: Vec<(String, u64)>,
}

/// A delivery that was given up, with the errors of its attempts (attempt, when, error), oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its handler's identity.
    pub subscriber: String,
    pub message: Message,
    pub reason: Reason,
    pub buried_at: Timestamp,
    pub errors: Vec<(u32, Timestamp, String)>,
}

/// Durable publish/subscribe. The contract every back end keeps; `contract::check` holds each to it.
///
/// 1. `publish` returns only once the message would survive a power cut, also without subscribers.
/// 2. Every subscriber deployed at that moment gets its own delivery; a failing one delays no other.
/// 3. A claimed delivery is with one claimer until it is settled or the store is opened anew; then
///    it is due at once, its attempt unchanged.
/// 4. `Again` counts an attempt and is not claimed before it is due; `AgainAlone` and `Release` count none.
/// 5. A buried delivery is a dead letter with every attempt's error; nothing claims it.
/// 6. `deploy` is one step: a publish sees the subscribers before it or after it, never a mixture.
///    Deliveries of a subscriber that is gone wait, and resume when it returns. What concerns one project
///    (deploy, remove, purge) leaves the subscribers of others to its topics, and what waits for them.
/// 7. What is settled takes no space for long.
/// 8. A delayed message is claimed by nobody before its time, also not after `hurry`.
/// 9. Of the deliveries with one ordering key a subscriber has one at a time, in the order of publishing;
///    the next is due once the one before is done or buried. Other keys are not delayed.
/// 10. Of publishes with one idempotency key within 24 h the first alone makes a message; the others, also
///     those that come at the same moment, get its id once it is durable.
/// 11. Of publishes with one origin the first alone makes a message, whatever crashed since, until the
///     delivery of the origin is done or buried; from then on they fail with [`Error::Settled`]. The record
///     of the origin is of the same commit as the message.
/// 12. `tick` moves a cron's mark and publishes its message in one commit, or neither.
#[async_trait]
pub trait Topics: Send + Sync + 'static {
    /// Resolves with the message's id once it is durable, or with that of the message which it repeats.
    /// A caller that stops waiting may still have published.
    async fn publish(&self, publish: Publish) -> Result<Uuid>;

    /// Waits until deliveries of `subscriber` are due, and claims up to `max` of them (at least one).
    /// Cancel safe: dropped early, it has claimed nothing.
    async fn claim(&self, subscriber: SubscriberId, max: usize) -> Result<Vec<Delivery>>;

    /// Takes the verdict; it is durable with one of the next commits (a lost one is a redelivery).
    fn settle(&self, delivery: Delivery, verdict: Verdict);

    /// Makes a version live: its record, its subscriptions and its crons, replacing the project's earlier ones.
    /// A cron keeps its state as long as its schedule is the same; its mark stays in any case.
    async fn deploy(
        &self,
        deployment: Deployment,
        subscriptions: Vec<Subscription>,
        crons: Vec<Cron>,
    ) -> Result<Deployed>;

    /// A scheduled time has come.
    async fn tick(&self, tick: Tick) -> Result<Ticked>;

    /// Makes everything that waits for a retry in this project due now. Resolves when done.
    async fn hurry(&self, project: &str) -> Result<()>;

    /// All live deployments.
    async fn deployments(&self) -> Result<Vec<Deployment>>;

    /// Takes the project's deployment away; `purge` its deliveries, dead letters, values and files too.
    /// Returns how many deliveries wait (or waited).
    async fn remove(&self, project: &str, purge: bool) -> Result<u64>;

    /// Unsettled deliveries of the project's subscribers, by identity.
    async fn waiting(&self, project: &str) -> Result<Vec<(String, u64)>>;

    /// The project's dead letters, newest first, at most `limit`.
    async fn dead_letters(&self, project: &str, limit: usize) -> Result<Vec<DeadLetter>>;

    /// Resolves once the store has failed by itself: until it is opened anew, everything fails with
    /// [`Error::Closed`], and what was published before waits on disk. Never when it was closed.
    async fn failed(&self);

    /// Commits what is settled and closes. Everything later fails with [`Error::Closed`].
    async fn close(&self);
}
