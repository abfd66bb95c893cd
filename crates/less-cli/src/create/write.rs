//! Puts a plan into a project's folder: whole, or not at all, and over nothing that is there.
//!
//! What would be a problem of the project afterwards and was none before is found by discovery itself: then all of it
//! is taken back. A crash may leave some of the files; they are whole by themselves.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use less_project::{Problem, discover, list_variable};
use serde::Serialize;

use super::{Plan, Variable};
use crate::client::read_if_there;
use crate::printer::Printer;
use crate::project::Rejected;

const CONSEQUENCE: &str = "nothing was created";
const CONFIG: &str = "less.config";
const DOTENV: &str = ".env";
/// Discovery wants a name for what it finds.
const ANY_NAME: &str = "project";

/// Paths below the project's folder, as they were written.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Written {
    /// Files, and with a `/` at the end folders that are empty.
    pub(crate) created: Vec<String>,
    /// Files that were there, and say more now.
    pub(crate) changed: Vec<String>,
}

/// Writes `plan` into `root`; prints new warnings.
pub(crate) fn write(root: &Path, plan: &Plan, out: &mut Printer) -> anyhow::Result<Written> {
    let reject = |problems| Err(Rejected::new(problems, CONSEQUENCE).into());
    let taken = taken(root, plan);
    if !taken.is_empty() {
        return reject(taken);
    }
    let (problems_before, warnings_before) = findings(root);
    let mut work = Work { root, undo: Vec::new(), written: Written::default() };
    let done = work.write(plan);
    let (problems, warnings) = findings(root);
    let new: Vec<Problem> = problems.difference(&problems_before).cloned().collect();
    if done.is_err() || !new.is_empty() {
        work.take_back();
        return done.and_then(|()| reject(new));
    }
    warnings.difference(&warnings_before).for_each(|warning| out.warn(warning));
    Ok(work.written)
}

/// Everything that stands where something is to be created.
fn taken(root: &Path, plan: &Plan) -> Vec<Problem> {
    let paths = plan.files.iter().map(|(path, _)| path).chain(&plan.folders);
    let there = paths.filter(|path| root.join(path).symlink_metadata().is_ok());
    there.map(|path| Problem::new(path, "is there already", "choose another name, or remove it first")).collect()
}

fn findings(root: &Path) -> (BTreeSet<Problem>, BTreeSet<Problem>) {
    match discover(root, ANY_NAME) {
        Ok(project) => (BTreeSet::new(), project.warnings.into_iter().collect()),
        Err(problems) => (problems.into_iter().collect(), BTreeSet::new()),
    }
}

enum Undo {
    Remove(PathBuf),
    RemoveFolder(PathBuf),
    Restore(PathBuf, String),
}

/// What was done so far.
struct Work<'a> {
    root: &'a Path,
    undo: Vec<Undo>,
    written: Written,
}

impl Work<'_> {
    fn write(&mut self, plan: &Plan) -> anyhow::Result<()> {
        for folder in &plan.folders {
            self.folder(&self.root.join(folder))?;
            self.written.created.push(format!("{folder}/"));
        }
        for (path, text) in &plan.files {
            self.file(path, text, 0o666)?;
        }
        plan.variables.iter().try_for_each(|variable| self.variable(variable))
    }

    /// A folder and those above it, as far as there are none.
    fn folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        let missing: Vec<&Path> = folder.ancestors().take_while(|above| above.symlink_metadata().is_err()).collect();
        if let Some(there) = folder.ancestors().nth(missing.len()) {
            self.stay_inside(there)?;
        }
        for folder in missing.into_iter().rev() {
            DirBuilder::new().create(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
            self.undo.push(Undo::RemoveFolder(folder.to_owned()));
        }
        Ok(())
    }

    /// A link may lead to another place than its path says.
    fn stay_inside(&self, folder: &Path) -> anyhow::Result<()> {
        let (Ok(folder), Ok(root)) = (folder.canonicalize(), self.root.canonicalize()) else { return Ok(()) };
        // The root itself may be what is made.
        if folder.starts_with(&root) || root.starts_with(&folder) {
            return Ok(());
        }
        anyhow::bail!(
            "{} is outside of the project\n  hint: replace the link in less/ that leads there",
            folder.display()
        )
    }

    fn file(&mut self, path: &str, text: &str, mode: u32) -> anyhow::Result<()> {
        let file = self.root.join(path);
        if let Some(folder) = file.parent() {
            self.folder(folder)?;
        }
        let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(&file);
        let mut opened = opened.with_context(|| format!("cannot write {path}"))?;
        self.undo.push(Undo::Remove(file));
        opened.write_all(text.as_bytes()).with_context(|| format!("cannot write {path}"))?;
        self.written.created.push(path.to_owned());
        Ok(())
    }

    /// Lists it in `less.config` and gives it a value in `.env`, as far as that is not done.
    fn variable(&mut self, variable: &Variable) -> anyhow::Result<()> {
        let config = read_if_there(&self.root.join(CONFIG))?.unwrap_or_default();
        let names = || [Some(&variable.name), variable.or.as_ref()].into_iter().flatten();
        let is_listed = |name: &&String| list_variable(&config, name).as_ref() == Some(&config);
        let name = names().find(is_listed).unwrap_or(&variable.name);
        let Some(listed) = list_variable(&config, name) else {
            let hint = format!("list it there by hand, and try again: env_vars: [{name}]");
            let message = format!("{name} cannot be added without changing the rest of the file");
            return Err(Rejected::new(vec![Problem::new(CONFIG, message, hint)], CONSEQUENCE).into());
        };
        self.change(CONFIG, &config, &listed, 0o666)?;
        let dotenv = read_if_there(&self.root.join(DOTENV))?.unwrap_or_default();
        self.change(DOTENV, &dotenv, &with_value(&dotenv, name, &variable.value), 0o600)
    }

    fn change(&mut self, path: &str, before: &str, after: &str, mode: u32) -> anyhow::Result<()> {
        let file = self.root.join(path);
        if before == after {
            return Ok(());
        }
        if file.symlink_metadata().is_err() {
            return self.file(path, after, mode);
        }
        self.undo.push(Undo::Restore(file.clone(), before.to_owned()));
        overwrite(&file, after).with_context(|| format!("cannot write {path}"))?;
        self.written.changed.push(path.to_owned());
        Ok(())
    }

    /// The last first. What cannot be taken back stays: the error is told all the same.
    fn take_back(&mut self) {
        for undo in self.undo.drain(..).rev() {
            let undone: io::Result<()> = match undo {
                Undo::Remove(file) => fs::remove_file(file),
                Undo::RemoveFolder(folder) => fs::remove_dir(folder),
                Undo::Restore(file, text) => overwrite(&file, &text),
            };
            undone.ok();
        }
    }
}

/// In place: whoever has made it a link, or given it to others, wants it so. It is not emptied first, for a full disk may
/// take nothing new, and what was there must come back.
fn overwrite(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(file)?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

/// The text of `.env` with a value for `name`, unless it has one.
fn with_value(dotenv: &str, name: &str, value: &str) -> String {
    let sets = |line: &str| {
        let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
        line.split_once('=').is_some_and(|(set, _)| set.trim() == name)
    };
    if dotenv.lines().any(sets) {
        return dotenv.to_owned();
    }
    let gap = if dotenv.is_empty() || dotenv.ends_with('\n') { "" } else { "\n" };
    // In quotes, so that a shell can read it, too.
    format!("{dotenv}{gap}{name}=\"{value}\"\n")
}

#[cfg(test)]
mod tests {
    use less_project::{ResourceName, RoutePath, Verb};

    use super::super::{Coded, Wanted, plan};
    use super::*;

    fn name(given: &str) -> ResourceName {
        ResourceName::parse(given).unwrap()
    }

    fn cron(given: &str) -> Plan {
        plan(&Wanted::Cron { name: name(given), schedule: "rate(1 hour)".into() }, Coded::JavaScript)
    }

    fn topic(given: &str, subscribers: &[&str]) -> Plan {
        let subscribers = subscribers.iter().copied().map(name).collect();
        plan(&Wanted::Topic { name: name(given), subscribers, external: None }, Coded::JavaScript)
    }

    fn write_in(root: &Path, plan: &Plan) -> anyhow::Result<Written> {
        write(root, plan, &mut Printer::to(Box::new(io::sink()), Box::new(io::sink())))
    }

    fn problems(result: anyhow::Result<Written>) -> Vec<Problem> {
        let error = result.unwrap_err();
        error.downcast::<Rejected>().unwrap().problems
    }

    fn all(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap().flatten() {
            found.push(entry.path());
            if entry.path().is_dir() {
                found.extend(all(&entry.path()));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn what_is_there_is_never_written_over_and_nothing_else_is_created() {
        let root = tempfile::tempdir().unwrap();
        write_in(root.path(), &topic("paid", &["a", "b"])).unwrap();
        let before = all(root.path());
        fs::write(root.path().join("less/topics/paid/a/index.js"), "mine").unwrap();
        let told = problems(write_in(root.path(), &topic("paid", &["c", "a", "b"])));
        assert_eq!(told.len(), 2, "all of it is told: {told:?}");
        assert_eq!(told[0].path, "less/topics/paid/a/index.js");
        assert_eq!(all(root.path()), before);
        assert_eq!(fs::read_to_string(root.path().join("less/topics/paid/a/index.js")).unwrap(), "mine");
    }

    #[test]
    fn what_would_make_the_project_wrong_is_taken_back_and_told_in_its_words() {
        let root = tempfile::tempdir().unwrap();
        write_in(root.path(), &topic("a-b", &["one"])).unwrap();
        let before = all(root.path());
        let told = problems(write_in(root.path(), &topic("a_b", &["one"])));
        assert!(told[0].message.contains("is taken for `a-b`"), "{told:?}");
        let python =
            plan(&Wanted::Topic { name: name("a-b"), subscribers: vec![name("one")], external: None }, Coded::Python);
        let told = problems(write_in(root.path(), &python));
        assert!(told[0].hint.contains("keep one"), "{told:?}");
        assert_eq!(all(root.path()), before);
    }

    #[test]
    fn problems_that_were_there_before_stop_nothing() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("less/widgets/x")).unwrap();
        write_in(root.path(), &topic("paid", &["a"])).unwrap();
    }

    #[test]
    fn a_cron_is_listed_and_has_a_schedule() {
        let root = tempfile::tempdir().unwrap();
        let read = |file: &str| fs::read_to_string(root.path().join(file)).unwrap();
        let written = write_in(root.path(), &cron("clean")).unwrap();
        assert_eq!(written.created, ["less/crons/clean/index.js", "less.config", ".env"]);
        let written = write_in(root.path(), &cron("dailyReport")).unwrap();
        assert_eq!(written.changed, ["less.config", ".env"]);
        assert_eq!(read("less.config"), "env_vars:\n  - CRON_CLEAN\n  - CRON_DAILY_REPORT\n");
        assert_eq!(read(".env"), "CRON_CLEAN=\"rate(1 hour)\"\nCRON_DAILY_REPORT=\"rate(1 hour)\"\n");
    }

    #[test]
    fn a_variable_that_is_there_under_its_other_name_is_taken() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("less.config"), "env_vars: [CRON_DAILYREPORT] # ours\n").unwrap();
        fs::write(root.path().join(".env"), "export CRON_DAILYREPORT=rate(2 days)").unwrap();
        let written = write_in(root.path(), &cron("dailyReport")).unwrap();
        assert_eq!((written.created.len(), written.changed.len()), (1, 0));
    }

    #[test]
    fn a_config_that_cannot_be_changed_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("less.config"), "env_vars: &all [A]\nmore: *all\n").unwrap();
        let told = problems(write_in(root.path(), &cron("clean")));
        assert!(told[0].path == "less.config" && told[0].hint.contains("[CRON_CLEAN]"), "{told:?}");
        assert_eq!(all(root.path()).len(), 1);
    }

    #[test]
    fn nothing_is_written_where_a_link_leads_out_of_the_project() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("less")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.path().join("less/apis")).unwrap();
        let route = Wanted::Route { api: name("shop"), path: RoutePath::parse("/x").unwrap(), verb: Verb::Get };
        let error = write_in(root.path(), &plan(&route, Coded::JavaScript)).unwrap_err().to_string();
        assert!(error.contains("outside"), "{error}");
        assert!(all(elsewhere.path()).is_empty());
    }
}
