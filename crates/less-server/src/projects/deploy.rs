//! A deploy, from a snapshot to a live version: whole or not at all.
//!
//! Everything that can fail comes before the store's commit: unpacking, checking, installing, loading
//! every handler. After it nothing is undone, and what is left to do is done in the background.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use less_project::{Env, Problem, Project, ProjectName, discover};
use less_protocol::LoadProblem;
use less_store::Deployment;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Projects, describe, remove_folder};
use crate::build::{self, Built};
use crate::clock;
use crate::control::api::{DeployEvent, DeployMeta, Resources, Step};
use crate::home::Version;
use crate::limits;
use crate::live::{Live, Parts, runtimes};
use crate::services::{FileUrls, Services};
use crate::signing::SigningKey;
use crate::sites::{Published, Staged};
use crate::tasks::Tasks;
use crate::triggers::crons::MissedRuns;
use crate::triggers::http::{Recorded, left_open};
use crate::workers::StartError;

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

impl From<anyhow::Error> for DeployFailed {
    fn from(error: anyhow::Error) -> Self {
        Self::from(&error)
    }
}

impl From<StartError> for DeployFailed {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Problems(problems) => Self::problems(problems.iter().map(told).collect()),
            StartError::Failed(error) => Self::from(&error),
        }
    }
}

/// A worker's problem carries its hint on a line of its own.
fn told(problem: &LoadProblem) -> Problem {
    let (message, hint) = problem.message.split_once("\nhint: ").unwrap_or((&problem.message, ""));
    Problem::new(problem.file.clone(), message, hint)
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
    pub(crate) fn problems(problems: Vec<Problem>) -> Self {
        let message = match problems.len() {
            1 => "the project has a problem".to_owned(),
            many => format!("the project has {many} problems"),
        };
        Self { message, problems }
    }
}

/// Hears each step of a deploy.
pub(crate) type Progress<'a> = &'a (dyn Fn(DeployEvent) + Send + Sync);

impl Projects {
    /// Puts a snapshot live. On failure the old version goes on, unchanged. Once the new one is recorded
    /// this cannot fail any more. Dropped before `Step::Switching`, it leaves nothing.
    pub(crate) async fn deploy(
        &self,
        name: &ProjectName,
        snapshot: fs::File,
        meta: DeployMeta,
        progress: Progress<'_>,
    ) -> Result<Resources, DeployFailed> {
        let _turn = self.turn(name).lock_owned().await;
        if meta.only_sites
            && let Some(record) = self.record(name.as_ref()).await?
        {
            return self.deploy_sites(name, &record, snapshot, progress).await;
        }
        let id = Uuid::now_v7().simple().to_string();
        let version = self.home.version(name, &id);
        let mut unfinished = Unfinished { folder: Some(version.folder().to_owned()), tasks: self.tasks.clone() };
        let stop = self.tasks.stopping();
        let built = tokio::select! {
            biased; // a version that is not live yet need not be finished
            () = stop.cancelled() => Err(DeployFailed::from(&anyhow::anyhow!("the server is stopping"))),
            built = self.build_version(name, &version, snapshot, meta, progress) => built,
        };
        // From here on it may be live.
        unfinished.folder = None;
        let switched = match built {
            Ok((live, sites)) => self.switch(id, live, sites, progress).await,
            Err(failed) => Err(failed),
        };
        if switched.is_err() {
            remove_folder(version.folder().to_owned()).await;
        }
        switched
    }

    /// Unpacks, checks, installs, takes ports for sites, and starts the workers; nothing of it is live.
    async fn build_version(
        &self,
        name: &ProjectName,
        version: &Version,
        snapshot: fs::File,
        meta: DeployMeta,
        progress: Progress<'_>,
    ) -> Result<(Arc<Live>, Staged), DeployFailed> {
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
        for problem in self.waits_for(&project, &meta.env) {
            progress(DeployEvent::Warning { problem });
        }
        let installing = || step(Step::InstallingDependencies);
        let (cache, runtimes) = (self.home.dependency_cache(), runtimes(&project));
        let built = build::prepare(&root, &cache, &self.sdks, &project, &runtimes, &meta.env, installing).await?;
        version.write_env(&meta.env).map_err(|error| DeployFailed::from(&error))?;
        let sites = self.stage_sites(version, &project).await?;
        if !self.stands_alone() {
            // The commit that makes the version live must not survive a power cut that its files do not.
            let folder = version.folder().to_owned();
            tokio::task::spawn_blocking(move || sync(&folder))
                .await
                .map_err(|error| DeployFailed::from(&error.into()))?
                .map_err(|error| DeployFailed::from(&error))?;
        }
        step(Step::StartingWorkers);
        Ok((self.start(name, project, built, &meta.env).await?, sites))
    }

    /// Whether this is a `run`: one project, whose versions are forgotten when it ends.
    fn stands_alone(&self) -> bool {
        self.missed == MissedRuns::Forget
    }

    /// External topics whose publishers are not there, or do not have them: they are waited for.
    fn waits_for(&self, project: &Project, env: &Env) -> Vec<Problem> {
        let alone = self.stands_alone();
        let waiting = project.external_topics.iter().filter_map(|external| {
            let publisher = external.publisher(env);
            if alone {
                return Some(describe::stands_alone(external, &publisher));
            }
            let own = publisher == *project.name.as_ref();
            let live = if own { None } else { self.registry.live(&publisher) };
            let topics = if own { Some(&project.topics) } else { live.as_ref().map(|live| &live.project.topics) };
            let has_it = |topics: &Vec<less_project::Topic>| topics.iter().any(|topic| topic.name == external.topic);
            match topics {
                Some(topics) if has_it(topics) => None,
                Some(topics) => Some(describe::no_such_topic(external, &publisher, topics)),
                None => Some(describe::waits_for_project(external, &publisher)),
            }
        });
        waiting.collect()
    }

    /// Starts the workers of a version that is ready on disk.
    pub(super) async fn start(
        &self,
        name: &ProjectName,
        project: Project,
        built: Built,
        env: &Env,
    ) -> Result<Arc<Live>, DeployFailed> {
        let crons = less_project::schedules(&project, env).map_err(DeployFailed::problems)?;
        let topic_names = project.topics.iter().map(|topic| Arc::from(topic.name.as_str())).collect();
        let logs = self.logs(name).await.map_err(|error| DeployFailed::from(&error))?;
        let (store, registry) = (self.store.clone(), Arc::downgrade(&self.registry));
        let urls = self.file_urls(name).await.map_err(|error| DeployFailed::from(&error))?;
        let of = Arc::from(name.as_ref());
        let services = Services::new(of, topic_names, store, registry, logs, self.echo.clone(), urls);
        let parts = Parts {
            built,
            launcher: self.launcher.clone(),
            services: Arc::new(services),
            store: self.store.clone(),
            env: env.clone(),
            crons,
        };
        Ok(Arc::new(Live::start(name, project, parts, &self.tasks).await?))
    }

    async fn file_urls(&self, name: &ProjectName) -> anyhow::Result<FileUrls> {
        let (home, of) = (self.home.clone(), name.clone());
        let secret = tokio::task::spawn_blocking(move || home.file_key(&of)).await??;
        let key = SigningKey::new(name.as_ref(), secret.as_bytes())?;
        Ok(FileUrls::new(key, self.addresses.subscribe()))
    }

    /// The moment a version becomes the live one: the store's commit, then what runs.
    async fn switch(
        &self,
        id: String,
        live: Arc<Live>,
        sites: Staged,
        progress: Progress<'_>,
    ) -> Result<Resources, DeployFailed> {
        progress(DeployEvent::Step { step: Step::Switching });
        let (before, record, deployed) = match self.commit(id, &live).await {
            Ok(committed) => committed,
            Err(error) => {
                live.retire(limits::GRACE).await;
                return Err(DeployFailed::from(&error));
            }
        };
        for (handler, waiting) in &deployed.parked {
            progress(DeployEvent::Warning { problem: describe::parked(handler, *waiting) });
        }
        let old_sites = self.sites.publish(&live.name, sites).await;
        let resources =
            describe::resources(&record, Some(&live), *self.addresses.borrow(), Vec::new(), record.updated_at);
        let resources = self.with_sites(resources);
        let left = self.left_open(&live.name).await;
        match self.registry.switch(live.clone()) {
            Ok(old) => {
                if let Some(old) = &old {
                    old.stop_dispatch();
                }
                live.dispatch(&deployed, old.as_deref(), self.missed);
                self.end_in_background(left);
                self.retire_in_background(old, old_sites, before);
                let (topics, name) = (self.store.topics.clone(), live.name.clone());
                self.tasks.work("hurry", async move {
                    if let Err(error) = topics.hurry(&name).await {
                        tracing::warn!(project = &*name, %error, "waiting deliveries stay as they were due");
                    }
                });
            }
            // The server is stopping; the version is recorded and runs from the next start on.
            Err(live) => live.retire(limits::GRACE).await,
        }
        Ok(resources)
    }

    async fn commit(
        &self,
        id: String,
        live: &Live,
    ) -> anyhow::Result<(Option<Deployment>, Deployment, less_store::Deployed)> {
        let before = self.record(&live.name).await?;
        let now = clock::now_ms();
        let record = Deployment {
            project: live.name.to_string(),
            id: before.as_ref().map_or_else(Uuid::now_v7, |before| before.id),
            version: id,
            created_at: before.as_ref().map_or(now, |before| before.created_at),
            updated_at: now,
        };
        let deployed = self.store.topics.deploy(record.clone(), live.subscriptions(), live.cron_marks()).await?;
        Ok((before, record, deployed))
    }

    /// Connections that are on record though no version serves them: they ended with an earlier server.
    pub(super) async fn left_open(&self, project: &str) -> Vec<Recorded> {
        if self.registry.live(project).is_some() {
            return Vec::new();
        }
        let left = left_open(&self.store, project).await;
        left.unwrap_or_else(|error| {
            tracing::warn!(project, %error, "ends of connections of an earlier server are told at the next start");
            Vec::new()
        })
    }

    pub(super) fn end_in_background(&self, left: Vec<Recorded>) {
        let stop = self.tasks.stopping();
        if !left.is_empty() {
            self.tasks.work("end connections", async move {
                left.into_iter().map(|recorded| recorded.end(&stop)).collect::<FuturesUnordered<_>>().collect().await
            });
        }
    }

    /// In a `run` a handler that never ends must not keep a version for each save: with too many, the oldest one's
    /// deliveries begin anew in the newest.
    fn end_the_oldest(&self) {
        let mut retiring = self.retiring.lock();
        if self.stands_alone() && retiring.len() > limits::RUN_RETIRING {
            let oldest = retiring.remove(0);
            self.tasks.work("end version", async move { oldest.close(Instant::now()).await });
        }
    }

    /// Lets the replaced version finish what it runs, then removes its folder.
    fn retire_in_background(
        &self,
        old: Option<Arc<Live>>,
        old_sites: Option<Arc<Published>>,
        before: Option<Deployment>,
    ) {
        let folder = before.map(|before| self.home.version_of(&before).folder().to_owned());
        let retiring = self.retiring.clone();
        if let Some(old) = old.as_ref().filter(|_| self.stands_alone()) {
            old.hurry(limits::RUN_PATIENCE);
        }
        retiring.lock().extend(old.clone());
        self.end_the_oldest();
        self.tasks.work("retire", async move {
            if let Some(old) = old {
                old.retire(limits::RETIRE).await;
                retiring.lock().retain(|other| !Arc::ptr_eq(other, &old));
            }
            if let Some(sites) = old_sites {
                sites.unread(limits::RETIRE).await;
            }
            if let Some(folder) = folder {
                remove_folder(folder).await;
            }
        });
    }
}

/// The folder of a version that nobody waits for any more goes away.
struct Unfinished {
    folder: Option<PathBuf>,
    tasks: Tasks,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take() {
            self.tasks.work("remove folder", remove_folder(folder));
        }
    }
}

/// Blocking: unpacks and checks the snapshot.
fn unpack(snapshot: &fs::File, root: &std::path::Path, name: &ProjectName) -> Result<Project, DeployFailed> {
    unpack_into(snapshot, root)?;
    discover(root, name.as_ref()).map_err(DeployFailed::problems)
}

/// Blocking.
pub(super) fn unpack_into(snapshot: &fs::File, root: &std::path::Path) -> Result<(), DeployFailed> {
    fs::create_dir_all(root).map_err(|error| DeployFailed::from(&error.into()))?;
    Ok(build::unpack::unpack(snapshot, root)?)
}

/// Blocking: puts everything under this folder's disk on it.
pub(super) fn sync(folder: &std::path::Path) -> anyhow::Result<()> {
    rustix::fs::syncfs(fs::File::open(folder)?)?;
    Ok(())
}

/// Every variable that `less.config` lists must have come with the deploy, and say what it is for.
fn check_env(project: &Project, env: &Env) -> Result<(), DeployFailed> {
    let missing = project.config.env_vars.iter().filter(|name| !env.contains_key(*name));
    let mut problems: Vec<Problem> = missing
        .map(|name| {
            let hint = "set it in the environment or in .env";
            Problem::new("less.config", format!("the variable {name} is not set"), hint)
        })
        .collect();
    // Whoever sent them: handlers get what the project says they get.
    let given = |name: &&String| build::is_base_variable(name) || project.config.env_vars.contains(name);
    problems.extend(env.keys().filter(|name| !given(name)).map(|name| {
        let hint = "list it in env_vars, or deploy without it";
        Problem::new("less.config", format!("the variable {name} came with the deploy and is not listed"), hint)
    }));
    if problems.is_empty() {
        problems.extend(less_project::schedules(project, env).err().unwrap_or_default());
        problems.extend(less_project::external_publishers(project, env).err().unwrap_or_default());
    }
    if problems.is_empty() { Ok(()) } else { Err(DeployFailed::problems(problems)) }
}
