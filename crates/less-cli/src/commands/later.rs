//! Commands that people may know, and that do not exist yet: each says so, instead of "unrecognized".

use std::process::ExitCode;

use anyhow::bail;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, Subcommand};

/// A command of [`ALL`], with any arguments.
#[derive(Debug)]
pub(crate) struct Later {
    pub(crate) name: String,
}

const ACCOUNTS: &str = "servers have no accounts, and a local one needs none";

/// Name and what to do meanwhile.
const ALL: &[(&str, &str)] = &[
    ("check", "`less-cli build <name>` checks the project too"),
    ("domains", "servers have no domains of their own"),
    ("register", ACCOUNTS),
    ("login", ACCOUNTS),
    ("forgot-password", ACCOUNTS),
    ("me", ACCOUNTS),
    ("list-organizations", ACCOUNTS),
    ("aws-access", ACCOUNTS),
    ("flow", "the folders of less/topics show who listens to what"),
    ("trace", "`less-cli log --project <name>` shows what ran"),
    ("dead-letters", "`less-cli log --project <name>` shows failed attempts"),
    ("replay", "publish the message again: less-cli publish <project> <topic> <message>"),
];

pub(crate) fn later(command: &Later) -> anyhow::Result<ExitCode> {
    let meanwhile = ALL.iter().find(|(name, _)| *name == command.name).map_or("", |(_, meanwhile)| *meanwhile);
    bail!("the command `{}` does not exist yet\n  hint: {meanwhile}", command.name)
}

impl Subcommand for Later {
    fn augment_subcommands(cmd: Command) -> Command {
        ALL.iter().fold(cmd, |cmd, (name, _)| {
            let anything = Arg::new("arguments").action(ArgAction::Append).num_args(0..);
            let anything = anything.trailing_var_arg(true).allow_hyphen_values(true);
            cmd.subcommand(Command::new(*name).hide(true).disable_help_flag(true).arg(anything))
        })
    }

    fn augment_subcommands_for_update(cmd: Command) -> Command {
        Self::augment_subcommands(cmd)
    }

    fn has_subcommand(name: &str) -> bool {
        ALL.iter().any(|(known, _)| *known == name)
    }
}

impl FromArgMatches for Later {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let name = matches.subcommand_name().unwrap_or_default().to_owned();
        Ok(Self { name })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
