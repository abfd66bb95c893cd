//! From a project's folder to a folder that workers can run.
//!
//! ```text
//! snapshot::pack      the folder        → a tar                     where the command line runs
//! snapshot::unpack    the tar           → <version>/project/
//! sdk::extract        this binary       → <home>/sdk/node-<hash>/   once for each hash
//! prepare             package.json      → <cache>/<key>/            npm or yarn, once for each key
//!                     all of these      → node_modules links, so that handlers find what they import
//! program             all of these      → how to start a worker
//! ```
//! It keeps nothing but these folders, and starts nothing but `node --version` and an installer. Functions that are not
//! `async` read and write files and may take seconds: not for an async task.

pub mod dependencies;
mod installer;
pub mod node;
mod package_json;
mod program;
pub mod sdk;
pub mod snapshot;
pub mod unpack;
mod version;

use std::fs::File;
use std::io;
use std::path::Path;

use less_project::{Env, Problem, Project};
pub use program::{BASE_PREFIX, BASE_VARIABLES, Runtime};
pub(crate) use program::{load_file, programs};
pub use sdk::Sdks;

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

/// Makes the project that was unpacked in `root` ready to run: checks Node.js, installs dependencies (or finds them in
/// `cache`) and links everything that handlers import. `installing` is called when something has to be installed.
///
/// Dropped early, it stops the installer. Nothing in `root` is synced: that is for whoever makes the version count.
pub async fn prepare(
    root: &Path,
    cache: &Path,
    sdks: &Sdks,
    project: &Project,
    env: &Env,
    installing: impl FnOnce(),
) -> Result<()> {
    let node = node::check(env).await?;
    let packages = dependencies::install(root, cache, node, env, installing).await?;
    let (root, sdk, shared) = (root.to_owned(), sdks.node.clone(), project.shared.clone());
    blocking(move || version::prepare(&root, &sdk, &shared, packages.as_deref())).await
}

/// Makes a version that was prepared earlier use this server's SDK. Blocking.
pub(crate) fn renew(root: &Path, sdks: &Sdks) -> Result<()> {
    version::link_sdk(root, &sdks.node)
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
