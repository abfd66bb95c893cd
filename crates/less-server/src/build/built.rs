//! What a build found out and a worker's start needs, kept with the version for when the server starts again.
//!
//! `<root>/.less-build.json`, which no snapshot contains: `{ "typescript": true, "python": "/…/bin/python" }`. Fields
//! that are missing are `false` and `null`, unknown ones are a newer server's and mean nothing; without the file there
//! is neither TypeScript nor Python. It is written before the version counts, so it is never half there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::sdk::Sdks;
use super::{Doing, Error, Result};

const FILE: &str = ".less-build.json";

/// A version that workers can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The folder that contains `less/`.
    pub root: PathBuf,
    pub(super) sdks: Sdks,
    pub(super) facts: Facts,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    pub(super) typescript: bool,
    /// Of the virtual environment, or the system's.
    pub(super) python: Option<PathBuf>,
}

impl Facts {
    pub(super) fn write(&self, root: &Path) -> Result<()> {
        let path = root.join(FILE);
        let text = serde_json::to_vec(self).map_err(io::Error::other);
        text.and_then(|text| fs::write(&path, text)).doing("write", &path)
    }

    pub(super) fn read(root: &Path) -> Result<Self> {
        let path = root.join(FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text.doing("read", &path)?,
        };
        let facts: Self = serde_json::from_slice(&text).map_err(io::Error::other).doing("read", &path)?;
        match &facts.python {
            Some(python) if !python.is_file() => Err(python_is_gone(python)),
            _ => Ok(facts),
        }
    }
}

fn python_is_gone(python: &Path) -> Error {
    let message = format!("the Python that this version was built with is gone: {}", python.display());
    less_project::Problem::new("python3", message, "deploy again, or install the same Python again").into()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn facts_are_found_again() {
        let root = TempDir::new().unwrap();
        assert_eq!(Facts::read(root.path()).unwrap(), Facts::default());
        let python = root.path().join("python");
        fs::write(&python, "").unwrap();
        let facts = Facts { typescript: true, python: Some(python.clone()) };
        facts.write(root.path()).unwrap();
        assert_eq!(Facts::read(root.path()).unwrap(), facts);
        fs::remove_file(python).unwrap();
        let Err(Error::Problems(problems)) = Facts::read(root.path()) else { panic!() };
        assert!(problems[0].hint.contains("deploy again"), "{}", problems[0]);
    }

    #[test]
    fn facts_of_other_servers_can_be_read() {
        let root = TempDir::new().unwrap();
        fs::write(root.path().join(FILE), r#"{ "typescript": true, "later": [] }"#).unwrap();
        assert_eq!(Facts::read(root.path()).unwrap(), Facts { typescript: true, python: None });
    }
}
