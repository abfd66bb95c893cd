//! Static sites: which files are served for each project, and at which ports.
//!
//! In: the sites of a version (`version`, with `compressed` beside it) or, in `run`, the folder that is worked on (`folder`).
//! Out: to the door of a site, where a path leads (`lookup`, `kinds`). Every site has a port (`ports`), and so an origin, of its own.
//!
//! All sites of a project switch at once. What was replaced goes when nobody reads it any more. Nothing is kept here that is
//! not on disk.

mod compressed;
mod folder;
mod kinds;
mod lookup;
mod ports;
mod version;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use less_project::Problem;
use parking_lot::{Mutex, RwLock};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::control::api::NamedUrl;
use crate::tasks::Tasks;
use crate::triggers::http::{Bound, Door, serve};

pub(crate) use compressed::Coding;
pub(crate) use kinds::{content_type, is_hashed};
pub(crate) use lookup::SitePath;
use ports::Ports;
pub(crate) use version::{Of, Record, SiteVersion};

/// The first port of the first site.
pub(crate) const SITE_PORT: u16 = 4800;
/// A site whose port another program has is tried again after this long.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Where a request leads.
#[derive(Debug)]
pub(crate) enum Found {
    File(Located),
    /// Nothing is there, and this page says so.
    NotFoundPage(Located),
    /// The path of a folder, with the `/` that was missing.
    Folder(String),
    Nothing,
}

/// A file of a site.
#[derive(Debug)]
pub(crate) struct Located {
    /// In the site: it says the type.
    pub(crate) name: String,
    pub(crate) form: Form,
    /// In which it may be had as well.
    pub(crate) codings: Vec<Coding>,
    pub(crate) modified: SystemTime,
    /// It is part of a version, so what its name says of its content can be trusted.
    pub(crate) lasts: bool,
}

/// The bytes that a file is sent as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) file: PathBuf,
    pub(crate) bytes: u64,
    /// For `etag`, quoted: other bytes have another.
    pub(crate) tag: String,
    pub(crate) coding: Option<Coding>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct SiteId {
    project: String,
    site: String,
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.site)
    }
}

/// What the sites of a project are served from.
#[derive(Debug)]
pub(crate) enum Content {
    Version(SiteVersion),
    /// The project's folder, and its sites.
    Folder(PathBuf, Vec<String>),
}

impl Content {
    fn sites(&self) -> BTreeSet<String> {
        match self {
            Self::Version(version) => version.sites().cloned().collect(),
            Self::Folder(_, sites) => sites.iter().cloned().collect(),
        }
    }
}

/// The sites of one project, as they are served now.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) content: Content,
    readers: TaskTracker,
}

impl Published {
    /// Waits until nobody reads it any more; no longer than `grace`. What is open can be read to its end all the same.
    pub(crate) async fn unread(&self, grace: Duration) {
        self.readers.close();
        tokio::time::timeout(grace, self.readers.wait()).await.ok();
    }
}

/// Sites that can be served as soon as somebody says so: their ports are taken.
pub(crate) struct Staged {
    content: Arc<Published>,
    bound: Vec<(SiteId, Bound)>,
}

/// A site, while somebody reads it.
#[derive(Debug)]
pub(crate) struct Reading {
    published: Arc<Published>,
    site: String,
    _reader: TaskTrackerToken,
}

/// The listeners of one site.
struct Opened {
    port: u16,
    front: Tasks,
    listeners: TaskTracker,
}

pub struct Sites {
    front: Tasks,
    ports: Ports,
    published: RwLock<HashMap<String, Arc<Published>>>,
    opened: Mutex<BTreeMap<SiteId, Opened>>,
    /// Sites whose port another program has, and what is known of it.
    hindered: Mutex<BTreeMap<SiteId, String>>,
    /// Held while ports are taken, so that nobody meets a port that we have ourselves.
    turn: tokio::sync::Mutex<()>,
}

impl Sites {
    /// `front`: what its listeners stop with. `kept`: where the ports are kept. `base`: see [`Ports`].
    pub(crate) fn new(front: Tasks, kept: Option<PathBuf>, base: u16) -> Self {
        Self {
            front,
            ports: Ports::new(kept, base),
            published: RwLock::default(),
            opened: Mutex::default(),
            hindered: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Everything that can fail before the sites of a project are others.
    pub(crate) async fn stage(&self, project: &str, content: Content) -> anyhow::Result<Staged> {
        let _turn = self.turn.lock().await;
        let mut bound = Vec::new();
        for site in content.sites() {
            let id = SiteId { project: project.to_owned(), site };
            if !self.opened.lock().contains_key(&id) {
                bound.push((id.clone(), self.ports.take(&id).await?));
            }
        }
        Ok(Staged { content: Arc::new(Published { content, readers: TaskTracker::new() }), bound })
    }

    /// Serves what was staged, all at once; returns what was served before.
    pub(crate) async fn publish(self: &Arc<Self>, project: &str, staged: Staged) -> Option<Arc<Published>> {
        let sites = staged.content.content.sites();
        let before = self.published.write().insert(project.to_owned(), staged.content);
        for (id, bound) in staged.bound {
            self.open(id, bound);
        }
        self.close_others(project, &sites).await;
        before
    }

    /// After a restart: serves what was served before it. A site whose port another program has is tried again and again,
    /// for another port would be another origin.
    pub(crate) async fn restore(self: &Arc<Self>, project: &str, version: SiteVersion) {
        let content = Content::Version(version);
        let sites = content.sites();
        let published = Published { content, readers: TaskTracker::new() };
        self.published.write().insert(project.to_owned(), Arc::new(published));
        let _turn = self.turn.lock().await;
        for site in sites {
            let id = SiteId { project: project.to_owned(), site };
            match self.ports.take(&id).await {
                Ok(bound) => self.open(id, bound),
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "a site is not served; it is tried again");
                    self.hindered.lock().insert(id.clone(), format!("{error:#}"));
                    let this = self.clone();
                    self.front.work("site", async move { this.open_when_free(id).await });
                }
            }
        }
    }

    async fn open_when_free(self: Arc<Self>, id: SiteId) {
        let stop = self.front.stopping();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TRY_AGAIN) => {}
            }
            let _turn = self.turn.lock().await;
            // A deploy may have come first, or a delete.
            if !self.hindered.lock().contains_key(&id) {
                return;
            }
            if let Ok(bound) = self.ports.take(&id).await {
                tracing::info!(site = %id, port = bound.port, "the site is served again");
                self.open(id, bound);
                return;
            }
        }
    }

    fn open(self: &Arc<Self>, id: SiteId, bound: Bound) {
        let front = self.front.branch();
        let listeners = TaskTracker::new();
        let door = Arc::new(Door::Site { sites: self.clone(), project: id.project.clone(), site: id.site.clone() });
        for listener in bound.listeners {
            let served = serve(listener, door.clone(), front.clone());
            front.essential("listener", listeners.track_future(served));
        }
        listeners.close();
        self.hindered.lock().remove(&id);
        self.opened.lock().insert(id, Opened { port: bound.port, front, listeners });
    }

    /// Closes the doors of sites that the project has no more. Requests that are being answered are.
    async fn close_others(&self, project: &str, sites: &BTreeSet<String>) {
        let is_gone = |id: &SiteId| id.project == project && !sites.contains(&id.site);
        self.hindered.lock().retain(|id, _| !is_gone(id));
        let gone: Vec<Opened> = {
            let mut opened = self.opened.lock();
            let ids: Vec<SiteId> = opened.keys().filter(|id| is_gone(id)).cloned().collect();
            ids.iter().filter_map(|id| opened.remove(id)).collect()
        };
        for opened in gone {
            opened.front.stop();
            opened.listeners.wait().await;
        }
    }

    /// Serves nothing of a project any more; `purge`: nor keeps its ports.
    pub(crate) async fn remove(&self, project: &str, purge: bool) {
        let _turn = self.turn.lock().await;
        self.close_others(project, &BTreeSet::new()).await;
        self.published.write().remove(project);
        if purge && let Err(error) = self.ports.forget(project) {
            tracing::warn!(project, error = format!("{error:#}"), "the ports of its sites stay kept");
        }
    }

    pub(crate) fn of(&self, project: &str) -> Option<Arc<Published>> {
        self.published.read().get(project).cloned()
    }

    /// The site, as long as somebody reads it; none when the project has no such site.
    pub(crate) fn read(&self, project: &str, site: &str) -> Option<Reading> {
        let published = self.published.read();
        let published = published.get(project)?;
        let reading =
            Reading { published: published.clone(), site: site.to_owned(), _reader: published.readers.token() };
        Some(reading)
    }

    /// Where a project's sites are, in alphabetical order.
    pub(crate) fn urls(&self, project: &str) -> Vec<NamedUrl> {
        let opened = self.opened.lock();
        let own = opened.iter().filter(|(id, _)| id.project == project);
        let urls = own
            .map(|(id, opened)| NamedUrl { name: id.site.clone(), url: format!("http://localhost:{}", opened.port) });
        urls.collect()
    }

    /// Which of a project's sites are not served, and why.
    pub(crate) fn problems(&self, project: &str) -> Vec<Problem> {
        let hindered = self.hindered.lock();
        let own = hindered.iter().filter(|(id, _)| id.project == project);
        let problems = own.map(|(id, why)| {
            let (message, hint) = why.split_once("\n  hint: ").unwrap_or((why, ""));
            Problem::new(format!("less/statics/{}", id.site), message, hint)
        });
        problems.collect()
    }
}

impl Reading {
    pub(crate) async fn find(&self, path: SitePath) -> Found {
        match &self.published.content {
            Content::Version(version) => version.find(&self.site, &path),
            Content::Folder(project, _) => {
                let (project, site) = (project.clone(), self.site.clone());
                let found = tokio::task::spawn_blocking(move || folder::find(&project, &site, &path)).await;
                found.unwrap_or(Found::Nothing)
            }
        }
    }

    /// The file in this coding; none where that is of no use.
    pub(crate) async fn compressed(&self, located: &Located, coding: Coding) -> Option<Form> {
        match &self.published.content {
            Content::Version(version) => version.compressed(&self.site, located, coding).await,
            Content::Folder(..) => None,
        }
    }
}
