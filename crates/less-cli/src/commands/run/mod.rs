//! `run`: the project in the foreground, alone, reloaded when its folder changes.
//!
//! It is a server of its own under `run/<name>` of the Less home, beside any other. A reload is a deployment to it: running
//! invocations finish on the old version, and one that fails changes nothing. `source` is what is deployed, `app` deploys it
//! whenever it changes, `trouble` is what people have been told; what they see is the view's.

mod app;
mod source;
mod trouble;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use less_project::ProjectName;
use less_server::{Listen, Options, Server};

use crate::args::RunArgs;
use crate::background::is_in_use;
use crate::foreground::{Signals, block_on, log_to_stderr, own_executable};
use crate::printer::Printer;
use crate::project::{self, Talk};
use crate::resolve::{LessHome, RUN_PORT, SOCKET_PORT, run_name};
use crate::view::{Manner, View};
use crate::watch::Watch;
use app::App;
use source::Source;

const NOTHING_RUNS: &str = "nothing runs";
const OLD_ONE_RUNS: &str = "the running version goes on";

pub(crate) fn run(args: &RunArgs, here: &Path, home: &LessHome) -> anyhow::Result<ExitCode> {
    let name = match (&args.name, project::nearby(here)) {
        (None, Some(project)) => {
            bail!("there is no folder less/ here\n  hint: go to the project's folder: cd {}", project.display())
        }
        (name, _) => run_name(name.as_deref(), here)?,
    };
    let source = Source::find(&name, here, home)?;
    log_to_stderr(tracing::Level::WARN);
    block_on(async {
        let manner = Manner { json: args.json, quiet: args.quiet };
        let (view, echo) = View::open(Printer::standard(), manner)?;
        let options = Options {
            home: home.run(&name),
            launcher: own_executable()?,
            listen: Listen::PerApi {
                base: args.port.unwrap_or(RUN_PORT),
                sockets: args.socket_port.unwrap_or(SOCKET_PORT),
            },
            site_port: args.site_port,
            sites_folder: Some(source.root()),
            echo: Some(echo),
            discards_lines: false,
        };
        begin(name, source, home, options, view).await
    })
}

async fn begin(
    name: ProjectName,
    source: Source,
    home: &LessHome,
    options: Options,
    mut view: View,
) -> anyhow::Result<ExitCode> {
    let signals = Signals::listen()?;
    project::make_home(home.root())?;
    let watch = Watch::new(&source.root(), home.root());
    // Problems show before anything is started.
    let first = source.load(&name, home.root(), NOTHING_RUNS, &mut view);
    // Who sits there mends it; whoever else waits for an exit code.
    let waits = view.is_terminal();
    let first = match first {
        Err(error) if !waits => {
            view.end().await;
            return Err(error);
        }
        first => first,
    };
    if let Some(why) = watch.looks_often() {
        view.remark(why);
    }
    let server = match Server::start(options).await {
        Ok(server) => server,
        Err(error) => {
            view.end().await;
            return Err(runs_twice(&name, error));
        }
    };
    App::new(name, source, home.root().to_owned(), server, watch, view, signals, waits).serve(first).await
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
