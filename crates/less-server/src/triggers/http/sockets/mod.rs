//! Sockets: clients that stay connected. A connection goes handshake → `connect` → its frames, one after the other →
//! `disconnect`.
//!
//! `handshake` makes a request a connection, `session` is one from its beginning to its end. `wire` is its frames
//! (`rewound`: the first may have come with the handshake), `words` what clients say and are told, `pulse` whether its
//! client is still there, `work` its handlers, `ending` the record that one is open, until it has ended. `rooms` is who
//! is connected, `outbox` what waits to be sent to one.
//!
//! A connection belongs to the version that it came to: a deploy closes it (1012), and its client comes again. Its frames
//! are handled in order, one at a time, so that what a client sends later never overtakes; while one is handled and
//! enough wait, the client is not read. What was received before the end is handled before `disconnect`.

mod ending;
mod handshake;
mod outbox;
mod pulse;
mod rewound;
mod rooms;
mod session;
mod wire;
mod words;
mod work;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use less_project::Socket;
use tokio::sync::Semaphore;

use crate::limits;
use crate::workers::Handler;

pub(crate) use ending::{Recorded, left_open};
pub(super) use handshake::{Accepted, answer};
pub(super) use rewound::Rewound;
pub(crate) use rooms::{Room, Rooms};
pub(super) use session::converse;

/// The channel and the data of a client's frame, if it is one; for fuzzing.
pub fn read_frame(text: &Bytes) -> Option<(String, Bytes)> {
    words::read(text).ok().map(|said| (said.channel, said.data))
}

/// One socket of a live version: where what its clients do leads.
pub(crate) struct SocketHandlers {
    connect: Option<SocketHandler>,
    channels: HashMap<String, SocketHandler>,
    /// The handler that hears of ends: also the topic to which they are told.
    disconnect: Option<Arc<str>>,
    timeout: Duration,
}

/// One of its handlers. It has places of its own, so that one that hangs holds up no other.
#[derive(Clone)]
struct SocketHandler {
    handler: Handler,
    places: Arc<Semaphore>,
}

impl SocketHandlers {
    /// `handlers`: of the whole version, by identity.
    pub(crate) fn new(socket: &Socket, handlers: &HashMap<String, Handler>) -> Self {
        let handler = |of: &less_project::Handler| SocketHandler::new(&handlers[of.path.as_ref()]);
        let channels = socket.channels.iter().map(|channel| (channel.name.clone(), handler(&channel.handler)));
        Self {
            connect: socket.connect.as_ref().map(handler),
            channels: channels.collect(),
            disconnect: socket.disconnect.as_ref().map(|of| of.path.as_ref().into()),
            timeout: socket.timeout,
        }
    }
}

impl SocketHandler {
    /// One that needs a process for itself runs no more often at once than a subscriber does.
    fn new(handler: &Handler) -> Self {
        let exclusive = handler.pool.is_exclusive(handler.place);
        let places = if exclusive { limits::EXCLUSIVE_OF_ONE as usize } else { limits::SOCKET_FRAMES_AT_ONCE };
        Self { handler: handler.clone(), places: Arc::new(Semaphore::new(places)) }
    }
}
