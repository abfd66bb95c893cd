//! `init`: a new project, small and ready to run.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use less_project::{BadName, Problem, ProjectName};

use super::create::{coded, language, tell};
use crate::args::create::InitArgs;
use crate::ask::Form;
use crate::create::write::{Written, write};
use crate::create::{Coded, Plan, run_command, starting};
use crate::printer::Printer;
use crate::project::{self, Rejected};

const CONSEQUENCE: &str = "nothing was created";
/// What most folders have one of already; the project runs without ours.
const OPTIONAL: [&str; 2] = [".gitignore", "README.md"];

pub(crate) fn init(args: &InitArgs, here: &Path, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let root = args.folder.as_ref().map_or_else(|| here.to_owned(), |folder| here.join(folder));
    check_place(&root)?;
    let coded = chosen(args)?;
    let (name, is_folders) = name_of(&root);
    let mut plan = starting(name.as_ref(), is_folders, coded);
    let kept = keep_what_is_there(&root, &mut plan);
    let mut written = write(&root, &plan, out)?;
    for file in kept {
        out.remark(&format!("{file} was there and is kept as it is{}", advice(file)));
    }
    if let Some(folder) = args.folder.as_ref().map(|folder| folder.display().to_string()) {
        within(&folder, &mut written);
    }
    tell(&written, args.json, out)?;
    if !args.json {
        tell_what_is_next(args, &run_command(name.as_ref(), is_folders), out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check_place(root: &Path) -> anyhow::Result<()> {
    if root.join("less").symlink_metadata().is_ok() {
        let hint = "add to this project with `less-cli create`, or name another folder: less-cli init <folder>";
        let problem = Problem::new("less", "there is a project here already", hint);
        return Err(Rejected::new(vec![problem], CONSEQUENCE).into());
    }
    match project::nearby(root).filter(|project| root.starts_with(project)) {
        Some(project) => bail!(
            "this is within the project {}\n  hint: name a folder outside of it: less-cli init <folder>",
            project.display()
        ),
        None => Ok(()),
    }
}

/// JavaScript where nobody can be asked.
fn chosen(args: &InitArgs) -> anyhow::Result<Coded> {
    if let Some(given) = args.language.language {
        return coded(given).map_err(|BadName { message, hint }| {
            Rejected::new(vec![Problem::new("--language", message, hint)], CONSEQUENCE).into()
        });
    }
    let mut form = Form::new()?;
    if !form.asks() {
        return Ok(Coded::JavaScript);
    }
    language(&mut form, args.language).ok_or_else(|| form.refusal(CONSEQUENCE))
}

/// The project's name, and whether it is that of the folder.
fn name_of(root: &Path) -> (String, bool) {
    let folder = root.components().next_back().map(|last| last.as_os_str().to_string_lossy().into_owned());
    let folder = folder.unwrap_or_default();
    if ProjectName::parse(&folder).is_ok() {
        return (folder, true);
    }
    let small = folder.to_lowercase().replace(' ', "-");
    let name = if ProjectName::parse(&small).is_ok() { small } else { "my-project".to_owned() };
    (name, false)
}

fn keep_what_is_there(root: &Path, plan: &mut Plan) -> Vec<&'static str> {
    let kept: Vec<_> = OPTIONAL.into_iter().filter(|file| root.join(file).symlink_metadata().is_ok()).collect();
    plan.files.retain(|(path, _)| !kept.contains(&path.as_str()));
    kept
}

fn advice(kept: &str) -> &'static str {
    if kept == ".gitignore" { "; it should have a line `.env`, for values that are secret" } else { "" }
}

/// As seen from where the command was typed.
fn within(folder: &str, written: &mut Written) {
    let folder = folder.trim_end_matches('/');
    for path in written.created.iter_mut().chain(&mut written.changed) {
        *path = format!("{folder}/{path}");
    }
}

fn tell_what_is_next(args: &InitArgs, run: &str, out: &mut Printer) -> anyhow::Result<()> {
    let enter = args.folder.as_ref().map(|folder| format!("cd {}", quoted(&folder.display().to_string())));
    let order = "curl -d '{\"item\": \"cup\"}' http://localhost:3333/orders";
    out.queue("\nNext:")?;
    for line in enter.iter().map(String::as_str).chain([run]) {
        out.queue(&format!("  {line}"))?;
    }
    out.queue("and, from another terminal:")?;
    out.queue(&format!("  {order}"))?;
    out.flush()
}

/// As a shell takes it for one word.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./~".contains(c);
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_named_after_its_folder_where_it_can() {
        for (folder, named) in [
            ("/srv/shop", ("shop", true)),
            ("/srv/My Shop", ("my-shop", false)),
            ("/srv/7", ("my-project", false)),
            ("/", ("my-project", false)),
        ] {
            assert_eq!(name_of(Path::new(folder)), (named.0.to_owned(), named.1), "{folder}");
        }
    }

    #[test]
    fn a_folder_is_quoted_for_the_shell_only_where_it_must_be() {
        assert_eq!(quoted("../shop-2"), "../shop-2");
        assert_eq!(quoted("it's mine"), "'it'\\''s mine'");
    }
}
