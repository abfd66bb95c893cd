//! Takes ports on the loopback addresses.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, bail};
use tokio::net::TcpListener;

/// How far beyond the wanted port a free one is looked for.
const NEXT: u16 = 200;

/// A port, listened to on 127.0.0.1 and, where the machine has it, ::1.
#[derive(Debug)]
pub(crate) struct Bound {
    pub port: u16,
    pub listeners: Vec<TcpListener>,
}

/// What to do about a port that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Fail,
    NextFree,
}

/// Listens on `port` (0: any free one).
pub(crate) async fn bind(port: u16, taken: Taken) -> anyhow::Result<Bound> {
    let last = if taken == Taken::NextFree { port.saturating_add(NEXT) } else { port };
    for candidate in port..=last {
        match bind_both(candidate).await {
            Ok(bound) => return Ok(bound),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && candidate < last => {}
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && taken == Taken::Fail => {
                bail!("port {port} is taken by another program; stop it, or choose another with --port or LESS_PORT");
            }
            Err(error) => return Err(error).with_context(|| format!("cannot listen on port {candidate}")),
        }
    }
    bail!("no free port from {port} to {last}")
}

async fn bind_both(port: u16) -> io::Result<Bound> {
    let first = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let port = first.local_addr()?.port();
    let mut listeners = vec![first];
    match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await {
        Ok(second) => listeners.push(second),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        // A machine without IPv6: the other address serves.
        Err(_) => {}
    }
    Ok(Bound { port, listeners })
}
