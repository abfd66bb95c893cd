//! `invoke`: calls a function of a project on the server and prints its result.

use std::process::ExitCode;

use less_project::ProjectName;

use super::publish::name;
use crate::args::InvokeArgs;
use crate::client::{Refused, connect};
use crate::payload;
use crate::printer::Printer;
use crate::resolve::LessHome;

pub(crate) fn invoke(args: &InvokeArgs, home: &LessHome, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let project = ProjectName::parse(&args.project)?;
    let function = name(&args.function, "functions", "less-cli invoke <project> <function> [<payload>]")?;
    let client = connect(&home.server())?;
    let argument = payload::read(args.payload.as_deref(), "payload")?.unwrap_or_else(|| "null".to_owned());
    let result = client.invoke(&project, function, &argument).map_err(|error| failed(error, &project, function))?;
    out.line(&if args.json { payload::on_one_line(&result) } else { payload::pretty(&result) })?;
    Ok(ExitCode::SUCCESS)
}

/// What the function threw, as its author knows it; its stack is in the log.
fn failed(error: anyhow::Error, project: &ProjectName, function: &str) -> anyhow::Error {
    let Some(Refused { name: Some(name), .. }) = error.downcast_ref() else { return error };
    let hint = format!("its log says more: less-cli log --project {project} --path functions/{function}");
    let message = format!("{name}: {error}\n  hint: {hint}");
    error.downcast().map_or_else(|error| error, |refused: Refused| refused.reworded(message).into())
}
