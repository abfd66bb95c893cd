//! A system under test: started by its `start.mjs`, which says what it consists of and when it is ready.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::bench::say;
use crate::guard;
use crate::processes::Part;

/// Which system, and how it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The folder in `bench/systems`.
    pub name: String,
    /// `sync` or `default`.
    pub durability: String,
    /// How many messages one subscriber handles at once; ours takes no notice.
    pub concurrency: u32,
    /// In how many processes it runs; 0 for its own choice.
    pub processes: u32,
}

/// A running system; dropped, it is stopped.
pub struct System {
    guard: Child,
    /// Its processes.
    pub parts: Vec<Part>,
    /// Where its front listens.
    pub address: SocketAddr,
    /// For `host` headers.
    pub host: String,
    /// Before the paths of requests.
    pub prefix: String,
    /// From its start until it was ready.
    pub ready_in: Duration,
    lines: Receiver<String>,
}

const READY_WITHIN: Duration = Duration::from_secs(120);

impl System {
    /// Starts it with its state in `state`, reporting to the socket `completions`.
    pub fn start(root: &Path, setting: &Setting, state: &Path, completions: &Path) -> Result<Self> {
        let script = root.join("bench/systems").join(&setting.name).join("start.mjs");
        ensure!(script.exists(), "there is no bench/systems/{}/start.mjs", setting.name);
        fs::create_dir_all(state)?;
        let told = state.with_extension("err");
        let port = free_port()?;
        let begun = Instant::now();
        let mut guard = guard::guarded("node")?
            .arg(&script)
            .current_dir(root)
            .env("PORT", port.to_string())
            .env("STATE", state)
            .env("CONCURRENCY", setting.concurrency.to_string())
            .env("PROCESSES", setting.processes.to_string())
            .env("DURABILITY", &setting.durability)
            .env("COMPLETIONS", completions)
            .stdout(Stdio::piped())
            .stderr(File::create(&told)?)
            .spawn()
            .context("cannot start the guard of a system")?;
        let stdout = guard.stdout.take().context("the guard has no stdout")?;
        let mut system = Self {
            guard,
            parts: Vec::new(),
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            host: format!("127.0.0.1:{port}"),
            prefix: String::new(),
            ready_in: Duration::ZERO,
            lines: lines_of(stdout),
        };
        system.until_ready(begun).with_context(|| {
            let text = fs::read_to_string(&told).unwrap_or_default();
            say(&text);
            let error = text.lines().find(|line| line.contains("Error")).or(text.lines().next_back());
            format!("{} does not start ({})", setting.name, error.unwrap_or("it says nothing"))
        })?;
        Ok(system)
    }

    fn until_ready(&mut self, begun: Instant) -> Result<()> {
        loop {
            let line = match self.lines.recv_timeout(READY_WITHIN.saturating_sub(begun.elapsed())) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => bail!("not ready within {READY_WITHIN:?}"),
                Err(RecvTimeoutError::Disconnected) => bail!("it ended before it was ready"),
            };
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["ready"] => break,
                ["pid", role, pid] => self.parts.push(Part { role: role.to_owned(), pid: pid.parse()? }),
                ["base", path] => path.trim_end_matches('/').clone_into(&mut self.prefix),
                _ => {}
            }
        }
        self.ready_in = begun.elapsed();
        Ok(())
    }

    /// A request's path.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Stops it and waits for it.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        guard::end(&mut self.guard)
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // Stopped before, or there is nobody left to tell.
        drop(self.end());
    }
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = sync_channel(1_024);
    std::thread::spawn(move || {
        // What it says once nobody listens is read all the same, so that it never waits.
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            sender.try_send(line).ok();
        }
    });
    lines
}

/// Fresh folders for systems' state, below one that is removed in the end.
pub struct States {
    folder: tempfile::TempDir,
    sockets: tempfile::TempDir,
    count: u32,
}

impl States {
    /// Below `folder`, which must be on a disk: in memory, nothing that is synced costs what it costs.
    pub fn below(folder: &Path) -> Result<Self> {
        const TMPFS: i64 = 0x0102_1994;
        fs::create_dir_all(folder)?;
        let kind = rustix::fs::statfs(folder)?.f_type;
        ensure!(
            kind != TMPFS,
            "{} is in memory, where syncing costs nothing; name another with --state",
            folder.display()
        );
        let folder = tempfile::Builder::new().prefix("run-").tempdir_in(folder)?;
        // Short, because sockets' paths must be.
        let sockets = tempfile::Builder::new().prefix("less-bench-").tempdir()?;
        Ok(Self { folder, sockets, count: 0 })
    }

    /// A folder that does not exist yet, and the path of a socket.
    pub fn fresh(&mut self, name: &str) -> (PathBuf, PathBuf) {
        self.count += 1;
        let number = self.count;
        (self.folder.path().join(format!("{number}-{name}")), self.sockets.path().join(number.to_string()))
    }
}
