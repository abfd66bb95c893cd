//! Which versions are live: the one place triggers look a project up in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::RwLock;

pub(crate) use crate::live::Live;
use crate::triggers::http::{Failure, Rooms};

#[derive(Default)]
pub struct Registry {
    state: RwLock<State>,
    rooms: Rooms,
}

#[derive(Default)]
struct State {
    live: HashMap<String, Arc<Live>>,
    /// Deployed, but not started: not yet, or it cannot be (the reason is in the server's log).
    not_started: HashSet<String>,
    closed: bool,
}

impl Registry {
    pub fn live(&self, project: &str) -> Option<Arc<Live>> {
        self.state.read().live.get(project).cloned()
    }

    /// Who is connected to the projects' sockets.
    pub(crate) fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Whether a version of the project is live, and further ones may be.
    pub(crate) fn goes_on(&self, project: &str) -> bool {
        let state = self.state.read();
        !state.closed && state.live.contains_key(project)
    }

    /// Whether the server stops.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.read().closed
    }

    /// What a client is told of a project that is not live.
    pub fn absent(&self, project: &str) -> Failure {
        let not_started = self.state.read().not_started.contains(project);
        let project = project.to_owned();
        if not_started { Failure::NotStarted(project) } else { Failure::UnknownProject(project) }
    }

    /// Makes a version the live one; returns the one it replaces, or itself when the server is stopping.
    pub(crate) fn switch(&self, live: Arc<Live>) -> Result<Option<Arc<Live>>, Arc<Live>> {
        let mut state = self.state.write();
        if state.closed {
            return Err(live);
        }
        state.not_started.remove(&*live.name);
        Ok(state.live.insert(live.name.to_string(), live))
    }

    /// Takes no further version; returns those that are live.
    pub(crate) fn close(&self) -> Vec<Arc<Live>> {
        let mut state = self.state.write();
        state.closed = true;
        state.live.values().cloned().collect()
    }

    pub fn mark_not_started(&self, project: &str) {
        self.state.write().not_started.insert(project.to_owned());
    }

    pub fn remove(&self, project: &str) -> Option<Arc<Live>> {
        let mut state = self.state.write();
        state.not_started.remove(project);
        state.live.remove(project)
    }

    pub fn all(&self) -> Vec<Arc<Live>> {
        self.state.read().live.values().cloned().collect()
    }
}
