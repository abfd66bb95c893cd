//! Our own server with projects of a scenario's making, for what no other system is asked: backlogs, key-values, logs.
//!
//! The project is `bench/systems/less/project` with files added or changed. The server runs in the foreground behind a
//! guard, so that it can be stopped and started again with the state it had.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::bench::Bench;
use crate::drive::Drive;
use crate::guard;
use crate::http;
use crate::outcome::Outcome;
use crate::processes::{Part, Usages, Watch};
use crate::run::{Length, Load, Pace, Plan};
use crate::system::free_port;

const PROJECT: &str = "food";
const PREFIX: &str = "/food/apis/food";
const ANSWERS_WITHIN: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A project on a server of its own; dropped, the server is stopped.
pub struct Ours {
    cli: PathBuf,
    folder: PathBuf,
    completions: PathBuf,
    address: SocketAddr,
    guard: Option<Child>,
    /// The load generator's hold on it.
    pub drive: Drive,
    patience: Duration,
}

impl Ours {
    /// The benchmark's project with `files` put over it, each with its path; orders are complete after `handlers` runs.
    pub fn create(bench: &mut Bench, files: &[(String, String)], handlers: u32) -> Result<Self> {
        let (folder, completions) = bench.states.fresh("ours");
        let project = folder.join("project");
        copy(&bench.root.join("bench/systems/less/project"), &project)?;
        let module = project.join("less/shared/completion");
        fs::create_dir_all(&module)?;
        fs::copy(bench.root.join("bench/completion.cjs"), module.join("index.js"))?;
        for (path, text) in files {
            write(&project.join(path), text)?;
        }
        let drive = Drive::listen(&completions, handlers)?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let patience = bench.options.patience;
        Ok(Self { cli: cli(&bench.root)?, folder, completions, address, guard: None, drive, patience })
    }

    /// Puts other files over the project's; the next deploy sees them.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        write(&self.folder.join("project").join(path), text)
    }

    /// Starts the server, with more in its environment; returns once it takes connections.
    pub fn serve(&mut self, environment: &[(&str, &str)]) -> Result<()> {
        let log = File::create(self.folder.join("server.log"))?;
        let child = guard::guarded(&self.cli)?
            .args(["server", "serve", "--port", &self.address.port().to_string(), "--control-port", "0"])
            .env("LESS_HOME", self.folder.join("home"))
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.guard = Some(child);
        self.drive.aim(self.address);
        until("our server takes connections", || Ok(TcpStream::connect(self.address).is_ok()))
    }

    /// The same, and how long it took until a handler answered a request.
    pub fn serve_until_hello(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        self.serve(&[])?;
        let request = http::get(&self.host(), &self.path("/hello"));
        until("hello is answered", || Ok(answers_ok(self.address, &request).unwrap_or(false)))?;
        Ok(begun.elapsed())
    }

    /// Deploys the project.
    pub fn deploy(&self) -> Result<()> {
        self.less(&["deploy", PROJECT]).map(drop)
    }

    /// Stops the server; its state stays.
    pub fn stop(&mut self) -> Result<()> {
        self.guard.take().as_mut().map_or(Ok(()), guard::end)
    }

    /// Deliveries that wait.
    pub fn waiting(&self) -> Result<u64> {
        let resources: Value = serde_json::from_str(&self.less(&["list", "resources", PROJECT, "--json"])?)?;
        let waiting = resources["waiting"].as_array().context("`list resources` tells nothing of what waits")?;
        Ok(waiting.iter().filter_map(|each| each["deliveries"].as_u64()).sum())
    }

    /// The lines that a handler has in its log.
    pub fn log_lines(&self, handler: &str) -> Result<usize> {
        Ok(self.less(&["log", "--project", PROJECT, "--path", handler])?.lines().count())
    }

    /// The server's process; its workers are found below it.
    pub fn parts(&self) -> Result<Vec<Part>> {
        let mut said = self.less(&["server", "status", "--json"]);
        // It takes connections a moment before it can be asked for its status.
        until("our server tells its status", || {
            if said.is_err() {
                said = self.less(&["server", "status", "--json"]);
            }
            Ok(said.is_ok())
        })?;
        let status: Value = serde_json::from_str(&said?)?;
        let pid = status["pid"].as_u64().context("`server status` tells no process")?;
        Ok(vec![Part { role: "server".into(), pid: u32::try_from(pid)? }])
    }

    /// Posts orders to `path`.
    pub fn orders(&mut self, path: &str, pad: usize, pace: Pace, length: Length) -> Result<Outcome> {
        let (host, path) = (self.host(), self.path(path));
        let load = Load::Orders { host: &host, path: &path, pad };
        self.drive.run(&Plan { load, pace, length, patience: self.patience })
    }

    /// Sends one request again and again.
    pub fn requests(&mut self, request: &[u8], connections: usize, length: Length) -> Result<Outcome> {
        let (load, pace) = (Load::Request(request), Pace::Answered(connections));
        self.drive.run(&Plan { load, pace, length, patience: self.patience })
    }

    /// The same work while the processes are watched.
    pub fn watched<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<(T, Usages)> {
        let watch = Watch::over(self.parts()?);
        let done = work(self);
        let usages = watch.end();
        Ok((done?, usages))
    }

    /// For `host` headers.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// A request's path.
    pub fn path(&self, path: &str) -> String {
        format!("{PREFIX}{path}")
    }

    fn less(&self, args: &[&str]) -> Result<String> {
        let output = Command::new(&self.cli)
            .args(args)
            .current_dir(self.folder.join("project"))
            .env("LESS_HOME", self.folder.join("home"))
            .env("COMPLETIONS", &self.completions)
            .stdin(Stdio::null())
            .output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        ensure!(output.status.success(), "less-cli {} fails: {}", args.join(" "), text(output.stderr));
        Ok(text(output.stdout))
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // Stopped before, or there is nobody left to tell.
        self.stop().ok();
    }
}

/// The binary under test: `LESS_CLI`, else the released one of this repository.
pub fn cli(root: &Path) -> Result<PathBuf> {
    let path = std::env::var_os("LESS_CLI").map_or_else(|| root.join("target/release/less-cli"), PathBuf::from);
    ensure!(path.exists(), "{} does not exist; build it (cargo build --release -p less-cli)", path.display());
    Ok(path)
}

/// One request on a connection of its own; whether it was answered with success.
fn answers_ok(address: SocketAddr, request: &[u8]) -> Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request)?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(status.ends_with(b" 200"))
}

/// Waits until something holds.
pub fn until(fact: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !holds()? {
        if begun.elapsed() > ANSWERS_WITHIN {
            bail!("after {ANSWERS_WITHIN:?} it is not so that {fact}");
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?
        } else {
            fs::copy(entry.path(), target).map(drop)?
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
