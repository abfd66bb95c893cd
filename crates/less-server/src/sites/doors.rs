//! The doors of sites: a listener for each, on a port that stays.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use less_project::Problem;
use tokio_util::task::TaskTracker;

use super::{SiteId, Sites};
use crate::control::api::NamedUrl;
use crate::tasks::Tasks;
use crate::triggers::http::{Bound, Door, serve};

/// A site whose port another program has is tried again after this long.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// The listeners of one site.
pub(super) struct Opened {
    port: u16,
    front: Tasks,
    listeners: TaskTracker,
}

impl Sites {
    /// Opens the doors of sites that were served before a restart. One whose port another program has is tried again and
    /// again, for another port would be another origin.
    pub(super) async fn reopen(self: &Arc<Self>, project: &str, sites: BTreeSet<String>) {
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

    pub(super) fn open(self: &Arc<Self>, id: SiteId, bound: Bound) {
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
    pub(super) async fn close_others(&self, project: &str, sites: &BTreeSet<String>) {
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
