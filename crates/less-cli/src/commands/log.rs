//! `log`: what a project's handlers printed, oldest first, one handler's or all; with `--follow`, what comes too.

use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::bail;
use less_project::{HandlerPath, ProjectName};

use crate::args::LogArgs;
use crate::client::{Client, Found, LogQuery, connect, find, same_version};
use crate::lines::{Ended, Heard};
use crate::printer::Printer;
use crate::render::{LoggedLine, Named, log_line};
use crate::resolve::LessHome;

/// How often a server that went away is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// A server that is restarted is back by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// `now`: milliseconds since 1970.
pub(crate) fn log(args: &LogArgs, now: i64, home: &LessHome, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let project = ProjectName::parse(&args.project)?;
    let path = args.path.as_deref().map(identity);
    let named = if path.is_some() { Named::No } else { Named::Yes };
    let since = args.since.map(|since| since.at(now));
    let query = LogQuery { path, since, after: None, follow: args.follow };
    let look = if args.json { Look::Json } else { Look::Text(named) };
    let mut log = Log { project, query, look, out };

    let client = connect(&home.server())?;
    if args.follow {
        log.follow(&home.server(), client)?;
    } else {
        log.print(&client)?.complete()?;
        if log.query.after.is_none() {
            log.out.remark("Nothing was logged");
        }
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

/// A log on its way to stdout.
struct Log<'a> {
    project: ProjectName,
    /// What is still to be printed: it moves on with each line.
    query: LogQuery,
    look: Look,
    out: &'a mut Printer,
}

impl Log<'_> {
    fn print(&mut self, client: &Client) -> anyhow::Result<Ended> {
        let Self { project, query, look, out } = self;
        let ended = client.log(project, &query.clone(), |heard| {
            match heard {
                Heard::Line(line) => {
                    out.queue(&match look {
                        Look::Text(named) => log_line(&line, *named),
                        Look::Json => serde_json::to_string(&LoggedLine::from(&line))?,
                    })?;
                    query.after = Some(line.cursor);
                }
                Heard::Pause => out.flush()?,
            }
            Ok(!out.closed())
        });
        out.flush()?;
        ended
    }

    /// Until nobody reads, or the server goes for good.
    fn follow(&mut self, home: &Path, mut client: Client) -> anyhow::Result<()> {
        loop {
            // However the stream ended: nothing of it is lost, for the next one begins after the last line.
            self.print(&client)?;
            if self.out.closed() {
                return Ok(());
            }
            client = find_again(home, PATIENCE, self.out)?;
        }
    }
}

/// The server that a stream broke off from, or the one that took its place.
fn find_again(home: &Path, patience: Duration, out: &mut Printer) -> anyhow::Result<Client> {
    let mut gone = Instant::now();
    let mut told = false;
    loop {
        sleep(LOOK_AGAIN);
        match find(home)? {
            Found::Running(client, status) => return same_version(&status).map(|()| client),
            // It is stopping, or it starts.
            Found::Silent { .. } => gone = Instant::now(),
            Found::Nothing if gone.elapsed() < patience => {}
            Found::Nothing => bail!("the server is gone\n  hint: start it with `less-cli server start`"),
        }
        if !std::mem::replace(&mut told, true) {
            out.remark("The server is gone; waiting for it");
        }
    }
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

    #[test]
    fn a_server_that_does_not_come_back_is_not_waited_for_without_end() {
        let home = tempfile::tempdir().unwrap();
        let mut out = Printer::to(Box::new(std::io::sink()), Box::new(std::io::sink()));
        let error = find_again(home.path(), Duration::ZERO, &mut out).err().unwrap().to_string();
        assert!(error.contains("less-cli server start"), "{error}");
    }
}
