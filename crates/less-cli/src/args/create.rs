//! `create …` and `init` as typed. Names stay text here: what is wrong with them is told in the project's words.

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
    Subscribers(SubscribersArgs),
    /// A cron, with its schedule in less.config and .env: less/crons/<name>
    Cron(CronArgs),
    /// Code that all handlers of a language can load: less/shared/<name>
    SharedModule(OneArgs),
    /// A function that handlers in any language can call: less/functions/<name>
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
    #[arg(short, long)]
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
    Js,
    Ts,
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
