//! A project's routes: a request becomes an invocation, its outcome a response.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use less_project::{Api, Found, Routes};
use less_protocol::{Input, RequestHead};
use tokio::time::Instant;
use uuid::Uuid;

use super::body::Upload;
use super::cors::{Origins, preflight, preflight_response};
use super::watched::id_of;
use super::{Body, Failure, full, headers};
use crate::clock::{self, millis};
use crate::limits;
use crate::registry::{Live, Registry};
use crate::workers::{Handler, Held, Invocation, Outcome};

/// One API of a live version: where a path leads.
pub struct ApiRoutes {
    routes: Routes,
    timeout: Duration,
    /// By the route's place in the API.
    handlers: Vec<Handler>,
    pub(super) origins: Origins,
}

impl ApiRoutes {
    /// `handlers`: in the order of `api.routes`.
    pub fn new(api: &Api, handlers: Vec<Handler>) -> Self {
        let origins = Origins::new(api.cors_origins.as_deref());
        Self { routes: Routes::new(api), timeout: api.timeout, handlers, origins }
    }
}

/// Where a request goes: the API, and the path below it (`/orders/7`), not decoded.
pub(super) struct Target<'a> {
    pub(super) project: &'a str,
    pub(super) api: &'a str,
    pub(super) path: &'a str,
}

/// Answers a request for an API; failures too, so that pages of any origin can read them.
pub(super) async fn answer(
    registry: &Registry,
    target: Target<'_>,
    head: &Parts,
    upload: &mut Upload,
) -> Response<Body> {
    let id = id_of(head);
    let mut response = match run(registry, &target, head, upload, id).await {
        Ok(response) => response,
        Err(failure) => failure.response(id),
    };
    match registry.live(target.project).and_then(|live| live.apis.get(target.api).map(|api| api.origins.clone())) {
        Some(origins) => origins.allow(&head.headers, response.headers_mut()),
        None => Origins::default().allow(&head.headers, response.headers_mut()),
    }
    response
}

async fn run(
    registry: &Registry,
    target: &Target<'_>,
    head: &Parts,
    upload: &mut Upload,
    id: Uuid,
) -> Result<Response<Body>, Failure> {
    let mut live = registry.live(target.project).ok_or_else(|| registry.absent(target.project))?;
    if let Some(asked) = preflight(&head.method, &head.headers) {
        let api = live.apis.get(target.api).ok_or(Failure::NotFound)?;
        return permitted(&api.routes, asked, target.path, head);
    }
    // Found before the body is read: what goes nowhere is not received.
    let mut route = find(&live, target, &head.method)?;
    // Nor is what would be refused.
    Place::look(&live, &route.handler)?;
    let (body, room) = upload.read(limits::BODY_BYTES, &live.bodies).await?;
    // Only now, so that slow clients take nobody's place.
    let place = Place::take(&live, &route.handler)?;
    let received = Received {
        id,
        head,
        body,
        at: Instant::now(),
        at_ms: u64::try_from(clock::now_ms()).unwrap_or(0),
        held: Some(Arc::new((room, place))),
    };
    loop {
        let pool = route.handler.pool.clone();
        let invocation = received.invocation(route, target);
        let outcome = pool.invoke(&invocation).await;
        if matches!(outcome, Outcome::NotBegun)
            && let Some(newer) = registry.live(target.project).filter(|newer| !Arc::ptr_eq(newer, &live))
        {
            // A deploy switched versions before it began: it runs on the new one.
            route = find(&newer, target, &head.method)?;
            live = newer;
            continue;
        }
        return respond(&live, &invocation, outcome);
    }
}

/// What a browser may send to a path, when it asks before it does.
pub(super) fn permitted(routes: &Routes, asked: &str, path: &str, head: &Parts) -> Result<Response<Body>, Failure> {
    match routes.find(asked, path) {
        Found::Route { .. } => Ok(preflight_response(&head.headers, asked)),
        Found::WrongVerb { allow } => Ok(preflight_response(&head.headers, &allow.join(", "))),
        Found::None => Err(Failure::NotFound),
    }
}

/// A place among the requests of a version that run or wait.
pub(super) struct Place(Weak<Live>);

impl Place {
    /// Whether there is one.
    pub(super) fn look(live: &Live, handler: &Handler) -> Result<(), Failure> {
        let is_full = live.admission.available_permits() == 0;
        if is_full || handler.pool.is_overloaded(handler.place) { Err(Failure::Busy) } else { Ok(()) }
    }

    pub(super) fn take(live: &Arc<Live>, handler: &Handler) -> Result<Self, Failure> {
        Self::look(live, handler)?;
        live.admission.try_acquire().map_err(|_| Failure::Busy)?.forget();
        Ok(Self(Arc::downgrade(live)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(live) = self.0.upgrade() {
            live.admission.add_permits(1);
        }
    }
}

/// A route that matches, with its parameters and its handler.
struct Matched {
    params: Vec<(String, String)>,
    timeout: Duration,
    handler: Handler,
}

fn find(live: &Live, target: &Target<'_>, method: &Method) -> Result<Matched, Failure> {
    let api = live.apis.get(target.api).ok_or(Failure::NotFound)?;
    let (index, params) = route(&api.routes, method, target.path)?;
    Ok(Matched { params, timeout: api.timeout, handler: api.handlers[index].clone() })
}

/// The place of the route that answers, and its parameters.
pub(super) fn route(routes: &Routes, method: &Method, path: &str) -> Result<(usize, Vec<(String, String)>), Failure> {
    match routes.find(method.as_str(), path) {
        Found::Route { index, params, .. } => Ok((index, params)),
        Found::WrongVerb { allow } => Err(Failure::WrongVerb { allow: allow.join(", ") }),
        Found::None => Err(Failure::NotFound),
    }
}

/// A request that came whole, and when: a second try on a newer version gets no more time.
struct Received<'a> {
    id: Uuid,
    head: &'a Parts,
    body: Bytes,
    at: Instant,
    /// The same moment, in milliseconds since 1970.
    at_ms: u64,
    held: Held,
}

impl Received<'_> {
    fn invocation(&self, route: Matched, target: &Target<'_>) -> Invocation {
        let head = told(self.head, &self.body, target.path, route.params);
        let head = serde_json::to_vec(&head).unwrap_or_default().into();
        Invocation {
            id: self.id,
            trace: self.id,
            handler: route.handler.place,
            path: route.handler.path,
            timeout: route.timeout,
            origin: None,
            depth: 0,
            alone: false,
            held: self.held.clone(),
            deadline: self.at + route.timeout,
            deadline_ms: self.at_ms + millis(route.timeout),
            input: Input::Request { head, body: self.body.clone() },
        }
    }
}

/// What a handler is told of a request beside its body.
pub(super) fn told(head: &Parts, body: &Bytes, path: &str, params: Vec<(String, String)>) -> RequestHead {
    RequestHead {
        method: head.method.as_str().to_owned(),
        path: path.to_owned(),
        headers: headers::for_handler(&head.headers),
        query: less_project::parse_query(head.uri.query().unwrap_or_default()),
        params,
        is_base64: std::str::from_utf8(body).is_err(),
    }
}

fn respond(live: &Live, invocation: &Invocation, outcome: Outcome) -> Result<Response<Body>, Failure> {
    let tell = |text: &str| live.services.tell(&invocation.path, invocation.id, text.to_owned());
    match outcome {
        Outcome::Returned(bytes) => render(bytes).ok_or_else(|| {
            tell("the response is not valid HTTP");
            Failure::HandlerFailed
        }),
        Outcome::Threw { thrown, .. } => {
            live.services.tell_stack(&invocation.path, invocation.id, &thrown);
            Err(Failure::HandlerFailed)
        }
        Outcome::ResponseTooLarge(thrown) => {
            tell(&thrown.message);
            Err(Failure::ResponseTooLarge { most: limits::BODY_BYTES })
        }
        Outcome::TimedOut { limit } => {
            tell(&format!("the handler did not finish within its {} s; the client got 504", limit.as_secs_f64()));
            Err(Failure::TimedOut)
        }
        Outcome::WorkerLost { .. } => {
            tell("the process that ran the handler was lost; the client got 502");
            Err(Failure::WorkerLost)
        }
        Outcome::NotBegun => Err(Failure::Busy),
    }
}

/// `None` when a header or the status is not valid HTTP.
pub(super) fn render(bytes: Bytes) -> Option<Response<Body>> {
    let returned = less_protocol::Response::decode(bytes).ok()?;
    let mut response = Response::new(full(returned.body));
    *response.status_mut() = StatusCode::from_u16(returned.status).ok()?;
    for (name, value) in returned.headers {
        let name = HeaderName::try_from(name).ok()?;
        if !headers::is_ours(&name) {
            response.headers_mut().try_append(name, HeaderValue::try_from(value).ok()?).ok()?;
        }
    }
    if response.status() == StatusCode::NO_CONTENT || response.status() == StatusCode::NOT_MODIFIED {
        *response.body_mut() = full("");
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    Some(response)
}
