//! `list`: the projects on the server. `list resources`: the addresses of one.

use std::process::ExitCode;

use less_project::ProjectName;

use crate::args::{ListArgs, ListWhat};
use crate::client::connect;
use crate::printer::{Printer, Speaker};
use crate::render;
use crate::resolve::LessHome;

pub(crate) fn list(args: &ListArgs, home: &LessHome, out: &mut Printer) -> anyhow::Result<ExitCode> {
    match &args.what {
        Some(ListWhat::Resources { name }) => resources(&ProjectName::parse(name)?, args.json, home, out)?,
        None => projects(args.json, home, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn projects(json: bool, home: &LessHome, out: &mut Printer) -> anyhow::Result<()> {
    let projects = connect(&home.server())?.projects()?;
    if json {
        return out.json(&projects);
    }
    if projects.is_empty() {
        out.remark("There are no projects yet; deploy one with `less-cli deploy <name>`");
    }
    for (index, project) in projects.iter().enumerate() {
        if index > 0 {
            out.queue("")?;
        }
        for line in render::project(project) {
            out.queue(&line)?;
        }
    }
    out.flush()
}

fn resources(name: &ProjectName, json: bool, home: &LessHome, out: &mut Printer) -> anyhow::Result<()> {
    let resources = connect(&home.server())?.resources(name)?;
    for problem in &resources.problems {
        out.warn(problem);
    }
    if json {
        return out.json(&resources);
    }
    for line in render::listed(&resources) {
        out.say(Speaker::Cli, &line)?;
    }
    Ok(())
}
