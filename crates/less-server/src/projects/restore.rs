//! After a restart: starts what was live when the server last ran.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use less_project::{ProjectName, discover_built};
use less_store::Deployment;
use tokio::sync::mpsc;

use super::{DeployFailed, Projects, remove_folder};
use crate::build;
use crate::limits;

/// The doors open after this, though a project has not started yet.
const FIRST_TRIES: Duration = Duration::from_secs(10);
/// Waits between tries of a project that does not start: the first, doubling up to the second.
const TRY_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

impl Projects {
    /// Starts every deployed project, side by side. Returns when each has been tried once; one that did
    /// not start (a database that its modules need is not up yet, say) is tried again and again.
    pub(crate) async fn restore(self: &Arc<Self>) -> anyhow::Result<()> {
        let (tried, mut all_tried) = mpsc::channel::<()>(1);
        for record in self.store.topics.deployments().await? {
            // Until it runs, clients are told that it has not started, not that it is unknown.
            self.registry.mark_not_started(&record.project);
            self.restore_sites(&record).await;
            let (this, tried) = (self.clone(), tried.clone());
            self.tasks.work("restore", async move { this.restore_until_it_runs(&record.project, tried).await });
        }
        drop(tried);
        // Ends with the last sender.
        tokio::time::timeout(FIRST_TRIES, all_tried.recv()).await.ok();
        Ok(())
    }

    async fn restore_until_it_runs(&self, project: &str, tried: mpsc::Sender<()>) {
        let mut tried = Some(tried);
        let (mut wait, longest) = TRY_AGAIN;
        let stop = self.tasks.stopping();
        while let Err(error) = self.restore_one(project).await {
            tracing::error!(project, error = format!("{error:#}"), "the project did not start");
            tried.take();
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(longest),
            }
        }
    }

    async fn restore_one(&self, project: &str) -> anyhow::Result<()> {
        let name = ProjectName::parse(project)?;
        let _turn = self.turn(&name).lock_owned().await;
        // A deploy or a delete may have come first.
        let Some(record) = self.record(project).await?.filter(|_| self.registry.live(project).is_none()) else {
            return Ok(());
        };
        self.sweep_versions(&name, &record).await;
        let version = self.home.version_of(&record);
        let describe = |failed: DeployFailed| {
            let problems: Vec<String> = failed.problems.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("{}: {}", failed.message, problems.join("; "))
        };
        let root = version.project();
        let found = discover_built(&root, project).map_err(DeployFailed::problems).map_err(describe)?;
        let built = build::renew(&root, &self.sdks).map_err(DeployFailed::from).map_err(describe)?;
        let live = self.start(&name, found, built, &version.read_env()?).await.map_err(describe)?;
        match self.store.topics.deploy(record, live.subscriptions(), live.cron_marks()).await {
            Ok(deployed) => {
                let left = self.left_open(project).await;
                match self.registry.switch(live.clone()) {
                    Ok(_none) => {
                        live.dispatch(&deployed, None, self.missed);
                        self.end_in_background(left);
                    }
                    Err(live) => live.retire(limits::GRACE).await,
                }
            }
            Err(error) => {
                live.retire(limits::GRACE).await;
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Removes what no record names: versions that were replaced, and deploys that were cut short.
    async fn sweep_versions(&self, name: &ProjectName, record: &Deployment) {
        let Ok(entries) = fs::read_dir(self.home.versions(name)) else { return };
        for entry in entries.flatten().filter(|entry| entry.file_name() != record.version.as_str()) {
            remove_folder(entry.path()).await;
        }
    }

    /// Removes every version: a server that restores nothing begins without any.
    pub(crate) async fn forget_versions(&self) {
        remove_folder(self.home.all_versions()).await;
    }
}
