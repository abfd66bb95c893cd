//! Talks to a server over its control API, whose bodies are those of `less_server::control::api`.
//!
//! In: the server's home, where `server.json` says where it listens and `token` lets its owner in.
//! Proxies of the environment are not used: the API is on this machine.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use less_project::ProjectName;
use less_server::control::api::{
    Deleted, DeployEvent, DeployMeta, ErrorBody, LogLine, ProjectInfo, Published, Resources, ServerFile, Status,
};
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body, SendBody};

use crate::lines::{Ended, Heard, lines};

/// The version of this program, which a server must share.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// A server that does not tell its status within this time counts as silent.
const STATUS_WAIT: Duration = Duration::from_secs(5);

/// What a home says about its server.
pub(crate) enum Found {
    Running(Client, Status),
    /// Its process is there, but gives no good answer: it is starting, stopping or stuck.
    Silent {
        pid: u32,
        why: anyhow::Error,
    },
    /// None, or what a dead one left behind.
    Nothing,
}

#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
    bearer: String,
}

/// The server's own words for why it does not do it.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Stable: `unknown_project`.
    pub(crate) code: String,
    message: String,
    /// Of what a function threw.
    pub(crate) name: Option<String>,
}

/// Which log lines.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogQuery {
    /// A handler's identity; all when none.
    pub(crate) path: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) since: Option<i64>,
    /// The cursor of the last line seen.
    pub(crate) after: Option<String>,
    /// And those to come, without end.
    pub(crate) follow: bool,
}

/// How a message is published; what is missing is not wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct PublishOptions {
    pub(crate) delay: Option<Duration>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) ordering_key: Option<String>,
}

/// Looks for the server of a home.
///
/// After a crash, anybody's program may have got its port; so the token is shown only where its process still lives.
pub(crate) fn find(home: &Path) -> anyhow::Result<Found> {
    let path = home.join("server.json");
    let (Some(text), Ok(metadata)) = (read_if_there(&path)?, fs::metadata(&path)) else { return Ok(Found::Nothing) };
    let file: ServerFile = serde_json::from_str(&text)
        .with_context(|| format!("{} is damaged; remove it if no server runs", path.display()))?;
    // Its owner's, for root may look at another user's home; ours, for some file systems invent owners.
    let users = [metadata.uid(), rustix::process::geteuid().as_raw()];
    if !is_server(file.pid, &users) {
        return Ok(Found::Nothing);
    }
    let token = read_if_there(&home.join("token"))?.unwrap_or_default();
    let client = Client::new(file.control_port, token.trim());
    Ok(match client.status() {
        Ok(status) => Found::Running(client, status),
        Err(why) if is_server(file.pid, &users) => Found::Silent { pid: file.pid, why },
        Err(_) => Found::Nothing,
    })
}

/// The running server of a home, or an error that says how to get one.
pub(crate) fn connect(home: &Path) -> anyhow::Result<Client> {
    match find(home)? {
        Found::Running(client, status) => same_version(&status).map(|()| client),
        Found::Silent { pid, why } => Err(silent(pid, &why)),
        Found::Nothing => bail!("no server is running\n  hint: start it with `less-cli server start`"),
    }
}

pub(crate) fn silent(pid: u32, why: &anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!(
        "the server (process {pid}) does not answer: {why:#}\n  hint: it may be stopping; try again, or end it with `kill {pid}`"
    )
}

/// Client and server are one program; only `status` and `stop` work across versions.
pub(crate) fn same_version(status: &Status) -> anyhow::Result<()> {
    if status.version == VERSION {
        return Ok(());
    }
    bail!(
        "the running server has version {}, this less-cli {VERSION}\n  hint: restart it: less-cli server stop && less-cli server start",
        status.version
    )
}

/// Whether the process exists and has not ended (a zombie has).
pub(crate) fn alive(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // pid (name) state …; the name may itself contain anything.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// Whether the process is a server of one of `users`: after a crash, its number may have gone to another program.
fn is_server(pid: u32, users: &[u32]) -> bool {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<&[u8]> = words.split(|&byte| byte == 0).collect();
    let serves = words.windows(2).any(|pair| pair == [b"server".as_slice(), b"serve"]);
    alive(pid) && serves && user_of(pid).is_some_and(|user| users.contains(&user))
}

/// For whom a process acts: the second of the numbers after `Uid:`.
fn user_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?.parse().ok()
}

pub(crate) fn read_if_there(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

impl Client {
    fn new(control_port: u16, token: &str) -> Self {
        let config = Agent::config_builder().proxy(None).http_status_as_error(false).max_redirects(0).build();
        let base = format!("http://127.0.0.1:{control_port}/v1");
        Self { agent: config.into(), base, bearer: format!("Bearer {token}") }
    }

    pub(crate) fn status(&self) -> anyhow::Result<Status> {
        let request = self.agent.get(self.url("status")).header("authorization", &self.bearer);
        json(request.config().timeout_global(Some(STATUS_WAIT)).build().call())
    }

    pub(crate) fn projects(&self) -> anyhow::Result<Vec<ProjectInfo>> {
        json(self.agent.get(self.url("projects")).header("authorization", &self.bearer).call())
    }

    pub(crate) fn resources(&self, project: &ProjectName) -> anyhow::Result<Resources> {
        let url = self.url(&format!("projects/{}", project.as_ref()));
        json(self.agent.get(url).header("authorization", &self.bearer).call())
    }

    /// Sends the snapshot and hands on what the server tells meanwhile; the last event is `Done` or `Failed`.
    pub(crate) fn deploy(
        &self,
        project: &ProjectName,
        meta: &DeployMeta,
        snapshot: File,
        mut each: impl FnMut(DeployEvent) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let meta = serde_json::to_vec(meta)?;
        let length = u32::try_from(meta.len()).context("the values of the variables are too long")?;
        let mut body = io::Cursor::new([&length.to_le_bytes()[..], &meta].concat()).chain(BufReader::new(snapshot));
        let url = self.url(&format!("projects/{}/deploy", project.as_ref()));
        let request = self.agent.post(url).header("authorization", &self.bearer);
        let events = accepted(request.send(SendBody::from_reader(&mut body)))?;
        let ended = lines(events.into_body().into_reader(), |heard| match heard {
            Heard::Line(event) => each(event).map(|()| true),
            Heard::Pause => Ok(true),
        })?;
        ended.complete()
    }

    /// Hands on each line, oldest first, until `each` says that it is enough.
    pub(crate) fn log(
        &self,
        project: &ProjectName,
        query: &LogQuery,
        each: impl FnMut(Heard<LogLine>) -> anyhow::Result<bool>,
    ) -> anyhow::Result<Ended> {
        let url = self.url(&format!("projects/{}/log", project.as_ref()));
        let mut request = self.agent.get(url).header("authorization", &self.bearer);
        for (name, value) in [
            ("path", query.path.clone()),
            ("since", query.since.map(|ms| ms.to_string())),
            ("after", query.after.clone()),
            ("follow", query.follow.then(|| "true".to_owned())),
        ] {
            if let Some(value) = value {
                request = request.query(name, value);
            }
        }
        match accepted(request.call()) {
            Ok(log) => lines(log.into_body().into_reader(), each),
            Err(error) if error.is::<Refused>() => Err(error),
            Err(error) => Ok(Ended::Broke(error)),
        }
    }

    /// `message`: JSON. Returns the message's id once it is durable.
    pub(crate) fn publish(
        &self,
        project: &ProjectName,
        topic: &str,
        message: &str,
        options: &PublishOptions,
    ) -> anyhow::Result<Published> {
        let url = self.url(&format!("projects/{}/topics/{topic}/publish", project.as_ref()));
        let mut request = self.agent.post(url).header("authorization", &self.bearer);
        for (name, value) in [
            ("delay", options.delay.map(|delay| delay.as_secs_f64().to_string())),
            ("idempotency_key", options.idempotency_key.clone()),
            ("ordering_key", options.ordering_key.clone()),
        ] {
            if let Some(value) = value {
                request = request.query(name, value);
            }
        }
        json(request.content_type("application/json").send(message))
    }

    /// `argument`: JSON, as is the result.
    pub(crate) fn invoke(&self, project: &ProjectName, function: &str, argument: &str) -> anyhow::Result<String> {
        let url = self.url(&format!("projects/{}/functions/{function}/invoke", project.as_ref()));
        let request = self.agent.post(url).header("authorization", &self.bearer).content_type("application/json");
        let mut response = accepted(request.send(argument))?;
        response.body_mut().read_to_string().context("the connection to the server broke")
    }

    pub(crate) fn delete(&self, project: &ProjectName, purge: bool) -> anyhow::Result<Deleted> {
        let url = self.url(&format!("projects/{}", project.as_ref()));
        let request = self.agent.delete(url).query("purge", purge.to_string());
        json(request.header("authorization", &self.bearer).call())
    }

    /// Asks the server to drain and exit; it does so after answering.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        let request = self.agent.post(self.url("stop")).header("authorization", &self.bearer);
        accepted(request.config().timeout_global(Some(STATUS_WAIT)).build().send_empty()).map(drop)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}

type Answer = Result<Response<Body>, ureq::Error>;

fn accepted(answer: Answer) -> anyhow::Result<Response<Body>> {
    let mut response = answer.context("cannot talk to the server")?;
    let status = response.status().as_u16();
    if status < 400 {
        return Ok(response);
    }
    let text = response.body_mut().read_to_string().unwrap_or_default();
    Err(refusal(status, &text).into())
}

fn refusal(status: u16, text: &str) -> Refused {
    match serde_json::from_str(text) {
        Ok(ErrorBody { code, message, name }) => Refused { code, message, name },
        Err(_) => {
            let message = format!("the server answered with status {status}");
            Refused { code: String::new(), message, name: None }
        }
    }
}

fn json<T: DeserializeOwned>(answer: Answer) -> anyhow::Result<T> {
    accepted(answer)?.body_mut().read_json().context("the server's answer cannot be understood")
}

impl Refused {
    /// The same, told in other words.
    pub(crate) fn reworded(self, message: String) -> Self {
        Self { message, ..self }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A process that looks like a server until its stdin is closed.
    fn stand_in() -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", "echo; read line", "server", "serve"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A process that has just begun has no arguments yet.
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        child
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let refused = refusal(404, r#"{"code":"unknown_project","message":"there is no project shop"}"#);
        assert_eq!(refused.to_string(), "there is no project shop");
        assert!(refusal(500, "<html>").to_string().contains("500"));
    }

    #[test]
    fn this_process_is_alive_and_the_last_possible_one_is_not() {
        assert!(alive(std::process::id()));
        assert!(!alive(u32::MAX));
    }

    #[test]
    fn a_home_without_a_server_has_none() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(find(home.path()).unwrap(), Found::Nothing));
        let error = connect(home.path()).err().unwrap().to_string();
        assert!(error.contains("less-cli server start"), "{error}");
    }

    #[test]
    fn what_a_dead_server_left_behind_counts_as_none() {
        let home = tempfile::tempdir().unwrap();
        let left = ServerFile { pid: u32::MAX, gateway_port: 1, control_port: 1 };
        fs::write(home.path().join("server.json"), serde_json::to_vec(&left).unwrap()).unwrap();
        assert!(matches!(find(home.path()).unwrap(), Found::Nothing));
    }

    #[test]
    fn a_server_that_does_not_answer_is_named_and_another_program_with_its_number_is_not() {
        let home = tempfile::tempdir().unwrap();
        let leave = |pid| {
            let file = ServerFile { pid, gateway_port: 1, control_port: 1 };
            fs::write(home.path().join("server.json"), serde_json::to_vec(&file).unwrap()).unwrap();
        };
        let mut server = stand_in();
        leave(server.id());
        let error = connect(home.path()).err().unwrap().to_string();
        assert!(error.contains(&format!("process {}", server.id())), "{error}");
        leave(std::process::id());
        assert!(matches!(find(home.path()).unwrap(), Found::Nothing));
        drop(server.stdin.take());
        server.wait().unwrap();
    }

    #[test]
    fn the_token_is_not_shown_to_who_has_the_port_of_a_dead_server() {
        let home = tempfile::tempdir().unwrap();
        let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        stranger.set_nonblocking(true).unwrap();
        let control_port = stranger.local_addr().unwrap().port();
        fs::write(home.path().join("token"), "secret").unwrap();
        for pid in [u32::MAX, std::process::id()] {
            let left = ServerFile { pid, gateway_port: 1, control_port };
            fs::write(home.path().join("server.json"), serde_json::to_vec(&left).unwrap()).unwrap();
            assert!(matches!(find(home.path()).unwrap(), Found::Nothing));
        }
        assert_eq!(stranger.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock, "nobody has connected");
    }

    #[test]
    fn a_server_of_another_user_is_not_the_homes() {
        let mut server = stand_in();
        let user = rustix::process::geteuid().as_raw();
        assert!(is_server(server.id(), &[user + 1, user]));
        assert!(!is_server(server.id(), &[user + 1]));
        drop(server.stdin.take());
        server.wait().unwrap();
    }

    #[test]
    fn a_server_of_another_version_is_refused_with_a_way_out() {
        let status = Status {
            version: "0.0.1".into(),
            pid: 1,
            home: String::new(),
            gateway_url: String::new(),
            started_at: 0,
            projects: 0,
            memory: 0,
        };
        let error = same_version(&status).unwrap_err().to_string();
        assert!(error.contains("0.0.1") && error.contains("server stop"), "{error}");
    }
}
