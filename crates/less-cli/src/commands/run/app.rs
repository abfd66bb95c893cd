//! A project that runs: deployed, and deployed again whenever what was saved is another.
//!
//! In: changes of the folder, signals, the server's end. Out: deployments to the server, and what the view is told of them.
//! A save during a deployment leads to another one; where that makes the one under way useless, it is given up.

use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use less_project::ProjectName;
use less_server::Server;
use less_server::control::api::{DeployEvent, NamedUrl, Resources, Step};
use tokio::time::sleep_until;

use super::source::{Loaded, Source};
use super::trouble::Trouble;
use super::{NOTHING_RUNS, OLD_ONE_RUNS};
use crate::commands::deploy::failed;
use crate::foreground::{INTERRUPTED, Signals};
use crate::project::Talk;
use crate::view::{Progress, View};
use crate::watch::{Changes, Watch};

/// Of the second deployment in a row that is to be given up.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) struct App {
    name: ProjectName,
    source: Source,
    /// The Less home.
    home: PathBuf,
    server: Server,
    watch: Watch,
    view: View,
    signals: Signals,
    /// With nothing that runs it waits for a save that does, and does not end.
    waits: bool,
    running: Option<Running>,
    trouble: Trouble,
    /// So many deployments in a row were given up for what was saved meanwhile.
    given_up: u32,
}

struct Running {
    /// Of the files and variables that run.
    print: [u8; 32],
    /// As they were last shown.
    addresses: [Vec<NamedUrl>; 3],
}

/// Something that was saved.
struct Save {
    loaded: anyhow::Result<Loaded>,
    /// None: the first.
    changes: Option<Changes>,
}

enum Next {
    /// There is something to do.
    Changed(Changes),
    /// There is nothing to do.
    Rest,
    Signal,
    /// The server cannot go on.
    Failed,
}

enum Deployed {
    /// What was saved meanwhile comes next.
    Ended(Box<anyhow::Result<Resources>>, Option<Changes>),
    /// It was given up for what was saved meanwhile.
    Superseded(Changes),
    Signal,
}

impl App {
    #[expect(clippy::too_many_arguments, reason = "each is a part of the app, handed over once")]
    pub(super) fn new(
        name: ProjectName,
        source: Source,
        home: PathBuf,
        server: Server,
        watch: Watch,
        view: View,
        signals: Signals,
        waits: bool,
    ) -> Self {
        let (running, trouble) = (None, Trouble::default());
        Self { name, source, home, server, watch, view, signals, waits, running, trouble, given_up: 0 }
    }

    pub(super) async fn serve(mut self, first: anyhow::Result<Loaded>) -> anyhow::Result<ExitCode> {
        let ended = self.until_the_end(Save { loaded: first, changes: None }).await;
        if ended.is_ok() {
            self.view.remark("Stopping; running handlers finish first (Ctrl-C again: at once)");
        }
        let Self { server, view, mut signals, .. } = self;
        let code = tokio::select! {
            () = signals.next() => ExitCode::from(INTERRUPTED),
            () = server.stop() => ExitCode::SUCCESS,
        };
        view.end().await;
        ended.map(|()| code)
    }

    /// Returns when a signal asks it to end. An error: it cannot go on.
    async fn until_the_end(&mut self, first: Save) -> anyhow::Result<()> {
        let mut next = self.put_live(first).await?;
        loop {
            next = match next {
                Next::Rest => self.wait().await,
                Next::Changed(changes) => match self.load(changes) {
                    Some(save) => self.put_live(save).await?,
                    None => Next::Rest,
                },
                Next::Signal => return Ok(()),
                Next::Failed => bail!("the app had to stop; the reason is above"),
            }
        }
    }

    async fn wait(&mut self) -> Next {
        tokio::select! {
            () = self.signals.next() => Next::Signal,
            changes = self.watch.changed() => Next::Changed(changes),
            // Nobody can ask this server to stop.
            _ = self.server.stopped() => Next::Failed,
        }
    }

    /// None where files were written while they were read: half of one save and half of the next is neither.
    fn load(&mut self, changes: Changes) -> Option<Save> {
        let loaded = self.source.load(&self.name, &self.home, self.consequence(), &mut self.view);
        let is_whole = !changes.at_rest || self.watch.is_as_told();
        is_whole.then_some(Save { loaded, changes: Some(changes) })
    }

    /// What an error leads to.
    fn consequence(&self) -> &'static str {
        if self.running.is_some() { OLD_ONE_RUNS } else { NOTHING_RUNS }
    }

    async fn put_live(&mut self, Save { loaded, changes }: Save) -> anyhow::Result<Next> {
        let is_running = |loaded: &Loaded| self.running.as_ref().is_some_and(|running| running.print == loaded.print);
        let (result, later) = match loaded {
            Err(error) => (Err(error), None),
            Ok(loaded) if is_running(&loaded) => {
                self.is_as_before();
                return Ok(Next::Rest);
            }
            Ok(loaded) => {
                let print = loaded.print;
                match self.deploy(loaded).await {
                    Deployed::Ended(result, later) => ((*result).map(|resources| (resources, print)), later),
                    Deployed::Superseded(changes) => return Ok(Next::Changed(changes)),
                    Deployed::Signal => return Ok(Next::Signal),
                }
            }
        };
        match result {
            Ok((resources, print)) => self.is_live(&resources, print, changes.as_ref()),
            Err(error) if self.running.is_none() && !self.waits => return Err(error),
            Err(error) => self.is_broken(error, changes.as_ref()),
        }
        Ok(later.map_or(Next::Rest, Next::Changed))
    }

    /// Deploys, and listens to what is saved meanwhile.
    async fn deploy(&mut self, Loaded { snapshot, meta, .. }: Loaded) -> Deployed {
        let (consequence, is_first) = (self.consequence(), self.running.is_none());
        let (at, step) = tokio::sync::watch::channel(Step::Checking);
        let tell = self.view.teller();
        let progress = |event: DeployEvent| match event {
            DeployEvent::Step { step } => {
                at.send_replace(step);
                // A reload is quick, except where something has to be installed.
                if is_first || step == Step::InstallingDependencies {
                    tell(Progress::Step(step));
                }
            }
            DeployEvent::Warning { problem } => tell(Progress::Warning(problem)),
            DeployEvent::Done { .. } | DeployEvent::Failed { .. } => (),
        };
        let mut later: Option<Changes> = None;
        let patient_until = Instant::now() + patience(self.given_up);
        let mut deployment = pin!(self.server.deploy(&self.name, snapshot, meta, &progress));
        loop {
            let is_useless = |changes: &mut Changes| supersedes(changes, *step.borrow());
            tokio::select! {
                biased;
                () = self.signals.next() => return Deployed::Signal,
                ended = &mut deployment => {
                    self.given_up = 0;
                    let ended = ended.map_err(|refused| failed(refused.message, refused.problems, consequence));
                    return Deployed::Ended(Box::new(ended), later);
                }
                changes = self.watch.changed() => {
                    later = Some(match later.take() {
                        Some(earlier) => earlier.and(changes),
                        None => changes,
                    });
                }
                () = sleep_until(patient_until.into()), if later.as_mut().is_some_and(is_useless) => {
                    // It may be further by now.
                    if let Some(changes) = later.take_if(is_useless) {
                        self.given_up += 1;
                        return Deployed::Superseded(changes);
                    }
                }
            }
        }
    }

    fn is_live(&mut self, resources: &Resources, print: [u8; 32], changes: Option<&Changes>) {
        let is_mended = self.trouble.is_mended();
        if let (Some(changes), Some(_)) = (changes, &self.running) {
            self.view.reloaded(reloaded(changes, is_mended, Instant::now()));
        }
        let Resources { apis, sockets, websites, .. } = resources;
        let addresses = [apis.clone(), sockets.clone(), websites.clone()];
        if self.running.as_ref().is_none_or(|running| running.addresses != addresses) {
            self.view.running(&self.name, resources);
        }
        self.running = Some(Running { print, addresses });
    }

    /// What is saved is what runs.
    fn is_as_before(&mut self) {
        if self.trouble.is_mended() {
            self.view.remark("Mended: what is saved is what runs ✅");
        }
    }

    fn is_broken(&mut self, error: anyhow::Error, changes: Option<&Changes>) {
        if !self.trouble.is_new(&error) {
            if let Some(changes) = changes.filter(|changes| changes.touch_code()) {
                self.view.remark(&format!("{changes}: saved, and what is wrong is as it was"));
            }
        } else {
            self.view.failure(error);
            if self.running.is_none() {
                self.view.remark("Waiting for a save that mends it (Ctrl-C ends)");
            }
        }
    }
}

/// Whether a deployment need not be finished for what was saved since it began: its own packages are not wanted any more,
/// or a module that loads, and may take long, is perhaps another now. An install of packages that are still wanted goes on.
fn supersedes(changes: &Changes, step: Step) -> bool {
    changes.at_rest
        && match step {
            Step::InstallingDependencies => changes.touch_dependencies(),
            Step::StartingWorkers => true,
            // It is over in a moment, or cannot be undone.
            Step::Checking | Step::Switching => false,
        }
}

/// How long a deployment goes on beside a save that makes it useless: longer and longer, so that one comes to its end though
/// something in the folder is written all the time.
fn patience(given_up: u32) -> Duration {
    given_up.checked_sub(1).map_or(Duration::ZERO, |again| PATIENCE * (1 << again.min(5)))
}

/// `Reloaded ✅ less/apis/shop/get.js (312 ms)`
fn reloaded(changes: &Changes, is_mended: bool, now: Instant) -> String {
    let took = now.duration_since(changes.since).as_millis();
    let mended = if is_mended { "what was wrong is mended: " } else { "" };
    format!("Reloaded ✅ {mended}{changes} ({took} ms)")
}
