//! A project's Python packages, in a virtual environment that every version shares which asks for the same.
//!
//! In: requirements.txt at the project's root and the files it names. Out: the environment's Python.
//!
//! ```text
//! <cache>/<key>        → venv-<id>   the hash of exactly these, of the installer and of Python's version
//! <cache>/venv-<id>/                 where it was made: an environment cannot be moved, its scripts hold its path
//! <cache>/venv-<id>/.whole           written last
//! ```
//! Without `.whole` it is under construction or was left by a crash; no key leads to it before it is whole. Versions
//! name the environment itself, so they keep it when a key comes to lead to another.
//!
//! As with npm, what was chosen at the first install stays until the requirements change: exact versions (`==`) are how
//! to choose. A project whose requirements refer to its own folders is installed beside it, uncached.

mod wanted;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use less_project::{Env, Problem};
use tokio::process::Command;
use uuid::Uuid;

use self::wanted::Wanted;
use super::dependencies::{TIME_LIMIT, remove_abandoned};
use super::installer::Job;
use super::python::PythonInfo;
use super::{Doing, Result, blocking, sync_disk_of};

const FILE: &str = "requirements.txt";
const WHOLE: &str = ".whole";
const VENV: &str = "venv-";
/// In the project's folder. Never the author's own: a snapshot has no hidden folders.
const OWN: &str = ".venv";
const HINT: &str = "correct requirements.txt until `python3 -m pip install -r requirements.txt` works";

/// Installs what the project in `root` requires, unless the cache has it; `installing` is called when it has not.
///
/// Returns the Python to run handlers with, `None` when nothing is required. Dropped early, it stops the installer.
pub async fn install(
    root: &Path,
    cache: &Path,
    python: &PythonInfo,
    env: &Env,
    installing: impl FnOnce(),
) -> Result<Option<PathBuf>> {
    let Some(wanted) = Wanted::read(root, env)? else { return Ok(None) };
    let installer = Installer::choose(env);
    if wanted.is_local {
        installing();
        let venv = root.join(OWN);
        installer.fill(&venv, root, python, env).await?;
        return Ok(Some(python_of(&venv)));
    }
    let key = cache.join(wanted.key(installer, python));
    if let Some(venv) = whole(&key) {
        return Ok(Some(python_of(&venv)));
    }
    installing();
    let fresh = Fresh::make(cache)?;
    installer.fill(&fresh.0, root, python, env).await?;
    let venv = blocking(move || fresh.finish(&key)).await?;
    Ok(Some(python_of(&venv)))
}

/// Whether the project in `root` requires packages.
pub fn has_any(root: &Path, env: &Env) -> Result<bool> {
    Ok(Wanted::read(root, env)?.is_some())
}

/// The program that would install packages for this Python; none when there is none.
pub fn installer(python: &PythonInfo, env: &Env) -> Option<&'static str> {
    let installer = Installer::choose(env);
    (installer == Installer::Uv || python.makes_environments).then(|| installer.name())
}

fn python_of(venv: &Path) -> PathBuf {
    venv.join("bin/python")
}

/// The environment that a key leads to, if it is one that works.
fn whole(key: &Path) -> Option<PathBuf> {
    let venv = key.canonicalize().ok()?;
    // Its Python is a link to the system's, which may be gone.
    (venv.join(WHOLE).is_file() && python_of(&venv).is_file()).then_some(venv)
}

/// An environment under construction; removed unless it is finished.
struct Fresh(PathBuf);

impl Fresh {
    fn make(cache: &Path) -> Result<Self> {
        let path = cache.join(format!("{VENV}{}", Uuid::now_v7()));
        fs::create_dir_all(&path).doing("make the folder", &path)?;
        let is_unfinished = |other: &Path| {
            let name = other.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(VENV) && !other.join(WHOLE).exists()
        };
        remove_abandoned(cache, &path, is_unfinished).doing("tidy the folder", cache)?;
        Ok(Self(path))
    }

    /// Makes it what `key` leads to. Another build of the same may have been quicker; what it made is as good.
    fn finish(mut self, key: &Path) -> Result<PathBuf> {
        let path = self.0.canonicalize().doing("find", &self.0)?;
        // Thousands of small files: all at once, before the mark that says they are there.
        sync_disk_of(&path).doing("put on disk", &path)?;
        let made = mark(&path).and_then(|()| link(&path, key));
        made.doing("make the environment", key)?;
        if let Some(other) = whole(key).filter(|other| *other != path) {
            return Ok(other);
        }
        // It stays.
        self.0 = PathBuf::new();
        Ok(path)
    }
}

fn mark(venv: &Path) -> io::Result<()> {
    File::create(venv.join(WHOLE))?.sync_all()
}

fn link(venv: &Path, key: &Path) -> io::Result<()> {
    let name = venv.file_name().unwrap_or_default();
    match symlink(name, key) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && whole(key).is_none() => {
            // It leads to one that does not work any more.
            let beside = venv.join(".key");
            symlink(name, &beside)?;
            fs::rename(beside, key)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // What a killed installer still writes is removed as abandoned, later.
        fs::remove_dir_all(&self.0).ok();
    }
}

/// uv where it is: it is much quicker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Installer {
    Uv,
    Pip,
}

impl Installer {
    fn choose(env: &Env) -> Self {
        let path = env.get("PATH").map(Into::into).or_else(|| std::env::var_os("PATH")).unwrap_or_default();
        let has_uv = std::env::split_paths(&path).any(|folder| folder.join("uv").is_file());
        if has_uv { Self::Uv } else { Self::Pip }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Uv => "uv",
            Self::Pip => "pip",
        }
    }

    /// Makes an environment in `venv` and installs into it what `root` requires.
    async fn fill(self, venv: &Path, root: &Path, python: &PythonInfo, env: &Env) -> Result<()> {
        if self == Self::Pip && !python.makes_environments {
            return Err(without_venv(python).into());
        }
        self.environment(venv, python).run(root, env, TIME_LIMIT).await?;
        self.packages(venv).run(root, env, TIME_LIMIT).await
    }

    fn environment(self, venv: &Path, python: &PythonInfo) -> Job {
        let (mut command, name) = match self {
            Self::Uv => (Command::new("uv"), "uv venv"),
            Self::Pip => (Command::new(&python.executable), "python3 -m venv"),
        };
        match self {
            Self::Uv => command.args(["venv", "--no-project", "--allow-existing", "--python"]).arg(&python.executable),
            // `-I`: a file of the project must not be taken for a module of Python.
            Self::Pip => command.args(["-I", "-m", "venv"]),
        };
        command.arg(venv);
        self.job(command, name)
    }

    fn packages(self, venv: &Path) -> Job {
        let (mut command, name) = match self {
            Self::Uv => (Command::new("uv"), "uv pip install -r requirements.txt"),
            Self::Pip => (Command::new(python_of(venv)), "pip install -r requirements.txt"),
        };
        match self {
            // Compiled now: a worker writes nothing.
            Self::Uv => command.args(["pip", "install", "--compile-bytecode", "--python"]).arg(python_of(venv)),
            Self::Pip => {
                command.args(["-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "-q"])
            }
        };
        command.args(["-r", FILE]);
        self.job(command, name)
    }

    fn job(self, command: Command, name: &'static str) -> Job {
        let message = format!("{} is needed to install the dependencies, and it is gone", self.name());
        Job { command, name, file: FILE, hint: HINT, missing: Problem::new(FILE, message, "deploy again") }
    }
}

fn without_venv(python: &PythonInfo) -> Problem {
    let message = format!(
        "Python {} cannot make the virtual environment for the dependencies: its module `venv` or `ensurepip` is missing",
        python.version
    );
    Problem::new(FILE, message, "install it (Debian and Ubuntu: `apt install python3-venv`), or install uv")
}

#[cfg(test)]
#[path = "requirements_tests.rs"]
mod tests;
