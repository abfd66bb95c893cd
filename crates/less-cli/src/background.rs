//! Starts a home's server in the background, when none runs, and waits until it answers.
//!
//! The server is this program with `server serve --detach`, its output in `server.log`. Two who start
//! one at the same time get the same one: the store's lock lets only one live, and both find it. A server
//! that finds its home in use ends with a code of its own, and is tried again: what has the home may be
//! about to answer, or about to end.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use less_server::control::api::Status;

use crate::args::PortArgs;
use crate::client::{Client, Found, find, silent};
use crate::foreground::own_executable;
use crate::printer::Printer;
use crate::resolve::LessHome;

/// The code of a server in the background whose home another process has (`EX_TEMPFAIL`).
pub(crate) const HOME_IN_USE: u8 = 75;
/// Longer than a server takes to drain and to exit.
pub(crate) const STOP_WAIT: Duration = Duration::from_secs(40);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Longer than opening a store with a large backlog takes.
const START_WAIT: Duration = Duration::from_secs(60);
/// When its home is in use, a server is tried again after this long.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// A log longer than this at a start is put aside as `server.log.1`.
const LOG_LIMIT: u64 = 16 << 20;

/// Whether the server was there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    WasRunning,
    Started,
}

/// The home's server, of whatever version, started when there is none.
pub(crate) fn ensure(home: &LessHome, ports: PortArgs, out: &mut Printer) -> anyhow::Result<(Client, Status, Start)> {
    match settled(&home.server(), out)? {
        Found::Running(client, status) => Ok((client, status, Start::WasRunning)),
        Found::Silent { pid, why } => Err(silent(pid, &why)),
        Found::Nothing => {
            out.step("Starting a local server");
            let started = start(home, ports)?;
            out.end_step();
            Ok(started)
        }
    }
}

/// Waits for a server that is starting or stopping.
fn settled(home: &Path, out: &mut Printer) -> anyhow::Result<Found> {
    let deadline = Instant::now() + STOP_WAIT;
    let mut found = find(home)?;
    if matches!(found, Found::Silent { .. }) {
        out.step("Waiting for the server, which does not answer");
    }
    while matches!(found, Found::Silent { .. }) && Instant::now() < deadline {
        sleep(LOOK_AGAIN * 10);
        found = find(home)?;
    }
    Ok(found)
}

fn start(home: &LessHome, ports: PortArgs) -> anyhow::Result<(Client, Status, Start)> {
    let root = home.server();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&root)
        .with_context(|| format!("cannot make the folder {}", root.display()))?;
    let log_path = root.join("server.log");
    let log = open_log(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
    let said_before = log.metadata()?.len();
    let mut child = spawn(home, &root, ports, &log)?;
    let mut tried = Instant::now();
    let deadline = tried + START_WAIT;
    while Instant::now() < deadline {
        let ended = child.try_wait().context("cannot wait for the server")?;
        // Looked for after the end, too: another one may have won the home meanwhile.
        if let Found::Running(client, status) = find(&root)? {
            let start = if status.pid == child.id() { Start::Started } else { Start::WasRunning };
            return Ok((client, status, start));
        }
        match ended {
            Some(ended) if !lost_the_home(ended) => {
                bail!("the server did not start: {}", reason(&said_since(log, said_before), &log_path))
            }
            Some(_) if tried.elapsed() > TRY_AGAIN => {
                child = spawn(home, &root, ports, &log)?;
                tried = Instant::now();
            }
            Some(_) | None => (),
        }
        sleep(LOOK_AGAIN);
    }
    let who = match child.try_wait() {
        Ok(Some(_)) => format!("another process has the home {} and", root.display()),
        Ok(None) | Err(_) => format!("the server (process {})", child.id()),
    };
    bail!("{who} does not answer after {} s\n  hint: its log is {}", START_WAIT.as_secs(), log_path.display())
}

fn lost_the_home(ended: ExitStatus) -> bool {
    ended.code() == Some(HOME_IN_USE.into())
}

/// Whether a server did not start because another process has its home.
pub(crate) fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(less_store::Error::InUse(_)))
}

fn spawn(home: &LessHome, root: &Path, ports: PortArgs, log: &File) -> anyhow::Result<Child> {
    let mut command = Command::new(own_executable()?);
    command.args(["server", "serve", "--detach"]);
    for (flag, port) in
        [("--port", ports.port), ("--control-port", ports.control_port), ("--site-port", ports.site_port)]
    {
        if let Some(port) = port {
            command.arg(flag).arg(port.to_string());
        }
    }
    command
        .env("LESS_HOME", home.root())
        .env_remove("LESS_PORT")
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log.try_clone()?))
        .spawn()
        .context("cannot start the server's process")
}

fn open_log(path: &Path) -> std::io::Result<File> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > LOG_LIMIT) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)
}

fn said_since(mut log: File, offset: u64) -> String {
    let mut said = Vec::new();
    // What cannot be read is not shown; the log's path is.
    log.seek(SeekFrom::Start(offset)).and_then(|_| log.read_to_end(&mut said)).ok();
    String::from_utf8_lossy(&said).into_owned()
}

/// The error a server ended with, from what it said; else where to look.
fn reason(said: &str, log: &Path) -> String {
    match said.rsplit_once("[less-cli] ERROR: ") {
        Some((_, error)) => error.trim_end().to_owned(),
        None => format!("it ended without a word\n  hint: its log is {}", log.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_last_error_the_server_told() {
        let said =
            "INFO opening the store\n[less-cli] ERROR: port 4747 is taken by another program\n  hint: use --port\n";
        let reason_told = reason(said, Path::new("/x/server.log"));
        assert_eq!(reason_told, "port 4747 is taken by another program\n  hint: use --port");
        assert!(reason("Killed", Path::new("/x/server.log")).contains("/x/server.log"));
    }

    #[test]
    fn a_long_log_is_put_aside() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("server.log");
        File::create(&path).unwrap().set_len(LOG_LIMIT + 1).unwrap();
        assert_eq!(open_log(&path).unwrap().metadata().unwrap().len(), 0);
        assert_eq!(fs::metadata(home.path().join("server.log.1")).unwrap().len(), LOG_LIMIT + 1);
    }
}
