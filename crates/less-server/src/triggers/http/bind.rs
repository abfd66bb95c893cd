//! Takes ports on the loopback addresses.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, bail};
use tokio::net::{TcpListener, TcpSocket};

/// How far beyond the wanted port a free one is looked for.
const NEXT: u16 = 200;
/// So often any free port is asked for: the kernel picks it for one address, and the other may have it taken.
const ANY: usize = 16;

/// What the kernel holds of a response that its client does not read. Left to itself it is megabytes, and
/// a client that reads slowly looks for minutes like one that does not.
const SEND_BUFFER: u32 = 128 << 10;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// A port, listened to on 127.0.0.1 and, where the machine has it, ::1.
#[derive(Debug)]
pub(crate) struct Bound {
    pub port: u16,
    pub listeners: Vec<TcpListener>,
}

/// Whose port it is, and so how another is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortOf {
    Gateway,
    Control,
    /// One API of `run`.
    Api,
    /// One socket of `run`.
    Socket,
    /// A site that has none yet.
    Site,
    /// A site that had it before.
    KeptSite,
}

/// What to do about a port that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Fail,
    NextFree,
}

/// Listens on `port` (0: any free one).
pub(crate) async fn bind(of: PortOf, port: u16, taken: Taken) -> anyhow::Result<Bound> {
    let last = if taken == Taken::NextFree { port.saturating_add(NEXT) } else { port };
    let candidates: Vec<u16> = if port == 0 { vec![0; ANY] } else { (port..=last).collect() };
    for candidate in candidates {
        match bind_both(candidate) {
            Ok(bound) => return Ok(bound),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).with_context(|| format!("cannot listen on port {candidate}")),
        }
    }
    match (port, taken) {
        (0, _) => bail!("cannot find a port that is free on both 127.0.0.1 and ::1"),
        (_, Taken::NextFree) => bail!("the ports {port} to {last} are taken\n  hint: {}", of.hint()),
        (_, Taken::Fail) => {
            let holder = holder(port).unwrap_or_else(|| "another program".to_owned());
            bail!("port {port} is taken by {holder}\n  hint: stop it, or {}", of.hint())
        }
    }
}

fn bind_both(port: u16) -> io::Result<Bound> {
    let first = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let port = first.local_addr()?.port();
    let mut listeners = vec![first];
    match listen(SocketAddr::from((Ipv6Addr::LOCALHOST, port))) {
        Ok(second) => listeners.push(second),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        // A machine without IPv6: the other address serves.
        Err(_) => {}
    }
    Ok(Bound { port, listeners })
}

/// Connections inherit the size of the buffer.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl PortOf {
    fn hint(self) -> &'static str {
        match self {
            Self::Gateway => "choose another: LESS_PORT, or `less-cli server start --port <port>`",
            Self::Control => "choose another for the control API: `less-cli server start --control-port <port>`",
            Self::Api => "choose others: `less-cli run --port <port>`",
            Self::Socket => "choose others: `less-cli run --socket-port <port>`",
            Self::Site => "choose others: `--site-port <port>` of `less-cli run` and `less-cli server start`",
            Self::KeptSite => {
                "take the site out of site-ports.json in the server's folder, to give it another with a deploy"
            }
        }
    }
}

/// Whether somebody listens on a port already, and who, as far as that can be seen.
pub fn taken_by(port: u16) -> Option<String> {
    let is_taken = |address: SocketAddr| {
        std::net::TcpListener::bind(address).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
    };
    let taken = is_taken((Ipv4Addr::LOCALHOST, port).into()) || is_taken((Ipv6Addr::LOCALHOST, port).into());
    taken.then(|| holder(port).unwrap_or_else(|| "another program".to_owned()))
}

/// Who listens on a port, as far as we may see other people's programs: `nginx (process 80)`.
fn holder(port: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let sockets: Vec<PathBuf> =
        tables.iter().flat_map(|table| table.lines()).filter_map(|line| listening(line, port)).collect();
    let is_process = |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes()[0].is_ascii_digit());
    let mut processes = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path()).filter(is_process);
    let holds = |process: &PathBuf| {
        let mut files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        files.any(|file| fs::read_link(file.path()).is_ok_and(|target| sockets.contains(&target)))
    };
    let process = processes.find(holds)?;
    let name = fs::read_to_string(process.join("comm")).ok()?;
    Some(format!("{} (process {})", name.trim(), process.file_name()?.display()))
}

/// The socket of a line of `/proc/net/tcp` that listens on `port`, as links in `/proc/<pid>/fd` name it.
fn listening(line: &str, port: u16) -> Option<PathBuf> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let listens = local.ends_with(&format!(":{port:04X}")) && *state == LISTEN;
    listens.then(|| format!("socket:[{inode}]").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(of: PortOf, port: u16) -> String {
        bind(of, port, Taken::Fail).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_taken_port_is_told_with_its_holder_and_the_flag_that_chooses_another() {
        let taken = bind(PortOf::Gateway, 0, Taken::Fail).await.unwrap();
        let told = refusal(PortOf::Gateway, taken.port).await;
        assert!(told.contains(&format!("port {} is taken by ", taken.port)), "{told}");
        assert!(told.contains(&format!("(process {})", std::process::id())), "{told}");
        assert!(told.contains("LESS_PORT") && told.contains("--port"), "{told}");
        let told = refusal(PortOf::Control, taken.port).await;
        assert!(told.contains("--control-port") && !told.contains("LESS_PORT"), "{told}");
    }

    #[tokio::test]
    async fn the_next_free_port_follows_the_wanted_one() {
        let taken = bind(PortOf::Api, 0, Taken::NextFree).await.unwrap();
        let next = bind(PortOf::Api, taken.port, Taken::NextFree).await.unwrap();
        assert!(next.port > taken.port, "{} follows {}", next.port, taken.port);
    }
}
