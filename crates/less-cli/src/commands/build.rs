//! `build`: checks the project of this folder, installs its dependencies, loads every handler once, and keeps the result for `run`.

use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use less_project::{Env, Problem, Project};
use less_server::build::{self, sdk, unpack::unpack};
use less_server::{keep_files_private, runtimes, try_loading};
use serde::Serialize;

use crate::args::BuildArgs;
use crate::builds::Build;
use crate::commands::deploy::failed;
use crate::foreground::{block_on, own_executable};
use crate::printer::{Printer, Speaker};
use crate::project::{self, Part, refused};
use crate::resolve::LessHome;

const CONSEQUENCE: &str = "nothing was built";

pub(crate) fn build(args: &BuildArgs, here: &Path, home: &LessHome, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let (project, env) = project::check(here, &args.name, CONSEQUENCE, out)?;
    keep_files_private();
    let mut snapshot = project::pack(here, Part::Whole, home.root(), CONSEQUENCE)?;
    // What makes a folder runnable also changes it, so it is tried on a copy; what is kept is the project as it is.
    let trial = tempfile::tempdir_in(home.root())?;
    unpack(&snapshot, trial.path()).map_err(|error| refused(error, CONSEQUENCE))?;
    let installing = || out.step("Installing dependencies");
    block_on(prepare(trial.path(), &project, &env, home, installing))?;
    snapshot.seek(SeekFrom::Start(0))?;
    Build::of(home, &project.name)
        .replace(&env, |folder| unpack(&snapshot, folder).map_err(|error| refused(error, CONSEQUENCE)))?;
    if args.json {
        out.json(&Built { project: project.name.as_ref(), warnings: &project.warnings })?;
    } else {
        out.say(Speaker::Local, "Resources built with success ✅")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// For programs.
#[derive(Serialize)]
struct Built<'a> {
    project: &'a str,
    warnings: &'a [Problem],
}

/// Installs into the cache of the project's `run`, which then finds everything there, and loads every handler.
async fn prepare(
    folder: &Path,
    project: &Project,
    env: &Env,
    home: &LessHome,
    installing: impl FnOnce(),
) -> anyhow::Result<()> {
    let run = home.run(&project.name);
    let sdks = sdk::extract(&run).with_context(|| format!("cannot write the SDK to {}", run.display()))?;
    let (cache, runtimes) = (home.run_dependencies(&project.name), runtimes(project));
    let prepared = build::prepare(folder, &cache, &sdks, project, &runtimes, env, installing).await;
    let built = prepared.map_err(|error| refused(error, CONSEQUENCE))?;
    let loaded = try_loading(project.clone(), built, env, own_executable()?).await;
    loaded.map_err(|error| failed(error.message, error.problems, CONSEQUENCE))
}
