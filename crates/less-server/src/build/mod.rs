//! From a project's folder to a folder that workers can run.
//!
//! ```text
//! snapshot::pack      the folder        → a tar                     where the command line runs
//! snapshot::unpack    the tar           → <version>/project/
//! sdk::extract        this binary       → <home>/sdk/<name>-<hash>/ once for each hash
//! prepare             package.json      → <cache>/node/<key>/       npm or yarn, once for each key
//!                     requirements.txt  → <cache>/python/<key>      uv or pip, likewise
//!                     x.ts              → x.js beside it
//!                     all of these      → node_modules links, so that handlers find what they import
//! program             all of these      → how to start a worker
//! types::write        the project       → what an editor needs, in the author's own folder
//! ```
//! It keeps nothing but these folders, and starts nothing but `node`, `python3` and installers. Functions that are not
//! `async` read and write files and may take seconds: not for an async task.

mod built;
pub mod dependencies;
mod installer;
pub mod node;
mod npm;
mod package_json;
mod program;
pub mod python;
pub mod requirements;
pub mod sdk;
pub mod snapshot;
pub mod types;
mod typescript;
pub mod unpack;
mod version;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;

use futures_util::future::OptionFuture;
use less_project::{Env, Handler, Language, Problem, Project};

pub use self::built::Built;
use self::built::Facts;
pub(crate) use self::program::program;
pub use self::program::{Runtime, is_base_variable};
pub use self::sdk::Sdks;

/// Why there is no folder that workers could run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// For the author of the project.
    #[error("the project has {} problem{}", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Problems(Vec<Problem>),
    /// For whoever runs this machine.
    #[error("cannot {doing}")]
    Io { doing: String, source: io::Error },
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problems(vec![problem])
    }
}

/// Makes the project that was unpacked in `root` ready to run with `runtimes`: checks that they are there, installs
/// dependencies (or finds them in `cache`), transpiles, and links everything that handlers import. `installing` is
/// called when something has to be installed.
///
/// Dropped early, it stops the installer. Nothing in `root` is synced: that is for whoever makes the version count.
pub async fn prepare(
    root: &Path,
    cache: &Path,
    sdks: &Sdks,
    project: &Project,
    runtimes: &BTreeSet<Runtime>,
    env: &Env,
    installing: impl FnOnce(),
) -> Result<Built> {
    let mut installing = Some(installing);
    let mut tell = || installing.take().map_or((), |installing| installing());
    let (node, python) = check(runtimes, env).await?;
    let mut node_modules = None;
    if let Some(node) = node {
        node_modules = dependencies::install(root, &cache.join("node"), node, env, &mut tell).await?;
    }
    let mut facts = Facts::default();
    if let Some(python) = python {
        let installed = requirements::install(root, &cache.join("python"), &python, env, &mut tell).await?;
        facts.python = Some(installed.unwrap_or(python.executable));
    }
    let mut built = Built { root: root.into(), sdks: sdks.clone(), facts };
    let (shared, has_node) = (project.shared.clone(), node.is_some());
    blocking(move || {
        if has_node {
            let packages = node_modules.clone().unwrap_or_else(|| built.root.join("node_modules"));
            built.facts.typescript = typescript::transpile(&built.root, &packages)?;
        }
        version::prepare(&built.root, &built.sdks.node, &shared, node_modules.as_deref())?;
        built.facts.write(&built.root)?;
        Ok(built)
    })
    .await
}

/// What is needed of Node.js and Python, or all that is wrong with them.
async fn check(
    runtimes: &BTreeSet<Runtime>,
    env: &Env,
) -> Result<(Option<node::NodeInfo>, Option<python::PythonInfo>)> {
    let needs = |runtime| runtimes.contains(&runtime);
    let (node, python) = tokio::join!(
        OptionFuture::from(needs(Runtime::Node).then(|| node::check(env))),
        OptionFuture::from(needs(Runtime::Python).then(|| python::check(env))),
    );
    let mut problems = Vec::new();
    let node = node.and_then(|found| found.map_err(|problem| problems.push(problem)).ok());
    let python = python.and_then(|found| found.map_err(|problem| problems.push(problem)).ok());
    if problems.is_empty() { Ok((node, python)) } else { Err(Error::Problems(problems)) }
}

/// Makes a version that was prepared earlier use this server's SDKs. Installs nothing. Blocking.
pub(crate) fn renew(root: &Path, sdks: &Sdks) -> Result<Built> {
    version::link_sdk(root, &sdks.node)?;
    Ok(Built { root: root.into(), sdks: sdks.clone(), facts: Facts::read(root)? })
}

/// The file that a worker loads for this handler and, when its author wrote another one, that.
pub fn load_file(handler: &Handler) -> (String, Option<String>) {
    match handler.language {
        Language::TypeScript => {
            let script = Path::new(&handler.file).with_extension("js");
            (script.to_string_lossy().into_owned(), Some(handler.file.clone()))
        }
        Language::JavaScript | Language::Python | Language::Go | Language::Rust => (handler.file.clone(), None),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let failed = |error| Error::Io { doing: "finish the build".into(), source: io::Error::other(error) };
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

type Result<T> = std::result::Result<T, Error>;

/// Says what was being done to which path.
trait Doing<T> {
    fn doing(self, what: &str, path: &Path) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: &str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io { doing: format!("{what} {}", path.display()), source })
    }
}

/// Puts everything on this path's disk. One call for thousands of small files, before the rename that makes them count.
fn sync_disk_of(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(path)?)?)
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
