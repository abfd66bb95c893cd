//! The sites of a deploy, and the deploy of sites alone.
//!
//! `deploy --static` of a project that is deployed makes other sites live beside the version that runs: its record
//! `sites.json` is replaced in one step, and nothing else of the version changes. Of a project that is not deployed it is a
//! deploy like any other, of a project that has nothing but sites.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use less_project::{Project, ProjectName, discover_sites};
use less_store::Deployment;

use super::deploy::{Progress, sync, unpack_into};
use super::{DeployFailed, Projects, describe, remove_folder};
use crate::clock;
use crate::control::api::{DeployEvent, ProjectInfo, Resources, Step};
use crate::home::Version;
use crate::limits;
use crate::sites::{Content, Of, Published, Record, SiteVersion, Staged};

/// Where sites are served from.
pub enum SitesFrom {
    /// The versions that were deployed.
    Versions,
    /// The folder that contains `less/`, as it is at every request (`run`).
    Folder(PathBuf),
}

impl Projects {
    /// Makes the sites of a version that is ready on disk ready to be served with it.
    pub(super) async fn stage_sites(&self, version: &Version, project: &Project) -> Result<Staged, DeployFailed> {
        let names: Vec<String> = project.sites.iter().map(|site| site.name.clone()).collect();
        let content = match &self.sites_from {
            // It has none, and nothing of them on the disk.
            SitesFrom::Versions if names.is_empty() => Content::Nothing,
            SitesFrom::Folder(folder) => Content::Folder(folder.clone(), names),
            SitesFrom::Versions => {
                let record = Record::new(Of::Deploy, clock::now_ms());
                let content = index(version, record.clone(), names).await?;
                // It counts when the version does.
                make_live(record, version).await?;
                content
            }
        };
        Ok(self.sites.stage(project.name.as_ref(), content).await?)
    }

    /// Deploys the sites of a snapshot beside the version that is live.
    pub(super) async fn deploy_sites(
        &self,
        name: &ProjectName,
        record: &Deployment,
        snapshot: fs::File,
        progress: Progress<'_>,
    ) -> Result<Resources, DeployFailed> {
        let version = self.home.version_of(record);
        let sites = Record::new(Of::Sites, clock::now_ms());
        let folder = sites.folder(&version);
        let stop = self.tasks.stopping();
        let staged = tokio::select! {
            biased; // what is not live yet need not be finished
            () = stop.cancelled() => Err(DeployFailed::from(&anyhow::anyhow!("the server is stopping"))),
            staged = self.build_sites(name, &version, sites.clone(), snapshot, progress) => staged,
        };
        let switched = match staged {
            Ok(staged) => make_live(sites, &version).await.map(|()| staged).map_err(DeployFailed::from),
            Err(failed) => Err(failed),
        };
        let staged = match switched {
            Ok(staged) => staged,
            Err(failed) => {
                remove_folder(folder).await;
                return Err(failed);
            }
        };
        let before = self.sites.publish(name.as_ref(), staged).await;
        self.retire_sites(before, &version);
        let live = self.registry.live(name.as_ref());
        let resources =
            describe::resources(record, live.as_deref(), *self.addresses.borrow(), Vec::new(), clock::now_ms());
        Ok(self.with_sites(resources))
    }

    /// Everything before they are the version's.
    async fn build_sites(
        &self,
        name: &ProjectName,
        version: &Version,
        record: Record,
        snapshot: fs::File,
        progress: Progress<'_>,
    ) -> Result<Staged, DeployFailed> {
        progress(DeployEvent::Step { step: Step::Checking });
        let (root, project, folder) = (record.project(version), name.clone(), record.folder(version));
        let found = tokio::task::spawn_blocking(move || {
            unpack_into(&snapshot, &root)?;
            discover_sites(&root, project.as_ref()).map_err(DeployFailed::problems)
        });
        let found = found.await.map_err(|error| DeployFailed::from(&error.into()))??;
        for problem in found.warnings {
            progress(DeployEvent::Warning { problem });
        }
        let names = found.sites.into_iter().map(|site| site.name).collect();
        let content = index(version, record, names).await?;
        let staged = self.sites.stage(name.as_ref(), content).await?;
        // The record that makes them live must not survive a power cut that their files do not.
        let synced = tokio::task::spawn_blocking(move || sync(&folder));
        synced.await.map_err(anyhow::Error::from).flatten()?;
        progress(DeployEvent::Step { step: Step::Switching });
        Ok(staged)
    }

    /// Removes what is the replaced sites' own, once nobody reads them.
    fn retire_sites(&self, before: Option<Arc<Published>>, version: &Version) {
        let Some(before) = before else { return };
        let Content::Version(replaced) = &before.content else { return };
        let folder = replaced.record.folder(version);
        self.tasks.work("retire sites", async move {
            before.unread(limits::RETIRE).await;
            remove_folder(folder).await;
        });
    }

    /// After a restart: serves the sites of a project, whether its handlers start or not.
    pub(super) async fn restore_sites(&self, record: &Deployment) {
        let version = self.home.version_of(record);
        let opened = tokio::task::spawn_blocking(move || {
            let opened = SiteVersion::open(&version)?;
            sweep(&version, opened.as_ref());
            anyhow::Ok(opened)
        });
        match opened.await.map_err(anyhow::Error::from).flatten() {
            Ok(Some(version)) => self.sites.restore(&record.project, version).await,
            Ok(None) => {}
            Err(error) => {
                let (project, error) = (&record.project, format!("{error:#}"));
                tracing::error!(project, error, "the sites of a project are not served");
            }
        }
    }

    /// Adds where the sites are, which go their own way, to what is told of a project.
    pub(super) fn with_sites(&self, resources: Resources) -> Resources {
        let project = resources.project.name.clone();
        let websites = self.sites.urls(&project);
        let problems = self.sites.problems(&project);
        Resources { project: self.with_times_of_sites(resources.project), websites, problems, ..resources }
    }

    /// A deploy of sites is an update, too.
    pub(super) fn with_times_of_sites(&self, info: ProjectInfo) -> ProjectInfo {
        let published = self.sites.of(&info.name);
        let of_sites = published.and_then(|published| match &published.content {
            Content::Version(version) => Some(version.record.deployed_at),
            Content::Folder(..) | Content::Nothing => None,
        });
        ProjectInfo { updated_at: info.updated_at.max(of_sites.unwrap_or(0)), ..info }
    }
}

async fn index(version: &Version, record: Record, names: Vec<String>) -> anyhow::Result<Content> {
    let version = version.clone();
    let made = tokio::task::spawn_blocking(move || SiteVersion::make(&version, record, &names));
    Ok(Content::Version(made.await??))
}

/// The moment sites become the version's.
async fn make_live(sites: Record, version: &Version) -> anyhow::Result<()> {
    let version = version.clone();
    tokio::task::spawn_blocking(move || sites.write(&version)).await?
}

/// Blocking: removes sites that were replaced, and deploys of sites that were cut short.
fn sweep(version: &Version, live: Option<&SiteVersion>) {
    let kept = live.map(|live| live.record.folder(version));
    for entry in fs::read_dir(version.sites()).into_iter().flatten().flatten() {
        if Some(entry.path()) != kept {
            // What cannot be removed now is swept at the next start.
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}
