//! Programs: what runs handlers, and what installs their packages.

use std::path::PathBuf;

use less_project::{Env, Problem};
use less_server::build::node::{self, NodeInfo};
use less_server::build::python::{self, PythonInfo};
use less_server::build::requirements;

use super::{Check, Judged, Needs};

/// Compilers that handlers may need one day.
const LATER: [(&str, &str); 2] =
    [("go", "handlers in Go, which cannot run yet"), ("cargo", "handlers in Rust, which cannot run yet")];

pub(super) async fn checks(needs: &Needs, env: &Env) -> Vec<Check> {
    let (node, python) = tokio::join!(node::check(env), python::check(env));
    let mut checks = vec![Check::new("node", "handlers in JavaScript and TypeScript", judge_node(&node, needs.node))];
    let installer = needs.installer.unwrap_or("npm");
    let found = found(installer, env);
    checks.push(Check::new(installer, "packages that package.json lists", judge_installer(installer, found, needs)));
    checks.push(Check::new("python3", "handlers in Python", judge_python(&python, needs.python)));
    let pip = python.ok().map(|python| requirements::installer(&python, env));
    checks.push(Check::new("pip", "packages that requirements.txt lists", judge_pip(pip, needs.requirements)));
    checks.extend(
        LATER.map(|(program, needed_for)| Check::new(program, needed_for, optional(self::found(program, env)))),
    );
    checks
}

fn judge_node(node: &Result<NodeInfo, Problem>, needed: bool) -> Judged {
    match node {
        Ok(NodeInfo { major, minor, patch }) => Judged::ok(format!("{major}.{minor}.{patch}")),
        Err(problem) => Judged::missing(needed, &problem.message, &problem.hint),
    }
}

fn judge_python(python: &Result<PythonInfo, Problem>, needed: bool) -> Judged {
    match python {
        Ok(python) => Judged::ok(format!("{} ({})", python.version, python.executable.display())),
        Err(problem) => Judged::missing(needed, &problem.message, &problem.hint),
    }
}

fn judge_installer(program: &str, found: Option<PathBuf>, needs: &Needs) -> Judged {
    match found {
        Some(path) => Judged::ok(path.display().to_string()),
        None if program == "yarn" => {
            let hint = "install it (`npm install --global yarn`), or replace yarn.lock by a package-lock.json";
            Judged::problem("not in PATH", hint)
        }
        None => {
            Judged::missing(needs.installer.is_some(), "not in PATH", "install npm; it comes with Node.js (nodejs.org)")
        }
    }
}

/// None: there is no Python. Inside, none: nothing would install.
fn judge_pip(installer: Option<Option<&str>>, needed: bool) -> Judged {
    let hint = "install the packages that have `venv` and `ensurepip` (python3-venv on Debian), or uv";
    match installer {
        Some(Some(installer)) => Judged::ok(format!("{installer} will be used")),
        Some(None) => Judged::missing(needed, "this Python makes no virtual environments", hint),
        None => Judged::missing(needed, "there is no Python that could be used", "install Python first"),
    }
}

/// Nothing needs it: it is told, whether it is there or not.
fn optional(found: Option<PathBuf>) -> Judged {
    Judged::ok(found.map_or_else(|| "not there, and not needed".to_owned(), |path| path.display().to_string()))
}

fn found(program: &str, env: &Env) -> Option<PathBuf> {
    let path = env.get("PATH").map(Into::into).or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path).map(|folder| folder.join(program)).collect();
    places.into_iter().find(|place| rustix::fs::access(place, rustix::fs::Access::EXEC_OK).is_ok() && place.is_file())
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn what_is_missing_is_a_problem_only_for_a_project_that_needs_it() {
        let missing = || Err(Problem::new("node", "there is no `node` in PATH", "install it"));
        assert_eq!(judge_node(&missing(), true), Judged::problem("there is no `node` in PATH", "install it"));
        assert_eq!(judge_node(&missing(), false).status, Status::Warning);
        let needs = |installer| Needs { installer, ..Needs::default() };
        for (program, installer, status) in [
            ("npm", None, Status::Warning),
            ("npm", Some("npm"), Status::Problem),
            ("yarn", Some("yarn"), Status::Problem),
        ] {
            assert_eq!(judge_installer(program, None, &needs(installer)).status, status);
        }
        assert_eq!(judge_pip(Some(None), true).status, Status::Problem);
        assert_eq!(judge_pip(Some(None), false).status, Status::Warning);
        assert_eq!(judge_pip(Some(Some("uv")), true), Judged::ok("uv will be used"));
        assert_eq!(optional(None).status, Status::Ok);
    }

    #[test]
    fn a_program_is_looked_for_in_the_path_of_handlers() {
        let env = |path: &str| Env::from([("PATH".to_owned(), path.to_owned())]);
        assert_eq!(found("sh", &env("/nowhere:/bin")), Some("/bin/sh".into()));
        assert_eq!(found("sh", &env("/nowhere")), None);
    }
}
