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
//! create    what new files contain       ask         options that were not given
//! doctor    what this machine has        failure     errors, for programs
//! ```

mod args;
mod ask;
mod background;
mod builds;
mod client;
mod commands;
mod create;
mod doctor;
mod failure;
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

use args::create::with_long_options;
use args::{Cli, Command, Environment};
use failure::Failure;
use printer::Printer;

fn main() -> ExitCode {
    let mut out = Printer::standard();
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some((_, rest)) = arguments.split_first().filter(|(first, _)| *first == less_server::WORKER_SUBCOMMAND) {
        // This process was to be a worker; it comes back only when it cannot.
        out.failure(&less_server::become_worker(rest));
        return ExitCode::FAILURE;
    }
    let program = std::env::args_os().take(1);
    let cli = match Cli::try_parse_from(program.chain(with_long_options(arguments))) {
        Ok(cli) => cli,
        Err(usage) => return misused(&usage, &mut out),
    };
    if cli.command.is_for_programs() {
        out.tell_programs();
    }
    command(&cli.command, &mut out).unwrap_or_else(|error| {
        out.failure(&error);
        ExitCode::from(failure::exit_code(&error))
    })
}

/// A command line that was not understood, or asks for help.
fn misused(usage: &clap::Error, out: &mut Printer) -> ExitCode {
    if usage.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        // Nothing can be done about a stdout that is closed.
        out.json(&Failure::of_usage(usage)).ok();
    } else {
        usage.print().ok();
    }
    u8::try_from(usage.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn command(command: &Command, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let environment = Environment::read();
    let here = std::env::current_dir().context("cannot tell which folder this is")?;
    let home = resolve::less_home(&environment, &here)?;
    match command {
        Command::Init(args) => commands::init::init(args, &here, out),
        Command::Create(args) => commands::create::create(args, &here, out),
        Command::Build(args) => commands::build::build(args, &here, &home, out),
        Command::Run(args) => commands::run::run(args, &here, &home),
        Command::Deploy(args) => commands::deploy::deploy(args, &environment, &here, &home, out),
        Command::List(args) => commands::list::list(args, &home, out),
        Command::Log(args) => commands::log::log(args, now(), &home, out),
        Command::Publish(args) => commands::publish::publish(args, &home, out),
        Command::Invoke(args) => commands::invoke::invoke(args, &home, out),
        Command::Delete(args) => commands::delete::delete(args, &home, out),
        Command::Server(args) => commands::server::server(args, &environment, &home, out),
        Command::Doctor(args) => commands::doctor::doctor(args, &environment, now(), &here, &home, out),
        Command::Completions { shell } => commands::manual::completions(*shell, out),
        Command::Man { command } => commands::manual::page(command, out),
        Command::Later(later) => commands::later::later(later),
    }
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "commands get the time from here")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
