//! What this machine keeps of a project beside the server: its build, and the data of its runs.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::Context;
use less_project::ProjectName;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::Serialize;

use crate::resolve::LessHome;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Removed {
    pub(crate) build: bool,
    /// The data of its runs.
    pub(crate) run: bool,
    /// It was not removed because a run goes on.
    #[serde(skip)]
    pub(crate) run_is_in_use: bool,
}

impl Removed {
    pub(crate) fn any(self) -> bool {
        self.build || self.run
    }
}

/// Removes all of it, except the data of a run that goes on.
pub(crate) fn remove(home: &LessHome, name: &ProjectName) -> anyhow::Result<Removed> {
    let build = remove_folder(&home.builds().join(name.as_ref()))?;
    let run = home.run(name);
    let lock = match File::open(run.join("lock")) {
        // Without a lock nothing has run; `build` keeps dependencies there all the same.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        opened => Some(opened.with_context(|| format!("cannot read {}", run.display()))?),
    };
    // Held until the folder is gone, so that nobody begins to use it meanwhile.
    let held = lock.as_ref().map(|lock| flock(lock, FlockOperation::NonBlockingLockExclusive));
    if held == Some(Err(Errno::WOULDBLOCK)) {
        return Ok(Removed { build, run: false, run_is_in_use: true });
    }
    Ok(Removed { build, run: remove_folder(&run)?, run_is_in_use: false })
}

/// False when there was none.
fn remove_folder(folder: &Path) -> anyhow::Result<bool> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true).with_context(|| format!("cannot remove {}", folder.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Environment;
    use crate::resolve::less_home;

    fn home(root: &Path) -> LessHome {
        let environment = Environment { less_home: Some(root.into()), ..Environment::default() };
        less_home(&environment, Path::new("/")).unwrap()
    }

    #[test]
    fn only_what_is_there_and_not_in_use_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let (home, name) = (home(root.path()), ProjectName::parse("shop").unwrap());
        assert_eq!(remove(&home, &name).unwrap(), Removed::default());

        let run = home.run(&name);
        fs::create_dir_all(&run).unwrap();
        fs::create_dir_all(home.builds().join("shop/project")).unwrap();
        fs::create_dir_all(home.builds().join("shop-2")).unwrap();
        let lock = File::create(run.join("lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        assert_eq!(remove(&home, &name).unwrap(), Removed { build: true, run: false, run_is_in_use: true });
        assert!(run.exists());

        drop(lock);
        assert_eq!(remove(&home, &name).unwrap(), Removed { build: false, run: true, run_is_in_use: false });
        assert!(!run.exists() && home.builds().join("shop-2").exists());
    }
}
