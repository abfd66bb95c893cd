//! A door that somebody watches: each request that goes through is told of when it is answered, or when its client left.

use std::time::Instant;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use uuid::Uuid;

use super::body::Rest;
use super::{Body, Door};
use crate::clock;
use crate::seen::{self, Echo, Seen};
use crate::tasks::Tasks;

/// A request's id when somebody outside the routes wants to know it; what handlers print has the same.
#[derive(Debug, Clone, Copy)]
struct GivenId(Uuid);

/// The id of a request: as it was given, else a new one.
pub(super) fn id_of(head: &Parts) -> Uuid {
    head.extensions.get::<GivenId>().map_or_else(Uuid::now_v7, |given| given.0)
}

/// Lets a request through `door`; `api` is how it is named.
pub(super) async fn answer(
    door: &Door,
    api: &str,
    echo: &Echo,
    mut request: Request<Incoming>,
    tasks: &Tasks,
) -> (Response<Body>, Option<Rest>) {
    let id = Uuid::now_v7();
    request.extensions_mut().insert(GivenId(id));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut watched = Watched { api, echo, id, method, path, began: Instant::now(), status: None };
    let answered = Box::pin(door.answer(request, tasks)).await;
    watched.status = Some(answered.0.status().as_u16());
    answered
}

/// Tells when it is dropped: with the answer, or because nobody waits for one any more.
struct Watched<'a> {
    api: &'a str,
    echo: &'a Echo,
    id: Uuid,
    method: Method,
    path: String,
    began: Instant,
    status: Option<u16>,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        (self.echo)(Seen::Request(seen::Request {
            time: clock::now_ms(),
            api: self.api,
            invocation: self.id,
            method: self.method.as_str(),
            path: &self.path,
            status: self.status,
            took: self.began.elapsed(),
        }));
    }
}
