//! `create …` and `init` as typed. Names stay text here: what is wrong with them is told in the project's words.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use less_project::{Language, Verb};

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(subcommand)]
    pub(crate) what: CreateCommand,
    /// Print what was created as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CreateCommand {
    /// A route of an API: less/apis/<name>/<path>/<verb>
    Route(RouteArgs),
    /// A socket, or more channels of one: less/sockets/<name>/<channel>
    Socket(SocketArgs),
    /// A topic, with or without subscribers: less/topics/<name>/<subscriber>
    Topic(TopicArgs),
    /// Subscribers of a topic: less/topics/<topic>/<subscriber>
    #[command(alias = "subscriber")]
    Subscribers(SubscribersArgs),
    /// A cron, with its schedule in less.config and .env: less/crons/<name>
    Cron(CronArgs),
    /// Code that all handlers of a language can load: less/shared/<name>
    SharedModule(OneArgs),
    /// A function that handlers in any language can call: less/functions/<name>
    #[command(alias = "function")]
    CloudFunction(OneArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RouteArgs {
    /// The API's name, such as store_api
    #[arg(short, long)]
    pub(crate) name: Option<String>,
    /// The path below the API, such as /orders/{order_id}
    #[arg(short, long)]
    pub(crate) path: Option<String>,
    #[command(flatten)]
    pub(crate) language: LanguageArg,
    /// The verb that the route answers
    #[arg(short, long, ignore_case = true)]
    pub(crate) verb: Option<VerbArg>,
}

#[derive(Debug, Args)]
pub(crate) struct SocketArgs {
    /// The socket's name, such as realtime_chat
    #[arg(short, long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) language: LanguageArg,
    /// Channels that clients send to, such as public_chatroom private_chatroom
    #[arg(short, long, num_args = 1.., value_name = "CHANNEL")]
    pub(crate) channels: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TopicArgs {
    /// The topic's name, such as user_created
    #[arg(short, long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) language: LanguageArg,
    /// Its subscribers, such as send_welcome_email send_to_analytics
    #[arg(short, long, num_args = 1.., value_name = "SUBSCRIBER")]
    pub(crate) subscribers: Vec<String>,
    #[command(flatten)]
    pub(crate) external: ExternalArg,
}

#[derive(Debug, Args)]
pub(crate) struct SubscribersArgs {
    /// The subscribers, such as send_welcome_email send_to_analytics
    #[arg(short, long, num_args = 1.., value_name = "SUBSCRIBER")]
    pub(crate) names: Vec<String>,
    /// The topic's name, such as user_created
    #[arg(short, long)]
    pub(crate) topic: Option<String>,
    #[command(flatten)]
    pub(crate) language: LanguageArg,
    #[command(flatten)]
    pub(crate) external: ExternalArg,
}

#[derive(Debug, Args)]
pub(crate) struct CronArgs {
    #[command(flatten)]
    pub(crate) one: OneArgs,
    /// When it runs: rate(5 minutes), or cron fields such as "0 9 ? * MON-FRI *" (UTC)
    #[arg(long, default_value = "rate(1 hour)")]
    pub(crate) schedule: String,
}

#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// Its name, such as generate_report
    #[arg(short, long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) language: LanguageArg,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LanguageArg {
    /// The language of the handlers
    #[arg(short, long)]
    pub(crate) language: Option<LanguageName>,
}

#[derive(Debug, Args)]
pub(crate) struct ExternalArg {
    /// The other project whose topic it is, or a placeholder for its name; `-ex` is the same
    #[arg(long = "external-topic", value_name = "PROJECT")]
    pub(crate) external: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where: a new folder, or one without less/ [default: this one]
    pub(crate) folder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) language: LanguageArg,
    /// Print what was created as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// As in the names of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LanguageName {
    #[value(alias = "javascript")]
    Js,
    #[value(alias = "typescript")]
    Ts,
    #[value(alias = "python")]
    Py,
    #[value(hide = true)]
    Go,
    #[value(hide = true)]
    Rs,
}

impl From<LanguageName> for Language {
    fn from(name: LanguageName) -> Self {
        match name {
            LanguageName::Js => Self::JavaScript,
            LanguageName::Ts => Self::TypeScript,
            LanguageName::Py => Self::Python,
            LanguageName::Go => Self::Go,
            LanguageName::Rs => Self::Rust,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerbArg {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl From<VerbArg> for Verb {
    fn from(verb: VerbArg) -> Self {
        match verb {
            VerbArg::Get => Self::Get,
            VerbArg::Post => Self::Post,
            VerbArg::Put => Self::Put,
            VerbArg::Patch => Self::Patch,
            VerbArg::Delete => Self::Delete,
        }
    }
}

/// `-ex`, as the reference has it: clap would read it as `-e x`.
pub(crate) fn with_long_options(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if !arguments.iter().any(|argument| argument == "create") {
        return arguments;
    }
    for argument in arguments.iter_mut().take_while(|argument| *argument != "--") {
        let text = argument.to_string_lossy();
        if let Some(value) = text.strip_prefix("-ex").filter(|value| value.is_empty() || value.starts_with('=')) {
            *argument = format!("--external-topic{value}").into();
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["less-cli"].into_iter().chain(line.split_whitespace()))
    }

    #[test]
    fn an_option_of_two_letters_is_its_long_form() {
        let long = |line: &str| {
            let words = with_long_options(line.split_whitespace().map(Into::into).collect());
            words.join(" ".as_ref()).into_string().unwrap()
        };
        for (typed, meant) in [
            ("less-cli create topic -n paid -ex till", "less-cli create topic -n paid --external-topic till"),
            ("less-cli create topic -ex=till", "less-cli create topic --external-topic=till"),
            ("less-cli create topic --name -- -ex", "less-cli create topic --name -- -ex"),
            ("less-cli create topic -n -example", "less-cli create topic -n -example"),
            ("less-cli publish shop paid -ex", "less-cli publish shop paid -ex"),
        ] {
            assert_eq!(long(typed), meant);
        }
    }

    #[test]
    fn create_takes_the_options_of_the_reference() {
        for line in [
            "create route -n store_api -p /orders/{order_id} -l ts -v post",
            "create socket --name realtime_chat --language py --channels public private",
            "create socket -n chat -l js -c public private",
            "create topic -n user_created -l js -s one two --external-topic till",
            "create subscribers -n one two -t user_created -l py",
            "create subscribers --names one two --topic user_created --language py",
            "create cron -n report -l js --json",
            "create shared-module -n models -l ts",
            "create cloud-function -n add -l go",
        ] {
            assert!(matches!(parse(line).unwrap().command, Command::Create(_)), "{line}");
        }
        assert_eq!(parse("create route -l cobol").unwrap_err().exit_code(), 2);
    }
}
