//! Static sites: which files are served for each project, and at which ports.
//!
//! In: the sites of a version (`version`, with `compressed` beside it) or, in `run`, the folder that is worked on (`folder`).
//! Out: to the door of a site, where a path leads (`lookup`, `kinds`), and what small files hold (`memory`). Every site has a
//! port, and so an origin, of its own (`doors`, `ports`).
//!
//! All sites of a project switch at once. What was replaced goes when nobody reads it any more. Nothing is kept here that is
//! not on disk.

mod compressed;
mod doors;
mod folder;
mod kinds;
mod lookup;
mod memory;
mod ports;
mod version;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::HeaderValue;
use parking_lot::{Mutex, RwLock};
use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::tasks::Tasks;
use crate::triggers::http::Bound;

pub(crate) use compressed::Coding;
use doors::Opened;
use kinds::{content_type, is_hashed};
pub use lookup::{Leads, SitePath};
use memory::Memory;
use ports::Ports;
pub(crate) use version::{Of, Record, SiteVersion};

/// The first port of the first site.
pub(crate) const SITE_PORT: u16 = 4800;

/// Where a request leads.
#[derive(Debug)]
pub(crate) enum Found {
    File(Arc<Located>),
    /// Nothing is there, and this page says so.
    NotFoundPage(Arc<Located>),
    /// The path of a folder, with the `/` that was missing.
    Folder(String),
    Nothing,
}

/// A file of a site. In a version it is made once, for its headers take longer than all else of an answer.
#[derive(Debug)]
pub(crate) struct Located {
    /// In the site.
    name: String,
    pub(crate) form: Arc<Form>,
    /// In which it may be had as well.
    pub(crate) codings: Vec<Coding>,
    /// These forms, once somebody asked for one; none where it is of no use.
    compressed: [OnceCell<Option<Arc<Form>>>; Coding::ALL.len()],
    pub(crate) modified: SystemTime,
    /// For headers.
    pub(crate) content_type: HeaderValue,
    pub(crate) last_modified: HeaderValue,
    /// Its name says of its content what can be trusted, for it is part of a version.
    pub(crate) lasts: bool,
}

impl Located {
    fn new(name: String, form: Form, codings: Vec<Coding>, modified: SystemTime, is_of_version: bool) -> Self {
        // Values of ours are always valid.
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        Self {
            form: Arc::new(form),
            codings,
            compressed: Default::default(),
            modified,
            content_type: value(content_type(&name)),
            last_modified: value(httpdate::fmt_http_date(modified)),
            lasts: is_of_version && is_hashed(&name),
            name,
        }
    }
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
    /// There are none.
    Nothing,
}

impl Content {
    fn sites(&self) -> BTreeSet<String> {
        match self {
            Self::Version(version) => version.sites().cloned().collect(),
            Self::Folder(_, sites) => sites.iter().cloned().collect(),
            Self::Nothing => BTreeSet::new(),
        }
    }
}

/// The sites of one project, as they are served now.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) content: Content,
    memory: Memory,
    readers: TaskTracker,
}

impl Published {
    fn new(content: Content) -> Self {
        Self { content, memory: Memory::default(), readers: TaskTracker::new() }
    }

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
        Ok(Staged { content: Arc::new(Published::new(content)), bound })
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

    /// After a restart: serves what was served before it.
    pub(crate) async fn restore(self: &Arc<Self>, project: &str, version: SiteVersion) {
        let published = Published::new(Content::Version(version));
        let sites = published.content.sites();
        self.published.write().insert(project.to_owned(), Arc::new(published));
        self.reopen(project, sites).await;
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
            Content::Nothing => Found::Nothing,
        }
    }

    /// The file in this coding; none where that is of no use.
    pub(crate) async fn compressed(&self, located: &Located, coding: Coding) -> Option<Arc<Form>> {
        match &self.published.content {
            Content::Version(version) => version.compressed(&self.site, located, coding).await,
            Content::Folder(..) | Content::Nothing => None,
        }
    }

    /// The bytes of a form, if they are in memory.
    pub(crate) fn remembered(&self, form: &Form) -> Option<Bytes> {
        self.published.memory.get(&form.tag).filter(|bytes| bytes.len() as u64 == form.bytes)
    }

    /// Whoever asks for this form next need not wait for the disk; not in `run`, where it may be another then.
    pub(crate) fn remember(&self, form: &Form, bytes: &Bytes) {
        match self.published.content {
            Content::Version(_) => self.published.memory.keep(form.tag.clone(), bytes),
            Content::Folder(..) | Content::Nothing => {}
        }
    }
}
