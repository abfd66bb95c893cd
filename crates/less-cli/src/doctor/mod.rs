//! What this machine has for running projects, and what of it the project here needs.
//!
//! `programs` runs handlers and installs packages, `machine` is the home's disk and the kernel's limits, `ports` where
//! servers listen. Each finds facts and judges them in a function of its own; nothing is changed, and nothing started
//! but `node` and `python3`, to ask for their versions.

mod machine;
mod ports;
mod programs;

use std::collections::BTreeSet;
use std::path::Path;

use less_project::{Env, Language, Problem, Project, discover};
use less_server::build::{dependencies, requirements};
use less_server::is_base_variable;
use serde::Serialize;

use crate::args::Environment;
use crate::resolve::{LessHome, run_name};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Ok,
    /// It works, but not as well as it could.
    Warning,
    /// Something does not work without it.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) status: Status,
    pub(crate) found: String,
    pub(crate) needed_for: &'static str,
    /// Empty where there is nothing to do.
    pub(crate) hint: String,
}

impl Check {
    fn new(name: &'static str, needed_for: &'static str, judged: Judged) -> Self {
        let Judged { status, found, hint } = judged;
        Self { name, status, found, needed_for, hint }
    }
}

/// What was found, and what it means.
#[derive(Debug, PartialEq, Eq)]
struct Judged {
    status: Status,
    found: String,
    hint: String,
}

impl Judged {
    fn ok(found: impl Into<String>) -> Self {
        Self { status: Status::Ok, found: found.into(), hint: String::new() }
    }

    fn warning(found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: Status::Warning, found: found.into(), hint: hint.into() }
    }

    fn problem(found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: Status::Problem, found: found.into(), hint: hint.into() }
    }

    /// Missing, which counts as a problem only where it is needed.
    fn missing(needed: bool, found: impl Into<String>, hint: impl Into<String>) -> Self {
        let status = if needed { Status::Problem } else { Status::Warning };
        Self { status, found: found.into(), hint: hint.into() }
    }
}

/// What the project needs; nothing where there is none.
#[derive(Debug, Default)]
struct Needs {
    node: bool,
    /// `npm` or `yarn`.
    installer: Option<&'static str>,
    python: bool,
    requirements: bool,
}

/// Everything, in the order in which it is told. `now`: milliseconds since 1970.
pub(crate) async fn examine(here: &Path, home: &LessHome, environment: &Environment, now: i64) -> Vec<Check> {
    let env = caller();
    let (project, needs) = project_here(here, &env);
    let mut checks: Vec<Check> = project.into_iter().collect();
    checks.extend(programs::checks(&needs, &env).await);
    checks.extend(machine::checks(home, now));
    checks.extend(ports::checks(home, environment));
    checks
}

/// What handlers would get of this environment.
fn caller() -> Env {
    let texts =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    texts.filter(|(name, _)| is_base_variable(name)).collect()
}

fn project_here(here: &Path, env: &Env) -> (Option<Check>, Needs) {
    if !here.join("less").is_dir() {
        return (None, Needs::default());
    }
    let name = run_name(None, here).map_or_else(|_| "project".to_owned(), |name| name.to_string());
    let (judged, needs) = match discover(here, &name) {
        Ok(project) => needs(here, &project, env).map_or_else(
            |problems| (wrong(&problems), Needs::default()),
            |needs| (Judged::ok(summary(&project)), needs),
        ),
        Err(problems) => (wrong(&problems), Needs::default()),
    };
    (Some(Check::new("project", "knowing what is needed", judged)), needs)
}

fn needs(here: &Path, project: &Project, env: &Env) -> Result<Needs, Vec<Problem>> {
    let languages: BTreeSet<Language> = project.handlers().map(|handler| handler.language).collect();
    let has = |language| languages.contains(&language);
    let node = has(Language::JavaScript) || has(Language::TypeScript);
    let python = has(Language::Python);
    let problems = |error| match error {
        less_server::build::Error::Problems(problems) => problems,
        other @ less_server::build::Error::Io { .. } => vec![Problem::new("less", other.to_string(), "")],
    };
    Ok(Needs {
        node,
        installer: if node { dependencies::installer(here).map_err(problems)? } else { None },
        python,
        requirements: python && requirements::has_any(here, env).map_err(problems)?,
    })
}

fn wrong(problems: &[Problem]) -> Judged {
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        n => format!("{n} problems"),
    };
    Judged::warning(
        format!("has {count}, so what it needs is not known"),
        "`less-cli build <name>` tells what is wrong",
    )
}

fn summary(project: &Project) -> String {
    let mut counts = [
        (Language::JavaScript, "JavaScript"),
        (Language::TypeScript, "TypeScript"),
        (Language::Python, "Python"),
        (Language::Go, "Go"),
        (Language::Rust, "Rust"),
    ]
    .map(|(language, name)| (project.handlers().filter(|handler| handler.language == language).count(), name))
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .peekable();
    if counts.peek().is_none() {
        return "no handlers yet".to_owned();
    }
    let counts: Vec<String> = counts.map(|(count, name)| format!("{count} in {name}")).collect();
    format!("handlers: {}", counts.join(", "))
}
