//! Loads every handler of a prepared version once, in a process that then ends: so that `build` can tell
//! what is wrong inside the files, and not only with their names.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use anyhow::Context;
use less_project::{Env, Project};
use tokio::sync::watch;
use uuid::Uuid;

use crate::build::Built;
use crate::clock;
use crate::limits;
use crate::live::{Live, Parts};
use crate::logs::{LogLimits, Logs};
use crate::projects::{Addresses, DeployFailed};
use crate::services::{FileUrls, Services};
use crate::signing::SigningKey;
use crate::tasks::Tasks;
use crate::workers::Launcher;

/// `launcher`: our own executable. Nothing is kept
/// and no handler is called; what modules print while they load is not shown.
pub async fn try_loading(project: Project, built: Built, env: &Env, launcher: PathBuf) -> Result<(), DeployFailed> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let parts = parts(&project, built, env, launcher, scratch.path())?;
    let name = project.name.clone();
    let live = Live::start(&name, project, parts, &Tasks::new()).await?;
    live.retire(limits::EXIT).await;
    Ok(())
}

fn parts(project: &Project, built: Built, env: &Env, launcher: PathBuf, scratch: &Path) -> Result<Parts, DeployFailed> {
    let crons = less_project::schedules(project, env).map_err(DeployFailed::problems)?;
    let store = less_store::open(&less_store::Config::Memory, Arc::new(clock::now_ms)).context("no store")?;
    let logs = Logs::open(scratch.to_owned(), LogLimits::default(), clock::now_ms).context("no log")?;
    let name: Arc<str> = Arc::from(project.name.as_ref());
    // Nobody asks for a URL while handlers load.
    let key = SigningKey::new(&name, Uuid::new_v4().as_bytes())?;
    let urls = FileUrls::new(key, watch::channel(Addresses::default()).1);
    Ok(Parts {
        built,
        launcher: Launcher::start(launcher).context("no launcher")?,
        services: Arc::new(Services::new(name, Vec::new(), store.clone(), Weak::new(), logs, None, urls)),
        store,
        env: env.clone(),
        crons,
    })
}
