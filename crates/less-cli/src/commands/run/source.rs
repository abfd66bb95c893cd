//! Where a project that runs comes from: its folder, or its last build.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::bail;
use less_project::ProjectName;
use less_server::control::api::DeployMeta;
use sha2::{Digest, Sha256};

use crate::builds::Build;
use crate::project::{self, Part, Talk};
use crate::resolve::LessHome;

pub(super) enum Source {
    Folder(PathBuf),
    Built(Build),
}

/// A version, ready to be deployed.
pub(super) struct Loaded {
    pub(super) snapshot: File,
    pub(super) meta: DeployMeta,
    /// The same for the same files and variables.
    pub(super) print: [u8; 32],
}

impl Source {
    pub(super) fn find(name: &ProjectName, here: &Path, home: &LessHome) -> anyhow::Result<Self> {
        if here.join("less").is_dir() {
            return Ok(Self::Folder(here.to_owned()));
        }
        let build = Build::of(home, name);
        if build.exists() {
            return Ok(Self::Built(build));
        }
        let place = project::nearby(here).map_or_else(String::new, |project| format!(", {}", project.display()));
        bail!(
            "there is no folder less/ here, and no build of \"{name}\"\n  hint: go to the project's folder{place}, or build it there: less-cli build {name}"
        )
    }

    pub(super) fn root(&self) -> PathBuf {
        match self {
            Self::Folder(root) => root.clone(),
            Self::Built(build) => build.project(),
        }
    }

    pub(super) fn load(
        &self,
        name: &ProjectName,
        home: &Path,
        consequence: &str,
        out: &mut impl Talk,
    ) -> anyhow::Result<Loaded> {
        let env = match self {
            Self::Folder(root) => project::check(root, name.as_ref(), consequence, out)?.1,
            Self::Built(build) => build.env()?,
        };
        let mut snapshot = project::pack(&self.root(), Part::Code, home, consequence)?;
        let mut print = Sha256::new();
        print.update(serde_json::to_vec(&env)?);
        let mut piece = vec![0; 64 << 10];
        loop {
            match snapshot.read(&mut piece)? {
                0 => break,
                length => print.update(&piece[..length]),
            }
        }
        snapshot.seek(SeekFrom::Start(0))?;
        Ok(Loaded { snapshot, meta: DeployMeta { env, only_sites: false }, print: print.finalize().into() })
    }
}
