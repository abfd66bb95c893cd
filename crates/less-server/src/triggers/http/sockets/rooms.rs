//! Who is connected, by project and socket. A project's ids mean nothing to another one.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use uuid::Uuid;

use super::outbox::Outbox;

/// (project, socket)
type Name = (Arc<str>, String);

/// Of the whole server; they outlive versions, so that a handler of the version before reaches who came to the next.
#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<HashMap<Name, Arc<Room>>>);

/// Everybody who is connected to one socket.
#[derive(Debug, Default)]
pub(crate) struct Room {
    connections: RwLock<HashMap<Uuid, Arc<Outbox>>>,
}

/// What became of a message.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sent {
    sent: usize,
    /// As they were given: ids that nobody has, or has any more.
    gone: Vec<Option<String>>,
}

/// A connection's place among the others, until it leaves.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    pub(super) id: Uuid,
    pub(super) outbox: Arc<Outbox>,
}

impl Rooms {
    /// If anybody has ever been there.
    pub(crate) fn find(&self, project: &Arc<str>, socket: &str) -> Option<Arc<Room>> {
        self.0.lock().get(&(project.clone(), socket.to_owned())).cloned()
    }

    pub(super) fn of(&self, project: &Arc<str>, socket: &str) -> Arc<Room> {
        self.0.lock().entry((project.clone(), socket.to_owned())).or_default().clone()
    }
}

impl Room {
    /// A new connection, with an id that nobody can guess.
    pub(super) fn enter(self: &Arc<Self>) -> Place {
        let (id, outbox) = (Uuid::new_v4(), Arc::new(Outbox::default()));
        self.connections.write().insert(id, outbox.clone());
        Place { room: self.clone(), id, outbox }
    }

    pub(crate) fn send(&self, message: &Bytes, to: Vec<Option<String>>) -> Sent {
        let connections = self.connections.read();
        let mut sent = Sent::default();
        for given in to {
            let id = given.as_deref().and_then(|id| Uuid::try_parse(id).ok());
            match id.and_then(|id| connections.get(&id)) {
                Some(outbox) if outbox.put(message) => sent.sent += 1,
                Some(_) | None => sent.gone.push(given),
            }
        }
        sent
    }

    pub(crate) fn broadcast(&self, message: &Bytes) -> Sent {
        let mut sent = Sent::default();
        for (id, outbox) in &*self.connections.read() {
            match outbox.put(message) {
                true => sent.sent += 1,
                false => sent.gone.push(Some(id.to_string())),
            }
        }
        sent
    }
}

impl Place {
    /// Nobody finds it any more; what waits may still be sent.
    pub(super) fn leave(&self) {
        self.outbox.close();
        self.room.connections.write().remove(&self.id);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reaches_those_who_are_there_and_names_the_others() {
        let rooms = Rooms::default();
        let room = rooms.of(&"shop".into(), "chat");
        let (one, other) = (room.enter(), room.enter());
        let (here, gone) = (one.id.to_string(), other.id.to_string());
        other.leave();
        let to = vec![Some(here.clone()), Some(gone.clone()), None, Some("x".into()), Some(here)];
        let expected = Sent { sent: 2, gone: vec![Some(gone), None, Some("x".into())] };
        assert_eq!(rooms.of(&"shop".into(), "chat").send(&"m".into(), to), expected);
        assert_eq!(room.broadcast(&"b".into()), Sent { sent: 1, gone: Vec::new() });
        let heard: Vec<_> = std::iter::from_fn(|| one.outbox.take()).collect();
        assert_eq!(heard, ["m", "m", "b"]);
    }

    #[test]
    fn another_project_or_socket_reaches_nobody() {
        let rooms = Rooms::default();
        let place = rooms.of(&"shop".into(), "chat").enter();
        let id = Some(place.id.to_string());
        for (project, socket) in [("other", "chat"), ("shop", "news")] {
            let room = rooms.of(&project.into(), socket);
            assert_eq!(room.send(&"m".into(), vec![id.clone()]), Sent { sent: 0, gone: vec![id.clone()] });
            assert_eq!(room.broadcast(&"m".into()), Sent::default());
        }
        assert_eq!(place.outbox.take(), None);
    }
}
