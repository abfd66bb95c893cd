//! Where a server keeps its things: one folder, and what stands in it.
//!
//! ```text
//! <home>/lock, topics.db*, reserve   the store's own (its lock keeps a second process out)
//! <home>/token                     the control API's bearer token, mode 0600
//! <home>/server.json               where the running server is found (pid, ports); removed at a clean stop
//! <home>/ports.json                the ports this home keeps
//! <home>/keys/<project>            the key that signs the URLs of its files, mode 0600
//! <home>/files/<project>/          their bytes, the store's own
//! <home>/site-ports.json           the ports that sites keep (`sites/ports.rs`)
//! <home>/server.log                the server's own log
//! <home>/versions/<project>/<id>/  project/ (the snapshot), env.json (its variables, mode 0600), sites.json and sites/ (`sites/version.rs`)
//! <home>/logs/<project>/           handlers' lines
//! <home>/cache/node/, <home>/sdk/  installed dependencies and the SDK, by content
//! ```
//! The folder, and all in it, is its owner's alone (`umask`).

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use less_project::ProjectName;
use less_store::Deployment;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::control::api::ServerFile;

#[derive(Debug, Clone)]
pub struct Home(PathBuf);

/// The ports a home keeps from its first start on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    pub gateway: u16,
    pub control: u16,
}

impl Home {
    /// Makes the folder, readable by its owner alone.
    pub fn create(root: &Path) -> anyhow::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .with_context(|| format!("cannot make the folder {}", root.display()))?;
        let root = root.canonicalize()?;
        // It may have been there before. A disk that knows no owners keeps nobody out, and works.
        if let Err(error) = fs::set_permissions(&root, Permissions::from_mode(0o700)) {
            tracing::warn!(folder = %root.display(), %error, "other users of this machine may read the folder");
        }
        Ok(Self(root))
    }

    pub fn root(&self) -> &Path {
        &self.0
    }

    pub fn version(&self, project: &ProjectName, version: &str) -> Version {
        Version(self.versions(project).join(version))
    }

    pub(crate) fn all_versions(&self) -> PathBuf {
        self.0.join("versions")
    }

    /// The folder of a recorded version: names that the store holds were checked when they were deployed.
    pub fn version_of(&self, record: &Deployment) -> Version {
        Version(self.0.join("versions").join(&record.project).join(&record.version))
    }

    pub fn versions(&self, project: &ProjectName) -> PathBuf {
        self.0.join("versions").join(project.as_ref())
    }

    pub(crate) fn site_ports(&self) -> PathBuf {
        self.0.join("site-ports.json")
    }

    pub fn logs(&self, project: &ProjectName) -> PathBuf {
        self.0.join("logs").join(project.as_ref())
    }

    pub fn dependency_cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// The control API's token: made once, then kept.
    pub fn token(&self) -> anyhow::Result<String> {
        secret(&self.0.join("token"))
    }

    /// The key that signs the URLs of a project's files: made once, then kept until the project is purged.
    pub fn file_key(&self, project: &ProjectName) -> anyhow::Result<String> {
        let (path, folder) = (self.file_key_path(project), self.0.join("keys"));
        let is_new = !path.exists();
        fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let key = secret(&path)?;
        if is_new {
            // URLs are given away from now on: the key must outlive a power cut.
            for folder in [&folder, &self.0] {
                fs::File::open(folder).and_then(|folder| folder.sync_all())?;
            }
        }
        Ok(key)
    }

    pub fn file_key_path(&self, project: &ProjectName) -> PathBuf {
        self.0.join("keys").join(project.as_ref())
    }

    pub fn kept_ports(&self) -> Option<Ports> {
        serde_json::from_slice(&fs::read(self.0.join("ports.json")).ok()?).ok()
    }

    pub fn keep_ports(&self, ports: Ports) -> anyhow::Result<()> {
        write_private(&self.0.join("ports.json"), &serde_json::to_vec(&ports)?)
    }

    /// Tells clients where the server listens.
    pub fn announce(&self, file: &ServerFile) -> anyhow::Result<()> {
        write_private(&self.0.join("server.json"), &serde_json::to_vec(file)?)
    }

    pub fn withdraw_announcement(&self) {
        // A file that stays behind names a dead process, which clients notice.
        fs::remove_file(self.0.join("server.json")).ok();
    }
}

/// What a file of the home keeps secret: 244 random bits, made when there are none yet.
fn secret(path: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Ok(secret) if !secret.trim().is_empty() => Ok(secret.trim().to_owned()),
        Ok(_) => new_secret(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => new_secret(path),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn new_secret(path: &Path) -> anyhow::Result<String> {
    let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    write_private(path, secret.as_bytes())?;
    Ok(secret)
}

/// The ports that the home in `root` keeps, before anybody serves it.
pub fn kept_ports(root: &Path) -> Option<Ports> {
    Home(root.to_owned()).kept_ports()
}

/// The folder of one version of a project.
#[derive(Debug, Clone)]
pub struct Version(PathBuf);

impl Version {
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The snapshot: the folder that contains `less/`.
    pub fn project(&self) -> PathBuf {
        self.0.join("project")
    }

    /// Says which sites go with this version.
    pub(crate) fn sites_record(&self) -> PathBuf {
        self.0.join("sites.json")
    }

    /// What is kept of them, a folder for each deploy of sites.
    pub(crate) fn sites(&self) -> PathBuf {
        self.0.join("sites")
    }

    pub fn write_env(&self, env: &less_project::Env) -> anyhow::Result<()> {
        write_private(&self.0.join("env.json"), &serde_json::to_vec(env)?)
    }

    pub fn read_env(&self) -> anyhow::Result<less_project::Env> {
        let path = self.0.join("env.json");
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}

/// Replaces a file in one step; only its owner can read it.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
