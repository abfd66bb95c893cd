//! npm and yarn: which of them a project wants, and how it is called.

use less_project::Problem;
use tokio::process::Command;

use super::installer::Job;

const NPM: &[&str] = &["--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"];
const YARN: &[&str] = &["--frozen-lockfile", "--production", "--non-interactive", "--no-progress"];

/// How the packages of a project are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Installer {
    NpmCi,
    NpmInstall,
    Yarn,
}

impl Installer {
    /// By the lock file; npm's first, because npm comes with Node.js.
    pub(super) fn by_lock_file(name: Option<&str>) -> Self {
        match name {
            None => Self::NpmInstall,
            Some("yarn.lock") => Self::Yarn,
            Some(_) => Self::NpmCi,
        }
    }

    /// As one would type it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NpmCi => "npm ci",
            Self::NpmInstall => "npm install",
            Self::Yarn => "yarn install",
        }
    }

    pub(super) fn program(self) -> &'static str {
        match self {
            Self::NpmCi | Self::NpmInstall => "npm",
            Self::Yarn => "yarn",
        }
    }

    pub(super) fn job(self) -> Job {
        let (verb, flags) = match self {
            Self::NpmCi => ("ci", NPM),
            Self::NpmInstall => ("install", NPM),
            Self::Yarn => ("install", YARN),
        };
        let hint = match self {
            Self::NpmCi => {
                "when package.json and the lock file differ, run `npm install` in the project, and try again"
            }
            Self::NpmInstall => "correct the dependencies until `npm install` works in the project",
            Self::Yarn => "correct the dependencies until `yarn install` works in the project",
        };
        let mut command = Command::new(self.program());
        command.arg(verb).args(flags);
        Job { command, name: self.name(), file: "package.json", hint, missing: self.missing() }
    }

    fn missing(self) -> Problem {
        match self {
            Self::Yarn => Problem::new(
                "yarn.lock",
                "yarn is needed to install the dependencies, and there is no `yarn` in PATH",
                "install it (`npm install --global yarn`), or replace yarn.lock by a package-lock.json",
            ),
            Self::NpmCi | Self::NpmInstall => Problem::new(
                "package.json",
                "npm is needed to install the dependencies, and there is no `npm` in PATH",
                "install npm; it comes with Node.js (nodejs.org)",
            ),
        }
    }
}
