//! `completions` and `man`: what shells and manual readers know of the command line, written from its definition.

use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use less_project::closest;

use crate::args::Cli;
use crate::client::VERSION;
use crate::failure::Usage;
use crate::printer::Printer;

pub(crate) fn completions(shell: Shell, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    let mut command = visible(&Cli::command()).version(VERSION);
    clap_complete::generate(shell, &mut command, "less-cli", &mut script);
    print(script, out)
}

/// The command without those that help does not show, which a shell would.
fn visible(command: &clap::Command) -> clap::Command {
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    // Names are static there. The process ends after this.
    let name: &'static str = command.get_name().to_owned().leak();
    let about = command.get_about().cloned().unwrap_or_default();
    clap::Command::new(name).about(about).args(command.get_arguments().cloned()).subcommands(shown.map(visible))
}

/// `command`: `["create", "route"]`; the whole program where there is none.
pub(crate) fn page(command: &[String], out: &mut Printer) -> anyhow::Result<ExitCode> {
    let mut whole = Cli::command();
    whole.build();
    let mut found = &whole;
    for word in command {
        found = found.find_subcommand(word).ok_or_else(|| unknown(found, word))?;
    }
    let mut page = Vec::new();
    Man::new(found.clone()).render(&mut page).context("cannot write the page")?;
    print(page, out)
}

fn unknown(within: &clap::Command, word: &str) -> anyhow::Error {
    let shown = within.get_subcommands().filter(|command| !command.is_hide_set());
    let names: Vec<&str> = shown.map(clap::Command::get_name).collect();
    let hint = match closest(word, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are: {}", names.join(", ")),
    };
    Usage(format!("there is no command `{word}`\n  hint: {hint}")).into()
}

fn print(text: Vec<u8>, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let text = String::from_utf8(text).context("what was written is not UTF-8")?;
    out.line(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
