//! `log`: what a project's handlers printed, oldest first, one handler's or all, once or on and on.

use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use less_project::{HandlerPath, ProjectName};
use less_server::control::api::LogLine;

use crate::args::LogArgs;
use crate::client::{Client, LogQuery, Refused, connect};
use crate::printer::Printer;
use crate::render::{Named, log_line};
use crate::resolve::LessHome;

const POLL: Duration = Duration::from_millis(300);

/// `now`: milliseconds since 1970.
pub(crate) fn log(args: &LogArgs, now: i64, home: &LessHome, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let project = ProjectName::parse(&args.project)?;
    let path = args.path.as_deref().map(identity);
    let since = args.since.map(|ago| now.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)));
    let named = if path.is_some() { Named::No } else { Named::Yes };
    let mut query = LogQuery { path, since, after: None };
    let look = if args.json { Look::Json } else { Look::Text(named) };

    let client = connect(&home.server())?;
    print(&client, &project, &mut query, look, out)?;
    if query.after.is_none() && !args.follow {
        out.remark("Nothing was logged");
    }
    if args.follow {
        follow(&home.server(), client, &project, &mut query, look, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// However it is typed. What can be no handler (`worker` excepted) the server refuses, and names those there are.
fn identity(given: &str) -> String {
    HandlerPath::from_user(given).map_or_else(|_| given.trim().trim_matches('/').to_owned(), String::from)
}

#[derive(Debug, Clone, Copy)]
enum Look {
    Text(Named),
    Json,
}

/// Prints what there is now; `query` then asks for what comes after it.
fn print(
    client: &Client,
    project: &ProjectName,
    query: &mut LogQuery,
    look: Look,
    out: &mut Printer,
) -> anyhow::Result<()> {
    let asked = query.clone();
    let seen = client.log(project, &asked, |line: LogLine| {
        out.queue(&match look {
            Look::Text(named) => log_line(&line, named),
            Look::Json => serde_json::to_string(&line)?,
        })?;
        query.after = Some(line.cursor);
        Ok(!out.closed())
    });
    out.flush()?;
    seen
}

/// Until nobody reads. A server that goes away is waited for; one that refuses is not.
fn follow(
    home: &Path,
    client: Client,
    project: &ProjectName,
    query: &mut LogQuery,
    look: Look,
    out: &mut Printer,
) -> anyhow::Result<()> {
    let mut client = Some(client);
    while !out.closed() {
        sleep(POLL);
        let was_there = client.is_some();
        let printed = match client.take().map_or_else(|| connect(home), Ok) {
            Ok(there) => print(&there, project, query, look, out).map(|()| client = Some(there)),
            Err(gone) => Err(gone),
        };
        match printed {
            Err(error) if error.is::<Refused>() => return Err(error),
            Err(_) if was_there => out.remark("The server is gone; waiting for it"),
            Err(_) | Ok(()) => (),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_asked_for_by_its_identity_and_what_is_none_as_it_was_typed() {
        assert_eq!(identity("less/topics/a/b/index.js"), "topics/a/b");
        for typed in ["worker", "orders/post", "topics/a"] {
            assert_eq!(identity(typed), typed);
        }
    }
}
