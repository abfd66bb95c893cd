//! The project of a folder, ready to be built: checked, its variables read, packed.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use less_project::{
    Env, Problem, Project, ProjectName, Statics, discover, discover_sites, env, external_publishers, schedules,
    tsconfig, typescript_declarations,
};
use less_server::build::types;
use less_server::{build, is_base_variable};

use crate::client::read_if_there;

/// Who says on stderr what people should know beside the result.
pub(crate) trait Talk {
    fn remark(&mut self, text: &str);
    fn warn(&mut self, problem: &Problem);
}

/// A project that was refused; `main` prints every problem.
#[derive(Debug)]
pub(crate) struct Rejected {
    pub(crate) problems: Vec<Problem>,
    /// What that means: `3 problems; nothing was deployed`.
    pub(crate) outcome: String,
}

impl Rejected {
    /// `consequence`: `nothing was deployed`.
    pub(crate) fn new(problems: Vec<Problem>, consequence: &str) -> Self {
        let outcome = match problems.len() {
            1 => format!("1 problem; {consequence}"),
            n => format!("{n} problems; {consequence}"),
        };
        Self { problems, outcome }
    }
}

/// Reads the project in `root` and the values of its variables; prints warnings.
///
/// `consequence` is what a problem leads to: `nothing was deployed`.
pub(crate) fn check(root: &Path, name: &str, consequence: &str, out: &mut impl Talk) -> anyhow::Result<(Project, Env)> {
    let project = discover(root, name).map_err(|mut problems| {
        point_elsewhere(root, &mut problems);
        Rejected::new(problems, consequence)
    })?;
    for warning in &project.warnings {
        out.warn(warning);
    }
    let caller =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let caller: BTreeMap<String, String> = caller.collect();
    let dotenv = read_if_there(&root.join(".env"))?;
    let mut env = env::resolve(&project.config.env_vars, &caller, dotenv.as_deref())
        .map_err(|problems| Rejected::new(problems, consequence))?;
    describe_to_editors(root, &project, out);
    check_variables(&project, &env).map_err(|problems| Rejected::new(problems, consequence))?;
    for (name, value) in caller.into_iter().filter(|(name, _)| is_base_variable(name)) {
        env.entry(name).or_insert(value);
    }
    Ok((project, env))
}

/// Reads the sites of the project in `root`, and nothing else of it; prints warnings.
pub(crate) fn check_sites(
    root: &Path,
    name: &str,
    consequence: &str,
    out: &mut impl Talk,
) -> anyhow::Result<ProjectName> {
    let Statics { project, warnings, .. } = discover_sites(root, name).map_err(|mut problems| {
        point_elsewhere(root, &mut problems);
        Rejected::new(problems, consequence)
    })?;
    warnings.iter().for_each(|warning| out.warn(warning));
    Ok(project)
}

/// What TypeScript needs to know of the project; without it everything runs all the same.
fn describe_to_editors(root: &Path, project: &Project, out: &mut impl Talk) {
    if !project.has_typescript() {
        return;
    }
    match types::write(root, &typescript_declarations(project), &tsconfig(project)) {
        Ok(written) if written.is_empty() => {}
        Ok(written) => out.remark(&format!("wrote {} for your editor and tsc", written.join(" and "))),
        Err(error) => out.remark(&format!("what editors need to know of the project was not written: {error}")),
    }
}

/// What variables say: when crons are due, which projects are heard.
fn check_variables(project: &Project, env: &Env) -> Result<(), Vec<Problem>> {
    let mut problems = schedules(project, env).err().unwrap_or_default();
    problems.extend(external_publishers(project, env).err().unwrap_or_default());
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Who stands beside a project wants to go there, not to create another.
fn point_elsewhere(root: &Path, problems: &mut [Problem]) {
    let missing = problems.iter_mut().find(|problem| matches!(&*problem.path, "less" | "less/statics"));
    let Some(missing) = missing else { return };
    if let Some(project) = nearby(root) {
        missing.hint = format!("go to the project's folder: cd {}", project.display());
    } else if let Some(one) = inside(root).into_iter().min() {
        missing.hint = format!("go to the folder of one of the projects here, such as {}", one.display());
    }
}

/// Where this folder is no project: the nearest one above it, else the only one in it.
pub(crate) fn nearby(here: &Path) -> Option<PathBuf> {
    if is_project(here) {
        return None;
    }
    let above = here.ancestors().find(|folder| is_project(folder)).map(Path::to_owned);
    above.or_else(|| match &inside(here)[..] {
        [one] => Some(one.clone()),
        _ => None,
    })
}

fn is_project(folder: &Path) -> bool {
    folder.join("less").is_dir()
}

/// The projects that stand in a folder.
fn inside(folder: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    folders.filter(|folder| is_project(folder)).collect()
}

/// What of a project's folder is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// Without what its sites hold.
    Code,
    Sites,
}

/// What Less keeps is there from now on, and others cannot look into it.
pub(crate) fn make_home(home: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(home);
    made.with_context(|| format!("cannot make the folder {}", home.display()))
}

/// The project's folder as a tar, in a file without a name in `home`, the Less home, which is no part of a project.
pub(crate) fn pack(root: &Path, part: Part, home: &Path, consequence: &str) -> anyhow::Result<File> {
    make_home(home)?;
    let mut file = tempfile::tempfile_in(home).with_context(|| format!("cannot make a file in {}", home.display()))?;
    let packed = match part {
        Part::Whole => build::snapshot::pack(root, home, &mut file),
        Part::Code => build::snapshot::pack_code(root, home, &mut file),
        Part::Sites => build::snapshot::pack_sites(root, &mut file),
    };
    packed.map_err(|error| refused(error, consequence))?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Why a build failed: the project's problems, or something of this machine.
pub(crate) fn refused(error: build::Error, consequence: &str) -> anyhow::Error {
    match error {
        build::Error::Problems(problems) => Rejected::new(problems, consequence).into(),
        build::Error::Io { .. } => error.into(),
    }
}

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.outcome)
    }
}

impl std::error::Error for Rejected {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_that_was_meant_is_found_above_and_below() {
        let all = tempfile::tempdir().unwrap();
        let shop = all.path().join("shop");
        fs::create_dir_all(shop.join("less/apis/orders")).unwrap();
        fs::create_dir_all(all.path().join("empty")).unwrap();
        for elsewhere in [all.path(), &shop.join("less"), &shop.join("less/apis/orders")] {
            assert_eq!(nearby(elsewhere).as_ref(), Some(&shop), "{}", elsewhere.display());
        }
        for no_help in [&shop, &all.path().join("empty")] {
            assert_eq!(nearby(no_help), None, "{}", no_help.display());
        }
        fs::create_dir_all(all.path().join("till/less")).unwrap();
        assert_eq!(nearby(all.path()), None, "either may be meant");
        let mut problems = [Problem::new("less", "there is no folder less/", "")];
        point_elsewhere(all.path(), &mut problems);
        let such = shop.display();
        assert_eq!(problems[0].hint, format!("go to the folder of one of the projects here, such as {such}"));
    }
}
