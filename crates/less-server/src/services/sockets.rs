//! Messages from handlers to those who are connected to a socket.

use std::sync::Arc;

use bytes::Bytes;
use less_protocol::{Call, CallError, SocketOptions};

use super::Services;
use crate::limits;
use crate::registry::Registry;
use crate::triggers::http::Room;

impl Services {
    /// Answered once it waits with each connection to be sent.
    pub(super) fn send_to_socket(&self, call: &Call) -> Result<Bytes, CallError> {
        let message = message(&call.payload)?;
        let options = options(&call.options)?;
        let registry = self.registry.upgrade().ok_or_else(|| {
            refused(
                "stopping",
                format!("nothing was sent to sockets.{}: the project is not running any more", call.target),
            )
        })?;
        let Some(room) = self.room(&registry, &call.target)? else {
            // Nobody has ever been connected.
            let gone = options.connections.unwrap_or_default();
            return Ok(serde_json::json!({ "sent": 0, "gone": gone }).to_string().into());
        };
        let sent = match options.connections {
            Some(connections) => room.send(&message, connections),
            None => room.broadcast(&message),
        };
        Ok(serde_json::to_vec(&sent).unwrap_or_default().into())
    }

    /// Also of a socket that the newest version does not have any more.
    fn room(&self, registry: &Registry, socket: &str) -> Result<Option<Arc<Room>>, CallError> {
        let room = registry.rooms().find(&self.project, socket);
        let is_known = || registry.live(&self.project).is_some_and(|live| live.sockets.contains_key(socket));
        if room.is_none() && !is_known() {
            return Err(refused("unknown_socket", format!("there is no socket {socket}")));
        }
        Ok(room)
    }
}

fn message(payload: &[u8]) -> Result<Bytes, CallError> {
    let (size, limit) = (payload.len(), limits::SOCKET_MESSAGE_BYTES);
    if size > limit {
        let message = format!("the message has {size} bytes, more than the {limit} a message to a socket may have");
        return Err(refused("message_too_large", message));
    }
    if std::str::from_utf8(payload).is_err() {
        return Err(refused("message_not_json", "the message is not UTF-8".to_owned()));
    }
    // It may wait for long, and is not to hold the buffer in which it came.
    Ok(Bytes::copy_from_slice(payload))
}

fn options(json: &[u8]) -> Result<SocketOptions, CallError> {
    if json.is_empty() {
        return Ok(SocketOptions::default());
    }
    let options: SocketOptions =
        serde_json::from_slice(json).map_err(|error| refused("bad_option", error.to_string()))?;
    let (named, most) = (options.connections.as_ref().map_or(0, Vec::len), limits::SOCKET_IDS);
    if named > most {
        let message =
            format!("{named} connections were named, more than {most}: use broadcast, or name fewer at a time");
        return Err(refused("bad_option", message));
    }
    Ok(options)
}

fn refused(code: &str, message: String) -> CallError {
    CallError { code: code.into(), message, name: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_exactly_the_limit_is_taken() {
        let most = vec![b'1'; limits::SOCKET_MESSAGE_BYTES];
        assert_eq!(message(&most).unwrap().len(), limits::SOCKET_MESSAGE_BYTES);
        assert_eq!(message(&[most, vec![b'1']].concat()).unwrap_err().code, "message_too_large");
        assert_eq!(message(b"\"\xff\"").unwrap_err().code, "message_not_json");
    }

    #[test]
    fn more_connections_than_may_be_named_are_refused() {
        let named = |count: usize| {
            let options = SocketOptions { connections: Some(vec![None; count]) };
            serde_json::to_vec(&options).unwrap()
        };
        assert!(options(&named(limits::SOCKET_IDS)).is_ok());
        assert_eq!(options(&named(limits::SOCKET_IDS + 1)).unwrap_err().code, "bad_option");
        assert_eq!(options(b"{\"connection\":[]}").unwrap_err().code, "bad_option");
        assert_eq!(options(b"").unwrap(), SocketOptions::default());
    }
}
