//! The store of one machine: one SQLite file, one writer thread, one process.
//!
//! A publish waits in the `inbox` until the `writer` thread commits it together with its neighbours
//! (`batch`), unless it repeats an earlier one (`once`); its deliveries go into the subscribers' `lane`s
//! (`placing`), from where they are claimed without a look at the disk. What finds no room in memory is read
//! back later (`refill`), and what waits for another one with its ordering key when that is over (`ordered`).
//! Settlements ride along with the next commit, and so do changes of key-values (`values`) and of files (`files`) with
//! the messages that tell of them. `schema` tells how the file looks.

mod batch;
mod catalog;
mod chores;
mod connections;
mod crons;
mod failure;
mod files;
mod home;
mod inbox;
mod jobs;
mod lane;
mod lock;
mod once;
mod ordered;
mod placing;
mod purge;
mod reader;
mod recent;
mod refill;
mod reserve;
mod rows;
mod schema;
mod settling;
#[cfg(test)]
mod tests;
mod tidy;
mod turned_back;
mod values;
mod versions;
mod weight;
mod writer;

use std::fmt;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use tokio::sync::watch;
use uuid::Uuid;

use crate::clock::{Clock, millis};
use crate::{
    Cron, DeadLetter, Delivery, Deployed, Deployment, Error, Publish, Reason, Result, SubscriberId, Subscription, Tick,
    Ticked, Timestamp, Topics, Verdict,
};
use catalog::{Catalog, Lanes};
use failure::{failed, refused};
use files::Objects;
use home::Home;
use inbox::{Fate, Inbox, Settlement};
use jobs::Job;
use lane::Lane;
use reader::Reader;
use writer::Writer;

/// A clock may be set: who waits for a time looks again at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What the writer thread and the tasks have in common.
struct Shared {
    inbox: Inbox,
    lanes: Lanes,
    objects: Arc<Objects>,
    clock: Clock,
}

/// The embedded store. See the module's header, and [`Topics`] for its promises.
pub struct Embedded {
    shared: Arc<Shared>,
    reader: Arc<Reader>,
    /// Of values alone: they are not to wait for a long answer.
    values: Arc<Reader>,
    objects: Arc<Objects>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Whether the store failed; its sender goes with the writer thread.
    ended: watch::Receiver<bool>,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("inbox", &self.shared.inbox).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the home in `dir`, made when missing, and locks it. Everything unsettled is due as it was;
    /// what was claimed is due at once.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self> {
        Self::start(Home::open(dir, clock())?, clock)
    }

    fn start(home: Home, clock: Clock) -> Result<Self> {
        let objects = Objects::open(home.file.with_file_name("files"))?;
        let lanes = Lanes::default();
        let inbox = Inbox::new(lanes.weight.clone());
        let shared = Arc::new(Shared { inbox, lanes, objects: Arc::clone(&objects), clock });
        let catalog = Catalog::load(&home.conn, &shared.lanes, true)
            .map_err(|error| failed(format!("cannot read {}", home.file.display()), error))?;
        let (reader, reading) = Reader::open(&home.file)?;
        let (values, reading_values) = Reader::open(&home.file)?;
        let (reader, values, (ending, ended)) = (Arc::new(reader), Arc::new(values), watch::channel(false));
        let readers = vec![(Arc::clone(&reader), reading), (Arc::clone(&values), reading_values)];
        let ends = Ends { shared: Arc::clone(&shared), readers, ending };
        let writer = std::thread::Builder::new()
            .name("less-store-writer".to_owned())
            .spawn(move || write(home, catalog, ends))
            .map_err(|error| failed("cannot start the store's writer", error))?;
        Ok(Self { shared, reader, values, objects, writer: Mutex::new(Some(writer)), ended })
    }

    fn lane(&self, subscriber: SubscriberId) -> Result<Arc<Lane>> {
        let lane = self.shared.lanes.get(subscriber);
        lane.ok_or_else(|| refused(format!("no subscriber has the number {}: deploy it first", subscriber.0)))
    }

    fn settle_as(&self, delivery: Delivery, fate: Fate) {
        let at = (self.shared.clock)();
        self.shared.inbox.settle(Settlement { delivery, fate, at });
    }

    /// Of all subscribers of the project, everything settled before counted as settled.
    async fn backlogs(&self, project: &str) -> Result<Vec<reader::Backlog>> {
        self.shared.inbox.ask(Job::Flush).await?;
        let project = project.to_owned();
        self.reader.ask(move |conn| reader::backlogs(conn, &project)).await
    }

    /// Waits for the writer, which is about to end.
    fn join(&self) {
        if let Some(Err(_)) = self.writer.lock().take().map(JoinHandle::join) {
            tracing::error!("the store's writer panicked");
        }
    }

    /// Ends as if the power had gone: nothing that waits is committed.
    #[cfg(test)]
    fn crash(&self) {
        self.shared.inbox.abandon();
        self.join();
    }
}

/// The writer thread, from its first statement to the release of the home.
fn write(home: Home, catalog: Catalog, mut ends: Ends) {
    let Home { conn, file, wal, next_seq, lock } = home;
    let written = Writer::new(&conn, wal, Arc::clone(&ends.shared), catalog, next_seq);
    let failed = written.map_err(Arc::new).and_then(Writer::run).err();
    if let Some(error) = &failed {
        ends.ending.send_replace(true);
        tracing::error!(file = %file.display(), %error, "the store failed and is closed: free the disk or repair it, then start again");
    }
    let lost = failed.is_some() || ends.shared.inbox.is_abandoned();
    // After a failed sync not one more page is to be copied on the strength of what the cache says.
    if lost && let Err(error) = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
        tracing::error!(%error, "the store could not be left as it was");
    }
    ends.stop_reading(); // the last connection to go empties the WAL
    drop(conn);
    drop(lock);
}

/// What happens when the writer ends, be it by a panic: everybody who waits hears of it.
struct Ends {
    shared: Arc<Shared>,
    readers: Vec<(Arc<Reader>, JoinHandle<()>)>,
    /// Told whether the store failed.
    ending: watch::Sender<bool>,
}

impl Ends {
    fn stop_reading(&mut self) {
        self.readers.iter().for_each(|(reader, _)| reader.close());
        for (_, reading) in self.readers.drain(..) {
            if reading.join().is_err() {
                tracing::error!("a reader of the store panicked");
            }
        }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.shared.inbox.abandon();
        self.stop_reading();
        self.shared.lanes.all().iter().for_each(|lane| lane.wake_all());
        self.ending.send_if_modified(|failed| {
            *failed |= std::thread::panicking();
            true
        });
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.shared.inbox.close();
        self.join();
    }
}

#[async_trait]
impl Topics for Embedded {
    async fn publish(&self, publish: Publish) -> Result<Uuid> {
        self.shared.inbox.publish(publish).await
    }

    async fn claim(&self, subscriber: SubscriberId, max: usize) -> Result<Vec<Delivery>> {
        let lane = self.lane(subscriber)?;
        loop {
            let mut woken = pin!(lane.woken());
            woken.as_mut().enable(); // before looking, so that no change is missed
            if self.shared.inbox.is_closed() {
                return Err(Error::Closed);
            }
            let now = (self.shared.clock)();
            let taken = lane.take(max.max(1), now);
            for expired in taken.expired {
                self.settle_as(expired, Fate::Bury { reason: Reason::Expired, error: None });
            }
            if taken.refill {
                self.shared.inbox.refill(subscriber);
            }
            if !taken.deliveries.is_empty() {
                return Ok(taken.deliveries);
            }
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(until(taken.next_due, now)) => {}
            }
        }
    }

    fn settle(&self, delivery: Delivery, verdict: Verdict) {
        let fate = match verdict {
            Verdict::Done => Fate::Done,
            Verdict::Again { after, error } => {
                Fate::Again { due_at: (self.shared.clock)().saturating_add(millis(after)), error }
            }
            Verdict::AgainAlone => Fate::Alone,
            Verdict::Release => Fate::Release,
            Verdict::Bury { reason, error } => Fate::Bury { reason, error: Some(error) },
        };
        self.settle_as(delivery, fate);
    }

    async fn deploy(
        &self,
        deployment: Deployment,
        subscriptions: Vec<Subscription>,
        crons: Vec<Cron>,
    ) -> Result<Deployed> {
        let project = deployment.project.clone();
        let deploy = |answer| Job::Deploy { deployment, subscriptions, crons, answer };
        let (subscribers, crons) = self.shared.inbox.ask(deploy).await?;
        // What is deployed is deployed: a count that fails takes nothing back.
        let mut parked = self.backlogs(&project).await.unwrap_or_default();
        parked.retain(|backlog| !backlog.deployed && backlog.waiting > 0);
        Ok(Deployed { subscribers, crons, parked: parked.into_iter().map(reader::Backlog::named).collect() })
    }

    async fn tick(&self, tick: Tick) -> Result<Ticked> {
        self.shared.inbox.ask(|answer| Job::Tick { tick, answer }).await
    }

    async fn hurry(&self, project: &str) -> Result<()> {
        // First what is settled: its retries are to be hurried too.
        self.shared.inbox.ask(Job::Flush).await?;
        self.shared.inbox.ask(|answer| Job::Hurry { project: project.to_owned(), answer }).await
    }

    async fn deployments(&self) -> Result<Vec<Deployment>> {
        self.reader.ask(reader::deployments).await
    }

    async fn remove(&self, project: &str, purge: bool) -> Result<u64> {
        self.shared.inbox.ask(|answer| Job::Remove { project: project.to_owned(), answer }).await?;
        let waiting = self.backlogs(project).await?.iter().map(|backlog| backlog.waiting).sum();
        if purge {
            // First: what is kept after the purge has begun would stay.
            self.objects.disown(project);
            self.shared.inbox.ask(|answer| Job::Purge { project: project.to_owned(), answer }).await?;
            self.sweep_files(project).await?;
        }
        Ok(waiting)
    }

    async fn waiting(&self, project: &str) -> Result<Vec<(String, u64)>> {
        let mut backlogs = self.backlogs(project).await?;
        backlogs.retain(|backlog| backlog.deployed || backlog.waiting > 0);
        Ok(backlogs.into_iter().map(reader::Backlog::named).collect())
    }

    async fn dead_letters(&self, project: &str, limit: usize) -> Result<Vec<DeadLetter>> {
        self.shared.inbox.ask(Job::Flush).await?;
        let project = project.to_owned();
        self.reader.ask(move |conn| reader::dead_letters(conn, &project, limit)).await
    }

    async fn failed(&self) {
        let mut ended = self.ended.clone();
        if ended.wait_for(|failed| *failed).await.is_err() {
            std::future::pending().await // it was closed
        }
    }

    async fn close(&self) {
        self.shared.inbox.close();
        // An error says that the sender is gone, and with it the thread.
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
        self.join();
    }
}

/// How long to sleep at most before looking again.
fn until(due: Option<Timestamp>, now: Timestamp) -> Duration {
    let wait = due.map(|due| u64::try_from(due.saturating_sub(now)).unwrap_or(0));
    wait.map_or(LOOK_AGAIN, |wait| Duration::from_millis(wait).min(LOOK_AGAIN))
}
