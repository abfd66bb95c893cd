//! A request that asks for a WebSocket becomes one: the answer, and what the connection is about.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};
use uuid::Uuid;

use super::SocketHandlers;
use super::rooms::{Place, Room};
use super::words::connecting;
use crate::live::Live;
use crate::registry::Registry;
use crate::triggers::http::{Body, Failure, full};

/// What the protocol appends to a client's key before it is hashed.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const VERSION: &str = "13";

/// A client to whom the protocol was promised.
pub(in crate::triggers::http) struct Accepted {
    pub(super) registry: Arc<Registry>,
    pub(super) live: Arc<Live>,
    pub(super) handlers: Arc<SocketHandlers>,
    pub(super) room: Arc<Room>,
    head: Parts,
    /// Among all clients of the project's sockets.
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Accepted {
    /// Enters the room; what `connect` is told.
    pub(super) fn enter(&self) -> (Place, bytes::Bytes) {
        let place = self.room.enter();
        let told = connecting(place.id, &self.head);
        (place, told)
    }
}

/// The response carries an [`Accepted`] among its extensions if the connection is to be one.
pub(in crate::triggers::http) fn answer(
    registry: &Arc<Registry>,
    project: &str,
    socket: &str,
    head: &Parts,
) -> Response<Body> {
    accept(registry, project, socket, head).unwrap_or_else(|failure| failure.response(Uuid::now_v7()))
}

fn accept(registry: &Arc<Registry>, project: &str, socket: &str, head: &Parts) -> Result<Response<Body>, Failure> {
    let live = registry.live(project).ok_or_else(|| registry.absent(project))?;
    let handlers = live.sockets.get(socket).ok_or(Failure::UnknownSocket)?.clone();
    let key = key(head)?;
    let place = Arc::clone(&live.socket_places).try_acquire_owned().map_err(|_| Failure::Busy)?;
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accepts(key));
    if let Some(protocol) = first_protocol(&head.headers) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let (registry, room) = (registry.clone(), registry.rooms().of(&live.name, socket));
    let accepted = Accepted { registry, live, handlers, room, head: head.clone(), _place: place };
    response.extensions_mut().insert(Arc::new(accepted));
    Ok(response)
}

/// The client's key, if this asks for the protocol as we speak it.
fn key(head: &Parts) -> Result<&[u8], Failure> {
    let has = |name: HeaderName, wanted: &str| {
        let values = head.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(wanted))
    };
    // What came behind the head would be taken for frames.
    let has_body = head.headers.contains_key(header::TRANSFER_ENCODING)
        || head.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let asks = head.method == Method::GET
        && head.version == Version::HTTP_11
        && !has_body
        && has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, VERSION);
    let key = head.headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let is_key = |key: &&[u8]| STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16);
    key.filter(|_| asks).filter(is_key).ok_or(Failure::NotWebSocket)
}

fn accepts(key: &[u8]) -> HeaderValue {
    let mut hash = sha1_smol::Sha1::new();
    hash.update(key);
    hash.update(GUID.as_bytes());
    // Base64 is a header's value in any case.
    HeaderValue::try_from(STANDARD.encode(hash.digest().bytes())).unwrap_or(HeaderValue::from_static(""))
}

/// A browser that offers protocols hangs up unless one of them is chosen.
fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    HeaderValue::from_str(offered.split(',').next()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(more: &[(&str, &str)]) -> Parts {
        let mut request = hyper::Request::builder()
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        for (name, value) in more {
            let headers = request.headers_mut().unwrap();
            headers.insert(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_example_of_the_protocol_is_answered_as_it_says() {
        let head = head(&[]);
        assert_eq!(accepts(key(&head).unwrap()), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_does_not_ask_for_the_protocol_is_refused() {
        for wrong in [
            ("connection", "keep-alive"),
            ("upgrade", "h2c"),
            ("sec-websocket-version", "8"),
            ("sec-websocket-key", ""),
            ("sec-websocket-key", "c2hvcnQ="),
            ("sec-websocket-key", "not base64 not base64!!!"),
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
        ] {
            assert_eq!(key(&head(&[wrong])), Err(Failure::NotWebSocket), "{wrong:?}");
        }
        let mut post = head(&[]);
        post.method = Method::POST;
        assert_eq!(key(&post), Err(Failure::NotWebSocket));
        let mut old = head(&[]);
        old.version = Version::HTTP_10;
        assert_eq!(key(&old), Err(Failure::NotWebSocket));
    }

    #[test]
    fn of_the_protocols_that_are_offered_the_first_is_chosen() {
        let chosen = |offered| first_protocol(&head(&[("sec-websocket-protocol", offered)]).headers).unwrap();
        assert_eq!(
            (chosen("chat"), chosen("token-7 , chat")),
            ("chat".try_into().unwrap(), "token-7".try_into().unwrap())
        );
        assert_eq!(first_protocol(&head(&[]).headers), None);
    }
}
