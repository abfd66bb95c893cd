//! What the control API says: the bodies that `less-cli` and the server exchange, as JSON.
//!
//! ```text
//! every request carries `authorization: Bearer <token>` (the file `token` in the server's home, mode 0600)
//! GET    /v1/status                                  → Status
//! POST   /v1/projects/<name>/deploy                  → DeployEvent per line (NDJSON), the last one Done or Failed
//!        body: u32 LE length · DeployMeta as JSON · a tar of the project's folder, or of its sites alone
//! GET    /v1/projects                                → [ProjectInfo]
//! GET    /v1/projects/<name>                         → Resources
//! GET    /v1/projects/<name>/log?path=&since=&after=&follow=true → LogLine per line (NDJSON), oldest first;
//!        path: a handler's identity, or none for all; since: ms since 1970; after: the cursor of the last line seen;
//!        follow: it does not end, but goes on with each line as it is stored, until the server stops
//! POST   /v1/projects/<name>/topics/<topic>/publish?delay=&idempotency_key=&ordering_key= → Published
//!        body: the message, JSON; delay: seconds
//! POST   /v1/projects/<name>/functions/<function>/invoke → its result, JSON
//!        body: the argument, JSON
//! DELETE /v1/projects/<name>?purge=true|false        → Deleted
//! POST   /v1/stop                                    → 202; the server drains and exits
//! ```
//! Errors: status ≥ 400 with [`ErrorBody`].

use std::collections::BTreeMap;

use less_project::Problem;
use serde::{Deserialize, Serialize};

/// Where a running server is found: the file `server.json` in its home, written once it listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFile {
    pub pid: u32,
    pub gateway_port: u16,
    pub control_port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The server's own version.
    pub version: String,
    pub pid: u32,
    pub home: String,
    pub gateway_url: String,
    /// Milliseconds since 1970.
    pub started_at: i64,
    pub projects: usize,
    /// Resident memory of the server process, bytes.
    pub memory: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployMeta {
    /// The values of the variables that `less.config` lists, read by the caller.
    pub env: BTreeMap<String, String>,
    /// The snapshot has `less/statics` only, and only the sites are to be deployed.
    #[serde(default)]
    pub only_sites: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum DeployEvent {
    /// What happens now; for a spinner or a line on stderr.
    Step {
        step: Step,
    },
    Warning {
        problem: Problem,
    },
    /// A version is live.
    Done {
        resources: Resources,
    },
    /// Nothing changed. `problems` when the project is at fault, `message` always.
    Failed {
        message: String,
        problems: Vec<Problem>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Checking,
    InstallingDependencies,
    StartingWorkers,
    Switching,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectInfo {
    pub name: String,
    pub id: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A deployed (or locally running) project's addresses, in alphabetical order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    pub project: ProjectInfo,
    /// The project's APIs, and the generated `topics` one.
    pub apis: Vec<NamedUrl>,
    pub sockets: Vec<NamedUrl>,
    pub websites: Vec<NamedUrl>,
    /// Unsettled deliveries per subscriber that has some: `topics/<topic>/<subscriber>`.
    pub waiting: Vec<Waiting>,
    #[serde(default)]
    pub crons: Vec<CronInfo>,
    /// What of it does not work for now, and why: sites whose port another program has.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedUrl {
    pub name: String,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub handler: String,
    pub deliveries: u64,
    /// No deployed subscriber takes them: they wait until it returns, or expire.
    pub parked: bool,
    /// Its `concurrency` is 0: they wait until a deploy says otherwise, or expire.
    pub paused: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CronInfo {
    pub name: String,
    /// As the project says it: `0 9 * * ? *`, `rate(5 minutes)`.
    pub schedule: String,
    /// The next run, ms since 1970; none when there is no further one.
    pub next: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Of the message; of the first one, when this repeats its idempotency key.
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Milliseconds since 1970.
    pub time: i64,
    /// The handler's identity.
    pub path: String,
    /// `out`, `error`, or `less` for a line of the system (a failed attempt, lines left out).
    pub stream: String,
    /// The invocation it belongs to; empty for none.
    pub invocation: String,
    pub text: String,
    /// Where to go on: `after=<cursor>`.
    pub cursor: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// Deliveries that waited.
    pub waiting: u64,
    /// Whether messages, deliveries, dead letters, logs and versions were removed too.
    pub purged: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Stable: `unknown_project`, `unauthorized`, `bad_request`, …
    pub code: String,
    pub message: String,
    /// Of `function_failed`: the name of what the function threw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
