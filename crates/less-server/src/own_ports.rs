//! The ports of `run`: every API and every socket of the one project has its own, and keeps it across versions.
//!
//! In: a version that went live. Out: its addresses, and listeners for those that are new. What got no port is a problem,
//! and the rest serves all the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use less_project::Problem;
use tokio::sync::Mutex;

use crate::control::api::NamedUrl;
use crate::live::Live;
use crate::projects::{Addresses, FilesPort, Projects};
use crate::registry::Registry;
use crate::tasks::Tasks;
use crate::triggers::http::{Bound, Door, PortOf, Taken, bind, serve};

pub(crate) struct OwnPorts {
    registry: Arc<Registry>,
    projects: Arc<Projects>,
    /// The listeners'.
    front: Tasks,
    rows: Mutex<Rows>,
}

struct Rows {
    apis: Row,
    sockets: Row,
}

/// Ports one after the other.
struct Row {
    base: u16,
    /// By name; of the generated APIs by path, which no name is.
    ports: BTreeMap<String, u16>,
}

/// The addresses of a version.
pub(crate) struct Opened {
    /// In alphabetical order; then the generated ones.
    pub apis: Vec<NamedUrl>,
    pub sockets: Vec<NamedUrl>,
    /// A problem for each that has no port.
    pub without: Vec<Problem>,
}

impl OwnPorts {
    /// `apis`, `sockets`: the first port of each row; 0: any.
    pub(crate) fn new(
        (apis, sockets): (u16, u16),
        registry: Arc<Registry>,
        projects: Arc<Projects>,
        front: Tasks,
    ) -> Self {
        let row = |base| Row { base, ports: BTreeMap::new() };
        Self { registry, projects, front, rows: Mutex::new(Rows { apis: row(apis), sockets: row(sockets) }) }
    }

    /// An error: not one of the APIs has a port.
    pub(crate) async fn open(&self, live: &Live) -> anyhow::Result<Opened> {
        let rows = &mut *self.rows.lock().await;
        let mut opened = Opened { apis: Vec::new(), sockets: Vec::new(), without: Vec::new() };
        let mut last = None;
        let apis = live.project.apis.iter().map(|api| (api.name.as_str(), ""));
        for (name, path) in apis.chain([("functions", "/functions"), ("topics", "/topics"), ("files", "/files")]) {
            let (registry, project) = (self.registry.clone(), live.name.to_string());
            let door = match path {
                "/functions" => Door::Functions { registry, project },
                "/topics" => Door::Topics { registry, project },
                "/files" => Door::Files { registry, project },
                _ => Door::Api { registry, project, api: name.to_owned() },
            };
            let place = if path.is_empty() { name } else { path };
            let bound = self.port(&mut rows.apis, place, name, PortOf::Api, door).await;
            if path == "/files" {
                let files = bound.as_ref().map_or(FilesPort::None, |port| FilesPort::Open(*port));
                self.projects.set_addresses(Addresses::Elsewhere { files });
            }
            match bound {
                Ok(port) => {
                    opened.apis.push(NamedUrl { name: name.into(), url: format!("http://localhost:{port}{path}") });
                }
                Err(error) => {
                    opened.without.push(no_port("API", name, &error));
                    last = Some(error);
                }
            }
        }
        if let (true, Some(error)) = (opened.apis.is_empty(), last) {
            return Err(error);
        }
        for name in live.project.sockets.iter().map(|socket| socket.name.as_str()) {
            let (registry, project) = (self.registry.clone(), live.name.to_string());
            let door = Door::Socket { registry, project, socket: name.to_owned() };
            match self.port(&mut rows.sockets, name, name, PortOf::Socket, door).await {
                Ok(port) => {
                    opened.sockets.push(NamedUrl { name: name.into(), url: format!("ws://localhost:{port}") });
                }
                Err(error) => opened.without.push(no_port("socket", name, &error)),
            }
        }
        Ok(opened)
    }

    /// The port of this place in the row, the next free one if it is new. `name` is how requests are shown.
    async fn port(&self, row: &mut Row, place: &str, name: &str, of: PortOf, door: Door) -> anyhow::Result<u16> {
        if let Some(port) = row.ports.get(place) {
            return Ok(*port);
        }
        let bound = bind(of, row.next(), Taken::NextFree).await?;
        let port = bound.port;
        row.ports.insert(place.to_owned(), port);
        self.listen(bound, self.watched(door, name));
        Ok(port)
    }

    fn listen(&self, bound: Bound, door: Door) {
        let door = Arc::new(door);
        for listener in bound.listeners {
            self.front.essential("listener", serve(listener, door.clone(), self.front.clone()));
        }
    }

    /// A door, and who watches.
    fn watched(&self, door: Door, api: &str) -> Door {
        match self.projects.echo() {
            Some(echo) => Door::Watched { door: Box::new(door), api: api.to_owned(), echo },
            None => door,
        }
    }
}

impl Row {
    /// Any free one stays any free one.
    fn next(&self) -> u16 {
        match self.ports.values().max() {
            Some(last) if self.base != 0 => last.saturating_add(1),
            _ => self.base,
        }
    }
}

fn no_port(kind: &str, name: &str, error: &anyhow::Error) -> Problem {
    let text = format!("{error:#}");
    let (what, hint) = text.split_once("\n  hint: ").unwrap_or((&text, "save again once there is a free port"));
    Problem::new(name, format!("nobody reaches this {kind}: {what}"), hint)
}
