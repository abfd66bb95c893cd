//! What `build` keeps for a later `run`, replaced as a whole.
//!
//! ```text
//! <home>/builds/<name>/project/    the snapshot, as it was packed
//! <home>/builds/<name>/env.json    the values of its variables, mode 0600
//! ```

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use less_project::{Env, ProjectName};
use less_server::write_private;

use crate::resolve::LessHome;

/// A build, whether it is there or not.
#[derive(Debug, Clone)]
pub(crate) struct Build(PathBuf);

impl Build {
    pub(crate) fn of(home: &LessHome, name: &ProjectName) -> Self {
        Self(home.builds().join(name.as_ref()))
    }

    /// The folder that contains `less/`.
    pub(crate) fn project(&self) -> PathBuf {
        self.0.join("project")
    }

    pub(crate) fn exists(&self) -> bool {
        self.project().is_dir()
    }

    pub(crate) fn env(&self) -> anyhow::Result<Env> {
        let path = self.0.join("env.json");
        let file = fs::File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_reader(io::BufReader::new(file)).with_context(|| format!("{} is damaged", path.display()))
    }

    /// Puts a new build in this one's place; when anything fails, the old one stays.
    ///
    /// `fill` gets the empty folder of the project.
    pub(crate) fn replace(&self, env: &Env, fill: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let all = self.0.parent().unwrap_or(Path::new("/"));
        DirBuilder::new().recursive(true).mode(0o700).create(all).with_context(|| cannot_make(all))?;
        // Names of projects have no dot, so it meets no build.
        let fresh = tempfile::Builder::new().prefix(".new-").tempdir_in(all).with_context(|| cannot_make(all))?;
        let project = fresh.path().join("project");
        fs::create_dir(&project).with_context(|| cannot_make(&project))?;
        fill(&project)?;
        write_private(&fresh.path().join("env.json"), &serde_json::to_vec(env)?)?;
        let old = tempfile::Builder::new().prefix(".old-").tempdir_in(all).with_context(|| cannot_make(all))?;
        swap(fresh.path(), &self.0, &old.path().join("build"))
            .with_context(|| format!("cannot write {}", self.0.display()))
    }
}

/// Moves `fresh` to `place`, and what is there to `old`; back again when the first move fails.
fn swap(fresh: &Path, place: &Path, old: &Path) -> io::Result<()> {
    match fs::rename(place, old) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return fs::rename(fresh, place),
        moved => moved?,
    }
    fs::rename(fresh, place).or_else(|error| fs::rename(old, place).and(Err(error)))
}

fn cannot_make(folder: &Path) -> String {
    format!("cannot make the folder {}", folder.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_replaced_as_a_whole_or_not_at_all() {
        let all = tempfile::tempdir().unwrap();
        let build = Build(all.path().join("shop"));
        assert!(!build.exists());
        let env = Env::from([("KEY".to_owned(), "secret".to_owned())]);
        let write = |file: &'static str| move |project: &Path| Ok(fs::write(project.join(file), "")?);
        build.replace(&env, write("first")).unwrap();
        assert_eq!(build.env().unwrap(), env);
        build.replace(&env, |_| anyhow::bail!("npm failed")).unwrap_err();
        assert!(build.project().join("first").exists());
        build.replace(&Env::new(), write("second")).unwrap();
        assert!(build.project().join("second").exists() && !build.project().join("first").exists());
        assert_eq!(fs::read_dir(all.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_old_build_comes_back_when_the_new_one_cannot_take_its_place() {
        let all = tempfile::tempdir().unwrap();
        let place = all.path().join("shop");
        fs::create_dir_all(place.join("project")).unwrap();
        swap(&all.path().join("missing"), &place, &all.path().join("old")).unwrap_err();
        assert!(place.join("project").is_dir());
    }
}
