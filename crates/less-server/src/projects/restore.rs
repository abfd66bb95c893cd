//! After a restart: starts what was live when the server last ran.

use std::fs;

use less_project::{ProjectName, discover_built};
use less_store::Deployment;

use super::{DeployFailed, Projects};
use crate::build;

impl Projects {
    /// Starts what was live when the server last ran, and sweeps the folders of other versions.
    pub async fn restore(&self) -> anyhow::Result<()> {
        for record in self.topics.deployments().await? {
            self.sweep_versions(&record);
            if let Err(error) = self.restore_one(&record).await {
                tracing::error!(project = record.project, error = format!("{error:#}"), "the project did not start");
                self.registry.mark_broken(&record.project);
            }
        }
        Ok(())
    }

    async fn restore_one(&self, record: &Deployment) -> anyhow::Result<()> {
        let name = ProjectName::parse(&record.project)?;
        let version = self.home.version(&record.project, &record.version);
        let describe = |failed: DeployFailed| {
            let problems: Vec<String> = failed.problems.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("{}: {}", failed.message, problems.join("; "))
        };
        let root = version.project();
        let project = discover_built(&root, name.as_ref()).map_err(DeployFailed::problems).map_err(describe)?;
        build::renew(&root, &self.sdk)?;
        let live = self.start(&name, project, &version, &version.read_env()?).await.map_err(describe)?;
        let deployed = self.topics.deploy(record.clone(), live.subscriptions()).await?;
        self.registry.switch(live.clone());
        live.dispatch(&deployed.subscribers, None);
        Ok(())
    }

    fn sweep_versions(&self, record: &Deployment) {
        let Ok(entries) = fs::read_dir(self.home.versions(&record.project)) else { return };
        for entry in entries.flatten().filter(|entry| entry.file_name() != record.version.as_str()) {
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!(path = %entry.path().display(), %error, "an old version was not removed");
            }
        }
    }
}
