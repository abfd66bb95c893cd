//! `deploy`: the project of this folder to the server; the server's events become lines.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use less_project::{Problem, ProjectName};
use less_server::control::api::{DeployEvent, DeployMeta, Resources, Step};

use crate::args::{DeployArgs, Environment, PortArgs};
use crate::background::{self, Start};
use crate::client::same_version;
use crate::printer::{Printer, Speaker};
use crate::project::{self, Part, Rejected};
use crate::render;
use crate::resolve::{self, LessHome};

const CONSEQUENCE: &str = "nothing was deployed";

pub(crate) fn deploy(
    args: &DeployArgs,
    environment: &Environment,
    here: &Path,
    home: &LessHome,
    out: &mut Printer,
) -> anyhow::Result<ExitCode> {
    let (name, meta, part) = check(args, here, out)?;
    let ports = resolve::ports(PortArgs::default(), environment)?;
    let (client, status, start) = background::ensure(home, ports, out)?;
    same_version(&status)?;
    if start == Start::Started {
        out.remark(&format!("A local server was started at {}", status.gateway_url));
    }

    let mut report = Report { out, json: args.json, built: false, ended: None };
    report.say("Building... ⚙️")?;
    report.out.step("Packing the project");
    let snapshot = project::pack(here, part, home.root(), CONSEQUENCE)?;
    report.out.step("Sending the project to the server");
    client.deploy(&name, &meta, snapshot, |event| report.tell(event))?;
    let resources = report.ended.context(
        "the connection to the server ended before the deployment did\n  hint: `less-cli server status` says whether it runs",
    )??;
    finish(&resources, part, args.json, out)?;
    Ok(ExitCode::SUCCESS)
}

/// Sites are checked, and deployed, whatever the rest of the project is.
fn check(args: &DeployArgs, here: &Path, out: &mut Printer) -> anyhow::Result<(ProjectName, DeployMeta, Part)> {
    if args.only_static {
        let name = project::check_sites(here, &args.name, CONSEQUENCE, out)?;
        return Ok((name, DeployMeta { only_sites: true, ..DeployMeta::default() }, Part::Sites));
    }
    let (project, env) = project::check(here, &args.name, CONSEQUENCE, out)?;
    Ok((project.name, DeployMeta { env, only_sites: false }, Part::Whole))
}

/// Follows one deployment.
struct Report<'a> {
    out: &'a mut Printer,
    json: bool,
    /// `Build complete` has been said.
    built: bool,
    ended: Option<anyhow::Result<Resources>>,
}

impl Report<'_> {
    fn tell(&mut self, event: DeployEvent) -> anyhow::Result<()> {
        match event {
            DeployEvent::Step { step } => {
                if is_after_build(step) {
                    self.build_complete()?;
                }
                self.out.step(words(step));
            }
            DeployEvent::Warning { problem } => self.out.warn(&problem),
            DeployEvent::Done { resources } => {
                self.build_complete()?;
                self.say("Deployment complete ✅")?;
                self.ended = Some(Ok(resources));
            }
            DeployEvent::Failed { message, problems } => self.ended = Some(Err(failed(message, problems, CONSEQUENCE))),
        }
        Ok(())
    }

    fn build_complete(&mut self) -> anyhow::Result<()> {
        if !self.built {
            self.built = true;
            self.say("Build complete ✅")?;
            self.say("Deploying... 🚀")?;
        }
        Ok(())
    }

    /// Where stdout is for a program, people read this on stderr.
    fn say(&mut self, text: &str) -> anyhow::Result<()> {
        if self.json {
            self.out.remark(text);
            return Ok(());
        }
        self.out.say(Speaker::Cli, text)
    }
}

fn finish(resources: &Resources, part: Part, json: bool, out: &mut Printer) -> anyhow::Result<()> {
    if json {
        return out.json(resources);
    }
    let lines = match part {
        Part::Whole | Part::Code => render::deployed(resources),
        Part::Sites => render::deployed_sites(resources),
    };
    lines.iter().try_for_each(|line| out.say(Speaker::Cli, line))
}

/// The server's verdict as an error of ours.
pub(crate) fn failed(message: String, problems: Vec<Problem>, consequence: &str) -> anyhow::Error {
    if problems.is_empty() { anyhow::anyhow!(message) } else { Rejected::new(problems, consequence).into() }
}

fn is_after_build(step: Step) -> bool {
    match step {
        // What is wrong inside the files shows when they are loaded: until then nothing is complete.
        Step::Checking | Step::InstallingDependencies | Step::StartingWorkers => false,
        Step::Switching => true,
    }
}

/// A step, for people who wait.
pub(crate) fn words(step: Step) -> &'static str {
    match step {
        Step::Checking => "Checking the project",
        Step::InstallingDependencies => "Installing dependencies",
        Step::StartingWorkers => "Starting workers",
        Step::Switching => "Switching to the new version",
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, SeekFrom};

    use less_server::control::api::{NamedUrl, ProjectInfo};

    use super::*;

    fn resources() -> Resources {
        Resources {
            project: ProjectInfo { name: "shop".into(), id: "7".into(), created_at: 0, updated_at: 0 },
            apis: vec![NamedUrl { name: "orders".into(), url: "http://localhost:4747/shop/apis/orders".into() }],
            sockets: vec![],
            websites: vec![],
            waiting: vec![],
            crons: vec![],
            problems: vec![],
        }
    }

    /// What is printed when the server tells `events`: stdout, stderr and how it ended.
    fn told(json: bool, events: Vec<DeployEvent>) -> (String, String, Option<anyhow::Result<Resources>>) {
        let files = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()];
        let [out, talk] = files.each_ref().map(|file| Box::new(file.try_clone().unwrap()));
        let mut out = Printer::to(out, talk);
        let mut report = Report { out: &mut out, json, built: false, ended: None };
        for event in events {
            report.tell(event).unwrap();
        }
        let ended = report.ended;
        let [out, talk] = files.map(|mut file| {
            let mut text = String::new();
            file.seek(SeekFrom::Start(0)).unwrap();
            file.read_to_string(&mut text).unwrap();
            text
        });
        (out, talk, ended)
    }

    #[test]
    fn the_build_is_complete_when_the_handlers_are_loaded_and_each_line_comes_once() {
        let steps = [Step::Checking, Step::InstallingDependencies, Step::StartingWorkers, Step::Switching];
        let mut events: Vec<_> = steps.map(|step| DeployEvent::Step { step }).into();
        events.push(DeployEvent::Done { resources: resources() });
        let (out, talk, ended) = told(false, events);
        assert_eq!(
            out,
            "[less-cli] Build complete ✅\n[less-cli] Deploying... 🚀\n[less-cli] Deployment complete ✅\n"
        );
        assert!(talk.contains("[less-cli] Installing dependencies\n"), "{talk}");
        assert_eq!(ended.unwrap().unwrap(), resources());
    }

    #[test]
    fn with_json_stdout_is_left_to_the_data() {
        let (out, talk, _) = told(true, vec![DeployEvent::Done { resources: resources() }]);
        assert_eq!(out, "");
        assert!(talk.contains("Deployment complete"), "{talk}");
    }

    #[test]
    fn a_warning_is_printed_once() {
        let warning = |path: &str| DeployEvent::Warning { problem: Problem::new(path, "no subscribers", "") };
        let (_, talk, _) =
            told(false, vec![warning("less/topics/a"), warning("less/topics/b"), warning("less/topics/a")]);
        let line = |path| format!("[less-cli] WARNING: less/topics/{path}: no subscribers\n");
        assert_eq!(talk, line("a") + &line("b"));
    }

    #[test]
    fn a_failure_says_what_is_wrong_and_completes_nothing() {
        let problems = vec![Problem::new("less/apis", "wrong", "right it"), Problem::new("less/topics", "wrong", "")];
        let (out, _, ended) = told(false, vec![DeployEvent::Failed { message: "refused".into(), problems }]);
        assert_eq!(out, "");
        let error = ended.unwrap().unwrap_err();
        assert_eq!(error.downcast_ref::<Rejected>().unwrap().outcome, "2 problems; nothing was deployed");
        let (_, _, ended) = told(false, vec![DeployEvent::Failed { message: "npm failed".into(), problems: vec![] }]);
        assert_eq!(ended.unwrap().unwrap_err().to_string(), "npm failed");
    }
}
