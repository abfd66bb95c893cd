//! The deployed projects: deploy, restore after a restart, list, remove.
//!
//! A deploy is whole or not at all: the new version's workers run and have loaded every handler
//! before the store's commit makes it the live one; until then nothing of the old version changes.

mod describe;
mod restore;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use hyper::StatusCode;
use less_project::{Env, Problem, Project, ProjectName, discover};
use less_store::{Deployment, Topics};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::build;
use crate::clock;
use crate::control::Refused;
use crate::control::api::{Deleted, DeployEvent, DeployMeta, ProjectInfo, Resources, Step};
use crate::home::{Home, Version};
use crate::limits;
use crate::live::{Live, Parts};
use crate::logs::{LogLimits, Logs};
use crate::registry::Registry;
use crate::server::Echo;
use crate::services::Services;
use crate::tasks::Tasks;
use crate::workers::{Launcher, StartError};

/// Why a deploy changed nothing.
#[derive(Debug)]
pub struct DeployFailed {
    pub message: String,
    pub problems: Vec<Problem>,
}

impl From<&anyhow::Error> for DeployFailed {
    fn from(error: &anyhow::Error) -> Self {
        Self { message: format!("{error:#}"), problems: Vec::new() }
    }
}

impl From<build::Error> for DeployFailed {
    fn from(error: build::Error) -> Self {
        match error {
            build::Error::Problems(problems) => Self::problems(problems),
            failed @ build::Error::Io { .. } => Self::from(&failed.into()),
        }
    }
}

impl DeployFailed {
    fn problems(problems: Vec<Problem>) -> Self {
        let message = match problems.len() {
            1 => "the project has a problem".to_owned(),
            many => format!("the project has {many} problems"),
        };
        Self { message, problems }
    }
}

/// Under which addresses projects are reached.
#[derive(Debug, Clone, Copy, Default)]
pub enum Addresses {
    Gateway {
        port: u16,
    },
    /// The server itself tells them.
    #[default]
    Elsewhere,
}

pub struct Projects {
    home: Home,
    registry: Arc<Registry>,
    topics: Arc<dyn Topics>,
    launcher: Launcher,
    sdk: PathBuf,
    echo: Option<Echo>,
    tasks: Tasks,
    addresses: Mutex<Addresses>,
    logs: Mutex<HashMap<String, Logs>>,
    /// One deploy of a project at a time.
    deploying: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Projects {
    pub fn new(
        home: Home,
        registry: Arc<Registry>,
        topics: Arc<dyn Topics>,
        launcher: Launcher,
        sdk: PathBuf,
        echo: Option<Echo>,
        tasks: Tasks,
    ) -> Self {
        let addresses = Mutex::default();
        let (logs, deploying) = (Mutex::default(), Mutex::default());
        Self { home, registry, topics, launcher, sdk, echo, tasks, addresses, logs, deploying }
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    pub fn set_addresses(&self, addresses: Addresses) {
        *self.addresses.lock() = addresses;
    }

    pub fn count(&self) -> usize {
        self.registry.all().len()
    }

    /// Puts a snapshot live. On failure nothing has changed.
    pub async fn deploy(
        &self,
        name: &ProjectName,
        snapshot: fs::File,
        meta: DeployMeta,
        progress: &(dyn Fn(DeployEvent) + Send + Sync),
    ) -> Result<Resources, DeployFailed> {
        let turn = self.deploying.lock().entry(name.to_string()).or_default().clone();
        let _turn = turn.lock().await;
        let id = Uuid::now_v7().simple().to_string();
        let version = self.home.version(name.as_ref(), &id);
        let result = self.deploy_version(name, &id, &version, snapshot, meta, progress).await;
        if result.is_err() {
            // The next start sweeps what cannot be removed now.
            fs::remove_dir_all(version.folder()).ok();
        }
        result
    }

    async fn deploy_version(
        &self,
        name: &ProjectName,
        id: &str,
        version: &Version,
        snapshot: fs::File,
        meta: DeployMeta,
        progress: &(dyn Fn(DeployEvent) + Send + Sync),
    ) -> Result<Resources, DeployFailed> {
        let step = |step| progress(DeployEvent::Step { step });
        step(Step::Checking);
        let root = version.project();
        let project = {
            let (root, name) = (root.clone(), name.clone());
            tokio::task::spawn_blocking(move || unpack(&snapshot, &root, &name))
                .await
                .map_err(|error| DeployFailed::from(&error.into()))??
        };
        for problem in &project.warnings {
            progress(DeployEvent::Warning { problem: problem.clone() });
        }
        check_env(&project, &meta.env)?;
        let installing = || step(Step::InstallingDependencies);
        build::prepare(&root, &self.home.dependency_cache(), &self.sdk, &project, &meta.env, installing).await?;
        version.write_env(&meta.env).map_err(|error| DeployFailed::from(&error))?;
        step(Step::StartingWorkers);
        let live = self.start(name, project, version, &meta.env).await?;
        step(Step::Switching);
        sync(&root).map_err(|error| DeployFailed::from(&error))?;
        self.switch(id, live, progress).await.map_err(|error| DeployFailed::from(&error))?;
        self.resources(name.as_ref()).await.map_err(|_| DeployFailed::problems(Vec::new()))
    }

    async fn start(
        &self,
        name: &ProjectName,
        project: Project,
        version: &Version,
        env: &Env,
    ) -> Result<Arc<Live>, DeployFailed> {
        let topic_names = project.topics.iter().map(|topic| Arc::from(topic.name.as_str())).collect();
        let logs = self.logs(name.as_ref()).map_err(|error| DeployFailed::from(&error))?;
        let echo = self.echo.clone();
        let services = Arc::new(Services::new(Arc::from(name.as_ref()), topic_names, self.topics.clone(), logs, echo));
        let root = version.project();
        let parts = Parts {
            program: build::program(&self.sdk, &root, env),
            launcher: self.launcher.clone(),
            services,
            topics: self.topics.clone(),
        };
        match Live::start(name, project, &root, parts, &self.tasks).await {
            Ok(live) => Ok(Arc::new(live)),
            Err(StartError::Problems(problems)) => Err(DeployFailed::problems(
                problems.into_iter().map(|problem| Problem::new(problem.file, problem.message, "")).collect(),
            )),
            Err(StartError::Failed(error)) => Err(DeployFailed::from(&error)),
        }
    }

    /// The moment a version becomes the live one: the store's commit, then what runs.
    async fn switch(
        &self,
        id: &str,
        live: Arc<Live>,
        progress: &(dyn Fn(DeployEvent) + Send + Sync),
    ) -> anyhow::Result<()> {
        let before = self.record(&live.name).await?;
        let now = clock::now_ms();
        let record = Deployment {
            project: live.name.to_string(),
            id: before.as_ref().map_or_else(Uuid::now_v7, |before| before.id),
            version: id.to_owned(),
            created_at: before.as_ref().map_or(now, |before| before.created_at),
            updated_at: now,
        };
        let deployed = match self.topics.deploy(record, live.subscriptions()).await {
            Ok(deployed) => deployed,
            Err(error) => {
                live.retire(limits::GRACE).await;
                return Err(error.into());
            }
        };
        let old = self.registry.switch(live.clone());
        if let Some(old) = &old {
            old.stop_dispatch();
        }
        live.dispatch(&deployed.subscribers, old.as_deref());
        for (topic, subscriber, waiting) in &deployed.parked {
            progress(DeployEvent::Warning { problem: describe::parked(topic, subscriber, *waiting) });
        }
        if let Some(old) = old {
            let gone = before.map(|before| self.home.version(&before.project, &before.version));
            self.tasks.work("retire", async move {
                old.retire(limits::RETIRE).await;
                // The next start sweeps what cannot be removed now.
                gone.map(|gone| fs::remove_dir_all(gone.folder()));
            });
        }
        self.topics.hurry(&live.name).await?;
        Ok(())
    }

    async fn record(&self, project: &str) -> anyhow::Result<Option<Deployment>> {
        Ok(self.topics.deployments().await?.into_iter().find(|record| record.project == project))
    }

    fn logs(&self, project: &str) -> anyhow::Result<Logs> {
        let mut all = self.logs.lock();
        if let Some(logs) = all.get(project) {
            return Ok(logs.clone());
        }
        let logs = Logs::open(self.home.logs(project), LogLimits::default(), clock::now_ms)
            .with_context(|| format!("cannot open the logs of {project}"))?;
        all.insert(project.to_owned(), logs.clone());
        Ok(logs)
    }

    /// The project's log; `path` must be one of its handlers', of today or of the past.
    pub(crate) async fn logs_of(&self, project: &str, path: Option<&str>) -> Result<Logs, Refused> {
        self.known(project).await?;
        let logs = self.logs(project).map_err(|error| Refused::internal(&error))?;
        let (Some(path), Some(live)) = (path, self.registry.live(project)) else { return Ok(logs) };
        if live.has_handler(path) || path == crate::services::WORKER_PATH {
            return Ok(logs);
        }
        // A handler of an earlier version still has its lines.
        let query = crate::logs::Query { path: Some(path.to_owned()), ..Default::default() };
        let mut lines = logs.read(&query).await.map_err(|error| Refused::internal(&error.into()))?;
        if lines.next().is_some() {
            return Ok(logs);
        }
        let existing = live.handlers().join("\n  ");
        let message = format!("project \"{project}\" has no handler {path}; its handlers are:\n  {existing}");
        Err(Refused::new(StatusCode::NOT_FOUND, "unknown_handler", message))
    }

    pub(crate) async fn list(&self) -> Result<Vec<ProjectInfo>, Refused> {
        let mut records = self.topics.deployments().await.map_err(|error| Refused::internal(&error.into()))?;
        records.sort_by(|a, b| a.project.cmp(&b.project));
        Ok(records.iter().map(describe::info).collect())
    }

    async fn known(&self, project: &str) -> Result<Deployment, Refused> {
        let record = self.record(project).await.map_err(|error| Refused::internal(&error))?;
        record.ok_or_else(|| Refused::unknown_project(project))
    }

    pub(crate) async fn resources(&self, project: &str) -> Result<Resources, Refused> {
        let record = self.known(project).await?;
        let live = self.registry.live(project);
        let waiting = self.topics.waiting(project).await.map_err(|error| Refused::internal(&error.into()))?;
        Ok(describe::resources(&record, live.as_deref(), *self.addresses.lock(), waiting))
    }

    /// Takes a project away; `purge` its data too.
    pub(crate) async fn remove(&self, project: &str, purge: bool) -> Result<Deleted, Refused> {
        let turn = self.deploying.lock().entry(project.to_owned()).or_default().clone();
        let _turn = turn.lock().await;
        if self.record(project).await.map_err(|error| Refused::internal(&error))?.is_none()
            && !(purge && self.has_data(project).await?)
        {
            return Err(Refused::unknown_project(project));
        }
        if let Some(live) = self.registry.remove(project) {
            live.stop_dispatch();
            live.retire(limits::GRACE).await;
        }
        let waiting = self.topics.remove(project, purge).await.map_err(|error| Refused::internal(&error.into()))?;
        fs::remove_dir_all(self.home.versions(project)).ok();
        if purge {
            let logs = self.logs.lock().remove(project);
            if let Some(logs) = logs {
                logs.close().await;
            }
            fs::remove_dir_all(self.home.logs(project)).ok();
        }
        Ok(Deleted { waiting, purged: purge })
    }

    /// Whether something of a project that is not deployed any more is kept.
    async fn has_data(&self, project: &str) -> Result<bool, Refused> {
        let waiting = self.topics.waiting(project).await.map_err(|error| Refused::internal(&error.into()))?;
        Ok(!waiting.is_empty() || self.home.logs(project).exists())
    }

    pub fn stop_dispatch(&self) {
        for live in self.registry.all() {
            live.stop_dispatch();
        }
    }

    /// Begins to retire everything; it is work of the server's tasks.
    pub fn retire_all(&self, grace: std::time::Duration) {
        for live in self.registry.all() {
            self.tasks.work("retire", async move { live.retire(grace).await });
        }
    }

    pub async fn close_logs(&self) {
        let all: Vec<Logs> = self.logs.lock().drain().map(|(_, logs)| logs).collect();
        for logs in all {
            logs.close().await;
        }
    }
}

/// Blocking: unpacks and checks the snapshot.
fn unpack(snapshot: &fs::File, root: &std::path::Path, name: &ProjectName) -> Result<Project, DeployFailed> {
    fs::create_dir_all(root).map_err(|error| DeployFailed::from(&error.into()))?;
    build::unpack::unpack(snapshot, root)?;
    discover(root, name.as_ref()).map_err(DeployFailed::problems)
}

/// The commit that makes a version live must not survive a power cut that its files do not.
fn sync(root: &std::path::Path) -> anyhow::Result<()> {
    let folder = fs::File::open(root)?;
    tokio::task::block_in_place(|| rustix::fs::syncfs(&folder))?;
    Ok(())
}

/// Every variable that `less.config` lists must have come with the deploy.
fn check_env(project: &Project, env: &Env) -> Result<(), DeployFailed> {
    let missing: Vec<Problem> = project
        .config
        .env_vars
        .iter()
        .filter(|name| !env.contains_key(*name))
        .map(|name| {
            let hint = "set it in the environment or in .env";
            Problem::new("less.config", format!("the variable {name} is not set"), hint)
        })
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(DeployFailed::problems(missing)) }
}
