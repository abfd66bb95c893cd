//! A project's npm packages, installed once and shared by every version that asks for the same.
//!
//! In: package.json, the lock file and the installers' settings at the project's root. Out: a `node_modules` in the
//! cache, in a folder named by the hash of exactly these, of the installer and of Node's major version (packages may
//! hold compiled code). It is made under another name and renamed, so a folder in the cache is always whole.
//!
//! Without a lock file the versions chosen at the first install stay until package.json changes: a deploy is no moment
//! to get other packages than the last one had. A lock file is how to choose them.
//!
//! The packages' own install scripts run; the project's do not (`prepare` and its kin are for the author's machine, and
//! neither their tools nor the project's files are in the cache). Development packages are not installed. A project
//! whose package.json refers to its own folders (`file:`, workspaces) is installed in place, uncached.
//!
//! What a project names of Less itself is not installed: the command line and the SDK are this server's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use less_project::{Env, Problem};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::node::NodeInfo;
use super::npm::Installer;
use super::package_json::PackageJson;
use super::{Doing, Result, blocking, sync_disk_of};

/// How long an install may take.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(600);
/// A folder under construction that is older than this was left by a crash.
pub(super) const ABANDONED: Duration = Duration::from_secs(3600);
const LOCK_FILES: [&str; 3] = ["npm-shrinkwrap.json", "package-lock.json", "yarn.lock"];
const SETTINGS: [&str; 3] = [".npmrc", ".yarnrc", ".yarnrc.yml"];
/// What is installed in production.
const PACKAGES: [&str; 3] = ["dependencies", "optionalDependencies", "peerDependencies"];
/// Handlers never load the one, and get ours for the other; there need not be a package for either, and npm looks for
/// development packages too before it leaves them out.
const LESS: [&str; 2] = ["@chuva.io/less-cli", "@chuva.io/less"];
const NAMING_LESS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
/// What else bears on it.
const CHOICES: [&str; 6] =
    ["overrides", "resolutions", "bundleDependencies", "bundledDependencies", "peerDependenciesMeta", "packageManager"];

/// Installs what the project in `root` depends on, unless the cache has it; `installing` is called when it has not.
///
/// Returns the `node_modules` to link to, none when the project needs no link. Dropped early, it stops the installer.
pub async fn install(
    root: &Path,
    cache: &Path,
    node: NodeInfo,
    env: &Env,
    installing: impl FnOnce(),
) -> Result<Option<PathBuf>> {
    let Some(wanted) = Wanted::read(root)? else { return Ok(None) };
    if wanted.is_local() {
        installing();
        wanted.write_package_json(root)?;
        wanted.installer().job().run(root, env, TIME_LIMIT).await?;
        return Ok(None);
    }
    let folder = cache.join(wanted.key(node));
    let node_modules = folder.join("node_modules");
    if !node_modules.is_dir() {
        installing();
        let fresh = Fresh::make(cache)?;
        wanted.copy_to(&fresh.0)?;
        wanted.installer().job().run(&fresh.0, env, TIME_LIMIT).await?;
        blocking(move || fresh.rename(&folder)).await?;
    }
    Ok(Some(node_modules))
}

/// The program that would install what the project in `root` depends on; none when there is nothing to install.
pub fn installer(root: &Path) -> Result<Option<&'static str>> {
    Ok(Wanted::read(root)?.map(|wanted| wanted.installer().program()))
}

/// What a project asks an installer for.
struct Wanted {
    root: PathBuf,
    package: PackageJson,
    lock_file: Option<&'static str>,
}

impl Wanted {
    /// `None` for a project without dependencies.
    fn read(root: &Path) -> Result<Option<Self>> {
        let path = root.join("package.json");
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.doing("read", &path)?,
        };
        let package = PackageJson::parse(&text, "package.json")?.without_packages(&NAMING_LESS, &LESS);
        let lock_file = LOCK_FILES.into_iter().find(|name| root.join(name).is_file());
        let wanted = Self { root: root.into(), package, lock_file };
        if wanted.package.get("workspaces").is_none()
            && PACKAGES.iter().all(|field| wanted.package.wanted(field).is_empty())
        {
            return Ok(None);
        }
        wanted.refuse_new_yarn()?;
        Ok(Some(wanted))
    }

    /// Yarn 2 and newer share a name with the first, and neither its options nor its lock file.
    fn refuse_new_yarn(&self) -> Result<()> {
        if self.installer() != Installer::Yarn {
            return Ok(());
        }
        let path = self.root.join("yarn.lock");
        let text = fs::read_to_string(&path).doing("read", &path)?;
        if text.contains("# yarn lockfile v1") || !text.contains("__metadata:") {
            return Ok(());
        }
        let message = "this lock file is of Yarn 2 or newer, which cannot be used yet";
        let hint = "replace it by a package-lock.json (`npm install`), or by a lock file of Yarn 1";
        Err(Problem::new("yarn.lock", message, hint).into())
    }

    fn installer(&self) -> Installer {
        Installer::by_lock_file(self.lock_file)
    }

    /// Whether an install needs more of the project than its package.json.
    fn is_local(&self) -> bool {
        let is_path = |version: &str| {
            ["file:", "link:", "portal:", "workspace:", "./", "../", "/", "~/"]
                .iter()
                .any(|path| version.starts_with(path))
        };
        let refers = |field: &&str| self.package.wanted(field).iter().any(|(_, version)| is_path(version));
        self.package.get("workspaces").is_some() || PACKAGES.iter().any(refers)
    }

    fn key(&self, node: NodeInfo) -> String {
        let mut hash = Sha256::new();
        let mut add = |name: &str, value: Option<&[u8]>| {
            let value = value.unwrap_or_default();
            hash.update(format!("{name} {}\n", value.len()));
            hash.update(value);
        };
        add(self.installer().name(), None);
        add("node", Some(&node.major.to_le_bytes()));
        for field in PACKAGES.iter().chain(&CHOICES) {
            add(field, self.package.get(field).map(|value| value.get().as_bytes()));
        }
        for file in self.lock_file.iter().chain(&SETTINGS) {
            add(file, fs::read(self.root.join(file)).ok().as_deref());
        }
        hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn copy_to(&self, folder: &Path) -> Result<()> {
        self.write_package_json(folder)?;
        for file in self.lock_file.iter().chain(&SETTINGS) {
            match fs::copy(self.root.join(file), folder.join(file)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                copied => drop(copied.doing("copy", &self.root.join(file))?),
            }
        }
        Ok(())
    }

    /// Without the project's own scripts, which an installer would run.
    fn write_package_json(&self, folder: &Path) -> Result<()> {
        let path = folder.join("package.json");
        fs::write(&path, self.package.without("scripts").to_text()).doing("write", &path)
    }
}

/// A folder under construction; removed unless it is renamed.
struct Fresh(PathBuf);

const FRESH: &str = ".new-";

impl Fresh {
    fn make(cache: &Path) -> Result<Self> {
        let path = cache.join(format!("{FRESH}{}", Uuid::now_v7()));
        fs::create_dir_all(&path).doing("make the folder", &path)?;
        let is_fresh = |other: &Path| other.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FRESH));
        remove_abandoned(cache, &path, is_fresh).doing("tidy the folder", cache)?;
        Ok(Self(path))
    }

    fn rename(self, to: &Path) -> Result<()> {
        // A project may ask for packages of which none fits this machine.
        fs::create_dir_all(self.0.join("node_modules")).doing("make a folder in", &self.0)?;
        // Thousands of small files: all at once, before the name that says they are there.
        sync_disk_of(&self.0).doing("put on disk", &self.0)?;
        match fs::rename(&self.0, to) {
            // Another build of the same was quicker; what it made is as good.
            Err(_) if to.is_dir() => Ok(()),
            renamed => renamed.doing("make the folder", to),
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // Renamed, it is not here any more. What a killed installer still writes is removed as abandoned, later.
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Removes what a build left that was cut short, by the clock of the disk: compared to a folder that was made just `now`.
pub(super) fn remove_abandoned(cache: &Path, now: &Path, is_unfinished: impl Fn(&Path) -> bool) -> io::Result<()> {
    let now = fs::metadata(now)?.modified()?;
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        let made = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = made.is_ok_and(|made| now.duration_since(made).is_ok_and(|age| age > ABANDONED));
        if is_old && is_unfinished(&entry.path()) {
            // Another build may be removing it, too.
            fs::remove_dir_all(entry.path()).ok();
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "dependencies_tests.rs"]
mod tests;
