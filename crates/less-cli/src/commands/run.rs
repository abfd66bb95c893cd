//! `run`: the project in the foreground, alone, reloaded when its folder changes.
//!
//! It is a server of its own under `run/<name>` of the Less home, beside any other. A reload is a
//! deployment to it: running invocations finish on the old version, and one that fails changes nothing.

use std::fs::File;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{anyhow, bail};
use less_project::ProjectName;
use less_server::control::api::{DeployEvent, DeployMeta, LogLine, NamedUrl, Resources};
use less_server::logs::Line;
use less_server::{Echo, Listen, Options, Server};
use tokio::sync::mpsc;

use crate::args::RunArgs;
use crate::background::is_in_use;
use crate::builds::Build;
use crate::commands::deploy::{failed, words};
use crate::foreground::{INTERRUPTED, Signals, block_on, log_to_stderr, own_executable};
use crate::printer::{Printer, Speaker};
use crate::project::{self, Part};
use crate::render::{self, LoggedLine, Named};
use crate::resolve::{LessHome, RUN_PORT, run_name};
use crate::watch::Watch;

/// Events of a deployment that nobody has printed yet.
const EVENTS: usize = 64;
/// Log lines that nobody has printed yet; what a handler prints beyond them is not shown.
const LINES: usize = 16_384;

const NOTHING_RUNS: &str = "nothing runs";
const OLD_ONE_RUNS: &str = "the running version goes on";

pub(crate) fn run(args: &RunArgs, here: &Path, home: &LessHome, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let name = match (&args.name, project::nearby(here)) {
        (None, Some(project)) => {
            bail!("there is no folder less/ here\n  hint: go to the project's folder: cd {}", project.display())
        }
        (name, _) => run_name(name.as_deref(), here)?,
    };
    let source = source(&name, here, home)?;
    let scratch = home.run(&name);
    // Problems show before anything is started.
    let watch = Watch::new(&source.root());
    let first = source.load(&name, &scratch, NOTHING_RUNS, out)?;
    let (echo, tail) = tail();
    let options = Options {
        home: scratch.clone(),
        launcher: own_executable()?,
        listen: Listen::PerApi { base: args.port.unwrap_or(RUN_PORT) },
        site_port: args.site_port,
        sites_folder: Some(source.root()),
        echo: Some(echo),
        discards_lines: false,
    };
    log_to_stderr(tracing::Level::WARN);
    block_on(async {
        let signals = Signals::listen()?;
        let server = Server::start(options).await.map_err(|error| runs_twice(&name, error))?;
        let (events, told) = mpsc::channel(EVENTS);
        let terminal = Terminal { told, tail, signals, json: args.json, out };
        App { name, source, scratch, server, events, watch, shown: Default::default() }.serve(first, terminal).await
    })
}

/// The name has one home, and a home has one process.
fn runs_twice(name: &ProjectName, error: anyhow::Error) -> anyhow::Error {
    if !is_in_use(&error) {
        return error;
    }
    anyhow!(
        "\"{name}\" runs already: {error}\n  hint: stop it there, or run this one under another name: less-cli run <name>"
    )
}

/// Where the project comes from.
enum Source {
    Folder(PathBuf),
    Built(Build),
}

fn source(name: &ProjectName, here: &Path, home: &LessHome) -> anyhow::Result<Source> {
    if here.join("less").is_dir() {
        return Ok(Source::Folder(here.to_owned()));
    }
    let build = Build::of(home, name);
    if build.exists() {
        return Ok(Source::Built(build));
    }
    let place = project::nearby(here).map_or_else(String::new, |project| format!(", {}", project.display()));
    bail!(
        "there is no folder less/ here, and no build of \"{name}\"\n  hint: go to the project's folder{place}, or build it there: less-cli build {name}"
    )
}

/// A version, ready to be deployed.
struct Loaded {
    snapshot: File,
    meta: DeployMeta,
}

impl Source {
    fn root(&self) -> PathBuf {
        match self {
            Self::Folder(root) => root.clone(),
            Self::Built(build) => build.project(),
        }
    }

    fn load(&self, name: &ProjectName, scratch: &Path, consequence: &str, out: &mut Printer) -> anyhow::Result<Loaded> {
        let env = match self {
            Self::Folder(root) => project::check(root, name.as_ref(), consequence, out)?.1,
            Self::Built(build) => build.env()?,
        };
        let snapshot = project::pack(&self.root(), Part::Whole, scratch, consequence)?;
        Ok(Loaded { snapshot, meta: DeployMeta { env, only_sites: false } })
    }
}

struct App {
    name: ProjectName,
    source: Source,
    /// The home of this run.
    scratch: PathBuf,
    server: Server,
    /// What a deployment tells, on its way to the terminal.
    events: mpsc::Sender<DeployEvent>,
    watch: Watch,
    /// As they were last shown: APIs and sites.
    shown: (Vec<NamedUrl>, Vec<NamedUrl>),
}

enum Event {
    Changed,
    /// The server cannot go on.
    Failed,
}

impl App {
    async fn serve(mut self, first: Loaded, mut terminal: Terminal<'_>) -> anyhow::Result<ExitCode> {
        match self.deploy(first, NOTHING_RUNS, &mut terminal).await {
            None => return self.stop(terminal).await,
            Some(Ok(resources)) => self.show(&resources, &mut terminal)?,
            Some(Err(error)) => {
                terminal.until(self.server.stop()).await;
                // Often the reason is in what the handlers printed.
                terminal.print_rest();
                return Err(error);
            }
        }
        while let Some(event) = self.next(&mut terminal).await {
            match event {
                Event::Changed => {
                    if !self.reload(&mut terminal).await {
                        break;
                    }
                }
                Event::Failed => {
                    self.stop(terminal).await?;
                    bail!("the app had to stop; the reason is above");
                }
            }
        }
        self.stop(terminal).await
    }

    /// What happens next; none for a signal.
    async fn next(&mut self, terminal: &mut Terminal<'_>) -> Option<Event> {
        let Self { server, watch, .. } = self;
        let event = async {
            tokio::select! {
                () = watch.changed() => Event::Changed,
                // Nobody can ask this server to stop.
                _ = server.stopped() => Event::Failed,
            }
        };
        terminal.until(event).await
    }

    /// False when a signal came meanwhile.
    async fn reload(&mut self, terminal: &mut Terminal<'_>) -> bool {
        let result = match self.source.load(&self.name, &self.scratch, OLD_ONE_RUNS, terminal.out) {
            Ok(loaded) => match self.deploy(loaded, OLD_ONE_RUNS, terminal).await {
                Some(result) => result,
                None => return false,
            },
            Err(error) => Err(error),
        };
        let shown = result.and_then(|resources| {
            terminal.out.remark("Reloaded ✅");
            if addresses(&resources) == self.shown { Ok(()) } else { self.show(&resources, terminal) }
        });
        if let Err(error) = shown {
            terminal.out.failure(&error);
        }
        true
    }

    fn show(&mut self, resources: &Resources, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        terminal.running(&self.name, resources)?;
        self.shown = addresses(resources);
        Ok(())
    }

    /// None when a signal came meanwhile.
    async fn deploy(
        &self,
        loaded: Loaded,
        consequence: &str,
        terminal: &mut Terminal<'_>,
    ) -> Option<anyhow::Result<Resources>> {
        let Loaded { snapshot, meta } = loaded;
        // A full channel drops what only tells the time.
        let tell = |event| drop(self.events.try_send(event));
        let deployed = terminal.until(self.server.deploy(&self.name, snapshot, meta, &tell)).await?;
        Some(deployed.map_err(|refused| failed(refused.message, refused.problems, consequence)))
    }

    /// Running handlers finish; a second signal does not wait for them.
    async fn stop(self, mut terminal: Terminal<'_>) -> anyhow::Result<ExitCode> {
        terminal.out.remark("Stopping; running handlers finish first (Ctrl-C again: at once)");
        let ended = terminal.until(self.server.stop()).await;
        terminal.print_rest();
        Ok(if ended.is_some() { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
    }
}

fn addresses(resources: &Resources) -> (Vec<NamedUrl>, Vec<NamedUrl>) {
    (resources.apis.clone(), resources.websites.clone())
}

/// Handlers' log lines, on their way to the terminal.
struct Tail {
    lines: mpsc::Receiver<LogLine>,
    /// Lines that came faster than the terminal took them.
    missed: Arc<AtomicU64>,
}

fn tail() -> (Echo, Tail) {
    let (sender, lines) = mpsc::channel(LINES);
    let missed = Arc::new(AtomicU64::new(0));
    let count = missed.clone();
    let echo = move |line: &Line| {
        if sender.try_send(line.clone().into()).is_err() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    };
    (Arc::new(echo), Tail { lines, missed })
}

/// What a person at this run sees, and the signals that come from there.
struct Terminal<'a> {
    told: mpsc::Receiver<DeployEvent>,
    tail: Tail,
    signals: Signals,
    json: bool,
    out: &'a mut Printer,
}

impl Terminal<'_> {
    /// Prints what there is to print while `work` goes on; none when a signal came first.
    async fn until<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                // In this order: a flood of lines holds up nothing.
                biased;
                () = self.signals.next() => return None,
                Some(event) = self.told.recv() => self.event(&event),
                done = &mut work => {
                    // What it told comes before its end.
                    while let Ok(event) = self.told.try_recv() {
                        self.event(&event);
                    }
                    return Some(done);
                }
                Some(line) = self.tail.lines.recv() => self.log(&line),
            }
        }
    }

    fn running(&mut self, name: &ProjectName, resources: &Resources) -> anyhow::Result<()> {
        if self.json {
            return self.out.json(resources);
        }
        self.out.say(Speaker::Local, &format!("App \"{name}\" is running ✅"))?;
        for line in render::running(resources) {
            self.out.say(Speaker::Local, &line)?;
        }
        Ok(())
    }

    fn event(&mut self, event: &DeployEvent) {
        match event {
            DeployEvent::Step { step } => self.out.step(words(*step)),
            DeployEvent::Warning { problem } => self.out.warn(problem),
            DeployEvent::Done { .. } | DeployEvent::Failed { .. } => (),
        }
    }

    fn log(&mut self, line: &LogLine) {
        let text = render::log_line(line, Named::Yes);
        let printed = if self.json { self.out.json(&LoggedLine::from(line)) } else { self.out.line(&text) };
        // A stdout that takes nothing does not end the app.
        printed.ok();
        let missed = self.tail.missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            self.out.remark(&format!("{missed} log lines came too fast and are not shown"));
        }
    }

    fn print_rest(&mut self) {
        while let Ok(line) = self.tail.lines.try_recv() {
            self.log(&line);
        }
    }
}
