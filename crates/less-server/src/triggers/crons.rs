//! Crons: a scheduled time becomes a message to the cron's own topic, which the cron hears.
//!
//! In: a schedule, and how far the store says it has come. Out: ticks to the store, which moves the mark and
//! publishes in one commit: so a time fires once, wherever a server crashed. It keeps nothing of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use less_project::Schedule;
use less_store::{CronState, Error, Message, Tick, Ticked, Timestamp, Topics};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock;
use crate::services::Services;

/// A clock may be set: it is looked at at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// After the store refused a tick, its disk being full, say.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What becomes of the times that passed while nothing ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissedRuns {
    /// The latest is run, once.
    RunLatest,
    Forget,
}

/// One cron of a live version.
pub(crate) struct Firing {
    pub project: Arc<str>,
    /// The handler's identity: also its topic.
    pub path: Arc<str>,
    pub schedule: Schedule,
    pub state: CronState,
    pub missed: MissedRuns,
    pub topics: Arc<dyn Topics>,
    pub services: Arc<Services>,
}

impl Firing {
    /// Fires until `stop`, or until no time is left.
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let CronState { since, mut mark } = self.state;
        if self.missed == MissedRuns::Forget {
            mark = mark.max(clock::now_ms());
        }
        loop {
            let now = clock::now_ms();
            let wait = match self.schedule.latest_until(mark, now, since) {
                Some(at) => match self.fire(at).await {
                    Ok(()) => {
                        mark = at;
                        continue;
                    }
                    Err(Error::Closed) => return Ok(()),
                    Err(error) => {
                        tracing::warn!(cron = &*self.path, %error, "a cron could not be fired; it is tried again");
                        TRY_AGAIN
                    }
                },
                None => match self.schedule.next_after(mark.max(now), since) {
                    Some(next) => until(next, now),
                    None => return Ok(()),
                },
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn fire(&self, at: Timestamp) -> less_store::Result<()> {
        let id = Uuid::now_v7();
        let message = Message {
            id,
            project: self.project.clone(),
            topic: self.path.clone(),
            payload: Bytes::from_static(b"null"),
            trace: id,
            cause: None,
            published_at: clock::now_ms(),
            delayed_until: None,
            ordering_key: None,
        };
        let (project, cron) = (self.project.to_string(), self.path.to_string());
        match self.topics.tick(Tick { project, cron, at, message }).await? {
            Ticked::Published | Ticked::Already | Ticked::Unknown => {}
            Ticked::StillRuns => {
                let text = "a run was skipped: the one before it has not ended".to_owned();
                self.services.tell(&self.path, Uuid::nil(), text);
            }
        }
        Ok(())
    }
}

fn until(next: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(next.saturating_sub(now)).unwrap_or(0)).min(LOOK_AGAIN)
}
