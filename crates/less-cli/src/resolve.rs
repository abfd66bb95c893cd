//! Flags, environment, defaults: the one place where they become settings, in that order.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use less_project::ProjectName;

use crate::args::{Environment, PortArgs};

/// The first API of `run` listens here, the others on the ports after it.
pub(crate) const RUN_PORT: u16 = 3333;
/// And the first socket here.
pub(crate) const SOCKET_PORT: u16 = 8000;

/// Where Less keeps everything: `LESS_HOME`, else `~/.less`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LessHome(PathBuf);

impl LessHome {
    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// The state of the server.
    pub(crate) fn server(&self) -> PathBuf {
        self.0.join("server")
    }

    /// The state of one `run`.
    pub(crate) fn run(&self, name: &ProjectName) -> PathBuf {
        self.0.join("run").join(name.as_ref())
    }

    /// Where the server of a `run` looks for installed packages; `build` puts them there.
    pub(crate) fn run_dependencies(&self, name: &ProjectName) -> PathBuf {
        self.run(name).join("cache")
    }

    /// What `build` made, each under its project's name.
    pub(crate) fn builds(&self) -> PathBuf {
        self.0.join("builds")
    }
}

pub(crate) fn less_home(environment: &Environment, here: &Path) -> anyhow::Result<LessHome> {
    match (&environment.less_home, &environment.home) {
        (Some(given), _) => Ok(LessHome(here.join(given))),
        (None, Some(home)) => Ok(LessHome(here.join(home).join(".less"))),
        (None, None) => {
            bail!("neither LESS_HOME nor HOME is set; set LESS_HOME to the folder where Less keeps its data")
        }
    }
}

/// The flag, else `LESS_PORT`, else none: the server then takes the one it had before.
pub(crate) fn ports(given: PortArgs, environment: &Environment) -> anyhow::Result<PortArgs> {
    if given.port.is_some() {
        return Ok(given);
    }
    let Some(text) = &environment.less_port else { return Ok(given) };
    let port = text.to_str().and_then(|text| text.parse().ok()).with_context(|| {
        format!("LESS_PORT is {:?}, which is no port; set it to a number from 0 to 65535", text.display().to_string())
    })?;
    Ok(PortArgs { port: Some(port), ..given })
}

/// The name to run under: as typed, else that of the folder.
pub(crate) fn run_name(given: Option<&str>, here: &Path) -> anyhow::Result<ProjectName> {
    if let Some(given) = given {
        return Ok(ProjectName::parse(given)?);
    }
    let folder = here.file_name().unwrap_or_default().to_string_lossy();
    ProjectName::parse(&folder).ok().with_context(|| {
        format!("the folder's name {folder:?} is no name for a project\n  hint: give one: less-cli run <name>")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_home_comes_before_home_and_is_made_absolute() {
        let both =
            Environment { less_home: Some("state".into()), home: Some("/home/u".into()), ..Environment::default() };
        assert_eq!(less_home(&both, Path::new("/srv")).unwrap().server(), Path::new("/srv/state/server"));
        let one = Environment { less_home: None, ..both };
        assert_eq!(less_home(&one, Path::new("/srv")).unwrap().server(), Path::new("/home/u/.less/server"));
        assert!(less_home(&Environment::default(), Path::new("/srv")).is_err());
    }

    #[test]
    fn the_flag_comes_before_less_port() {
        let environment = Environment { less_port: Some("5000".into()), ..Environment::default() };
        let flag = PortArgs { port: Some(1), ..PortArgs::default() };
        assert_eq!(ports(flag, &environment).unwrap().port, Some(1));
        assert_eq!(ports(PortArgs::default(), &environment).unwrap().port, Some(5000));
        assert_eq!(ports(PortArgs::default(), &Environment::default()).unwrap().port, None);
    }

    #[test]
    fn a_less_port_that_is_no_port_is_refused_by_name() {
        let environment = Environment { less_port: Some("http".into()), ..Environment::default() };
        let error = ports(PortArgs::default(), &environment).unwrap_err().to_string();
        assert!(error.contains("LESS_PORT") && error.contains("\"http\""), "{error}");
    }

    #[test]
    fn run_takes_the_folders_name_when_it_can() {
        assert_eq!(run_name(None, Path::new("/srv/shop")).unwrap().as_ref(), "shop");
        assert_eq!(run_name(Some("till"), Path::new("/srv/shop")).unwrap().as_ref(), "till");
        let error = run_name(None, Path::new("/srv/My Shop")).unwrap_err().to_string();
        assert!(error.contains("My Shop") && error.contains("less-cli run <name>"), "{error}");
    }
}
