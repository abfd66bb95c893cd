//! The command line of Less. This file is its table of contents: a command line becomes one call.
//!
//! ```text
//! args      what was typed             resolve     flags > environment > defaults
//! commands  one file per command       printer     stdout is data, stderr is talk
//! client    the server's control API   background  starting that server
//! project   a folder, checked, packed  builds      what `build` keeps for `run`
//! render    values as lines            time        times and durations as text
//! watch     changes of a folder        foreground  a server in this process
//! view      what people see of `run`   paint       colours
//! lines     what a server streams      payload     JSON as it is typed, piped or printed
//! local     what else is kept here       shown       text of others, on a terminal
//! ```

mod args;
mod background;
mod builds;
mod client;
mod commands;
mod foreground;
mod lines;
mod local;
mod paint;
mod payload;
mod printer;
mod project;
mod render;
mod resolve;
mod shown;
mod time;
mod view;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Parser;

use args::{Cli, Command, Environment};
use printer::Printer;

fn main() -> ExitCode {
    let mut out = Printer::standard();
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some((_, rest)) = arguments.split_first().filter(|(first, _)| *first == less_server::WORKER_SUBCOMMAND) {
        // This process was to be a worker; it comes back only when it cannot.
        out.failure(&less_server::become_worker(rest));
        return ExitCode::FAILURE;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help goes to stdout, which may be closed; there is nobody left to tell.
            usage.print().ok();
            return u8::try_from(usage.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    command(&cli.command, &mut out).unwrap_or_else(|error| {
        out.failure(&error);
        ExitCode::FAILURE
    })
}

fn command(command: &Command, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let environment = Environment::read();
    let here = std::env::current_dir().context("cannot tell which folder this is")?;
    let home = resolve::less_home(&environment, &here)?;
    match command {
        Command::Build(args) => commands::build::build(args, &here, &home, out),
        Command::Run(args) => commands::run::run(args, &here, &home),
        Command::Deploy(args) => commands::deploy::deploy(args, &environment, &here, &home, out),
        Command::List(args) => commands::list::list(args, &home, out),
        Command::Log(args) => commands::log::log(args, now(), &home, out),
        Command::Publish(args) => commands::publish::publish(args, &home, out),
        Command::Invoke(args) => commands::invoke::invoke(args, &home, out),
        Command::Delete(args) => commands::delete::delete(args, &home, out),
        Command::Server(args) => commands::server::server(args, &environment, &home, out),
        Command::Later(later) => commands::later::later(later),
    }
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "commands get the time from here")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
