//! `server start|stop|status`, and `server serve`: the server itself.

use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use less_server::{Listen, Options, Server};
use serde::Serialize;

use crate::args::{Environment, PortArgs, ServerCommand};
use crate::background::{self, HOME_IN_USE, STOP_WAIT, Start, is_in_use};
use crate::client::{self, Found, find};
use crate::foreground::{INTERRUPTED, Signals, block_on, log_to_stderr, own_executable};
use crate::printer::{Printer, Speaker};
use crate::render;
use crate::resolve::{self, LessHome};

pub(crate) fn server(
    command: &ServerCommand,
    environment: &Environment,
    home: &LessHome,
    out: &mut Printer,
) -> anyhow::Result<ExitCode> {
    match command {
        ServerCommand::Start { ports, json } => start(resolve::ports(*ports, environment)?, *json, home, out),
        ServerCommand::Stop { json } => stop(*json, home, out),
        ServerCommand::Status { json } => status(*json, home, out),
        ServerCommand::Serve { ports, detach } => {
            let ports = resolve::ports(*ports, environment)?;
            if *detach {
                rustix::process::setsid().context("cannot leave the terminal's session")?;
            }
            serve(ports, environment.discards_lines, *detach, home)
        }
    }
}

fn start(ports: PortArgs, json: bool, home: &LessHome, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let (_, status, start) = background::ensure(home, ports, out)?;
    client::same_version(&status)?;
    if json {
        return out.json(&status).map(|()| ExitCode::SUCCESS);
    }
    let word = match start {
        Start::Started => "is running",
        Start::WasRunning => "was already running",
    };
    out.say(Speaker::Cli, &format!("The server {word} at {} ✅", status.gateway_url))?;
    Ok(ExitCode::SUCCESS)
}

fn stop(json: bool, home: &LessHome, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let tell = |out: &mut Printer, stopped, text| match json {
        true => out.json(&Stopped { stopped }),
        false => out.say(Speaker::Cli, text),
    };
    let (client, pid) = match find(&home.server())? {
        Found::Running(client, status) => (client, status.pid),
        Found::Silent { pid, why } => return Err(client::silent(pid, &why)),
        Found::Nothing => {
            tell(out, false, "No server is running")?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    client.stop()?;
    out.step("Stopping; running handlers finish first (30 s at most; a delivery that is cut off runs again at the next start)");
    let deadline = Instant::now() + STOP_WAIT;
    while client::alive(pid) {
        if Instant::now() > deadline {
            bail!(
                "the server (process {pid}) has not ended after {} s\n  hint: end it with `kill -9 {pid}`; nothing that was published is lost",
                STOP_WAIT.as_secs()
            );
        }
        sleep(Duration::from_millis(50));
    }
    tell(out, true, "The server has stopped ✅")?;
    Ok(ExitCode::SUCCESS)
}

/// For programs.
#[derive(Serialize)]
struct Stopped {
    /// Whether there was one.
    stopped: bool,
}

fn status(json: bool, home: &LessHome, out: &mut Printer) -> anyhow::Result<ExitCode> {
    match find(&home.server())? {
        Found::Running(_, status) if json => out.json(&status)?,
        Found::Running(_, status) => {
            for line in render::status(&status) {
                out.line(&line)?;
            }
        }
        Found::Silent { pid, why } => return Err(client::silent(pid, &why)),
        Found::Nothing if json => {
            out.json(&None::<()>)?;
            return Ok(ExitCode::FAILURE);
        }
        Found::Nothing => {
            out.line("Status: not running")?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs until a signal or the control API says stop; a second signal ends it at once.
fn serve(ports: PortArgs, discards_lines: bool, detach: bool, home: &LessHome) -> anyhow::Result<ExitCode> {
    log_to_stderr(tracing::Level::INFO);
    let listen = Listen::Gateway { port: ports.port, control_port: ports.control_port };
    let options = Options {
        home: home.server(),
        launcher: own_executable()?,
        listen,
        site_port: ports.site_port,
        sites_folder: None,
        echo: None,
        discards_lines,
    };
    let served = block_on(async {
        let mut signals = Signals::listen()?;
        let server = Server::start(options).await?;
        let stopped = tokio::select! {
            () = signals.next() => Ok(()),
            stopped = server.stopped() => stopped,
        };
        tokio::select! {
            () = server.stop() => stopped.map(|()| ExitCode::SUCCESS),
            () = signals.next() => Ok(ExitCode::from(INTERRUPTED)),
        }
    });
    match served {
        // No error for the log: who started this one waits for the other.
        Err(error) if detach && is_in_use(&error) => Ok(ExitCode::from(HOME_IN_USE)),
        served => served,
    }
}
