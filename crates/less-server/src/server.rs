//! A server from start to stop: opens the home, restores what was deployed, listens, drains.
//!
//! Stopping loses nothing: doors close → handlers finish or their work returns → workers exit → the
//! store closes, under a deadline.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use less_project::ProjectName;
use less_store::Store;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::control::Control;
use crate::control::api::{DeployEvent, DeployMeta, Resources, ServerFile};
use crate::home::{Home, Ports};
use crate::limits;
use crate::logs::LogLimits;
use crate::own_ports::OwnPorts;
use crate::projects::{Addresses, DeployFailed, Projects, SitesFrom};
use crate::registry::Registry;
use crate::seen::Echo;
use crate::sites::{SITE_PORT, Sites};
use crate::tasks::Tasks;
use crate::triggers::crons::MissedRuns;
use crate::triggers::http::{Bound, Door, PortOf, Taken, bind, serve};
use crate::umask::keep_files_private;
use crate::workers::Launcher;

/// The first ports a home tries.
const GATEWAY_PORT: u16 = 4747;
const CONTROL_PORT: u16 = 4748;

pub struct Options {
    /// Where the state is kept; one server at a time.
    pub home: PathBuf,
    /// Our own executable: it starts the workers.
    pub launcher: PathBuf,
    pub listen: Listen,
    /// The first port that is tried for a site that has none yet; 0: any. `None`: 4800, or any where the gateway's is any.
    pub site_port: Option<u16>,
    /// Sites are served straight from this folder, which contains `less/`; none: from what was deployed.
    pub sites_folder: Option<PathBuf>,
    /// Sees what happens (`run` shows it).
    pub echo: Option<Echo>,
    /// What handlers print is read and not stored (to measure what storing costs).
    pub discards_lines: bool,
}

#[derive(Debug, Clone, Copy)]
pub enum Listen {
    /// One port for all projects, one for control. `None`: the home's own, else 4747 (4748) or the next free one. 0: any.
    Gateway { port: Option<u16>, control_port: Option<u16> },
    /// A port for each API of the one project, from `base` on, and for each socket, from `sockets` on; no control API.
    PerApi { base: u16, sockets: u16 },
}

impl Listen {
    /// Whoever takes any port for the rest does for sites.
    fn site_port(self) -> u16 {
        match self {
            Self::Gateway { port: Some(0), .. } | Self::PerApi { base: 0, .. } => 0,
            Self::Gateway { .. } | Self::PerApi { .. } => SITE_PORT,
        }
    }
}

pub struct Server {
    home: Home,
    projects: Arc<Projects>,
    registry: Arc<Registry>,
    store: Store,
    /// Listeners and what they answer.
    front: Tasks,
    tasks: Tasks,
    /// Cancelled when the control API was asked to stop.
    asked_to_stop: CancellationToken,
    /// In `PerApi`.
    own_ports: Option<OwnPorts>,
}

impl Server {
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        raise_file_limit();
        keep_files_private();
        let home = Home::create(&options.home)?;
        let store = less_store::Config::Embedded { home: home.root().to_owned() };
        let store = tokio::task::block_in_place(|| less_store::open(&store, Arc::new(clock::now_ms)))?;
        let tasks = Tasks::new();
        tasks.essential("store", watch(store.clone(), tasks.stopping()));
        tasks.work("sweep files", sweep_files(store.clone(), tasks.stopping()));
        let registry = Arc::new(Registry::default());
        let launcher = Launcher::start(options.launcher)?;
        let sdks = crate::build::sdk::extract(home.root())?;
        let missed = match options.listen {
            Listen::Gateway { .. } => MissedRuns::RunLatest,
            Listen::PerApi { .. } => MissedRuns::Forget,
        };
        let front = tasks.child();
        let kept = matches!(options.listen, Listen::Gateway { .. }).then(|| home.site_ports());
        let sites = Arc::new(Sites::new(front.clone(), kept, options.site_port.unwrap_or(options.listen.site_port())));
        let projects = Arc::new(Projects::new(
            home.clone(),
            registry.clone(),
            store.clone(),
            launcher,
            sdks,
            sites,
            options.sites_folder.map_or(SitesFrom::Versions, SitesFrom::Folder),
            missed,
            options.echo,
            LogLimits { discards: options.discards_lines, ..LogLimits::default() },
            tasks.clone(),
        ));
        let mut server = Self {
            front,
            home,
            projects,
            registry,
            store,
            tasks,
            asked_to_stop: CancellationToken::new(),
            own_ports: None,
        };
        match options.listen {
            Listen::Gateway { port, control_port } => {
                // Ports first: a server that cannot listen must not run handlers.
                let bound = server.take_ports(port, control_port).await?;
                // Handlers may ask for addresses as soon as they run.
                server.projects.set_addresses(Addresses::Gateway { port: bound.0.port });
                server.projects.restore().await?;
                server.open_doors(bound)?;
            }
            Listen::PerApi { base, sockets } => {
                server.projects.forget_versions().await;
                let (registry, projects) = (server.registry.clone(), server.projects.clone());
                server.own_ports = Some(OwnPorts::new((base, sockets), registry, projects, server.front.clone()));
            }
        }
        Ok(server)
    }

    async fn take_ports(&self, port: Option<u16>, control: Option<u16>) -> anyhow::Result<(Bound, Bound)> {
        let kept = self.home.kept_ports();
        let take = async |of: PortOf, must: Option<u16>, first: u16| match must {
            Some(port) => bind(of, port, Taken::Fail).await,
            None => bind(of, first, Taken::NextFree).await,
        };
        // Clients know the gateway's port by heart; that of control is looked up each time.
        let gateway = take(PortOf::Gateway, port.or(kept.map(|kept| kept.gateway)), GATEWAY_PORT).await?;
        let control = take(PortOf::Control, control, kept.map_or(CONTROL_PORT, |kept| kept.control)).await?;
        self.home.keep_ports(Ports { gateway: gateway.port, control: control.port })?;
        Ok((gateway, control))
    }

    fn open_doors(&self, (gateway, control): (Bound, Bound)) -> anyhow::Result<()> {
        let file = ServerFile { pid: std::process::id(), gateway_port: gateway.port, control_port: control.port };
        let door = Door::Control(Arc::new(Control {
            token: self.home.token()?,
            projects: self.projects.clone(),
            gateway_url: format!("http://localhost:{}", gateway.port),
            started_at: clock::now_ms(),
            stop: self.asked_to_stop.clone(),
        }));
        self.listen(gateway, Door::Gateway(self.registry.clone()));
        self.listen(control, door);
        self.home.announce(&file)?;
        tracing::info!(gateway = file.gateway_port, control = file.control_port, "listening");
        Ok(())
    }

    fn listen(&self, bound: Bound, door: Door) {
        let door = Arc::new(door);
        for listener in bound.listeners {
            self.front.essential("listener", serve(listener, door.clone(), self.front.clone()));
        }
    }

    /// Puts a snapshot (a tar, see `build::snapshot`) live, as `less-cli deploy` does.
    pub async fn deploy(
        &self,
        name: &ProjectName,
        snapshot: std::fs::File,
        meta: DeployMeta,
        progress: &(dyn Fn(DeployEvent) + Send + Sync),
    ) -> Result<Resources, DeployFailed> {
        let mut resources = self.projects.deploy(name, snapshot, meta, progress).await?;
        if let Some(ports) = &self.own_ports {
            let live = self.registry.live(name.as_ref()).context("the project is not live")?;
            let opened = ports.open(&live).await?;
            (resources.apis, resources.sockets) = (opened.apis, opened.sockets);
            // The new version runs all the same.
            opened.without.into_iter().for_each(|problem| progress(DeployEvent::Warning { problem }));
        }
        Ok(resources)
    }

    /// Resolves when the server should stop: it was asked to, or, an error, something essential failed.
    pub async fn stopped(&self) -> anyhow::Result<()> {
        let failed = self.tasks.stopping();
        tokio::select! {
            () = self.asked_to_stop.cancelled() => Ok(()),
            () = failed.cancelled() => {
                anyhow::bail!("the server stopped because it could not go on; its log says why\n  hint: start it again once that is mended; nothing that was accepted is lost")
            }
        }
    }

    /// Drains and closes. What did not finish within the grace is delivered again at the next start.
    pub async fn stop(self) {
        let deadline = Instant::now() + limits::GRACE;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.projects.stop_dispatch();
        // Everybody hears it: a deploy that is not live yet need not be waited for.
        self.tasks.stop();
        if !self.front.drain(left()).await {
            tracing::warn!("some requests were still running when the server stopped");
        }
        self.projects.retire_all(left());
        self.tasks.drain(left() + limits::EXIT).await;
        self.store.topics.close().await;
        self.projects.close_logs().await;
        self.home.withdraw_announcement();
        tracing::info!("stopped");
    }
}

/// A server whose store takes nothing more would only refuse: it stops, and whoever starts it again has one that works.
async fn watch(store: Store, stop: CancellationToken) -> anyhow::Result<()> {
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        () = store.topics.failed() => anyhow::bail!("the store failed"),
    }
}

/// Uploads that a crash cut off take no room for long.
async fn sweep_files(store: Store, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            swept = store.files.sweep() => {
                if let Err(error) = swept {
                    tracing::warn!(%error, "what is left over of files was not removed");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(limits::SWEEP_FILES) => {}
        }
    }
}

/// Connections are files, and the usual limit of 1,024 is soon reached.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Refused: then the limit stays as it is, and connections wait.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
}
