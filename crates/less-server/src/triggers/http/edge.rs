//! The HTTP edge without anything behind it, for fuzzing: a client's bytes in, what a handler would be told; a
//! handler's bytes in, what the client gets. Every step is the server's own; only the worker is the caller's.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use less_project::{Api, Routes};
use less_protocol::RequestHead;
use tokio::io::{AsyncRead, AsyncWrite};
use uuid::Uuid;

use super::api::{permitted, render, route, told};
use super::body::{BodyShare, Rest, Upload};
use super::connection::{leave, protocol};
use super::cors::{Origins, preflight};
use super::meter::{Meter, Metered};
use super::{Body, Failure, headers};
use crate::limits;
use crate::tasks::Tasks;

/// One API, at `/`, whose handlers are whoever calls [`Edge::serve`].
pub struct Edge {
    routes: Routes,
    origins: Origins,
    bodies: BodyShare,
}

impl Edge {
    pub fn new(api: &Api) -> Self {
        let origins = Origins::new(api.cors_origins.as_deref());
        Self { routes: Routes::new(api), origins, bodies: BodyShare::default() }
    }

    /// Serves a client to the end of its connection. `handle` gets the place of the route, and returns the bytes of a
    /// reply as a worker sends them.
    pub async fn serve<S>(&self, stream: S, handle: impl Fn(usize, &RequestHead, &Bytes) -> Bytes)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (tasks, meter) = (Tasks::new(), Arc::new(Meter::default()));
        let service = service_fn(|request| async {
            let (mut response, rest) = self.answer(request, &handle).await;
            meter.answered();
            leave(&mut response, rest, &tasks, meter.clone());
            Ok::<_, Infallible>(response)
        });
        let io = TokioIo::new(Metered::new(stream, meter.clone(), None));
        // How it ended, the client saw.
        protocol().serve_connection(io, service).await.ok();
        tasks.drain(limits::DISCARD_TIME).await;
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        handle: &impl Fn(usize, &RequestHead, &Bytes) -> Bytes,
    ) -> (Response<Body>, Option<Rest>) {
        let (head, body) = request.into_parts();
        let mut upload = Upload::new(&head.headers, body);
        let answered = async {
            headers::check_host(&head).and_then(|()| headers::check_framing(&head.headers))?;
            let path = head.uri.path();
            if let Some(asked) = preflight(&head.method, &head.headers) {
                return permitted(&self.routes, asked, path, &head);
            }
            let (index, params) = route(&self.routes, &head.method, path)?;
            let (body, _room) = upload.read(limits::BODY_BYTES, &self.bodies).await?;
            let reply = handle(index, &told(&head, &body, path, params), &body);
            render(reply).ok_or(Failure::HandlerFailed)
        };
        let mut response = answered.await.unwrap_or_else(|failure| failure.response(Uuid::nil()));
        self.origins.allow(&head.headers, response.headers_mut());
        (response, upload.rest())
    }
}
