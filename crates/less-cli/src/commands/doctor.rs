//! `doctor`: what this machine has, what it is needed for, and what to do where something is missing.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::args::{DoctorArgs, Environment};
use crate::doctor::{Check, Status, examine};
use crate::foreground::block_on;
use crate::printer::Printer;
use crate::resolve::LessHome;

pub(crate) fn doctor(
    args: &DoctorArgs,
    environment: &Environment,
    now: i64,
    here: &Path,
    home: &LessHome,
    out: &mut Printer,
) -> anyhow::Result<ExitCode> {
    let checks = block_on(async { Ok(examine(here, home, environment, now).await) })?;
    let worst = checks.iter().map(|check| check.status).max().unwrap_or(Status::Ok);
    if args.json {
        out.json(&Examined { status: worst, checks: &checks })?;
    } else {
        for line in checks.iter().flat_map(lines) {
            out.queue(&line)?;
        }
        out.flush()?;
        out.remark(match worst {
            Status::Ok => "All is well",
            Status::Warning => "Nothing is missing; see the warnings",
            Status::Problem => "Something is missing; see the problems",
        });
    }
    Ok(if worst == Status::Problem { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// For programs.
#[derive(Serialize)]
struct Examined<'a> {
    /// The worst of all.
    status: Status,
    checks: &'a [Check],
}

/// For people: what was found, and below it what to do.
fn lines(check: &Check) -> Vec<String> {
    let status = match check.status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Problem => "problem",
    };
    let mut lines = vec![format!("{status:7}  {}: {} (for {})", check.name, check.found, check.needed_for)];
    if !check.hint.is_empty() {
        lines.push(format!("         hint: {}", check.hint));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_a_line_and_its_hint_another() {
        let check = Check {
            name: "node",
            status: Status::Warning,
            found: "not in PATH".into(),
            needed_for: "handlers in JavaScript",
            hint: "install it".into(),
        };
        let told = ["warning  node: not in PATH (for handlers in JavaScript)", "         hint: install it"];
        assert_eq!(lines(&check), told);
    }
}
