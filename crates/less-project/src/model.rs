//! A project as its folder describes it. Every name in here has been checked.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Config, HandlerPath, Problem, ProjectName, RetryPolicy};

/// A valid project. Order everywhere: by path, so that a list is the same on every machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    pub name: ProjectName,
    pub apis: Vec<Api>,
    pub topics: Vec<Topic>,
    pub external_topics: Vec<ExternalTopic>,
    pub sockets: Vec<Socket>,
    pub crons: Vec<Cron>,
    pub functions: Vec<Function>,
    pub sites: Vec<Site>,
    /// Folders of `less/shared`.
    pub shared: Vec<String>,
    pub config: Config,
    /// What is legal but probably not meant.
    pub warnings: Vec<Problem>,
}

impl Project {
    /// Every handler: routes first, then what hears messages, then those of sockets, then functions.
    pub fn handlers(&self) -> impl Iterator<Item = &Handler> {
        let routes = self.apis.iter().flat_map(|api| &api.routes).map(|route| &route.handler);
        let own = self.topics.iter().flat_map(|topic| &topic.subscribers);
        let external = self.external_topics.iter().flat_map(|topic| &topic.subscribers);
        let subscribers = own.chain(external).map(|subscriber| &subscriber.handler);
        let crons = self.crons.iter().map(|cron| &cron.handler);
        let sockets = self.sockets.iter().flat_map(Socket::handlers);
        let functions = self.functions.iter().map(|function| &function.handler);
        routes.chain(subscribers).chain(crons).chain(sockets).chain(functions)
    }

    pub fn has_typescript(&self) -> bool {
        self.handlers().any(|handler| handler.language == Language::TypeScript)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    pub name: String,
    pub routes: Vec<Route>,
    /// Time limit of one invocation.
    pub timeout: Duration,
    /// The origins whose pages may call it: `https://shop.example`; `*` alone, or none set: every one.
    pub cors_origins: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub verb: Verb,
    /// Below the API's own folder; empty for `/`.
    pub segments: Vec<Segment>,
    pub handler: Handler,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    Fixed(String),
    /// `{name}`
    Param(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// As in a request: `GET`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// As in a file's name: `get`.
    pub fn file_stem(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    pub name: String,
    /// How long after publishing a delivery is still tried (default 4 days).
    pub retention: Duration,
    pub subscribers: Vec<Subscriber>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Subscriber {
    pub name: String,
    pub handler: Handler,
    /// Time limit of one attempt (default 15 min).
    pub timeout: Duration,
    /// How many deliveries run at once (default 64); 0 pauses the subscriber.
    pub concurrency: u32,
    pub retry: RetryPolicy,
}

/// A topic of another project: `less/external_topics/<placeholder>/<topic>/`.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalTopic {
    pub placeholder: String,
    pub topic: String,
    pub subscribers: Vec<Subscriber>,
}

impl ExternalTopic {
    /// The variable that names the other project: `chat-api` → `CHAT_API`.
    pub fn variable(&self) -> String {
        self.placeholder.to_ascii_uppercase().replace('-', "_")
    }

    /// The other project: what the variable says, else the placeholder itself.
    pub fn publisher(&self, env: &Env) -> String {
        env.get(&self.variable()).unwrap_or(&self.placeholder).clone()
    }
}

/// What clients connect to: `less/sockets/<socket>/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    pub name: String,
    /// Runs before a client is let in.
    pub connect: Option<Handler>,
    /// Runs after a connection has ended.
    pub disconnect: Option<Handler>,
    pub channels: Vec<Channel>,
    /// Time limit of one invocation.
    pub timeout: Duration,
}

impl Socket {
    pub fn handlers(&self) -> impl Iterator<Item = &Handler> {
        let channels = self.channels.iter().map(|channel| &channel.handler);
        self.connect.iter().chain(&self.disconnect).chain(channels)
    }
}

/// What clients send on: every folder of a socket save `connect` and `disconnect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub name: String,
    pub handler: Handler,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    pub name: String,
    pub handler: Handler,
    /// Time limit of one run.
    pub timeout: Duration,
    /// As `less.config` says: `Europe/Lisbon`.
    pub timezone: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub handler: Handler,
    /// Time limit of one call.
    pub timeout: Duration,
}

/// A folder that is served as it is: `less/statics/<site>/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub name: String,
}

/// A project's sites alone, as `deploy --static` takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statics {
    pub project: ProjectName,
    /// At least one.
    pub sites: Vec<Site>,
    /// What is legal but probably not meant.
    pub warnings: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    pub path: HandlerPath,
    /// Relative to the project's root, with `/`: `less/topics/a/b/index.js`.
    pub file: String,
    pub language: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    JavaScript,
    TypeScript,
    Python,
    Go,
    Rust,
}

/// Values of the variables a version was built with; never printed.
pub type Env = BTreeMap<String, String>;
