//! The server of a scenario: started in the foreground with what the scenario adds, killed, and started again.

use std::process::Command;
use std::sync::Arc;

use rustix::process::Signal;
use serde_json::Value;

use less_tests::harness::{Foreground, Home, eventually};
use less_tests::shim::Shim;

/// What a server is started with, beside its home.
#[derive(Clone, Default)]
pub(crate) struct Launch {
    /// Stands between it and its disk and clock; its workers are not concerned.
    pub(crate) shim: Option<Arc<Shim>>,
    /// How many files it may have open; its workers, too.
    pub(crate) open_files: Option<u64>,
}

pub(crate) struct Server {
    process: Foreground,
    shim: Option<Arc<Shim>>,
    pub(crate) pid: u32,
}

impl Server {
    /// Starts it; it may not listen yet. `name` is of its output's files.
    pub(crate) fn spawn(home: &Home, name: &str, launch: &Launch) -> Self {
        let serve = ["server", "serve", "--port", "0", "--control-port", "0"];
        let mut command = home.command(home.root(), &serve);
        command.envs(launch.shim.iter().flat_map(|shim| shim.env(&home.less_home())));
        if let Some(files) = launch.open_files {
            command = limited(home, &command, files);
        }
        let process = Foreground::start(command, home.root().join(name).to_str().unwrap());
        Self { pid: process.pid(), process, shim: launch.shim.clone() }
    }

    /// Where it listens, once it does; `None` when it has ended instead.
    pub(crate) fn listens(&mut self, home: &Home) -> Option<String> {
        let mut url = None;
        eventually("the server listens or has ended", || {
            url = self.address(home);
            url.is_some() || self.process.has_ended()
        });
        url
    }

    fn address(&self, home: &Home) -> Option<String> {
        let file = std::fs::read(home.less_home().join("server/server.json")).ok()?;
        // A file that is being written is not whole; one of the server before names another process.
        let file: Value = serde_json::from_slice(&file).ok()?;
        let port = file["gateway_port"].as_u64()?;
        (file["pid"] == self.pid).then(|| format!("http://127.0.0.1:{port}"))
    }

    /// `kill -9`; returns once it is gone, its workers perhaps not yet.
    pub(crate) fn kill(self) {
        let Self { process, shim, .. } = self;
        let kill = || {
            process.signal(Signal::KILL);
            process.ended();
        };
        match shim {
            Some(shim) => shim.between_operations(kill),
            None => kill(),
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    /// Ends it as a user does.
    pub(crate) fn stop(self) {
        self.process.signal(Signal::TERM);
        self.process.ended();
    }

    /// What it told so far.
    pub(crate) fn log(&self) -> String {
        self.process.stderr()
    }
}

/// The same command below a limit of its own.
fn limited(home: &Home, command: &Command, files: u64) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"ulimit -n "$0" && exec "$@""#, &files.to_string()]).arg(command.get_program());
    limited.args(command.get_args()).current_dir(home.root());
    home.adopt(&mut limited);
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited
}
