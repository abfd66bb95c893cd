//! Where servers and `run` listen, and whether somebody else does.

use less_server::{kept_ports, taken_by};

use super::{Check, Judged};
use crate::args::{Environment, PortArgs};
use crate::client::{Found, find, same_version};
use crate::resolve::{self, LessHome, RUN_PORT};

/// What a home's first server takes, or the next free ones.
const GATEWAY: u16 = 4747;
const CONTROL: u16 = 4748;
/// What `run` takes, or the next free ones.
const RUN: [(&str, u16, &str); 3] = [
    ("port of run", RUN_PORT, "APIs while a project runs here"),
    ("port of sockets", 8000, "sockets while a project runs here"),
    ("port of sites", 4800, "static sites"),
];

pub(super) fn checks(home: &LessHome, environment: &Environment) -> Vec<Check> {
    let mut checks = vec![];
    let (server, pid) = judge_server(home);
    checks.push(Check::new("server", "deployed projects", server));
    if pid.is_none() {
        let kept = kept_ports(&home.server());
        let gateway = match resolve::ports(PortArgs::default(), environment) {
            Ok(ports) => judge_servers_port(ports.port.or(kept.map(|kept| kept.gateway)), GATEWAY, taken_by),
            Err(error) => {
                Judged::problem(error.to_string(), "set LESS_PORT to a number from 0 to 65535, or not at all")
            }
        };
        checks.push(Check::new("port of server", "deployed projects", gateway));
        let control = judge_servers_port(None, kept.map_or(CONTROL, |kept| kept.control), taken_by);
        checks.push(Check::new("port of control", "less-cli, to speak to the server", control));
    }
    checks.extend(
        RUN.map(|(name, port, needed_for)| Check::new(name, needed_for, judge_runs_port(port, taken_by(port), pid))),
    );
    checks
}

/// With the process that it is, if it runs.
fn judge_server(home: &LessHome) -> (Judged, Option<u32>) {
    match find(&home.server()) {
        Ok(Found::Running(_, status)) => {
            let judged = match same_version(&status) {
                Ok(()) => Judged::ok(format!("runs at {}", status.gateway_url)),
                Err(error) => split(&error, Judged::warning),
            };
            (judged, Some(status.pid))
        }
        Ok(Found::Silent { pid, .. }) => {
            let hint = format!("it may be starting or stopping; else end it with `kill {pid}`");
            (Judged::warning(format!("process {pid} does not answer"), hint), Some(pid))
        }
        Ok(Found::Nothing) => (Judged::ok("does not run; `deploy` starts it"), None),
        Err(error) => (split(&error, Judged::problem), None),
    }
}

fn split(error: &anyhow::Error, judge: fn(String, String) -> Judged) -> Judged {
    let text = format!("{error:#}");
    let (message, hint) = text.split_once("\n  hint: ").unwrap_or((&text, ""));
    judge(message.to_owned(), hint.to_owned())
}

/// A `wanted` port it must have; from `first` it takes the next free one.
fn judge_servers_port(wanted: Option<u16>, first: u16, taken_by: impl Fn(u16) -> Option<String>) -> Judged {
    let port = wanted.unwrap_or(first);
    if port == 0 {
        return Judged::ok("any that is free");
    }
    match taken_by(port) {
        None => Judged::ok(format!("{port} is free")),
        Some(holder) if wanted.is_none() => {
            Judged::ok(format!("{port} is taken by {holder}: the next free one will do"))
        }
        Some(holder) => {
            let hint = "stop that program, or choose another port: less-cli server start --port <port>";
            Judged::problem(format!("{port} is taken by {holder}"), hint)
        }
    }
}

fn judge_runs_port(port: u16, holder: Option<String>, server: Option<u32>) -> Judged {
    let is_server = |holder: &str| server.is_some_and(|pid| holder.ends_with(&format!("(process {pid})")));
    match holder {
        None => Judged::ok(format!("{port} is free")),
        // A deployed project has a site there.
        Some(holder) if is_server(&holder) => {
            Judged::ok(format!("{port} is in use by the server: the next free one will do"))
        }
        Some(holder) => {
            let found = format!("{port} is taken by {holder}");
            Judged::warning(found, "the next free one is taken and printed; examples that say this one will not work")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn only_a_port_that_a_server_must_have_is_missed() {
        let taken = |_| Some("nginx (process 80)".to_owned());
        assert_eq!(judge_servers_port(Some(4747), GATEWAY, taken).status, Status::Problem);
        assert_eq!(judge_servers_port(None, GATEWAY, taken).status, Status::Ok);
        assert_eq!(judge_servers_port(Some(0), GATEWAY, taken).status, Status::Ok);
        assert_eq!(judge_servers_port(Some(4747), GATEWAY, |_| None), Judged::ok("4747 is free"));
        let run = judge_runs_port(3333, taken(3333), Some(8));
        assert!(run.status == Status::Warning && run.found.contains("nginx"), "{run:?}");
        assert_eq!(judge_runs_port(4800, taken(4800), Some(80)).status, Status::Ok);
    }
}
