//! HTTP: connections in, responses out. A request goes door → project → API → route → invocation.
//!
//! `bind` takes ports, `connection` keeps clients within limits (`meter`: what they send and take; `body`:
//! what they upload; `refusal`: who is sent away before its request), `door` finds whose request it is, `api` runs
//! routes (`cors`: for which pages), `publish`, `function` and `files` are the generated APIs, `sockets` serves clients
//! that stay connected, `site` sends pages, `failure` is what clients see of errors, `watched` is who looks on.

mod api;
mod bind;
mod body;
mod connection;
mod cors;
mod door;
mod edge;
mod failure;
mod files;
mod function;
mod headers;
mod meter;
mod publish;
mod refusal;
mod site;
mod sockets;
mod watched;

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Frame;
use hyper::{Response, StatusCode, header};
use tokio_stream::wrappers::ReceiverStream;

pub(crate) use api::ApiRoutes;
pub use bind::taken_by;
pub(crate) use bind::{Bound, PortOf, Taken, bind};
pub(crate) use body::BodyShare;
pub use connection::connections;
pub(crate) use connection::{most_connections, serve};
pub(crate) use door::Door;
pub use edge::Edge;
pub(crate) use failure::Failure;
pub(crate) use headers::refuse_foreign_origin;
pub(crate) use publish::check_json;
pub use sockets::read_frame;
pub(crate) use sockets::{Recorded, Room, Rooms, SocketHandlers, left_open};

/// A whole response, or one that comes in pieces.
pub(crate) type Body = Either<Full<Bytes>, StreamBody<ReceiverStream<Result<Frame<Bytes>, Infallible>>>>;

/// Said with an answer that may take its client long: how much longer once the server stops.
#[derive(Debug, Clone, Copy)]
struct LastWords(std::time::Duration);

/// A body that is sent as the other end of the channel fills it.
pub(crate) fn streamed(pieces: tokio::sync::mpsc::Receiver<Result<Frame<Bytes>, Infallible>>) -> Body {
    Either::Right(StreamBody::new(ReceiverStream::new(pieces)))
}

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// A JSON response.
pub(crate) fn json(status: StatusCode, value: &impl serde::Serialize) -> Response<Body> {
    let mut response = Response::new(full(serde_json::to_vec(value).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
