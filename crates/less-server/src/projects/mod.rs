//! The deployed projects: deploy, restore after a restart, list, remove.
//!
//! A deploy is whole or not at all: the new version's workers run and have loaded every handler
//! before the store's commit makes it the live one; until then nothing of the old version changes.

mod deploy;
mod describe;
mod restore;
mod sites;

pub use deploy::DeployFailed;
pub(crate) use sites::SitesFrom;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use hyper::StatusCode;
use less_project::ProjectName;
use less_store::{Deployment, Store};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::build::Sdks;
use crate::clock;
use crate::control::Refused;
use crate::control::api::{Deleted, ProjectInfo, Resources};
use crate::home::Home;
use crate::limits;
use crate::live::Live;
use crate::logs::{LogLimits, Logs};
use crate::registry::Registry;
use crate::seen::Echo;
use crate::sites::Sites;
use crate::tasks::Tasks;
use crate::triggers::crons::MissedRuns;
use crate::workers::Launcher;

/// Under which addresses projects are reached.
#[derive(Debug, Clone, Copy)]
pub enum Addresses {
    Gateway {
        port: u16,
    },
    /// The server itself tells them.
    Elsewhere {
        files: FilesPort,
    },
}

/// Where files are served by a port of their own.
#[derive(Debug, Clone, Copy)]
pub enum FilesPort {
    NotYet,
    Open(u16),
    /// All that might have been are taken.
    None,
}

impl Default for Addresses {
    fn default() -> Self {
        Self::Elsewhere { files: FilesPort::NotYet }
    }
}

impl Addresses {
    /// Whether it is known where files are served.
    pub(crate) fn knows_files(self) -> bool {
        !matches!(self, Self::Elsewhere { files: FilesPort::NotYet })
    }

    /// What the URLs of a project's files begin with, if they are served.
    pub(crate) fn files(self, project: &str) -> Option<String> {
        match self {
            Self::Gateway { port } => Some(format!("http://localhost:{port}/{project}/files")),
            Self::Elsewhere { files: FilesPort::Open(port) } => Some(format!("http://localhost:{port}/files")),
            Self::Elsewhere { files: FilesPort::NotYet | FilesPort::None } => None,
        }
    }
}

pub struct Projects {
    home: Home,
    registry: Arc<Registry>,
    store: Store,
    launcher: Launcher,
    sdks: Sdks,
    sites: Arc<Sites>,
    sites_from: SitesFrom,
    missed: MissedRuns,
    echo: Option<Echo>,
    log_limits: LogLimits,
    tasks: Tasks,
    addresses: watch::Sender<Addresses>,
    logs: Mutex<HashMap<String, Logs>>,
    /// One change of a project at a time.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Versions that were replaced and still finish what they run.
    retiring: Arc<Mutex<Vec<Arc<Live>>>>,
}

impl Projects {
    #[expect(clippy::too_many_arguments, reason = "each is a part of the server, handed over once")]
    pub fn new(
        home: Home,
        registry: Arc<Registry>,
        store: Store,
        launcher: Launcher,
        sdks: Sdks,
        sites: Arc<Sites>,
        sites_from: SitesFrom,
        missed: MissedRuns,
        echo: Option<Echo>,
        log_limits: LogLimits,
        tasks: Tasks,
    ) -> Self {
        let addresses = watch::Sender::default();
        let (logs, turns, retiring) = (Mutex::default(), Mutex::default(), Arc::default());
        Self {
            home,
            registry,
            store,
            launcher,
            sdks,
            sites,
            sites_from,
            missed,
            echo,
            log_limits,
            tasks,
            addresses,
            logs,
            turns,
            retiring,
        }
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    pub fn set_addresses(&self, addresses: Addresses) {
        self.addresses.send_replace(addresses);
    }

    /// Who watches.
    pub(crate) fn echo(&self) -> Option<Echo> {
        self.echo.clone()
    }

    pub fn count(&self) -> usize {
        self.registry.all().len()
    }

    async fn record(&self, project: &str) -> anyhow::Result<Option<Deployment>> {
        Ok(self.store.topics.deployments().await?.into_iter().find(|record| record.project == project))
    }

    fn turn(&self, project: &ProjectName) -> Arc<tokio::sync::Mutex<()>> {
        self.turns.lock().entry(project.to_string()).or_default().clone()
    }

    async fn logs(&self, project: &ProjectName) -> anyhow::Result<Logs> {
        if let Some(logs) = self.logs.lock().get(project.as_ref()) {
            return Ok(logs.clone());
        }
        let folder = self.home.logs(project);
        let limits = self.log_limits.clone();
        let open = move || Logs::open(folder, limits, clock::now_ms);
        let opened = tokio::task::spawn_blocking(open).await?;
        let opened = opened.with_context(|| format!("cannot open the logs of {project}"))?;
        Ok(self.logs.lock().entry(project.to_string()).or_insert(opened).clone())
    }

    /// The project's log; `path` must be one of its handlers', of today or of the past.
    pub(crate) async fn logs_of(&self, project: &ProjectName, path: Option<&str>) -> Result<Logs, Refused> {
        self.known(project).await?;
        let logs = self.logs(project).await.map_err(|error| Refused::internal(&error))?;
        let (Some(path), Some(live)) = (path, self.registry.live(project.as_ref())) else { return Ok(logs) };
        if live.has_handler(path) || path == crate::services::WORKER_PATH {
            return Ok(logs);
        }
        // A handler of an earlier version still has its lines.
        let query = crate::logs::Query { path: Some(path.to_owned()), ..Default::default() };
        let mut lines = logs.read(&query).await.map_err(|error| Refused::internal(&error.into()))?;
        let has_lines = tokio::task::spawn_blocking(move || lines.next().is_some()).await.unwrap_or(false);
        if has_lines {
            return Ok(logs);
        }
        let existing = live.handlers().join("\n  ");
        let message = format!("project \"{project}\" has no handler {path}; its handlers are:\n  {existing}");
        Err(Refused::new(StatusCode::NOT_FOUND, "unknown_handler", message))
    }

    pub(crate) async fn list(&self) -> Result<Vec<ProjectInfo>, Refused> {
        let mut records = self.store.topics.deployments().await.map_err(|error| Refused::internal(&error.into()))?;
        records.sort_by(|a, b| a.project.cmp(&b.project));
        Ok(records.iter().map(|record| self.with_times_of_sites(describe::info(record))).collect())
    }

    async fn known(&self, project: &ProjectName) -> Result<Deployment, Refused> {
        let record = self.record(project.as_ref()).await.map_err(|error| Refused::internal(&error))?;
        record.ok_or_else(|| Refused::unknown_project(project.as_ref()))
    }

    /// The version of a project that serves now.
    pub(crate) async fn live(&self, project: &ProjectName) -> Result<Arc<Live>, Refused> {
        self.known(project).await?;
        self.registry.live(project.as_ref()).ok_or_else(|| {
            let message = format!("the project {project} could not be started; the server's log says why");
            Refused::new(StatusCode::SERVICE_UNAVAILABLE, "not_started", message)
        })
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) async fn resources(&self, project: &ProjectName) -> Result<Resources, Refused> {
        let record = self.known(project).await?;
        let live = self.registry.live(project.as_ref());
        let waiting = self.store.topics.waiting(project.as_ref()).await;
        let waiting = waiting.map_err(|error| Refused::internal(&error.into()))?;
        let (addresses, now) = (*self.addresses.borrow(), clock::now_ms());
        Ok(self.with_sites(describe::resources(&record, live.as_deref(), addresses, waiting, now)))
    }

    /// Takes a project away; `purge` its data too, also of one that was taken away before.
    pub(crate) async fn remove(&self, project: &ProjectName, purge: bool) -> Result<Deleted, Refused> {
        let _turn = self.turn(project).lock_owned().await;
        if self.record(project.as_ref()).await.map_err(|error| Refused::internal(&error))?.is_none()
            && !(purge && self.has_data(project).await?)
        {
            return Err(Refused::unknown_project(project.as_ref()));
        }
        let mut going = self.registry.remove(project.as_ref()).into_iter().collect::<Vec<_>>();
        going.extend(self.retiring.lock().iter().filter(|live| *live.name == *project.as_ref()).cloned());
        for live in going {
            live.stop_dispatch();
            live.retire(limits::GRACE).await;
        }
        self.sites.remove(project.as_ref(), purge).await;
        let waiting = self.store.topics.remove(project.as_ref(), purge).await;
        let waiting = waiting.map_err(|error| Refused::internal(&error.into()))?;
        remove_folder(self.home.versions(project)).await;
        if purge {
            let logs = self.logs.lock().remove(project.as_ref());
            if let Some(logs) = logs {
                logs.close().await;
            }
            remove_folder(self.home.logs(project)).await;
            // With the files gone no URL of them is to be good for those of a later project.
            tokio::fs::remove_file(self.home.file_key_path(project)).await.ok();
        }
        Ok(Deleted { waiting, purged: purge })
    }

    /// Whether something of a project that is not deployed any more is kept.
    async fn has_data(&self, project: &ProjectName) -> Result<bool, Refused> {
        let waiting = self.store.topics.waiting(project.as_ref()).await;
        let waiting = waiting.map_err(|error| Refused::internal(&error.into()))?;
        Ok(!waiting.is_empty() || self.home.logs(project).exists() || self.home.file_key_path(project).exists())
    }

    /// Claims nothing more, and lets no further version become live.
    pub(crate) fn stop_dispatch(&self) {
        for live in self.registry.close() {
            live.stop_dispatch();
        }
    }

    /// Begins to retire everything; it is work of the server's tasks.
    pub(crate) fn retire_all(&self, grace: std::time::Duration) {
        let deadline = Instant::now() + grace;
        let mut all = self.registry.all();
        all.extend(self.retiring.lock().iter().cloned());
        let tasks = self.tasks.clone();
        self.tasks.work("retire", async move {
            // What runs in one version may call functions of another, so all finish before any closes.
            for live in &all {
                live.finish(deadline.saturating_duration_since(Instant::now())).await;
            }
            for live in all {
                tasks.work("close", async move { live.close(deadline).await });
            }
        });
    }

    pub(crate) async fn close_logs(&self) {
        let all: Vec<Logs> = self.logs.lock().drain().map(|(_, logs)| logs).collect();
        for logs in all {
            logs.close().await;
        }
    }
}

/// Removes a folder with all that is in it. What cannot be removed is swept at the next start.
async fn remove_folder(folder: PathBuf) {
    let gone = tokio::task::spawn_blocking(move || match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(path = %folder.display(), %error, "a folder was not removed");
        }
        _ => {}
    });
    gone.await.ok();
}
