//! The command line as typed: subcommands, flags and their help. No defaults are decided here, see `resolve`.

pub(crate) mod create;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::later::Later;
use create::{CreateArgs, InitArgs};

/// Build, run and deploy event-driven systems from a folder.
///
/// What a command prints for people goes to stdout, talk to stderr. With --json stdout has JSON alone: the result, or,
/// when the command fails, {"error": {"code", "message", "hint", "problems"}}. Exit codes: 0 success, 1 a problem of
/// the project or the server, 2 a command line that is wrong.
#[derive(Debug, Parser)]
#[command(name = "less-cli", version, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The organization to act for (servers have no organizations yet; accepted and not used)
    #[arg(short, long, global = true, value_name = "ID")]
    pub(crate) organization: Option<String>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Begin a new project, ready to run
    Init(InitArgs),
    /// Create the files of a route, topic, subscriber, cron, function, socket or shared module
    Create(CreateArgs),
    /// Check the project here and install its dependencies
    Build(BuildArgs),
    /// Run the project here in the foreground, reloading what changes
    Run(RunArgs),
    /// Put the project here on the server; starts a local one when none runs
    Deploy(DeployArgs),
    /// List the projects on the server
    List(ListArgs),
    /// Print what a project's handlers logged
    Log(LogArgs),
    /// Publish a message to a topic of a project
    Publish(PublishArgs),
    /// Call a function of a project and print its result
    Invoke(InvokeArgs),
    /// Remove a project from the server
    Delete(DeleteArgs),
    /// Start and stop the local server
    #[command(subcommand)]
    Server(ServerCommand),
    /// Check what this machine has for running projects, and what the one here needs
    Doctor(DoctorArgs),
    /// Print the completions of a shell: source <(less-cli completions bash)
    Completions { shell: clap_complete::Shell },
    /// Print the manual page, or that of a command: less-cli man create route | man -l -
    Man {
        /// The command
        command: Vec<String>,
    },
    #[command(flatten)]
    Later(Later),
}

impl Command {
    /// Whether a program reads what this prints.
    pub(crate) fn is_for_programs(&self) -> bool {
        match self {
            Self::Init(args) => args.json,
            Self::Create(args) => args.json,
            Self::Build(args) => args.json,
            Self::Run(args) => args.json,
            Self::Deploy(args) => args.json,
            Self::List(args) => args.json,
            Self::Log(args) => args.json,
            Self::Publish(args) => args.json,
            Self::Invoke(args) => args.json,
            Self::Delete(args) => args.json,
            Self::Doctor(args) => args.json,
            Self::Server(command) => command.is_for_programs(),
            Self::Completions { .. } | Self::Man { .. } | Self::Later(_) => false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The project's name
    pub(crate) name: String,
    /// Print what was built, or its problems, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The project's name [default: the folder's name]
    pub(crate) name: Option<String>,
    /// The first API's port; the next ones follow [default: 3333]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The first socket's port; the next ones follow [default: 8000]
    #[arg(long, value_name = "PORT")]
    pub(crate) socket_port: Option<u16>,
    /// The first static site's port; the next ones follow [default: 4800]
    #[arg(long, value_name = "PORT")]
    pub(crate) site_port: Option<u16>,
    /// Print what handlers print, and no line for each request and delivery
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Print the addresses, requests, deliveries and log lines as JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    /// The project's name
    pub(crate) name: String,
    /// Deploy the static sites only
    #[arg(long = "static")]
    pub(crate) only_static: bool,
    /// Print the project's addresses as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(subcommand)]
    pub(crate) what: Option<ListWhat>,
    /// Only projects on this machine (all are, so far)
    #[arg(long)]
    pub(crate) local: bool,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ListWhat {
    /// A project's addresses
    Resources {
        /// The project's name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// The project's name
    #[arg(long, value_name = "NAME")]
    pub(crate) project: String,
    /// One handler, such as topics/order_placed/send_mail, or `worker`: what no handler printed [default: all]
    #[arg(long, visible_alias = "function", value_name = "HANDLER")]
    pub(crate) path: Option<String>,
    /// Only what is younger: 90s, 10m, 2h, 1d, or a time such as 2026-01-31T09:00:00Z
    #[arg(long, value_name = "DURATION|TIME", value_parser = crate::time::parse_since)]
    pub(crate) since: Option<crate::time::Since>,
    /// Go on printing what is logged from now on
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The project's name
    pub(crate) project: String,
    /// The topic's name
    pub(crate) topic: String,
    /// JSON text, @<file>, or `-` for stdin [default: what is piped in]
    #[arg(allow_negative_numbers = true)]
    pub(crate) message: Option<String>,
    /// Deliver it so much later: seconds, or 90s, 10m, 2h
    #[arg(long, value_name = "SECONDS|DURATION", value_parser = crate::time::parse_delay)]
    pub(crate) delay: Option<std::time::Duration>,
    /// Publish it once, however often it is published with this key within 24 hours
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Deliver it after all earlier ones of this key
    #[arg(long, value_name = "KEY")]
    pub(crate) ordering_key: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InvokeArgs {
    /// The project's name
    pub(crate) project: String,
    /// The function's name
    pub(crate) function: String,
    /// JSON text, @<file>, or `-` for stdin [default: what is piped in, else null]
    #[arg(allow_negative_numbers = true)]
    pub(crate) payload: Option<String>,
    /// Print the result on one line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The project's name
    pub(crate) name: String,
    /// Remove its data too, without asking, and what `build` and `run` keep of it on this machine
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// The project on this machine (all are, so far)
    #[arg(long)]
    pub(crate) local: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Start the local server in the background
    Start {
        #[command(flatten)]
        ports: PortArgs,
        /// Print its status as JSON
        #[arg(long)]
        json: bool,
    },
    /// Stop it; running handlers finish first
    Stop {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say whether it runs, and where; exit code 1 when it does not
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Run the server in the foreground
    #[command(hide = true)]
    Serve {
        #[command(flatten)]
        ports: PortArgs,
        /// Leave the terminal's session, so that closing it does not end the server
        #[arg(long)]
        detach: bool,
    },
}

impl ServerCommand {
    fn is_for_programs(&self) -> bool {
        match self {
            Self::Start { json, .. } | Self::Stop { json } | Self::Status { json } => *json,
            Self::Serve { .. } => false,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct PortArgs {
    /// The gateway's port, 0 for a free one [default: LESS_PORT, else the one it had, else 4747 or the next free]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The control API's port, 0 for a free one [default: the one it had, else 4748 or the next free]
    #[arg(long)]
    pub(crate) control_port: Option<u16>,
    /// The first port for static sites that have none yet, 0 for free ones [default: 4800, or free ones with --port 0]
    #[arg(long, value_name = "PORT")]
    pub(crate) site_port: Option<u16>,
}

/// What the environment says, read once; the flags come before it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `LESS_HOME`
    pub(crate) less_home: Option<PathBuf>,
    /// `LESS_PORT`
    pub(crate) less_port: Option<OsString>,
    /// `LESS_LOGS` is `discard`
    pub(crate) discards_lines: bool,
    /// `HOME`
    pub(crate) home: Option<PathBuf>,
}

impl Environment {
    /// An empty variable counts as none.
    pub(crate) fn read() -> Self {
        let var = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            less_home: var("LESS_HOME").map(Into::into),
            less_port: var("LESS_PORT"),
            discards_lines: var("LESS_LOGS").is_some_and(|logs| logs == "discard"),
            home: var("HOME").map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn function_is_another_word_for_path() {
        let cli = parse("less-cli log --project p --function apis/a/get --since 10m").unwrap();
        let Command::Log(log) = cli.command else { panic!("not log") };
        assert_eq!(log.path.as_deref(), Some("apis/a/get"));
        assert_eq!(log.since, Some(crate::time::Since::Ago(std::time::Duration::from_secs(600))));
    }

    #[test]
    fn a_message_may_be_a_negative_number_or_a_dash_but_no_unknown_flag() {
        for message in ["-5", "-1.5e3", "-"] {
            let cli = parse(&format!("less-cli publish shop order {message}")).unwrap();
            let Command::Publish(publish) = cli.command else { panic!("not publish") };
            assert_eq!(publish.message.as_deref(), Some(message));
        }
        assert_eq!(parse("less-cli publish shop order --dleay 5").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn an_organization_is_accepted_before_and_after_the_command() {
        assert_eq!(parse("less-cli -o 7 list").unwrap().organization.as_deref(), Some("7"));
        assert_eq!(parse("less-cli list resources x --organization 7").unwrap().organization.as_deref(), Some("7"));
    }

    #[test]
    fn a_misspelt_command_is_a_usage_error_with_a_suggestion() {
        let error = parse("less-cli deplyo x").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("'deploy'"), "{error}");
    }

    #[test]
    fn a_command_of_later_takes_any_arguments() {
        let cli = parse("less-cli trace orders --path /x").unwrap();
        let Command::Later(later) = cli.command else { panic!("not later") };
        assert_eq!(later.name, "trace");
        assert!(parse("less-cli login -u a -p b").is_ok());
    }
}
