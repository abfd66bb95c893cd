//! The reference's public projects, with their files unchanged (contract, its first promise).
//!
//! None of their code is here. `LESS_REFERENCE_PROJECTS` names a folder with one folder a project, as checked out from
//! its public repository (`less-basic-template`, `less-demo-chat-api`, `less-demo-chat-socket-service`, `less-templates`,
//! `less-mcp`, `less-cli`); without it, nothing is checked, and each test says so. npm's registry has to be reachable.

mod chat;
mod databases;
mod generated;
mod mcp;
mod packages;
mod registry;
mod sockets;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};

use less_tests::harness::{Home, Project, Ran};

const VARIABLE: &str = "LESS_REFERENCE_PROJECTS";

/// The folder of a public project; none where nobody has put it.
fn reference(name: &str) -> Option<PathBuf> {
    let given = std::env::var_os(VARIABLE).map(PathBuf::from);
    let Some(folder) = given else {
        eprintln!("not checked: {VARIABLE} names no folder that has {name}");
        return None;
    };
    let project = folder.join(name);
    assert!(project.is_dir(), "{} is missing: check it out there, or unset {VARIABLE}", project.display());
    Some(project)
}

/// A copy of a public project that is deployed with variables of the caller's environment.
struct Deployed<'h> {
    project: Project<'h>,
    source: PathBuf,
}

impl<'h> Deployed<'h> {
    fn deploy(home: &'h Home, source: &Path, name: &str, variables: &[(&str, &str)]) -> (Self, Ran) {
        let project = Project::copy_of(home, name, source);
        let mut command = home.command(&project.folder, &["deploy", name]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        (Self { project, source: source.to_owned() }, ran.succeeded())
    }

    /// Less may add files for editors; what the author wrote is as it was.
    fn assert_unchanged(&self) {
        for file in files(&self.source) {
            let ours = self.project.folder.join(&file);
            assert_eq!(fs::read(&ours).unwrap(), fs::read(self.source.join(&file)).unwrap(), "{}", ours.display());
        }
    }
}

/// All files below, relative.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inner)).unwrap().map(Result::unwrap) {
            let path = inner.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.extend((entry.file_name() != "node_modules").then_some(path));
            } else {
                found.push(path);
            }
        }
    }
    found
}
